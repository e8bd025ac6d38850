"""Quantised operators: straight through the rounding, zero outside the range."""

import numpy as np
import torch
import torch.nn.functional as F

from case import f32, node

RANGES = {"U8": (0, 255), "I8": (-128, 127), "I16": (-32768, 32767), "U16": (0, 65535)}
TYPES = {"U8": np.uint8, "I8": np.int8, "I16": np.int16, "U16": np.uint16}


def rounding(x):
    return x + (x.round() - x).detach()


def along(p, x, axis):
    """A scale or zero of several entries, so that it broadcasts along the axis."""
    return p if p.dim() == 0 else p.reshape([-1 if i == axis else 1 for i in range(x.dim())])


def quantize(x, s, z, to, axis=1):
    """As torch.fake_quantize: the gradient passes where the rounded number lies in the range, its ends included."""
    return (rounding(x / along(s, x, axis)) + along(z, x, axis).double()).clamp(*RANGES[to])


def dequantize(q, s, z, axis=1):
    return (q - along(z, q, axis).double()) * along(s, q, axis)


def requantize(x, s, z, to):
    """The result of an operator: the gradient passes where it stands inside its range."""
    low, high = RANGES[to]
    t = rounding(x / s) + z.double()
    y = t.clamp(low, high).detach()
    return y + ((y > low) & (y < high)).double() * (t - t.detach())


