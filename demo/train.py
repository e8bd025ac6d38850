#!/usr/bin/env python3
"""Train the two networks that `brinell demo` audits, on Fashion-MNIST.

    apt-get install dataset-fashion-mnist
    python demo/train.py --epochs-ordinary 8 --epochs-robust 16 --threads 1

Both are the same small convolutional network. `ordinary.onnx` is trained the ordinary way; `robust.onnx`
is trained on the worst image that a few steps of projected gradient descent find within 0.1 of each pixel
(Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018). The radius grows
over the first quarter of the epochs, because a network this small does not start to learn at the full radius.

Needs: torch, onnx, onnxruntime, numpy.
"""
import argparse
import gzip
import pathlib
import platform
import time

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn.functional import cross_entropy

HERE = pathlib.Path(__file__).resolve().parent
CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
EPS = 0.1
N_SHIPPED = 500
N_TRAINING = 4000  # shipped for `brinell demo --harden`


def read_idx(path):
    """The u8 array in a gzipped IDX file."""
    raw = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(raw, ">u4", raw[3], 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def write_idx(path, array):
    """Writes a u8 array as an IDX file, gzipped where the name says so."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    raw = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(raw, 9, mtime=0) if path.suffix == ".gz" else raw)


def network(seed):
    """Two strided convolutions and two dense layers: 109,562 parameters on images [B, 1, 28, 28] in [0, 1]."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10))


def pgd(net, x, y, eps, steps, step):
    """The last point of projected sign-gradient ascent on cross-entropy, from a random start in the ball."""
    lo, hi = (x - eps).clamp(min=0), (x + eps).clamp(max=1)
    x_adv = torch.min(torch.max(x + torch.empty_like(x).uniform_(-eps, eps), lo), hi)
    for _ in range(steps):
        x_adv.requires_grad_(True)
        gradient, = torch.autograd.grad(cross_entropy(net(x_adv), y, reduction="sum"), x_adv)
        x_adv = torch.min(torch.max(x_adv.detach() + step * gradient.sign(), lo), hi)
    return x_adv.detach()


def train(net, x, y, epochs, eps, steps, batch, rate, limit_seconds):
    """Trains in place with Adam and a rate that rises and falls once; `eps` 0 is ordinary training."""
    n_batches = len(x) // batch
    optimizer = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * n_batches)
    start = time.perf_counter()
    for epoch in range(epochs):
        order, total = torch.randperm(len(x)), 0.0
        for i in range(n_batches):
            radius = eps * min(1.0, (epoch + i / n_batches) / max(1, epochs / 4))
            rows = order[i * batch:(i + 1) * batch]
            inputs, labels = x[rows], y[rows]
            if radius > 0:
                for weights in net.parameters():
                    weights.requires_grad_(False)
                inputs = pgd(net, inputs, labels, radius, steps, 2 * radius / steps)
                for weights in net.parameters():
                    weights.requires_grad_(True)
            loss = cross_entropy(net(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = time.perf_counter() - start
        print(f"  epoch {epoch + 1}/{epochs}  loss {total / n_batches:.4f}  {seconds:.0f} s", flush=True)
        if seconds > limit_seconds:
            raise SystemExit("out of time: ask for fewer epochs, or a larger --limit-seconds")


def accuracy(net, x, y, eps=0.0, steps=40, batch=500):
    """Percent of `x` whose label is found, after PGD where `eps` is above 0."""
    right = 0
    for inputs, labels in zip(x.split(batch), y.split(batch)):
        if eps > 0:
            # A point that is wrong at any iterate would do; the last one is what this plain PGD reports.
            inputs = pgd(net, inputs, labels, eps, steps, 0.1 * eps)
        with torch.no_grad():
            right += int((net(inputs).argmax(1) == labels).sum())
    return 100.0 * right / len(x)


def export(net, path):
    """Writes the network as eight plain ONNX nodes with a free batch (input `image`, output `logits`)."""
    layers = {"conv1": net[0], "conv2": net[2], "dense1": net[5], "dense2": net[7]}
    weights = []
    for name, layer in layers.items():
        weights.append(numpy_helper.from_array(layer.weight.detach().numpy(), f"{name}.weight"))
        weights.append(numpy_helper.from_array(layer.bias.detach().numpy(), f"{name}.bias"))
    conv = dict(kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1])

    def node(kind, name, source, out, **attributes):
        parameters = [f"{name}.weight", f"{name}.bias"] if name in layers else []
        return helper.make_node(kind, [source, *parameters], [out], name=name, **attributes)

    nodes = [
        node("Conv", "conv1", "image", "conv1_out", **conv), node("Relu", "relu1", "conv1_out", "relu1_out"),
        node("Conv", "conv2", "relu1_out", "conv2_out", **conv), node("Relu", "relu2", "conv2_out", "relu2_out"),
        node("Flatten", "flatten", "relu2_out", "flatten_out", axis=1),
        node("Gemm", "dense1", "flatten_out", "dense1_out", transB=1), node("Relu", "relu3", "dense1_out", "relu3_out"),
        node("Gemm", "dense2", "relu3_out", "logits", transB=1)]
    graph = helper.make_graph(
        nodes, path.stem,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="brinell demo", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def check(net, path, x):
    """Fails unless ONNX Runtime gives the logits of `net` for the file, and returns the largest difference."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits, = session.run(["logits"], {"image": x.numpy()})
    with torch.no_grad():
        difference = float(np.abs(logits - net(x).numpy()).max())
    if difference > 1e-4:
        raise SystemExit(f"{path.name}: ONNX Runtime differs from PyTorch by {difference}")
    return difference


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=pathlib.Path, default=pathlib.Path("/usr/share/datasets/fashion-mnist"))
    p.add_argument("--out", type=pathlib.Path, default=HERE)
    p.add_argument("--epochs-ordinary", type=int, default=8)
    p.add_argument("--epochs-robust", type=int, default=16)
    p.add_argument("--steps", type=int, default=5, help="PGD steps per batch of the robust network")
    p.add_argument("--threads", type=int, default=1, help="another number may change the last bits, and so the networks")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--limit-seconds", type=float, default=3600)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.use_deterministic_algorithms(True)
    print(f"python {platform.python_version()}, torch {torch.__version__}, onnx {onnx.__version__}, "
          f"onnxruntime {onnxruntime.__version__}, {a.threads} thread(s)")

    pixels = lambda u8: torch.tensor(u8, dtype=torch.float32).div(255).unsqueeze(1)
    train_u8, test_u8 = read_idx(a.data / "train-images-idx3-ubyte.gz"), read_idx(a.data / "t10k-images-idx3-ubyte.gz")
    train_labels = read_idx(a.data / "train-labels-idx1-ubyte.gz")
    train_x, train_y = pixels(train_u8), torch.tensor(train_labels, dtype=torch.int64)
    test_labels = read_idx(a.data / "t10k-labels-idx1-ubyte.gz")
    test_x, test_y = pixels(test_u8), torch.tensor(test_labels, dtype=torch.int64)

    a.out.mkdir(parents=True, exist_ok=True)
    write_idx(a.out / "images.idx3-ubyte", test_u8[:N_SHIPPED])
    write_idx(a.out / "labels.idx1-ubyte", test_labels[:N_SHIPPED])
    write_idx(a.out / "train-images.idx3-ubyte.gz", train_u8[:N_TRAINING])
    write_idx(a.out / "train-labels.idx1-ubyte.gz", train_labels[:N_TRAINING])
    (a.out / "classes.txt").write_text("\n".join(CLASSES) + "\n")

    for name, epochs, eps, rate in (("ordinary", a.epochs_ordinary, 0.0, 3e-3), ("robust", a.epochs_robust, EPS, 5e-3)):
        print(f"{name}: {epochs} epochs, eps {eps}")
        net = network(a.seed)
        train(net, train_x, train_y, epochs, eps, a.steps, 128, rate, a.limit_seconds)
        net.eval().requires_grad_(False)
        path = a.out / f"{name}.onnx"
        export(net, path)
        difference = check(net, path, test_x[:N_SHIPPED])
        torch.manual_seed(a.seed)
        print(f"{name}: test images right {accuracy(net, test_x, test_y):.2f} %, "
              f"after PGD-40 at {EPS} {accuracy(net, test_x, test_y, EPS):.2f} %; "
              f"of the {N_SHIPPED} shipped {accuracy(net, test_x[:N_SHIPPED], test_y[:N_SHIPPED]):.1f} % and "
              f"{accuracy(net, test_x[:N_SHIPPED], test_y[:N_SHIPPED], EPS):.1f} %; "
              f"{path.stat().st_size} bytes, ONNX Runtime within {difference:.1e}", flush=True)


if __name__ == "__main__":
    main()
