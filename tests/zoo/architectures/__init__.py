"""The architectures of the zoo, by family."""

import importlib

FAMILIES = ["transformer", "sequence", "tabular", "foreign", "modern", "dense", "convolutional", "small"]


def all_architectures():
    return [architecture for family in FAMILIES for architecture in importlib.import_module(f"architectures.{family}").architectures()]
