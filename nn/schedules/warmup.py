"""A rate that grows at first; then another schedule continues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...autograd import RangeError
from ...autograd.extending import spelt
from ..optim.optimizer import Optimizer
from .schedule import Schedule, checked_factor, checked_steps

__all__ = ["Warmup"]


class Warmup(Schedule):
    """The rate grows linearly from `start_factor` times itself in `steps` steps; then another schedule continues.

    `schedule` is the other schedule: the rate grows to its first rate, and it steps from then on. Or it is an
    optimiser, whose other schedules step all the time. It is PyTorch's LinearLR followed by the other schedule, in a
    SequentialLR. `every` is that of the other schedule.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import ExponentialDecay, Warmup
    >>> schedule = Warmup(ExponentialDecay(SGD([Value(1.0)], lr=1.0), gamma=0.5), steps=2, start_factor=0.5)
    >>> rates = []
    >>> for epoch in range(5):
    ...     rates.append(round(schedule.optimizer.lr, 6))
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5, 0.25]
    """

    @spelt
    def __init__(
        self,
        schedule: Schedule | Optimizer,
        steps: int,
        start_factor: float = 1 / 3,
        *,
        every: str | None = None,
    ) -> None:
        self.steps = checked_steps("steps", steps, 1)
        self.start_factor = checked_factor("start_factor", start_factor)
        self.after = schedule if isinstance(schedule, Schedule) else None
        optimizer = schedule.optimizer if isinstance(schedule, Schedule) else schedule
        if self.after is not None and every not in (None, self.after.every):
            raise RangeError(
                f"the warm-up steps every {every!r} and {self.after!r} every {self.after.every!r}. Make two "
                f"schedules of the optimizer, Warmup(optimizer, ..., every={every!r}) and the other, and step both"
            )
        self.mode = None if self.after is None else self.after.mode
        super().__init__(optimizer, every or (self.after.every if self.after else "epoch"))

    def _rate(self, base: float, t: int) -> float:
        if t >= self.steps:
            return base
        return base * (self.start_factor + (1 - self.start_factor) * (t / self.steps))

    def step(self, metric: float | None = None) -> None:
        """One step, of the warm-up or of the schedule after it."""
        if self.t < self.steps or self.after is None:
            super().step(metric)
        else:
            self.t += 1
            self.after.step(metric)

    def state_dict(self) -> dict[str, Any]:
        """The states of the warm-up and of the schedule after it."""
        after = self.after.state_dict() if self.after else {}
        return {**super().state_dict(), **{f"after.{name}": value for name, value in after.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()`."""
        after = {name: v for name, v in state.items() if self.after and name.startswith("after.")}
        own = {name: v for name, v in state.items() if name not in after}
        self._check_state(own)
        if self.after:
            self.after.load_state_dict({name[len("after.") :]: v for name, v in after.items()})
        super().load_state_dict(own)
