"""The demo's models and images, and a small model that is written here."""

from __future__ import annotations

import pathlib
import struct
from typing import Any

import numpy as np
import pytest

DEMO = pathlib.Path(__file__).resolve().parents[2] / "demo"


def idx(path: pathlib.Path) -> np.ndarray[Any, Any]:
    """Reads an IDX file of bytes."""
    content = path.read_bytes()
    rank = content[3]
    shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
    return np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(shape)


@pytest.fixture
def model() -> pathlib.Path:
    return DEMO / "ordinary.onnx"


@pytest.fixture
def many() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images `[120, 1, 28, 28]` and labels `[120]`, enough to train on."""
    return (idx(DEMO / "images.idx3-ubyte")[:120, None] / np.float32(255)).astype(np.float32), idx(DEMO / "labels.idx1-ubyte")[:120]


@pytest.fixture
def images(many: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return many[0][:24]


@pytest.fixture
def labels(many: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return many[1][:24]
