"""Models as other software than PyTorch writes them: Keras (channels last) and CNTK (opset 8)."""

import pathlib
import tempfile

import keras
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

from .architecture import Architecture


def choose_precision(dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)


class Keras(nn.Module):
    """A Keras model under its PyTorch backend, which can be built in both precisions."""

    def __init__(self, make, dtype="float32"):
        super().__init__()
        self.make = make
        keras.utils.set_random_seed(1)
        choose_precision(dtype)
        self.model = make()
        choose_precision("float32")

    def forward(self, x):
        return self.model(x)


def settled(model):
    """Measures the statistics of batch normalisations, without which what a deep network says hardly depends on its input."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    with torch.no_grad():
        model(keras.random.uniform((8, *model.input_shape[1:]), seed=2, dtype=keras.config.floatx()), training=True)
    return model


def widen_keras(flat):
    """The same weights in f64."""
    narrow = flat.model
    wide = Keras(narrow.make, "float64")
    wide.model.set_weights([np.asarray(weight, dtype=np.float64) for weight in narrow.model.get_weights()])
    return wide.eval()


def write_keras(module, opset):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.onnx"
        module.model.export(str(path), format="onnx", verbose=False, opset_version=opset)
        return path.read_bytes()


def keras_cnn():
    layers = keras.layers
    return keras.Sequential([
        layers.Input((32, 32, 3)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("swish"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(10),
    ])


def keras_residual():
    layers = keras.layers
    x = entry = layers.Input((32, 32, 3))
    x = layers.Rescaling(1 / 0.5, offset=-1)(x)
    x = layers.Conv2D(16, 3, padding="same")(x)
    for stride in [1, 2]:
        y = layers.DepthwiseConv2D(3, strides=stride, padding="same")(x)
        y = layers.BatchNormalization()(y)
        y = layers.Conv2D(32, 1, activation="gelu")(y)
        y = layers.Conv2D(16, 1)(y)
        x = layers.Add()([layers.AveragePooling2D(stride, padding="same")(x), y])
    x = layers.Flatten()(x)
    return keras.Model(entry, layers.Dense(10)(x))


def keras_mobilenet():
    return settled(keras.applications.MobileNetV2(input_shape=(64, 64, 3), alpha=0.35, weights=None, classes=10, classifier_activation=None))


def keras_lstm():
    layers = keras.layers
    return keras.Sequential([layers.Input((12, 8)), layers.LSTM(16), layers.Dense(5)])


class Cntk(nn.Module):
    """The network of CNTK's MNIST tutorial."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 5, padding=2), nn.Conv2d(8, 16, 5, padding=2)
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.first(x)), 2, 2)
        x = F.max_pool2d(torch.relu(self.second(x)), 3, 3)
        return self.head(x.flatten(1))


def write_cntk(module, opset):
    """As CNTK 2.5 writes it: biases added by nodes of their own, auto_pad, weights as inputs, a Reshape of the weights, batch 1."""
    assert opset == 8
    weights, nodes = {}, []

    def weight(name, value):
        weights[name] = numpy_helper.from_array(np.ascontiguousarray(value.detach().numpy()), name)
        return name

    def shape(name, *sizes):
        weights[name] = numpy_helper.from_array(np.array(sizes, dtype=np.int64), name)
        return name

    x = "Input3"
    for i, (layer, kernel, stride) in enumerate([(module.first, 2, 2), (module.second, 3, 3)]):
        convolution = {"auto_pad": "SAME_UPPER", "dilations": [1, 1], "group": 1, "kernel_shape": [5, 5], "strides": [1, 1]}
        nodes.append(helper.make_node("Conv", [x, weight(f"Parameter{i}W", layer.weight)], [f"Convolution{i}"], f"Convolution{i}", **convolution))
        nodes.append(helper.make_node("Add", [f"Convolution{i}", weight(f"Parameter{i}B", layer.bias[:, None, None])], [f"Plus{i}"], f"Plus{i}"))
        nodes.append(helper.make_node("Relu", [f"Plus{i}"], [f"ReLU{i}"], f"ReLU{i}"))
        pooling = {"auto_pad": "NOTSET", "kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [0, 0, 0, 0]}
        nodes.append(helper.make_node("MaxPool", [f"ReLU{i}"], [f"Pooling{i}"], f"Pooling{i}", **pooling))
        x = f"Pooling{i}"
    nodes.append(helper.make_node("Reshape", [x, shape("Pooling_shape", 1, 256)], ["Flat"], "Times_reshape0"))
    cube = weight("ParameterW", module.head.weight.T.reshape(16, 4, 4, 10))
    nodes.append(helper.make_node("Reshape", [cube, shape("Weight_shape", 256, 10)], ["Matrix"], "Times_reshape1"))
    nodes.append(helper.make_node("MatMul", ["Flat", "Matrix"], ["Times"], "Times"))
    nodes.append(helper.make_node("Add", ["Times", weight("ParameterB", module.head.bias[None])], ["Plus_Output"], "Plus"))
    inputs = [helper.make_tensor_value_info("Input3", TensorProto.FLOAT, [1, 1, 28, 28])]
    inputs += [helper.make_tensor_value_info(name, tensor.data_type, tensor.dims) for name, tensor in weights.items()]
    outputs = [helper.make_tensor_value_info("Plus_Output", TensorProto.FLOAT, [1, 10])]
    graph = helper.make_graph(nodes, "CNTKGraph", inputs, outputs, list(weights.values()))
    model = helper.make_model(graph, producer_name="CNTK", producer_version="2.5.1", ir_version=3, opset_imports=[helper.make_opsetid("", 8)])
    onnx.checker.check_model(model)
    return model.SerializeToString()


class ChannelsLast(nn.Module):
    """A network that takes its images channels last and turns them first."""

    def __init__(self):
        super().__init__()
        block = lambda a, b, s: [nn.Conv2d(a, b, 3, s, 1), nn.BatchNorm2d(b), nn.ReLU6()]
        self.body = nn.Sequential(*block(3, 16, 1), *block(16, 32, 2), *block(32, 32, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))

    def forward(self, x):
        return self.body(x.permute(0, 3, 1, 2))


def architectures():
    for name, make, shape, pixels in [
        ("keras-cnn", keras_cnn, (32, 32, 3), True),
        ("keras-residual", keras_residual, (32, 32, 3), True),
        ("keras-mobilenet-v2", keras_mobilenet, (64, 64, 3), True),
        ("keras-lstm", keras_lstm, (12, 8), False),
    ]:
        build = lambda make=make: Keras(make)
        yield Architecture(name, build, shape, pixels, exports=(("keras", 18),), write=write_keras, widen=widen_keras)
    yield Architecture("channels-last", ChannelsLast, (32, 32, 3))
    yield Architecture("cntk-mnist", Cntk, (1, 28, 28), exports=(("cntk-style", 8),), write=write_cntk)
