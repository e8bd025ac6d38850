"""Loss heads: value and gradient by the logits, as attacks maximise them; `op` is the loss's name."""

import numpy as np
import torch
import torch.nn.functional as F

from case import f32


def others(z, y):
    """The largest logit of another class than y."""
    mask = F.one_hot(y, z.shape[1]).bool()
    return z.masked_fill(mask, -torch.inf).max(1).values


def at(z, y):
    return z.gather(1, y[:, None])[:, 0]


def dlr(z, y, t):
    s = z.sort(1, descending=True).values
    return -(at(z, y) - others(z, y)) / (s[:, 0] - s[:, 2] + 1e-12)


def dlr_targeted(z, y, t):
    s = z.sort(1, descending=True).values
    return -(at(z, y) - at(z, t)) / (s[:, 0] - (s[:, 2] + s[:, 3]) / 2 + 1e-12)


LOSSES = {
    "ce": lambda z, y, t: F.cross_entropy(z, y, reduction="none"),
    "margin": lambda z, y, t: others(z, y) - at(z, y),
    "dlr": dlr,
    "ce-targeted": lambda z, y, t: -F.cross_entropy(z, t, reduction="none"),
    "margin-targeted": lambda z, y, t: at(z, t) - others(z, t),
    "dlr-targeted": dlr_targeted,
    "log-odds": lambda z, y, t: torch.logsumexp(z.masked_fill(F.one_hot(y, z.shape[1]).bool(), -torch.inf), 1) - at(z, y),
    "log-odds-targeted": lambda z, y, t: at(z, t) - torch.logsumexp(z.masked_fill(F.one_hot(t, z.shape[1]).bool(), -torch.inf), 1),
    "difference": lambda z, y, t: at(z, t) - at(z, y),
}


def cases(make):
    for name, loss in LOSSES.items():
        sizes = [(5, 10), (6, 4)] + ([(4, 3)] if name != "dlr-targeted" else []) + ([(3, 2)] if name[:2] in ("ce", "ma", "di", "lo") else [])
        for n, classes in sizes:
            title = f"{name}_{classes}_classes"
            make.restart(title)
            z = f32(make.distinct(n, classes) * 2)
            y = make.rng.integers(0, classes, n)
            t = (y + make.rng.integers(1, classes, n)) % classes
            # The first row is classified as labelled, the second as the target, so that both signs occur.
            y[0] = z[0].argmax()
            t[0] = (y[0] + 1) % classes
            t[1] = z[1].argmax()
            y[1] = (t[1] + 1) % classes
            inputs = {"z": z, "y": y.astype(np.int64), "t": t.astype(np.int64)}
            yield make.case(title, inputs, [{"op": name, "inputs": ["z", "y", "t"], "outputs": ["loss"], "attributes": {}}], loss, batch=["z", "y", "t"], outputs=("loss",))
