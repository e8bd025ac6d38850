#!/usr/bin/env python3
"""Losses of adversarial training, their gradients by every weight and steps of optimisers, computed by PyTorch in f64 (losses) and f32 (steps).

    python tests/golden/training/generate.py

Writes net.onnx, a small convolutional network, and training.json. TRADES and MART are written as in the code that their authors published
(yaodongyu/TRADES trades.py, YisenWang/MART mart.py), AWP as in csdongxian/AWP utils_awp.py.

Needs: torch, onnx, numpy.
"""
import hashlib
import json
import pathlib

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
B, K = 6, 4


def network():
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 4 * 4, K))


NAMES = ["0.weight", "0.bias", "2.weight", "2.bias", "5.weight", "5.bias"]


def write(net):
    nodes = [
        helper.make_node("Conv", ["x", "0.weight", "0.bias"], ["a"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "2.weight", "2.bias"], ["c"], kernel_shape=[3, 3], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "5.weight", "5.bias"], ["logits"], transB=1),
    ]
    tensors = [numpy_helper.from_array(value.detach().numpy(), name) for name, value in net.state_dict().items()]
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", K])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    (HERE / "net.onnx").write_bytes(model.SerializeToString())


def mixed(net, x, x_adv, y, clean):
    return (1 - clean) * F.cross_entropy(net(x_adv), y, reduction="none") + clean * F.cross_entropy(net(x), y, reduction="none")


def trades(net, x, x_adv, y, beta):
    natural = F.cross_entropy(net(x), y, reduction="none")
    robust = nn.KLDivLoss(reduction="none")(F.log_softmax(net(x_adv), dim=1), F.softmax(net(x), dim=1)).sum(1)
    return natural + beta * robust


def mart(net, x, x_adv, y, beta):
    logits, logits_adv = net(x), net(x_adv)
    adv_probs = F.softmax(logits_adv, dim=1)
    tmp1 = torch.argsort(adv_probs, dim=1)[:, -2:]
    new_y = torch.where(tmp1[:, -1] == y, tmp1[:, -2], tmp1[:, -1])
    loss_adv = F.cross_entropy(logits_adv, y, reduction="none") + F.nll_loss(torch.log(1.0001 - adv_probs + 1e-12), new_y, reduction="none")
    nat_probs = F.softmax(logits, dim=1)
    true_probs = torch.gather(nat_probs, 1, y.unsqueeze(1)).squeeze()
    kl = nn.KLDivLoss(reduction="none")
    return loss_adv + beta * kl(torch.log(adv_probs + 1e-12), nat_probs).sum(1) * (1.0000001 - true_probs)


LOSSES = {
    "mixed 0": lambda *a: mixed(*a, 0.0), "mixed 0.3": lambda *a: mixed(*a, 0.3),
    "trades 6": lambda *a: trades(*a, 6.0), "mart 5": lambda *a: mart(*a, 5.0),
}


def flat(tensor):
    return [float(v) for v in tensor.detach().reshape(-1)]


def losses(x, x_adv, y):
    out = {}
    for name, loss in LOSSES.items():
        net = network().double()
        value = loss(net, x.double(), x_adv.double(), y)
        value.sum().backward()
        out[name] = {"loss": flat(value), "gradients": {n: flat(p.grad) for n, p in net.named_parameters()}}
    return out


def steps(x, x_adv, y):
    """Weights after three steps, as a training run takes them: gradient of the mean loss, clipped, then the optimiser."""
    out = {}
    optimisers = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=5e-4),
        "adam": lambda p: torch.optim.AdamW(p, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=5e-4),
    }
    for name, make in optimisers.items():
        for awp in (0.0, 0.01):
            net = network()
            optimiser = make(net.parameters())
            for _ in range(3):
                kept = [p.detach().clone() for p in net.parameters()]
                if awp:
                    optimiser.zero_grad()
                    mixed(net, x, x_adv, y, 0.3).mean().backward()
                    with torch.no_grad():
                        for p in net.parameters():
                            if p.dim() > 1:
                                p += awp * p.norm() / (p.grad.norm() + 1e-20) * p.grad
                optimiser.zero_grad()
                mixed(net, x, x_adv, y, 0.3).mean().backward()
                with torch.no_grad():
                    for p, w in zip(net.parameters(), kept):
                        p.copy_(w)
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimiser.step()
            out[f"{name} {awp}"] = {n: flat(p) for n, p in net.named_parameters()}
    return out


def main():
    write(network())
    rng = np.random.default_rng(3)
    x = torch.tensor(rng.random((B, 1, 8, 8), dtype=np.float32))
    x_adv = (x + torch.tensor(rng.uniform(-0.1, 0.1, x.shape).astype(np.float32))).clamp(0, 1)
    y = torch.tensor(rng.integers(0, K, B))
    result = {"names": NAMES, "x": flat(x), "x_adv": flat(x_adv), "y": y.tolist(), "losses": losses(x, x_adv, y), "steps": steps(x, x_adv, y)}
    (HERE / "training.json").write_text(json.dumps(result) + "\n")
    files = {name: hashlib.sha256((HERE / name).read_bytes()).hexdigest() for name in ("generate.py", "net.onnx", "training.json")}
    manifest = {"generator": "tests/golden/training/generate.py", "seed": 5, "versions": {"torch": torch.__version__, "onnx": onnx.__version__, "numpy": np.__version__}, "files": files}
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


main()
