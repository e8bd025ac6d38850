#!/usr/bin/env python3
"""The race of transforms and detectors on the networks of the demo, as in docs/defend.md.

    cargo build --release && python bench/race.py [--limit 300] [--brinell target/release/brinell]

Needs nothing beyond Brinell and demo/. Prints a table in Markdown, and the time.
"""
import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEFENCES = ["bits:3", "bits:2", "bits:1", "median:2", "median:3", "jpeg:75"]
DEFENCES += ["squeeze:bits:3+median:3+jpeg:75", "squeeze:bits:1+median:2", "margin", "energy", "noise:0.1", "mahalanobis"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brinell", default=str(ROOT / "target/release/brinell"))
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--with", dest="defences", nargs="+", default=DEFENCES)
    given = parser.parse_args()
    demo = ROOT / "demo"
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "race"
        command = [given.brinell, "race", demo / "ordinary.onnx", "--data", demo / "images.idx3-ubyte", "--labels", demo / "labels.idx1-ubyte"]
        command += ["--norm", "linf", "--eps", "0.1", "--limit", str(given.limit), "--rival", demo / "robust.onnx", "--out", out]
        command += ["--calibrate", pathlib.Path(folder) / "train-images.idx3-ubyte", "--calibrate-labels", pathlib.Path(folder) / "train-labels.idx1-ubyte"]
        for name in ("train-images.idx3-ubyte", "train-labels.idx1-ubyte"):
            (pathlib.Path(folder) / name).write_bytes(gzip.decompress((demo / f"{name}.gz").read_bytes()))
        for defence in given.defences:
            command += ["--with", defence]
        start = time.perf_counter()
        ended = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
        if ended.returncode not in (0, 2):
            sys.exit(ended.stderr)
        race = json.loads((out / "race.json").read_text())
    print("| defence | clean | refused | first success | strongest, blind | adaptive | stronger | verdict |\n|---|---|---|---|---|---|---|---|")
    for one in race["rounds"]:
        shares = [one["clean"], one.get("refused")]
        shares += [(move.get("alone") or move["right"]) for move in one["moves"][:1]] + [move["right"] for move in one["moves"][1:]]
        verdict = one.get("verdict", "-") + (", dominated" if one["dominated"] else "") + (", doubtful" if one["doubts"] else "")
        name = f"`{one['name']}`" if one["kind"] in ("transform", "detector") else "none" if one["kind"] == "parent" else "hardened model"
        cells = [f"{100 * share['value']:.1f}" if share else "-" for share in shares]
        print(f"| {name} | " + " | ".join(cells) + f" | {verdict} |")
    print("\n| defence | batch | median without | with | 99th percentile without | with (ms) |\n|---|---|---|---|---|---|")
    for one in race["rounds"][1:]:
        for time_ in one["latency"]:
            cells = [time_["parent"]["p50"], time_["defended"]["p50"], time_["parent"]["p99"], time_["defended"]["p99"]]
            print(f"| `{one['name']}` | {time_['batch']} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    print(f"\n{race['n']} images, {race['runtime']}, {seconds:.0f} s.")
    for note in race["notes"]:
        print(f"note: {note}")


main()
