"""A rate that is lowered when a metric no longer improves."""

from __future__ import annotations

import math
from typing import ClassVar

from ...autograd import KindError, RangeError
from ...autograd.extending import spelt
from ..base.arguments import one_number
from ..optim.optimizer import Optimizer
from .schedule import Schedule, checked_factor, checked_steps

__all__ = ["ReduceOnPlateau"]


class ReduceOnPlateau(Schedule):
    """The rate times `factor` when a metric has not improved for more than `patience` steps (ReduceLROnPlateau).

    The metric, such as the validation loss, is given to `step(metric)`. It improves when it is lower than the best one,
    or higher with `mode="max"`, by more than `threshold`: a share of the best one's absolute value, or an absolute
    margin with `threshold_mode="abs"`. NaN is no improvement. After the rate was lowered, `cooldown` steps are not
    counted. Rates do not fall below `min_lr`, nor by less than `eps`.

    Raises `KindError` for a step without a metric.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import ReduceOnPlateau
    >>> schedule = ReduceOnPlateau(SGD([Value(1.0)], lr=1.0), patience=1)
    >>> for loss in [0.5, 0.4, 0.4, 0.4]:
    ...     schedule.step(loss)
    >>> schedule.optimizer.lr
    0.1
    """

    _remembered: ClassVar = ("t", "bases", "factors", "best", "bad", "cooling")

    @spelt
    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
        *,
        every: str = "epoch",
    ) -> None:
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise RangeError(
                f"mode is 'min' or 'max' and threshold_mode 'rel' or 'abs'; given {mode!r} and {threshold_mode!r}"
            )
        self.mode = mode
        self.factor = checked_factor("factor", factor)
        if self.factor >= 1:
            raise RangeError(f"factor makes the rate smaller, so it is below 1; given {factor}")
        self.patience = checked_steps("patience", patience, 0)
        self.threshold = checked_factor("threshold", threshold)
        self.threshold_mode = threshold_mode
        self.cooldown = checked_steps("cooldown", cooldown, 0)
        self.min_lr = checked_factor("min_lr", min_lr)
        self.eps = checked_factor("eps", eps)
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = 0  # steps since the last improvement
        self.cooling = 0  # steps that are not counted yet
        self.factors: list[float] = []  # the product of all factors so far, for each group
        super().__init__(optimizer, every)

    def _rate_of_group(self, i: int, base: float) -> float:
        """The rate as lowered so far; a group that is added later gets the factor of the first group."""
        if i == len(self.factors):
            self.factors.append(self.factors[0] if self.factors else 1.0)
        return base * self.factors[i]

    def _improves(self, metric: float) -> bool:
        best, higher = self.best, self.mode == "max"
        if math.isfinite(best):  # a margin is needed
            if self.threshold_mode == "abs":
                best += self.threshold if higher else -self.threshold
            else:
                best *= 1 + self.threshold if higher == (best > 0) else 1 - self.threshold
        return metric > best if higher else metric < best

    def step(self, metric: float | None = None) -> None:
        """Compare the metric with the best one, and lower the rates if it has not improved for too long."""
        if metric is None:
            raise KindError(
                "ReduceOnPlateau watches a metric and was given none: write schedule.step(validation_loss)"
            )
        metric = one_number(metric, "the metric that ReduceOnPlateau watches")
        self.t += 1
        self.bad += 1
        if self._improves(metric):
            self.best, self.bad = metric, 0
        if self.cooling:
            self.cooling -= 1
            self.bad = 0
        if self.bad > self.patience:
            for i, group in enumerate(self.optimizer.param_groups):
                rate = group["lr"]
                lower = max(rate * self.factor, self.min_lr)
                if rate - lower > self.eps:
                    self.factors[i] *= lower / rate if lower == self.min_lr else self.factor
            self.bad, self.cooling = 0, self.cooldown
        self._set()
