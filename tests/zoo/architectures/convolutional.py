"""Convolutional image classifiers of torchvision and timm."""

import timm
import torch
from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2
from torch import nn
from torchvision import models
from torchvision.models.resnet import Bottleneck, ResNet

from .architecture import Architecture


def vgg():
    """VGG-16 with batch normalisation and a head for small images."""
    model = models.vgg16_bn(weights=None, num_classes=10)
    model.avgpool = nn.Identity()
    model.classifier = nn.Sequential(nn.Linear(512 * 4, 128), nn.ReLU(), nn.Dropout(), nn.Linear(128, 10))
    return model


def architectures():
    plain = lambda function, **options: lambda: function(weights=None, num_classes=10, **options)
    by_name = lambda name, **options: lambda: timm.create_model(name, pretrained=False, num_classes=10, **options)
    yield Architecture("resnet18", plain(models.resnet18))
    yield Architecture("resnet50", lambda: models.resnet50(weights=None))
    yield Architecture("resnet18-batch-1", plain(models.resnet18), fixed=True)
    yield Architecture("wide-resnet", lambda: ResNet(Bottleneck, [1, 1, 1, 1], num_classes=10, width_per_group=128))
    yield Architecture("preact-resnet", by_name("resnetv2_18"))
    yield Architecture("bit-resnet", lambda: ResNetV2([1, 1, 1, 1], num_classes=10, stem_type="fixed", conv_layer=StdConv2d))
    yield Architecture("resnext", lambda: ResNet(Bottleneck, [1, 1, 1, 1], num_classes=10, groups=32, width_per_group=4))
    yield Architecture("se-resnet", by_name("seresnet18"))
    yield Architecture("resnet-d", by_name("resnet18d"))
    yield Architecture("resnet-blur", by_name("resnetblur18"))
    yield Architecture("densenet", lambda: models.DenseNet(growth_rate=16, block_config=(4, 6, 6, 4), num_init_features=32, num_classes=10))
    yield Architecture("vgg16-bn", vgg)
    yield Architecture("googlenet", plain(models.googlenet, aux_logits=False, init_weights=False), (3, 96, 96))
    yield Architecture("inception-v3", plain(models.inception_v3, aux_logits=False, init_weights=False), (3, 128, 128))
    yield Architecture("squeezenet", plain(models.squeezenet1_1))
    yield Architecture("shufflenet-v2", plain(models.shufflenet_v2_x0_5))
    yield Architecture("mobilenet-v2", plain(models.mobilenet_v2))
    yield Architecture("mobilenet-v3", plain(models.mobilenet_v3_small))
    yield Architecture("mnasnet", plain(models.mnasnet0_5))
    yield Architecture("ghostnet", by_name("ghostnet_050"))
    yield Architecture("efficientnet-b0", plain(models.efficientnet_b0))
    yield Architecture("efficientnet-lite0", by_name("efficientnet_lite0"))
    yield Architecture("efficientnet-lite0-same-padding", by_name("tf_efficientnet_lite0"))
    yield Architecture("efficientnet-v2", by_name("test_efficientnet"))
    yield Architecture("regnet-x", by_name("regnetx_002"))
    yield Architecture("regnet-y", by_name("regnety_002"))
    yield Architecture("hrnet", by_name("hrnet_w18_small"))
    yield Architecture("repvgg", by_name("repvgg_a0"))
