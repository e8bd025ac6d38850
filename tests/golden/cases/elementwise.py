"""Operators with one operand, away from their kinks and on them."""

import torch
import torch.nn.functional as F

from case import f32, node, rounded

SHAPE = (2, 3, 4)


def functions():
    """(name, op, attributes, PyTorch function, kinks, tolerance)."""
    r = rounded
    yield "neg", "Neg", {}, lambda x: -x, (), "Close"
    yield "abs", "Abs", {}, torch.abs, (0.0,), "Close"
    yield "exp", "Exp", {}, torch.exp, (), "Close"
    yield "erf", "Erf", {}, torch.erf, (), "Rounded"
    yield "sin", "Sin", {}, torch.sin, (), "Close"
    yield "cos", "Cos", {}, torch.cos, (), "Close"
    yield "relu", "Relu", {}, torch.relu, (0.0,), "Close"
    yield "leaky_relu", "LeakyRelu", {"alpha": r(0.1)}, lambda x: F.leaky_relu(x, r(0.1)), (0.0,), "Close"
    yield "leaky_relu_negative", "LeakyRelu", {"alpha": -0.5}, lambda x: F.leaky_relu(x, -0.5), (0.0,), "Close"
    yield "elu", "Elu", {"alpha": 0.75}, lambda x: F.elu(x, 0.75), (0.0,), "Close"
    yield "celu", "Celu", {"alpha": 0.75}, lambda x: F.celu(x, 0.75), (0.0,), "Rounded"
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    selu = lambda x: gamma * torch.where(x > 0, x, alpha * torch.expm1(x))
    yield "selu", "Selu", {"alpha": alpha, "gamma": gamma}, selu, (0.0,), "Rounded"
    yield "sigmoid", "Sigmoid", {}, torch.sigmoid, (), "Close"
    hard = lambda x: torch.clamp(r(0.3) * x + 0.5, 0, 1)
    yield "hard_sigmoid", "HardSigmoid", {"alpha": r(0.3), "beta": 0.5}, hard, (-0.5 / r(0.3), 0.5 / r(0.3)), "Close"
    yield "hard_swish", "HardSwish", {}, F.hardswish, (-3.0, 3.0), "Rounded"
    yield "tanh", "Tanh", {}, torch.tanh, (), "Close"
    yield "softplus", "Softplus", {}, F.softplus, (), "Close"
    yield "softsign", "Softsign", {}, F.softsign, (0.0,), "Close"
    yield "gelu", "Gelu", {"tanh": False}, F.gelu, (), "Rounded"
    yield "gelu_tanh", "Gelu", {"tanh": True}, lambda x: F.gelu(x, approximate="tanh"), (), "Rounded"
    yield "clip", "Clip", {"lo": -0.5, "hi": 1.0}, lambda x: x.clamp(-0.5, 1.0), (-0.5, 1.0), "Close"
    yield "clip_low", "Clip", {"lo": 0.25, "hi": None}, lambda x: x.clamp(min=0.25), (0.25,), "Close"
    yield "clip_high", "Clip", {"lo": None, "hi": 0.25}, lambda x: x.clamp(max=0.25), (0.25,), "Close"
    tiny, huge = 2.0**-60, 2.0**30
    yield "clip_extreme", "Clip", {"lo": tiny, "hi": huge}, lambda x: x.clamp(tiny, huge), (tiny, huge), "Close"
    yield "tan", "Tan", {}, lambda x: torch.tan(x), (-1.571, 1.571), "Close"
    yield "atan", "Atan", {}, torch.atan, (), "Close"
    yield "sinh", "Sinh", {}, torch.sinh, (), "Close"
    yield "cosh", "Cosh", {}, torch.cosh, (), "Close"
    yield "asinh", "Asinh", {}, torch.asinh, (), "Close"
    yield "identity", "Identity", {}, lambda x: x * 1, (), "Close"
    yield "cast", "Cast", {"to": "F32"}, lambda x: x * 1, (), "Close"


def cases(make):
    for name, op, attributes, function, kinks, tolerance in functions():
        make.restart(name)
        x = make.away(*SHAPE, kinks=kinks, scale=2.5 if op == "HardSwish" else 1.5)
        yield make.case(name, {"x": x}, [node(op, "x", **attributes)], function, batch=["x"], tolerance=tolerance)
        if kinks:
            edges = f32([[kink, -kink, 0.0] for kink in kinks])
            if op == "HardSigmoid":  # whether alpha x + beta reaches 1 exactly depends on rounding
                edges = f32([[-4.0, 4.0, 0.0]])
            kwargs = {"batch": ["x"], "smooth": False, "tolerance": tolerance}
            yield make.case(f"{name}_edge", {"x": edges}, [node(op, "x", **attributes)], function, **kwargs)

    positive = [("sqrt", "Sqrt", torch.sqrt), ("log", "Log", torch.log), ("reciprocal", "Reciprocal", torch.reciprocal)]
    for name, op, function in positive:
        make.restart(name)
        yield make.case(name, {"x": make.uniform(0.5, 3, *SHAPE)}, [node(op, "x")], function, batch=["x"])
    make.restart("hard_sigmoid_exact_edge")
    x = f32([[-1.0, 1.0, 0.0, -2.0, 2.0, 0.5]])
    exact = lambda x: torch.clamp(0.5 * x + 0.5, 0, 1)
    nodes = [node("HardSigmoid", "x", alpha=0.5, beta=0.5)]
    # PyTorch's own hardsigmoid passes nothing at either edge; a clamp would pass the gradient.
    inside = lambda x: torch.where((x > -1) & (x < 1), 0.5 * x + 0.5, exact(x).detach())
    yield make.case("hard_sigmoid_exact_edge", {"x": x}, nodes, inside, batch=["x"], smooth=False)
    make.restart("saturated")
    x = f32([[-80.0, -30.0, 30.0, 80.0]])
    for name, op, function in [("sigmoid", "Sigmoid", torch.sigmoid), ("tanh", "Tanh", torch.tanh), ("softplus", "Softplus", lambda x: F.softplus(x, threshold=1000))]:
        yield make.case(f"{name}_saturated", {"x": x}, [node(op, "x")], function, batch=["x"])
    for name, op in [("sign", "Sign"), ("floor", "Floor"), ("ceil", "Ceil"), ("round", "Round")]:
        make.restart(name)
        step = lambda x, op=op: getattr(torch, op.lower())(x) + 0 * x
        nodes = [node(op, "x", "s"), node("Add", "s x")]
        yield make.case(name, {"x": make.uniform(-0.4, 0.4, *SHAPE)}, nodes, lambda x, step=step: step(x) + x, batch=["x"], smooth=False)

    inverses = [("asin", "Asin", torch.asin, -0.9, 0.9), ("acos", "Acos", torch.acos, -0.9, 0.9)]
    inverses += [("acosh", "Acosh", torch.acosh, 1.1, 3.0), ("atanh", "Atanh", torch.atanh, -0.9, 0.9)]
    for name, op, function, low, high in inverses:
        make.restart(name)
        yield make.case(name, {"x": make.uniform(low, high, *SHAPE)}, [node(op, "x")], function, batch=["x"])
