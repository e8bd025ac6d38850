"""The evaluator `brinell` of `mlflow.evaluate`; loaded by MLflow only."""

from __future__ import annotations

import tempfile
from typing import Any

from mlflow.models.evaluation.base import EvaluationResult, ModelEvaluator  # type: ignore[import-not-found,import-untyped,unused-ignore]

from . import mlflow as log
from ._audit import audit
from ._errors import UsageError


class Evaluator(ModelEvaluator):  # type: ignore[misc,unused-ignore]
    """Audits a classifier of scikit-learn, PyTorch or ONNX: `mlflow.models.evaluate(.., evaluators="brinell", evaluator_config={"eps": 0.05})`.

    The configuration has the settings of `brinell.audit`, such as `eps`, `norm`, `suite` and `limit`. Figures, settings and the folder of the run are logged as by
    `brinell.mlflow.log`.
    """

    @classmethod
    def can_evaluate(cls, *, model_type: str, evaluator_config: dict[str, Any], **_: Any) -> bool:
        """Returns true for classifiers."""
        return model_type == "classifier"

    def evaluate(
        self, *, model_type: str, dataset: Any, run_id: str | None = None, evaluator_config: dict[str, Any] | None = None, model: Any = None, **_: Any
    ) -> Any:
        """Audits the model on the data set and logs the result.

        Raises:
            UsageError: there is no model, only predictions, or the settings cannot be used.
        """
        if model is None:
            raise UsageError("an audit needs a model, not predictions")
        x, y = dataset.features_data, dataset.labels_data
        if y is None:
            raise UsageError("an audit needs labels; name their column with targets")
        with tempfile.TemporaryDirectory(prefix="brinell-") as folder:
            result = audit(_inside(model), x, y, folder=f"{folder}/run", progress=False, **(evaluator_config or {}))
            log.log(result)
            metrics = {f"brinell.{name}": value for name, value in log.figures(result).items()}
        return EvaluationResult(metrics=metrics, artifacts={})  # type: ignore[no-untyped-call,unused-ignore]


def _inside(model: Any) -> Any:
    """Returns what a model of MLflow wraps: an estimator, a module, or the file of an ONNX session."""
    raw = model.get_raw_model() if hasattr(model, "get_raw_model") else model
    return getattr(raw, "_model_path", raw)
