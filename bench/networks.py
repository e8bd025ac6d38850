"""The networks of ../../shared/data with what `brinell audit` must be told about each, and the attacks that are compared.

Nothing here imports more than the standard library: the process that measures others has to stay small.
"""
import dataclasses
import pathlib
import struct
import tempfile

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"

MNIST = ("mnist/mnist_test_subset-images-idx3-ubyte", "mnist/mnist_test_subset-labels-idx1-ubyte", 1094)
CIFAR = ("cifar10/cifar10_test_subset.bin", None, 892)
IMAGENET_224 = ("imagenet/foolbox_imagenet20_224_u8.npy", "imagenet/foolbox_imagenet20_labels.npy", 20)
IMAGENET_240 = ("imagenet/foolbox_imagenet20_240_u8.npy", "imagenet/foolbox_imagenet20_labels.npy", 20)

UNIT = ["--scale", "0..1"]
BYTE = ["--scale", "0..255"]
KW = [*UNIT, "--mean", "0.485,0.456,0.406", "--std", "0.225"]
TRANSPOSED = [*UNIT, "--layout", "flat-transposed"]


_COPIES = tempfile.TemporaryDirectory()


def first(data, n):
    """Flags with the first `n` samples of a data set. `--limit` would choose others: it spreads its choice evenly over the classes."""
    images, labels, total = data
    files = [DATA / name if n >= total else _first(DATA / name, n, total) for name in (images, labels) if name]
    return ["--data", files[0], *(["--labels", files[1]] if labels else [])]


def _first(path, n, total):
    """A copy of a file of `total` records with `n` of them."""
    copy = pathlib.Path(_COPIES.name) / f"{n}-{path.name}"
    if copy.exists():
        return copy
    content = path.read_bytes()
    if content[:2] == b"\0\0":  # IDX: magic, then the sizes; the first is the number of samples
        header = content[:4] + struct.pack(">I", n) + content[8:4 + 4 * content[3]]
        body = content[len(header):]
    elif content[:6] == b"\x93NUMPY":
        size = 10 + int.from_bytes(content[8:10], "little")
        shape = content[:size].replace(b"(%d," % total, b"(%d," % n)
        header, body = shape[:-1] + b" " * (size - len(shape)) + b"\n", content[size:]
    else:  # CIFAR-10's binary layout has no header
        header, body = b"", content
    copy.write_bytes(header + body[:len(body) // total * n])
    return copy


def cifar(std):
    """Flags of a network that wants CIFAR-10's mean and this deviation."""
    return [*UNIT, "--mean", "0.4914,0.4822,0.4465", "--std", std]


@dataclasses.dataclass(frozen=True)
class Network:
    """One network; `key` is its name in ../../shared/tools/peers.py."""
    key: str
    file: str
    data: tuple
    flags: list
    # Radius as Brinell is told, in units of the declared scale.
    eps: str
    # Images that the network gets right, of all; the README of the data says so.
    clean_correct: int
    # Whether onnx2torch reads it.
    peers: bool = True

    @property
    def eps_unit(self):
        """The radius for pixels in 0..1, which is what the peers take."""
        numerator, _, denominator = self.eps.partition("/")
        value = float(numerator) / float(denominator or 1)
        return value / 255 if "0..255" in self.flags else value

    def audit(self, brinell, attack, n, out, batch, threads, runtime, seed):
        """The command line of the audit."""
        command = [brinell, "audit", DATA / self.file, *first(self.data, n), *self.flags,
                   "--norm", "linf", "--eps", self.eps, "--attack", attack, "--seed", seed,
                   "--threads", threads, "--runtime", runtime, "--out", out, "--json"]
        if batch:
            command += ["--batch", batch]
        return [str(part) for part in command]


NETWORKS = {network.key: network for network in [
    Network("m256x2", "mnist/mnist-net_256x2.onnx", MNIST, UNIT, "0.02", 1072),
    Network("m256x4", "mnist/mnist-net_256x4.onnx", MNIST, UNIT, "0.02", 1068),
    Network("mnist-point", "mnist/mnist-point.onnx", MNIST, TRANSPOSED, "0.02", 1074),
    Network("mnist-trades", "mnist/mnist-trades.onnx", MNIST, TRANSPOSED, "0.1", 1081),
    Network("mnist_0.1", "mnist/mnist_0.1.onnx", MNIST, UNIT, "0.1", 1071),
    Network("mnist8", "mnist/onnxzoo_mnist8.onnx", MNIST, BYTE, "25.5", 1081),
    Network("ccexam", "mnist/ccexam_mnist.onnx", MNIST, [*UNIT, "--mean", "0.1307", "--std", "0.3081"], "0.1", 1082),
    Network("resnet_2b", "cifar10/resnet_2b.onnx", CIFAR, cifar("0.2471,0.2435,0.2616"), "2/255", 715),
    Network("resnet_4b", "cifar10/resnet_4b.onnx", CIFAR, cifar("0.2471,0.2435,0.2616"), "2/255", 766),
    Network("cifar_base_kw", "cifar10/cifar_base_kw.onnx", CIFAR, KW, "2/255", 624),
    Network("cifar_wide_kw", "cifar10/cifar_wide_kw.onnx", CIFAR, KW, "2/255", 653),
    Network("cifar_deep_kw", "cifar10/cifar_deep_kw.onnx", CIFAR, KW, "2/255", 572),
    Network("resnet_3b2", "cifar10/resnet_3b2_bn_mixup_adv_4.0_bs128_lr-1.onnx", CIFAR, cifar("0.2023,0.1994,0.2010"), "4/255", 773),
    Network("vit", "cifar10/ibp_3_3_8.onnx", CIFAR, cifar("0.2023,0.1994,0.2010"), "1/255", 697, peers=False),
    Network("resnet8", "cifar10/mlperf_tiny_resnet8.onnx", CIFAR, [*BYTE, "--mean", "128", "--std", "128"], "1", 756),
    Network("lite0", "imagenet/efficientnet_lite0.onnx", IMAGENET_224, [*BYTE, "--mean", "127", "--std", "128"], "0.5", 17),
    Network("lite1", "imagenet/efficientnet_lite1.onnx", IMAGENET_240, [*BYTE, "--mean", "127", "--std", "128"], "0.5", 19),
]}

# Name here: Brinell's attack, and the peers' that do the same number of passes from the same kind of start.
ATTACKS = {
    "pgd-40": ("pgd:steps=40", ["torchattacks:PGD"]),
    "apgd-100": ("apgd-ce:steps=100", ["autoattack:apgd-ce", "torchattacks:APGD"]),
    "fgsm": ("fgsm", []),
    "apgd-dlr-100": ("apgd-dlr:steps=100", ["autoattack:apgd-dlr"]),
}
