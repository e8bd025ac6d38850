"""Measures how hard it is to fool an AI model, with evidence.

    >>> import brinell
    >>> result = brinell.audit("model.onnx", x, y, eps="8/255")  # doctest: +SKIP
    >>> result.robust_accuracy  # doctest: +SKIP
    0.750 [0.428, 0.945] (9 of 12)
"""

from ._audit import audit, check, compare, gradient, inspect, load, replay
from ._errors import BrinellError, InternalError, Interrupted, StaleError, UnreliableError, UsageError
from ._native import __version__
from ._result import Flag, Rate, Result

__all__ = [
    "BrinellError",
    "Flag",
    "InternalError",
    "Interrupted",
    "Rate",
    "Result",
    "StaleError",
    "UnreliableError",
    "UsageError",
    "__version__",
    "audit",
    "check",
    "compare",
    "gradient",
    "inspect",
    "load",
    "replay",
]
