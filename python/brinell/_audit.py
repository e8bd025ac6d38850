"""`brinell.audit` and its siblings."""

from __future__ import annotations

import inspect as signatures
import json
import os
import pathlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import _data, _models, _native, _runtime
from ._errors import UnreliableError, UsageError, raising
from ._progress import Progress, listener
from ._result import Result
from ._settings import names, words

Path = str | os.PathLike[str]


def audit(
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    classes: Path | Sequence[str] | None = None,
    norm: str | None = "linf",
    features: Iterable[Mapping[str, Any]] = (),
    folder: Path | None = None,
    resume: bool = False,
    progress: bool | Progress = True,
    strict: bool = False,
    **settings: Any,
) -> Result:
    """Attacks a model on labelled samples and returns which samples survive.

    `settings` are those of the command line (`brinell audit --help`, `docs/settings.md`), with `_` for `-`: the same names, meanings and defaults. The most
    used: `eps`, `suite`, `attack`, `scale`, `mean`, `std`, `task`, `target`, `limit`, `seed`, `runtime`, `threads`.

    Args:
        model: The path of an ONNX file, its bytes, an `onnx.ModelProto`, a `torch.nn.Module` in evaluation mode, a fitted scikit-learn, XGBoost or
            LightGBM classifier, or the address of a server that speaks the Open Inference Protocol. A module or an estimator is exported to ONNX; what
            is judged is the exported file, after it was compared with the object.
        x: Samples `[n, ..]` as an array of numbers, or a data frame `[n, features]` whose columns keep their names. `data` names files instead.
        y: Class numbers `[n]`, or one-hot rows `[n, K]`; what is right in the terms of another `task`, such as numbers or several labels a sample.
        data, labels, classes: Files in place of `x` and `y`, and the names of the classes, as a file or a list.
        norm: `"linf"`, `"l2"`, `"l1"` or `"l0"`.
        eps: Radius in units of `scale`: a number or text such as `"8/255"`. Needed unless `minimum_norm` is given.
        scale: Range of the values in `x`, such as `(0, 1)` (the default) or `(0, 255)`; `"data"` measures each feature by its own range (the default for
            tables).
        mean, std: What the model expects to be subtracted and divided by, in units of `scale`; one for all or one per channel.
        features: Rules of the features of a table, as in `brinell.toml`: mappings with `columns` and `min`, `max`, `integer`, `change`, ..
        folder: Folder of the run, kept. Without it the run is deleted with the result.
        resume: Go on with the run in `folder`.
        progress: `True` writes to standard error; a callable gets `(stage, done, total, surviving)` and stops the run by returning `False`.
        strict: Raise where a blocking flag makes the figures unreliable, instead of warning.

    Returns:
        The result: rates with exact intervals, the fate of every sample, adversarial examples, flags.

    Raises:
        UsageError: model, data or settings cannot be used; the text says what to do.
        StaleError: the run in `folder` was made with another model, other data or other settings.
        UnreliableError: with `strict`, where a blocking flag is raised.
        Interrupted: Ctrl-C, or `progress` returned `False`; the folder can be resumed.
    """
    if (x is None) == (data is None):
        raise UsageError("give the samples either as x or, in a file, as data")
    if y is not None and labels is not None:
        raise UsageError("give the labels either as y or, in a file, as labels")
    if resume and folder is None:
        raise UsageError("resume needs the folder of the run")
    _runtime.find()
    temporary = folder is None
    out = pathlib.Path(tempfile.mkdtemp(prefix="brinell-") if folder is None else folder)
    given: dict[str, Any] = {"norm": norm, **settings}
    try:
        inputs = out / "inputs"
        if x is not None or y is not None or not isinstance(model, (str, os.PathLike)) or not isinstance(classes, (str, os.PathLike, type(None))):
            inputs.mkdir(parents=True, exist_ok=True)
        given |= {
            "model": _models.artefact(model, x, inputs),
            "data": data if x is None else _data.write_samples(x, inputs),
            "labels": labels if y is None else _data.write_labels(y, len(x) if x is not None else None, inputs),
            "classes": _class_names(classes, inputs),
        }
        with raising(str(out)):
            _native.audit(words(given), json.dumps([dict(rule) for rule in features]), out, resume, "brinell.audit(..)", listener(progress))
    except Exception:
        # What was interrupted can be resumed, and is no `Exception`.
        if temporary:
            shutil.rmtree(out, ignore_errors=True)
        raise
    result = Result(out, temporary=temporary)
    if result.blocking:
        text = "; ".join(flag.message for flag in result.blocking)
        if strict:
            raise UnreliableError(text)
        warnings.warn(f"the figures are unreliable: {text}", stacklevel=2)
    return result


