"""Operators on broadcast operands: sums back over broadcast axes, fan-out, ties."""

import numpy as np
import torch

from case import f32, node

PAIRS = {
    "same": ((2, 3, 4), (2, 3, 4)),
    "right": ((2, 3, 4), (4,)),
    "channel": ((2, 3, 4), (3, 1)),
    "both": ((2, 3, 1), (1, 5)),
    "left": ((1, 4), (2, 3, 4)),
    "scalar": ((2, 3), ()),
    "ones": ((2, 1, 1), (2, 3, 4)),
}


def batch_of(shapes):
    """Names of the operands whose first axis is the batch: those of full rank that do not stretch it."""
    rank = max(len(s) for s in shapes.values())
    return [key for key, s in shapes.items() if len(s) == rank and s[0] == 2]


def cases(make):
    binary = {
        "add": ("Add", torch.add),
        "sub": ("Sub", torch.sub),
        "mul": ("Mul", torch.mul),
        "div": ("Div", torch.div),
        "min": ("Min", torch.minimum),
        "max": ("Max", torch.maximum),
        "pow": ("Pow", torch.pow),
    }
    for name, (op, function) in binary.items():
        for pair, (a, b) in PAIRS.items():
            if op not in ("Add", "Mul", "Max") and pair in ("ones", "scalar", "channel"):
                continue
            make.restart(f"{name}_{pair}")
            x, y = make.normal(*a), make.normal(*b)
            if op in ("Min", "Max"):
                x, y = make.distinct(*a), f32(make.distinct(*b) + 0.04)
            if op in ("Div", "Pow"):
                y = make.uniform(0.5, 2.5, *b)
            if op == "Pow":
                x = make.uniform(0.3, 2.0, *a)
            nodes = [node(op, "a b")]
            batch = batch_of({"a": a, "b": b})
            constant = [k for k in "ab" if k not in batch]
            yield make.case(f"{name}_{pair}", {"a": x, "b": y}, nodes, lambda a, b, f=function: f(a, b), batch=batch, constant=constant)

    for power in (2.0, 3.0, 0.5, -1.0, 1.5):
        make.restart(f"pow_constant_{power}")
        x = make.uniform(0.3, 2.0, 2, 3) if power in (0.5, 1.5) else make.away(2, 3, gap=0.2)
        inputs = {"x": x, "p": np.asarray(power, np.float32)}
        name = f"pow_constant_{power}".replace(".", "_").replace("-", "minus_")
        yield make.case(name, inputs, [node("Pow", "x p")], lambda x, p: torch.pow(x, float(p)), batch=["x"], constant=["p"], still=["p"])

    make.restart("mod")
    inputs = {"a": make.uniform(0.1, 0.9, 2, 3), "b": f32([1.0, -1.5, 2.0])}
    inputs["a"] = f32(inputs["a"] + [[0, -4, 6], [-3, 3, -8]])
    nodes = [node("Mod", "a b", fmod=True)]  # the other kind is for integers until opset 28
    yield make.case("mod", inputs, nodes, torch.fmod, batch=["a"], constant=["b"])

    variadic = {
        "sum": ("Sum", lambda a, b, c: a + b + c),
        "mean": ("Mean", lambda a, b, c: (a + b + c) / 3),
        "min": ("Min", lambda a, b, c: torch.minimum(torch.minimum(a, b), c)),
        "max": ("Max", lambda a, b, c: torch.maximum(torch.maximum(a, b), c)),
    }
    for name, (op, function) in variadic.items():
        make.restart(f"{name}_three")
        inputs = {"a": make.distinct(2, 3), "b": f32(make.distinct(3) + 0.03), "c": f32(make.distinct(2, 1) - 0.03)}
        tolerance = "Rounded" if op == "Mean" else "Close"
        yield make.case(f"{name}_three", inputs, [node(op, "a b c")], function, batch=["a", "c"], constant=["b"], tolerance=tolerance)
    for name, op, function in [("min", "Min", torch.minimum), ("max", "Max", torch.maximum)]:
        make.restart(f"{name}_ties")
        inputs = {"a": f32([[0.0, 1.0, -2.0], [0.5, 0.5, 3.0]]), "b": f32([[0.0, 2.0, -2.0], [0.5, -0.5, 3.0]])}
        yield make.case(f"{name}_ties", inputs, [node(op, "a b")], function, batch=["a", "b"], smooth=False)
        make.restart(f"{name}_one")
        yield make.case(f"{name}_one", {"a": make.normal(2, 3)}, [node(op, "a")], lambda a: a * 1, batch=["a"])

    slopes = {"same": (2, 3, 4), "channel": (3, 1), "scalar": (1,)}
    for name, shape in slopes.items():
        make.restart(f"prelu_{name}")
        inputs = {"x": make.away(2, 3, 4), "s": make.uniform(-0.5, 0.5, *shape)}
        function = lambda x, s: torch.where(x < 0, s * x, x)
        batch = ["x", "s"] if name == "same" else ["x"]
        yield make.case(f"prelu_{name}", inputs, [node("PRelu", "x s")], function, batch=batch, constant=["s"] if name != "same" else [])
    make.restart("prelu_edge")
    inputs = {"x": f32([[0.0, -1.0, 1.0]]), "s": f32([0.25])}
    function = lambda x, s: torch.nn.functional.prelu(x, s)
    yield make.case("prelu_edge", inputs, [node("PRelu", "x s")], function, batch=["x"], constant=["s"], smooth=False)

    wheres = {"same": ((2, 3), (2, 3), (2, 3)), "condition": ((3,), (2, 3), (2, 3)), "branches": ((2, 3), (3,), (2, 1)), "scalar": ((2, 3), (), (2, 3))}
    for name, (c, a, b) in wheres.items():
        make.restart(f"where_{name}")
        inputs = {"c": make.rng.random(c) < 0.5, "a": make.normal(*a), "b": make.normal(*b)}
        batch = batch_of({"c": c, "a": a, "b": b})
        constant = [k for k in "cab" if k not in batch]
        yield make.case(f"where_{name}", inputs, [node("Where", "c a b")], lambda c, a, b: torch.where(c, a, b), batch=batch, constant=constant)

    for name, op, function in [("greater", "Greater", torch.gt), ("less_or_equal", "LessOrEqual", torch.le)]:
        make.restart(f"where_{name}")
        inputs = {"a": make.distinct(2, 3), "b": f32(make.distinct(2, 3) + 0.04)}
        nodes = [node(op, "a b", "m"), node("Where", "m a b", "w"), node("Mul", "w a")]
        picked = lambda a, b, f=function: torch.where(f(a, b), a, b) * a
        yield make.case(f"where_{name}", inputs, nodes, picked, batch=["a", "b"])
    make.restart("square_by_fan_out")
    yield make.case("square_by_fan_out", {"x": make.normal(2, 3)}, [node("Mul", "x x")], lambda x: x * x, batch=["x"])
    make.restart("cast_through_integers")
    nodes = [node("Cast", "x", "i", to="I64"), node("Cast", "i", "f", to="F32"), node("Mul", "f x")]
    yield make.case("cast_through_integers", {"x": make.uniform(1.1, 1.9, 2, 3)}, nodes, lambda x: x.detach().trunc() * x, batch=["x"])
