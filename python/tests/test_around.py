"""What stands around audits: Ray, MLflow, the class with auto-attack's signature. Each is skipped where its package is not installed."""

from __future__ import annotations

import os
import pathlib
import signal
import time
from typing import Any

import numpy as np
import pytest

import brinell

SETTINGS: dict[str, Any] = {"eps": "0.05", "attack": "pgd:steps=5", "runtime": "rten", "threads": 1}


def test_ray_makes_the_run_of_one_machine_though_a_worker_is_killed(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    ray = pytest.importorskip("ray")
    import brinell.ray

    whole = brinell.audit(model, images, labels, progress=False, **SETTINGS)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:

        @ray.remote
        def kill(pattern: str) -> int:
            """Kills a worker that is busy with a shard."""
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                for process in pathlib.Path("/proc").iterdir():
                    if process.name.isdigit():
                        try:
                            name = (process / "cmdline").read_bytes()
                        except OSError:
                            continue
                        if pattern.encode() in name:
                            os.kill(int(process.name), signal.SIGKILL)
                            return int(process.name)
                time.sleep(0.02)
            return 0

        killed = kill.options(num_cpus=0).remote("ray::_shard")
        result = brinell.ray.audit(model, images, labels, shards=3, folder=tmp_path / "all", **SETTINGS)
        assert ray.get(killed) > 0, "no worker was killed"
        assert result == whole
        assert len(result.summary["shards"]) == 3
        with pytest.raises(brinell.UsageError, match="no_such_attack"):
            brinell.ray.audit(model, images, labels, shards=2, **{**SETTINGS, "attack": "no_such_attack"})
    finally:
        ray.shutdown()


def test_mlflow_gets_figures_settings_and_files(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    import brinell.mlflow

    result = brinell.audit(model, images, labels, progress=False, **SETTINGS)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'runs.db'}")
    try:
        experiment = mlflow.create_experiment("robustness", artifact_location=(tmp_path / "artifacts").as_uri())
    except Exception as error:  # the small package has no store of its own
        pytest.skip(f"mlflow has no local store here: {error}")
    with mlflow.start_run(experiment_id=experiment) as run:
        brinell.mlflow.log(result)
    data = mlflow.get_run(run.info.run_id).data
    assert data.metrics["brinell.robust_accuracy"] == pytest.approx(float(result.robust_accuracy))
    assert data.metrics["brinell.robust_accuracy_low"] == pytest.approx(result.robust_accuracy.low)
    assert data.params["brinell.eps"] == "0.05"
    assert data.tags["brinell.record_digest"] == result.digest
    assert list((tmp_path / "artifacts").rglob("record.jsonl"))


def test_the_class_with_the_signature_of_auto_attack_gives_tensors() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5)).eval()
    x = torch.rand(12, 3, 4)
    y = net(x).argmax(1)
    attack = brinell.AutoAttack(net, norm="Linf", eps=0.1, version="fast", verbose=False)
    x_adv, said = attack.run_standard_evaluation(x, y, bs=4, return_labels=True)
    assert attack.result is not None and attack.result.broken.any()
    assert x_adv.shape == x.shape and x_adv.dtype == x.dtype
    assert float((x_adv - x).abs().max()) <= 0.1 + 1e-6
    with torch.no_grad():
        np.testing.assert_array_equal(net(x_adv).argmax(1).numpy(), said.numpy())
    np.testing.assert_array_equal((said != y).numpy(), attack.result.broken)
    with pytest.raises(brinell.UsageError, match="norm is"):
        brinell.AutoAttack(net, norm="Linfinity")
    with pytest.raises(brinell.UsageError, match="pass fewer inputs"):
        brinell.AutoAttack(net, limit=4)
