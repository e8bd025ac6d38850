#!/usr/bin/env python3
"""Tree ensembles of many writers and kinds, and what ONNX Runtime says of them on both sides of their edges.

    python tests/golden/trees/generate.py     # needs scikit-learn, skl2onnx, lightgbm, xgboost, onnxmltools, onnxruntime

The points beside edges are found without looking at the trees: between two rows that differ in one feature and get different scores, the numbers in
single precision are halved until two neighbours are left that get different scores.
"""

import hashlib
import json
import pathlib
import warnings

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime as ort
import skl2onnx
import sklearn
import xgboost
from onnx import TensorProto, helper, numpy_helper
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
SEED = 11
F = np.float32
VERSIONS = {m.__name__: m.__version__ for m in [sklearn, skl2onnx, lightgbm, xgboost, onnxmltools, onnx, ort, np]}
rng = np.random.default_rng(SEED)
N = 200
X = np.stack([rng.normal(30, 9, N), rng.normal(0, 0.01, N), rng.uniform(-1, 1, N), rng.integers(0, 7, N), rng.integers(-1, 4, N)], 1).astype(F)
TWO = (X[:, 0] / 30 + 60 * X[:, 1] + np.isin(X[:, 3], [1, 4, 5]) + rng.normal(0, 0.3, N) > 1.5).astype(int)
THREE = np.digitize(X[:, 0] / 30 + X[:, 2] + (X[:, 4] == 2) + rng.normal(0, 0.2, N), [0.8, 1.5])
NAMES = np.array(["deny", "grant", "ask"])
expected = {}


def neighbours(f, a, b, feature):
    """Two rows between a and b that differ in one feature, by one number in single precision, and get different scores."""
    key = lambda v: int(np.int32(np.frombuffer(F(v).tobytes(), np.int32)[0])) if v >= 0 else -int(np.int32(np.frombuffer(F(-v).tobytes(), np.int32)[0]))
    number = lambda k: F(np.frombuffer(np.int32(abs(k)).tobytes(), F)[0]) * (F(1) if k >= 0 else F(-1))
    at = lambda k: np.where(np.arange(len(a)) == feature, number(k), a).astype(F)
    lo, hi = key(a[feature]), key(b[feature])
    start, end = f(at(lo)[None])[0], f(at(hi)[None])[0]
    if np.array_equal(start, end):
        return []
    while abs(hi - lo) > 1:
        middle = (lo + hi) // 2
        if np.array_equal(f(at(middle)[None])[0], start):
            lo = middle
        else:
            hi = middle
    return [at(lo), at(hi)]


def save(name, model, threshold=None, output=-1, rows=X, dtype=F):
    data = model.SerializeToString()
    (HERE / f"{name}.onnx").write_bytes(data)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name

    def f(x):
        return np.array(session.run(None, {entry: x.astype(dtype)})[output], np.float64).reshape(len(x), -1)

    points = list(rows[rng.permutation(len(rows))[:20]])
    tried = 0
    while len(points) < 80 and tried < 2000:
        tried += 1
        a, b, feature = rows[rng.integers(len(rows))], rows[rng.integers(len(rows))], rng.integers(rows.shape[1])
        points += neighbours(f, a, b, feature)
    scores = np.concatenate([f(np.array(p)[None]) for p in points])
    expected[name] = {"threshold": threshold, "points": [[float(v) for v in p] for p in points], "scores": scores.tolist()}
    print(name, len(data), len(points), len(np.unique(scores, axis=0)))


def sk(name, model, y, dtype=F, **more):
    model.fit(X, y)
    options = {} if hasattr(model, "predict_proba") is False else {"options": {"zipmap": False}}
    save(name, to_onnx(model, X[:1].astype(dtype), target_opset={"": 17, "ai.onnx.ml": 3}, **options, **more), dtype=dtype)


def model(node, outputs, dtype=TensorProto.FLOAT, width=5, before=(), initializers=(), opset=3):
    graph = helper.make_graph(
        [*before, node],
        "trees",
        [helper.make_tensor_value_info("X", dtype, [None, width])],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs],
        list(initializers),
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", opset)], ir_version=8)


