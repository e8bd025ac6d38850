"""Model cards of Hugging Face: `brinell.huggingface.model_index(result, name=.., dataset=..)` gives the figures of results as metadata of a card."""

from __future__ import annotations

import os
from typing import Any

from ._audit import Path
from ._errors import UsageError
from ._result import Result
from ._command import printed


def model_index(*results: Result | Path, name: str, dataset: str, dataset_name: str | None = None) -> dict[str, Any]:
    """Returns clean and robust accuracy with their intervals as `{"model-index": [..]}`, for `huggingface_hub.metadata_update`. Needs the package huggingface_hub.

    Nothing is sent anywhere: `huggingface_hub.metadata_update(repository, model_index(..))` adds the figures to the card of a repository,
    `huggingface_hub.metadata_save("README.md", model_index(..))` writes them into a file.

    Args:
        results: Audits of one model on the same data, such as under several norms; or the folders of runs.
        name: Name of the model.
        dataset: Id of the data set on the hub, such as `"uoft-cs/cifar10"`.
        dataset_name: What the data set is called; by default its id. The number of samples is put in front of it.

    Raises:
        UsageError: There is no result, or the results are of several models or data sets.
        UnreliableError: A blocking flag makes the figures of a result unreliable.
    """
    import yaml  # type: ignore[import-not-found,import-untyped,unused-ignore]

    several = [result if isinstance(result, Result) else Result(os.fspath(result)) for result in results]
    if not several:
        raise UsageError("give the result of at least one audit")
    for what, known in (("models", {result.model_sha256 for result in several}), ("data sets", {result.summary["data"]["sha256"] for result in several})):
        if len(known) > 1:
            raise UsageError(f"the results are of {len(known)} {what}, but a model index is about one; call it once for each")
    folders = [str(result.folder) for result in several]
    text = printed(["report", "--format", "huggingface", "--out", "-", "--", *folders], progress=False, folder=folders[0])
    index: dict[str, Any] = yaml.safe_load(text.strip().removeprefix("---").removesuffix("---"))
    (model,) = index["model-index"]
    model["name"] = name
    for entry, result in zip(model["results"], several, strict=True):
        # A revision on the hub is one of its repository, not the digest of what was audited.
        entry["dataset"] = {"type": dataset, "name": f"{result.n} samples of {dataset_name or dataset}", "args": {"sha256": entry["dataset"]["revision"]}}
    return index
