#!/usr/bin/env python3
"""Runs `brinell verify` on folders of instances and compares with their known answers.

    bench/vnncomp.py BRINELL FOLDER... [--timeout S] [--every N] [--match TEXT]

FOLDER holds `verdicts.csv` with the columns onnx, vnnlib, timeout_s and expected (../shared/data/certify has eight such folders). Without --timeout the official
one of each instance counts. One line for each instance, then a tally; a wrong answer ends with exit code 1.
"""

import argparse
import collections
import csv
import pathlib
import subprocess
import sys
import time


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("brinell")
    parser.add_argument("folder", nargs="+", type=pathlib.Path)
    parser.add_argument("--timeout", type=float, help="seconds for each instance")
    parser.add_argument("--every", type=int, default=1, help="take one instance in so many")
    parser.add_argument("--match", default="", help="take instances whose files contain this text")
    options = parser.parse_args()
    wrong = 0
    for folder in options.folder:
        tally = collections.Counter()
        seconds = []
        with open(folder / "verdicts.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if options.match in row["onnx"] + " " + row["vnnlib"]]
        for row in rows[:: options.every]:
            timeout = options.timeout or float(row["timeout_s"])
            command = [options.brinell, "verify", folder / row["vnnlib"], "--network", f"f={folder / row['onnx']}", "--timeout", str(timeout)]
            begun = time.monotonic()
            finished = subprocess.run(command, capture_output=True, text=True)
            spent = time.monotonic() - begun
            answer = finished.stdout.split("\n", 1)[0] if finished.returncode == 0 else f"exit {finished.returncode}"
            if {answer, row["expected"]} == {"sat", "unsat"}:
                wrong += 1
                print("WRONG", end=" ")
            print(folder.name, row["onnx"], row["vnnlib"], row["expected"], answer, f"{spent:.2f}", flush=True)
            solved = answer == row["expected"]
            tally["solved" if solved else "open"] += 1
            if solved:
                seconds.append(spent)
        middle = sorted(seconds)[len(seconds) // 2] if seconds else float("nan")
        print(f"{folder.name}: {tally['solved']} of {sum(tally.values())} solved, median {middle:.2f} s, {wrong} wrong so far", flush=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
