"""Operators that pick or place by indices."""

import numpy as np
import torch

from case import f32, node


def cases(make):
    gathers = {
        "columns": ((2, 5), 1, [3, 0, 3]),
        "matrix": ((2, 4, 3), 1, [[0, 2], [3, 3]]),
        "scalar": ((2, 4, 3), 1, 2),
        "negative": ((2, 4), 1, [-1, 1]),
        "rows": ((4, 3), 0, [2, 2, 0]),
        "last": ((2, 3, 4), 2, [1]),
        "flat_batch": ((4,), 0, [[3, 0], [3, 1]]),
    }
    for name, (shape, axis, indices) in gathers.items():
        make.restart(f"gather_{name}")
        i = np.asarray(indices, np.int64)

        def gather(x, i, axis=axis):
            picked = x.index_select(axis, i.flatten() % x.shape[axis])
            return picked.reshape(*x.shape[:axis], *i.shape, *x.shape[axis + 1 :])

        batch = ["x"] if axis or name == "flat_batch" else []
        yield make.case(f"gather_{name}", {"x": make.normal(*shape), "i": i}, [node("Gather", "x i", axis=axis)], gather, batch=batch, constant=["i"])

    make.restart("gather_elements")
    i = np.asarray([[[0, 2], [1, 1]], [[2, 0], [2, 2]]], np.int64)
    nodes = [node("GatherElements", "x i", axis=1)]
    yield make.case("gather_elements", {"x": make.normal(2, 3, 2), "i": i}, nodes, lambda x, i: x.gather(1, i), batch=["x", "i"])
    make.restart("scatter_elements_add")
    nodes = [node("ScatterElements", "x i u", axis=1, reduction="Add")]
    inputs = {"x": make.normal(2, 3, 2), "i": i, "u": make.normal(2, 2, 2)}
    yield make.case("scatter_elements_add", inputs, nodes, lambda x, i, u: x.scatter_add(1, i, u), batch=["x", "i", "u"])
    make.restart("scatter_elements")
    nodes = [node("ScatterElements", "x i u", axis=1, reduction="None")]
    i = np.asarray([[0, 2], [2, 1]], np.int64)
    inputs = {"x": make.normal(2, 3), "i": i, "u": make.normal(2, 2)}
    yield make.case("scatter_elements", inputs, nodes, lambda x, i, u: x.scatter(1, i, u), batch=["x", "i", "u"])

    make.restart("one_hot_mask")
    inputs = {"x": make.normal(2, 4), "i": np.asarray([3, 1], np.int64), "v": f32([0, 1])}
    nodes = [node("OneHot", "i v", "m", axis=1, depth=4), node("Mul", "m x")]
    function = lambda x, i, v: torch.nn.functional.one_hot(i, 4) * x
    yield make.case("one_hot_mask", inputs, nodes, function, batch=["x", "i"], constant=["v"], still=["v"])
    for name, op, function in [("max", "ArgMax", torch.argmax), ("min", "ArgMin", torch.argmin)]:
        make.restart(f"pick_arg_{name}")
        inputs = {"x": make.distinct(2, 4)}
        nodes = [node(op, "x", "i", axis=1, keepdims=True, select_last=False), node("GatherElements", "x i", axis=1)]
        picked = lambda x, f=function: x.gather(1, f(x, 1, keepdim=True))
        yield make.case(f"pick_arg_{name}", inputs, nodes, picked, batch=["x"])

    for name, shape, indices in [("rows", (4, 3, 2), [[1], [3], [1]]), ("elements", (4, 3), [[[0, 2], [3, -1]], [[0, 2], [1, 1]]])]:
        make.restart(f"gather_nd_{name}")
        i = np.asarray(indices, np.int64)
        picked = lambda x, i: x[tuple(i.movedim(-1, 0))]
        yield make.case(f"gather_nd_{name}", {"x": make.normal(*shape), "i": i}, [node("GatherND", "x i", batch_dims=0)], picked, constant=["i"])
    for name, reduction, indices in [("add", "Add", [[1, 0], [3, 2], [1, 0]]), ("none", "None", [[1, 0], [3, 2], [0, 0]])]:
        make.restart(f"scatter_nd_{name}")
        inputs = {"x": make.normal(4, 3, 2), "i": np.asarray(indices, np.int64), "u": make.normal(3, 2)}
        put = lambda x, i, u, add=name == "add": x.index_put(tuple(i.movedim(-1, 0)), u, accumulate=add)
        yield make.case(f"scatter_nd_{name}", inputs, [node("ScatterND", "x i u", reduction=reduction)], put, constant=["i"])
    make.restart("reverse_sequence")
    inputs = {"x": make.normal(2, 4, 3), "n": np.asarray([3, 1], np.int64)}

    def reverse(x, n):
        return torch.stack([torch.cat([row[:k].flip(0), row[k:]]) for row, k in zip(x, n.tolist())])

    yield make.case("reverse_sequence", inputs, [node("ReverseSequence", "x n", time=1, batch=0)], reverse, batch=["x", "n"])
