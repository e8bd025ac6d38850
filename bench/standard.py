#!/usr/bin/env python3
"""Run the suites "standard" and "fast" beside auto-attack's version "standard" on the same images, radius and threads.

    python bench/standard.py --autoattack FOLDER --json runs/standard.jsonl
    python bench/standard.py --json runs/standard.jsonl --table bench/results/DATE-standard.md

The tools take turns, each run is a process of its own, and one line of JSON per run is added to the file. `cpu_seconds` is processor time,
which other work on the machine disturbs less than wall time: Brinell's is that of the whole process, loading and report included, the peer's
that of the attack alone. FOLDER holds auto-attack's package `autoattack`; without it, Brinell runs alone.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from networks import NETWORKS

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT = "m256x2,mnist-trades,mnist_0.1,ccexam,resnet8,cifar_base_kw,cifar_deep_kw,vit,resnet_2b,resnet_4b"


def brinell_run(a, key, suite):
    """One audit with a suite."""
    network = NETWORKS[key]
    n = min(a.n or network.data[2], network.data[2])
    with tempfile.TemporaryDirectory() as folder:
        command = network.audit(a.brinell, "X", n, pathlib.Path(folder) / "run", 0, a.threads, a.runtime, a.seed)
        at = command.index("--attack")
        command[at:at + 2] = ["--suite", suite]
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+") as out:
            child = subprocess.Popen([*command, "--sanity", "off"], stdout=out, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            text = out.read()
        wall = time.perf_counter() - start
    summary = json.loads(text)
    stages = [dict(attack=s["name"], attacked=s["attacked"], broken=s["broken"], forwards=s["forwards"], backwards=s["backwards"],
                   reference_forwards=s.get("reference_forwards"), reference_backwards=s.get("reference_backwards"), seconds=s["seconds"])
              for s in summary["stages"]]
    return dict(
        tool=f"brinell:{suite}", network=key, norm="Linf", eps=network.eps, n=summary["data"]["n"], seed=a.seed, threads=a.threads,
        clean_correct=summary["clean_correct"], survived=summary["survived"], seconds=round(sum(s["seconds"] for s in stages), 2),
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 2), wall_seconds=round(wall, 2), forwards=sum(s["forwards"] for s in stages),
        backwards=sum(s["backwards"] for s in stages), stages=stages, flags=[flag["id"] for flag in summary["flags"]],
        runtime="{name} {version}".format(**summary["runtime"]), version=summary["brinell_version"], peak_rss_bytes=usage.ru_maxrss * 1024)


def peer_run(a, key):
    """auto-attack's suite."""
    command = [a.python, HERE / "standard_peer.py", "--network", key, "--threads", a.threads, "--seed", a.seed, "--autoattack", a.autoattack]
    command += ["--n", a.n] if a.n else []
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout)


def table(lines):
    """Markdown: one row per network."""
    runs = {(line["network"], line["tool"]): line for line in lines}
    rows = ["| network | eps | right of n | standard leaves | auto-attack leaves | fast leaves | time, standard/auto-attack: wall (processor) | processor time, fast/auto-attack | queries, fast/standard | passes of auto-attack: counted / by Brinell's table |",
            "|---|---|---|---|---|---|---|---|---|---|"]
    for key in dict.fromkeys(line["network"] for line in lines):
        standard, fast, peer = (runs.get((key, tool)) for tool in ("brinell:standard", "brinell:fast", "autoattack:standard"))
        if not standard:
            continue
        queries = lambda run: run["forwards"] + run["backwards"]
        ratio = lambda one, other, what: f"{one[what] / other[what]:.2f}" if one and other else "-"
        by_table = sum((s["reference_forwards"] or 0) + (s["reference_backwards"] or 0) for s in standard["stages"])
        cells = [key, standard["eps"], f"{standard['clean_correct']} of {standard['n']}", standard["survived"], peer["survived"] if peer else "-",
                 fast["survived"] if fast else "-",
                 f"{ratio(standard, peer, 'seconds')} ({ratio(standard, peer, 'cpu_seconds')})", ratio(fast, peer, "cpu_seconds"),
                 f"{queries(fast) / queries(standard):.3f}" if fast else "-", f"{queries(peer):,} / {by_table:,}" if peer else "-"]
        rows.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--brinell", default="target/release/brinell", help="empty: the peer alone")
    p.add_argument("--python", default=sys.executable, help="a Python with torch, onnx and onnx2torch")
    p.add_argument("--autoattack", help="folder of the package `autoattack`")
    p.add_argument("--networks", default=DEFAULT)
    p.add_argument("--suites", default="standard,fast")
    p.add_argument("--n", type=int, default=0, help="first images [default: all]")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--runtime", default="onnxruntime")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--json", type=pathlib.Path, required=True)
    p.add_argument("--table", type=pathlib.Path, help="write the table of what is in the file, and run nothing")
    a = p.parse_args()
    if a.table:
        a.table.write_text(table([json.loads(line) for line in a.json.read_text().splitlines()]))
        return
    a.json.parent.mkdir(parents=True, exist_ok=True)
    for key in a.networks.split(","):
        runs = [lambda suite=suite: brinell_run(a, key, suite) for suite in a.suites.split(",") if a.brinell]
        runs += [lambda: peer_run(a, key)] if a.autoattack else []
        for run in runs:
            line = dict(load=os.getloadavg()[0]) | run()
            with a.json.open("a") as out:
                out.write(json.dumps(line) + "\n")
            print(json.dumps({k: v for k, v in line.items() if k != "stages"}), flush=True)


if __name__ == "__main__":
    main()
