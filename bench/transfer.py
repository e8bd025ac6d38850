"""Runs `brinell transfer` over the networks of ../../shared/data and prints the matrices as Markdown.

    python bench/transfer.py cifar mi di mi+ni+si+di --out /tmp/transfer [--n 200] [--eps 8/255] [--brinell target/release/brinell] [-- --ensemble norm]

With `peer` the deterministic rules are compared with numpy on a fully connected network, value by value:

    python bench/transfer.py peer --out /tmp/transfer
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

import networks

GROUPS = {
    "cifar": (["resnet_2b", "resnet_4b", "cifar_base_kw", "cifar_wide_kw", "cifar_deep_kw", "resnet_3b2", "resnet8", "vit"], "8/255"),
    "mnist": (["m256x2", "m256x4", "mnist-point", "mnist-trades", "mnist_0.1", "mnist8", "ccexam"], "0.2"),
    "photos": (["lite0", "lite1"], "8/255"),
}


def models_file(names, path):
    """Writes the list of models with the preprocessing of each."""
    lines = []
    for name in names:
        network = networks.NETWORKS[name]
        lines += ["[[model]]", f'name = "{name}"', f'file = "{networks.DATA / network.file}"']
        flags = network.flags
        for flag, value in zip(flags[::2], flags[1::2]):
            value = "[" + value + "]" if flag in ("--mean", "--std") else f'"{value}"'
            lines.append(f"{flag[2:]} = {value}")
    path.write_text("\n".join(lines) + "\n")


def command(options, group, attack, out, more):
    names, eps = GROUPS[group]
    data = networks.NETWORKS[names[0]].data
    listed = pathlib.Path(options.out) / f"{group}.toml"
    models_file(names, listed)
    line = [options.brinell, "transfer", "--models", listed, *networks.first(data, options.n), "--eps", options.eps or eps,
            "--attack", attack, "--threads", options.threads, "--out", out, "--json", *more]
    return [str(part) for part in line]


def table(matrix):
    """Fooled of both right, bold the attack on its own model."""
    names = [model["name"] for model in matrix["models"]]
    cells = {(cell["source"], cell["target"]): cell for cell in matrix["cells"]}
    lines = ["| | " + " | ".join(names[target] for target in matrix["targets"]) + " | mean of others |", "|---" * (len(matrix["targets"]) + 2) + "|"]
    for number, source in enumerate(matrix["sources"]):
        row = []
        for target in matrix["targets"]:
            cell = cells[number, target]
            text = f"{cell['fooled']}/{cell['both']}"
            if source.get("without") is not None or len(source["models"]) > 1:
                text = f"{cell['right_fooled']}/{cell['right']}"
            row.append(f"**{text}**" if cell["white_box"] else text)
        mean = matrix["outward"][number]["rate"]
        lines.append(f"| {source['name']} | " + " | ".join(row) + f" | {100 * mean['value']:.1f} % ({100 * mean['low']:.1f}-{100 * mean['high']:.1f}) |")
    return "\n".join(lines)


def matrices(options, more):
    for attack in options.attacks:
        out = pathlib.Path(options.out) / f"{options.what}-{attack.replace(':', '_').replace('+', '_').replace('=', '')}-{options.seed}"
        start = time.time()
        done = subprocess.run(command(options, options.what, attack, out, ["--seed", str(options.seed), *more]), capture_output=True, text=True)
        if done.returncode not in (0, 2):
            sys.exit(done.stderr)
        matrix = json.loads(done.stdout)
        print(f"\n**{matrix['made']['attack']}**, eps {matrix['made']['eps']}, {matrix['data']['n']} images, seed {options.seed}, {time.time() - start:.0f} s\n")
        print(table(matrix), flush=True)


def peer(options):
    """Compares last points with the same rules in numpy, on a network of Gemm and Relu whose gradient is written out here."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    model = onnx.load(networks.DATA / "mnist/mnist-net_256x2.onnx")
    weights = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in model.graph.initializer}
    layers = [(weights[node.input[1]], weights[node.input[2]]) for node in model.graph.node if node.op_type == "Gemm"]
    assert all(next((a.i for a in node.attribute if a.name == "transB"), 0) == 1 for node in model.graph.node if node.op_type == "Gemm")

    def gradient(x, y, weighted=False):
        """Of the log-odds of another class, by hand; times their probability it is that of the cross-entropy."""
        acts, values = [x], x
        for number, (w, b) in enumerate(layers):
            values = values @ w.T + b
            if number + 1 < len(layers):
                values = np.maximum(values, 0)
                acts.append(values)
        own = np.eye(10)[y] > 0
        others = np.where(own, -np.inf, values)
        p = np.exp(others - others.max(1, keepdims=True))
        g = p / p.sum(1, keepdims=True) - own
        if weighted:
            odds = others.max(1) + np.log(p.sum(1)) - values[own]
            g = g / (1 + np.exp(-odds))[:, None]
        for number in reversed(range(len(layers))):
            g = g @ layers[number][0]
            if number:
                g = g * (acts[number] > 0)
        return g

    n, eps = options.n, 0.1
    images = np.frombuffer((networks.DATA / networks.MNIST[0]).read_bytes(), np.uint8)[16:].reshape(-1, 784)[:n] / np.float32(255)
    labels = np.frombuffer((networks.DATA / networks.MNIST[1]).read_bytes(), np.uint8)[8:][:n].astype(int)
    x0 = images.astype(np.float64)
    step, steps = eps / 10, 10

    def unit(g):
        """Over the mean of the absolute values; where every ReLU of a layer is shut the gradient is zero, and stays so."""
        mean = np.abs(g).mean(1, keepdims=True)
        return g / np.where(mean > 0, mean, 1)

    clip = lambda x: np.clip(np.clip(x, x0 - eps, x0 + eps), 0, 1)

    def walk(rule):
        x, m = x0.copy(), np.zeros_like(x0)
        for _ in range(steps):
            m = m + unit(rule(x, m))
            x = clip(x + step * np.sign(m))
        return x

    def mi(x, m):
        return gradient(x, labels)

    def ni(x, m):
        return gradient(x + step * m, labels)

    def si(x, m):
        return sum(gradient(x / 2**i, labels, True) / 2**i for i in range(5))

    def emi():
        bar = np.zeros_like(x0)

        def rule(x, m):
            nonlocal bar
            g = sum(gradient(x + c * step * bar, labels, True) for c in np.linspace(-7, 7, 11)) / 11
            bar = unit(g)
            return g
        return rule

    def pi():
        x, a = x0.copy(), np.zeros_like(x0)
        for _ in range(steps):
            move = 10 * step * np.sign(unit(gradient(x, labels)))
            a = a + move
            cut = np.maximum(np.abs(a) - eps, 0) * np.sign(a)
            padded = np.pad(cut.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))
            around = sum(padded[:, i:i + 28, j:j + 28] for i in range(3) for j in range(3) if (i, j) != (1, 1)).reshape(-1, 784)
            # Sums of floats that should be zero have no sign.
            around[np.abs(around) < 1e-6] = 0
            projected = eps * np.sign(around)
            a = a + projected
            x = clip(x + move + projected)
        return x

    runs = {"mi": lambda: walk(mi), "ni": lambda: walk(ni), "mi:loss=ce+si": lambda: walk(si), "mi:loss=ce+emi": lambda: walk(emi()), "pi": pi}
    listed = pathlib.Path(options.out) / "one.toml"
    models_file(["m256x2"], listed)
    print("| rule | images | values equal to numpy's, within 1e-6 | fooled by both of those right |\n|---|---|---|---|")
    for attack, run in runs.items():
        out = pathlib.Path(options.out) / f"peer-{attack.replace(':', '_').replace('=', '').replace('+', '_')}"
        line = [options.brinell, "transfer", "--models", listed, *networks.first(networks.MNIST, n), "--eps", str(eps), "--attack", attack, "--out", out, "--json"]
        done = subprocess.run([str(part) for part in line], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        ours = np.load(out / "examples-0.npz")["x_adv"].reshape(n, 784)
        theirs = run()
        equal = (np.abs(ours - theirs) < 1e-6).mean()
        cell = json.loads(done.stdout)["cells"][0]

        def answers(x):
            for number, (w, b) in enumerate(layers):
                x = x @ w.T + b
                x = np.maximum(x, 0) if number + 1 < len(layers) else x
            return x.argmax(1)
        right = answers(x0) == labels
        print(f"| `{attack}` | {n} | {100 * equal:.3f} % | {cell['fooled']} and {(answers(theirs)[right] != labels[right]).sum()} of {right.sum()} |", flush=True)


def main():
    arguments = sys.argv[1:]
    more = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, more = arguments[:at], arguments[at + 1:]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*GROUPS, "peer"])
    parser.add_argument("attacks", nargs="*")
    parser.add_argument("--out", required=True)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--eps")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--brinell", default="target/release/brinell")
    options = parser.parse_args(arguments)
    pathlib.Path(options.out).mkdir(parents=True, exist_ok=True)
    peer(options) if options.what == "peer" else matrices(options, more)


if __name__ == "__main__":
    main()
