#!/usr/bin/env python3
"""Run Brinell's minimum-norm attacks and those of the peers on the same networks and images, with at most 1000 forwards and 1000 backwards a sample.

    python bench/minnorm.py --advlib FOLDER --json runs/minnorm.jsonl --networks m256x2,mnist_0.1 --n 50
    python bench/minnorm.py --json runs/minnorm.jsonl --table

One line of JSON per network, norm and attack is added to the file; FOLDER holds adversarial-library's package `adv_lib`. The table has two medians of the
distance over the images that the network gets right: that over all of them, where one without an example counts as infinitely far, and, for
an attack against its namesake, that over the images that both broke.
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
NORMS = ["l2", "linf", "l1", "l0"]

# Brinell's attacks with settings that keep to the budget, and the namesakes among the peers' that `minnorm_peer.py --list` names.
ATTACKS = {
    "ddn": ("ddn:steps=980", ["l2"], ["DDN"]),
    "fmn": ("fmn:steps=980", NORMS, ["FMN"]),
    "pdpgd": ("pdpgd:steps=980", NORMS, ["PDPGD", "PDPGD-2/3"]),
    "cw": ("cw:searches=9,steps=108", ["l2"], ["CW"]),
    "deepfool": ("deepfool", ["l2", "linf"], ["DeepFool"]),
    "fab": ("fab:steps=110", ["l2", "linf", "l1"], ["FAB"]),
    "fab-t": ("fab-t:steps=55", ["l2", "linf", "l1"], ["FAB-T"]),
    "ead": ("ead:searches=9,steps=54", ["l1"], ["EAD", "EADL1", "EADEN"]),
    "sigma-zero": ("sigma-zero:steps=980", ["l0"], ["sigma-zero"]),
    "bim": ("bim:steps=48", ["l2", "linf", "l1"], []),
}


def brinell_run(a, key, norm, name):
    """The distances that one audit found, in the form of `minnorm_peer.py`."""
    network, (spec, _, _) = NETWORKS[key], ATTACKS[name]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "run"
        command = [a.brinell, "audit", DATA / network.file, *first(network.data, a.n), *network.flags, "--norm", norm, "--minimum-norm",
                   "--attack", spec, "--threads", a.threads, "--out", out, "--json"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        # 1 says that a check did not pass, such as a flag on too few samples; the record stands all the same.
        if not (out / "summary.json").is_file():
            return dict(tool=f"brinell:{name}", network=key, norm=norm, failed=done.stderr.strip()[-300:])
        summary = json.loads((out / "summary.json").read_text())
        records = sorted((json.loads(line) for line in (out / "record.jsonl").read_text().splitlines()), key=lambda r: r["sample"])
    scale = 255 if "0..255" in network.flags and norm != "l0" else 1
    # In the order of the data, so that places agree with those of the peers.
    right = [r for r in records if r["prediction"] == r["label"]]
    stage = summary["stages"][0]
    return dict(tool=f"brinell:{name}", network=key, norm=norm, n=summary["data"]["n"], clean_correct=summary["clean_correct"], threads=a.threads,
                spec=summary["attacks"][0], version=summary["brinell_version"],
                norms=[None if r["norm"] is None else r["norm"] / scale for r in right],
                forwards=stage["forwards"] / len(right), backwards=stage["backwards"] / len(right), seconds=round(stage["seconds"], 2))


def peer_runs(a, key, norm):
    """The lines of `minnorm_peer.py`."""
    command = [a.python, HERE / "minnorm_peer.py", "--network", key, "--norm", norm, "--n", a.n, "--threads", a.threads, "--advlib", a.advlib]
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in child.stdout:
        yield json.loads(line)
    child.wait()


def median(norms):
    """Median where `None` is infinitely far."""
    return statistics.median(math.inf if v is None else v for v in norms) if norms else math.nan


def common(ours, theirs):
    """Ratio of the medians over the images that both broke."""
    both = [(a, b) for a, b in zip(ours, theirs) if a is not None and b is not None]
    return statistics.median(a for a, _ in both) / statistics.median(b for _, b in both) if both else math.nan


def number(v):
    return "" if v is None or math.isnan(v) else "none" if math.isinf(v) else f"{v:.4g}"


def ratio(ours, theirs):
    return "" if math.isinf(ours) and math.isinf(theirs) or not theirs else number(ours / theirs)


def found(line):
    return f"{sum(v is not None for v in line['norms'])}/{len(line['norms'])}"


def table(lines):
    """Two tables in Markdown: the best of each norm, and every attack beside its namesakes."""
    groups = {}
    for line in lines:
        if "norms" in line:
            groups.setdefault((line["network"], line["norm"], line["n"]), {})[line["tool"]] = line
    print("| network | norm | n | Brinell's nearest | median | found | the peers' nearest | median | found | ratio |\n|" + "---|" * 10)
    for (network, norm, n), tools in groups.items():
        best = []
        for ours in (True, False):
            side = [line for tool, line in tools.items() if tool.startswith("brinell:") == ours]
            best.append(min(side, key=lambda line: median(line["norms"]), default=None))
        if None in best:
            continue
        cells = [cell for line in best for cell in (line["tool"].removeprefix("brinell:"), number(median(line["norms"])), found(line))]
        print("|", " | ".join([network, norm, str(n), *cells, ratio(*(median(line["norms"]) for line in best))]), "|")
    print("\n| network | norm | n | attack | median | found | F | B | s | namesake | median | found | F | B | s | ratio | ratio where both broke |\n|" + "---|" * 17)
    for (network, norm, n), tools in groups.items():
        for name, (_, _, namesakes) in ATTACKS.items():
            ours = tools.get(f"brinell:{name}")
            theirs = [line for tool, line in tools.items() if not tool.startswith("brinell:") and tool.partition(":")[2] in namesakes]
            if ours is None:
                continue
            peer = min(theirs, key=lambda line: median(line["norms"]), default=None)

            def cells(line):
                if line is None:
                    return [""] * 5
                return [number(median(line["norms"])), found(line), f"{line['forwards']:.0f}", f"{line['backwards']:.0f}", f"{line['seconds']:.0f}"]
            compared = ["", ""] if peer is None else [ratio(median(ours["norms"]), median(peer["norms"])), number(common(ours["norms"], peer["norms"]))]
            print("|", " | ".join([network, norm, str(n), name, *cells(ours), peer["tool"] if peer else "none", *cells(peer), *compared]), "|")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--brinell", default="target/release/brinell", help="empty: the peers alone")
    p.add_argument("--python", default=sys.executable, help="a Python with torch, onnx, onnx2torch, foolbox and torchattacks")
    p.add_argument("--advlib", help="folder of the package `adv_lib`; without it Brinell alone")
    p.add_argument("--networks", default="m256x2,mnist_0.1,mnist-trades,resnet_2b")
    p.add_argument("--norms", default=",".join(NORMS))
    p.add_argument("--attacks", default=",".join(ATTACKS), help="Brinell's")
    p.add_argument("--n", type=int, default=50, help="first images")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--json", type=pathlib.Path, action="append", required=True, help="may be repeated with --table; a later line takes the place of an earlier one")
    p.add_argument("--table", action="store_true", help="print the table of the lines that are there; run nothing")
    a = p.parse_args()
    if a.table:
        return table([json.loads(line) for path in a.json for line in path.read_text().splitlines()])
    a.json[0].parent.mkdir(parents=True, exist_ok=True)
    with a.json[0].open("a") as out:
        for key in a.networks.split(","):
            for norm in a.norms.split(","):
                names = [name for name in a.attacks.split(",") if a.brinell and norm in ATTACKS[name][1]]
                runs = [brinell_run(a, key, norm, name) for name in names]
                for line in runs + (list(peer_runs(a, key, norm)) if a.advlib else []):
                    out.write(json.dumps(line) + "\n")
                    out.flush()


if __name__ == "__main__":
    main()
