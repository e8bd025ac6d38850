"""Robust accuracy as a scorer of scikit-learn: `cross_val_score(forest, x, y, scoring=robust_accuracy_scorer(eps=0.05))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._audit import audit


def robust_accuracy_scorer(**settings: Any) -> Callable[[Any, Any, Any], float]:
    """Returns a scorer `(estimator, x, y) -> robust accuracy`, with the settings of `brinell.audit`."""

    def score(estimator: Any, x: Any, y: Any) -> float:
        return audit(estimator, x, y, **{"progress": False, **settings}).robust_accuracy

    return score
