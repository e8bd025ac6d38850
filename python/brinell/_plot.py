"""The picture of a result; matplotlib is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def curve(points: Sequence[dict[str, Any]], label: str, ax: Any = None) -> Any:
    """Draws robust accuracy over the radius, with its 95 % interval, and returns the axes.

    Raises:
        ImportError: matplotlib is not installed.
    """
    import matplotlib.pyplot as plt  # type: ignore[import-not-found,import-untyped,unused-ignore]

    ax = plt.subplots()[1] if ax is None else ax
    eps = [point["eps"] for point in points]
    rates = [point["robust_accuracy"] for point in points]
    (line,) = ax.plot(eps, [100 * rate["value"] for rate in rates], label=label)
    ax.fill_between(eps, [100 * rate["low"] for rate in rates], [100 * rate["high"] for rate in rates], color=line.get_color(), alpha=0.2, linewidth=0)
    ax.set(xlabel="eps", ylabel="robust accuracy (%)", ylim=(0, 100), xlim=(0, None))
    ax.legend()
    return ax
