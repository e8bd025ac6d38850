#!/usr/bin/env python3
"""`brinell harden` on Fashion-MNIST, and its training step beside PyTorch's.

    apt-get install dataset-fashion-mnist
    python bench/harden.py train --json runs/harden.jsonl      # the demo's ordinary network, three seeds
    python bench/harden.py step --json runs/harden-step.jsonl  # PGD-7 training step, one thread, processor time
    python bench/harden.py table runs/harden.jsonl runs/harden-step.jsonl

`train` hardens demo/ordinary.onnx at 0.1 in linf on 20,000 training images (2,222 more choose the epoch) and judges it by the suite `standard` on the 500 images of the demo.
`step` gives milliseconds of processor time for each step, so that a busy machine disturbs it less than a clock would: of Brinell from /proc between two of its
steps, of PyTorch eager in its default layout and in channels_last by time.process_time. It says the load of the machine.

Needs: torch, onnx, numpy; a release build of Brinell.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
EPS, STEPS, BATCH = 0.1, 7, 128


def append(path, record):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
    print(json.dumps(record), flush=True)


def processor_seconds(pid):
    """User and system time of a process and its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def train(a):
    images, labels = a.data / "train-images-idx3-ubyte", a.data / "train-labels-idx1-ubyte"
    for clean_weight in a.clean_weight:
        for seed in a.seeds:
            with tempfile.TemporaryDirectory() as folder:
                folder = pathlib.Path(folder)
                command = [
                    a.brinell, "harden", ROOT / "demo/ordinary.onnx", "--data", images, "--labels", labels, "--limit", "22222",
                    "--test", ROOT / "demo/images.idx3-ubyte", "--test-labels", ROOT / "demo/labels.idx1-ubyte", "--norm", "linf", "--eps", str(EPS),
                    "--clean-weight", str(clean_weight), "--epochs", str(a.epochs), "--seed", str(seed), "--suite", a.suite, "--max-clean-loss", "100",
                    "-o", folder / "hardened.onnx", "--folder", folder / "run", "--json"]
                before = os.times()
                out = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, check=False)
                after = os.times()
                summary = json.loads(out.stdout)
                (clean, robust), (clean_after, robust_after) = summary["accuracy"]
                append(a.json, {
                    "what": "train", "clean_weight": clean_weight, "seed": seed, "epochs": a.epochs, "suite": a.suite, "headline": summary["headline"],
                    "clean": clean, "robust": robust, "clean_after": clean_after, "robust_after": robust_after,
                    "robust_p": summary["comparison"]["robust"]["p_value"], "clean_p": summary["comparison"]["clean"]["p_value"],
                    "training_seconds": summary["seconds"],
                    "processor_seconds": after.children_user + after.children_system - before.children_user - before.children_system,
                    "chosen": summary["chosen"], "load": os.getloadavg()[0], "runtime": summary["identity"]["facts"]["runtime"]})


