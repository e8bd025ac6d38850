"""What may be given as a model, and the ONNX file or address that is judged."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import pathlib
import sys
import warnings
from typing import Any

import numpy as np

from ._errors import UsageError

_SEEN = 64
_AGREES = 1e-4


def _is_a(model: Any, package: str, name: str) -> bool:
    """Returns true for an instance of a class of a package, without importing it."""
    module = sys.modules.get(package)
    return module is not None and isinstance(model, getattr(module, name, ()))


def artefact(model: Any, x: Any, folder: pathlib.Path) -> str:
    """Returns the path or address of the model; what is no file yet is written to `folder`.

    - A path or an address stays what it is.
    - `bytes` and `onnx.ModelProto` are written to a file.
    - A `torch.nn.Module` in evaluation mode is exported with `torch.onnx.export`, on the first sample.
    - A fitted scikit-learn estimator or pipeline is converted with `skl2onnx`, an XGBoost or LightGBM model with `onnxmltools`.

    An exported file must agree with the object that it comes from on the first samples.

    Raises:
        UsageError: the model is of no such kind, is in training mode, or its export does not agree with it.
    """
    if isinstance(model, (str, os.PathLike)):
        return os.fspath(model)
    path = folder / "model.onnx"
    if isinstance(model, (bytes, bytearray, memoryview)):
        path.write_bytes(model)
    elif _is_a(model, "onnx", "ModelProto"):
        path.write_bytes(model.SerializeToString())
    elif _is_a(model, "torch.nn", "Module"):
        _export_torch(model, x, path)
    elif hasattr(model, "predict_proba") or hasattr(model, "decision_function"):
        _convert_estimator(model, x, path)
    else:
        raise UsageError(
            f"a model of type {type(model).__module__}.{type(model).__qualname__} cannot be audited; give the path of an ONNX file, its bytes, "
            "an onnx.ModelProto, a torch.nn.Module, a fitted scikit-learn, XGBoost or LightGBM classifier, a function, or the address of a server"
        )
    return str(path)


def _export_torch(model: Any, x: Any, path: pathlib.Path) -> None:
    torch = sys.modules["torch"]
    if model.training:
        raise UsageError("the module is in training mode, in which dropout and batch normalisation change its answers; call model.eval() first")
    if x is None:
        raise UsageError("x is needed to export a torch module")
    parameter = next(model.parameters(), None)
    device = parameter.device if parameter is not None else "cpu"
    dtype = parameter.dtype if parameter is not None else torch.float32
    first = torch.as_tensor(np.asarray(x[:1].detach().cpu() if hasattr(x, "detach") else x[:1])).to(device=device, dtype=dtype)
    # One sample is exported twice over, so that the batch stays free.
    example = first.repeat(2, *[1] * (first.dim() - 1))
    with torch.no_grad():
        said = model(example)
        _write_torch(torch, model, example, path)
    if not isinstance(said, torch.Tensor):
        raise UsageError(f"the module returns {type(said).__name__}, not one tensor of logits")
    _require_agreement(path, example.cpu().numpy(), said.cpu().numpy(), "module")


def _write_torch(torch: Any, model: Any, example: Any, path: pathlib.Path) -> None:
    """Exports with torch's present exporter; with the one before, where that one is not installed or cannot follow the module."""
    names: dict[str, Any] = {"input_names": ["x"], "output_names": ["logits"]}
    # Both exporters print what they do, and warn of what concerns their own developers.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            if importlib.util.find_spec("onnxscript") is None:
                raise ImportError("onnxscript")
            torch.onnx.export(model, (example,), str(path), dynamo=True, external_data=False, dynamic_shapes=({0: torch.export.Dim("n")},), verbose=False, **names)
        except Exception:  # noqa: BLE001
            torch.onnx.export(model, (example,), str(path), dynamo=False, dynamic_axes={"x": {0: "n"}, "logits": {0: "n"}}, **names)


def _convert_estimator(model: Any, x: Any, path: pathlib.Path) -> None:
    if x is None:
        raise UsageError("x is needed to convert an estimator")
    package = type(model).__module__.partition(".")[0]
    columns = x.shape[1] if hasattr(x, "shape") and len(x.shape) == 2 else None
    if columns is None:
        raise UsageError("x of an estimator must have the shape [n, features]")
    name = "skl2onnx" if package not in ("xgboost", "lightgbm") else "onnxmltools"
    try:
        converter = __import__(name)
    except ImportError as error:
        raise UsageError(f"converting {type(model).__qualname__} to ONNX needs the package {name}; install it with `pip install {name}`") from error
    if name == "skl2onnx":
        from skl2onnx.common.data_types import FloatTensorType  # type: ignore[import-not-found,import-untyped,unused-ignore]

        # Without a map of names, scores are an array whose columns are the classes.
        onnx_model = converter.to_onnx(model, initial_types=[("x", FloatTensorType([None, columns]))], options={"zipmap": False})
    else:
        from onnxmltools.convert.common.data_types import FloatTensorType  # type: ignore[import-not-found,import-untyped,unused-ignore]

        convert = converter.convert_xgboost if package == "xgboost" else converter.convert_lightgbm
        extra = {} if package == "xgboost" else {"zipmap": False}
        onnx_model = convert(model, initial_types=[("x", FloatTensorType([None, columns]))], **extra)
    path.write_bytes(onnx_model.SerializeToString())
    if hasattr(model, "predict_proba"):
        values = np.asarray(x.iloc[:_SEEN] if hasattr(x, "iloc") else x[:_SEEN], dtype=np.float32)
        _require_agreement(path, values, np.asarray(model.predict_proba(values)), "estimator")


def _require_agreement(path: pathlib.Path, values: np.ndarray[Any, Any], said: np.ndarray[Any, Any], what: str) -> None:
    """Compares what an object says of the first samples with what its file says, where ONNX Runtime can be imported."""
    try:
        import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: values})
    found = next((np.asarray(output) for output in outputs if np.shape(output) == said.shape), None)
    if found is None:
        shapes = ", ".join(str(np.shape(output)) for output in outputs)
        raise UsageError(f"the {what} gives an array of shape {said.shape} for {len(values)} samples, but its ONNX file gives {shapes}")
    apart = float(np.abs(found - said).max())
    if not apart <= _AGREES * max(1.0, float(np.abs(said).max())):
        raise UsageError(f"the ONNX file made from the {what} gives other values, which differ by up to {apart:.2g}; export the model yourself and give the file")