def cases(make):
    nodes = lambda to, axis: [node("QuantizeLinear", "x s z", "q", axis=axis, to=to), node("DequantizeLinear", "q s z", axis=axis)]
    for to, scale, zero in [("U8", 0.0123, 100), ("I8", 0.017, -3), ("I16", 0.00004, 5), ("U16", 0.00003, 40000), ("U8", 0.004, 0)]:
        name = f"quantize_{to.lower()}_{zero}"
        make.restart(name)
        inputs = {"x": make.normal(2, 3, 4, scale=1.2), "s": f32(scale), "z": np.asarray(zero, TYPES[to])}
        function = lambda x, s, z, to=to: dequantize(quantize(x, s, z, to), s, z)
        extra = {"batch": ["x"], "constant": ["s", "z"], "still": ["s"], "smooth": False}
        yield make.case(name, inputs, nodes(to, 1), function, **extra)
    make.restart("quantize_fake")
    inputs = {"x": make.normal(3, 5, scale=2), "s": f32(0.0301), "z": np.asarray(7, np.int8)}
    # PyTorch's own, which computes in f32.
    fake = lambda x, s, z: torch.fake_quantize_per_tensor_affine(x.float(), float(s), int(z), -128, 127).double()
    yield make.case("quantize_fake", inputs, nodes("I8", 1), fake, tolerance="Rounded", **extra)
    make.restart("quantize_channels")
    inputs = {"x": make.normal(2, 3, 4), "s": f32([0.01, 0.004, 0.02]), "z": np.asarray([0, 5, -7], np.int8)}
    function = lambda x, s, z: dequantize(quantize(x, s, z, "I8"), s, z)
    yield make.case("quantize_channels", inputs, nodes("I8", 1), function, **extra)

    make.restart("dynamic_matmul")
    x, w = make.normal(2, 6), np.asarray(make.rng.integers(-100, 100, (6, 3)), np.int8)
    inputs = {"x": x, "w": w, "zw": np.asarray(3, np.int8), "sw": f32(0.013)}
    chain = [
        node("DynamicQuantizeLinear", "x", "q s z"),
        node("MatMulInteger", "q w z zw", "i"),
        node("Cast", "i", "f", to="F32"),
        node("Mul", "s sw", "scale"),
        node("Mul", "f scale"),
    ]

    def dynamic(x, w, zw, sw):
        high, low = x.max().clamp(min=0).detach(), x.min().clamp(max=0).detach()
        s = ((high - low) / 255).float().double()
        z = (-low / s).round()
        q = rounding(x / s) + z
        return (q - z) @ (w.double() - zw) * s * sw

    yield make.case("dynamic_matmul", inputs, chain, dynamic, constant=["w", "zw", "sw"], still=["sw"], smooth=False, tolerance="Rounded")
    make.restart("conv_integer")
    shape = {"kernel": [3, 3], "strides": [1, 1], "dilations": [1, 1], "pads": [1, 1, 1, 1], "groups": 1}
    inputs = {"x": make.normal(2, 2, 4, 4), "s": f32(0.02), "z": np.asarray(120, np.uint8), "w": np.asarray(make.rng.integers(0, 255, (3, 2, 3, 3)), np.uint8), "zw": np.asarray(128, np.uint8)}  # fmt: skip
    chain = [
        node("QuantizeLinear", "x s z", "q", axis=1, to="U8"),
        node("ConvInteger", "q w z zw", "i", **shape),
        node("Cast", "i", to="F32"),
    ]
    function = lambda x, s, z, w, zw: F.conv2d(quantize(x, s, z, "U8") - z, w.double() - zw.double(), padding=1)
    yield make.case("conv_integer", inputs, chain, function, batch=["x"], constant=["s", "z", "w", "zw"], still=["s"], smooth=False)

    # Two operands are quantised, computed with, and dequantised.
    def around(name, op, function, shapes, results=(0.05, 128), to="U8", weight=None, attributes={}, **extra):
        make.restart(name)
        inputs, chain, values, floats = {}, [], [], []
        for letter, shape in zip("ab", shapes):
            inputs |= {letter: make.normal(*shape), f"s{letter}": f32(0.021), f"z{letter}": np.asarray(130 if to == "U8" else 2, TYPES[to])}
            chain.append(node("QuantizeLinear", f"{letter} s{letter} z{letter}", f"q{letter}", axis=1, to=to))
            values += [f"q{letter}", f"s{letter}", f"z{letter}"]
            floats.append(letter)
        if weight is not None:
            w, scale, zero = weight
            inputs |= {"w": w, "sw": f32(scale), "zw": zero}
            values += ["w", "sw", "zw"]
        inputs |= {"sy": f32(results[0]), "zy": np.asarray(results[1], TYPES[to])}
        order = ["sy", "zy", *values] if op == "QLinearConcat" else [*values, "sy", "zy"]
        if op == "QGemm":
            order.insert(6, "c")
        if op in ("QLinearConv", "QGemm") and "c" in extra:
            inputs["c"] = extra.pop("c")
            order += ["c"] if op == "QLinearConv" else []
        elif op == "QGemm":
            order[6] = "-"
        chain += [node(op, " ".join(order), "qy", **attributes), node("DequantizeLinear", "qy sy zy", axis=1)]
        names = list(inputs)

        def whole(*tensors):
            v = dict(zip(names, tensors))
            real = [dequantize(quantize(v[x], v[f"s{x}"], v[f"z{x}"], to), v[f"s{x}"], v[f"z{x}"]) for x in floats]
            return dequantize(requantize(function(v, *real), v["sy"], v["zy"], to), v["sy"], v["zy"])

        constant = [x for x in names if x not in floats]
        return make.case(name, inputs, chain, whole, batch=floats, constant=constant, still=[x for x in constant if x[0] == "s"], smooth=False, tolerance="Rounded", **extra)  # fmt: skip

    add = lambda v, a, b: a + b
    yield around("qlinear_add", "QLinearAdd", add, [(2, 3, 4), (2, 3, 4)])
    yield around("qlinear_add_signed", "QLinearAdd", add, [(2, 3, 4), (2, 1, 4)], (0.02, 0), "I8")
    yield around("qlinear_mul", "QLinearMul", lambda v, a, b: a * b, [(2, 5), (2, 5)])
    yield around("qlinear_relu", "QLinearAdd", add, [(2, 8), (2, 8)], (0.02, 0))
    yield around("qlinear_sigmoid", "QLinearSigmoid", lambda v, a: torch.sigmoid(a), [(2, 8)], (1 / 256, 0))
    yield around("qlinear_leaky_relu", "QLinearLeakyRelu", lambda v, a: F.leaky_relu(a, 0.125), [(2, 8)], attributes={"alpha": 0.125})
    yield around("qlinear_concat", "QLinearConcat", lambda v, a, b: torch.cat([a, b], 1), [(2, 2, 3), (2, 1, 3)], attributes={"axis": 1})
    yield around("qlinear_softmax", "QLinearSoftmax", lambda v, a: torch.softmax(a, 1), [(2, 5)], (1 / 256, 0), attributes={"axis": 1})
    window = {"kernel": [2, 2], "strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0], "ceil_mode": False, "count_include_pad": False}
    pool = lambda v, a: F.avg_pool2d(a, 2, 1)
    yield around("qlinear_average_pool", "QLinearAveragePool", pool, [(2, 2, 3, 4)], (0.0213, 128), attributes=window)
    mean = lambda v, a: a.mean((2, 3), keepdim=True)
    yield around("qlinear_global_average_pool", "QLinearGlobalAveragePool", mean, [(2, 3, 3, 5)], (0.0113, 128))
    make.restart("weights")
    w = np.asarray(make.rng.integers(-100, 100, (3, 2, 3, 3)), np.int8)
    scales, zeros = [0.01, 0.02, 0.005], np.asarray([0, 0, 0], np.int8)
    conv = lambda v, a: F.conv2d(a, dequantize(v["w"].double(), v["sw"], v["zw"], 0), padding=1)
    c = np.asarray([400, -900, 100], np.int32)

    def with_bias(v, a):
        return conv(v, a) + (v["c"] * v["sa"] * v["sw"]).reshape(1, -1, 1, 1)

    yield around("qlinear_conv", "QLinearConv", with_bias, [(2, 2, 4, 4)], (0.04, 100), weight=(w, scales, zeros), attributes=shape, c=c)
    one = (w, 0.01, np.asarray(4, np.int8))
    strided = shape | {"strides": [2, 1], "pads": [1, 0, 0, 1]}
    part = lambda v, a: F.conv2d(F.pad(a, (0, 1, 1, 0)), dequantize(v["w"].double(), v["sw"], v["zw"], 0), stride=(2, 1))
    yield around("qlinear_conv_strided", "QLinearConv", part, [(2, 2, 5, 4)], (0.04, 100), weight=one, attributes=strided)
    m = np.asarray(make.rng.integers(-100, 100, (6, 3)), np.int8)
    matmul = lambda v, a: a @ dequantize(v["w"].double(), v["sw"], v["zw"], 1)
    yield around("qlinear_matmul", "QLinearMatMul", matmul, [(2, 4, 6)], (0.08, 128), weight=(m, 0.013, np.asarray(2, np.int8)))
    gemm = lambda v, a: a @ dequantize(v["w"].double(), v["sw"], v["zw"], 0).T + v["c"] * v["sa"] * v["sw"]
    flags = {"alpha": 1.0, "trans_a": False, "trans_b": True}
    t = np.ascontiguousarray(m.T)
    yield around("qgemm", "QGemm", gemm, [(4, 6)], (0.08, 128), weight=(t, scales, zeros), attributes=flags, c=c)

    # Operators that move elements carry quantised numbers too.
    make.restart("quantised_max_pool")
    pool = window | {"kernel": [2, 2], "strides": [2, 2]}
    pool.pop("count_include_pad")
    inputs = {"x": make.distinct(1, 2, 4, 4), "s": f32(0.0171), "z": np.asarray(128, np.uint8)}
    chain = [
        node("QuantizeLinear", "x s z", "q", axis=1, to="U8"),
        node("MaxPool", "q", "m", **pool),
        node("Transpose", "m", "t", perm=[0, 2, 3, 1]),
        node("DequantizeLinear", "t s z", axis=1),
    ]
    function = lambda x, s, z: dequantize(F.max_pool2d(quantize(x, s, z, "U8"), 2).permute(0, 2, 3, 1), s, z)
    yield make.case("quantised_max_pool", inputs, chain, function, batch=["x"], constant=["s", "z"], still=["s"], smooth=False)
