#!/usr/bin/env python3
"""What numpy, scipy and PIL make of pictures: bit depth, median filters and JPEG.

    python tests/golden/defend/generate.py

Writes transforms.json: pictures as bytes [C, H, W], and for each transform the bytes or numbers that come out. Bit depth is
numpy's rint as in EvadeML's squeeze.py; medians are scipy.ndimage.median_filter with mode="reflect"; JPEG is PIL's save and open (libjpeg).

Needs: numpy, scipy, pillow.
"""
import hashlib
import io
import json
import pathlib

import numpy as np
import PIL
import scipy
from PIL import Image
from scipy import ndimage

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20261201


def picture(channels, height, width, rng):
    """Slopes, an edge, a disc and a little noise."""
    row, column = np.mgrid[0:height, 0:width]
    planes = []
    for channel in range(channels):
        plane = 90 + 60 * np.sin(row / (5.0 + channel)) + 2.0 * column
        plane = plane + 70 * (column > width // 2 + channel) - 50 * ((row - height / 2) ** 2 + (column - width / 3) ** 2 < (height / 4) ** 2)
        planes.append(plane + rng.normal(0, 4, plane.shape))
    return np.clip(np.rint(planes), 0, 255).astype(np.uint8)


def jpeg(picture, quality):
    image = Image.fromarray(picture[0]) if len(picture) == 1 else Image.fromarray(picture.transpose(1, 2, 0))
    held = io.BytesIO()
    image.save(held, "JPEG", quality=quality)
    found = np.asarray(Image.open(io.BytesIO(held.getvalue())))
    return found[None] if found.ndim == 2 else found.transpose(2, 0, 1)


def main():
    rng = np.random.default_rng(SEED)
    pictures = []
    for channels, height, width in [(1, 28, 28), (3, 37, 42), (3, 32, 48)]:
        x = picture(channels, height, width, rng)
        medians = {k: ndimage.median_filter(x, size=(1, k, k), mode="reflect").ravel().tolist() for k in (2, 3, 4, 5)}
        jpegs = {q: jpeg(x, q).ravel().tolist() for q in (10, 50, 75, 95)}
        pictures.append({"shape": list(x.shape), "bytes": x.ravel().tolist(), "median": medians, "jpeg": jpegs})
    # Halves among them, which go to the even step.
    values = np.concatenate([np.arange(0, 61) / 60.0, rng.random(40)]).astype(np.float32)
    bits = {b: (np.rint(values * np.float32(2**b - 1)) / np.float32(2**b - 1)).astype(np.float32).tolist() for b in (1, 2, 3, 5, 8)}
    text = json.dumps({"pictures": pictures, "values": values.tolist(), "bits": bits}, separators=(",", ":")) + "\n"
    (HERE / "transforms.json").write_text(text)
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "pillow": PIL.__version__}
    files = {"transforms.json": hashlib.sha256(text.encode()).hexdigest()}
    manifest = {"generator": "tests/golden/defend/generate.py", "seed": SEED, "versions": versions, "files": files}
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


main()
