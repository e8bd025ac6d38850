"""Gates in pytest: a test on robust accuracy passes, fails or is undecided, as its interval says.

    def test_model_is_robust(brinell_robust):
        result = brinell.audit("model.onnx", x, y, eps="8/255", suite="fast", progress=False)
        brinell_robust(result, at_least=0.5)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._result import Result

_UNDECIDED = "brinell_undecided"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--brinell-undecided`."""
    parser.getgroup("brinell").addoption(
        "--brinell-undecided",
        dest=_UNDECIDED,
        choices=("fail", "xfail", "skip"),
        default="fail",
        help="what to do with a test if the interval of robust accuracy contains the bound (default: fail)",
    )


@pytest.fixture
def brinell_robust(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Returns `assert_robust(result, at_least)`.

    It passes where the whole interval of the robust accuracy is at or above the bound, fails where it is below or a blocking flag is raised, and is
    undecided else: `--brinell-undecided` says what becomes of it. Counts and interval become properties of the test.
    """

    def assert_robust(result: Result, at_least: float) -> None:
        rate = result.robust_accuracy
        for name, value in (("k", rate.k), ("n", rate.n), ("low", rate.low), ("high", rate.high)):
            record_property(f"brinell.{name}", value)
        if result.blocking:
            pytest.fail("the figures are unreliable: " + "; ".join(flag.message for flag in result.blocking), pytrace=False)
        if rate.high < at_least:
            pytest.fail(f"robust accuracy {rate} is below {at_least}", pytrace=False)
        if rate.low < at_least:
            text = f"undecided: robust accuracy {rate} has an interval that contains {at_least}; audit more samples"
            {"fail": lambda: pytest.fail(text, pytrace=False), "xfail": lambda: pytest.xfail(text), "skip": lambda: pytest.skip(text)}[
                request.config.getoption(_UNDECIDED)
            ]()

    return assert_robust
