"""Convolutions, transposed convolutions and matrix products."""

import torch
import torch.nn.functional as F

from case import node, rounded

CONVS = {"conv": (F.conv1d, F.conv2d, F.conv3d), "conv_transpose": (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)}

# name: (x, w, bias, strides, dilations, pads (begins, ends), groups)
CONV = {
    "1d": ((2, 2, 7), (3, 2, 3), True, [1], [1], [0, 0], 1),
    "1d_stride_dilation": ((2, 2, 11), (4, 1, 3), False, [2], [2], [1, 2], 2),
    "2d": ((2, 2, 5, 4), (3, 2, 3, 3), True, [1, 1], [1, 1], [1, 1, 1, 1], 1),
    "2d_point": ((2, 3, 3, 3), (2, 3, 1, 1), True, [1, 1], [1, 1], [0, 0, 0, 0], 1),
    "2d_point_stride": ((2, 2, 5, 4), (2, 2, 1, 1), False, [2, 2], [1, 1], [0, 0, 0, 0], 1),
    "2d_stride": ((2, 2, 6, 5), (2, 2, 3, 3), True, [2, 2], [1, 1], [1, 1, 1, 1], 1),
    "2d_stride_exact": ((2, 1, 6, 6), (2, 1, 2, 2), False, [2, 2], [1, 1], [0, 0, 0, 0], 1),
    "2d_stride_over_kernel": ((2, 2, 8, 7), (2, 2, 2, 2), True, [3, 3], [1, 1], [0, 0, 0, 0], 1),
    "2d_stride_unlike": ((2, 2, 7, 6), (2, 2, 3, 2), False, [2, 1], [1, 1], [0, 1, 1, 0], 1),
    "2d_asymmetric": ((2, 1, 5, 5), (2, 1, 3, 3), False, [1, 1], [1, 1], [0, 1, 2, 0], 1),
    "2d_asymmetric_stride": ((2, 1, 6, 6), (2, 1, 3, 3), True, [2, 2], [1, 1], [0, 0, 1, 1], 1),
    "2d_pads_over_kernel": ((2, 1, 3, 3), (1, 1, 2, 2), False, [1, 1], [1, 1], [2, 3, 3, 2], 1),
    "2d_dilation": ((2, 1, 7, 8), (2, 1, 3, 2), True, [1, 1], [2, 3], [2, 0, 2, 1], 1),
    "2d_dilation_stride": ((2, 1, 9, 8), (1, 1, 3, 2), False, [2, 3], [2, 2], [1, 1, 1, 1], 1),
    "2d_groups": ((2, 4, 4, 4), (6, 2, 3, 3), True, [1, 1], [1, 1], [1, 1, 1, 1], 2),
    "2d_groups_stride": ((2, 4, 5, 5), (2, 2, 3, 3), False, [2, 2], [1, 1], [1, 0, 0, 1], 2),
    "2d_depthwise": ((2, 3, 5, 5), (3, 1, 3, 3), True, [1, 1], [1, 1], [1, 1, 1, 1], 3),
    "2d_depthwise_stride": ((2, 3, 5, 5), (3, 1, 3, 3), False, [2, 2], [1, 1], [0, 0, 1, 1], 3),
    "2d_depthwise_multiplier": ((2, 2, 4, 4), (4, 1, 3, 3), False, [1, 1], [1, 1], [0, 0, 0, 0], 2),
    "1d_wide": ((2, 8, 6), (3, 8, 3), True, [1], [2], [1, 3], 1),
    "2d_wide": ((2, 8, 4, 3), (2, 8, 3, 2), False, [1, 1], [1, 1], [1, 0, 2, 1], 1),
    "3d": ((2, 1, 3, 4, 3), (2, 1, 2, 2, 2), True, [1, 1, 1], [1, 1, 1], [0, 0, 0, 0, 0, 0], 1),
    "3d_stride_groups": ((1, 2, 4, 4, 5), (2, 1, 2, 3, 2), False, [2, 1, 2], [1, 1, 1], [1, 0, 0, 0, 1, 1], 2),
}

# name: (x, w, bias, strides, dilations, pads, output padding, groups)
CONV_TRANSPOSE = {
    "1d": ((2, 2, 4), (2, 3, 3), True, [2], [1], [1, 1], [1], 1),
    "2d": ((2, 2, 3, 3), (2, 2, 3, 3), True, [1, 1], [1, 1], [0, 0, 0, 0], [0, 0], 1),
    "2d_stride": ((2, 2, 3, 2), (2, 2, 3, 3), True, [2, 2], [1, 1], [1, 1, 1, 1], [1, 1], 1),
    "2d_asymmetric": ((2, 1, 3, 3), (1, 2, 4, 3), False, [2, 1], [1, 1], [1, 0, 2, 1], [0, 0], 1),
    "2d_dilation": ((2, 1, 3, 3), (1, 2, 2, 3), False, [1, 2], [2, 1], [0, 1, 1, 0], [0, 0], 1),
    "2d_groups": ((2, 4, 3, 3), (4, 2, 2, 2), True, [2, 2], [1, 1], [0, 0, 0, 0], [0, 0], 2),
    "3d": ((1, 1, 2, 2, 2), (1, 1, 2, 2, 2), False, [2, 1, 2], [1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 0, 0], 1),
}

