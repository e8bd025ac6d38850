"""Two sets of gradient files beside each other on ONNX Runtime: are the bits the same, and what is the ratio of the times?

    python bench/gradient_files.py BEFORE AFTER [--rounds 21] [--threads 1] [--networks NAME,..]

BEFORE and AFTER are folders of files that two versions of `brinell grad` wrote, under the same names. Each round runs the two in turn, the first one
alternating; times are of the processor, not of the clock, so that other programs disturb them less. The ratio is the median over rounds of
after / before, with the middle half of them.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnxruntime


def session(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def feeds(session, rows):
    rng = np.random.default_rng(0)
    made = {}
    for port in session.get_inputs():
        shape = [size if isinstance(size, int) else rows for size in port.shape]
        if port.name.endswith("_one_hot"):
            made[port.name] = np.eye(shape[1], dtype=np.float32)[rng.integers(0, shape[1], shape[0])]
        else:
            made[port.name] = rng.normal(size=shape).astype(np.float32)
    return made


def seconds(session, values, repeats):
    start = time.process_time()
    for _ in range(repeats):
        session.run(None, values)
    return (time.process_time() - start) / repeats


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--networks", default="")
    options = parser.parse_args()
    names = sorted(path.name for path in options.before.glob("*.onnx") if (options.after / path.name).exists())
    wanted = [name for name in options.networks.split(",") if name]
    print(f"| network | bits | before, ms | after / before | middle half |\n|---|---|---|---|---|")
    for name in names:
        if wanted and not any(part in name for part in wanted):
            continue
        pair = [session(folder / name, options.threads) for folder in (options.before, options.after)]
        values = feeds(pair[0], 1 if "efficientnet" in name else 16)
        outputs = [each.run(None, values) for each in pair]
        # The sign of a zero is of no account.
        same = all(np.array_equal(a, b) for a, b in zip(*outputs))
        repeats = max(1, round(0.02 / seconds(pair[0], values, 3)))
        times = []
        for number in range(options.rounds):
            order = (0, 1) if number % 2 == 0 else (1, 0)
            taken = [0.0, 0.0]
            for index in order:
                taken[index] = seconds(pair[index], values, repeats)
            times.append(taken)
        before, ratios = np.array(times)[:, 0], np.array([after / before for before, after in times])
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        print(f"| {name.removesuffix('.onnx')} | {'same' if same else 'DIFFERENT'} | {1000 * np.median(before):.2f} | {middle:.3f} | {low:.3f} to {high:.3f} |", flush=True)


if __name__ == "__main__":
    main()
