"""The rate along a curve: half a cosine, or a straight line."""

from __future__ import annotations

import math

from ...autograd import RangeError
from ...autograd.extending import spelt
from ..base.arguments import flag
from ..optim.optimizer import Optimizer
from .schedule import Schedule, checked_factor, checked_steps

__all__ = ["Cosine", "Linear"]


class Cosine(Schedule):
    """Half a cosine from the rate down to `eta_min` in `T_max` epochs (CosineAnnealingLR).

    Afterwards it rises again in the same way, as in PyTorch. With `restarts=True` it jumps back to the rate instead,
    and each round is `T_mult` times as long as the round before (CosineAnnealingWarmRestarts).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import Cosine
    >>> schedule = Cosine(SGD([Value(1.0)], lr=1.0), T_max=2, restarts=True)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(round(schedule.optimizer.lr, 6))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.5]
    """

    @spelt
    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        restarts: bool = False,
        T_mult: int = 1,
        *,
        every: str = "epoch",
    ) -> None:
        self.T_max = checked_steps("T_max", T_max, 1)
        self.T_mult = checked_steps("T_mult", T_mult, 1)
        self.eta_min = checked_factor("eta_min", eta_min)
        self.restarts = flag("restarts", restarts)
        if self.T_mult > 1 and not restarts:
            raise RangeError(
                f"T_mult={T_mult} is how much longer each round is; write restarts=True for rounds"
            )
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        length = self.T_max
        while self.restarts and t >= length:
            t, length = t - length, length * self.T_mult
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * t / length)) / 2


class Linear(Schedule):
    """A straight line from `start_factor` to `end_factor` times the rate, in `total_iters` steps (LinearLR).

    `nn.Linear` is a layer.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import Linear
    >>> schedule = Linear(SGD([Value(1.0)], lr=1.0), start_factor=1.0, end_factor=0.0, total_iters=4)
    >>> schedule.step()
    >>> schedule.optimizer.lr
    0.75
    """

    @spelt
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        *,
        every: str = "epoch",
    ) -> None:
        self.start_factor = checked_factor("start_factor", start_factor)
        self.end_factor = checked_factor("end_factor", end_factor)
        self.total_iters = checked_steps("total_iters", total_iters, 1)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        done = min(t / self.total_iters, 1)
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)
