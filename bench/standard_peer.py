#!/usr/bin/env python3
"""Run auto-attack's version "standard" on one network and print one line of JSON, with its passes counted.

    python bench/standard_peer.py --network resnet_4b --threads 1 --autoattack FOLDER

As bench/peer.py: frozen weights, gradients with respect to the image only. The transformer, which onnx2torch cannot read, comes from
bench/torch_network.py. `stages` holds, after each attack, how many images survive and the images passed forwards and backwards.
"""
import argparse
import contextlib
import json
import resource
import sys
import time

import torch

from networks import NETWORKS
from torch_network import Counted, network_of, tools


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--network", required=True, choices=sorted(NETWORKS))
    p.add_argument("--norm", default="Linf", choices=["Linf", "L2", "L1"])
    p.add_argument("--eps", type=float, help="for pixels in 0..1 [default: the table's]")
    p.add_argument("--n", type=int, default=10**9)
    p.add_argument("--batch", type=int, default=256)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--autoattack", default=".")
    a = p.parse_args()
    sys.path.insert(0, a.autoattack)
    from autoattack import AutoAttack, checks
    # Its own checks of the network ask again at every call; they are left out of counts and times.
    for check in [name for name in dir(checks) if name.startswith("check_")]:
        setattr(checks, check, lambda *_, **__: None)

    torch.set_num_threads(a.threads)
    helper, key = tools(), NETWORKS[a.network].key
    counted = Counted(network_of(helper, key)).eval()
    pixels, labels = helper.images(helper.MODELS[key][1], a.n)
    x, y = torch.tensor(pixels), torch.tensor(labels)
    eps = a.eps or NETWORKS[a.network].eps_unit
    with torch.no_grad():
        clean = torch.cat([counted(b).argmax(1) == c for b, c in zip(x.split(a.batch), y.split(a.batch))])
    suite = AutoAttack(counted, norm=a.norm, eps=eps, version="standard", device="cpu", verbose=False, seed=a.seed)
    # One attack at a time, as the suite itself runs them: each on what the earlier ones left.
    left, stages = clean.clone(), []
    for name in list(suite.attacks_to_run):
        suite.attacks_to_run = [name]
        counted.forwards = counted.backwards = 0
        attacked = int(left.sum())
        if not attacked:
            break
        start, cpu = time.perf_counter(), time.process_time()
        x_adv = suite.run_standard_evaluation(x[left], y[left], bs=a.batch)
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        # The suite asks once more about the clean images.
        forwards, backwards = counted.forwards - attacked, counted.backwards
        with torch.no_grad():
            stood = torch.cat([counted(b).argmax(1) == c for b, c in zip(x_adv.split(a.batch), y[left].split(a.batch))])
        left[left.clone()] = stood
        stages.append(dict(attack=name, attacked=attacked, survived=int(left.sum()), forwards=forwards, backwards=backwards,
                           seconds=round(seconds, 2), cpu_seconds=round(cpu, 2)))
    return dict(
        tool="autoattack:standard", network=a.network, norm=a.norm, eps=eps, n=len(y), seed=a.seed, threads=a.threads, batch=a.batch,
        clean_correct=int(clean.sum()), survived=int(left.sum()), seconds=sum(s["seconds"] for s in stages),
        cpu_seconds=sum(s["cpu_seconds"] for s in stages), forwards=sum(s["forwards"] for s in stages),
        backwards=sum(s["backwards"] for s in stages), stages=stages, torch=torch.__version__,
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        result = main()
    print(json.dumps(result))
