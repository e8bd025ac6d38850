"""What an audit found."""

from __future__ import annotations

import functools
import json
import pathlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _native, _plot
from ._errors import raising


class Rate(float):
    """A proportion with its exact (Clopper-Pearson) interval: `k` of `n` samples."""

    k: int
    n: int
    low: float
    high: float
    confidence: float

    def __new__(cls, value: float, k: int, n: int, low: float, high: float, confidence: float) -> Rate:
        rate = super().__new__(cls, value)
        rate.k, rate.n, rate.low, rate.high, rate.confidence = k, n, low, high, confidence
        return rate

    def __getnewargs__(self) -> tuple[float, int, int, float, float, float]:  # type: ignore[override]
        return float(self), self.k, self.n, self.low, self.high, self.confidence

    def __repr__(self) -> str:
        return f"{float(self):.3f} [{self.low:.3f}, {self.high:.3f}] ({self.k} of {self.n})"

    __str__ = __repr__


@dataclass(frozen=True)
class Flag:
    """Something about a run that its reader has to know. A flag of severity `blocking` makes its figures unreliable."""

    id: str
    severity: str
    message: str
    docs: str = ""

    @property
    def blocking(self) -> bool:
        """True where the figures are unreliable."""
        return self.severity == "blocking"


class Result:
    """A finished run, as `brinell.audit` and `brinell.load` return it.

    It reads the files of `folder`. A run in a temporary folder is deleted with the last reference to its result; `save` keeps it. Two results are equal
    where every sample ended alike: same outcome, attack, distance and queries.
    """

    def __init__(self, folder: str | pathlib.Path, *, temporary: bool = False) -> None:
        self.folder = pathlib.Path(folder)
        """Folder of the run, with `report.html`, `record.jsonl`, `adversarial.npz` and `summary.json`."""
        with raising():
            summary, samples = _native.load(self.folder)
        self.summary: dict[str, Any] = json.loads(summary)
        """The content of `summary.json`."""
        self._samples: list[dict[str, Any]] = json.loads(samples)
        self._temporary = weakref.finalize(self, shutil.rmtree, str(self.folder), ignore_errors=True) if temporary else None

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.summary["data"]["n"])

    @property
    def robust_accuracy(self) -> Rate:
        """Share of samples that are answered right, and stay right under every attack that was run: an upper bound of the true robust accuracy."""
        return self._rate("robust_accuracy", self.summary["survived"])

    @property
    def clean_accuracy(self) -> Rate:
        """Share of samples that are answered right unchanged."""
        return self._rate("clean_accuracy", self.summary["clean_correct"])

    def _rate(self, name: str, k: int) -> Rate:
        rate = self.summary[name]
        return Rate(rate["value"], k, self.n, rate["low"], rate["high"], rate["confidence"])

    @property
    def samples(self) -> list[dict[str, Any]]:
        """The lines of `record.jsonl`, by sample."""
        return [dict(sample) for sample in self._samples]

    @property
    def numbers(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """`[n]`: the number of each sample in the data, counted from 0. `limit` takes samples from all over the data, so `survived[i]`, `broken[i]` and
        `norms[i]` are about `x[numbers[i]]`."""
        return np.array([sample["sample"] for sample in self._samples], dtype=np.int64)

    @property
    def survived(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """`[n]`: the samples that no attack broke, in the order of `numbers`."""
        return self._outcome("survived")

    @property
    def broken(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """`[n]`: the samples that an attack broke, in the order of `numbers`. What was answered wrong unchanged neither survived nor was broken."""
        return self._outcome("broken")

    def _outcome(self, outcome: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.array([sample["outcome"] == outcome for sample in self._samples], dtype=np.bool_)

    @functools.cached_property
    def _examples(self) -> Mapping[str, np.ndarray[Any, Any]]:
        path = self.folder / "adversarial.npz"
        if not path.is_file():
            return {}
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}

    @property
    def x_adv(self) -> np.ndarray[Any, Any]:
        """`[k, ..]`: an adversarial example for each broken sample, in the units of the data, in the order of `x_adv_samples`."""
        return self._examples.get("x_adv", np.empty((0, *self.summary["data"]["shape"]), dtype=np.float32))

    @property
    def x_adv_samples(self) -> np.ndarray[Any, Any]:
        """`[k]`: the numbers of the samples that the examples in `x_adv` belong to."""
        return self._examples.get("sample", np.empty(0, dtype=np.int64))

    @property
    def norms(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """`[n]`: distance of the adversarial example from its sample in the norm of the audit, in the order of `numbers`; NaN where there is none."""
        return np.array([sample.get("norm", np.nan) if sample.get("norm") is not None else np.nan for sample in self._samples], dtype=np.float64)

    @property
    def flags(self) -> list[Flag]:
        """What a reader of the figures has to know."""
        return [Flag(flag["id"], flag["severity"], flag["message"], flag.get("docs", "")) for flag in self.summary["flags"]]

    @property
    def blocking(self) -> list[Flag]:
        """The flags that make the figures unreliable."""
        return [flag for flag in self.flags if flag.blocking]

    @property
    def stages(self) -> list[dict[str, Any]]:
        """What each attack did to the samples that survived the attacks before it."""
        return [dict(stage) for stage in self.summary["stages"]]

    @property
    def curve(self) -> list[dict[str, Any]]:
        """Robust accuracy over radii, from the distances of the examples that were found."""
        return list(self.summary.get("curve", []))

    @property
    def per_class(self) -> list[dict[str, Any]]:
        """Clean and robust accuracy of each class."""
        return list(self.summary.get("per_class", []))

    def plot(self, ax: Any = None) -> Any:
        """Draws robust accuracy over the radius, with its 95 % interval, into `ax` or a new figure, and returns the axes; needs matplotlib.

        The curve comes from the distances of the examples that were found, as in the report: an audit at a smaller radius may find more.
        """
        return _plot.curve(self.curve, str(self.summary["model"]["name"]), ax)

    def show(self) -> None:
        """Opens the report in the browser."""
        import webbrowser

        webbrowser.open(self.report.resolve().as_uri())

    @property
    def model_sha256(self) -> str:
        """Digest of the file that was judged."""
        return str(self.summary["model"]["sha256"])

    @property
    def digest(self) -> str:
        """SHA-256 over what was decided about each sample, by sample: equal for equal questions, whatever the batch, the threads or the interruptions."""
        import hashlib

        lines = sorted(self._samples, key=lambda sample: sample["sample"])
        return hashlib.sha256("\n".join(json.dumps(line, sort_keys=True) for line in lines).encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Result) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def to_pandas(self) -> Any:
        """Returns the samples as a pandas data frame; needs pandas."""
        import pandas  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return pandas.DataFrame(self._samples)

    def to_polars(self) -> Any:
        """Returns the samples as a polars data frame; needs polars."""
        import polars  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return polars.DataFrame(self._samples)

    @property
    def report(self) -> pathlib.Path:
        """The self-contained page of the run."""
        return self.folder / "report.html"

    def save(self, folder: str | pathlib.Path) -> Result:
        """Copies the run to a folder that does not exist yet, and returns the result there."""
        shutil.copytree(self.folder, folder)
        return Result(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        files = {path.name: path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file()}
        return _restored, (files,)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        threat = self.summary["question"]["threat"]
        yield f"{self.summary['model']['name']}, {threat['norm']}, eps {threat.get('eps', 'any')}, {self.n} samples"
        yield f"robust accuracy {self.robust_accuracy}"
        yield f"clean accuracy  {self.clean_accuracy}"
        for flag in self.flags:
            yield f"{flag.severity}: {flag.message} [{flag.id}]"

    def _repr_html_(self) -> str:
        import html

        def bar(rate: Rate) -> str:
            low, high, value = 100 * rate.low, 100 * rate.high, 100 * rate
            return (
                '<div style="position:relative;width:16em;height:.9em;background:#8883;border-radius:2px">'
                f'<div style="position:absolute;left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%;height:100%;background:#4a7bb566"></div>'
                f'<div style="position:absolute;left:calc({value:.1f}% - 1px);width:2px;height:100%;background:#1f4e8c"></div></div>'
            )

        threat = self.summary["question"]["threat"]
        rows = "".join(
            f'<tr><th style="text-align:left">{name}</th><td>{bar(rate)}</td><td>{100 * rate:.1f} % [{100 * rate.low:.1f}, {100 * rate.high:.1f}], '
            f"{rate.k} of {rate.n}</td></tr>"
            for name, rate in (("robust accuracy", self.robust_accuracy), ("clean accuracy", self.clean_accuracy))
        )
        flags = "".join(f"<li><b>{html.escape(flag.severity)}</b>: {html.escape(flag.message)}</li>" for flag in self.flags)
        title = f"{self.summary['model']['name']}, {threat['norm']}, eps {threat.get('eps', 'any')}"
        return f"<div><b>{html.escape(title)}</b><table>{rows}</table><ul>{flags}</ul></div>"


def _restored(files: dict[str, bytes]) -> Result:
    """Puts a pickled run into a temporary folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="brinell-"))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Result(folder, temporary=True)
