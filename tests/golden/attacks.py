"""Paths of the reference implementations of APGD in L1, FAB and Square, for crates/attack.

    python tests/golden/attacks.py --autoattack DIR

DIR is a checkout of https://github.com/fra31/auto-attack at the commit that apgd.py names. Writes tests/golden/attacks/*.json and a
manifest. APGD and FAB attack the network of tests/golden/apgd/model.json; Square attacks a network whose answers stand in its files.
"""

import argparse
import hashlib
import json
import pathlib
import platform
import sys

import torch

from apgd import COMMIT, Recorder, numbers

SEED = 21
POOL, SAMPLES = 600, 4
L1_STEPS, L1_EPS = 40, 0.6
FAB_STEPS = 30
QUERIES, SHAPE = 20, (2, 10, 10)
SQUARE_RADII = {"Linf": 0.1, "L2": 0.5, "L1": 5.0}
ROOT = pathlib.Path(__file__).parent
HERE = ROOT / "attacks"


def network():
    """The network of the APGD files."""
    setup = json.loads((ROOT / "apgd" / "model.json").read_text())
    first = torch.nn.Linear(len(setup["w1"][0]), len(setup["w1"]))
    second = torch.nn.Linear(len(setup["w2"][0]), len(setup["w2"]))
    with torch.no_grad():
        for layer, w, b in ((first, "w1", "b1"), (second, "w2", "b2")):
            layer.weight.copy_(torch.tensor(setup[w]))
            layer.bias.copy_(torch.tensor(setup[b]))
    return torch.nn.Sequential(first, torch.nn.Tanh(), second)