def tree(features, modes, depth):
    """A random full tree: nodes in the order of a walk, each (feature, mode, value) or None for a leaf, with the places of its children."""
    nodes = []

    def grow(depth):
        place = len(nodes)
        nodes.append(None)
        if depth == 0:
            return place
        feature = int(rng.choice(features))
        nodes[place] = [feature, str(rng.choice(modes)), float(X[rng.integers(N), feature]), 0, 0]
        nodes[place][3] = grow(depth - 1)
        nodes[place][4] = grow(depth - 1)
        return place

    grow(depth)
    return nodes


def listed(trees, kind, scores, wide=False, **more):
    """The attributes of the operators before opset 5; `scores(leaf number)` are what a leaf adds, as (score, weight)."""
    out = {f"nodes_{k}": [] for k in ["treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids"]}
    leaves = {f"{kind}_{k}": [] for k in ["treeids", "nodeids", "ids", "weights"]}
    for number, nodes in enumerate(trees):
        for place, node in enumerate(nodes):
            feature, mode, value, yes, no = node or (0, "LEAF", 0.0, 0, 0)
            for key, v in zip(out, [number, place, feature, mode, value, yes, no]):
                out[key].append(v)
            for score, weight in scores() if node is None else []:
                for key, v in zip(leaves, [number, place, score, weight]):
                    leaves[key].append(v)
    if wide:
        for name, where in [("nodes_values", out), (f"{kind}_weights", leaves)]:
            where[f"{name}_as_tensor"] = numpy_helper.from_array(np.array(where.pop(name), np.float64))
    return {**out, **leaves, **more}


def flat(trees, targets, kind=F, members=None, **more):
    """The attributes of TreeEnsemble in opset 5."""
    number = {"BRANCH_LEQ": 0, "BRANCH_LT": 1, "BRANCH_GTE": 2, "BRANCH_GT": 3, "BRANCH_EQ": 4, "BRANCH_NEQ": 5, "BRANCH_MEMBER": 6}
    nodes, leaves, roots, sets = [], [], [], []
    for tree_nodes in trees:
        inner = [place for place, node in enumerate(tree_nodes) if node]
        at = {place: len(nodes) + k for k, place in enumerate(inner)}
        roots.append(len(nodes))
        for place, node in enumerate(tree_nodes):
            if node is None:
                at[place] = len(leaves)
                leaves.append((int(rng.integers(targets)), float(rng.normal())))
        for place in inner:
            feature, mode, value, yes, no = tree_nodes[place]
            nodes.append((number[mode], value, feature, at[yes], tree_nodes[yes] is None, at[no], tree_nodes[no] is None))
            if mode == "BRANCH_MEMBER":
                sets += [*rng.choice([1, 2, 3, 4, 5, 6], 3, replace=False).tolist(), float("nan")]
    column = lambda k: [int(node[k]) for node in nodes]
    array = lambda values, dtype: numpy_helper.from_array(np.array(values, dtype))
    return {
        "nodes_modes": array(column(0), np.uint8),
        "nodes_splits": array([node[1] for node in nodes], kind),
        "nodes_featureids": column(2),
        "nodes_truenodeids": column(3),
        "nodes_trueleafs": column(4),
        "nodes_falsenodeids": column(5),
        "nodes_falseleafs": column(6),
        "tree_roots": roots,
        "leaf_targetids": [leaf[0] for leaf in leaves],
        "leaf_weights": array([leaf[1] for leaf in leaves], kind),
        **({"membership_values": array(sets, kind)} if sets else {}),
        "n_targets": targets,
        **more,
    }


def operator(name, op, attributes, outputs, threshold=None, width=None, dtype=F, opset=3, **more):
    node = helper.make_node(op, [more.pop("entry", "X")], [o[0] for o in outputs], domain="ai.onnx.ml", **attributes)
    kind = TensorProto.DOUBLE if dtype == np.float64 else TensorProto.FLOAT
    save(name, model(node, outputs, kind, opset=opset, **more), threshold, dtype=dtype)


