#!/usr/bin/env python3
"""Draw before, change and after from the files of an audit.

    pip install numpy pillow onnxruntime
    python picture.py RUN IMAGE OUT.png

RUN is the `--out` folder of an audit of the single image IMAGE. The names and confidences under the pictures
are what ONNX Runtime says about the audited file, asked here again, and the change is measured here again:
this script takes nothing but the adversarial image itself and the settings from RUN.
"""
import argparse
import json
import pathlib

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

PANEL, GAP, CAPTION = 288, 18, 62
INK, GREY, PAPER = (24, 24, 28), (104, 104, 112), (255, 255, 255)


def confidences(summary, x):
    """Softmax of the audited model for x [C, H, W] in input-scale units, after the audit's preprocessing."""
    session = onnxruntime.InferenceSession(summary["question"]["artefact"]["model"], providers=["CPUExecutionProvider"])
    settings = summary["question"]["artefact"]
    column = lambda values, default: np.array(values or [default], np.float32).reshape(-1, 1, 1)
    x = (x - column(settings.get("mean"), 0)) / column(settings.get("std"), 1)
    logits = session.run(None, {session.get_inputs()[0].name: x[None]})[0][0].astype(np.float64)
    exps = np.exp(logits - logits.max())
    return exps / exps.sum()


def panel(pixels):
    """An [H, W, 3] u8 array as a picture of the size shown."""
    return Image.fromarray(pixels).resize((PANEL, PANEL), Image.Resampling.BICUBIC)


def draw(panels, captions):
    """Pictures side by side, a title and a second line under each."""
    width = len(panels) * PANEL + (len(panels) - 1) * GAP
    sheet = Image.new("RGB", (width, PANEL + CAPTION), PAPER)
    pen = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(22), ImageFont.load_default(15)
    for i, (picture, (title, line)) in enumerate(zip(panels, captions)):
        left = i * (PANEL + GAP)
        sheet.paste(picture, (left, 0))
        pen.text((left + PANEL / 2, PANEL + 22), title, INK, font=large, anchor="mm")
        pen.text((left + PANEL / 2, PANEL + 47), line, GREY, font=small, anchor="mm")
    return sheet


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", type=pathlib.Path)
    p.add_argument("image", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    a = p.parse_args()
    summary = json.loads((a.run / "summary.json").read_text())
    found = np.load(a.run / "adversarial.npz")
    if len(found["sample"]) != 1:
        raise SystemExit(f"{a.run}: the audit of one image was expected, this one broke {len(found['sample'])} samples")
    top = summary["allowed"]["box"][1]
    before = np.asarray(Image.open(a.image).convert("RGB"))
    x = before.transpose(2, 0, 1).astype(np.float32) * np.float32(top / 255)
    x_adv = found["x_adv"][0].astype(np.float32).reshape(x.shape)
    delta, eps = x_adv.astype(np.float64) - x, summary["allowed"]["eps"]
    largest = np.abs(delta).max()
    if largest > eps * (1 + 1e-6) or x_adv.min() < 0 or x_adv.max() > top:
        raise SystemExit(f"{a.run}: the example is outside the ball: largest change {largest}, allowed {eps}")

    to_u8 = lambda image: image.transpose(1, 2, 0).round().clip(0, 255).astype(np.uint8)
    after = to_u8(x_adv * 255.0 / top)
    factor = round(127 / (eps * 255 / top))
    change = to_u8(127.5 + factor * delta * 255 / top)
    rounded = after.transpose(2, 0, 1).astype(np.float32) * np.float32(top / 255)
    classes = summary["classes"]
    captions, report = [], []
    for name, image in (("before", x), ("after", x_adv), ("after, as 8-bit PNG", rounded)):
        p_class = confidences(summary, image)
        best = int(p_class.argmax())
        sure = "over 99.9" if p_class[best] > 0.9995 else f"{100 * p_class[best]:.1f}"
        captions.append((classes[best], f"{sure} % sure"))
        report.append(f"{name}: {classes[best]} {100 * p_class[best]:.2f} %")
    change_caption = (f"the change, {factor} times", f"no pixel changes by more than {largest * 255 / top:.3g} of 255")
    a.out.parent.mkdir(parents=True, exist_ok=True)
    sheet = draw([panel(before), panel(change), panel(after)], [captions[0], change_caption, captions[1]])
    sheet.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(a.out, optimize=True)
    print("; ".join(report) + f"; largest change {largest:.6g}; {a.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
