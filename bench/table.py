#!/usr/bin/env python3
"""Turn the lines that compare.py wrote into tables: `python bench/table.py LINES.jsonl OUT.md`.

Failed runs are listed, not dropped. Times are medians; a ratio below 1 means that Brinell is faster or smaller.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import platform
import statistics

from networks import ATTACKS, NETWORKS

MEBI = 2 ** 20


def processor():
    """The processor's name as the system reports it."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def table(head, rows):
    """A Markdown table."""
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in cells)


def median(lines, field):
    return statistics.median(line[field] for line in lines)


def ratio(a, b):
    return f"{a / b:.2f}" if b else ""


def tool_name(line):
    return line["tool"] + (" channels_last" if line.get("channels_last") else "")


def accuracy(groups):
    """Survivors by every tool; the last column is Brinell's against the strongest peer."""
    rows, tools = [], ["autoattack:apgd-ce", "autoattack:apgd-dlr", "torchattacks:APGD", "torchattacks:PGD"]
    for (key, attack), runs in groups.items():
        by_tool = {name: lines[0] for name, lines in runs.items()}
        ours, peers = by_tool.get("brinell"), [by_tool[tool]["survived"] for tool in tools if tool in by_tool]
        some = next(iter(by_tool.values()))
        difference = f"{ours['survived'] - min(peers):+d}" if ours and peers else ""
        rows.append([key, attack, some["eps"], some["n"], some["clean_correct"], ours["survived"] if ours else "",
                     *(by_tool[tool]["survived"] if tool in by_tool else "" for tool in tools), difference])
    return table(["network", "attack", "eps", "n", "clean correct", "survived: Brinell", *tools, "Brinell minus strongest peer"], rows)


def clean(groups):
    """Images right without attack, beside what the data's README says."""
    rows = [[key, NETWORKS[key].clean_correct, line["clean_correct"], line["n"], line["runtime"], f"{line['seconds']:.2f}"]
            for (key, _), runs in groups.items() for lines in runs.values() for line in lines]
    return table(["network", "expected", "Brinell", "n", "runtime", "FGSM s"], rows)


def timing(groups):
    """Median seconds inside the attack and of the whole process."""
    rows = []
    for (key, attack), runs in groups.items():
        ours = runs.get("brinell")
        for name, lines in runs.items():
            if name == "brinell":
                continue
            seconds, wall = median(lines, "seconds"), median(lines, "wall_seconds")
            if ours:
                rows.append([key, attack, name, len(lines), f"{median(ours, 'seconds'):.3f}", f"{seconds:.3f}", ratio(median(ours, "seconds"), seconds),
                             f"{median(ours, 'wall_seconds'):.2f}", f"{wall:.2f}", ratio(median(ours, "wall_seconds"), wall),
                             int(median(ours, "forwards")), int(median(lines, "forwards"))])
            else:
                rows.append([key, attack, name, len(lines), "", f"{seconds:.3f}", "", "", f"{wall:.2f}", "", "", int(median(lines, "forwards"))])
    return table(["network", "attack", "peer", "repeats", "attack s: Brinell", "peer", "ratio", "process s: Brinell", "peer", "ratio", "forwards: Brinell", "peer"], rows)


def memory(groups):
    """Peak resident sets."""
    peaks = collections.defaultdict(dict)
    for (key, attack), runs in groups.items():
        for name, lines in runs.items():
            peaks[key][name] = (median(lines, "peak_rss_bytes"), lines[0]["batch"])
    rows = []
    for key, found in peaks.items():
        if {"brinell", "onnxruntime", "onnxruntime gradient"} <= found.keys():
            ours, forward, gradient = (found[name][0] for name in ("brinell", "onnxruntime", "onnxruntime gradient"))
            rows.append([key, found["brinell"][1], *(f"{peak / MEBI:.0f}" for peak in (ours, gradient, forward)), ratio(ours, gradient), ratio(ours, forward)])
    head = ["network", "batch", "MiB: Brinell, whole audit", "ONNX Runtime, gradient graph", "ONNX Runtime, forward only", "ratio to gradient graph", "ratio to forward"]
    return table(head, rows)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("lines", type=pathlib.Path, nargs="+")
    p.add_argument("out", type=pathlib.Path)
    a = p.parse_args()
    lines = [json.loads(line) for path in a.lines for line in path.read_text().splitlines()]
    order = {name: i for i, name in enumerate([*NETWORKS, *ATTACKS, "forward"])}
    good = sorted((line for line in lines if "failed" not in line), key=lambda line: (order[line["network"]], order[line["attack"]]))
    failed = [line for line in lines if "failed" in line]
    versions = sorted({line["runtime"] for line in good if "runtime" in line} | {f"torch {line['torch']}" for line in good if "torch" in line}
                      | {f"brinell {line['version']}" for line in good if "version" in line})
    threads = sorted({line["threads"] for line in good})
    parts = [f"# {datetime.date.today()}, {processor()}, {os.cpu_count()} processors",
             f"{', '.join(versions)}; {platform.system()} {platform.machine()}; threads {', '.join(map(str, threads))}; "
             f"load before a run {min(line['load'] for line in lines):.1f} to {max(line['load'] for line in lines):.1f}. "
             "Written by `bench/table.py`; `bench/README.md` has the commands and says what the columns mean."]
    for kind, title, render in (("clean", "Clean accuracy", clean), ("accuracy", "Strength", accuracy), ("timing", "Speed", timing), ("memory", "Memory", memory)):
        groups = collections.defaultdict(lambda: collections.defaultdict(list))
        for line in good:
            if line["kind"] == kind:
                groups[line["network"], "" if kind == "memory" else line["attack"]][tool_name(line)].append(line)
        if groups:
            parts.append(f"## {title}\n\n{render(groups)}")
    if failed:
        parts.append("## Failed\n\n" + table(["network", "attack", "tool", "exit code", "error"],
                     [[f["network"], f["attack"], f["tool"], f["failed"], " ".join(f["error"])] for f in failed]))
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
