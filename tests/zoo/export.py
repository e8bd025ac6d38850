"""Exports the architectures of this folder with random weights, and writes what PyTorch says about each beside it.

    python tests/zoo/export.py OUT                 exports all of them to the folder OUT
    python tests/zoo/export.py OUT NAME..          only those whose name is or begins with one of these
    python tests/zoo/export.py tests/zoo/small --small
                                                   the small models that are kept in the repository, and their manifest.json

For each NAME there are NAME.onnx and NAME.safetensors, which holds the input `x` [B, ..] and for every output i `output_i`, a random
`cotangent_i` and, for all outputs together, `gradient`: what autograd in f64 gives for the sum of outputs times cotangents. In its header
stand the facts of the export and how far PyTorch's own gradient in f32 is from that. A model that cannot be exported leaves a NAME.json that
says why. `versions.json` names the software.

Nothing is downloaded: weights are drawn from a seed. Parameters that an initialisation leaves constant (zero biases, layer scales of 1e-6)
are drawn too, and batch statistics are measured, so that gradients reach the input as they do in a trained network.
"""

import argparse
import copy
import hashlib
import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import traceback
import warnings

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import onnx
import torch
from safetensors.numpy import save_file

from architectures import all_architectures

SEED = 20261124
SAMPLES = 5
SCRIPT_OPSETS = [11, 13, 17]
DYNAMO_OPSETS = [18, 20]
PACKAGES = ["torch", "torchvision", "timm", "transformers", "keras", "onnx", "onnxscript", "numpy"]


def draw_weights(model, make_input):
    """Draws what the initialisation left constant and measures the statistics of batch normalisations."""
    for parameter in model.parameters():
        with torch.no_grad():
            if parameter.dim() > 0 and parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all()):
                value = float(parameter.flatten()[0])
                if abs(value) < 0.1:
                    # A bias is drawn around zero; a scale that starts near zero (layer scale, skip gain) gets an ordinary size.
                    parameter.copy_((0.3 if value else 0.0) + 0.1 * torch.randn_like(parameter))
                else:
                    parameter.mul_(1 + 0.2 * torch.randn_like(parameter))
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    with torch.no_grad():
        for _ in range(2 if norms else 0):
            model(make_input(8))
    model.eval()


def tensors_of(outputs):
    """The outputs of a model as a flat list."""
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    if isinstance(outputs, dict):
        outputs = outputs.values()
    return [tensor for output in outputs for tensor in tensors_of(output)]


