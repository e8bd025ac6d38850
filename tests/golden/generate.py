"""Writes the golden files of this folder: what PyTorch's f64 autograd says about small graphs, and ONNX's node tests.

    python tests/golden/generate.py           writes FAMILY.json, onnx_nodes.json and manifest.json
    python tests/golden/generate.py NAME..    writes the files of these names alone, and their lines in manifest.json
    python tests/golden/generate.py --check   says whether the files on disk are what this script would write

`manifest.json` holds the script's name, the versions, the seed and the sha256 of every file; the project's own check
(`cargo xtask golden --check`) compares only the hashes and needs no Python.
"""

import hashlib
import importlib
import json
import pathlib
import platform
import sys

import numpy as np
import onnx
import torch

import onnx_nodes
from case import Maker

SEED = 20261123
FAMILIES = ["elementwise", "arithmetic", "linear", "window", "normalise", "reduce", "layout", "index", "composite", "quant", "loss"]
HERE = pathlib.Path(__file__).parent


def family(name):
    maker = Maker(SEED)
    cases = list(importlib.import_module(f"cases.{name}").cases(maker))
    names = [case["name"] for case in cases]
    assert len(set(names)) == len(names), f"a name stands twice in {name}"
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    return f"[\n{lines}\n]\n".encode()


def main():
    torch.set_num_threads(1)
    makers = {name: (lambda name=name: family(name)) for name in FAMILIES} | {"onnx_nodes": onnx_nodes.contents}
    named = [name for name in sys.argv[1:] if name != "--check"]
    files = {f"{name}.json": (makers[name]() if not named or name in named else (HERE / f"{name}.json").read_bytes()) for name in makers}
    manifest = {
        "generator": "tests/golden/generate.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "onnx": onnx.__version__, "numpy": np.__version__},
        "seed": SEED,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    files["manifest.json"] = (json.dumps(manifest, indent=2) + "\n").encode()
    if "--check" in sys.argv:
        differing = [name for name, data in files.items() if not (HERE / name).exists() or (HERE / name).read_bytes() != data]
        sys.exit(f"these files differ: {', '.join(differing)}" if differing else 0)
    for name, data in files.items():
        (HERE / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
