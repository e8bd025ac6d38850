#!/usr/bin/env python3
"""Run a network forward in ONNX Runtime and nothing else; its peak memory is what an audit's is compared with.

    python bench/forward.py --write free.onnx --network resnet_4b    # the network with a free batch
    python bench/forward.py --graph free.onnx --batch 128            # this, or a graph that `brinell grad` wrote

Two processes, so that the memory of the first does not count.
"""
import argparse
import importlib.util
import json
import pathlib

from networks import DATA, NETWORKS


def free_batch(key, path):
    """Writes the network with a symbolic first dimension, by way of ../shared/tools/peers.py."""
    import onnx
    spec = importlib.util.spec_from_file_location("peers_tools", DATA.parent / "tools" / "peers.py")
    helper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(helper)
    model = helper.batched(onnx.load(DATA / NETWORKS[key].file))
    initializers = {tensor.name for tensor in model.graph.initializer}
    for value in [*model.graph.input, *model.graph.output]:
        if value.name not in initializers and value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "N"
    del model.graph.value_info[:]
    onnx.save(model, path)


def run(path, batch, threads):
    """Three passes on random input."""
    import numpy as np
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    draw = np.random.default_rng(0)
    feed = {}
    for value in session.get_inputs():
        shape = [size if isinstance(size, int) else batch for size in value.shape]
        feed[value.name] = draw.random(shape, dtype=np.float32)
    for _ in range(3):
        session.run(None, feed)
    return onnxruntime.__version__


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--network", choices=list(NETWORKS))
    p.add_argument("--write", type=pathlib.Path)
    p.add_argument("--graph", type=pathlib.Path)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    if a.write:
        free_batch(a.network, a.write)
    else:
        version = run(a.graph, a.batch, a.threads)
        print(json.dumps(dict(batch=a.batch, threads=a.threads, runtime=f"onnxruntime {version}")))


if __name__ == "__main__":
    main()
