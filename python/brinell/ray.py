"""Audits on a Ray cluster: `brinell.ray.audit(model, x, y, eps=.., shards=16)` divides the samples among tasks and merges what they find."""

from __future__ import annotations

import io
import os
import pathlib
import shutil
import tarfile
import tempfile
from typing import Any

import numpy as np

from . import _data, _models
from ._audit import Path, audit_shard, merge
from ._errors import UsageError
from ._result import Result


def audit(
    model: Any,
    x: Any,
    y: Any = None,
    *,
    shards: int | None = None,
    num_cpus: float = 1,
    num_gpus: float = 0,
    folder: Path | None = None,
    shared: Path | None = None,
    mixed: bool = False,
    **settings: Any,
) -> Result:
    """Audits on the Ray cluster that is connected, or on one that is begun on this machine. Needs the package ray.

    The result equals that of `brinell.audit`. A task whose worker or node is lost is run again; a mistake in what was given ends all tasks at once.

    Args:
        model, x, y, settings: As in `brinell.audit`; a model of one file, or what one is made of.
        shards: Number of shards; by default four for each `num_cpus` of the cluster, at most one for each sample.
        num_cpus, num_gpus: What a task takes of the cluster. `threads` is `num_cpus` unless it is given.
        folder: Folder of the merged run; without it the run is deleted with the result.
        shared: A folder that all nodes can write: a task that is run again goes on where its predecessor stopped.
        mixed: Take nodes with other instructions, and flag it.
    """
    # Ray reports usage unless it is told not to before it is loaded.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray  # type: ignore[import-not-found,import-untyped,unused-ignore]

    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    samples = _data.array(x, "x")
    count = min(shards or max(1, int(4 * ray.cluster_resources().get("CPU", 1) / max(num_cpus, 1e-9))), max(1, len(samples)))  # type: ignore[no-untyped-call,unused-ignore]
    if count < 1:
        raise UsageError(f"an audit has at least one shard, not {shards}")
    settings = {"threads": max(1, int(num_cpus)), **settings}
    temporary = folder is None
    out = pathlib.Path(tempfile.mkdtemp(prefix="brinell-") if folder is None else folder)
    with tempfile.TemporaryDirectory(prefix="brinell-") as work:
        inputs = pathlib.Path(work)
        path = _models.artefact(model, samples, inputs)
        is_file = pathlib.Path(path).is_file()
        content = ray.put(pathlib.Path(path).read_bytes() if is_file else path)
        data, labels = ray.put(samples), ray.put(None if y is None else _data.array(y, "y"))
        # What a user did wrong is not cured by another try; a worker that is lost is no mistake.
        task = ray.remote(max_retries=-1, retry_exceptions=False, num_cpus=num_cpus, num_gpus=num_gpus, scheduling_strategy="SPREAD")(_shard)
        wanted = {task.remote(f"{i}/{count}", content, data, labels, settings, None if shared is None else os.fspath(shared)): i for i in range(count)}
        waiting = list(wanted)
        try:
            while waiting:
                done, waiting = ray.wait(waiting, num_returns=1)
                for one in done:
                    archive = ray.get(one)
                    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                        tar.extractall(inputs / f"shard-{wanted[one]}", filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(inputs / f"shard-{wanted[one]}")
        except ray.exceptions.RayTaskError as error:
            for one in waiting:
                ray.cancel(one, force=True)
            raise (error.cause if isinstance(error.cause, BaseException) else error) from None
        given: dict[str, Any] = {"model": path, "data": _data.write_samples(samples, inputs)}
        if y is not None:
            given["labels"] = _data.write_labels(y, len(samples), inputs)
        try:
            merged = merge([inputs / f"shard-{i}" for i in range(count)], folder=out, mixed=mixed, progress=False, **given)
        except Exception:
            if temporary:
                shutil.rmtree(out, ignore_errors=True)
            raise
    return Result(merged.folder, temporary=temporary)


def _shard(shard: str, model: bytes | str, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any] | None, settings: dict[str, Any], shared: str | None) -> bytes:
    """Audits one shard and returns the files of its folder."""
    with tempfile.TemporaryDirectory(prefix="brinell-") as work:
        out = pathlib.Path(work if shared is None else shared) / f"shard-{shard.replace('/', '-of-')}"
        audit_shard(shard, model, x, y, folder=out, **{"progress": False, **settings})
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name in ("run.json", "shard.json", "record.jsonl", "stages.jsonl", "found.bin"):
                tar.add(out / name, arcname=name)
        return packed.getvalue()
