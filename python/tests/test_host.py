"""Python objects as models: functions, objects with `logits` and `vjp`, torch modules through autograd."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import brinell

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(12, 5)).astype(np.float32)


def linear(x: Any) -> Any:
    """Scores of a linear model, row by row, so that they do not depend on the batch."""
    return np.stack([row.reshape(-1) @ WEIGHTS for row in x]) if len(x) else np.empty((0, 5), np.float32)


def predicted(x: Any) -> Any:
    return linear(x).argmax(1)


class Differentiable:
    def logits(self, x: Any) -> Any:
        return linear(x)

    def vjp(self, x: Any, w: Any) -> Any:
        return linear(x), (w @ WEIGHTS.T).reshape(x.shape)


X = RNG.uniform(0.2, 0.8, size=(30, 3, 4)).astype(np.float32)
Y = predicted(X)


def exact() -> Any:
    """`[n]`: the smallest eps in Linf that changes the answer of the linear model, in closed form."""
    z = linear(X)
    nearest = np.full(len(X), np.inf)
    for k in range(5):
        weights = np.abs(WEIGHTS[:, [k]] - WEIGHTS).sum(0)
        for i in np.flatnonzero(Y == k):
            others = np.arange(5) != k
            nearest[i] = ((z[i, k] - z[i, others]) / weights[others]).min()
    return nearest


def audit(model: Any, **more: Any) -> brinell.Result:
    return brinell.audit(model, X, Y, **{"eps": 0.05, "progress": False, **more})


def test_an_object_with_a_gradient_is_broken_where_the_closed_form_says() -> None:
    result = audit(Differentiable(), suite="fast")
    found = exact()
    assert 3 < (found < 0.05).sum() < 27
    np.testing.assert_array_equal(result.broken, found < 0.05)
    assert [flag.id for flag in result.flags if flag.id == "no-file"]
    assert all(stage["backwards"] for stage in result.stages[:1])


def test_functions_are_attacked_through_scores_and_through_labels() -> None:
    found = exact()
    scores = audit(linear, attack="square:queries=500")
    assert not scores.broken[found > 0.05].any()
    assert scores.broken[found < 0.03].mean() > 0.8
    labels = audit(predicted, outputs="labels", classes=list("abcde"), attack="hopskipjump", max_queries=500)
    assert not labels.broken[found > 0.05].any()
    assert labels.broken.any()
    # What needs a gradient gives way to what needs scores, with a flag.
    assert "no-gradient" in [flag.id for flag in audit(linear, suite="fast", max_queries=100, limit=4).flags]


def test_preprocessing_stands_before_the_function() -> None:
    plain = audit(Differentiable(), attack="pgd:steps=5")
    moved = audit(_Scaled(), attack="pgd:steps=5", mean=0.5, std=0.25)
    np.testing.assert_array_equal(plain.broken, moved.broken)


class _Scaled:
    """The same model, of inputs that were normalised."""

    def logits(self, x: Any) -> Any:
        return linear(x * np.float32(0.25) + np.float32(0.5))

    def vjp(self, x: Any, w: Any) -> Any:
        return self.logits(x), 0.25 * (w @ WEIGHTS.T).reshape(x.shape)


class _Counting:
    """Fails at the call number `at`."""

    def __init__(self, at: int) -> None:
        self.calls, self.at = 0, at

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        if self.calls == self.at:
            raise ZeroDivisionError("at last")
        return linear(x)


def _in_place(x: Any) -> Any:
    x += 1
    return linear(x)


@pytest.mark.parametrize(
    ("model", "more", "said"),
    [
        (_in_place, {}, "changes its input"),
        (lambda x: linear(x)[:-1], {}, "where [n, K] scores are due"),
        (predicted, {}, "give outputs='labels'"),
        (linear, {"outputs": "labels"}, "give outputs='scores'"),
        (lambda x: np.array([["a"] * 5] * len(x)), {}, "not numbers"),
        (lambda x: None, {}, "returns nothing"),
        (lambda x: linear(x)[:, :1], {}, "one score for each sample"),
        (lambda x: linear(x)[:, : 5 if len(x) > 4 else 4], {}, "where (1, 5) is due"),
        (linear, {"via": "autograd"}, "needs a torch module"),
        (linear, {"via": "magic"}, "via is 'onnx' or 'autograd'"),
        (lambda x: predicted(x) + 40 * (len(x) < 8), {"outputs": "labels", "classes": list("abcde")}, "from 0 to 4"),
    ],
)
def test_what_a_function_does_wrong_is_said(model: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(brinell.UsageError) as raised:
        audit(model, attack="square:queries=20", **more)
    assert said in str(raised.value)


def test_what_a_function_raises_is_raised_and_the_run_goes_on_later(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(ZeroDivisionError, match="at last"):
        audit(_Counting(30), attack="square:queries=100", folder=folder)
    resumed = audit(_Counting(10**9), attack="square:queries=100", folder=folder, resume=True)
    assert resumed == audit(_Counting(10**9), attack="square:queries=100")


def test_a_function_that_answers_differently_is_unreliable() -> None:
    noise = np.random.default_rng(1)
    with pytest.raises(brinell.UnreliableError):
        audit(lambda x: linear(x) + noise.normal(size=(len(x), 5)), attack="square:queries=10", strict=True)


def test_shards_make_the_run_of_one_machine(model: pathlib.Path, images: Any, labels: Any, tmp_path: pathlib.Path) -> None:
    settings: dict[str, Any] = {"eps": "0.05", "attack": "pgd:steps=5", "runtime": "rten", "progress": False}
    whole = brinell.audit(model, images, labels, **settings)
    shards = [brinell.audit_shard(f"{i}/3", model, images, labels, folder=tmp_path / f"s{i}", **settings) for i in range(3)]
    assert brinell.merge(shards, folder=tmp_path / "all", progress=False) == whole
    with pytest.raises(brinell.UsageError, match="1 of 3 shards are missing: 2/3"):
        brinell.merge(shards[:2], folder=tmp_path / "some", progress=False)
    with pytest.raises(brinell.UsageError, match="merge"):
        brinell.load(shards[0])


def test_a_torch_module_through_autograd_is_as_weak_as_its_export(tmp_path: pathlib.Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 12), torch.nn.ReLU(), torch.nn.Linear(12, 5)).eval()
    with torch.no_grad():
        net[1].weight.copy_(torch.eye(12) + 0.1 * net[1].weight)
        net[3].weight.copy_(torch.from_numpy(WEIGHTS.T))
        y = net(torch.from_numpy(X)).argmax(1).numpy()
    settings: dict[str, Any] = {"eps": 0.05, "suite": "fast", "progress": False}
    own = brinell.audit(net, X, y, via="autograd", **settings)
    export = brinell.audit(net, X, y, **settings)
    assert 0 < own.broken.sum() < len(X)
    np.testing.assert_array_equal(own.broken, export.broken)
    assert all(parameter.grad is None for parameter in net.parameters())
    assert torch.is_grad_enabled()


def test_what_a_torch_module_must_not_be_is_said() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5)).eval()
    y = net(torch.from_numpy(X)).argmax(1).numpy()

    class Detached(torch.nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any) -> Any:
            return net(x.detach())

    for model, said in [
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5)).train(), "training mode"),
        (Detached().eval(), "detached"),
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 5), torch.nn.Softmax(1)).eval(), "probabilities"),
    ]:
        with pytest.raises(brinell.UsageError, match=said):
            brinell.audit(model, X, y, eps=0.05, via="autograd", attack="pgd:steps=2", progress=False)
