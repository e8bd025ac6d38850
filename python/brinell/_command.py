"""Commands of the command line in a process of their own: the keywords are its flags, so that names, defaults and errors are its own."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from . import _models
from ._audit import Path
from ._errors import INTERRUPTED, Interrupted, error_of
from ._settings import FORMS, words

_UNRELIABLE = 2


@contextlib.contextmanager
def places(folder: Path | None) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """Yields the folder of a run, and one for the files that it needs; without `folder`, both are temporary."""
    with tempfile.TemporaryDirectory(prefix="brinell-") as temporary:
        if folder is None:
            yield pathlib.Path(temporary, "run"), pathlib.Path(temporary, "inputs")
        else:
            out = pathlib.Path(folder)
            # The folder of the run must not exist before it begins.
            yield out, out.with_name(f"{out.name}-inputs")


def several(models: Any, x: Any, folder: pathlib.Path) -> list[str]:
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


def command(name: str, positional: list[str], given: Mapping[str, Any], progress: bool) -> dict[str, Any]:
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