# name: (a, b)
MATMUL = {
    "2d": ((2, 3), (3, 4)),
    "batched": ((2, 3, 4), (2, 4, 2)),
    "broadcast_right": ((2, 3, 4), (4, 2)),
    "broadcast_left": ((3, 4), (2, 4, 2)),
    "broadcast_both": ((2, 1, 3, 2), (1, 4, 2, 3)),
    "broadcast_batch": ((1, 3, 2), (2, 2, 3)),
    "4d": ((2, 2, 3, 2), (2, 2, 2, 3)),
    "vector_right": ((2, 3, 4), (4,)),
    "vector_left": ((4,), (2, 4, 3)),
    "matrix_vector": ((2, 3), (3,)),
    "vectors": ((4,), (4,)),
}

# name: (a, b, c, attributes)
GEMM = {
    "plain": ((2, 3), (3, 4), None, {}),
    "bias": ((2, 3), (3, 4), (4,), {}),
    "trans_b": ((2, 3), (4, 3), (4,), {"trans_b": True}),
    "trans_a": ((3, 2), (3, 4), (1, 4), {"trans_a": True}),
    "trans_both": ((3, 2), (4, 3), (2, 4), {"trans_a": True, "trans_b": True}),
    "scaled": ((2, 3), (3, 4), (2, 1), {"alpha": 0.5, "beta": rounded(1.7)}),
    "scaled_transposed": ((2, 3), (4, 3), (), {"alpha": -2.0, "beta": 0.25, "trans_b": True}),
}


def conv(x, w, b, strides, dilations, pads, groups):
    n = len(strides)
    padded = F.pad(x, [p for i in reversed(range(n)) for p in (pads[i], pads[n + i])])
    return CONVS["conv"][n - 1](padded, w, b, stride=strides, dilation=dilations, groups=groups)


def conv_transpose(x, w, b, strides, dilations, pads, output_padding, groups):
    """Computed without pads; the pads then cut the result. Output padding adds at the end, where only the bias is."""
    n = len(strides)
    y = CONVS["conv_transpose"][n - 1](x, w, None, stride=strides, dilation=dilations, groups=groups)
    y = F.pad(y, [p for i in reversed(range(n)) for p in (-pads[i], output_padding[i] - pads[n + i])])
    return y if b is None else y + b.reshape(-1, *[1] * n)


def cases(make):
    for name, (x, w, bias, strides, dilations, pads, groups) in CONV.items():
        make.restart(f"conv_{name}")
        inputs = {"x": make.normal(*x), "w": make.normal(*w)} | ({"b": make.normal(w[0])} if bias else {})
        attributes = {"kernel": list(w[2:]), "strides": strides, "dilations": dilations, "pads": pads, "groups": groups}
        function = lambda x, w, b=None, a=(strides, dilations, pads, groups): conv(x, w, b, *a)
        yield make.case(f"conv_{name}", inputs, [node("Conv", " ".join(inputs), **attributes)], function, batch=["x"], constant=["w", "b"])
    for name, (x, w, bias, strides, dilations, pads, output_padding, groups) in CONV_TRANSPOSE.items():
        make.restart(f"conv_transpose_{name}")
        inputs = {"x": make.normal(*x), "w": make.normal(*w)} | ({"b": make.normal(w[1] * groups)} if bias else {})
        attributes = {"kernel": list(w[2:]), "strides": strides, "dilations": dilations, "pads": pads, "groups": groups}
        nodes = [node("ConvTranspose", " ".join(inputs), output_padding=output_padding, **attributes)]
        function = lambda x, w, b=None, a=(strides, dilations, pads, output_padding, groups): conv_transpose(x, w, b, *a)
        yield make.case(f"conv_transpose_{name}", inputs, nodes, function, batch=["x"], constant=["w", "b"])
    for name, (a, b) in MATMUL.items():
        make.restart(f"matmul_{name}")
        inputs = {"a": make.normal(*a), "b": make.normal(*b)}
        rank = max(len(a), len(b))
        batch = [k for k, s in (("a", a), ("b", b)) if len(s) == rank and s[0] == 2] if rank > 1 else []
        constant = [k for k in "ab" if k not in batch and batch]
        yield make.case(f"matmul_{name}", inputs, [node("MatMul", "a b")], torch.matmul, batch=batch, constant=constant)
    for name, (a, b, c, attributes) in GEMM.items():
        make.restart(f"gemm_{name}")
        inputs = {"a": make.normal(*a), "b": make.normal(*b)} | ({} if c is None else {"c": make.normal(*c)})
        full = {"alpha": 1.0, "beta": 1.0, "trans_a": False, "trans_b": False} | attributes

        def gemm(a, b, c=None, k=full):
            y = k["alpha"] * ((a.T if k["trans_a"] else a) @ (b.T if k["trans_b"] else b))
            return y if c is None else y + k["beta"] * c

        batch = ["a"] + (["c"] if c in ((2, 4), (2, 1)) else [])
        if full["trans_a"]:
            batch = []
        constant = [k for k in inputs if k not in batch] if batch else []
        yield make.case(f"gemm_{name}", inputs, [node("Gemm", " ".join(inputs), **full)], gemm, batch=batch, constant=constant)
    make.restart("conv_by_fan_out")
    attributes = {"kernel": [3, 3], "strides": [1, 1], "dilations": [1, 1], "pads": [1, 1, 1, 1], "groups": 1}
    nodes = [node("Conv", "x w", "c", **attributes), node("Relu", "c", "r"), node("Conv", "r w", "d", **attributes), node("Add", "d r")]

    def residual(x, w):
        r = torch.relu(F.conv2d(x, w, padding=1))
        return F.conv2d(r, w, padding=1) + r

    inputs = {"x": make.normal(2, 2, 4, 4), "w": make.normal(2, 2, 3, 3)}
    yield make.case("conv_by_fan_out", inputs, nodes, residual, batch=["x"], constant=["w"], smooth=False)
