#!/usr/bin/env python3
"""Run one decision-based attack of foolbox or ART, or Square of auto-attack, on one network, and print one line of JSON.

    python bench/blackbox_peer.py --network resnet_2b --attack foolbox:HopSkipJump --n 20
    python bench/blackbox_peer.py --network resnet_2b --attack autoattack:Square --norm linf --eps 2/255 --n 100 --autoattack FOLDER

Every image that enters the network is a query; an image's distance at q queries is the smallest L2 distance of any of its first q points that the
network gives another class, whatever the attack returns in the end. Attacks are stopped at the last of the budgets. Images that the network gets
wrong are left out. Settings are the library's own, except that nothing but the budget ends an attack.

Square runs on all images at once; an image counts as broken at q queries if its q-th or an earlier one was given another class. FOLDER holds
auto-attack's package `autoattack`.
"""
import argparse
import json
import os
import sys
import tempfile
import time
import warnings

import numpy as np
import torch

from networks import NETWORKS
from torch_network import tools

BUDGETS = [100, 300, 1000, 2000, 5000, 10000]


class Spent(Exception):
    """The budget of an image is used up."""


class Watched(torch.nn.Module):
    """A network that counts the queries about one image and keeps the nearest adversarial point at each budget."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def watch(self, x, label, limit):
        self.x, self.label, self.limit = x, label, limit
        self.queries, self.nearest, self.at = 0, float("inf"), {}

    @torch.no_grad()
    def forward(self, x):
        x = x.float()
        z = self.network(x)
        distances = (x - self.x).flatten(1).norm(dim=1).tolist()
        for distance, wrong in zip(distances, (z.argmax(1) != self.label).tolist()):
            self.queries += 1
            if wrong:
                self.nearest = min(self.nearest, distance)
            if self.queries in BUDGETS:
                self.at[self.queries] = self.nearest
            if self.queries >= self.limit:
                raise Spent
        return z


def foolbox_attack(name):
    import foolbox
    attack = {
        "HopSkipJump": lambda: foolbox.attacks.HopSkipJumpAttack(steps=10 ** 6),
        "Boundary": lambda: foolbox.attacks.BoundaryAttack(),
    }[name]()
    return lambda network, x, y: attack(foolbox.PyTorchModel(network, bounds=(0, 1), device="cpu"), x, y, epsilons=None)


def art_attack(name):
    from art.attacks.evasion import BoundaryAttack, GeoDA, HopSkipJump
    from art.estimators.classification import PyTorchClassifier

    # Its GeoDA was written for numpy 1.
    np.mat = np.asmatrix

    def run(network, x, y):
        with torch.no_grad():
            classes = network.network(x).shape[1]
        model = PyTorchClassifier(network, torch.nn.CrossEntropyLoss(), tuple(x.shape[1:]), classes, clip_values=(0, 1), device_type="cpu")
        attack = {
            "HopSkipJump": lambda: HopSkipJump(model, norm=2, max_iter=10 ** 6, verbose=False),
            "Boundary": lambda: BoundaryAttack(model, targeted=False, max_iter=25000, verbose=False),
            "GeoDA": lambda: GeoDA(model, norm=2, max_iter=network.limit, verbose=False),
        }[name]()
        attack.generate(x.numpy(), y=np.eye(classes)[y.numpy()])
    return run


def square(network, x, y, a):
    """Images broken at each budget by auto-attack's Square."""
    sys.path.insert(0, a.autoattack)
    from autoattack.square import SquareAttack
    numerator, _, denominator = a.eps.partition("/")
    attack = SquareAttack(network, norm={"linf": "Linf", "l2": "L2"}[a.norm], n_queries=a.limit, eps=float(numerator) / float(denominator or 1),
                          p_init=.8, n_restarts=1, seed=a.seed, device="cpu", resc_schedule=False)
    # What `perturb` sets up before it comes to this.
    attack.init_hyperparam(x)
    torch.random.manual_seed(a.seed)
    queries, x_adv = attack.attack_single_run(x, y)
    broken = network(x_adv).argmax(1) != y
    return {str(q): int((broken & (queries <= q)).sum()) for q in BUDGETS if q <= a.limit}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--network", required=True, choices=[k for k, v in NETWORKS.items() if v.peers])
    p.add_argument("--attack", required=True, help="foolbox:HopSkipJump, foolbox:Boundary, art:HopSkipJump, art:Boundary, art:GeoDA or autoattack:Square")
    p.add_argument("--n", type=int, default=20, help="images that the network gets right, from the first")
    p.add_argument("--limit", type=int, default=BUDGETS[-1])
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--norm", choices=["linf", "l2"], default="l2", help="of Square; the others work in l2")
    p.add_argument("--eps", help="radius for pixels in 0..1, of Square")
    p.add_argument("--autoattack", default=".")
    a = p.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    np.random.seed(a.seed)
    peers = tools()
    network = Watched(peers.network(a.network))
    xs, ys = (torch.tensor(v) for v in peers.images(peers.MODELS[a.network][1], 4 * a.n))
    with torch.no_grad():
        right = torch.cat([network.network(x).argmax(1) for x in xs.split(64)]) == ys
    xs, ys = xs[right][:a.n], ys[right][:a.n]
    library, _, name = a.attack.partition(":")
    line = dict(kind="blackbox", network=a.network, attack=a.attack, norm=a.norm, n=len(ys), threads=a.threads)
    start = time.perf_counter()
    if library == "autoattack":
        with torch.no_grad():
            broken = square(network.network, xs, ys, a)
        print(json.dumps(line | dict(eps=a.eps, seed=a.seed, broken_at=broken, seconds=round(time.perf_counter() - start, 1))))
        return
    attack = {"foolbox": foolbox_attack, "art": art_attack}[library](name)
    # GeoDA leaves its basis in the current folder.
    os.chdir(tempfile.mkdtemp())
    at, failed = {q: [] for q in BUDGETS if q <= a.limit}, 0
    for x, y in zip(xs.split(1), ys.split(1)):
        network.watch(x, y, a.limit)
        try:
            attack(network, x, y)
        except Spent:
            pass
        except (ValueError, AssertionError):
            failed += 1
        for q in at:
            at[q].append(network.at.get(q, network.nearest))
    medians = {str(q): float(np.median(values)) for q, values in at.items()}
    values = at[max(at)]
    print(json.dumps(line | dict(median_at=medians, seed=a.seed, norms=[None if v == float("inf") else v for v in values], failed=failed, seconds=round(time.perf_counter() - start, 1))))


if __name__ == "__main__":
    main()
