"""Models as people have them, with what ONNX Runtime makes of them: nodes in any order, numbers of 2, 4 and 8 bits, sparse tensors, branches at run time.

Every case has one graph, a few inputs and the outputs of ONNX Runtime without its optimisations.
"""

import hashlib
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent
SEED = 11
rng = np.random.default_rng(SEED)
CASES = []
MS = "com.microsoft"


def array(x):
    return {"dtype": str(x.dtype), "shape": list(x.shape), "data": [float(v) if np.isfinite(v) else str(v) for v in x.ravel()]}


def constant(name, x):
    return numpy_helper.from_array(np.asarray(x), name)


def packed(name, numbers, shape, dtype):
    """A tensor of an element type that numpy does not have, from its codes or its numbers."""
    bits = {T.INT4: 4, T.UINT4: 4, T.INT2: 2, T.UINT2: 2}.get(dtype, 8)
    flat = [int(v) & ((1 << bits) - 1) for v in np.ravel(numbers)]
    each = 8 // bits
    flat += [0] * (-len(flat) % each)
    raw = bytes(sum(flat[i + j] << (bits * j) for j in range(each)) for i in range(0, len(flat), each))
    return onnx.TensorProto(name=name, data_type=dtype, dims=shape, raw_data=raw)


def case(name, nodes, initializers, inputs, outputs=("y",), opset=21, sparse=(), op=None):
    ports = [h.make_tensor_value_info(key, T.FLOAT, ["n", *value.shape[1:]]) for key, value in inputs.items()]
    results = [h.make_tensor_value_info(key, T.FLOAT, None) for key in outputs]
    graph = h.make_graph(nodes, name, ports, results, list(initializers), sparse_initializer=list(sparse))
    opsets = [h.make_opsetid("", opset), h.make_opsetid(MS, 1)]
    model = h.make_model(graph, opset_imports=opsets, ir_version=10)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        found = ort.InferenceSession(model.SerializeToString(), options).run(None, inputs)
    except Exception as error:  # what ONNX Runtime does not run has no foreign value
        print("left out:", name, str(error)[:150])
        return
    CASES.append({
        "name": name, "op": op or nodes[-1].op_type, "model": model.SerializeToString().hex(),
        "inputs": {key: array(value) for key, value in inputs.items()}, "outputs": [array(value) for value in found],
    })  # fmt: skip


def floats(*shape):
    return rng.normal(size=shape).astype(np.float32)


x = {"x": floats(3, 8)}

# --- order
mm, sub = h.make_node("MatMul", ["c", "w"], ["y"], "mm"), h.make_node("Sub", ["x", "half"], ["c"], "sub")
w = constant("w", floats(8, 4))
case("unsorted", [mm, sub], [w, constant("half", np.float32(0.5))], x)
case("unsorted_in_a_function_of_three", [
    h.make_node("Add", ["a", "b"], ["y"]), h.make_node("Relu", ["b"], ["a"]), h.make_node("Tanh", ["x"], ["b"]),
], [], x)  # fmt: skip
branch = h.make_graph([h.make_node("Relu", ["t"], ["o"]), h.make_node("MatMul", ["late", "w"], ["t"])], "then", [], [h.make_tensor_value_info("o", T.FLOAT, None)])
other = h.make_graph([h.make_node("Identity", ["p"], ["q"]), h.make_node("MatMul", ["late", "w"], ["p"])], "else", [], [h.make_tensor_value_info("q", T.FLOAT, None)])
chosen = h.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=other)
case("unsorted_inside_a_branch", [h.make_node("Neg", ["x"], ["late"]), chosen], [w, constant("yes", np.array(True))], x, op="If")

# --- whole numbers of 2 and 4 bits
for dtype, lo, hi in [(T.INT4, -8, 7), (T.UINT4, 0, 15), (T.INT2, -2, 1), (T.UINT2, 0, 3)]:
    kind = T.DataType.Name(dtype).lower()
    q = rng.integers(lo, hi + 1, (8, 5))
    mm = h.make_node("MatMul", ["x", "d"], ["y"])
    for grain, scale, zero, extra in [
        ("tensor", np.float32(0.3), rng.integers(lo, hi + 1), {}),
        ("axis", floats(5), rng.integers(lo, hi + 1, 5), {"axis": 1}),
        ("block", floats(2, 5), rng.integers(lo, hi + 1, (2, 5)), {"axis": 0, "block_size": 4}),
        ("uneven_block", floats(3, 5), rng.integers(lo, hi + 1, (3, 5)), {"axis": 0, "block_size": 3}),
    ]:
        dequantise = h.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], **extra)
        tensors = [packed("q", q, [8, 5], dtype), constant("s", scale), packed("z", zero, list(np.shape(zero)), dtype)]
        opset = 25 if dtype in (T.INT2, T.UINT2) else 21
        case(f"{kind}_{grain}", [dequantise, mm], tensors, x, op="DequantizeLinear", opset=opset)
    near = h.make_node("QuantizeLinear", ["x", "s", "z"], ["q"])
    back = h.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])
    opset = 25 if dtype in (T.INT2, T.UINT2) else 21
    tensors = [constant("s", np.float32(0.21)), packed("z", (lo + hi) // 2, [], dtype)]
    case(f"{kind}_there_and_back", [near, back], tensors, x, op="QuantizeLinear", opset=opset)

# --- blocks of values that are computed
for dtype in (np.int8, np.uint8):
    zero = np.full((3, 2), 3, dtype)
    near = h.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=1, block_size=4)
    back = h.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=1, block_size=4)
    case(f"blocks_{np.dtype(dtype)}", [near, back], [constant("s", np.abs(floats(3, 2)) / 20), constant("z", zero)], x, op="QuantizeLinear")

