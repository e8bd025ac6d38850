"""Gradients by PyTorch's f64 autograd of the random graphs of crates/testkit, for crates/autodiff/tests/random.rs.

    cargo run -p brinell-autodiff --example random_graphs -- DIR
    python tests/golden/random_graphs.py DIR

The first command writes the graphs as ONNX files with their feeds and cotangents; this interprets them with PyTorch's functions, operator
by operator, and writes tests/golden/random_graphs/gradients.json and a manifest.
"""

import hashlib
import json
import pathlib
import platform
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper

HERE = pathlib.Path(__file__).parent / "random_graphs"


def double_pads(x, pads):
    """ONNX's pads, all begins before all ends, as torch's from the last axis on."""
    half = len(pads) // 2
    return [pads[i + side * half] for i in reversed(range(half)) for side in (0, 1)]


def conv(x, w, b=None, *, strides, pads, dilations, group, kernel_shape=None):
    return F.conv2d(F.pad(x, double_pads(x, pads)), w, b, strides, 0, dilations, group)


def conv_transpose(x, w, b=None, *, strides, pads=(0, 0, 0, 0), dilations, group=1, output_padding=(0, 0), kernel_shape=None):
    assert not any(pads)
    return F.conv_transpose2d(x, w, b, strides, 0, output_padding, group, dilations)


def average_pool(x, *, kernel_shape, strides, pads=(0, 0, 0, 0), count_include_pad=0, ceil_mode=0, dilations=(1, 1)):
    assert not ceil_mode and list(dilations) == [1, 1]
    padding = double_pads(x, pads)
    total = F.avg_pool2d(F.pad(x, padding), kernel_shape, strides, divisor_override=1)
    counted = torch.ones_like(x[:1, :1]) if not count_include_pad else None
    if counted is None:
        return total / (kernel_shape[0] * kernel_shape[1])
    return total / F.avg_pool2d(F.pad(counted, padding), kernel_shape, strides, divisor_override=1)


def slice_(x, starts, ends, axes, steps):
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), steps.tolist()):
        x = x.index_select(axis, torch.arange(x.shape[axis])[start:end:step])
    return x


def pad(x, pads, value=None, axes=None, *, mode=b"constant"):
    assert mode == b"constant" and axes is None and (value is None or float(value) == 0)
    return F.pad(x, double_pads(x, pads.tolist()))


def reduce(function):
    return lambda x, axes, *, keepdims=1, noop_with_empty_axes=0: function(x, axes.tolist(), bool(keepdims))


def layer_norm(x, scale, bias=None, *, axis=-1, epsilon=1e-5, stash_type=1):
    return F.layer_norm(x, x.shape[axis:], scale, bias, epsilon)


def reshape(x, shape, *, allowzero=0):
    assert not allowzero
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


def batch_norm(x, scale, bias, mean, var, *, epsilon=1e-5, momentum=0.9, training_mode=0):
    return F.batch_norm(x, mean, var, scale, bias, False, 0.0, epsilon)


def gelu(x, *, approximate=b"none"):
    return F.gelu(x, approximate=approximate.decode())


OPERATORS = {
    "Tanh": torch.tanh, "Sigmoid": torch.sigmoid, "Softplus": F.softplus, "Erf": torch.erf, "Sin": torch.sin, "Cos": torch.cos,
    "Gelu": gelu, "Neg": torch.neg, "Identity": lambda x: x, "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div,
    "Conv": conv, "ConvTranspose": conv_transpose, "AveragePool": average_pool, "BatchNormalization": batch_norm,
    "Reshape": reshape, "Transpose": lambda x, *, perm: x.permute(perm), "Concat": lambda *x, axis: torch.cat(x, axis),
    "Slice": slice_, "Pad": pad, "Softmax": lambda x, *, axis=-1: torch.softmax(x, axis), "LogSoftmax": lambda x, *, axis=-1: torch.log_softmax(x, axis),
    "ReduceSum": reduce(torch.sum), "ReduceMean": reduce(torch.mean), "ReduceLogSumExp": reduce(torch.logsumexp),
    "ReduceSumSquare": reduce(lambda x, axes, keepdims: x.square().sum(axes, keepdims)), "MatMul": torch.matmul, "LayerNormalization": layer_norm,
    "Shape": lambda x, *, start=0, end=None: torch.tensor(x.shape[start:end]),
}


def interpret(model, values):
    for node in model.graph.node:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        inputs = [values[name] if name else None for name in node.input]
        (values[node.output[0]],) = [OPERATORS[node.op_type](*inputs, **attributes)]
    return [values[output.name] for output in model.graph.output]


def tensor(entry):
    return torch.tensor(entry["data"], dtype=torch.float64).reshape(entry["shape"])


def differentiate(path):
    model = onnx.load(path)
    case = json.loads(path.with_suffix(".json").read_text())
    values = {}
    for initializer in model.graph.initializer:
        value = torch.from_numpy(np.array(numpy_helper.to_array(initializer)))
        values[initializer.name] = value.double() if value.dtype.is_floating_point else value
    feeds = {name: tensor(entry).requires_grad_(True) for name, entry in case["feeds"]}
    values |= feeds
    outputs = interpret(model, values)
    value = sum((output * tensor(cotangent)).sum() for output, cotangent in zip(outputs, case["cotangents"], strict=True))
    found = torch.autograd.grad(value, list(feeds.values()), allow_unused=True)
    found = [torch.zeros_like(feed) if gradient is None else gradient for feed, gradient in zip(feeds.values(), found)]
    return {"value": float(f"{value.item():.9g}"), "gradients": [[float(f"{v:.9g}") for v in gradient.flatten().tolist()] for gradient in found]}


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    seeds = sorted(int(path.stem) for path in folder.glob("*.onnx"))
    lines = ",\n".join(json.dumps(differentiate(folder / f"{seed}.onnx"), separators=(",", ":")) for seed in seeds)
    HERE.mkdir(exist_ok=True)
    data = f"[\n{lines}\n]\n".encode()
    (HERE / "gradients.json").write_bytes(data)
    versions = {"python": platform.python_version(), "torch": torch.__version__, "onnx": onnx.__version__}
    manifest = {"generator": "tests/golden/random_graphs.py", "versions": versions, "files": {"gradients.json": hashlib.sha256(data).hexdigest()}}
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(f"{len(seeds)} graphs, {len(data)} bytes")


if __name__ == "__main__":
    main()
