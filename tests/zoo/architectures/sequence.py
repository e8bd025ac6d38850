"""Sound, text from embeddings, time series."""

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, DistilBertConfig, DistilBertModel, GPT2Config, GPT2Model

from .architecture import Architecture


def audio():
    """M5 over raw sound."""
    block = lambda a, b, k, s: [nn.Conv1d(a, b, k, s), nn.BatchNorm1d(b), nn.ReLU(), nn.MaxPool1d(4)]
    return nn.Sequential(*block(1, 32, 80, 8), *block(32, 32, 3, 1), *block(32, 64, 3, 1), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(64, 10))


class Recurrent(nn.Module):
    """A recurrent text classifier; what it reads are embeddings."""

    def __init__(self, cell, last, **options):
        super().__init__()
        self.body = cell(16, 24, batch_first=True, **options)
        self.head = nn.Linear(24 * (2 if options.get("bidirectional") else 1), 5)
        self.last = last

    def forward(self, x):
        y, _ = self.body(x)
        return self.head(y[:, -1] if self.last else y.mean(1))


class Temporal(nn.Module):
    """A temporal convolutional network: dilated causal convolutions with weight normalisation."""

    def __init__(self, width=16):
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.layers = nn.ModuleList(norm(nn.Conv1d(width if i else 4, width, 3, padding=2 * 2**i, dilation=2**i)) for i in range(3))
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        for layer in self.layers:
            y = torch.relu(layer(x)[..., : x.shape[-1]])
            x = y + x if x.shape[1] == y.shape[1] else y
        return self.head(x[..., -1])


class Embedded(nn.Module):
    """A model of the transformers package that starts from embeddings."""

    def __init__(self, model, head=None):
        super().__init__()
        self.model, self.head = model, head

    def forward(self, x):
        found = self.model(inputs_embeds=x)
        return found.logits if self.head is None else self.head(found.last_hidden_state[:, -1])


def bert(attention):
    config = BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, num_labels=5, max_position_embeddings=32)
    config._attn_implementation = attention
    return Embedded(BertForSequenceClassification(config))


def distilbert():
    config = DistilBertConfig(vocab_size=50, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=32)
    config._attn_implementation = "eager"
    return Embedded(DistilBertModel(config), nn.Linear(32, 5))


def gpt2():
    config = GPT2Config(vocab_size=50, n_embd=32, n_layer=2, n_head=4, n_positions=32, use_cache=False)
    config._attn_implementation = "eager"
    return Embedded(GPT2Model(config), nn.Linear(32, 5))


class Encoder(nn.Module):
    """PyTorch's own transformer encoder."""

    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu")
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 5)

    def forward(self, x):
        return self.head(self.body(x).mean(1))


class SpectrogramCrnn(nn.Module):
    """Convolutions over a spectrogram, then a recurrence over time."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.GELU(), nn.MaxPool2d(2))
        self.body = nn.GRU(8 * 8, 24, batch_first=True)
        self.head = nn.Linear(24, 5)

    def forward(self, x):
        y = self.conv(x).permute(0, 3, 1, 2).flatten(2)
        return self.head(self.body(y)[0][:, -1])


def architectures():
    text = {"shape": (12, 16), "pixels": False}
    yield Architecture("audio-m5", audio, (1, 4000), pixels=False)
    yield Architecture("spectrogram-crnn", SpectrogramCrnn, (1, 16, 24), pixels=False)
    yield Architecture("tcn", Temporal, (4, 32), pixels=False)
    yield Architecture("lstm", lambda: Recurrent(nn.LSTM, True), **text)
    yield Architecture("lstm-bidirectional", lambda: Recurrent(nn.LSTM, False, num_layers=2, bidirectional=True), **text)
    yield Architecture("gru", lambda: Recurrent(nn.GRU, True), **text)
    yield Architecture("gru-bidirectional", lambda: Recurrent(nn.GRU, False, num_layers=2, bidirectional=True), **text)
    yield Architecture("rnn", lambda: Recurrent(nn.RNN, True), **text)
    yield Architecture("encoder", Encoder, (12, 16), pixels=False, least=14)
    yield Architecture("bert", lambda: bert("eager"), (12, 32), pixels=False, least=14)
    yield Architecture("bert-sdpa", lambda: bert("sdpa"), (12, 32), pixels=False, least=14)
    yield Architecture("distilbert", distilbert, (12, 32), pixels=False, least=14)
    yield Architecture("gpt2", gpt2, (12, 32), pixels=False, least=14)
