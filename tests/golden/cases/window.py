"""Pooling: strides unlike the kernel, ceil mode, pads, dilations, ties."""

import torch
import torch.nn.functional as F

from case import f32, node

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVERAGE = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}

# name: (x, kernel, strides, dilations, pads, ceil mode)
POOL = {
    "1d": ((2, 2, 7), [3], [2], [1], [1, 1], False),
    "2d": ((2, 2, 4, 6), [2, 2], [2, 2], [1, 1], [0, 0, 0, 0], False),
    "2d_remainder": ((2, 2, 5, 5), [2, 2], [2, 2], [1, 1], [0, 0, 0, 0], False),
    "2d_overlap": ((2, 2, 5, 5), [3, 3], [1, 1], [1, 1], [1, 1, 1, 1], False),
    "2d_stride": ((2, 1, 6, 6), [3, 3], [2, 2], [1, 1], [1, 1, 1, 1], False),
    "2d_stride_over_kernel": ((2, 1, 7, 8), [2, 2], [3, 3], [1, 1], [0, 0, 0, 0], False),
    "2d_unlike": ((2, 1, 6, 5), [3, 2], [1, 2], [1, 1], [1, 0, 1, 0], False),
    "2d_ceil": ((2, 1, 6, 7), [3, 3], [2, 2], [1, 1], [0, 0, 0, 0], True),
    "2d_ceil_pads": ((2, 1, 5, 6), [3, 3], [2, 2], [1, 1], [1, 1, 1, 1], True),
    "2d_ceil_drops": ((2, 1, 5, 5), [2, 2], [3, 3], [1, 1], [1, 1, 1, 1], True),
    "2d_asymmetric": ((2, 1, 5, 5), [3, 3], [2, 2], [1, 1], [0, 0, 1, 1], False),
    "3d": ((2, 1, 4, 3, 4), [2, 2, 2], [2, 1, 2], [1, 1, 1], [0, 0, 0, 0, 0, 0], False),
}
DILATED = {
    "2d_dilation": ((2, 1, 7, 7), [2, 3], [1, 2], [2, 2], [0, 1, 0, 1], False),
    "1d_dilation": ((2, 1, 9), [3], [2], [2], [0, 0], False),
}


def padded(x, pads, value):
    n = len(pads) // 2
    return F.pad(x, [p for i in reversed(range(n)) for p in (pads[i], pads[n + i])], value=value)


def symmetric(pads):
    return pads[: len(pads) // 2] == pads[len(pads) // 2 :]


def max_pool(x, kernel, strides, dilations, pads, ceil):
    n = len(kernel)
    if symmetric(pads):
        return MAX[n](x, kernel, strides, pads[:n], dilations, ceil_mode=ceil)
    return MAX[n](padded(x, pads, -torch.inf), kernel, strides, 0, dilations, ceil_mode=ceil)


def average_pool(x, kernel, strides, dilations, pads, ceil, include):
    n = len(kernel)
    if symmetric(pads):
        return AVERAGE[n](x, kernel, strides, pads[:n], ceil_mode=ceil, count_include_pad=include)
    sums = lambda v: AVERAGE[n](padded(v, pads, 0.0), kernel, strides, 0, ceil_mode=ceil)
    return sums(x) if include else sums(x) / sums(torch.ones_like(x))


def cases(make):
    for name, (shape, *window) in (POOL | DILATED).items():
        attributes = dict(zip(("kernel", "strides", "dilations", "pads", "ceil_mode"), window))
        make.restart(f"max_pool_{name}")
        x = make.distinct(*shape)
        function = lambda x, w=window: max_pool(x, *w)
        yield make.case(f"max_pool_{name}", {"x": x}, [node("MaxPool", "x", **attributes)], function, batch=["x"])
        if name in DILATED:
            continue
        for include in (False, True):
            title = f"average_pool_{name}" + ("_include_pad" if include else "")
            if include and not any(attributes["pads"]):
                continue
            make.restart(title)
            nodes = [node("AveragePool", "x", count_include_pad=include, **attributes)]
            function = lambda x, w=window, i=include: average_pool(x, *w, i)
            yield make.case(title, {"x": make.normal(*shape)}, nodes, function, batch=["x"], tolerance="Rounded")

    make.restart("max_pool_ties")
    x = f32(make.rng.integers(0, 2, size=(2, 2, 6, 6)))
    for name in ("2d", "2d_overlap", "2d_stride", "2d_ceil_pads"):
        _, *window = POOL[name]
        attributes = dict(zip(("kernel", "strides", "dilations", "pads", "ceil_mode"), window))
        function = lambda x, w=window: max_pool(x, *w)
        yield make.case(f"max_pool_{name}_ties", {"x": x}, [node("MaxPool", "x", **attributes)], function, batch=["x"], smooth=False)
    for name, shape in {"1d": (2, 3, 5), "2d": (2, 3, 3, 4), "3d": (1, 2, 2, 3, 2)}.items():
        axes = tuple(range(2, len(shape)))
        make.restart(f"global_average_pool_{name}")
        function = lambda x, axes=axes: x.mean(axes, keepdim=True)
        yield make.case(f"global_average_pool_{name}", {"x": make.normal(*shape)}, [node("GlobalAveragePool", "x")], function, batch=["x"], tolerance="Rounded")
        make.restart(f"global_max_pool_{name}")
        flat = lambda x, n=len(axes): x.flatten(2).max(2).values.reshape(*x.shape[:2], *[1] * n)
        yield make.case(f"global_max_pool_{name}", {"x": make.distinct(*shape)}, [node("GlobalMaxPool", "x")], flat, batch=["x"])
    flat = lambda x: x.flatten(2).max(2).values.reshape(*x.shape[:2], 1, 1)
    yield make.case("global_max_pool_ties", {"x": x}, [node("GlobalMaxPool", "x")], flat, batch=["x"], smooth=False)
