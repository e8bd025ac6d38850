"""Audits a model on a Ray cluster.

    python audit.py MODEL DATA FOLDER EPS [SHARED]

MODEL is an ONNX file, DATA an .npz file with `x` and `y`, FOLDER a folder for the run that does not exist yet, EPS the radius. SHARED is a folder that all nodes
can write: with it, a task that is run again goes on where it was stopped.
"""

import os
import sys

# Before Ray is loaded: it reports usage unless it is told not to.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import brinell.ray
import numpy as np
import ray


def main() -> None:
    """Connects to the cluster that RAY_ADDRESS names, or begins one on this machine."""
    model, data, folder, eps, *shared = sys.argv[1:]
    ray.init(log_to_driver=False)
    with np.load(data) as arrays:
        x, y = arrays["x"], arrays["y"]
    result = brinell.ray.audit(model, x, y, eps=eps, suite="fast", folder=folder, shared=shared[0] if shared else None)
    print(result)
    print("digest", result.digest)


if __name__ == "__main__":
    main()
