#!/usr/bin/env python3
"""Write a small table as Parquet, by pandas and Arrow: the columns of two kinds of floats, whole numbers, truth values and classes by name.

    python tests/golden/tables/generate.py            # needs pandas and pyarrow
"""
import hashlib
import json
import pathlib

import pandas
import pyarrow

HERE = pathlib.Path(__file__).resolve().parent


def main():
    table = pandas.DataFrame({
        "single": pandas.Series([0.1, 1 / 3, -2.5, 1e-7], dtype="float32"),
        "double": pandas.Series([0.1, 1 / 3, -2.5, 1e-7], dtype="float64"),
        "whole": pandas.Series([0, 1, -2, 16777216], dtype="int64"),
        "small": pandas.Series([0, 1, 2, 255], dtype="uint8"),
        "truth": [True, False, True, False],
        "class": ["no", "yes", "yes", "no"],
    })
    table.to_parquet(HERE / "snappy.parquet", index=False)
    table.to_parquet(HERE / "plain.parquet", index=False, compression=None)
    for compression in ["gzip", "zstd", "lz4", "brotli"]:
        table.to_parquet(HERE / f"{compression}.parquet", index=False, compression=compression)
    table.assign(single=[0.5, None, 1.0, 2.0]).to_parquet(HERE / "missing.parquet", index=False)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(HERE.glob("*.parquet"))}
    manifest = {"script": "generate.py", "pandas": pandas.__version__, "pyarrow": pyarrow.__version__, "files": files}
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
