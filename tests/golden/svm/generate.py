#!/usr/bin/env python3
"""Support vector machines as scikit-learn trains and skl2onnx exports them, what ONNX Runtime says of them, and its central differences.

    python tests/golden/svm/generate.py     # needs scikit-learn, skl2onnx, onnxruntime
"""

import hashlib
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
import skl2onnx
import sklearn
from skl2onnx import to_onnx
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR, NuSVC, OneClassSVM

HERE = pathlib.Path(__file__).parent
SEED = 5
VERSIONS = {module.__name__: module.__version__ for module in [sklearn, skl2onnx, onnx, ort, np]}
STEP = np.float32(2**-9)
rng = np.random.default_rng(SEED)
X = rng.normal(size=(40, 4)).astype(np.float32)
TWO = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
THREE = np.digitize(X[:, 0] + X[:, 1] * X[:, 3], [-0.5, 0.5])
FOUR = np.array(["a", "b", "c", "d"])[2 * (X[:, 0] > 0) + (X[:, 1] > 0)]
points = rng.normal(size=(12, 4)).astype(np.float32)
expected = {"points": points.tolist(), "step": float(STEP)}


def save(name, model, y=None, **options):
    model.fit(X, y)
    options = {"options": options} if options else {}
    data = to_onnx(model, X[:1], target_opset={"": 17, "ai.onnx.ml": 3}, **options).SerializeToString()
    (HERE / f"{name}.onnx").write_bytes(data)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    place = next(k for k, output in enumerate(session.get_outputs()) if output.type == "tensor(float)")
    f = lambda x: session.run(None, {"X": x})[place].astype(np.float64)
    gradients = []
    for axis in range(X.shape[1]):
        change = np.zeros(X.shape[1], np.float32)
        change[axis] = STEP
        gradients.append((f(points + change) - f(points - change)) / (2.0 * STEP))
    # [point, score, axis]
    expected[name] = {"output": names[place], "scores": f(points).tolist(), "gradients": np.stack(gradients, -1).tolist()}


plain = {"zipmap": False}
save("two_rbf", SVC(gamma=0.5), TWO, **plain)
save("three_rbf", SVC(), THREE, **plain)
save("three_linear", SVC(kernel="linear"), THREE, **plain)
save("three_poly", SVC(kernel="poly", degree=3, coef0=1.0), THREE, **plain)
save("four_sigmoid", SVC(kernel="sigmoid", gamma=0.2, decision_function_shape="ovo"), FOUR, **plain)
save("four_nu", NuSVC(nu=0.3), FOUR, **plain)
save("scaled", make_pipeline(StandardScaler(), SVC(gamma=0.3)), TWO, **plain)
save("regressor", SVR(kernel="poly", degree=2, coef0=0.5), X[:, 0])
save("one_class", OneClassSVM(gamma=0.3))
save("probabilities", SVC(probability=True, random_state=SEED), THREE, **plain)

(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
files = sorted(path.name for path in HERE.iterdir() if path.name != "manifest.json" and path.is_file())
digests = {name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in files}
manifest = {"generator": "tests/golden/svm/generate.py", "versions": VERSIONS, "seed": SEED, "files": digests}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
