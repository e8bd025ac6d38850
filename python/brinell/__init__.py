"""Measures how hard it is to fool an AI model, with evidence.

    >>> import brinell
    >>> result = brinell.audit("model.onnx", x, y, eps="8/255")  # doctest: +SKIP
    >>> result.robust_accuracy  # doctest: +SKIP
    0.750 [0.428, 0.945] (9 of 12)
"""

from typing import TYPE_CHECKING, Any

from ._audit import audit, audit_shard, check, compare, gradient, inspect, load, merge, replay
from ._errors import BrinellError, InternalError, Interrupted, StaleError, UnreliableError, UsageError
from ._native import __version__
from ._result import Flag, Rate, Result

if TYPE_CHECKING:
    from ._autoattack import AutoAttack
    from ._crafting import patch, transfer, universal
    from ._siblings import certify, detect, doctor, harden, race, rank, smooth, transform

# Loaded when they are first asked for: they import what an audit does not need.
_LATER = {
    "_autoattack": ("AutoAttack",),
    "_crafting": ("patch", "transfer", "universal"),
    "_siblings": ("certify", "detect", "doctor", "harden", "race", "rank", "smooth", "transform"),
}

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


def __getattr__(name: str) -> Any:
    import importlib

    for module, names in _LATER.items():
        if name in names:
            return getattr(importlib.import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
