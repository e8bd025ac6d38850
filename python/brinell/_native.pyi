"""The native part; everything public is in the package itself."""

import os
from collections.abc import Callable, Sequence

__all__ = [
    "__version__",
    "NativeError",
    "cli",
    "look_in",
    "settings",
    "audit",
    "audit_host",
    "audit_shard",
    "merge",
    "inspect",
    "gradient",
    "load",
    "compare",
    "check",
    "replay",
]

__version__: str

class NativeError(Exception):
    """An error; `args` are the exit code of the command line, the message and the hints."""

_Given = Sequence[tuple[str, Sequence[str]]]
_Path = str | os.PathLike[str]

def cli(arguments: Sequence[_Path]) -> int: ...
def look_in(folder: _Path) -> None: ...
def settings() -> list[tuple[str, str, str]]: ...
def audit(
    given: _Given,
    features: str,
    out: _Path,
    resume: bool,
    command: str,
    progress: Callable[[str, int, int, int], object] | None,
) -> None: ...
def audit_host(
    given: _Given,
    features: str,
    out: _Path,
    resume: bool,
    command: str,
    progress: Callable[[str, int, int, int], object] | None,
    model: object,
) -> None: ...
def audit_shard(
    given: _Given,
    features: str,
    out: _Path,
    shard: str,
    command: str,
    progress: Callable[[str, int, int, int], object] | None,
) -> None: ...
def merge(
    shards: Sequence[_Path],
    given: _Given,
    out: _Path,
    mixed: bool,
    command: str,
    progress: Callable[[str, int, int, int], object] | None,
) -> None: ...
def inspect(model: _Path, given: _Given) -> str: ...
def gradient(model: _Path, loss: str, given: _Given) -> bytes: ...
def load(folder: _Path) -> tuple[str, str]: ...
def compare(a: _Path, b: _Path) -> str: ...
def check(claims: Sequence[_Path], given: _Given, budget: float | None, fresh: bool, command: str) -> str: ...
def replay(evidence: _Path, model: _Path | None, data: _Path | None, given: _Given) -> str: ...
