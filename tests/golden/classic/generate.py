"""Classic models as scikit-learn trains and skl2onnx exports them, what ONNX Runtime says of them, and the nearest inputs of another class.

The nearest inputs are found by looking at every cell that the thresholds of all trees cut: in a cell all inputs have one class, and the nearest of
them to a sample is taken feature by feature. Distances are those of the changes divided by the range of the feature in the table.
"""

import csv
import hashlib
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
import skl2onnx
import sklearn
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

HERE = pathlib.Path(__file__).parent
N = 60
VERSIONS = {module.__name__: module.__version__ for module in [sklearn, skl2onnx, onnx, ort, np]}
rng = np.random.default_rng(7)
age = rng.integers(18, 91, N)
pay = rng.normal(40, 12, N).round(2)
score = rng.uniform(0, 1, N).round(3)
X = np.stack([age, pay, score], 1).astype(np.float32)
three = np.array(["low", "mid", "high"])[np.digitize(age / 90 + score + rng.normal(0, 0.1, N), [0.8, 1.3])]
two = (pay / 40 + score + rng.normal(0, 0.1, N) > 1.5).astype(int)


def save(name, model, y):
    model.fit(X, y)
    opsets = {"": 17, "ai.onnx.ml": 3}
    (HERE / f"{name}.onnx").write_bytes(to_onnx(model, X[:1], target_opset=opsets).SerializeToString())
    session = ort.InferenceSession(HERE / f"{name}.onnx")
    labels = [str(label) for label in session.run(None, {"X": X})[0]]
    assert labels == [str(label) for label in model.predict(X)]
    return {"labels": labels}


def table(name, y):
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["age", "pay", "score", "label"])
        writer.writerows([[int(a), p, s, label] for a, p, s, label in zip(age, pay, score, y)])


def nearest(name, wanted, values):
    """Distance of every sample to the nearest input with another class; `values` gives the allowed value of a cell."""
    node = next(n for n in onnx.load(HERE / f"{name}.onnx").graph.node if n.op_type.startswith("TreeEnsemble"))
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    session = ort.InferenceSession(HERE / f"{name}.onnx")
    lo, hi = X.min(0), X.max(0)
    unit = hi.astype(np.float64) - lo
    edges = [set() for _ in lo]
    for feature, value, mode in zip(attributes["nodes_featureids"], attributes["nodes_values"], attributes["nodes_modes"]):
        if mode == b"BRANCH_LEQ" and lo[feature] <= np.float32(value) < hi[feature]:
            edges[feature].add(np.float32(value))
    found = []
    for x in X:
        axes = []
        for feature, cuts in enumerate(edges):
            ends = sorted(cuts)
            starts = [lo[feature]] + [np.nextafter(cut, np.float32(np.inf)) for cut in ends]
            cells = zip(starts, [*ends, hi[feature]])
            axes.append([v for v in (values(feature, x[feature], a, b) for a, b in cells) if v is not None])
        points = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")], 1).astype(np.float32)
        own = session.run(None, {"X": x[None]})[0][0]
        classes = np.array(session.run(None, {"X": points})[0])
        changes = np.abs(points[classes != own].astype(np.float64) - x.astype(np.float64)) / unit
        norms = {"linf": changes.max(1), "l2": np.sqrt((changes**2).sum(1)), "l1": changes.sum(1), "l0": (changes > 0).sum(1)} if len(changes) else {}
        found.append(float(norms[wanted].min()) if norms else None)
    return found


def anything(_, x, a, b):
    return min(max(x, a), b)


def ruled(feature, x, a, b):
    """Whole ages, pay that does not change, scores that only rise."""
    if feature == 0:
        least, most = np.ceil(a), np.floor(b)
        return None if least > most else min(max(x, least), most)
    if feature == 1:
        return x if a <= x <= b else None
    return None if b < x else max(x, a)


table("three", three)
table("two", two)
expected = {
    "forest": save("forest", RandomForestClassifier(8, max_depth=4, random_state=7), three),
    "boosted": save("boosted", GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=7), two),
    "logistic": save("logistic", make_pipeline(StandardScaler(), LogisticRegression()), three),
    "vectors": save("vectors", make_pipeline(StandardScaler(), SVC(kernel="linear")), two),
}
for name in ["forest", "boosted"]:
    for norm in ["linf", "l2", "l1", "l0"]:
        expected[name][norm] = nearest(name, norm, anything)
    expected[name]["ruled"] = nearest(name, "linf", ruled)
(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
files = sorted(path.name for path in HERE.iterdir() if path.name != "manifest.json")
digests = {name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in files}
manifest = {"generator": "tests/golden/classic/generate.py", "versions": VERSIONS, "seed": 7, "files": digests}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
