#!/usr/bin/env python3
"""Run Brinell and the peers in turn on the same networks, images, radius, threads and number of steps.

    python bench/compare.py --autoattack FOLDER --json runs/bench.jsonl                                  # who finds more
    python bench/compare.py --autoattack FOLDER --json runs/bench.jsonl --repeats 5 --timing --attacks apgd-100 \\
        --networks resnet_4b,lite0,m256x2,m256x4,mnist-point,mnist-trades,mnist_0.1,mnist8,ccexam         # who is faster
    python bench/compare.py --json runs/bench.jsonl --memory --networks resnet_4b,lite0,m256x2           # who is smaller
    python bench/compare.py --json runs/bench.jsonl --clean --runtime rten                               # is every network read rightly
    python bench/table.py runs/bench.jsonl bench/results/DATE-CPU.md

Every run is a process of its own, and the tools take turns, so that a slow minute of the machine hits all of them.
One line of JSON per run is added to the file. FOLDER holds auto-attack's package `autoattack`; without it,
auto-attack is left out. The networks are those of ../shared/data.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from networks import ATTACKS, DATA, NETWORKS

HERE = pathlib.Path(__file__).resolve().parent


def measured(command):
    """Runs a child and returns its JSON output, wall-clock seconds and peak resident set in bytes.

    A child starts with the peak of the process that made it, so this script must stay small: no torch in here.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = subprocess.Popen(command, stdout=out, stderr=err, text=True)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - start
        out.seek(0), err.seek(0)
        text, errors = out.read(), err.read()
    if child.returncode:
        return dict(failed=child.returncode, error=errors.strip().splitlines()[-3:]), wall, 0
    return json.loads(text), wall, usage.ru_maxrss * 1024


def brinell_run(a, key, attack, n, batch):
    """One audit, in the same words as a peer's run."""
    network, name = NETWORKS[key], ATTACKS[attack][0]
    with tempfile.TemporaryDirectory() as folder:
        command = network.audit(a.brinell, name, n, pathlib.Path(folder) / "run", batch, a.threads, a.runtime, a.seed)
        summary, wall, peak = measured(command)
    line = dict(tool="brinell", network=key, attack=attack, eps=network.eps, threads=a.threads, seed=a.seed, wall_seconds=wall, peak_rss_bytes=peak)
    if "failed" in summary:
        return line | summary
    stages = summary["stages"]
    return line | dict(
        n=summary["data"]["n"], batch=summary["runtime"]["batch"], clean_correct=summary["clean_correct"], survived=summary["survived"],
        seconds=sum(stage["seconds"] for stage in stages), forwards=sum(stage["forwards"] for stage in stages),
        backwards=sum(stage["backwards"] for stage in stages), runtime="{name} {version}".format(**summary["runtime"]),
        version=summary["brinell_version"], flags=[flag["id"] for flag in summary["flags"]])


def peer_run(a, key, attack, peer, n, channels_last):
    """One attack of a peer."""
    command = [a.python, HERE / "peer.py", "--network", key, "--attack", peer, "--n", n, "--threads", a.threads,
               "--seed", a.seed, "--batch", a.peer_batch, "--autoattack", a.autoattack or "."]
    if channels_last:
        command.append("--channels-last")
    line, wall, peak = measured([str(part) for part in command])
    return dict(tool=peer, network=key, attack=attack, channels_last=channels_last, wall_seconds=wall, peak_rss_bytes=peak) | line


def runtime_run(a, key, gradient):
    """ONNX Runtime alone at the same batch: the network forward, or the gradient graph that Brinell writes for it."""
    script = [a.python, str(HERE / "forward.py")]
    with tempfile.TemporaryDirectory() as folder:
        graph = str(pathlib.Path(folder) / "graph.onnx")
        if gradient:
            subprocess.run([a.brinell, "grad", DATA / NETWORKS[key].file, "-o", graph], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        else:
            subprocess.run([*script, "--network", key, "--write", graph], check=True)
        line, wall, peak = measured([*script, "--graph", graph, "--batch", str(a.batch), "--threads", str(a.threads)])
    return dict(tool="onnxruntime gradient" if gradient else "onnxruntime", network=key, attack="forward", wall_seconds=wall, peak_rss_bytes=peak) | line


def runs_of(a, key, attack):
    """What to run in one round, in order."""
    n = min(a.n or NETWORKS[key].data[2], NETWORKS[key].data[2])
    if a.brinell:
        yield lambda: brinell_run(a, key, attack, n, a.batch)
    if a.memory:
        yield lambda: runtime_run(a, key, False)
        yield lambda: runtime_run(a, key, True)
    if NETWORKS[key].peers and not a.memory:
        for peer in ATTACKS[attack][1]:
            if peer.partition(":")[0] not in a.peers or peer.startswith("autoattack") and not a.autoattack or a.timing and peer.startswith("torchattacks:APGD"):
                continue
            yield lambda peer=peer: peer_run(a, key, attack, peer, n, False)
            if a.timing and "mnist" not in NETWORKS[key].file:
                yield lambda peer=peer: peer_run(a, key, attack, peer, n, True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--brinell", default="target/release/brinell", help="empty: the peers alone")
    p.add_argument("--python", default=sys.executable, help="a Python with torch, onnx, onnx2torch, torchattacks and onnxruntime")
    p.add_argument("--autoattack", help="folder of the package `autoattack`")
    p.add_argument("--peers", default="torchattacks,autoattack", help="empty: Brinell alone")
    p.add_argument("--networks", default=",".join(NETWORKS))
    p.add_argument("--attacks", default="pgd-40,apgd-100,apgd-dlr-100", help=f"some of {', '.join(ATTACKS)}")
    p.add_argument("--n", type=int, default=200, help="first images; 0 for all")
    p.add_argument("--batch", type=int, default=0, help="Brinell's; 0: its own choice")
    p.add_argument("--peer-batch", type=int, default=0, help="0: all images at once")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--runtime", default="onnxruntime")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--repeats", type=int, default=1)
    p.add_argument("--timing", action="store_true", help="leave out the slower of two APGDs; run images' peers in both memory layouts")
    p.add_argument("--memory", action="store_true", help="compare with ONNX Runtime alone instead (give --batch)")
    p.add_argument("--clean", action="store_true", help="Brinell alone, FGSM on all images: are as many right as the data's README says")
    p.add_argument("--json", type=pathlib.Path, required=True)
    a = p.parse_args()
    if a.memory and not a.batch:
        p.error("--memory compares peaks at one batch: give --batch")
    if a.clean:
        a.attacks, a.n, a.peers = "fgsm", 0, ""
    if not DATA.is_dir():
        p.error("../shared/data is not there")
    kind = next((name for name in ("memory", "timing", "clean") if getattr(a, name)), "accuracy")
    a.json.parent.mkdir(parents=True, exist_ok=True)
    for key in a.networks.split(","):
        for attack in a.attacks.split(","):
            for repeat in range(a.repeats):
                for run in runs_of(a, key, attack):
                    line = dict(kind=kind, repeat=repeat, load=os.getloadavg()[0]) | run()
                    with a.json.open("a") as out:
                        out.write(json.dumps(line) + "\n")
                    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
