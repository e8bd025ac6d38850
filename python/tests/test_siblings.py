"""Commands of the command line as functions, each against what another part of the package or ONNX Runtime says."""

from __future__ import annotations

import pathlib
from typing import Any

import brinell
import numpy as np
import pytest

RUNNING: dict[str, Any] = {"runtime": "rten", "progress": False}


def right(path: pathlib.Path, images: Any, labels: Any) -> int:
    """How many samples a file classifies correctly on ONNX Runtime."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (logits, *_) = session.run(None, {session.get_inputs()[0].name: images})
    return int((logits.argmax(1) == labels).sum())


def test_transform_writes_a_file_that_another_runtime_reads(model: pathlib.Path, many: tuple[Any, Any], tmp_path: pathlib.Path) -> None:
    x, y = many
    out = tmp_path / "bits.onnx"
    said = brinell.transform(model, x, y, transforms="bits:3", out=out, **RUNNING)
    assert said["n"] == len(x)
    rounded = np.round(x * 7) / np.float32(7)
    assert right(out, x, y) == right(model, rounded, y)
    with pytest.raises(brinell.UsageError, match="exist"):
        brinell.transform(model, x, y, transforms="bits:3", out=out, **RUNNING)


def test_detect_writes_a_file_that_accepts_or_refuses(model: pathlib.Path, many: tuple[Any, Any], tmp_path: pathlib.Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    x, y = many
    out = tmp_path / "guarded.onnx"
    brinell.detect(model, x, y, detector="confidence", fpr="10%", out=out, **RUNNING)
    session = ort.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = dict(zip(names, session.run(None, {session.get_inputs()[0].name: x}), strict=True))
    assert {"suspicion", "accept"} <= set(names)
    # The rate is one of the samples that are classified correctly.
    ordinary = values[names[0]].argmax(1) == y
    assert 0 < np.count_nonzero(~values["accept"].astype(bool)[ordinary]) <= 0.1 * np.count_nonzero(ordinary)
    with pytest.raises(brinell.UsageError, match="samples"):
        brinell.detect(model, x[:5], y[:5], detector="confidence", fpr="0.01%", out=tmp_path / "no.onnx", **RUNNING)


def test_a_race_has_a_round_for_each_defence(model: pathlib.Path, images: Any, labels: Any) -> None:
    race = brinell.race(model, images, labels, defences=["bits:3"], eps=0.1, norm="linf", **RUNNING)
    assert [(entry["name"], entry.get("verdict")) for entry in race["rounds"]] == [("ordinary", None), ("bits:3", "broken")]


def test_a_rank_knows_the_stronger_model(model: pathlib.Path, images: Any, labels: Any) -> None:
    robust = model.with_name("robust.onnx")
    ranking = brinell.rank([model, robust], images, labels, eps=0.1, norm="linf", suite="fast", no_distances=True, **RUNNING)
    survived = {entry["name"]: entry["survived"] for entry in ranking["models"]}
    assert survived["robust"] > survived["ordinary"], ranking["models"]


def test_smoothing_certifies_what_the_votes_allow(model: pathlib.Path, images: Any, labels: Any) -> None:
    said = brinell.smooth(model, images[:4], labels[:4], sigma=0.25, eps=0.1, norm="l2", votes=200, **RUNNING)
    assert [sample["sample"] for sample in said["samples"]] == [0, 1, 2, 3]
    assert said["certified"]["value"] == sum(sample["standing"] == "certified" for sample in said["samples"]) / 4 > 0


def test_a_universal_change_is_tested_on_other_images(model: pathlib.Path, many: tuple[Any, Any], tmp_path: pathlib.Path) -> None:
    x, y = many
    brinell.universal(model, x, y, eps=0.1, epochs=2, folder=tmp_path / "run", **RUNNING)
    (change,) = (array for name, array in np.load(tmp_path / "run" / "change.npz").items() if array.ndim > 1)
    assert 0 < np.abs(change).max() <= 0.1 + 1e-7
    changed = np.clip(x + change, 0, 1).astype(np.float32)
    assert right(model, changed, y) < right(model, x, y)


def test_the_doctor_names_the_built_in_runtime() -> None:
    assert "rten" in brinell.doctor()
