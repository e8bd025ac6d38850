"""Softmax and normalisations."""

import torch
import torch.nn.functional as F

from case import f32, node, rounded


def cases(make):
    for name, op, function in [("softmax", "Softmax", torch.softmax), ("log_softmax", "LogSoftmax", torch.log_softmax)]:
        for shape, axis in [((2, 5), 1), ((2, 3, 4), 1), ((2, 3, 4), 2), ((3, 4), 0), ((2, 2, 3, 2), 1)]:
            title = f"{name}_{'x'.join(map(str, shape))}_axis_{axis}"
            make.restart(title)
            batch = ["x"] if axis else []
            f = lambda x, f=function, a=axis: f(x, a)
            yield make.case(title, {"x": make.normal(*shape, scale=2)}, [node(op, "x", axis=axis)], f, batch=batch)
        make.restart(f"{name}_far")
        far = f32([[1000.0, 0.0, -1000.0], [0.0, 50.0, 49.0]])
        yield make.case(f"{name}_far", {"x": far}, [node(op, "x", axis=1)], lambda x, f=function: f(x, 1), batch=["x"])

    epsilon = rounded(1e-5)
    for name, shape in {"flat": (3, 4), "1d": (2, 3, 4), "2d": (2, 3, 2, 3), "3d": (2, 2, 2, 2, 2)}.items():
        make.restart(f"batch_normalization_{name}")
        c = shape[1]
        inputs = {"x": make.normal(*shape), "scale": make.normal(c), "bias": make.normal(c), "mean": make.normal(c), "var": make.uniform(0.5, 2, c)}

        def batch_norm(x, scale, bias, mean, var):
            s = lambda p: p.reshape(-1, *[1] * (x.dim() - 2))
            return (x - s(mean)) / torch.sqrt(s(var) + epsilon) * s(scale) + s(bias)

        nodes = [node("BatchNormalization", "x scale bias mean var", epsilon=epsilon)]
        parameters = ["scale", "bias", "mean", "var"]
        yield make.case(f"batch_normalization_{name}", inputs, nodes, batch_norm, batch=["x"], constant=parameters)

    for name, (shape, axis, bias, batch) in {
        "last": ((2, 3, 4), 2, True, True),
        "two_axes": ((2, 3, 4), 1, True, True),
        "no_bias": ((3, 5), 1, False, True),
        "all_axes": ((2, 3), 0, True, False),
        "4d": ((2, 2, 2, 3), 2, True, True),
    }.items():
        make.restart(f"layer_normalization_{name}")
        inputs = {"x": make.normal(*shape), "scale": make.normal(*shape[axis:])} | ({"bias": make.normal(*shape[axis:])} if bias else {})
        function = lambda x, s, b=None, n=shape[axis:]: F.layer_norm(x, n, s, b, epsilon)
        nodes = [node("LayerNormalization", " ".join(inputs), axis=axis, epsilon=epsilon)]
        kwargs = {"batch": ["x"], "constant": ["scale", "bias"]} if batch else {}
        yield make.case(f"layer_normalization_{name}", inputs, nodes, function, tolerance="Rounded", **kwargs)

    for name, shape in {"1d": (2, 2, 5), "2d": (2, 3, 2, 3)}.items():
        make.restart(f"instance_normalization_{name}")
        inputs = {"x": make.normal(*shape), "scale": make.normal(shape[1]), "bias": make.normal(shape[1])}
        function = lambda x, s, b: F.instance_norm(x, weight=s, bias=b, eps=epsilon)
        nodes = [node("InstanceNormalization", "x scale bias", epsilon=epsilon)]
        yield make.case(f"instance_normalization_{name}", inputs, nodes, function, batch=["x"], constant=["scale", "bias"], tolerance="Rounded")
