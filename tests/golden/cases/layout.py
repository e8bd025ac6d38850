"""Operators that move, cut, join or repeat; "B" in a shape is the batch."""

import torch
import torch.nn.functional as F

from case import node, rounded


def cases(make):
    def single(title, size, op, function, *, batch=True, tolerance="Close", **attributes):
        make.restart(title)
        return make.case(title, {"x": make.normal(*size)}, [node(op, "x", **attributes)], function, batch=["x"] if batch else [], tolerance=tolerance)

    yield single("reshape_flatten", (2, 3, 4), "Reshape", lambda x: x.reshape(2, 12), shape=["B", 12])
    yield single("reshape_merge_batch", (2, 3, 4), "Reshape", lambda x: x.reshape(6, 4), shape=["3B", 4])
    yield single("reshape_split", (2, 12), "Reshape", lambda x: x.reshape(2, 3, 2, 2), shape=["B", 3, 2, 2])
    yield single("reshape_scalar", (1, 1), "Reshape", lambda x: x.reshape(()), shape=[], batch=False)
    yield single("transpose", (2, 3, 4), "Transpose", lambda x: x.permute(0, 2, 1), perm=[0, 2, 1])
    yield single("transpose_cycle", (2, 3, 4), "Transpose", lambda x: x.permute(2, 0, 1), perm=[2, 0, 1])
    yield single("transpose_4d", (2, 3, 1, 4), "Transpose", lambda x: x.permute(0, 2, 3, 1), perm=[0, 2, 3, 1])
    yield single("squeeze", (2, 1, 3, 1), "Squeeze", lambda x: x.reshape(2, 3), axes=[1, 3])
    yield single("unsqueeze", (2, 3), "Unsqueeze", lambda x: x.reshape(2, 1, 3, 1), axes=[1, 3])
    yield single("expand", (2, 1, 3), "Expand", lambda x: x.expand(2, 4, 3), shape=["B", 4, 3])
    yield single("expand_rank", (3, 1), "Expand", lambda x: x.expand(2, 3, 4), shape=[2, 3, 4], batch=False)
    yield single("expand_ones", (2, 3), "Expand", lambda x: x * 1, shape=[1, 1])
    yield single("tile", (2, 3), "Tile", lambda x: x.repeat(1, 3), repeats=[1, 3])
    yield single("tile_all", (2, 3, 1), "Tile", lambda x: x.repeat(2, 1, 3), repeats=[2, 1, 3], batch=False)

    slices = {
        "plain": ((2, 5, 4), [1, 2], [1, 0], [4, 3], [1, 1], lambda x: x[:, 1:4, 0:3]),
        "steps": ((2, 7), [1], [1], [7], [3], lambda x: x[:, 1::3]),
        "reversed": ((2, 5), [1], [4], [-1], [-1], lambda x: x.flip(1)),
        "reversed_steps": ((2, 6), [1], [4], [0], [-2], lambda x: x[:, [4, 2]]),
        "batch": ((3, 4), [0], [1], [2], [1], lambda x: x[1:2]),
        "empty_tail": ((2, 5), [1], [2], [5], [1], lambda x: x[:, 2:]),
    }
    for name, (shape, axes, starts, ends, steps, function) in slices.items():
        yield single(f"slice_{name}", shape, "Slice", function, axes=axes, starts=starts, ends=ends, steps=steps, batch=name != "batch")

    def pad(mode, *pads):
        n = len(pads) // 2
        return lambda x: F.pad(x, [p for i in reversed(range(n)) for p in (pads[i], pads[n + i])], mode=mode)

    yield single("pad_constant", (2, 3, 3), "Pad", pad("constant", 0, 1, 2, 0, 0, 1), mode="Constant", pads=[0, 1, 2, 0, 0, 1])
    yield single("pad_crop", (2, 5, 4), "Pad", pad("constant", 0, -1, 1, 0, -2, -1), mode="Constant", pads=[0, -1, 1, 0, -2, -1])
    spatial = lambda mode, *p: lambda x: F.pad(x, [p[1], p[3], p[0], p[2]], mode=mode)
    for name, mode, torch_mode in [("reflect", "Reflect", "reflect"), ("edge", "Edge", "replicate"), ("wrap", "Wrap", "circular")]:
        function = spatial(torch_mode, 1, 2, 2, 1)
        yield single(f"pad_{name}", (2, 1, 4, 4), "Pad", function, mode=mode, pads=[0, 0, 1, 2, 0, 0, 2, 1])
    make.restart("pad_value")
    inputs = {"x": make.normal(2, 3), "v": make.normal()}
    nodes = [node("Pad", "x v", mode="Constant", pads=[0, 1, 0, 2])]
    padded = lambda x, v: torch.cat([v.detach().expand(2, 1), x, v.detach().expand(2, 2)], 1)
    yield make.case("pad_value", inputs, nodes, padded, batch=["x"], constant=["v"], still=["v"])

    for name, shapes, axis in [("channels", ((2, 3, 2), (2, 1, 2), (2, 2, 2)), 1), ("last", ((2, 3), (2, 2)), 1), ("first", ((1, 3), (2, 3)), 0)]:
        make.restart(f"concat_{name}")
        inputs = {key: make.normal(*shape) for key, shape in zip("abc", shapes)}
        function = lambda *xs, a=axis: torch.cat(xs, a)
        batch = list(inputs) if axis else []
        yield make.case(f"concat_{name}", inputs, [node("Concat", " ".join(inputs), axis=axis)], function, batch=batch)
    make.restart("concat_twice_the_same")
    yield make.case("concat_twice_the_same", {"x": make.normal(2, 3)}, [node("Concat", "x x", axis=1)], lambda x: torch.cat([x, x], 1), batch=["x"])

    make.restart("split")
    nodes = [node("Split", "x", "a b c", axis=1, sizes=[2, 1, 3])]
    parts = lambda x: tuple(p * 1 for p in x.split([2, 1, 3], 1))
    yield make.case("split", {"x": make.normal(2, 6, 2)}, nodes, parts, batch=["x"], outputs=("a", "b", "c"))
    make.restart("split_partly_used")
    nodes = [node("Split", "x", "a b c", axis=1, sizes=[2, 1, 3]), node("Mul", "b c")]
    yield make.case("split_partly_used", {"x": make.normal(2, 6)}, nodes, lambda x: x[:, 2:3] * x[:, 3:], batch=["x"])

    def depth_to_space(x, column_row):
        if column_row:
            return F.pixel_shuffle(x, 2)
        b, c, h, w = x.shape
        return x.reshape(b, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2).reshape(b, c // 4, h * 2, w * 2)

    for column_row in (False, True):
        title = "depth_to_space" + ("_column_row" if column_row else "")
        function = lambda x, c=column_row: depth_to_space(x, c)
        yield single(title, (2, 8, 2, 1), "DepthToSpace", function, block=2, column_row_depth=column_row)
    space = lambda x: x.reshape(2, 2, 2, 2, 1, 2).permute(0, 3, 5, 1, 2, 4).reshape(2, 8, 2, 1)
    yield single("space_to_depth", (2, 2, 4, 2), "SpaceToDepth", space, block=2)
    yield single("trilu_lower", (2, 3, 4), "Trilu", lambda x: x.tril(1), upper=False, k=1)
    yield single("trilu_upper", (2, 4, 3), "Trilu", lambda x: x.triu(0), upper=True, k=0)

    resizes = {
        "nearest": ("Nearest", "Asymmetric", "Floor", (2, 2, 3, 2), (6, 4), lambda x: F.interpolate(x, size=(6, 4), mode="nearest")),
        "nearest_down": ("Nearest", "Asymmetric", "Floor", (2, 1, 5, 6), (2, 3), lambda x: F.interpolate(x, size=(2, 3), mode="nearest")),
        "nearest_exact": ("Nearest", "HalfPixel", "RoundPreferCeil", (2, 1, 3, 4), (5, 6), lambda x: F.interpolate(x, size=(5, 6), mode="nearest-exact")),
        "linear": ("Linear", "HalfPixel", "Floor", (2, 2, 3, 2), (6, 5), lambda x: F.interpolate(x, size=(6, 5), mode="bilinear")),
        "linear_down": ("Linear", "PytorchHalfPixel", "Floor", (2, 1, 5, 6), (3, 1), lambda x: F.interpolate(x, size=(3, 1), mode="bilinear")),
        "linear_corners": ("Linear", "AlignCorners", "Floor", (2, 1, 3, 4), (5, 7), lambda x: F.interpolate(x, size=(5, 7), mode="bilinear", align_corners=True)),
    }  # fmt: skip
    for name, (mode, coordinates, nearest, shape, size, function) in resizes.items():
        if name == "linear_down":  # where one element is left, ONNX takes the first, PyTorch the middle
            function = lambda x: F.interpolate(x, size=(3, 6), mode="bilinear")[..., :1]
        sizes = ["B", shape[1], *size]
        scales = [1.0, 1.0, *(rounded(b / a) for a, b in zip(shape[2:], size))]
        kwargs = {"mode": mode, "coordinates": coordinates, "nearest": nearest, "sizes": sizes, "scales": scales}
        yield single(f"resize_{name}", shape, "Resize", function, tolerance="Rounded", **kwargs)

    smooth = {
        "cubic": ("Cubic", "HalfPixel", False, (2, 1, 3, 4), (5, 6), lambda x: F.interpolate(x, size=(5, 6), mode="bicubic")),
        "cubic_corners": ("Cubic", "AlignCorners", False, (2, 1, 4, 3), (3, 5), lambda x: F.interpolate(x, size=(3, 5), mode="bicubic", align_corners=True)),
        "linear_antialias": ("Linear", "HalfPixel", True, (2, 1, 6, 7), (3, 4), lambda x: F.interpolate(x, size=(3, 4), mode="bilinear", antialias=True)),
        "cubic_antialias": ("Cubic", "HalfPixel", True, (2, 1, 6, 7), (3, 4), lambda x: F.interpolate(x, size=(3, 4), mode="bicubic", antialias=True)),
    }  # fmt: skip
    for name, (mode, coordinates, antialias, shape, size, function) in smooth.items():
        scales = [1.0, 1.0, *(rounded(b / a) for a, b in zip(shape[2:], size))]
        kwargs = {"mode": mode, "coordinates": coordinates, "nearest": "Floor", "sizes": ["B", shape[1], *size], "scales": scales}
        # PyTorch's antialiased kernels leave out what lies outside, and are Keys's with a = -0.5.
        kwargs |= {"antialias": True, "exclude_outside": True, "cubic_coeff_a": -0.5} if antialias else {}
        yield single(f"resize_{name}", shape, "Resize", function, tolerance="Rounded", **kwargs)
