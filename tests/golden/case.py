"""What a golden case is: a small graph in Brinell's vocabulary, and what PyTorch says about it.

A case has inputs, nodes and outputs. The nodes are written with the names and attributes of `brinell_graph::Op`; the
PyTorch function next to them computes the same in f64, and its autograd the gradients for a random cotangent.
All inputs are rounded to f32, so that a runtime in f32 sees the very same numbers.
"""

import numpy as np
import torch


DTYPES = {"f": "F32", "b": "Bool"}


class Maker:
    """Draws inputs and turns (nodes, PyTorch function) into cases, with one random stream per case."""

    def __init__(self, seed):
        self.seed = seed
        self.restart("")

    def restart(self, name):
        self.rng = np.random.default_rng([self.seed, *name.encode()])

    def normal(self, *shape, scale=1.0, shift=0.0):
        return f32(np.round(self.rng.normal(size=shape) * scale + shift, 3))

    def uniform(self, low, high, *shape):
        return f32(np.round(self.rng.uniform(low, high, size=shape), 3))

    def distinct(self, *shape):
        """Numbers at least 0.1 apart, so that no maximum is near a tie, and none within 0.05 of 0."""
        n = int(np.prod(shape))
        return f32(((self.rng.permutation(n) - n / 2 + 0.5) / 10).reshape(shape))

    def away(self, *shape, kinks=(0.0,), gap=0.02, scale=1.5):
        """Normal numbers, none of them near a kink."""
        x = self.normal(*shape, scale=scale)
        for kink in kinks:
            near = np.abs(x - kink) < gap
            x = np.where(near, f32(kink + 3 * gap), x)
        return f32(x)

    def case(self, name, inputs, nodes, function, *, batch=(), constant=(), still=(), outputs=("y",), smooth=True, tolerance="Close"):
        """Returns the case.

        batch: inputs whose first dimension is the batch; constant: inputs that are initializers when the batch is
        symbolic; still: inputs without a gradient; smooth: False where finite differences make no sense.
        """
        tensors = {}
        for key, value in inputs.items():
            value = np.asarray(value)
            tensor = torch.from_numpy(value.astype(np.float64) if value.dtype.kind == "f" else value.copy())
            tensors[key] = tensor.requires_grad_(value.dtype.kind == "f" and key not in still)
        results = function(*tensors.values())
        results = results if isinstance(results, tuple) else (results,)
        assert len(results) == len(outputs), name
        listed, total = [], 0
        for key, result in zip(outputs, results):
            entry = {"name": key, "shape": list(result.shape), "data": numbers(result)}
            if result.dtype == torch.float64 and result.requires_grad:
                cotangent = self.normal(*result.shape)
                entry["cotangent"] = numbers(cotangent)
                total = total + (result * torch.from_numpy(cotangent.astype(np.float64))).sum()
            listed.append(entry)
        wanted = [key for key, tensor in tensors.items() if tensor.requires_grad]
        found = torch.autograd.grad(total, [tensors[key] for key in wanted], allow_unused=True)
        gradients = {}
        for key, gradient in zip(wanted, found):
            gradient = torch.zeros_like(tensors[key]) if gradient is None else gradient
            assert torch.isfinite(gradient).all(), f"{name}: gradient of {key} is not finite"
            gradients[key] = numbers(gradient)
        described = [
            {
                "name": key,
                "dtype": DTYPES[np.asarray(value).dtype.kind] if np.asarray(value).dtype.kind in "fb" else np.asarray(value).dtype.name.replace("uint", "U").replace("int", "I"),
                "shape": list(np.asarray(value).shape),
                "batch": key in batch,
                "constant": key in constant,
                "data": numbers(np.asarray(value)),
            }
            for key, value in inputs.items()
        ]
        case = {"name": name, "inputs": described, "nodes": nodes, "outputs": listed, "gradients": gradients}
        return case | {"smooth": smooth, "tolerance": tolerance}


def node(op, inputs, outputs="y", **attributes):
    """Returns a node; inputs and outputs are names separated by blanks, `-` leaves one out."""
    return {"op": op, "inputs": inputs.split(), "outputs": outputs.split(), "attributes": attributes}


def f32(x):
    return np.asarray(x, dtype=np.float32)


def rounded(x):
    """Returns a Python float as Brinell's f32 attributes hold it."""
    return float(np.float32(x))


def numbers(x):
    """Returns the elements as the shortest decimal numbers that give the same f32 or f64 back."""
    if isinstance(x, torch.Tensor):
        x = x.detach().numpy()
    if x.dtype == np.float32:
        return [float(str(v)) for v in x.ravel()]
    if x.dtype.kind == "f":
        return [float(v) for v in x.ravel()]
    return [int(v) for v in x.ravel()]