def _with_settings(function: Callable[..., Result]) -> signatures.Signature:
    """Returns the signature in which every setting of the command line has its place, for help and completion."""
    signature = signatures.signature(function)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    taken = {parameter.name for parameter in own}
    more = [signatures.Parameter(name, signatures.Parameter.KEYWORD_ONLY, default=None) for name in names() if name not in taken]
    return signature.replace(parameters=[*own, *more])


audit.__signature__ = _with_settings(audit)  # type: ignore[attr-defined]


def _class_names(classes: Path | Sequence[str] | None, folder: pathlib.Path) -> Path | None:
    if classes is None or isinstance(classes, (str, os.PathLike)):
        return classes
    path = folder / "classes.json"
    path.write_text(json.dumps(list(classes)))
    return path


def load(folder: Path) -> Result:
    """Reads a finished run, after checking that its files agree.

    Raises:
        StaleError: they do not.
        UsageError: there is no finished run.
    """
    return Result(os.fspath(folder))


def compare(a: Result | Path, b: Result | Path) -> dict[str, Any]:
    """Compares two runs on the same samples, sample by sample, with exact tests. Returns what `brinell compare --json` prints."""
    with raising():
        return dict(json.loads(_native.compare(_folder(a), _folder(b))))


def inspect(model: Any, **ports: Any) -> dict[str, Any]:
    """Says what a model is and what can be done with it: inputs, outputs, operators, whether it has a gradient.

    `ports` are `input`, `output`, `threshold` and `shape`, as in `audit`.
    """
    with tempfile.TemporaryDirectory(prefix="brinell-") as folder, raising():
        return dict(json.loads(_native.inspect(_models.artefact(model, None, pathlib.Path(folder)), words(ports))))


def gradient(model: Any, loss: str = "ce", **ports: Any) -> bytes:
    """Returns an ONNX file that computes the logits, the loss and the gradient of the loss with respect to the attacked input.

    Its inputs are the model's own and `label_one_hot` `[B, K]`; its outputs `logits` `[B, K]`, `loss` `[B]` and `gradient`.
    """
    _runtime.find()
    with tempfile.TemporaryDirectory(prefix="brinell-") as folder, raising():
        return _native.gradient(_models.artefact(model, None, pathlib.Path(folder)), loss, words(ports))


def check(claims: Path | Sequence[Path], *, budget: float | None = None, fresh: bool = False, **running: Any) -> list[dict[str, Any]]:
    """Decides claims about models and keeps the evidence beside them, as `brinell check`. `budget` is in seconds.

    Returns the verdicts: dictionaries with the keys of `brinell check --json`, of which `verdict` is one of `proven`, `supported`, `refuted`,
    `undecided`, `stale`.
    """
    _runtime.find()
    files = [claims] if isinstance(claims, (str, os.PathLike)) else list(claims)
    with raising():
        return list(json.loads(_native.check(files, words(running), budget, fresh, "brinell.check(..)")))


def replay(evidence: Result | Path, *, model: Path | None = None, data: Path | None = None, **running: Any) -> list[dict[str, Any]]:
    """Judges the counterexamples of a run or of a claim again, on the original file, with every runtime there is."""
    _runtime.find()
    with raising():
        return list(json.loads(_native.replay(_folder(evidence), model, data, words(running))))


def _folder(run: Result | Path) -> Path:
    return run.folder if isinstance(run, Result) else run
