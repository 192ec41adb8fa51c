"""The rate times a factor: after every step, after some steps, or for the first steps."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd.extending import spelt
from ..optim.optimizer import Optimizer
from .schedule import Schedule, checked_factor, checked_steps

__all__ = ["Constant", "ExponentialDecay", "StepDecay"]


class ExponentialDecay(Schedule):
    """The rate times `gamma` after every epoch: `base * gamma**t` (PyTorch's ExponentialLR).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import ExponentialDecay
    >>> schedule = ExponentialDecay(SGD([Value(1.0)], lr=0.1), gamma=0.5)
    >>> schedule.step()
    >>> schedule.step()
    >>> schedule.optimizer.lr
    0.025
    """

    @spelt
    def __init__(self, optimizer: Optimizer, gamma: float, *, every: str = "epoch") -> None:
        self.gamma = checked_factor("gamma", gamma)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        return base * self.gamma**t


class StepDecay(Schedule):
    """The rate times `gamma` after every `step_size` epochs, or after each in a list of epochs (StepLR, MultiStepLR).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import StepDecay
    >>> schedule = StepDecay(SGD([Value(1.0)], lr=0.5), step_size=[1, 3])
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(round(schedule.optimizer.lr, 6))
    ...     schedule.step()
    >>> rates
    [0.5, 0.05, 0.05, 0.005]
    """

    @spelt
    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int | Sequence[int],
        gamma: float = 0.1,
        *,
        every: str = "epoch",
    ) -> None:
        self.step_size = (
            sorted(checked_steps("each of step_size", each, 0) for each in step_size)
            if isinstance(step_size, (list, tuple))
            else checked_steps("step_size", step_size, 1)
        )
        self.gamma = checked_factor("gamma", gamma)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        steps = self.step_size
        return base * self.gamma ** (
            t // steps if isinstance(steps, int) else sum(step <= t for step in steps)
        )


class Constant(Schedule):
    """The rate times `factor` for `total_iters` steps, then the rate itself (ConstantLR).

    `nn.init.constant` makes weights.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import Constant
    >>> Constant(SGD([Value(1.0)], lr=1.0), factor=0.5).optimizer.lr
    0.5
    """

    @spelt
    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, *, every: str = "epoch"
    ) -> None:
        self.factor = checked_factor("factor", factor)
        self.total_iters = checked_steps("total_iters", total_iters, 0)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        return base * self.factor if t < self.total_iters else base
