"""What an architecture of the zoo is."""

import dataclasses
from typing import Callable

import torch


@dataclasses.dataclass
class Architecture:
    """A model to be exported.

    shape: of one sample; pixels: inputs in 0..1 rather than normal; least: the oldest opset that the TorchScript exporter can write it in;
    fixed: exported with a batch of 1; exports: (exporter, opset) pairs where they are not the usual ones; write: gives the bytes of the
    model where torch.onnx does not; widen: gives the model in f64 where `double` does not; small: one of those that are kept in the
    repository.
    """

    name: str
    build: Callable[[], torch.nn.Module]
    shape: tuple[int, ...] = (3, 64, 64)
    pixels: bool = True
    least: int = 11
    fixed: bool = False
    exports: tuple = ()
    write: Callable[[torch.nn.Module, int], bytes] | None = None
    widen: Callable[[torch.nn.Module], torch.nn.Module] | None = None
    small: bool = False

    def input(self, n, generator):
        draw = torch.rand if self.pixels else torch.randn
        return draw(n, *self.shape, generator=generator)
