"""Measures how hard it is to fool an AI model, with evidence.

    >>> import brinell
    >>> result = brinell.audit("model.onnx", x, y, eps="8/255")  # doctest: +SKIP
    >>> result.robust_accuracy  # doctest: +SKIP
    0.750 [0.428, 0.945] (9 of 12)
"""

from ._audit import audit, audit_shard, check, compare, gradient, inspect, load, merge, replay
from ._autoattack import AutoAttack
from ._crafting import patch, transfer, universal
from ._errors import BrinellError, InternalError, Interrupted, StaleError, UnreliableError, UsageError
from ._native import __version__
from ._result import Flag, Rate, Result
from ._siblings import certify, detect, doctor, harden, race, rank, smooth, transform

__all__ = [
    "AutoAttack",
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
    "audit_shard",
    "certify",
    "check",
    "compare",
    "detect",
    "doctor",
    "gradient",
    "harden",
    "inspect",
    "load",
    "merge",
    "patch",
    "race",
    "rank",
    "replay",
    "smooth",
    "transfer",
    "transform",
    "universal",
]
