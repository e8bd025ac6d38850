"""Audits from Python say what the command line says, and refuse what it refuses."""

from __future__ import annotations

import hashlib
import inspect as signatures
import json
import os
import pathlib
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import brinell
from brinell import _native

SETTINGS: dict[str, Any] = {"eps": 0.1, "attack": "pgd:steps=5", "runtime": "rten", "progress": False}


def test_the_parameters_are_the_settings_of_the_command_line() -> None:
    parameters = set(signatures.signature(brinell.audit).parameters)
    own = {"x", "y", "features", "folder", "resume", "progress", "strict", "via", "outputs"}
    assert parameters - own == {name.replace("-", "_") for name, _, _ in _native.settings()}


def test_python_and_the_command_line_decide_the_same(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    result = brinell.audit(model, images, labels, **SETTINGS)
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    command = f"audit {model} --data x.npy --labels y.npy --norm linf --eps 0.1 --attack pgd:steps=5 --runtime rten --out run"
    subprocess.run([sys.executable, "-m", "brinell", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    other = brinell.load(tmp_path / "run")
    assert result == other and result.digest == other.digest
    assert result.n == 24 and result.broken.sum() == len(result.x_adv) > 0
    assert float(result.robust_accuracy) == result.survived.sum() / 24
    assert result.robust_accuracy.low < result.robust_accuracy < result.robust_accuracy.high or result.survived.sum() in (0, 24)


def test_adversarial_examples_lie_in_the_ball_and_fool_the_model(model: pathlib.Path, images: Any, labels: Any) -> None:
    result = brinell.audit(model, images, labels, **SETTINGS)
    changes = np.abs(result.x_adv.astype(np.float64) - images[result.x_adv_samples].reshape(result.x_adv.shape)).reshape(len(result.x_adv), -1)
    assert changes.max() <= 0.1 and result.x_adv.min() >= 0 and result.x_adv.max() <= 1
    np.testing.assert_allclose(changes.max(axis=1), result.norms[result.x_adv_samples], rtol=1e-6)
    again = brinell.audit(model, result.x_adv.reshape(-1, 1, 28, 28), labels[result.x_adv_samples], **{**SETTINGS, "eps": "1e-9"})
    assert again.clean_accuracy.k == 0


def test_samples_that_a_limit_takes_are_known_by_their_numbers(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    order = np.argsort(labels, kind="stable")
    x, y = images[order], labels[order]
    whole, part = brinell.audit(model, x, y, **SETTINGS), brinell.audit(model, x, y, limit=12, **SETTINGS)
    assert whole.numbers.tolist() == list(range(24))
    assert len(part.numbers) == part.n == 12 and part.numbers.tolist() != list(range(12))
    for name in ("survived", "broken", "norms"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[part.numbers])
    np.testing.assert_array_equal(part.x_adv_samples, part.numbers[part.broken])
    shards = [brinell.audit_shard(f"{i}/3", model, x, y, folder=tmp_path / f"s{i}", **SETTINGS, limit=12) for i in range(3)]
    assert brinell.merge(shards, folder=tmp_path / "all", progress=False) == part


def test_bytes_are_a_model_and_a_number_is_a_radius(model: pathlib.Path, images: Any, labels: Any) -> None:
    assert brinell.audit(model.read_bytes(), images, labels, **SETTINGS) == brinell.audit(model, images, labels, **{**SETTINGS, "eps": "0.1"})


def test_results_pickle_and_are_kept(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    result = brinell.audit(model, images, labels, **SETTINGS)
    copy = pickle.loads(pickle.dumps(result))
    assert copy == result and np.array_equal(copy.x_adv, result.x_adv)
    kept = result.save(tmp_path / "kept")
    folder = result.folder
    del result
    assert not folder.exists() and kept.report.is_file() and kept == copy
    assert "robust accuracy" in repr(kept) and "<table>" in kept._repr_html_()
    rate = pickle.loads(pickle.dumps(kept.robust_accuracy))
    assert (rate, rate.k, rate.low) == (kept.robust_accuracy, kept.robust_accuracy.k, kept.robust_accuracy.low)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"eps": None}, "missing: eps"),
        ({"eps": "8/0"}, "eps"),
        ({"attack": "pdg"}, "pdg"),
        ({"suite": "fast"}, "suite"),
        ({"x": None}, "give the samples"),
        ({"y": np.zeros(3, dtype=int)}, "24 samples, but y has 3"),
        ({"y": ["a"] * 24}, "not numbers"),
        ({"y": np.full(24, 17)}, "17"),
        ({"x": np.zeros(24)}, "first axis"),
        ({"x": np.full((24, 1, 28, 28), np.nan, dtype=np.float32)}, "sample 0 contains the value NaN"),
        ({"x": np.full((24, 1, 28, 28), 255, dtype=np.float32)}, "scale"),
        ({"model": b"not a model"}, "model"),
        ({"model": object()}, "cannot be audited"),
        ({"model": "missing.onnx"}, "missing.onnx"),
        ({"batch": 0}, "at least 1"),
        ({"resume": True}, "folder"),
        ({"epss": 0.1}, "unknown setting 'epss'"),
        ({"keep_going": "yes"}, "takes True or False"),
    ],
)
def test_what_cannot_be_used_is_said(model: pathlib.Path, images: Any, labels: Any, change: dict[str, Any], said: str) -> None:
    with pytest.raises(brinell.UsageError) as raised:
        brinell.audit(**{"model": model, "x": images, "y": labels, **SETTINGS, **change})
    assert said in str(raised.value) and "--" not in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_a_run_that_is_stopped_goes_on(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    long = {**SETTINGS, "attack": "pgd:steps=10,restarts=4", "eps": 0.001, "batch": 1}
    told: list[tuple[str, int, int, int]] = []

    def listen(*place: Any) -> bool:
        told.append(place)
        return not (place[0] == "pgd" and place[1] > 0)

    with pytest.raises(brinell.Interrupted) as raised:
        brinell.audit(model, images, labels, folder=tmp_path / "run", **{**long, "progress": listen})
    assert raised.value.folder == str(tmp_path / "run") and told
    resumed = brinell.audit(model, images, labels, folder=tmp_path / "run", resume=True, **long)
    assert resumed == brinell.audit(model, images, labels, **long)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_ctrl_c_stops_and_a_fork_is_refused(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    program = f"""
import os, signal, sys, threading, numpy, brinell
x, y = numpy.load("x.npy"), numpy.load("y.npy")
def interrupt(*_):
    os.kill(os.getpid(), signal.SIGINT)
settings = dict(eps=0.001, attack="pgd:steps=50,restarts=50", runtime="rten", folder="run")
try:
    brinell.audit({str(model)!r}, x, y, progress=interrupt, **settings)
except brinell.Interrupted as stopped:
    assert stopped.folder == "run" and os.path.exists("run/run.json")
child = os.fork()
if child == 0:
    try:
        brinell.audit({str(model)!r}, x, y, eps=0.1, attack="fgsm", progress=False)
    except brinell.UsageError as refused:
        os._exit(7 if "spawn" in str(refused) else 1)
    os._exit(2)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    np.save(tmp_path / "x.npy", images)
    np.save(tmp_path / "y.npy", labels)
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 7, run.stderr


def test_what_progress_raises_is_raised(model: pathlib.Path, images: Any, labels: Any) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("of the listener")

    with pytest.raises(ZeroDivisionError, match="of the listener"):
        brinell.audit(model, images, labels, **{**SETTINGS, "progress": fail})


def test_another_model_is_stale(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    brinell.audit(model, images, labels, folder=tmp_path / "run", **SETTINGS)
    record = tmp_path / "run" / "record.jsonl"
    record.write_text(record.read_text().replace('"broken"', '"survived"'))
    with pytest.raises(brinell.StaleError):
        brinell.load(tmp_path / "run")


def test_the_siblings_answer(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    assert brinell.inspect(model)["classes"] == 10
    assert len(brinell.gradient(model)) > 1000
    with pytest.raises(brinell.UsageError, match="no loss"):
        brinell.gradient(model, loss="no loss")
    a = brinell.audit(model, images, labels, **SETTINGS)
    b = brinell.audit(model.with_name("robust.onnx"), images, labels, **SETTINGS)
    assert json.dumps(brinell.compare(a, b)) and a != b
    replayed = brinell.replay(a, data=a.folder / "inputs" / "x.npy", runtime="rten")
    assert all(witness["standing"] == "confirmed" for witness in replayed[0]["witnesses"])


def test_a_data_frame_keeps_its_columns() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("skl2onnx")
    from sklearn.datasets import load_breast_cancer  # type: ignore[import-untyped]
    from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    assert isinstance(x, pandas.DataFrame)
    x = x.astype("float32")
    forest = RandomForestClassifier(n_estimators=5, max_depth=4, random_state=0).fit(x.to_numpy(), y)
    result = brinell.audit(forest, x[:60], y[:60].to_numpy(), eps=0.01, attack="trees", progress=False)
    assert result.clean_accuracy == forest.score(x[:60].to_numpy(), y[:60])
    assert 0 < result.robust_accuracy <= result.clean_accuracy


def test_what_certify_proves_survives_an_audit(model: pathlib.Path, images: Any, labels: Any) -> None:
    proven = brinell.certify(model, images[:6], labels[:6], eps=0.003, norm="linf", timeout="5s", runtime="rten", progress=False)
    certified = np.array([sample["standing"] == "certified" for sample in proven["samples"]])
    assert len(certified) == proven["n"] == 6 and certified.sum() == proven["certified"]["count"] > 0
    attacked = brinell.audit(model, images[:6], labels[:6], **{**SETTINGS, "eps": 0.003, "attack": "pgd:steps=20"})
    assert attacked.survived[certified].all()
    with pytest.raises(brinell.UsageError, match="no such|cannot read|not found|No such"):
        brinell.certify("nothing.onnx", images[:3], labels[:3], eps=0.001, norm="linf", progress=False)


def test_transfer_counts_what_the_models_answer(model: pathlib.Path, images: Any, labels: Any) -> None:
    ort = pytest.importorskip("onnxruntime")
    robust = model.with_name("robust.onnx")
    matrix = brinell.transfer(model, images, labels, targets=[model, robust], eps="0.1", attack="mi:steps=5", runtime="rten", progress=False)
    for entry, path in zip(matrix["models"], (model, robust), strict=True):
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (logits,) = session.run(None, {session.get_inputs()[0].name: images})
        assert (entry["name"], entry["right"]) == (path.stem, int((logits.argmax(1) == labels).sum()))
    own, other = matrix["cells"]
    assert own["white_box"] and not other["white_box"]
    assert own["right"] == matrix["models"][0]["right"] and own["right_fooled"] > other["right_fooled"]


def test_harden_writes_a_file_with_the_figures_that_it_names(model: pathlib.Path, many: tuple[Any, Any], tmp_path: pathlib.Path) -> None:
    x, y = many
    suite, out, run = tmp_path / "short.toml", tmp_path / "hard.onnx", tmp_path / "run"
    suite.write_text('[[stage]]\nattack = "pgd:steps=5"\n')
    threat: dict[str, Any] = {"norm": "linf", "eps": 0.03, "suite": str(suite), "runtime": "rten", "progress": False}
    said = brinell.harden(model, x, y, out=out, folder=run, clean_weight=0.2, train_batch=16, epochs=1, max_clean_loss=100, threads=2, **threat)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == said["output_sha256"] and out.read_bytes() != model.read_bytes()
    (_, before), (_, after) = said["accuracy"]
    for path, rate in ((model, before), (out, after)):
        again = brinell.audit(path, data=run / "test.npz", **threat)
        assert float(again.robust_accuracy) == rate["value"] and again.robust_accuracy.low == rate["low"]
    with pytest.raises(brinell.UsageError, match="--epochs|unexpected|invalid"):
        brinell.harden(model, x, y, out=tmp_path / "no.onnx", eps=0.05, epochs="many", progress=False)
