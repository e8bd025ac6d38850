"""Ten networks of a few kilobytes each, which are kept in the repository and checked without Python."""

import torch
from torch import nn
from torch.nn import functional as F

from .architecture import Architecture
from .dense import UNet
from .foreign import write_cntk
from .sequence import Recurrent, bert
from .tabular import mlp


class Residual(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1))
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = F.max_pool2d(self.stem(x), 3, 2, 1)
        x = torch.relu(self.body(x) + x)
        return self.head(x.mean((2, 3)))


class Inverted(nn.Module):
    """A MobileNet V3 block: depthwise convolution, squeeze and excite, hard swish."""

    def __init__(self, width=8):
        super().__init__()
        self.expand = nn.Conv2d(3, width, 1)
        self.depth = nn.Conv2d(width, width, 3, 2, 1, groups=width)
        self.excite = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, 4, 1), nn.ReLU(), nn.Conv2d(4, width, 1), nn.Hardsigmoid())
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = F.hardswish(self.depth(F.hardswish(self.expand(x))))
        return self.head((x * self.excite(x)).mean((2, 3)))


class Next(nn.Module):
    """A ConvNeXt block: depthwise 7x7, layer norm over channels, GELU."""

    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 2, 2)
        self.depth = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm, self.wide, self.narrow = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.stem(x)
        y = self.narrow(F.gelu(self.wide(self.norm(self.depth(x).permute(0, 2, 3, 1)))))
        return self.head((x + y.permute(0, 3, 1, 2)).mean((2, 3)))


class Windowed(nn.Module):
    """A Swin block: attention inside shifted windows, which are cut out by Reshape and Transpose."""

    def __init__(self, width=8, window=4):
        super().__init__()
        self.window = window
        self.stem = nn.Conv2d(3, width, 2, 2)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, x):
        x = self.stem(x).permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        n = self.window
        y = torch.roll(self.norm(x), (-2, -2), (1, 2))
        y = y.view(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, n * n, c)
        q, k, v = self.qkv(y).reshape(-1, n * n, 3, 2, c // 2).permute(2, 0, 3, 1, 4).unbind(0)
        y = torch.softmax(q @ k.transpose(-1, -2) * (c // 2) ** -0.5, -1) @ v
        y = self.out(y.transpose(1, 2).reshape(-1, n * n, c))
        y = y.view(b, h // n, w // n, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return self.head((x + torch.roll(y, (2, 2), (1, 2))).mean((1, 2)))


class LastFirst(nn.Module):
    """Channels last, with a normalisation inside and a softmax at the end."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU6(), nn.Flatten(), nn.Linear(6 * 64, 5), nn.Softmax(1))

    def forward(self, x):
        return self.body((x.permute(0, 3, 1, 2) - 0.5) / 0.25)


class SmallCntk(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 2, 5, padding=2), nn.Conv2d(2, 16, 5, padding=2)
        self.head = nn.Linear(256, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.first(x)), 2, 2)
        x = F.max_pool2d(torch.relu(self.second(x)), 3, 3)
        return self.head(x.flatten(1))


def architectures():
    image, script, dynamo = (3, 16, 16), lambda opset: (("torchscript", opset),), lambda opset: (("dynamo", opset),)
    text = {"shape": (6, 16), "pixels": False}
    yield Architecture("residual", Residual, image, exports=script(11), small=True)
    yield Architecture("inverted", Inverted, image, exports=script(13), small=True, fixed=True)
    yield Architecture("next", Next, image, exports=dynamo(20), small=True)
    yield Architecture("windowed", Windowed, image, exports=dynamo(18), small=True)
    yield Architecture("unet", lambda: UNet(2, True), image, exports=script(17), small=True)
    yield Architecture("lstm", lambda: Recurrent(nn.LSTM, False, bidirectional=True), exports=script(17), small=True, **text)
    yield Architecture("bert", lambda: bert("eager"), (6, 32), False, exports=dynamo(18), small=True)
    yield Architecture("tabular", mlp, (20,), False, exports=script(13), small=True)
    yield Architecture("channels-last", LastFirst, (16, 16, 3), exports=dynamo(20), small=True)
    yield Architecture("cntk", SmallCntk, (1, 28, 28), exports=(("cntk-style", 8),), write=write_cntk, small=True)
