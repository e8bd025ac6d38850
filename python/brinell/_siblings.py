"""`brinell.certify`, `transfer` and `harden`: the commands of these names, in a process of their own.

The keywords are the flags of the command line, so that names, defaults and errors are its own.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from typing import Any

from . import _models
from ._audit import Path, _files
from ._errors import INTERRUPTED, Interrupted, error_of
from ._settings import FORMS, words

_UNRELIABLE = 2


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
    with tempfile.TemporaryDirectory(prefix="brinell-") as temporary:
        out = pathlib.Path(temporary if folder is None else folder)
        files = _files(model, x, y, data, labels, None, _inputs(out, temporary))
        summary = _command("certify", [str(files.pop("model"))], {**files, "out": out / "run" if folder is None else out, **flags}, progress)
        lines = pathlib.Path(out / "run" if folder is None else out, "certify.jsonl").read_text().splitlines()
        return {**summary, "samples": [json.loads(line) for line in lines]}


def transfer(
    sources: Any,
    x: Any = None,
    y: Any = None,
    *,
    targets: Any = (),
    data: Path | None = None,
    labels: Path | str | int | None = None,
    folder: Path | None = None,
    progress: bool = True,
    **flags: Any,
) -> dict[str, Any]:
    """Makes adversarial examples on some models and says how many fool others.

    Args:
        sources: Models that examples are made on (`--from`): one or a list, each as in `brinell.audit`.
        targets: Models that are asked about them (`--to`); by default the sources.
        flags: Those of `brinell transfer --help`, with `_` for `-`: `eps`, `attack`, `ensemble`, `models`, ..

    Returns:
        What `brinell transfer --json` prints: models, cells with exact intervals, controls, tests. A model that does no better than guessing makes a cell
        meaningless; `models` has each one's accuracy.

    Raises:
        UsageError: models, images or flags cannot be used.
    """
    with tempfile.TemporaryDirectory(prefix="brinell-") as temporary:
        out = pathlib.Path(temporary if folder is None else folder)
        inputs = _inputs(out, temporary)
        files = _files("", x, y, data, labels, None, inputs)
        del files["model"]
        named = {"from": _several(sources, x, inputs / "from"), "to": _several(targets, x, inputs / "to")}
        return _command("transfer", [], {**named, **files, "out": out / "run" if folder is None else out, **flags}, progress)


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
    with tempfile.TemporaryDirectory(prefix="brinell-") as temporary:
        kept = pathlib.Path(temporary if folder is None else folder)
        files = _files(model, x, y, data, labels, None, _inputs(kept, temporary))
        given = {**files, "out": out, "folder": kept / "run" if folder is None else kept, **flags}
        return _command("harden", [str(given.pop("model"))], given, progress)


def _inputs(folder: pathlib.Path, temporary: str) -> pathlib.Path:
    """Returns where files are written that are none yet: beside the folder of the run, which must not exist before it begins."""
    return folder / "inputs" if str(folder) == temporary else folder.with_name(f"{folder.name}-inputs")


def _several(models: Any, x: Any, folder: pathlib.Path) -> list[str]:
    several = models if isinstance(models, (list, tuple)) else [models]
    found = []
    for place, model in enumerate(several):
        inputs = folder / str(place)
        if not isinstance(model, (str, os.PathLike)):
            inputs.mkdir(parents=True, exist_ok=True)
        found.append(_models.artefact(model, x, inputs))
    return found


def _flags(given: Mapping[str, Any]) -> Iterable[str]:
    for name, value in given.items():
        flag = name.replace("_", "-")
        if value is None or value is False:
            continue
        if flag in FORMS:
            ((_, values),) = words({name: value})
            parts = [",".join(values)] if FORMS[flag] == "list" else values
        else:
            parts = [] if value is True else [str(part) for part in (value if isinstance(value, (list, tuple)) else [value])]
            if not parts and value is not True:
                continue
        yield from [f"--{flag}={part}" for part in parts] or [f"--{flag}"]


def _command(name: str, positional: list[str], given: Mapping[str, Any], progress: bool) -> dict[str, Any]:
    """Runs a command and returns the JSON that it prints."""
    arguments = [name, *positional, *_flags(given), "--json"]
    return dict(json.loads(printed(arguments, progress=progress, folder=str(given.get("folder") or given.get("out")))))


def printed(arguments: list[str], *, progress: bool, folder: str) -> str:
    """Runs the command line and returns what it prints; what it says meanwhile is shown, and its error is raised.

    Raises:
        BrinellError: The one that stands for the exit code.
    """
    errors: list[str] = []
    # A pipe that nobody reads would stop the command in the middle of a long answer.
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as answer,
        subprocess.Popen(
            [sys.executable, "-m", "brinell", *arguments], stdout=answer, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        ) as process,
    ):
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if errors or line.startswith("error: "):
                    errors.append(line)
                elif progress:
                    print(line, end="", file=sys.stderr, flush=True)
            code = process.wait()
            answer.seek(0)
            text = answer.read()
        except KeyboardInterrupt:
            # The command got the signal too, and keeps what it has.
            process.terminate()
            process.wait()
            raise Interrupted(folder) from None
    if code == INTERRUPTED:
        raise Interrupted(folder)
    if code not in (0, _UNRELIABLE) or not text:
        said = "".join(errors).removeprefix("error: ").strip()
        message, *hints = said.split("\nhint: ")
        raise error_of(code, message or f"brinell {arguments[0]} ended with exit code {code}", hints)
    return text