class Flat(torch.nn.Module):
    """A model with a tuple of tensors as its result."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        found = tensors_of(self.model(x))
        return found[0] if len(found) == 1 else tuple(found)


def gradients(model, x, cotangents):
    """Outputs and the gradient of the sum of outputs times cotangents."""
    x = x.clone().requires_grad_(True)
    outputs = tensors_of(model(x))
    (gradient,) = torch.autograd.grad(sum((o * c.to(o.dtype)).sum() for o, c in zip(outputs, cotangents)), x)
    return [output.detach() for output in outputs], gradient


def reference(model, wide, x):
    """Input, outputs, cotangents and gradient in f64, and how far PyTorch's gradient in f32 is from that: the median over samples, each
    relative to the length of its gradient. Where a value is so near the kink of a ReLU that rounding decides its side, a gradient in f32 is one
    of two equally right ones; several samples keep that apart from an error.
    """
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        shapes = [output.shape for output in tensors_of(model(x))]
    cotangents = [torch.randn(shape, generator=generator) for shape in shapes]
    outputs, gradient = gradients(wide, x.double(), cotangents)
    _, rounded = gradients(model, x, cotangents)
    lengths = lambda g: g.double().flatten(1).norm(dim=1)
    error = float((lengths(rounded - gradient) / lengths(gradient)).median())
    tensors = {"x": x, "gradient": gradient}
    for i, (output, cotangent) in enumerate(zip(outputs, cotangents)):
        tensors |= {f"output_{i}": output, f"cotangent_{i}": cotangent}
    return {name: tensor.float().contiguous().numpy() for name, tensor in tensors.items()}, error


def export_torch(model, x, path, exporter, opset, fixed):
    sample = x[:1] if fixed else x
    if exporter == "dynamo":
        shapes = None if fixed else ({0: torch.export.Dim("batch")},)
        torch.onnx.export(model, (sample,), str(path), input_names=["x"], opset_version=opset, dynamo=True, dynamic_shapes=shapes, external_data=False, verbose=False)
        return
    axes = None if fixed else {"x": {0: "batch"}}
    torch.onnx.export(model, (sample,), str(path), input_names=["x"], opset_version=opset, dynamo=False, dynamic_axes=axes)


def strip(path):
    """Takes out stack traces and other comments, which name files of the machine that exported."""
    model = onnx.load(path)
    graphs = [model.graph] + list(model.functions)
    for part in [model] + graphs + [item for graph in graphs for item in [*graph.node, *graph.value_info]] + [*model.graph.input, *model.graph.output, *model.graph.initializer]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


def exports(architecture, index, small):
    """The (exporter, opset) pairs of an architecture: each exporter once, opsets taking turns."""
    if architecture.exports:
        return architecture.exports
    script = max(SCRIPT_OPSETS[index % len(SCRIPT_OPSETS)], architecture.least)
    both = [("torchscript", script), ("dynamo", DYNAMO_OPSETS[index % len(DYNAMO_OPSETS)])]
    return both[index % 2 : index % 2 + 1] if small else both


def name_of(architecture, exporter, opset):
    return f"{architecture.name}-{exporter}-{opset}"


def prepare(architecture):
    """The model with its weights, what PyTorch says about it, and how far its gradient in f32 is from that in f64."""
    torch.manual_seed(SEED)
    model = Flat(architecture.build()).eval()
    generator = torch.Generator().manual_seed(SEED + 1)
    draw_weights(model, lambda n: architecture.input(n, generator))
    wide = architecture.widen(model) if architecture.widen else copy.deepcopy(model).double()
    return model, *reference(model, wide, architecture.input(2 if architecture.small else SAMPLES, generator))


def attempt(path, facts, action):
    """Runs a step of an export; where it fails, the reason is left beside the model."""
    try:
        return action()
    except Exception as failure:
        path.unlink(missing_ok=True)
        while failure.__cause__ is not None:
            failure = failure.__cause__
        line = " ".join(str(failure).split())[:240]
        facts["failure"] = f"{type(failure).__name__}: {line}"
        path.with_suffix(".json").write_text(json.dumps(facts))
        print(f"{path.stem}: not exported: {facts['failure']}", flush=True)
        if "--trace" in sys.argv:
            traceback.print_exc()


def run(folder, architecture, pairs):
    prepared = None
    for exporter, opset in pairs:
        path = folder / f"{name_of(architecture, exporter, opset)}.onnx"
        facts = {"architecture": architecture.name, "exporter": exporter, "opset": opset}
        for stale in [path, path.with_suffix(".safetensors"), path.with_suffix(".json")]:
            stale.unlink(missing_ok=True)
        prepared = prepared or attempt(path, facts, lambda: prepare(architecture))
        if prepared:
            attempt(path, facts, lambda: export(architecture, *prepared, path, facts))


def export(architecture, model, tensors, error, path, facts):
    if architecture.write:
        path.write_bytes(architecture.write(model.model, facts["opset"]))
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            export_torch(model, torch.from_numpy(tensors["x"]), path, facts["exporter"], facts["opset"], architecture.fixed)
    strip(path)
    opset = next(o.version for o in onnx.load(path, load_external_data=False).opset_import if o.domain == "")
    facts |= {"opset": opset, "torch_f32_error": error}
    save_file(tensors, path.with_suffix(".safetensors"), metadata={"facts": json.dumps(facts)})
    print(f"{path.stem}: {path.stat().st_size / 1e6:.2f} MB, PyTorch's own gradient in f32 off by {error:.1e}", flush=True)


def versions():
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def manifest(folder):
    files = sorted(path for path in folder.iterdir() if path.suffix in (".onnx", ".safetensors"))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    contents = {"generator": "tests/zoo/export.py", "versions": versions(), "seed": SEED, "files": hashes}
    (folder / "manifest.json").write_text(json.dumps(contents, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--small", action="store_true", help="the small models that are kept in the repository")
    parser.add_argument("--trace", action="store_true", help="print the whole failure where a model cannot be exported")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    architectures = [a for a in all_architectures() if a.small == arguments.small]
    names = [a.name for a in architectures]
    assert len(set(names)) == len(names), "a name stands twice"
    for index, architecture in enumerate(architectures):
        wanted = lambda pair: not arguments.names or any(name_of(architecture, *pair).startswith(name) for name in arguments.names)
        run(arguments.folder, architecture, [pair for pair in exports(architecture, index, arguments.small) if wanted(pair)])
    (manifest if arguments.small else lambda folder: (folder / "versions.json").write_text(json.dumps(versions())))(arguments.folder)


if __name__ == "__main__":
    main()
