"""Arrays and tables on their way to files that the native part reads."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from ._errors import UsageError

_KINDS = "biuf"


def is_table(x: Any) -> bool:
    """Returns true for a data frame of pandas or polars: named columns that can be written as CSV."""
    return hasattr(x, "columns") and (hasattr(x, "to_csv") or hasattr(x, "write_csv"))


def array(x: Any, what: str) -> np.ndarray[Any, Any]:
    """Returns the numbers of `x` in one piece: anything with `__array__` or `__dlpack__`, or nested lists.

    Raises:
        UsageError: `x` holds no numbers.
    """
    if hasattr(x, "detach") and hasattr(x, "cpu"):
        x = x.detach().cpu()
    try:
        values = np.from_dlpack(x) if not hasattr(x, "__array__") and hasattr(x, "__dlpack__") else np.asarray(x)
    except (TypeError, ValueError, BufferError) as error:
        raise UsageError(f"{what} cannot be read as an array: {error}") from error
    if values.dtype.kind not in _KINDS:
        raise UsageError(f"{what} has elements of type {values.dtype}, not numbers")
    return np.ascontiguousarray(values)


def write_samples(x: Any, folder: pathlib.Path) -> pathlib.Path:
    """Writes samples as `x.npy`, or a data frame as `x.csv`, and returns the file."""
    if is_table(x):
        path = folder / "x.csv"
        if hasattr(x, "to_csv"):
            x.to_csv(path, index=False)
        else:
            x.write_csv(path)
        return path
    values = array(x, "x")
    if values.ndim < 2:
        raise UsageError(f"x has shape {values.shape}; the first axis must be the samples, and at least one more axis their values")
    path = folder / "x.npy"
    np.save(path, values)
    return path


def write_labels(y: Any, n: int | None, folder: pathlib.Path) -> pathlib.Path:
    """Writes labels as `y.npy` and returns the file.

    Class numbers `[n]`, or scores, probabilities or one-hot rows `[n, K]`, of which one class a row is 1.
    """
    values = array(y, "y")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if n is not None and len(values) != n:
        raise UsageError(f"x has {n} samples, but y has {len(values)} labels")
    path = folder / "y.npy"
    np.save(path, values)
    return path
