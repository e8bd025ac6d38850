#!/usr/bin/env python3
"""Memory over many audits in one process, with another Python thread at work: is anything kept?

    pip install . && python bench/leak.py [--audits 1000]
"""
import argparse
import faulthandler
import pathlib
import struct
import threading

import brinell
import numpy as np

DEMO = pathlib.Path(__file__).resolve().parents[1] / "demo"


def idx(path):
    content = path.read_bytes()
    shape = struct.unpack(f">{content[3]}I", content[4:4 + 4 * content[3]])
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def resident():
    """Resident memory in MiB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--audits", type=int, default=1000)
    a = p.parse_args()
    # A deadlock ends with the stacks of all threads.
    faulthandler.dump_traceback_later(3600, exit=True)
    x = (idx(DEMO / "images.idx3-ubyte")[:8, None] / np.float32(255)).astype("f4")
    y = idx(DEMO / "labels.idx1-ubyte")[:8]
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=busy, daemon=True)
    thread.start()
    weights = np.random.default_rng(0).normal(size=(784, 10)).astype("f4")
    kinds = {
        "a file": (DEMO / "ordinary.onnx", dict(attack="pgd:steps=3")),
        "a function": (lambda x: x.reshape(len(x), -1) @ weights, dict(attack="square:queries=5")),
    }
    print("| model | audits | MiB after a tenth | MiB at the end | kB per audit |\n|---|---|---|---|---|")
    for name, (model, settings) in kinds.items():
        for done in range(1, a.audits + 1):
            result = brinell.audit(model, x, y, eps=0.05, runtime="rten", threads=1, sanity="off", progress=False, **settings)
            del result
            if done == max(1, a.audits // 10):
                early = resident()
        late = resident()
        print(f"| {name} | {a.audits} | {early:.1f} | {late:.1f} | {1024 * (late - early) / (a.audits * 0.9):.2f} |", flush=True)
    stop.set()
    thread.join()


if __name__ == "__main__":
    main()
