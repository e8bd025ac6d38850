#!/usr/bin/env python3
"""Run one attack of auto-attack or torchattacks on one network and print one line of JSON.

    python bench/peer.py --network resnet_4b --attack autoattack:apgd-ce --n 200 --threads 2 --autoattack FOLDER

The network, its preprocessing and the images come from ../shared/tools/peers.py; weights are frozen and gradients are
taken with respect to the image only, as a fair user would do. `seconds` is the time inside the attack alone: imports,
loading and the last check of the images found are not in it. FOLDER holds auto-attack's package `autoattack`.
"""
import argparse
import contextlib
import json
import sys
import time

import torch

from networks import ATTACKS, NETWORKS
from torch_network import Counted, tools


def attack_of(name, network, eps, seed, folder):
    """A function (images, labels) -> adversarial images."""
    library, _, attack = name.partition(":")
    if library == "autoattack":
        sys.path.insert(0, folder)
        from autoattack.autopgd_base import APGDAttack
        apgd = APGDAttack(network, n_iter=100, norm="Linf", n_restarts=1, eps=eps, seed=seed, loss=attack.split("-")[1],
                          eot_iter=1, rho=.75, device="cpu")
        return apgd.perturb
    import torchattacks
    if attack == "PGD":
        return torchattacks.PGD(network, eps=eps, alpha=eps * 2.5 / 40, steps=40, random_start=True)
    return torchattacks.APGD(network, norm="Linf", eps=eps, steps=100, n_restarts=1, seed=seed, loss="ce", eot_iter=1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--network", required=True, choices=[k for k, v in NETWORKS.items() if v.peers])
    p.add_argument("--attack", required=True, choices=sorted({peer for _, peers in ATTACKS.values() for peer in peers}))
    p.add_argument("--n", type=int, default=200)
    p.add_argument("--batch", type=int, default=0, help="0: all images at once, which suits the peers best")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--channels-last", action="store_true")
    p.add_argument("--autoattack", default=".")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    network, helper = NETWORKS[a.network], tools()
    counted = Counted(helper.network(a.network)).eval()
    pixels, labels = helper.images(helper.MODELS[a.network][1], a.n)
    x, y = torch.tensor(pixels), torch.tensor(labels)
    if a.channels_last:
        counted, x = counted.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    batch = a.batch or len(x)

    def right(images):
        with torch.no_grad():
            return torch.cat([counted(b).argmax(1) == c for b, c in zip(images.split(batch), y.split(batch))])

    clean = right(x)
    run = attack_of(a.attack, counted, network.eps_unit, a.seed, a.autoattack)
    counted.forwards = 0
    start = time.perf_counter()
    x_adv = torch.cat([run(b, c) for b, c in zip(x.split(batch), y.split(batch))]).detach()
    seconds = time.perf_counter() - start
    forwards = counted.forwards
    survived = right(x_adv) & clean
    return dict(
        tool=a.attack, network=a.network, eps=network.eps, n=len(y), seed=a.seed, threads=a.threads, batch=batch,
        channels_last=a.channels_last, clean_correct=int(clean.sum()), survived=int(survived.sum()), seconds=round(seconds, 4),
        forwards=forwards, max_norm=float((x_adv - x).abs().max()), torch=torch.__version__)


if __name__ == "__main__":
    # The libraries print remarks of their own.
    with contextlib.redirect_stdout(sys.stderr):
        result = main()
    print(json.dumps(result))
