"""Tables."""

import torch
from torch import nn

from .architecture import Architecture


def mlp():
    layers = [nn.BatchNorm1d(20), nn.Linear(20, 64), nn.SELU(), nn.Linear(64, 32), nn.Mish(), nn.Linear(32, 3)]
    return nn.Sequential(*layers)


class TabularTransformer(nn.Module):
    """FT-Transformer: every column becomes a token, a class token is read out."""

    def __init__(self, columns=10, width=16):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(columns, width))
        self.bias = nn.Parameter(torch.randn(columns, width))
        self.token = nn.Parameter(torch.randn(1, 1, width))
        layer = nn.TransformerEncoderLayer(width, 4, 32, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        tokens = x.unsqueeze(-1) * self.weight + self.bias
        tokens = torch.cat([self.token.expand(x.shape[0], -1, -1), tokens], 1)
        return self.head(self.body(tokens)[:, 0])


class GatedResidual(nn.Module):
    """Gated linear units over columns, as in TabNet, with a sparse mask."""

    def __init__(self, columns=12, width=16):
        super().__init__()
        self.mask = nn.Linear(columns, columns)
        self.first, self.second = nn.Linear(columns, 2 * width), nn.Linear(width, 2 * width)
        self.norm = nn.BatchNorm1d(columns)
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.norm(x)
        x = x * torch.softmax(self.mask(x), 1)
        y = nn.functional.glu(self.first(x))
        return self.head((y + nn.functional.glu(self.second(y))) * 0.5**0.5)


class CrossNetwork(nn.Module):
    """DCN v2: explicit feature crosses beside an MLP."""

    def __init__(self, columns=12):
        super().__init__()
        self.cross = nn.ModuleList(nn.Linear(columns, columns) for _ in range(2))
        self.deep = nn.Sequential(nn.Linear(columns, 24), nn.ReLU(), nn.Linear(24, 12))
        self.head = nn.Linear(24, 3)

    def forward(self, x):
        y = x
        for layer in self.cross:
            y = x * layer(y) + y
        return self.head(torch.cat([y, self.deep(x)], 1))


def architectures():
    yield Architecture("tabular-mlp", mlp, (20,), pixels=False)
    yield Architecture("tab-transformer", TabularTransformer, (10,), pixels=False, least=14)
    yield Architecture("tabular-gated", GatedResidual, (12,), pixels=False)
    yield Architecture("cross-network", CrossNetwork, (12,), pixels=False)
