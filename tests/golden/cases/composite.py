"""Small networks: several operators together, values used more than once, gradients of every parameter."""

import torch
import torch.nn.functional as F

from case import f32, node

CONV = {"kernel": [3, 3], "strides": [1, 1], "dilations": [1, 1], "pads": [1, 1, 1, 1], "groups": 1}


def cases(make):
    make.restart("residual_block")
    inputs = {"x": make.normal(2, 2, 4, 4), "w": make.normal(2, 2, 3, 3, scale=0.5), "v": make.normal(2, 2, 3, 3, scale=0.5)}
    nodes = [node("Conv", "x w", "a", **CONV), node("Softplus", "a", "b"), node("Conv", "b v", "c", **CONV), node("Add", "c x", "d"), node("Tanh", "d")]
    block = lambda x, w, v: torch.tanh(F.conv2d(F.softplus(F.conv2d(x, w, padding=1)), v, padding=1) + x)
    yield make.case("residual_block", inputs, nodes, block, batch=["x"], constant=["w", "v"])

    make.restart("classifier")
    inputs = {"x": make.normal(3, 1, 6, 6), "w": make.normal(2, 1, 3, 3), "b": make.normal(2), "m": make.normal(4, 8), "c": make.normal(4)}
    pool = {"kernel": [2, 2], "strides": [2, 2], "dilations": [1, 1], "pads": [0, 0, 0, 0], "ceil_mode": False}
    valid = CONV | {"pads": [0, 0, 0, 0]}
    linear = {"alpha": 1.0, "beta": 1.0, "trans_a": False, "trans_b": True}
    nodes = [
        node("Conv", "x w b", "a", **valid),
        node("Relu", "a", "r"),
        node("MaxPool", "r", "p", **pool),
        node("Reshape", "p", "f", shape=["B", 8]),
        node("Gemm", "f m c", "z", **linear),
        node("LogSoftmax", "z", axis=1),
    ]
    classify = lambda x, w, b, m, c: F.log_softmax(F.linear(F.max_pool2d(F.relu(F.conv2d(x, w, b)), 2).flatten(1), m, c), 1)
    yield make.case("classifier", inputs, nodes, classify, batch=["x"], constant=["w", "b", "m", "c"], smooth=False)

    make.restart("attention")
    inputs = {"x": make.normal(2, 3, 4), "q": make.normal(4, 4), "k": make.normal(4, 4), "v": make.normal(4, 4), "s": f32(0.5)}
    nodes = [
        node("MatMul", "x q", "a"),
        node("MatMul", "x k", "b"),
        node("MatMul", "x v", "c"),
        node("Transpose", "b", "bt", perm=[0, 2, 1]),
        node("MatMul", "a bt", "d"),
        node("Mul", "d s", "e"),
        node("Softmax", "e", "p", axis=2),
        node("MatMul", "p c", "o"),
        node("Add", "o x"),
    ]
    attend = lambda x, q, k, v, s: torch.softmax((x @ q) @ (x @ k).transpose(1, 2) * s, 2) @ (x @ v) + x
    yield make.case("attention", inputs, nodes, attend, batch=["x"], constant=["q", "k", "v", "s"])

    make.restart("attention_heads")
    inputs = {"x": make.normal(2, 3, 4), "w": make.normal(4, 12)}
    nodes = [
        node("MatMul", "x w", "a"),
        node("Reshape", "a", "b", shape=["B", 3, 3, 2, 2]),
        node("Transpose", "b", "c", perm=[2, 0, 3, 1, 4]),
        node("Split", "c", "q k v", axis=0, sizes=[1, 1, 1]),
        node("Transpose", "k", "t", perm=[0, 1, 2, 4, 3]),
        node("MatMul", "q t", "d"),
        node("Softmax", "d", "p", axis=4),
        node("MatMul", "p v", "o"),
        node("Squeeze", "o", "u", axes=[0]),
        node("Transpose", "u", "r", perm=[0, 2, 1, 3]),
        node("Reshape", "r", shape=["B", 3, 4]),
    ]

    def heads(x, w):
        q, k, v = (x @ w).reshape(2, 3, 3, 2, 2).permute(2, 0, 3, 1, 4)
        return (torch.softmax(q @ k.transpose(-1, -2), -1) @ v).permute(0, 2, 1, 3).reshape(2, 3, 4)

    yield make.case("attention_heads", inputs, nodes, heads, batch=["x"], constant=["w"])

    make.restart("squeeze_and_excite")
    inputs = {"x": make.normal(2, 3, 2, 2), "w": make.normal(3, 3, 1, 1)}
    point = CONV | {"kernel": [1, 1], "pads": [0, 0, 0, 0]}
    nodes = [node("GlobalAveragePool", "x", "g"), node("Conv", "g w", "h", **point), node("Sigmoid", "h", "s"), node("Mul", "x s")]
    excite = lambda x, w: x * torch.sigmoid(F.conv2d(x.mean((2, 3), keepdim=True), w))
    yield make.case("squeeze_and_excite", inputs, nodes, excite, batch=["x"], constant=["w"], tolerance="Rounded")

    make.restart("layer_norm_by_hand")
    inputs = {"x": make.normal(2, 3, 4), "two": f32(2.0), "eps": f32(1e-5)}
    nodes = [
        node("Reduce", "x", "m", kind="Mean", axes=[2], keepdims=True),
        node("Sub", "x m", "d"),
        node("Pow", "d two", "q"),
        node("Reduce", "q", "v", kind="Mean", axes=[2], keepdims=True),
        node("Add", "v eps", "w"),
        node("Sqrt", "w", "s"),
        node("Div", "d s"),
    ]
    by_hand = lambda x, two, eps: (x - x.mean(2, keepdim=True)) / torch.sqrt((x - x.mean(2, keepdim=True)).square().mean(2, keepdim=True) + eps)
    yield make.case("layer_norm_by_hand", inputs, nodes, by_hand, batch=["x"], constant=["two", "eps"], still=["two", "eps"], tolerance="Rounded")

    make.restart("used_four_times")
    nodes = [node("Sigmoid", "x", "a"), node("Mul", "a x", "b"), node("Add", "b a", "c"), node("Mul", "c x", "d"), node("Concat", "d a", axis=1)]
    function = lambda x: torch.cat([(torch.sigmoid(x) * x + torch.sigmoid(x)) * x, torch.sigmoid(x)], 1)
    yield make.case("used_four_times", {"x": make.normal(2, 3)}, nodes, function, batch=["x"])

    make.restart("two_outputs")
    nodes = [node("Tanh", "x", "a"), node("Mul", "a x", "b")]
    yield make.case("two_outputs", {"x": make.normal(2, 3)}, nodes, lambda x: (torch.tanh(x), torch.tanh(x) * x), batch=["x"], outputs=("a", "b"))

    make.restart("independent")
    inputs = {"x": make.normal(2, 3), "u": make.normal(2, 3)}
    yield make.case("independent", inputs, [node("Tanh", "x")], lambda x, u: torch.tanh(x), batch=["x", "u"])
