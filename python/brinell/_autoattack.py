"""A class with the signature of auto-attack's, for code that was written for it."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from ._audit import audit
from ._errors import UsageError
from ._result import Result

_NORMS = {"linf": "linf", "l2": "l2", "l1": "l1"}


class AutoAttack:
    """Attacks a torch model like `autoattack.AutoAttack(model, norm, eps).run_standard_evaluation(x, y)`, and keeps the result.

    Args:
        model: A `torch.nn.Module` in evaluation mode, or a function of tensors, from inputs in 0..1 to logits.
        norm: `"Linf"`, `"L2"` or `"L1"`.
        eps: Radius.
        seed: Seed of all random numbers; 0 where `None`, so that two runs agree.
        verbose: Show progress.
        version: `"standard"`, the cascade of auto-attack, or the name of another suite.
        settings: Those of `brinell.audit` but for `limit`.

    Raises:
        UsageError: The norm is none of these, or there is a limit.
    """

    def __init__(
        self, model: Any, norm: str = "Linf", eps: float | str = 0.3, seed: int | None = None, verbose: bool = True, version: str = "standard", **settings: Any
    ) -> None:
        if norm.lower() not in _NORMS:
            raise UsageError(f"norm is 'Linf', 'L2' or 'L1', not {norm!r}")
        if settings.get("limit") is not None:
            raise UsageError("inputs beyond a limit would be returned unchanged, as if no attack broke them; pass fewer inputs to run_standard_evaluation")
        self.model = model
        self.settings = {"norm": _NORMS[norm.lower()], "eps": eps, "seed": seed or 0, "suite": version, "progress": verbose, **settings}
        self.result: Result | None = None
        """The result of the last evaluation."""

    def run_standard_evaluation(self, x_orig: Any, y_orig: Any, bs: int = 250, return_labels: bool = False) -> Any:
        """Returns the inputs with an adversarial example in the place of each that was broken, as a tensor like `x_orig`.

        With `return_labels` also the classes that the model takes them for. `bs` is the size of a batch.
        """
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(x_orig, torch.Tensor):
            raise UsageError("x_orig is a tensor of torch; use brinell.audit for arrays")
        model = self.model if isinstance(self.model, torch.nn.Module) else _module(torch, self.model)
        self.result = result = audit(model, x_orig, y_orig, via="autograd", **{"batch": bs, **self.settings})
        adversarial = x_orig.detach().clone()
        if len(result.x_adv_samples):
            places = torch.as_tensor(result.x_adv_samples, device=x_orig.device)
            adversarial[places] = torch.as_tensor(np.ascontiguousarray(result.x_adv)).to(dtype=x_orig.dtype, device=x_orig.device)
        if not return_labels:
            return adversarial
        said = [sample["adv_prediction"] if sample["outcome"] == "broken" else sample["prediction"] for sample in result.samples]
        return adversarial, torch.as_tensor(said, device=x_orig.device)


def _module(torch: Any, function: Any) -> Any:
    class Function(torch.nn.Module):  # type: ignore[misc,name-defined,unused-ignore]
        def forward(self, x: Any) -> Any:
            return function(x)

    return Function().eval()