def networks():
    """The three networks of the specification, by name: module, sample shape."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, a, b, stride):
            super().__init__()
            self.first, self.second = nn.Conv2d(a, b, 3, stride, 1), nn.Conv2d(b, b, 3, 1, 1)
            self.short = nn.Conv2d(a, b, 1, stride) if a != b else nn.Identity()

        def forward(self, x):
            return torch.relu(self.second(torch.relu(self.first(x))) + self.short(x))

    def resnet(w):
        return nn.Sequential(
            nn.Conv2d(3, w, 3, 1, 1), nn.ReLU(), Block(w, w, 1), Block(w, 2 * w, 2), Block(2 * w, 4 * w, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * w, 10))

    torch.manual_seed(0)
    cnn28 = nn.Sequential(
        nn.Conv2d(1, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 49, 128), nn.ReLU(), nn.Linear(128, 10))
    return {"CNN28": (cnn28, (1, 28, 28)), "ResNet-8 w16": (resnet(16), (3, 32, 32)), "ResNet-8 w32": (resnet(32), (3, 32, 32))}


def torch_step(net, shape, channels_last, rounds):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(1)
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    x = torch.rand(BATCH, *shape)
    x = x.contiguous(memory_format=torch.channels_last) if channels_last else x
    y = torch.randint(0, 10, (BATCH,))
    times = []
    for _ in range(rounds):
        start = time.process_time()
        lo, hi = (x - EPS).clamp(min=0), (x + EPS).clamp(max=1)
        adv = torch.min(torch.max(x + torch.empty_like(x).uniform_(-EPS, EPS), lo), hi)
        for p in net.parameters():
            p.requires_grad_(False)
        for _ in range(STEPS):
            adv.requires_grad_(True)
            gradient, = torch.autograd.grad(F.cross_entropy(net(adv), y, reduction="sum"), adv)
            adv = torch.min(torch.max(adv.detach() + 2.5 / STEPS * EPS * gradient.sign(), lo), hi)
        for p in net.parameters():
            p.requires_grad_(True)
        optimiser.zero_grad()
        F.cross_entropy(net(adv), y).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        times.append(1000 * (time.process_time() - start))
    return times[2:]


def brinell_step(a, net, shape, rounds):
    """Milliseconds of processor time between two steps of a run, several times."""
    import numpy as np
    import torch
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        torch.onnx.export(net, (torch.rand(1, *shape),), folder / "net.onnx", dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}})
        n = BATCH * (rounds + 8)
        for name, count in (("train", n), ("val", 16), ("test", 16)):
            np.savez(folder / f"{name}.npz", x=rng.random((count, *shape), dtype=np.float32), y=rng.integers(0, 10, count))
        command = [
            a.brinell, "harden", "net.onnx", "--data", "train.npz", "--val", "val.npz", "--test", "test.npz", "--norm", "linf", "--eps", str(EPS), "--clean-weight", "0",
            "--epochs", "1", "--lr", "1e-4", "--threads", "1", "-o", "out.onnx", "--folder", "run"]
        process = subprocess.Popen([str(c) for c in command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        steps, seen = folder / "run/steps.jsonl", []
        try:
            while process.poll() is None and (not seen or seen[-1][0] < rounds + 2):
                count = steps.read_text().count("\n") if steps.exists() else 0
                if count and (not seen or count > seen[-1][0]):
                    seen.append((count, processor_seconds(process.pid)))
                time.sleep(0.001)
        finally:
            process.kill()
            process.wait()
    pairs = [(b[1] - c[1]) / (b[0] - c[0]) for c, b in zip(seen[2:], seen[7:]) if b[0] > c[0]]
    return [1000 * value for value in pairs]


def step(a):
    for name, (net, shape) in networks().items():
        if a.networks and name not in a.networks:
            continue
        for round_ in range(a.rounds):
            for what, run in (
                ("brinell", lambda: brinell_step(a, net, shape, a.steps)),
                ("torch", lambda: torch_step(net, shape, False, a.steps)),
                ("torch channels_last", lambda: torch_step(net, shape, True, a.steps)),
            ):
                times = run()
                append(a.json, {
                    "what": "step", "network": name, "runner": what, "round": round_, "least_ms": min(times), "median_ms": statistics.median(times), "n": len(times),
                    "load": os.getloadavg()[0]})


def table(a):
    records = [json.loads(line) for path in a.files for line in path.read_text().splitlines()]
    trained = [r for r in records if r["what"] == "train"]
    if trained:
        print("| clean weight | seed | robust before -> after (interval) | clean before -> after (interval) | p robust, p clean | training s (wall) | processor s of all |\n|---|---|---|---|---|---|---|")
        rate = lambda r: f"{100 * r['value']:.1f} ({100 * r['low']:.1f}-{100 * r['high']:.1f})"
        for r in trained:
            print(f"| {r['clean_weight']} | {r['seed']} | {rate(r['robust'])} -> {rate(r['robust_after'])} | {rate(r['clean'])} -> {rate(r['clean_after'])} "
                  f"| {r['robust_p']:.0e}, {r['clean_p']:.0e} | {r['training_seconds']:.0f} | {r['processor_seconds']:.0f} |")
    stepped = [r for r in records if r["what"] == "step"]
    if stepped:
        print("\n| network | Brinell ms | PyTorch ms | channels_last ms | to PyTorch | to channels_last | load |\n|---|---|---|---|---|---|---|")
        for name in dict.fromkeys(r["network"] for r in stepped):
            least = {w: min(r["least_ms"] for r in stepped if r["network"] == name and r["runner"] == w) for w in ("brinell", "torch", "torch channels_last")}
            load = [r["load"] for r in stepped if r["network"] == name]
            b, t, c = least["brinell"], least["torch"], least["torch channels_last"]
            print(f"| {name} | {b:.0f} | {t:.0f} | {c:.0f} | {b / t:.2f} | {b / c:.2f} | {min(load):.0f}-{max(load):.0f} |")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(required=True)
    for name, run in (("train", train), ("step", step)):
        c = commands.add_parser(name)
        c.set_defaults(run=run)
        c.add_argument("--brinell", type=lambda text: pathlib.Path(text).resolve(), default=ROOT / "target/release/brinell")
        c.add_argument("--json", type=pathlib.Path, required=True)
        if name == "train":
            c.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"), help="folder with the four unpacked files")
            c.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
            c.add_argument("--clean-weight", type=float, nargs="+", default=[0.0])
            c.add_argument("--epochs", type=int, default=3)
            c.add_argument("--suite", default="standard")
        else:
            c.add_argument("--networks", nargs="*")
            c.add_argument("--rounds", type=int, default=3)
            c.add_argument("--steps", type=int, default=20)
    c = commands.add_parser("table")
    c.set_defaults(run=table)
    c.add_argument("files", type=pathlib.Path, nargs="+")
    a = p.parse_args()
    a.run(a)


main()
