#!/usr/bin/env python3
"""Markdown table of the contract's results: `table.py brinell.json peers.jsonl`.

A cell is checks passed of checks made; `worst` is the largest distance found over the optimum, of the cases where one was found.
"""
import collections, json, sys

CHECKS = ["above", "below", "nearest", "invariant", "degenerate"]


def rows(lines):
    table = collections.OrderedDict()
    for line in lines:
        key = (line.get("library", "Brinell"), line.get("version", ""), line["attack"], line["norm"])
        row = table.setdefault(key, {"worst": None, **{c: [0, 0] for c in CHECKS}})
        row[line["check"]][0] += line["passed"]
        row[line["check"]][1] += 1
        if line.get("ratio") is not None and line["check"] == "nearest":
            row["worst"] = max(row["worst"] or 0.0, line["ratio"])
    return table


def main():
    lines = []
    for path in sys.argv[1:]:
        text = open(path).read()
        lines += json.loads(text) if text.lstrip().startswith("[") else [json.loads(l) for l in text.splitlines() if l]
    print("| library | attack | norm | " + " | ".join(CHECKS) + " | worst |")
    print("|---|---|---|" + "---|" * (len(CHECKS) + 1))
    for (library, version, attack, norm), row in rows(lines).items():
        cells = [f"{p}/{n}" if n else "" for p, n in (row[c] for c in CHECKS)]
        worst = f"{row['worst']:.4f}" if row["worst"] else ""
        print(f"| {library} {version} | {attack} | {norm} | " + " | ".join(cells) + f" | {worst} |")


if __name__ == "__main__":
    main()
