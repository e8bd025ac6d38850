#!/usr/bin/env python3
"""Run Brinell's black-box attacks and those of the peers on the same networks and images, at 1000, 5000 and 10000 queries.

    python bench/blackbox.py --json runs/blackbox.jsonl --decision                              # median L2, images one by one
    python bench/blackbox.py --json runs/blackbox.jsonl --square --autoattack FOLDER            # images broken by Square
    python bench/blackbox.py --json runs/blackbox.jsonl --table

One line of JSON per network and attack is added to the file. The images are the first that the network gets right. FOLDER holds auto-attack's
package `autoattack`. In the table of Square, `2 s` is two standard deviations of the difference of two counts that have the same mean.
"""
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile

from networks import DATA, NETWORKS, first

HERE = pathlib.Path(__file__).resolve().parent
BUDGETS = ["1000", "5000", "10000"]
DECISION = ["hopskipjump", "surfree", "boundary:steps=100000"]
PEERS = ["foolbox:HopSkipJump", "art:HopSkipJump"]

# Radii for pixels in 0..1 at which some images fall and some do not.
SQUARE = {
    "m256x2": {"linf": "0.05", "l2": "1"},
    "mnist_0.1": {"linf": "0.15", "l2": "2"},
    "mnist-trades": {"linf": "0.15", "l2": "2"},
    "resnet_2b": {"linf": "4/255", "l2": "0.5"},
}


def audit(a, key, n, *more):
    """Summary and records of an audit, in the order of the data, of the first `n` images that the network gets right."""
    network = NETWORKS[key]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        command = [a.brinell, "audit", DATA / network.file, *first(network.data, 2 * n), *network.flags,
                   "--threads", a.threads, "--seed", a.seed, "--out", out, *more]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if not (out / "summary.json").is_file():
            sys.exit(done.stderr)
        summary = json.loads((out / "summary.json").read_text())
        records = [json.loads(line) for line in (out / "record.jsonl").read_text().splitlines()]
    records = sorted((r for r in records if r["prediction"] == r["label"]), key=lambda r: r["sample"])
    return summary, records[:n]


def decision(a, key):
    """Lines of Brinell and the peers on the median L2."""
    for attack in DECISION if a.brinell else []:
        medians, seconds = {}, 0.0
        for q in BUDGETS:
            summary, records = audit(a, key, a.n, "--norm", "l2", "--minimum-norm", "--attack", attack, "--max-queries", q)
            norms = [r["norm"] for r in records]
            medians[q] = statistics.median(math.inf if v is None else v for v in norms)
            seconds += summary["stages"][0]["seconds"]
        yield dict(kind="blackbox", network=key, attack=f"brinell:{attack.partition(':')[0]}", norm="l2", n=len(records), median_at=medians, norms=norms, seed=a.seed,
                   version=summary["brinell_version"], threads=a.threads, seconds=round(seconds, 1))
    for attack in a.peers.split(",") if a.peers else []:
        yield peer(a, "--network", key, "--attack", attack, "--n", a.n)


def square(a, key):
    """Lines of Brinell and auto-attack on the images that Square breaks."""
    for norm, eps in SQUARE[key].items():
        if a.brinell:
            summary, records = audit(a, key, a.n, "--norm", norm, "--eps", eps, "--attack", "square:queries=10000")
            found = [r["forwards"] - 1 for r in records if r["outcome"] == "broken"]
            # The clean pass is the first forward of a sample.
            yield dict(kind="blackbox", network=key, attack="brinell:Square", norm=norm, eps=eps, seed=a.seed, n=len(records),
                       broken_at={q: sum(f <= int(q) for f in found) for q in BUDGETS}, version=summary["brinell_version"],
                       threads=a.threads, seconds=round(summary["stages"][0]["seconds"], 1))
        if a.autoattack:
            yield peer(a, "--network", key, "--attack", "autoattack:Square", "--norm", norm, "--eps", eps, "--n", a.n, "--autoattack", a.autoattack)


def peer(a, *more):
    """One line of `blackbox_peer.py`."""
    command = [a.python, HERE / "blackbox_peer.py", "--threads", a.threads, "--seed", a.seed, *more]
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return json.loads(done.stdout)


def table(lines):
    print("| network | n | attack | " + " | ".join(BUDGETS) + " | s |\n|" + "---|" * 7)
    for line in lines:
        if "median_at" in line:
            cells = [f"{line['median_at'][q]:.3f}" for q in BUDGETS]
            print("|", " | ".join([line["network"], str(line["n"]), line["attack"], *cells, f"{line['seconds']:.0f}"]), "|")
    print("\n| network | norm | eps | n | seed | " + " | ".join(f"Brinell {q} | auto-attack {q} | 2 s" for q in BUDGETS) + " |\n|" + "---|" * 14)
    pairs = {}
    for line in lines:
        if "broken_at" in line:
            pairs.setdefault((line["network"], line["norm"], line["eps"], line["n"], line["seed"]), {})[line["attack"].partition(":")[0]] = line["broken_at"]
    for (network, norm, eps, n, seed), pair in pairs.items():
        if len(pair) < 2:
            continue
        cells = []
        for q in BUDGETS:
            ours, theirs = pair["brinell"][q], pair["autoattack"][q]
            share = (ours + theirs) / (2 * n)
            cells += [str(ours), str(theirs), f"{2 * math.sqrt(2 * n * share * (1 - share)):.1f}"]
        print("|", " | ".join([network, norm, eps, str(n), str(seed), *cells]), "|")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--brinell", default="target/release/brinell", help="empty: the peers alone")
    p.add_argument("--python", default=sys.executable, help="a Python with torch, onnx, onnx2torch, foolbox and adversarial-robustness-toolbox")
    p.add_argument("--peers", default=",".join(PEERS), help="of --decision; empty: Brinell alone")
    p.add_argument("--autoattack", help="folder of the package `autoattack`")
    p.add_argument("--networks", default="m256x2,mnist_0.1,resnet_2b")
    p.add_argument("--n", type=int, default=20, help="images that the network gets right, from the first")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--decision", action="store_true")
    p.add_argument("--square", action="store_true")
    p.add_argument("--table", action="store_true", help="print the tables of the lines that are there; run nothing")
    p.add_argument("--json", type=pathlib.Path, required=True)
    a = p.parse_args()
    if a.table:
        return table([json.loads(line) for line in a.json.read_text().splitlines()])
    a.json.parent.mkdir(parents=True, exist_ok=True)
    with a.json.open("a") as out:
        for key in a.networks.split(","):
            for lines in [decision] * a.decision + [square] * a.square:
                for line in lines(a, key):
                    out.write(json.dumps(line) + "\n")
                    out.flush()


if __name__ == "__main__":
    main()
