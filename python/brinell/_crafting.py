"""Examples, changes and patches that are made on some models and tested on others, by commands of the command line."""

from __future__ import annotations

from typing import Any

from ._audit import Path, _files
from ._command import command, places, several


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
    return _craft("transfer", sources, targets, x, y, data, labels, folder, progress, flags)


def universal(
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
    """Computes one change for many images on the sources, and counts how many other images it breaks on each target.

    `sources` and `targets` are as in `brinell.transfer`; `flags` are those of `brinell universal --help`, with `_` for `-`: `eps`, `fit`, `epochs`, ..

    Returns:
        What `brinell universal --json` prints. With `folder`, the change itself is in its file `change.npz`.

    Raises:
        UsageError: models, images or flags cannot be used.
    """
    return _craft("universal", sources, targets, x, y, data, labels, folder, progress, flags)


def patch(
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
    """Fits a printable patch to some images on the sources, and tests it on other images, at several positions, sizes and rotations.

    `sources` and `targets` are as in `brinell.transfer`; `flags` are those of `brinell patch --help`, with `_` for `-`.

    Returns:
        What `brinell patch --json` prints. With `folder`, the patch itself is in it.

    Raises:
        UsageError: models, images or flags cannot be used.
    """
    return _craft("patch", sources, targets, x, y, data, labels, folder, progress, flags)


def _craft(
    name: str, sources: Any, targets: Any, x: Any, y: Any, data: Any, labels: Any, folder: Path | None, progress: bool, flags: dict[str, Any]
) -> dict[str, Any]:
    with places(folder) as (out, inputs):
        files = _files("", x, y, data, labels, None, inputs)
        del files["model"]
        named = {"from": several(sources, x, inputs / "from"), "to": several(targets, x, inputs / "to")}
        return command(name, [], {**named, **files, "out": out, **flags}, progress)
