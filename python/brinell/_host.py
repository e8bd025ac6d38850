"""Python objects as models: functions, torch modules through their own autograd, and objects with `logits` and `vjp`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _data
from ._errors import UsageError

Array = np.ndarray[Any, Any]

_SEEN = 64


class Host:
    """What the native part asks of a model: float32 numbers as bytes in and out.

    Whatever the object does wrong is an exception here, before a number of it is used.
    """

    platform = ("python", ".".join(map(str, sys.version_info[:3])))
    device = "cpu"
    gradient = False

    def __init__(self, model: Any, x: Any, outputs: str, classes: int | None) -> None:
        samples = _data.array(x, "x")
        if samples.ndim < 2:
            raise UsageError(f"x has shape {samples.shape}; its first axis must be the samples, and at least one more their values")
        self.model = model
        self.name = _name(model)
        self.sample = list(samples.shape[1:])
        self.labels = outputs == "labels"
        # A copy: what a function does to its input must not reach the user's array.
        first = np.array(samples[:_SEEN], dtype=np.float32, order="C")
        said = self._said(self._ask, first)
        if self.labels:
            labels = self._checked_labels(said, len(first))
            self.width = max(2, classes or 0, int(labels.max(initial=0)) + 1)
        else:
            if said.ndim != 2 or len(said) != len(first):
                hint = "; give outputs='labels' if it returns class numbers" if said.ndim == 1 else ""
                raise UsageError(f"{self.name} returns an array of shape {said.shape} for {len(first)} samples, where [n, K] scores are due{hint}")
            if said.shape[1] < 2:
                raise UsageError(f"{self.name} returns one score for each sample; return one for each class, such as [-s, s]")
            self.width = said.shape[1]

    def identity(self) -> str:
        """Text that stands for the model in the record."""
        import hashlib

        code = getattr(self.model, "__code__", None) or getattr(getattr(type(self.model), "__call__", None), "__code__", None)
        body = hashlib.sha256(code.co_code).hexdigest() if code is not None else ""
        return f"{self.name}\n{body}"

    def values(self, x: bytes, rows: int) -> bytes:
        """Scores `[rows, K]`, or class numbers `[rows]`."""
        said = self._said(self._ask, self._rows(x, rows))
        if self.labels:
            return self._checked_labels(said, rows).astype(np.float32).tobytes()
        return self._floats(said, (rows, self.width), "scores")

    def pull(self, x: bytes, w: bytes, rows: int) -> tuple[bytes, bytes]:
        """Scores, and the gradient of their sum weighted with `w`."""
        raise NotImplementedError

    def _ask(self, x: Array) -> Any:
        return self.model(x)

    def _rows(self, x: bytes, rows: int) -> Array:
        return np.frombuffer(x, dtype=np.float32).reshape(rows, *self.sample).copy()

    def _said(self, ask: Callable[[Array], Any], x: Array) -> Array:
        before = x.copy()
        said = ask(x)
        if not np.array_equal(before, x, equal_nan=True):
            raise UsageError(f"{self.name} changes its input; let it work on a copy")
        return self._array(said)

    def _array(self, said: Any) -> Array:
        if said is None:
            raise UsageError(f"{self.name} returns nothing")
        if hasattr(said, "detach"):
            said = said.detach().cpu()
        values = np.asarray(said)
        if values.dtype.kind not in "fiub":
            raise UsageError(f"{self.name} returns elements of type {values.dtype}, not numbers")
        return values

    def _floats(self, values: Array, shape: tuple[int, ...], what: str) -> bytes:
        if values.shape != shape:
            raise UsageError(f"{self.name} returns {what} of shape {values.shape} for {shape[0]} samples, where {shape} is due")
        return np.ascontiguousarray(values, dtype=np.float32).tobytes()

    def _checked_labels(self, values: Array, rows: int) -> Array:
        if values.shape != (rows,):
            hint = "; give outputs='scores' if these are scores" if values.ndim == 2 else ""
            raise UsageError(f"{self.name} returns an array of shape {values.shape} for {rows} samples, where [n] class numbers are due{hint}")
        if values.dtype.kind == "f" and not np.array_equal(values, np.floor(values)):
            raise UsageError(f"{self.name} returns {values.dtype} numbers that are no class numbers; give outputs='scores' if these are scores")
        if rows and values.min() < 0:
            raise UsageError(f"{self.name} returns the class number {values.min()}; classes are counted from 0")
        return values


class Protocol(Host):
    """An object with `logits(x) -> [n, K]` and `vjp(x, w) -> (logits, gradient)`, the gradient of the sum of `w * logits`."""

    gradient = True

    def _ask(self, x: Array) -> Any:
        return self.model.logits(x)

    def pull(self, x: bytes, w: bytes, rows: int) -> tuple[bytes, bytes]:
        inputs = self._rows(x, rows)
        before = inputs.copy()
        said = self.model.vjp(inputs, np.frombuffer(w, dtype=np.float32).reshape(rows, self.width).copy())
        if not np.array_equal(before, inputs, equal_nan=True):
            raise UsageError(f"{self.name} changes its input; let it work on a copy")
        if not isinstance(said, tuple) or len(said) != 2:
            raise UsageError(f"vjp of {self.name} returns {type(said).__name__}, where a tuple of logits and gradient is due")
        values, gradient = (self._array(part) for part in said)
        return self._floats(values, (rows, self.width), "logits"), self._floats(gradient, (rows, *self.sample), "a gradient")


class Torch(Host):
    """A `torch.nn.Module` through its own autograd, on its own device and in its own precision. Its weights get no gradient."""

    gradient = True

    def __init__(self, model: Any, x: Any, outputs: str, classes: int | None) -> None:
        if outputs != "scores":
            raise UsageError("a torch module is attacked through its logits; wrap it in a function to attack its labels")
        self._torch = torch = sys.modules["torch"]
        self.platform = ("torch", torch.__version__)
        parameter = next(model.parameters(), None)
        self._device = parameter.device if parameter is not None else torch.device("cpu")
        self._dtype = parameter.dtype if parameter is not None and parameter.dtype.is_floating_point else torch.float32
        self.device = str(self._device)
        self.model = model
        self._pulls = False
        self._kept: tuple[bytes, Any, Any] | None = None
        super().__init__(model, x, outputs, classes)
        self._refuse_probabilities(_data.array(x, "x"))

    def identity(self) -> str:
        """The name of the module with the digest of all its parameters and buffers."""
        import hashlib

        digest = hashlib.sha256()
        for name, tensor in sorted(self.model.state_dict().items()):
            content = tensor.detach().cpu().contiguous()
            digest.update(f"{name} {tuple(content.shape)} {content.dtype}\n".encode())
            digest.update(content.reshape(-1).view(self._torch.uint8).numpy().tobytes() if content.numel() else b"")
        return f"{self.name}\n{digest.hexdigest()}"

    def values(self, x: bytes, rows: int) -> bytes:
        if not self._pulls:
            return super().values(x, rows)
        # What follows is the gradient at the same points, which then costs no second forward pass.
        _, logits = self._forward(x, rows)
        return self._logits(logits, rows)

    def pull(self, x: bytes, w: bytes, rows: int) -> tuple[bytes, bytes]:
        torch = self._torch
        self._pulls = True
        kept, self._kept = self._kept, None
        inputs, logits = kept[1:] if kept is not None and kept[0] == x else self._forward(x, rows)
        self._kept = None
        values = self._logits(logits, rows)
        weights = torch.frombuffer(bytearray(w), dtype=torch.float32).reshape(rows, self.width).to(device=logits.device, dtype=logits.dtype)
        gradient = torch.autograd.grad(logits, inputs, grad_outputs=weights, allow_unused=True)[0] if logits.requires_grad else None
        if gradient is None:
            raise UsageError(f"the output of {self.name} is detached from its input, so that there is no gradient; look for detach(), .data, numpy or no_grad in it")
        return values, self._floats(self._array(gradient.float()), (rows, *self.sample), "a gradient")

    def _forward(self, x: bytes, rows: int) -> tuple[Any, Any]:
        torch = self._torch
        inputs = torch.frombuffer(bytearray(x), dtype=torch.float32).reshape(rows, *self.sample).to(device=self._device, dtype=self._dtype)
        with torch.enable_grad():
            inputs.requires_grad_(True)
            # A module that works in place would change the leaf, which autograd refuses.
            logits = self._call(inputs)
        self._kept = (x, inputs, logits)
        return inputs, logits

    def _logits(self, logits: Any, rows: int) -> bytes:
        return self._floats(self._array(logits.float()), (rows, self.width), "logits")

    def _ask(self, x: Array) -> Any:
        with self._torch.no_grad():
            return self._call(self._torch.from_numpy(x).to(device=self._device, dtype=self._dtype)).float()

    def _call(self, inputs: Any) -> Any:
        training = next((name or "it" for name, part in self.model.named_modules() if part.training), None)
        if training is not None:
            which = "the module" if self.model.training else f"its part {training}"
            raise UsageError(f"{which} is in training mode, in which dropout and batch normalisation change its answers; call model.eval() first")
        said = self.model(inputs)
        if not isinstance(said, self._torch.Tensor):
            raise UsageError(f"the module returns {type(said).__name__}, not one tensor of logits")
        return said

    def _refuse_probabilities(self, samples: Array) -> None:
        first = np.array(samples[:8], dtype=np.float32, order="C")
        said = self._array(self._ask(first))
        if len(said) and said.min() >= 0 and np.allclose(said.sum(axis=1), 1, atol=1e-5):
            raise UsageError(f"{self.name} returns probabilities, whose softmax hides gradients; give a module that returns logits")


def _name(model: Any) -> str:
    named = model if hasattr(model, "__qualname__") else type(model)
    return f"{named.__module__}.{named.__qualname__}"


def host(model: Any, x: Any, y: Any, *, via: str, outputs: str, classes: Any) -> Host | None:
    """Returns the object as what the native part asks, or `None` where a file is made of the model.

    Raises:
        UsageError: `via` or `outputs` is unknown, or the object cannot be asked.
    """
    if via not in ("onnx", "autograd"):
        raise UsageError(f"via is 'onnx' or 'autograd', not {via!r}")
    if outputs not in ("scores", "labels"):
        raise UsageError(f"outputs is 'scores' or 'labels', not {outputs!r}")
    torch = sys.modules.get("torch.nn")
    kind: type[Host]
    if torch is not None and isinstance(model, torch.Module):
        if via == "onnx":
            return None
        kind = Torch
    elif via == "autograd" and not (hasattr(model, "logits") and hasattr(model, "vjp")):
        raise UsageError("via='autograd' needs a torch module, or an object with the methods logits(x) and vjp(x, w)")
    elif hasattr(model, "logits") and hasattr(model, "vjp"):
        kind = Protocol
    elif callable(model) and not hasattr(model, "predict_proba") and not hasattr(model, "decision_function"):
        kind = Host
    else:
        return None
    if x is None:
        raise UsageError("a Python object is audited on samples that are given as x")
    if _data.is_table(x):
        x = np.asarray(x)
    named = len(classes) if isinstance(classes, (list, tuple)) else None
    labels = np.asarray(y) if y is not None else np.empty(0)
    highest = int(labels.max()) + 1 if labels.ndim == 1 and labels.size and labels.dtype.kind in "iu" else None
    return kind(model, x, outputs, named or highest)
