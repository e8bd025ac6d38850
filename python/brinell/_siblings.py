"""What is asked of one model, or of several in turn, by commands of the command line: certificates, training, defences and ranks."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from ._audit import Path, _files
from ._command import command, places, printed, several


def certify(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    folder: Path | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Proves which samples no allowed change can break.

    `flags` are those of `brinell certify --help`, with `_` for `-`: `eps`, `norm`, `timeout`, `largest`, `resume`, .. `model`, `x`, `y`, `data` and `labels` are as
    in `brinell.audit`.

    Returns:
        What `brinell certify --json` prints, with the lines of all samples under `samples`.

    Raises:
        UsageError: model, data or flags cannot be used.
    """
    return _with_samples("certify", "certify.jsonl", model, x, y, data, labels, folder, progress, flags)


def smooth(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    sigma: float | str,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    folder: Path | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Certifies the smoothed classifier: the class that the model gives most often under noise of standard deviation `sigma`, in units of the input.

    `flags` are those of `brinell smooth --help`, with `_` for `-`: `eps`, `norm`, `noise`, `votes`, `alpha`, `largest`, ..

    Returns:
        What `brinell smooth --json` prints, with the lines of all samples under `samples`.

    Raises:
        UsageError: model, data or flags cannot be used.
    """
    return _with_samples("smooth", "smooth.jsonl", model, x, y, data, labels, folder, progress, {"sigma": sigma, **flags})


def _with_samples(
    name: str, record: str, model: Any, x: Any, y: Any, data: Any, labels: Any, folder: Path | None, progress: bool, flags: dict[str, Any]
) -> dict[str, Any]:
    with places(folder) as (out, inputs):
        files = _files(model, x, y, data, labels, None, inputs)
        summary = command(name, [str(files.pop("model"))], {**files, "out": out, **flags}, progress)
        lines = pathlib.Path(out, record).read_text(encoding="utf-8").splitlines()
        return {**summary, "samples": [json.loads(line) for line in lines]}


def harden(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    out: Path,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    folder: Path | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Trains a model against attacks, writes its ONNX file with new numbers to `out`, and shows gain and price.

    `flags` are those of `brinell harden --help`, with `_` for `-`: `eps`, `norm`, `method`, `epochs`, `budget`, ..

    Returns:
        What `brinell harden --json` prints.

    Raises:
        UsageError: model, data or flags cannot be used.
        UnreliableError: training broke down, or nothing was gained.
    """
    with places(folder) as (kept, inputs):
        files = _files(model, x, y, data, labels, None, inputs)
        return command("harden", [str(files.pop("model"))], {**files, "out": out, "folder": kept, **flags}, progress)


def race(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    defences: str | list[str],
    data: Path | None = None,
    labels: Path | str | int | None = None,
    folder: Path | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Races defences of a model against attackers who know them more and more.

    `defences` are transforms such as `"bits:3"` or `"bits:3,median:3"`, and detectors such as `"squeeze:bits:1+median:2"`. `flags` are those of `brinell race --help`,
    with `_` for `-`: `eps`, `norm`, `calibrate`, `fpr`, `rival`, `fresh`, ..

    Returns:
        What `brinell race --json` prints: a round for each defence, with its moves and verdict.

    Raises:
        UsageError: model, data, defences or flags cannot be used.
    """
    with places(folder) as (out, inputs):
        files = _files(model, x, y, data, labels, None, inputs)
        return command("race", [str(files.pop("model"))], {**files, "with": defences, "out": out, **flags}, progress)


def transform(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    transforms: str,
    out: Path,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Puts transforms of the input, such as `"bits:3,jpeg:75"`, in front of a model, and writes the ONNX file `out`.

    `flags` are those of `brinell defend transform --help`, with `_` for `-`: `max_clean_loss`, `force`, ..

    Returns:
        What `brinell defend transform --json` prints: accuracy and latency with and without the transforms.

    Raises:
        UsageError: model, data or flags cannot be used, or the transforms cost more accuracy than `max_clean_loss`.
    """
    return _defend("transform", model, x, y, data, labels, progress, {"with": transforms, "out": out, **flags})


def detect(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    detector: str,
    out: Path,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Puts a detector, such as `"squeeze:bits:1+median:2"`, behind a model, and writes the ONNX file `out`. Its threshold is found on the samples given.

    `flags` are those of `brinell defend detect --help`, with `_` for `-`: `fpr`, `fresh`, `fresh_labels`, ..

    Returns:
        What `brinell defend detect --json` prints: the threshold, and the share of ordinary samples that it refuses with its bound.

    Raises:
        UsageError: model, data or flags cannot be used, or the samples are too few for `fpr`.
    """
    return _defend("detect", model, x, y, data, labels, progress, {"with": detector, "out": out, **flags})


def _defend(kind: str, model: Any, x: Any, y: Any, data: Any, labels: Any, progress: bool, flags: dict[str, Any]) -> dict[str, Any]:
    with places(None) as (_, inputs):
        files = _files(model, x, y, data, labels, None, inputs)
        return command("defend", [kind, str(files.pop("model"))], {**files, **flags}, progress)


def rank(
    models: Any,
    x: Any = None,
    y: Any = None,
    *,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    folder: Path | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Audits several models on the same samples and ranks them; models that do not differ share a rank.

    Args:
        models: A list of models, each as in `brinell.audit`.
        flags: Those of `brinell rank --help`, with `_` for `-`: `eps`, `norm`, `suite`, `no_distances`, ..

    Returns:
        What `brinell rank --json` prints.

    Raises:
        UsageError: models, data or flags cannot be used.
    """
    with places(folder) as (out, inputs):
        files = _files("", x, y, data, labels, None, inputs)
        del files["model"]
        return command("rank", several(models, x, inputs / "models"), {**files, "out": out, **flags}, progress)


def doctor() -> str:
    """Returns which runtimes were found and what would make audits faster, as `brinell doctor` prints it."""
    return printed(["doctor"], progress=False, folder="")