# Pipelines: scalers of all kinds, columns by themselves, categories.
sk("standard", make_pipeline(StandardScaler(), RandomForestClassifier(4, max_depth=3, random_state=SEED)), NAMES[THREE])
sk("minmax", make_pipeline(MinMaxScaler(clip=True), GradientBoostingClassifier(n_estimators=4, random_state=SEED)), TWO)
sk("robust", make_pipeline(RobustScaler(), SimpleImputer(), GradientBoostingClassifier(n_estimators=3, max_depth=2, random_state=SEED)), THREE)
sk("maxabs", make_pipeline(MaxAbsScaler(), ExtraTreesClassifier(4, max_depth=3, random_state=SEED)), TWO)
sk("binarized", make_pipeline(Binarizer(threshold=0.25), ExtraTreesClassifier(4, max_depth=3, random_state=SEED)), TWO)
groups = ColumnTransformer([
    ("standard", StandardScaler(), [2, 0]),
    ("categories", OneHotEncoder(handle_unknown="ignore"), [3, 4]),
    ("minmax", MinMaxScaler(), [1]),
    ("as they are", "passthrough", [3]),
])
sk("groups", make_pipeline(groups, RandomForestClassifier(4, max_depth=4, random_state=SEED)), THREE)
sk("double_input", RandomForestClassifier(4, max_depth=3, random_state=SEED), THREE, dtype=np.float64)
sk("double_standard", make_pipeline(StandardScaler(), RandomForestClassifier(4, max_depth=3, random_state=SEED)), TWO, dtype=np.float64)
sk("single_tree", DecisionTreeClassifier(max_depth=4, random_state=SEED), TWO)

# Other writers.
columns = [("x", FloatTensorType([None, 5]))]
fast = dict(n_estimators=4, num_leaves=5, verbose=-1, random_state=SEED)
for name, y, more in [("lightgbm_two", TWO, {}), ("lightgbm_three", THREE, {}), ("lightgbm_categories", TWO, dict(min_data_per_group=5, cat_smooth=1, max_cat_to_onehot=1))]:
    booster = lightgbm.LGBMClassifier(**fast, **more).fit(X, y, categorical_feature=[3] if more else "auto")
    save(name, onnxmltools.convert_lightgbm(booster, initial_types=columns, target_opset=15, zipmap=False))
for name, y, more in [("xgboost_two", TWO, {}), ("xgboost_three", THREE, {}), ("xgboost_base", TWO, dict(base_score=0.3))]:
    booster = xgboost.XGBClassifier(n_estimators=3, max_depth=3, random_state=SEED, **more).fit(X, y)
    save(name, onnxmltools.convert_xgboost(booster, initial_types=columns, target_opset=15))

# Every mode, by hand.
MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]
ALL = range(5)
score = [("Y", TensorProto.FLOAT, [None, 1])]
wide_score = [("Y", TensorProto.DOUBLE, [None, 1])]
three_scores = [("Y", TensorProto.FLOAT, [None, 3])]
both = lambda k: [("L", TensorProto.INT64, [None]), ("Y", TensorProto.FLOAT, [None, k])]
weight = lambda score=0: [(score, float(rng.normal()))]
positive = lambda score=0: [(score, float(rng.uniform(0, 0.3)))]
few = lambda: [(int(k), float(rng.normal())) for k in rng.choice(3, 2, replace=False)]
each = lambda: [(k, float(rng.normal())) for k in range(3)]
three = lambda: [tree(ALL, [m], 3) for m in MODES[:4]] + [tree([3, 4], MODES[4:], 3) for _ in range(2)]
operator("modes", "TreeEnsembleRegressor", listed(three(), "target", weight, n_targets=1), score, 0.25)
operator("average", "TreeEnsembleRegressor", listed(three(), "target", each, n_targets=3, aggregate_function="AVERAGE", base_values=[0.1, 0.2, -0.1]), three_scores)
operator("double_regressor", "TreeEnsembleRegressor", listed(three(), "target", weight, wide=True, n_targets=1), score, 0.25, dtype=np.float64)
labels = {"classlabels_int64s": [0, 1]}
operator("halves", "TreeEnsembleClassifier", listed(three(), "class", positive, **labels), both(2))
operator("halves_base", "TreeEnsembleClassifier", listed(three(), "class", positive, base_values=[0.1], **labels), both(2))
operator("signed", "TreeEnsembleClassifier", listed(three(), "class", weight, post_transform="SOFTMAX", **labels), both(2))
operator("second", "TreeEnsembleClassifier", listed(three(), "class", lambda: weight(1), post_transform="LOGISTIC", base_values=[0.3], **labels), both(2))
operator("logistic_three", "TreeEnsembleClassifier", listed(three(), "class", few, post_transform="LOGISTIC", classlabels_int64s=[0, 1, 2]), both(3))
operator("double_classifier", "TreeEnsembleClassifier", listed(three(), "class", few, wide=True, post_transform="SOFTMAX", classlabels_int64s=[0, 1, 2]), both(3), dtype=np.float64)
members = lambda: [tree([3, 4], ["BRANCH_MEMBER", "BRANCH_LEQ", "BRANCH_NEQ"], 3) for _ in range(3)] + [tree(ALL, MODES, 3)]
operator("opset5", "TreeEnsemble", flat(members(), 1), score, 0.1, opset=5)
operator("opset5_three", "TreeEnsemble", flat(members(), 3, aggregate_function=0, post_transform=1), three_scores, opset=5)
operator("opset5_softmax", "TreeEnsemble", flat(members(), 3, post_transform=2), three_scores, opset=5)
operator("opset5_double", "TreeEnsemble", flat(members(), 1, np.float64), wide_score, -0.1, dtype=np.float64, opset=5)

