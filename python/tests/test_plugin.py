"""The fixture passes, fails and is undecided."""

from __future__ import annotations

import pathlib

import pytest

pytest_plugins = ["pytester"]

TEST = """
import brinell, numpy, pathlib

def test_robust(brinell_robust):
    brinell_robust(brinell.load({folder!r}), at_least={bound})
"""


@pytest.mark.parametrize(
    ("bound", "options", "outcome"),
    [
        (0.01, [], "passed"),
        (0.99, [], "failed"),
        (0.6, [], "failed"),
        (0.6, ["--brinell-undecided=skip"], "skipped"),
        (0.6, ["--brinell-undecided=xfail"], "xfailed"),
    ],
)
def test_three_values(pytester: pytest.Pytester, robust_run: pathlib.Path, bound: float, options: list[str], outcome: str) -> None:
    pytester.makepyfile(TEST.format(folder=str(robust_run), bound=bound))
    pytester.runpytest_inprocess(*options, "--junitxml=out.xml").assert_outcomes(**{outcome: 1})
    assert "brinell.low" in (pytester.path / "out.xml").read_text()


@pytest.fixture
def robust_run(images: object, labels: object, model: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    import brinell

    robust = model.with_name("robust.onnx")
    result = brinell.audit(robust, images, labels, eps=0.1, attack="pgd:steps=5", runtime="rten", progress=False, folder=tmp_path / "run")
    assert result.robust_accuracy.low < 0.6 < result.robust_accuracy.high, result
    return tmp_path / "run"
