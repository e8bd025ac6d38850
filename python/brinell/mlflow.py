"""Runs of MLflow: `brinell.mlflow.log(result)` writes figures, settings and the folder of a result into the active run."""

from __future__ import annotations

import json
from typing import Any

from ._result import Result


def log(result: Result, *, prefix: str = "brinell", artifacts: bool = True) -> None:
    """Logs a result into the active run of MLflow, which is begun where there is none. Needs the package mlflow.

    - Metrics: `robust_accuracy`, `robust_accuracy_low`, `robust_accuracy_high`, the same of `clean_accuracy`, `n`, and `blocking_flags`.
    - Parameters: norm, radius, suite, model, digests of model and data.
    - Tags: the digest of the record, and the flags.
    - Artifacts: the folder of the run, under the name of the prefix.
    """
    import mlflow  # type: ignore[import-not-found,import-untyped,unused-ignore]

    mlflow.log_metrics({f"{prefix}.{name}": value for name, value in figures(result).items()})
    mlflow.log_params({f"{prefix}.{name}": value for name, value in facts(result).items()})
    mlflow.set_tags({f"{prefix}.record_digest": result.digest, f"{prefix}.flags": json.dumps([flag.id for flag in result.flags])})
    if artifacts:
        mlflow.log_artifacts(str(result.folder), artifact_path=prefix)


def figures(result: Result) -> dict[str, float]:
    """Returns what a result measured, by name."""
    found: dict[str, float] = {"n": float(result.n), "blocking_flags": float(len(result.blocking))}
    for name, rate in (("robust_accuracy", result.robust_accuracy), ("clean_accuracy", result.clean_accuracy)):
        found |= {name: float(rate), f"{name}_low": rate.low, f"{name}_high": rate.high}
    return found


def facts(result: Result) -> dict[str, Any]:
    """Returns what a result is about, by name."""
    summary = result.summary
    threat = summary["question"]["threat"]
    return {
        "model": summary["model"]["name"],
        "model_sha256": result.model_sha256,
        "data_sha256": summary["data"]["sha256"],
        "norm": threat["norm"],
        "eps": threat.get("eps", "any"),
        "suite": summary["suite"],
        "seed": summary["question"]["effort"].get("seed", 0),
        "version": summary["brinell_version"],
    }
