"""What schedules share: an optimiser, its rates without the schedule, and the number of steps taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.extending import Answering, describe, spelt
from ..base.arguments import checked_factor
from ..optim.optimizer import Optimizer

__all__ = ["Schedule", "checked_factor", "checked_steps"]


class Schedule(Answering):
    """The base class of schedules: an optimiser, its rates without the schedule, and the number of steps taken.

    Raises `KindError` for what is not an optimiser.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import Schedule
    >>> class Halving(Schedule):
    ...     def _rate(self, base, t):
    ...         return base / 2**t
    >>> schedule = Halving(SGD([Value(1.0)], lr=0.1))
    >>> schedule.step()
    >>> schedule.optimizer.lr, schedule
    (0.05, Halving(lr=0.05, t=1))
    """

    _remembered: ClassVar[tuple[str, ...]] = ("t", "bases")
    mode: str | None = None

    @spelt
    def __init__(self, optimizer: Optimizer, every: str = "epoch") -> None:
        name = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise KindError(
                f"{name} sets the learning rate of an optimiser; given {describe(optimizer)}. "
                f"Write {name}(optimizer, ...)"
            )
        if every not in ("epoch", "batch"):
            raise RangeError(f"{name} steps every 'epoch' or every 'batch'; given every={every!r}")
        self.optimizer = optimizer
        self.every = every
        self.t = 0
        self._link = optimizer._rates.join(self, optimizer.param_groups)
        self._set()

    @property
    def bases(self) -> list[float]:
        """The rates of the groups of the optimiser without its schedules."""
        return list(self.optimizer._rates.bases)

    def _rate_of_group(self, i: int, base: float) -> float:
        """The present rate of group `i`, if it is `base` without this schedule."""
        return self._rate(base, self.t)

    def _rate(self, base: float, t: int) -> float:
        raise NotImplementedError(
            f"{type(self).__name__} does not say what the rate is: write _rate(self, base, t)"
        )

    def _set(self) -> None:
        self.optimizer._rates.write(self.optimizer.param_groups)

    def step(self, metric: float | None = None) -> None:
        """One step, after an epoch (or batch): set the new rates."""
        self.t += 1
        self._set()

    def state_dict(self) -> dict[str, Any]:
        """The number of steps and the base rates.

        >>> from chainrule.autograd import Value
        >>> from chainrule.nn import SGD
        >>> from chainrule.nn.schedules import ExponentialDecay
        >>> ExponentialDecay(SGD([Value(1.0)], lr=0.1), gamma=0.5).state_dict()
        {'t': 0, 'bases': [0.1]}
        """
        found = {name: getattr(self, name) for name in self._remembered}
        return {name: list(value) if isinstance(value, list) else value for name, value in found.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()`, and set the rates.

        The state of the optimiser can be loaded before or after. Raises `ShapeError` for a state of another schedule or
        other groups; then nothing is loaded.
        """
        self._check_state(state)
        plain = {name: np.asarray(value).tolist() for name, value in state.items()}  # from any kind of array
        bases = plain.pop("bases")
        vars(self).update(plain)
        self.optimizer._rates.resume(bases, self.optimizer.param_groups)

    def __setstate__(self, state: dict[str, Any]) -> None:  # called for copies and pickles
        vars(self).update(state)
        self._link.follow(self)

    def _check_state(self, state: Mapping[str, Any]) -> None:
        own = Schedule.state_dict(self)
        faults = [f"{name!r} is missing" for name in own if name not in state]
        faults += [f"{name!r} is not known here" for name in state if name not in own]
        for name in own.keys() & state.keys():
            try:
                found, mine = np.asarray(state[name]), np.asarray(own[name])
            except ValueError:
                faults.append(f"{name!r} is {describe(state[name])}")
                continue
            if found.shape != mine.shape:
                faults.append(f"{name!r} has shape {found.shape}, and {mine.shape} here")
            elif found.dtype.kind not in ("iu" if mine.dtype.kind == "i" else "fiu"):
                faults.append(f"{name!r} is of dtype {found.dtype}, and {mine.dtype} here")
            elif name != "best" and not (np.isfinite(found) & (found >= 0)).all():
                faults.append(f"{name!r} is {state[name]}")
        if faults:
            raise ShapeError(
                f"this state does not belong to {self!r}, and nothing of it was loaded: {'; '.join(sorted(faults))}. "
                f"Make the schedule as it was when its state was taken"
            )

    def __repr__(self) -> str:
        rates = ", ".join(f"{group['lr']:.4g}" for group in self.optimizer.param_groups)
        return f"{type(self).__name__}(lr={rates}, t={self.t})"


@spelt
def checked_steps(name: str, value: Any, low: int) -> int:
    """A whole number of steps, `low` or more."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise KindError(f"{name} is a whole number of steps; given {describe(value)}")
    if value < low:
        raise RangeError(f"{name} is {low} or more; given {value}")
    return int(value)
