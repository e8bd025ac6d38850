#!/usr/bin/env python3
"""What it costs to divide an audit: processor time of 16 shards and their merge beside that of one run, and what that means for ImageNet.

    python bench/shards.py [--shards 16] [--n 400] [--brinell target/release/brinell]

Each process runs on one thread. The start-up of a shard is what an audit of one sample takes with an attack that makes one step.
"""
import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

from networks import NETWORKS, first

CASES = ("m256x2", "resnet_2b")


def seconds(command):
    """Processor time of a command."""
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 2):
        raise SystemExit(f"{command} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def case(a, key):
    """One row."""
    network = NETWORKS[key]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data = first(network.data, min(a.n, network.data[2]))
        common = [a.brinell, "audit", pathlib.Path(network.audit("", "", 1, "", 0, 1, "", 0)[2]), *data, *network.flags, "--norm", "linf", "--eps", network.eps,
                  "--threads", 1, "--runtime", a.runtime]
        whole = seconds([*common, "--suite", "standard", "--out", folder / "whole"])
        start = min(seconds([*common, "--attack", "fgsm", "--limit", 1, "--sanity", "off", "--out", folder / f"start{i}"]) for i in range(3))
        shards = [seconds([*common, "--suite", "standard", "--shard", f"{i}/{a.shards}", "--out", folder / f"s{i}"]) for i in range(a.shards)]
        merge = seconds([a.brinell, "merge", *[folder / f"s{i}" for i in range(a.shards)], "--out", folder / "all", "--runtime", a.runtime])
        digests = {hashlib.sha256((folder / name / "record.jsonl").read_bytes()).hexdigest() for name in ("whole", "all")}
        n = json.loads((folder / "all" / "summary.json").read_text())["data"]["n"]
    divided = sum(shards) + merge
    return dict(network=key, n=n, whole=whole, shards=sum(shards), slowest=max(shards), merge=merge, start=start, equal=len(digests) == 1,
                ratio=divided / whole, without_starts=(divided - a.shards * start) / whole)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shards", type=int, default=16)
    p.add_argument("--n", type=int, default=400)
    p.add_argument("--runtime", default="onnxruntime")
    p.add_argument("--networks", default=",".join(CASES))
    p.add_argument("--brinell", default="target/release/brinell")
    a = p.parse_args()
    print("| network | images | one run, s | shards, s | slowest shard, s | merge, s | start of a shard, s | shards and merge / one run | the same without starts | record equal |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for key in a.networks.split(","):
        r = case(a, key)
        print(f"| {r['network']} | {r['n']} | {r['whole']:.1f} | {r['shards']:.1f} | {r['slowest']:.1f} | {r['merge']:.2f} | {r['start']:.2f} | {r['ratio']:.2f} | "
              f"{r['without_starts']:.2f} | {'yes' if r['equal'] else 'NO'} |", flush=True)


if __name__ == "__main__":
    main()
