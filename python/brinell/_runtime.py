"""ONNX Runtime out of its Python package, without importing it."""

from __future__ import annotations

import importlib.util
import os
import pathlib

from . import _native
from ._errors import UsageError

_used_by: int | None = None


def find() -> None:
    """Tells the native part which library this interpreter would import, where there is one.

    Raises:
        UsageError: the process was forked after models had run in it; the threads that ran them are not in the copy, which would wait for ever.
    """
    global _used_by
    if _used_by not in (None, os.getpid()):
        raise UsageError("this process was forked after models had run in it; start processes with multiprocessing's method `spawn`")
    _used_by = os.getpid()
    try:
        spec = importlib.util.find_spec("onnxruntime")
    except (ImportError, ValueError):
        return
    for folder in (spec.submodule_search_locations or []) if spec else []:
        _native.look_in(pathlib.Path(folder) / "capi")
