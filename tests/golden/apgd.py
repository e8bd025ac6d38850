"""Iterates of the reference implementation of APGD on a small network, for crates/attack/tests/algorithms/apgd_reference.rs.

    python tests/golden/apgd.py --autoattack DIR

DIR is a checkout of https://github.com/fra31/auto-attack at the commit below. Writes tests/golden/apgd/*.json and a manifest.
"""

import argparse
import copy
import hashlib
import json
import pathlib
import platform
import sys

import torch

COMMIT = "a39220048b3c9f2cca9a4d3a54604793c68eca7e"
SEED = 20
STEPS = 40
INPUTS, HIDDEN, CLASSES, SAMPLES = 12, 16, 5, 4
POOL = 500
RADII = {"linf": 0.12, "l2": 0.5}
LOSSES = ["ce", "dlr", "ce-targeted", "dlr-targeted"]
HERE = pathlib.Path(__file__).parent / "apgd"


class Recorder(torch.nn.Module):
    """Keeps every point it is asked about."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.points = []

    def forward(self, x):
        self.points.append(x.detach().clone())
        return self.net(x)


def numbers(tensor):
    """Nested lists whose numbers read back as the same f32."""
    if tensor.dim() == 0:
        return float(f"{tensor.item():.9g}")
    return [numbers(part) for part in tensor]


def run(attacks, net, norm, loss, x, labels, targets, start):
    recorder = Recorder(net)
    make = attacks.APGDAttack_targeted if loss.endswith("targeted") else attacks.APGDAttack
    name = {"linf": "Linf", "l2": "L2"}[norm]
    attack = make(recorder, n_iter=STEPS, norm=name, eps=RADII[norm], device="cpu")
    attack.loss = loss
    if loss == "ce-targeted":
        attack.ce_loss_targeted = lambda z, _: -torch.nn.functional.cross_entropy(z, targets, reduction="none")
    attack.y_target = targets
    attack.init_hyperparam(x)
    attack.attack_single_run(x, labels, x_init=start)
    assert len(recorder.points) == STEPS + 1
    return torch.stack(recorder.points, dim=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--autoattack", required=True)
    sys.path.insert(0, parser.parse_args().autoattack)
    from autoattack import autopgd_base as attacks

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    first, second = torch.nn.Linear(INPUTS, HIDDEN), torch.nn.Linear(HIDDEN, CLASSES)
    with torch.no_grad():
        first.weight.mul_(2)
        second.weight.mul_(3)
    net = torch.nn.Sequential(first, torch.nn.Tanh(), second)
    precise_net = copy.deepcopy(net).double()
    # Wider than the box before the clamp, so that some elements lie on its sides.
    x = (torch.rand(POOL, INPUTS) * 1.3 - 0.15).clamp(0, 1)
    ranked = net(x).argsort(dim=1, descending=True)
    labels, targets = ranked[:, 0], ranked[:, 2]

    runs, worst = [], torch.zeros(POOL)
    for norm, eps in RADII.items():
        noise = torch.rand(x.shape) * 2 - 1 if norm == "linf" else torch.randn(x.shape)
        size = noise.abs().amax(1, keepdim=True) if norm == "linf" else noise.norm(dim=1, keepdim=True)
        start = (x + eps * noise / size).clamp(0, 1)
        for loss in LOSSES:
            points = run(attacks, net, norm, loss, x, labels, targets, start)
            precise = run(attacks, precise_net, norm, loss, x.double(), labels, targets, start.double())
            worst = torch.maximum(worst, (points - precise).abs().amax((1, 2)).float())
            runs.append((norm, eps, loss, start, points))
    # APGD compares losses, and a near tie goes one way or the other by rounding alone, after which paths part. Samples without such ties
    # are kept, and the reference itself tells which these are: its paths in f32 and in f64 agree.
    keep = (worst < 2e-5).nonzero().flatten()[:SAMPLES]
    print(f"{(worst < 2e-5).sum().item()} of {POOL} samples have no near ties")
    assert len(keep) == SAMPLES

    files = {
        "model.json": {
            "w1": numbers(first.weight), "b1": numbers(first.bias), "w2": numbers(second.weight), "b2": numbers(second.bias),
            "x": numbers(x[keep]), "labels": labels[keep].tolist(), "targets": targets[keep].tolist(),
        }
    }
    for norm, eps, loss, start, points in runs:
        files[f"{norm}_{loss.replace('-', '_')}.json"] = {
            "norm": norm, "eps": eps, "loss": loss, "steps": STEPS, "start": numbers(start[keep]), "points": numbers(points[keep]),
        }
    HERE.mkdir(exist_ok=True)
    hashes = {}
    for name, content in files.items():
        text = json.dumps(content, separators=(",", ":")) + "\n"
        (HERE / name).write_text(text)
        hashes[name] = hashlib.sha256(text.encode()).hexdigest()
    manifest = {
        "generator": "tests/golden/apgd.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "auto-attack": COMMIT},
        "seed": SEED,
        "files": hashes,
    }
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
