"""Runs of Weights & Biases: `brinell.wandb.log(result)` writes figures, samples and the report of a result into the active run."""

from __future__ import annotations

from typing import Any

from ._result import Result
from .mlflow import facts, figures


def log(result: Result, *, prefix: str = "brinell") -> None:
    """Logs a result into the active run of Weights & Biases. Needs the package wandb, and `wandb.init` before.

    Figures stand under `PREFIX/robust_accuracy` and so on, the samples in the table `PREFIX/samples`, the page in `PREFIX/report`, what was asked in the
    configuration.
    """
    import wandb  # type: ignore[import-not-found,import-untyped,unused-ignore]

    if wandb.run is None:
        raise RuntimeError("no run of Weights & Biases is active; call wandb.init first")
    columns: list[Any] = ["sample", "outcome", "attack", "norm", "forwards", "backwards"]
    table = wandb.Table(columns=columns, data=[[sample.get(column) for column in columns] for sample in result.samples])
    logged: dict[str, Any] = {f"{prefix}/{name}": value for name, value in figures(result).items()}
    if result.report.is_file():
        logged[f"{prefix}/report"] = wandb.Html(str(result.report))
    wandb.log({**logged, f"{prefix}/samples": table})
    wandb.config.update({f"{prefix}.{name}": value for name, value in facts(result).items()}, allow_val_change=True)  # type: ignore[no-untyped-call,unused-ignore]
