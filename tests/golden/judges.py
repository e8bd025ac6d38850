"""Gradient graphs on software that Brinell does not use: OpenVINO's plugin for processors and the reference evaluator of `onnx`.

    python judges.py DIR

DIR/cases.json lists cases: a file of DIR, feeds by name, and the outputs that are right; where these are absent ONNX Runtime says them.
`crates/engine/tests/judges.rs` writes them and runs this. Exits with 0 where all that is installed agrees, with 1 and the reasons where something
does not, and with 77 where neither is installed.
"""

import json
import sys
from pathlib import Path

try:
    import numpy as np
except ImportError as missing:
    print(missing)
    sys.exit(77)

# Largest difference of an element, relative to the larger of 1 and the largest element.
LOOSE = 1e-4
# Smallest cosine of a gradient of a whole network with ONNX Runtime's, and largest difference relative to the largest element: a value that rounding
# puts on the other side of a kink changes single elements.
COSINE, NETWORK = 0.9999, 1e-2

# What a judge does not compute as ONNX says: a part of the case's name or of what is wrong with it, and why. A line that fits no case is a failure, so
# that none stays here for longer than it is true.
ODD = {
    "openvino": [
        ("window/max_pool_2d_ceil_drops", "ONNX's shape inference counts a window that starts behind the input"),
        ("com.microsoft.QLinearGlobalAveragePool", "it does not have the operator"),
        ("com.microsoft.QGemm", "it does not have the operator"),
        ("quant/qlinear_conv", "it wants the quantisation in another form"),
    ],
    "onnx": [
        ("from domain 'com.microsoft' is unknown", "it has the operators of ONNX only"),
        ("cannot reshape array of size", "its transposed convolution does not run with groups"),
        ("could not broadcast input array", "the same"),
    ],
}


def openvino():
    import openvino

    core = openvino.Core()

    def run(path, feeds):
        model = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = model({port: feeds[port.get_any_name()] for port in model.inputs})
        return [found[port] for port in model.outputs]

    return f"OpenVINO {openvino.__version__}", run


def reference():
    import onnx
    import onnx.reference

    def run(path, feeds):
        with np.errstate(all="ignore"):
            return onnx.reference.ReferenceEvaluator(onnx.load(path)).run(None, feeds)

    return f"onnx {onnx.__version__}", run


def onnxruntime(path, feeds):
    import onnxruntime

    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)


def array(value, dtype=np.float64):
    """JSON has no NaN and no infinities: Brinell writes null for NaN."""
    return np.array([np.nan if x is None else x for x in value["data"]], np.float64).reshape(value["shape"]).astype(dtype)


def typed(path, feeds):
    """The feeds that the file takes, in its types."""
    import onnx

    types = {port.name: onnx.helper.tensor_dtype_to_np_dtype(port.type.tensor_type.elem_type) for port in onnx.load(path).graph.input}
    return {name: array(value, types[name]) for name, value in feeds.items() if name in types}


def problem(found, expected, network):
    if list(found.shape) != list(expected.shape):
        return f"shape {list(found.shape)} instead of {list(expected.shape)}"
    found, expected = np.asarray(found, np.float64).ravel(), np.asarray(expected, np.float64).ravel()
    if not np.array_equal(np.isfinite(found), np.isfinite(expected)):
        return "finite where it must not be, or the other way round"
    found, expected = found[np.isfinite(found)], expected[np.isfinite(expected)]
    if found.size == 0:
        return None
    size = np.abs(expected).max()
    worst = np.abs(found - expected).max()
    if network:
        cosine = found @ expected / max(np.linalg.norm(found) * np.linalg.norm(expected), 1e-300)
        return None if cosine >= COSINE and worst <= NETWORK * size else f"cosine {cosine:.6f}, largest relative difference {worst / size:.1e}"
    return None if worst <= LOOSE * max(size, 1.0) else f"largest difference {worst:.1e}, where the largest element is {size:.1e}"


def check(run, path, case):
    feeds = typed(path, case["feeds"])
    network = "expected" not in case
    expected = onnxruntime(path, feeds) if network else [array(value) for value in case["expected"]]
    try:
        found = run(path, feeds)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[-1][:200]}"
    return next(filter(None, (problem(np.asarray(f), e, network) for f, e in zip(found, expected, strict=True))), None)


def main(folder):
    cases = json.loads((folder / "cases.json").read_text())
    wrong, judged = 0, 0
    for judge, opened in (("openvino", openvino), ("onnx", reference)):
        try:
            name, run = opened()
        except ImportError as error:
            print(f"{judge} does not judge: {error}")
            continue
        judged += 1
        seen = set()
        for case in cases:
            # A judge that crashes leaves the name of the case behind.
            print(case["name"], file=sys.stderr, flush=True)
            found = check(run, str(folder / case["file"]), case)
            if found is None:
                continue
            odd = {part for part, _ in ODD[judge] if part in f"{case['name']}: {found}"}
            seen |= odd
            if not odd:
                wrong += 1
                print(f"{name}, {case['name']}: {found}")
        for part, why in ODD[judge]:
            if part not in seen:
                wrong += 1
                print(f"{name}: no case meets `{part}` ({why}) any more")
        print(f"{name}: {len(cases)} gradients")
    sys.exit(1 if wrong else 0 if judged else 77)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