# --- 16 bits
for dtype in (np.int16, np.uint16):
    near, back = h.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), h.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])
    case(f"{np.dtype(dtype)}", [near, back], [constant("s", np.float32(1e-4)), constant("z", dtype(20000))], x, op="QuantizeLinear")

# --- floats of 8 bits
for dtype in (T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ):
    kind = T.DataType.Name(dtype).lower()
    codes = [c for c in range(256) if (c & 0x7F) < 0x78 and c != 0x80]
    q = np.array(codes[: 8 * 25]).reshape(8, 25)
    mm = h.make_node("MatMul", ["x", "d"], ["y"])
    for grain, scale, extra in [("tensor", np.float32(0.3), {}), ("axis", floats(25), {"axis": 1})]:
        back = h.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], **extra)
        zero = packed("z", np.zeros(np.shape(scale)), list(np.shape(scale)), dtype)
        case(f"{kind}_{grain}", [back, mm], [packed("q", q, [8, 25], dtype), constant("s", scale), zero], x, op="DequantizeLinear")
    near, back = h.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]), h.make_node("DequantizeLinear", ["q", "s", "z"], ["y"])
    wide = {"x": (rng.choice([-1, 1], (40, 8)) * 2.0 ** rng.uniform(-20, 20, (40, 8))).astype(np.float32)}
    case(f"{kind}_there_and_back", [near, back], [constant("s", np.float32(0.37)), packed("z", 0, [], dtype)], wide, op="QuantizeLinear")
    ties = {"x": np.array([[1.0625, 1.1875, 17, 19, -1.125, -1.375, 0.00146484375, 2.5]], np.float32)}
    there, again = h.make_node("Cast", ["x"], ["q"], to=dtype), h.make_node("Cast", ["q"], ["y"], to=T.FLOAT)
    case(f"{kind}_cast", [there, again], [], ties, op="Cast")

# --- products with weights of a few bits
k, n = 40, 6
wide = {"x": floats(3, k)}
for bits in (2, 4, 8):
    for block in (16, 32):
        blocks = -(-k // block)
        weights = rng.integers(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8)
        scales = np.abs(floats(n * blocks)) / 2**bits
        zero_bytes = -(-blocks * bits // 8)
        for zeros, tensor in [
            ("none", None),
            ("packed", rng.integers(0, 256, n * zero_bytes).astype(np.uint8)),
            ("float", rng.uniform(0, 2**bits - 1, n * blocks).astype(np.float32)),
        ]:
            tensors = [constant("b", weights), constant("s", scales)] + ([] if tensor is None else [constant("z", tensor)])
            node = h.make_node("MatMulNBits", ["x", "b", "s"] + ([] if tensor is None else ["z"]), ["y"], domain=MS, K=k, N=n, bits=bits, block_size=block)
            case(f"nbits_{bits}_{block}_{zeros}", [node], tensors, wide)
node = h.make_node("MatMulNBits", ["x", "b", "s", "", "", "bias"], ["y"], domain=MS, K=k, N=n, bits=8, block_size=32)
case("nbits_bias", [node], [constant("b", weights), constant("s", scales), constant("bias", floats(n))], wide)

# --- sparse tensors
values, places = constant("w", floats(4)), constant("i", np.array([1, 9, 14, 30], np.int64))
case("sparse_places", [h.make_node("MatMul", ["x", "w"], ["y"])], [], x, sparse=[h.make_sparse_tensor(values, places, [8, 4])])
places = constant("i", np.array([[0, 1], [2, 3], [5, 0], [7, 3]], np.int64))
case("sparse_coordinates", [h.make_node("MatMul", ["x", "w"], ["y"])], [], x, sparse=[h.make_sparse_tensor(values, places, [8, 4])])

# --- conditions that depend on the input
def body(name, op, outputs=("o",)):
    return h.make_graph([h.make_node(op, ["x"], ["o"])], name, [], [h.make_tensor_value_info(o, T.FLOAT, ["n", 8]) for o in outputs])


nodes = [h.make_node("ReduceSum", ["x"], ["sum"], keepdims=0), h.make_node("Greater", ["sum", "zero"], ["c"])]
chosen = h.make_node("If", ["c"], ["y"], then_branch=body("then", "Tanh"), else_branch=body("else", "Neg"))
for sign in (1, -1):
    case(f"if_at_run_time_{sign}", [*nodes, chosen], [constant("zero", np.float32(0))], {"x": sign * np.abs(floats(1, 8))}, op="If")
step = h.make_graph([
    h.make_node("Mul", ["v", "half"], ["w"]), h.make_node("ReduceMax", ["w"], ["top"], keepdims=0), h.make_node("Greater", ["top", "one"], ["more"]),
], "step", [
    h.make_tensor_value_info("i", T.INT64, []), h.make_tensor_value_info("on", T.BOOL, []), h.make_tensor_value_info("v", T.FLOAT, ["n", 8]),
], [h.make_tensor_value_info("more", T.BOOL, []), h.make_tensor_value_info("w", T.FLOAT, ["n", 8])])  # fmt: skip
loop = h.make_node("Loop", ["trips", "", "x"], ["y"], body=step)
tensors = [constant("trips", np.array(5, np.int64)), constant("half", np.float32(0.5)), constant("one", np.float32(1))]
for size in (1, 7, 500):
    case(f"loop_until_{size}", [loop], tensors, {"x": np.full((1, 8), size, np.float32)}, op="Loop")

(HERE / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]\n")
files = sorted(path.name for path in HERE.iterdir() if path.name != "manifest.json")
digests = {name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in files}
versions = {module.__name__: module.__version__ for module in [onnx, ort, np]}
manifest = {"generator": "tests/golden/field/generate.py", "versions": versions, "seed": SEED, "files": digests}
(HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
print(len(CASES), "cases")
