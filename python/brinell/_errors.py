"""Exceptions. Their texts are those of the command line."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator

from . import _native


class BrinellError(Exception):
    """Base class of all errors of this package."""

    hints: tuple[str, ...] = ()
    """What can be done about it."""


class UsageError(BrinellError, ValueError):
    """A model, data or settings that cannot be used (exit code 4 of the command line)."""


class StaleError(BrinellError):
    """A record, its model or its data changed since the record was written (exit code 3)."""


class UnreliableError(BrinellError):
    """A blocking flag makes the result unreliable, and `strict=True` was given (exit code 2)."""


class InternalError(BrinellError):
    """A fault of this package (exit code 5). Please report it."""


class Interrupted(KeyboardInterrupt):
    """The run was stopped. `folder` can be resumed with `resume=True`."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"stopped; continue with resume=True and folder={folder!r}")
        self.folder = folder


_CLASSES: dict[int, type[BrinellError]] = {2: UnreliableError, 3: StaleError, 4: UsageError, 5: InternalError}
INTERRUPTED = 130


def _in_python(hint: str) -> str:
    """Names the parameters in place of the flags of the command line."""
    return re.sub(r"--([a-z][a-z0-9-]*)", lambda flag: f"`{flag[1].replace('-', '_')}`", hint.replace("`--", "--"))


def error_of(code: int, message: str, hints: Iterable[str]) -> BrinellError:
    """Returns the exception that stands for an exit code of the command line."""
    own = tuple(_in_python(hint) for hint in hints)
    error = _CLASSES.get(code, BrinellError)("\n".join([message, *(f"hint: {hint}" for hint in own)]))
    error.hints = own
    return error


@contextlib.contextmanager
def raising(folder: str = "") -> Iterator[None]:
    """Turns an error of the native part into the exception that stands for it."""
    try:
        yield
    except _native.NativeError as error:
        code, message, hints = error.args
        if code == INTERRUPTED:
            raise Interrupted(folder) from None
        raise error_of(code, message, hints) from None
    except Interrupted:
        raise
    except KeyboardInterrupt:
        if not folder:
            raise
        raise Interrupted(folder) from None