# A number for what is missing by another number.
imputer = helper.make_node("Imputer", ["X"], ["features"], domain="ai.onnx.ml", imputed_value_floats=[30.0, 0.0, 0.5, 2.0, 2.0], replaced_value_float=-1.0)
operator("imputed", "TreeEnsembleRegressor", listed(three(), "target", weight, n_targets=1), score, 0.0, entry="features", before=[imputer])

# Scales that turn the order, steps in both precisions, and a feature that is cut to whole numbers.
f32 = lambda name, values: numpy_helper.from_array(np.array(values, F), name)
before = [
    helper.make_node("Mul", ["X", "scale"], ["a"]),
    helper.make_node("Sub", ["offset", "a"], ["b"]),
    helper.make_node("Cast", ["b"], ["c"], to=TensorProto.DOUBLE),
    helper.make_node("Div", ["c", "divisor"], ["d"]),
    helper.make_node("Cast", ["d"], ["e"], to=TensorProto.FLOAT),
    helper.make_node("Cast", ["X"], ["whole"], to=TensorProto.INT64),
    helper.make_node("Cast", ["whole"], ["f"], to=TensorProto.FLOAT),
    helper.make_node("Less", ["X", "offset"], ["less"]),
    helper.make_node("Cast", ["less"], ["g"], to=TensorProto.FLOAT),
    helper.make_node("Concat", ["e", "f", "g"], ["features"], axis=1),
]
initializers = [f32("scale", [0.37, -113.0, 1.7, -0.3, 2.0]), f32("offset", [[9.1, 0.02, 0.1, 1.5, 0.5]]), numpy_helper.from_array(np.array([1.3, -0.7, 0.11, -3.0, 1.0]), "divisor")]
steps = lambda x: np.concatenate([((initializer(1)[0] - x * initializer(0)).astype(np.float64) / initializer(2)).astype(F), np.trunc(x), x < initializer(1)], 1).astype(F)
initializer = lambda k: numpy_helper.to_array(initializers[k])
plain, X_steps = X, steps(X)
X = X_steps
trees_of_steps = [tree(range(15), MODES[:4], 3) for _ in range(5)] + [tree(range(5, 10), MODES[4:], 2)]
X = plain
operator("steps", "TreeEnsembleRegressor", listed(trees_of_steps, "target", weight, n_targets=1), score, 0.0, entry="features", before=before, initializers=initializers)

(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
files = sorted(path.name for path in HERE.iterdir() if path.name != "manifest.json" and path.is_file())
digests = {name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in files}
manifest = {"generator": "tests/golden/trees/generate.py", "versions": VERSIONS, "seed": SEED, "files": digests}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
