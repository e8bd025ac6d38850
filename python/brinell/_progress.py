"""Progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable

Progress = Callable[[str, int, int, int], object]


class Line:
    """One line that is written over on a terminal, and a line for each stage elsewhere."""

    def __init__(self) -> None:
        self._stage = ""
        self._terminal = sys.stderr.isatty()

    def __call__(self, stage: str, done: int, total: int, surviving: int) -> None:
        if self._terminal:
            end = "\n" if done == total else ""
            print(f"\r{stage:>14}  {done}/{total}, {surviving} survive\x1b[K", end=end, file=sys.stderr, flush=True)
        elif stage != self._stage:
            print(f"{stage:>14}  {total} samples, {surviving} survive so far", file=sys.stderr, flush=True)
        self._stage = stage


def listener(progress: bool | Progress) -> Progress | None:
    """Returns what is called with `(stage, done, total, surviving)`."""
    if callable(progress):
        return progress
    return Line() if progress else None
