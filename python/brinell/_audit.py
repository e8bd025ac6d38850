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

from . import _data, _host, _models, _native, _runtime
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
    via: str = "onnx",
    outputs: str = "scores",
    **settings: Any,
) -> Result:
    """Attacks a model on labelled samples and returns which samples survive.

    `settings` are those of the command line (`brinell audit --help`, `docs/settings.md`), with `_` for `-`: the same names, meanings and defaults. The most
    used: `eps`, `suite`, `attack`, `scale`, `mean`, `std`, `task`, `target`, `limit`, `seed`, `runtime`, `threads`.

    Args:
        model: The path of an ONNX file, its bytes, an `onnx.ModelProto`, a `torch.nn.Module` in evaluation mode, a fitted scikit-learn, XGBoost or
            LightGBM classifier, or the address of a server that speaks the Open Inference Protocol. A module or an estimator is exported to ONNX; what
            is judged is the exported file, after it was compared with the object. Of a function from samples `[n, ..]` (float32, in units of `scale`) to
            scores `[n, K]` or class numbers `[n]`, and of an object with `logits(x) -> [n, K]` and `vjp(x, w) -> (logits, gradient of the sum of w *
            logits)`, the object itself is judged.
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
        via: How a torch module is attacked: as its ONNX export (`"onnx"`), or itself through its own autograd, on its own device (`"autograd"`).
        outputs: What a function returns: `"scores"` or `"labels"`.
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
    if resume and folder is None:
        raise UsageError("resume needs the folder of the run")
    _runtime.find()
    own = _host.host(model, x, y, via=via, outputs=outputs, classes=classes)
    temporary = folder is None
    out = pathlib.Path(tempfile.mkdtemp(prefix="brinell-") if folder is None else folder)
    given: dict[str, Any] = {"norm": norm, **settings}
    try:
        given |= _files(model if own is None else f"python:{own.name}", x, y, data, labels, classes, out / "inputs")
        with raising(str(out)):
            rules = json.dumps([dict(rule) for rule in features])
            if own is None:
                _native.audit(words(given), rules, out, resume, "brinell.audit(..)", listener(progress))
            else:
                _native.audit_host(words(given), rules, out, resume, "brinell.audit(..)", listener(progress), own)
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


def audit_shard(
    shard: str,
    model: Any,
    x: Any = None,
    y: Any = None,
    *,
    folder: Path,
    data: Path | None = None,
    labels: Path | str | int | None = None,
    classes: Path | Sequence[str] | None = None,
    norm: str | None = "linf",
    features: Iterable[Mapping[str, Any]] = (),
    progress: bool | Progress = True,
    **settings: Any,
) -> pathlib.Path:
    """Runs the attacks of an audit on one shard of the samples, or goes on with it, and returns its folder. `merge` makes one run of all shards.

    Args:
        shard: `"I/N"`, from `"0/N"` on: the samples whose place leaves I when divided by N. `"auto"` takes it from Slurm, Kubernetes or torchrun.
        model: As in `audit`, but no Python object that is judged itself.
        folder: Folder of the shard.
        x, y, data, labels, classes, norm, features, progress, settings: As in `audit`.

    Raises:
        UsageError, StaleError, Interrupted: As `audit`.
    """
    if (x is None) == (data is None):
        raise UsageError("give the samples either as x or, in a file, as data")
    if callable(model) and not isinstance(model, type) and _host.host(model, x, y, via="onnx", outputs="scores", classes=classes) is not None:
        raise UsageError("a function is audited on one machine; export the model to ONNX to divide its audit among several")
    _runtime.find()
    out = pathlib.Path(folder)
    given = _files(model, x, y, data, labels, classes, out / "inputs") | {"norm": norm, **settings}
    with raising(str(out)):
        rules = json.dumps([dict(rule) for rule in features])
        _native.audit_shard(words(given), rules, out, shard, f"brinell.audit_shard({shard!r}, ..)", listener(progress))
    return out


def merge(
    shards: Iterable[Path],
    *,
    folder: Path,
    model: Path | None = None,
    data: Path | None = None,
    labels: Path | None = None,
    classes: Path | None = None,
    mixed: bool = False,
    progress: bool | Progress = True,
    **running: Any,
) -> Result:
    """Makes one run of all its shards: the result equals that of `audit` on all samples.

    Every adversarial example is judged again on the original file; flags and rates are about all samples.

    Args:
        shards: Folders of all shards, in any order.
        folder: Folder of the merged run.
        model, data, labels, classes: Files, where they are no longer where the shards say.
        mixed: Take shards of processors with other instructions, which round differently, and flag it.
        running: What executes the model, where that is not as in the shards: `runtime`, `threads`, ..

    Raises:
        UsageError: shards are missing, there twice, unfinished or of different runs; the text names them.
        StaleError: model or data are others than those of the shards.
    """
    _runtime.find()
    given = words({"model": model, "data": data, "labels": labels, "classes": classes, **running})
    with raising():
        _native.merge([os.fspath(shard) for shard in shards], given, folder, mixed, "brinell.merge(..)", listener(progress))
    return Result(os.fspath(folder))


def _files(model: Any, x: Any, y: Any, data: Path | None, labels: Path | str | int | None, classes: Any, inputs: pathlib.Path) -> dict[str, Any]:
    """Returns the settings that name files, after writing those that are none yet into `inputs`."""
    if y is not None and labels is not None:
        raise UsageError("give the labels either as y or, in a file, as labels")
    if x is not None or y is not None or not isinstance(model, (str, os.PathLike)) or not isinstance(classes, (str, os.PathLike, type(None))):
        inputs.mkdir(parents=True, exist_ok=True)
    return {
        "model": _models.artefact(model, x, inputs),
        "data": data if x is None else _data.write_samples(x, inputs),
        "labels": labels if y is None else _data.write_labels(y, len(x) if x is not None else None, inputs),
        "classes": _class_names(classes, inputs),
    }


def _with_settings(function: Callable[..., Any]) -> signatures.Signature:
    """Returns the signature in which every setting of the command line has its place, for help and completion."""
    signature = signatures.signature(function)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind is not parameter.VAR_KEYWORD]
    taken = {parameter.name for parameter in own}
    more = [signatures.Parameter(name, signatures.Parameter.KEYWORD_ONLY, default=None) for name in names() if name not in taken]
    return signature.replace(parameters=[*own, *more])


for _function in (audit, audit_shard):
    setattr(_function, "__signature__", _with_settings(_function))


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
