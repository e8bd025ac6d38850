"""What stands around audits: Ray, MLflow, Hugging Face, the class with auto-attack's signature. Each is skipped where its package is not installed."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
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

        @ray.remote  # type: ignore[untyped-decorator,unused-ignore]
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


def test_mlflow_evaluates_with_an_audit(tmp_path: pathlib.Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    pandas = pytest.importorskip("pandas")
    for package in ("skl2onnx", "onnxruntime"):
        pytest.importorskip(package)
    from sklearn.datasets import load_iris  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    x, y = load_iris(return_X_y=True)
    x = x.astype("float32")
    net = LogisticRegression(max_iter=1000).fit(x, y)
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'runs.db'}")
    try:
        experiment = mlflow.create_experiment("evaluation", artifact_location=(tmp_path / "artifacts").as_uri())
    except Exception as error:  # the small package has no store of its own
        pytest.skip(f"mlflow has no local store here: {error}")
    settings: dict[str, Any] = {"eps": "0.05", "scale": "data", "attack": "pgd:steps=10"}
    with mlflow.start_run(experiment_id=experiment) as run:
        saved = mlflow.sklearn.log_model(net, name="net", skops_trusted_types=None, serialization_format="cloudpickle")
        data = pandas.DataFrame(x, columns=["a", "b", "c", "d"]).assign(label=y)
        found = mlflow.models.evaluate(saved.model_uri, data, targets="label", model_type="classifier", evaluators="brinell", evaluator_config=settings)
    direct = brinell.audit(net, data.drop(columns="label"), y, progress=False, **settings)
    assert found.metrics["brinell.robust_accuracy"] == float(direct.robust_accuracy) < float(direct.clean_accuracy)
    assert mlflow.get_run(run.info.run_id).data.metrics["brinell.clean_accuracy"] == float(direct.clean_accuracy)


def test_a_model_card_of_hugging_face_takes_the_figures(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    import brinell.huggingface

    results = [brinell.audit(model, images, labels, progress=False, **{**SETTINGS, "eps": eps}) for eps in ("0.05", "0.01")]
    index = brinell.huggingface.model_index(*results, name="a \"small\" model", dataset="ylecun/mnist", dataset_name="MNIST")
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: mit\n---\n# A model\n")
    hub.metadata_save(card, {**hub.metadata_load(card), **index})
    read = hub.ModelCard.load(card)
    assert read.data.license == "mit" and read.text.strip() == "# A model"
    assert read.data.model_name == "a \"small\" model"
    figures = read.data.eval_results
    assert [(figure.metric_type, figure.metric_value) for figure in figures] == [
        (kind, float(rate)) for result in results for kind, rate in (("accuracy", result.clean_accuracy), ("robust_accuracy", result.robust_accuracy))
    ]
    assert {(figure.dataset_type, figure.dataset_name, figure.dataset_revision) for figure in figures} == {("ylecun/mnist", "24 samples of MNIST", None)}
    assert figures[1].metric_args["low"] == pytest.approx(results[0].robust_accuracy.low)
    other = brinell.audit(model.with_name("robust.onnx"), images, labels, progress=False, **SETTINGS)
    with pytest.raises(brinell.UsageError, match="of 2 models"):
        brinell.huggingface.model_index(results[0], other, name="x", dataset="y")
    with pytest.raises(brinell.UsageError, match="at least one"):
        brinell.huggingface.model_index(name="x", dataset="y")


def test_a_model_card_takes_no_figures_that_are_unreliable(model: pathlib.Path, images: Any, labels: Any) -> None:
    pytest.importorskip("huggingface_hub")
    import brinell.huggingface

    with pytest.warns(UserWarning, match="unreliable"):
        mislabelled = brinell.audit(model, images, (labels + 1) % 10, progress=False, **SETTINGS)
    with pytest.raises(brinell.UnreliableError):
        brinell.huggingface.model_index(mislabelled, name="x", dataset="y")


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


def test_the_example_of_ray_makes_the_run_of_one_machine(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    pytest.importorskip("ray")
    script = pathlib.Path(__file__).resolve().parents[2] / "examples" / "ray" / "audit.py"
    np.savez(tmp_path / "test.npz", x=images, y=labels)
    whole = brinell.audit(model, images, labels, eps="0.05", suite="fast", progress=False)
    arguments = [str(model), "test.npz", "all", "0.05", str(tmp_path / "shared")]
    (tmp_path / "shared").mkdir()
    done = subprocess.run([sys.executable, str(script), *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert f"digest {whole.digest}" in done.stdout, done.stderr[-2000:]


def test_weights_and_biases_get_figures_samples_and_the_report(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    wandb = pytest.importorskip("wandb")
    import brinell.wandb

    result = brinell.audit(model, images, labels, progress=False, **SETTINGS)
    with wandb.init(mode="offline", dir=tmp_path, project="robustness", settings=wandb.Settings(silent=True)) as run:
        brinell.wandb.log(result)
        summary = dict(run.summary)
        settings = dict(run.config)
    assert summary["brinell/robust_accuracy"] == pytest.approx(float(result.robust_accuracy))
    assert summary["brinell/samples"]["nrows"] == result.n
    assert "brinell/report" in summary
    assert settings["brinell.model_sha256"] == result.model_sha256
