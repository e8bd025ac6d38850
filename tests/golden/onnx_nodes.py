"""The ONNX project's own node tests, for the operators of the graph, as far as they are small: onnx_nodes.json.

What ONNX passes as inputs but must be constant here (axes, pads, shapes, bounds) becomes an initializer. Models are
declared as opset 25 at most, where the checker agrees; of LayerNormalization's outputs the first is kept.
"""

import json

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

OPERATORS = """
Neg Abs Sqrt Exp Log Erf Reciprocal Sign Floor Ceil Round Sin Cos Not Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid
HardSwish Tanh Softplus Softsign Gelu Clip Cast Identity Add Sub Mul Div Pow Mod Min Max Sum Mean PRelu Equal Less
LessOrEqual Greater GreaterOrEqual And Or Xor Where Conv ConvTranspose Gemm MatMul BatchNormalization LayerNormalization
InstanceNormalization Softmax LogSoftmax MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceSum ReduceMean
ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSum ReduceLogSumExp ArgMax ArgMin TopK CumSum
Reshape Flatten Transpose Squeeze Unsqueeze Concat Split Slice Gather GatherElements ScatterElements Pad Expand Tile
DepthToSpace SpaceToDepth Resize Upsample OneHot Trilu Shape Dropout Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh
IsNaN IsInf BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BitShift GatherND ScatterND Scatter ReverseSequence Compress Einsum
LRN LpNormalization LpPool MeanVarianceNormalization GroupNormalization RMSNormalization Hardmax Shrink ThresholdedRelu
Swish Mish CastLike Constant ConstantOfShape Range Size QuantizeLinear DequantizeLinear DynamicQuantizeLinear ConvInteger
MatMulInteger QLinearConv QLinearMatMul LSTM GRU RNN If Loop Scan Attention RotaryEmbedding EyeLike NonZero CenterCropPad
GridSample
""".split()
CONSTANT = {
    "Reshape": [1], "Squeeze": [1], "Unsqueeze": [1], "Slice": [1, 2, 3, 4], "Pad": [1, 3], "Expand": [1], "Tile": [1],
    "Resize": [1, 2, 3], "Upsample": [1], "Split": [1], "TopK": [1], "OneHot": [1], "CumSum": [1], "Clip": [1, 2],
    "Trilu": [1], "Dropout": [1, 2], "If": [0], "Loop": [0, 1], "Range": [0, 1, 2], "Compress": [1], "ConstantOfShape": [0],
    "EyeLike": [0], "NonZero": [0], "CenterCropPad": [1],
} | {op: [1] for op in OPERATORS if op.startswith("Reduce")}  # fmt: skip
LARGEST = 59
# Operators without smaller cases, or with few: so many of the larger ones too.
LARGER = {"LRN": 625, "LSTM": 200, "GRU": 150, "ScatterND": 64, "Einsum": 75, "LpPool": 120, "RotaryEmbedding": 200, "Attention": 200, "CenterCropPad": 600}  # fmt: skip
OF_THE_LARGER = 6
NEWEST = 25
NUMERIC = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8", "bool")


def array(x):
    data = [int(v) for v in x.ravel()] if x.dtype.kind in "iub" else [float(str(v)) if np.isfinite(v) else str(v) for v in x.ravel()]
    return {"dtype": str(x.dtype), "shape": list(x.shape), "data": data}


def usable(test):
    nodes = test.model.graph.node
    if test.model.opset_import[0].version < 7 or test.name == "test_reduce_max_empty_set_bool":  # the least bool is no infinity
        return False
    if len(nodes) != 1 or nodes[0].op_type not in OPERATORS or nodes[0].domain or len(test.data_sets) != 1:
        return False
    arrays = [*test.data_sets[0][0], *test.data_sets[0][1]]
    if nodes[0].op_type == "BitShift" and any(a.dtype.kind == "i" for a in arrays):  # signed numbers came with opset 28
        return False
    return all(isinstance(a, np.ndarray) and str(a.dtype) in NUMERIC and a.size <= LARGER.get(nodes[0].op_type, LARGEST) for a in arrays)


def cases():
    larger = {}
    for test in sorted(collect_testcases(None), key=lambda test: test.name):
        if not usable(test):
            continue
        arrays = [*test.data_sets[0][0], *test.data_sets[0][1]]
        if max(a.size for a in arrays) > LARGEST:
            kind = test.model.graph.node[0].op_type
            larger[kind] = larger.get(kind, 0) + 1
            if larger[kind] > OF_THE_LARGER:
                continue
        model = onnx.ModelProto()
        model.CopyFrom(test.model)
        node, (inputs, outputs) = model.graph.node[0], test.data_sets[0]
        model.opset_import[0].version = min(model.opset_import[0].version, NEWEST)
        if node.op_type == "LayerNormalization":
            del node.output[1:], model.graph.output[1:], outputs[1:]
        fed = dict(zip([i.name for i in model.graph.input], inputs))
        for place in CONSTANT.get(node.op_type, []):
            if place < len(node.input) and node.input[place] in fed:
                name = node.input[place]
                model.graph.initializer.append(numpy_helper.from_array(fed.pop(name), name))
                kept = [i for i in model.graph.input if i.name != name]
                del model.graph.input[:]
                model.graph.input.extend(kept)
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError:
            continue
        yield {
            "name": test.name,
            "op": node.op_type,
            "model": model.SerializeToString().hex(),
            "inputs": {name: array(value) for name, value in fed.items()},
            "outputs": [array(value) for value in outputs],
        }


def contents():
    return ("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases()) + "\n]\n").encode()
