"""The networks of ../../shared/data as torch modules: by onnx2torch, or by a small interpreter where that cannot read one; and their passes counted."""
import importlib.util
import os

import torch
from torch.nn.functional import batch_norm, conv2d

from networks import DATA

SHAPES = {"Shape", "Constant", "ConstantOfShape"}


def tools():
    """The module ../shared/tools/peers.py."""
    spec = importlib.util.spec_from_file_location("peers_tools", DATA.parent / "tools" / "peers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def network_of(helper, key):
    """The frozen network on pixels in [0, 1], NCHW; `helper` is the module ../../shared/tools/peers.py."""
    return Interpreted(helper, key).requires_grad_(False).eval() if key == "vit" else helper.network(key)


class Counted(torch.nn.Module):
    """A network that counts images on their way in and gradients on their way out."""

    def __init__(self, network):
        super().__init__()
        self.network, self.forwards, self.backwards = network, 0, 0
        outer = self

        class Count(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                outer.forwards += len(x)
                return x.view_as(x)

            @staticmethod
            def backward(ctx, gradient):
                outer.backwards += len(gradient)
                return gradient

        self.count = Count.apply

    def forward(self, x):
        return self.network(self.count(x))


class Interpreted(torch.nn.Module):
    """The operators of the small vision transformer, one torch call for each.

    What depends on the size of the batch alone is computed once per size, so that the peer loses no time to shapes.
    """

    def __init__(self, helper, key):
        import onnx
        super().__init__()
        file, _, mean, std, *_ = helper.MODELS[key]
        model = onnx.load(os.path.join(helper.DATA, file))
        self.weights = {t.name: torch.tensor(onnx.numpy_helper.to_array(t).copy()) for t in model.graph.initializer}
        self.nodes = []
        for node in model.graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            if "value" in attributes:
                attributes["value"] = torch.tensor(onnx.numpy_helper.to_array(attributes["value"]).copy())
            self.nodes.append((node.op_type, list(node.input), node.output[0], attributes))
        self.input, self.output = model.graph.input[0].name, model.graph.output[0].name
        self.mean, self.std = torch.tensor(mean).view(1, -1, 1, 1), torch.tensor(std).view(1, -1, 1, 1)
        self.fixed = {}

    def forward(self, x):
        first = len(x) not in self.fixed
        fixed = self.fixed.setdefault(len(x), {})
        values = {self.input: (x - self.mean) / self.std}
        for op, inputs, output, attributes in self.nodes:
            if output in fixed:
                continue
            known = [name in fixed or name in self.weights for name in inputs]
            arguments = [fixed[n] if n in fixed else self.weights[n] if n in self.weights else values[n] for n in inputs]
            value = apply(op, arguments, attributes)
            if first and (op in SHAPES or all(known)):
                fixed[output] = value.detach()
            else:
                values[output] = value
        return values[self.output]


def apply(op, v, a):
    """The value of one node."""
    match op:
        case "Add":
            return v[0] + v[1]
        case "Mul":
            return v[0] * v[1]
        case "MatMul":
            return v[0] @ v[1]
        case "Relu":
            return v[0].relu()
        case "Softmax":
            return v[0].softmax(a["axis"])
        case "Transpose":
            return v[0].permute(a["perm"])
        case "Concat":
            return torch.cat(v, a["axis"])
        case "Reshape":
            return v[0].reshape([v[0].shape[i] if n == 0 else n for i, n in enumerate(v[1].tolist())])
        case "Unsqueeze":
            return v[0].unsqueeze(a["axes"][0])
        case "Shape":
            return torch.tensor(v[0].shape)
        case "Constant":
            return a["value"]
        case "ConstantOfShape":
            return torch.full(v[0].tolist(), a["value"].item())
        case "Gather":
            return v[0].select(a.get("axis", 0), v[1].item())
        case "Slice":
            return v[0][a["starts"][0]:a["ends"][0]]
        case "Conv":
            return conv2d(v[0], *v[1:], stride=a["strides"], padding=a["pads"][:2], dilation=a["dilations"], groups=a["group"])
        case "BatchNormalization":
            return batch_norm(v[0], v[3], v[4], v[1], v[2], eps=a["epsilon"])
        case "ReduceMean":
            return v[0].mean(a["axes"], keepdim=bool(a.get("keepdims", 1)))
        case "Gemm":
            return a.get("alpha", 1.0) * v[0] @ (v[1].T if a.get("transB") else v[1]) + a.get("beta", 1.0) * v[2]
    raise NotImplementedError(op)
