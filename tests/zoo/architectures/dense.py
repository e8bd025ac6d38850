"""Networks whose output is not one row of logits: segmentation, detection heads, reconstruction."""

import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from .architecture import Architecture


def double_conv(n_in, n_out):
    layers = [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(), nn.Conv2d(n_out, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU()]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, width, bilinear):
        super().__init__()
        sizes = [width, 2 * width, 4 * width]
        self.first = double_conv(3, width)
        self.down = nn.ModuleList(double_conv(a, b) for a, b in zip(sizes, sizes[1:]))
        if bilinear:
            up = lambda n: nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), nn.Conv2d(n, n // 2, 1))
        else:
            up = lambda n: nn.ConvTranspose2d(n, n // 2, 2, stride=2)
        self.up = nn.ModuleList(up(n) for n in reversed(sizes[1:]))
        self.merge = nn.ModuleList(double_conv(n, n // 2) for n in reversed(sizes[1:]))
        self.last = nn.Conv2d(width, 4, 1)

    def forward(self, x):
        x = self.first(x)
        kept = []
        for down in self.down:
            kept.append(x)
            x = down(F.max_pool2d(x, 2))
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([kept.pop(), up(x)], 1))
        return self.last(x)


class Segmentation(nn.Module):
    """A torchvision segmentation model without the dictionary around its output."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)["out"]


def fcn():
    deeplab = models.segmentation.deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5)
    return Segmentation(models.segmentation.fcn.FCN(deeplab.backbone, models.segmentation.fcn.FCNHead(960, 5)))


class SsdHeads(nn.Module):
    """Backbone and heads of torchvision's SSDlite: class scores and box offsets of every anchor."""

    def __init__(self):
        super().__init__()
        model = models.detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=5)
        self.backbone, self.head = model.backbone, model.head

    def forward(self, x):
        found = self.head(list(self.backbone(x).values()))
        return found["cls_logits"], found["bbox_regression"]


class Yolo(nn.Module):
    """A small one-stage detector: SiLU blocks, a pyramid with upsampling, boxes decoded on their grids."""

    def __init__(self, width=16, classes=4):
        super().__init__()
        block = lambda a, b, s: nn.Sequential(nn.Conv2d(a, b, 3, s, 1, bias=False), nn.BatchNorm2d(b), nn.SiLU())
        self.stem = nn.Sequential(block(3, width, 2), block(width, 2 * width, 2))
        self.low, self.high = block(2 * width, 4 * width, 2), block(4 * width, 4 * width, 2)
        self.pool = nn.MaxPool2d(5, 1, 2)
        self.squeeze = block(8 * width, 4 * width, 1)
        self.merge = block(8 * width, 4 * width, 1)
        self.heads = nn.ModuleList(nn.Conv2d(4 * width, 5 + classes, 1) for _ in range(2))

    def forward(self, x):
        low = self.low(self.stem(x))
        high = self.high(low)
        high = self.squeeze(torch.cat([high, self.pool(high)], 1))
        low = self.merge(torch.cat([low, F.interpolate(high, scale_factor=2, mode="nearest")], 1))
        found = []
        for feature, head, stride in [(low, self.heads[0], 8.0), (high, self.heads[1], 16.0)]:
            y = head(feature).flatten(2).transpose(1, 2)
            size = feature.shape[-1]
            rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
            grid = torch.stack([columns.flatten(), rows.flatten()], 1).to(y.dtype)
            centre = (torch.sigmoid(y[..., :2]) * 2 - 0.5 + grid) * stride / 64
            extent = (torch.sigmoid(y[..., 2:4]) * 2) ** 2 * stride / 64
            found.append(torch.cat([centre, extent, torch.sigmoid(y[..., 4:])], -1))
        return torch.cat(found, 1)


def autoencoder():
    encode = [nn.Conv2d(3, 16, 3, 2, 1), nn.ELU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ELU(), nn.Flatten(), nn.Linear(32 * 256, 32)]
    decode = [nn.Linear(32, 32 * 256), nn.Unflatten(1, (32, 16, 16)), nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*encode, *decode, nn.ConvTranspose2d(16, 3, 3, 2, 1, 1), nn.Sigmoid())


class SuperResolution(nn.Module):
    """ESPCN: convolutions and a pixel shuffle over a bicubic image."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 32, 5, padding=2), nn.PReLU(32), nn.Conv2d(32, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x):
        return self.body(x) + F.interpolate(x, scale_factor=2, mode="bicubic", align_corners=False)


def architectures():
    segmentation = lambda function, **options: lambda: Segmentation(function(weights=None, weights_backbone=None, num_classes=5, **options))
    yield Architecture("unet", lambda: UNet(16, False))
    yield Architecture("unet-bilinear", lambda: UNet(16, True))
    yield Architecture("fcn", fcn)
    yield Architecture("deeplab-v3", segmentation(models.segmentation.deeplabv3_mobilenet_v3_large))
    yield Architecture("lraspp", segmentation(models.segmentation.lraspp_mobilenet_v3_large))
    yield Architecture("ssd-lite", SsdHeads, (3, 320, 320))
    yield Architecture("yolo", Yolo)
    yield Architecture("autoencoder", autoencoder)
    yield Architecture("super-resolution", SuperResolution, (3, 16, 16))
