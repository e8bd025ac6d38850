"""Reductions, with and without the reduced axes, one and several of them; ties."""

import torch

from case import f32, node

AXES = [((2, 3, 4), [2], True), ((2, 3, 4), [1], False), ((2, 3, 4), [1, 2], True), ((2, 2, 3, 2), [1, 3], False), ((2, 3), [0], False), ((2, 3), [0, 1], False)]


def extreme(x, axes, keepdims, sign):
    """The maximum of sign * x over the flattened axes; PyTorch passes the gradient to the first of equals."""
    kept = [i for i in range(x.dim()) if i not in axes]
    lines = (sign * x).permute(*kept, *axes).reshape(*[x.shape[i] for i in kept], -1)
    y = sign * lines.max(-1).values
    return y.reshape([1 if i in axes else n for i, n in enumerate(x.shape)]) if keepdims else y


REDUCTIONS = {
    "Sum": lambda x, a, k: x.sum(a, keepdim=k),
    "Mean": lambda x, a, k: x.mean(a, keepdim=k),
    "Max": lambda x, a, k: extreme(x, a, k, 1),
    "Min": lambda x, a, k: extreme(x, a, k, -1),
    "L1": lambda x, a, k: x.abs().sum(a, keepdim=k),
    "L2": lambda x, a, k: torch.linalg.vector_norm(x, dim=a, keepdim=k),
    "SumSquare": lambda x, a, k: x.square().sum(a, keepdim=k),
    "LogSum": lambda x, a, k: x.sum(a, keepdim=k).log(),
    "LogSumExp": lambda x, a, k: torch.logsumexp(x, a, keepdim=k),
    "Prod": lambda x, a, k: x.permute(*[i for i in range(x.dim()) if i not in a], *a).flatten(x.dim() - len(a)).prod(-1).reshape(x.sum(a, keepdim=k).shape),
}


def cases(make):
    for kind, function in REDUCTIONS.items():
        for shape, axes, keepdims in AXES:
            title = f"reduce_{kind.lower()}_{'x'.join(map(str, shape))}_axes_{'_'.join(map(str, axes))}" + ("_keep" if keepdims else "")
            make.restart(title)
            x = make.distinct(*shape) if kind in ("Max", "Min", "L1") else make.uniform(0.3, 2, *shape)
            batch = [] if 0 in axes else ["x"]
            f = lambda x, f=function, a=axes, k=keepdims: f(x, a, k)
            nodes = [node("Reduce", "x", kind=kind, axes=axes, keepdims=keepdims)]
            tolerance = "Rounded" if kind == "Mean" else "Close"
            yield make.case(title, {"x": x}, nodes, f, batch=batch, tolerance=tolerance)
    for kind in ("Max", "Min"):
        for axes, keepdims in [([1], False), ([1], True), ([1, 2], True), ([0, 2], False)]:
            title = f"reduce_{kind.lower()}_ties_axes_{'_'.join(map(str, axes))}" + ("_keep" if keepdims else "")
            make.restart(title)
            x = f32(make.rng.integers(0, 2, size=(2, 3, 4)))
            f = lambda x, f=REDUCTIONS[kind], a=axes, k=keepdims: f(x, a, k)
            nodes = [node("Reduce", "x", kind=kind, axes=axes, keepdims=keepdims)]
            yield make.case(title, {"x": x}, nodes, f, batch=[] if 0 in axes else ["x"], smooth=False)
    make.restart("reduce_l2_zero")
    zero = f32([[0.0, 0.0], [3.0, 4.0]])
    nodes = [node("Reduce", "x", kind="L2", axes=[1], keepdims=True)]
    function = lambda x: torch.linalg.vector_norm(x, dim=[1], keepdim=True)
    yield make.case("reduce_l2_zero", {"x": zero}, nodes, function, batch=["x"], smooth=False)
    for exclusive in (False, True):
        for reverse in (False, True):
            title = "cum_sum" + ("_exclusive" if exclusive else "") + ("_reverse" if reverse else "")
            make.restart(title)

            def cum_sum(x, exclusive=exclusive, reverse=reverse):
                x = x.flip(1) if reverse else x
                y = x.cumsum(1) - (x if exclusive else 0)
                return y.flip(1) if reverse else y

            nodes = [node("CumSum", "x", axis=1, exclusive=exclusive, reverse=reverse)]
            yield make.case(title, {"x": make.normal(2, 4, 2)}, nodes, cum_sum, batch=["x"])
    for largest in (True, False):
        title = "top_k" if largest else "top_k_smallest"
        make.restart(title)
        nodes = [node("TopK", "x", "y i", axis=1, k=3, largest=largest, sorted=True)]
        function = lambda x, largest=largest: tuple(x.topk(3, 1, largest))
        yield make.case(title, {"x": make.distinct(2, 5, 2)}, nodes, function, batch=["x"], outputs=("y", "i"))