def l1(attacks, net, loss, x, labels, targets, noise):
    """All points of APGD in L1 with shrinking radii, from clean input plus noise."""
    recorder = Recorder(net)
    make = attacks.APGDAttack_targeted if loss.endswith("targeted") else attacks.APGDAttack
    attack = make(recorder, n_iter=L1_STEPS, norm="L1", eps=L1_EPS, device="cpu", use_largereps=True)
    attack.loss, attack.y_target = loss, targets
    attack.init_hyperparam(x)
    radii, early = [3 * L1_EPS, 2 * L1_EPS, L1_EPS], -(-3 * L1_STEPS // 10)
    random, torch.randn_like = torch.randn_like, lambda _: noise.clone()
    attack.decr_eps_pgd(x, labels, radii, [early, early, L1_STEPS - 2 * early])
    torch.randn_like = random
    assert len(recorder.points) == L1_STEPS + 3
    return torch.stack(recorder.points, dim=1)


def flat(attacks, net, loss, points, labels):
    """True for samples that come where DLR is constant, so that rounding decides which point is the best."""
    with torch.no_grad():
        values = [attacks.APGDAttack.dlr_loss(None, net(point), labels) for point in points.unbind(1)]
    return loss.startswith("dlr") & (torch.stack(values, dim=1) > 0.999).any(1)


def fab(base, net, norm, x, label, target):
    """The points of a run of FAB-T on one sample without repetitions."""
    recorder = Recorder(net)
    attack = base.FABAttack_PT(recorder, norm=norm, n_iter=FAB_STEPS, eps=1.0, targeted=True, device="cpu")
    ranking = net(x).argsort(dim=1, descending=True)[0].tolist()
    attack.target_class = ranking.index(target) + 1
    attack.attack_single_run(x, torch.tensor([label]), is_targeted=True)
    points = []
    for point in recorder.points:
        if not points or not torch.equal(points[-1], point[0]):
            points.append(point[0])
    return torch.stack(points)


def square(module, norm, seed):
    """Draws, points and losses of a run of Square; nothing where a patch left the point as it was."""
    torch.manual_seed(seed)
    flat = SHAPE[0] * SHAPE[1] * SHAPE[2]
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(flat, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    x = torch.rand(1, *SHAPE)
    y = net(x).argmax(1)
    # A bias that keeps the label ahead, so that the run goes on to its end.
    with torch.no_grad():
        net[3].bias[y] += 5
    recorder = Recorder(net)
    attack = module.SquareAttack(recorder, norm=norm, n_queries=QUERIES, eps=SQUARE_RADII[norm], device="cpu", resc_schedule=True)
    attack.init_hyperparam(x)
    places, coins = [], []
    choice, integer, rand = attack.random_choice, attack.random_int, torch.rand

    def random_choice(shape):
        signs = choice(shape)
        # Colours of the stripes come by channel and column, as all else by channel.
        coins.extend((signs.flatten() > 0).tolist())
        return signs

    def random_int(low=0, high=1, shape=(1,)):
        value = integer(low, high, list(shape))
        places.append(value.item())
        return value

    def random_flip(*args, **kwargs):
        value = rand(*args, **kwargs)
        if args and list(args[0] if isinstance(args[0], (list, tuple)) else [args[0]]) == [1] and flips[0]:
            coins.append(bool(value.item() > 0.5))
        return value

    flips = [False]
    eta = attack.eta

    def watched_eta(s):
        flips[0] = True
        bump = eta(s)
        flips[0] = False
        return bump

    attack.random_choice, attack.random_int, attack.eta, torch.rand = random_choice, random_int, watched_eta, random_flip
    with torch.no_grad():
        attack.attack_single_run(x, y)
    torch.rand = rand
    losses = [(net(point).clone().index_fill(1, y, -torch.inf).max() - net(point)[0, y]).item() for point in recorder.points]
    best, best_loss = recorder.points[0], losses[0]
    for point, loss in zip(recorder.points[1:], losses[1:]):
        if torch.allclose(point, best, rtol=0, atol=1e-6):
            return None
        if loss > best_loss:
            best, best_loss = point, loss
    return {
        "norm": norm.lower(), "eps": SQUARE_RADII[norm], "shape": SHAPE, "queries": QUERIES, "x": numbers(x.flatten()), "places": places, "coins": coins,
        "points": numbers(torch.stack([point.flatten() for point in recorder.points])), "losses": numbers(torch.tensor(losses)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--autoattack", required=True)
    sys.path.insert(0, parser.parse_args().autoattack)
    from autoattack import autopgd_base, fab_pt, square as square_module

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    net = network()
    x = (torch.rand(POOL, net[0].in_features) * 1.3 - 0.15).clamp(0, 1)
    ranked = net(x).argsort(dim=1, descending=True)
    labels, targets = ranked[:, 0], ranked[:, 2]
    files = {}

    noise, runs, worst = torch.randn(x.shape), {}, torch.zeros(POOL)
    for loss in ("ce", "dlr", "dlr-targeted"):
        points = l1(autopgd_base, net, loss, x, labels, targets, noise)
        change = (points - x[:, None]).abs()
        # Steps and radii are multiples of one length, so that rounding may decide whether an element stays changed.
        for _ in range(8):
            moved = (x + 2e-6 * torch.rand(x.shape) - 1e-6).clamp(0, 1)
            near = l1(autopgd_base, net, loss, moved, labels, targets, noise)
            worst = torch.maximum(worst, (points - near).abs().amax((1, 2)))
        # APGD in L1 counts changed elements, and the reference leaves changes of a rounding error behind where there should be none.
        worst[((change > 0) & (change < 1e-5)).any(2).any(1)] = torch.inf
        worst[flat(autopgd_base, net, loss, points, labels)] = torch.inf
        runs[loss] = points
    # Samples on which the path of the reference itself depends on the clean input steadily: no near ties decide.
    keep = (worst < 2e-5).nonzero().flatten()[:SAMPLES]
    print(f"l1: {(worst < 2e-5).sum().item()} of {POOL} samples have no near ties")
    assert len(keep) == SAMPLES
    for loss, points in runs.items():
        files[f"l1_{loss.replace('-', '_')}.json"] = {
            "norm": "l1", "eps": L1_EPS, "loss": loss, "steps": L1_STEPS, "x": numbers(x[keep]), "labels": labels[keep].tolist(),
            "targets": targets[keep].tolist(), "start": numbers((x + noise)[keep]), "points": numbers(points[keep]),
        }

    for norm in ("Linf", "L2", "L1"):
        samples = []
        for k in range(POOL):
            label, target = labels[k].item(), targets[k].item()
            points = fab(fab_pt, net, norm, x[k:k + 1], label, target)
            near = fab(fab_pt, net, norm, (x[k:k + 1] + 1e-6 * torch.rand(x[k:k + 1].shape)).clamp(0, 1), label, target)
            if len(points) == len(near) and (points - near).abs().max() < 2e-5:
                samples.append({"x": numbers(x[k]), "label": label, "target": target, "points": numbers(points)})
            if len(samples) == SAMPLES:
                break
        print(f"fab {norm}: {k + 1} samples looked at")
        assert len(samples) == SAMPLES
        files[f"fab_{norm.lower()}.json"] = {"norm": norm.lower(), "steps": FAB_STEPS, "samples": samples}

    for norm in SQUARE_RADII:
        files[f"square_{norm.lower()}.json"] = next(filter(None, (square(square_module, norm, seed) for seed in range(5000))))

    HERE.mkdir(exist_ok=True)
    hashes = {}
    for name, content in files.items():
        text = json.dumps(content, separators=(",", ":")) + "\n"
        (HERE / name).write_text(text)
        hashes[name] = hashlib.sha256(text.encode()).hexdigest()
    manifest = {
        "generator": "tests/golden/attacks.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "auto-attack": COMMIT},
        "seed": SEED,
        "files": hashes,
    }
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
