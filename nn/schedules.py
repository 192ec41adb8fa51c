"""Schedules: how the learning rate of an optimiser changes while it trains.

The protocol, which `fit` uses and which a schedule of your own has to follow:

    schedule.optimizer           the optimiser whose rates it sets
    schedule.every               "epoch" or "batch": how often step() wants to be called
    schedule.step(metric=None)   go on by one, after the optimiser's own steps; only ReduceOnPlateau looks at the metric
    schedule.mode                of one that does, "min" or "max", the better metric; otherwise None, or no attribute
    schedule.state_dict()        plain numbers, and load_state_dict(state) to go on from them

A schedule that depends on the time alone says in `_rate(base, t)` what the rate is after `t` steps, where `base` is the
rate that the parameter group had in the beginning. It is set as soon as the schedule is made. Formulas and argument
names are PyTorch's, whose names for the schedules are given.

An optimiser can have several: `base` is then what the schedules made before it give, so that their factors multiply
(`rates.py`). They go on from a rate that is assigned meanwhile, and also change that of groups that are added later.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError
from .module import one_number
from .optim import Optimizer

__all__ = [
    "Constant",
    "Cosine",
    "ExponentialDecay",
    "Linear",
    "ReduceOnPlateau",
    "Schedule",
    "StepDecay",
    "Warmup",
]


class Schedule:
    """What schedules share: an optimiser, its rates without the schedule, and the number of steps taken.

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
        """The rates that the groups of the optimiser have without its schedules."""
        return list(self.optimizer._rates.bases)

    def _rate_of_group(self, i: int, base: float) -> float:
        """What the rate of group `i` is now, if it is `base` without this schedule."""
        return self._rate(base, self.t)

    def _rate(self, base: float, t: int) -> float:
        raise NotImplementedError(
            f"{type(self).__name__} does not say what the rate is: write _rate(self, base, t)"
        )

    def _set(self) -> None:
        self.optimizer._rates.write(self.optimizer.param_groups)

    def step(self, metric: float | None = None) -> None:
        """Go on by one epoch (or batch) and set the rates."""
        self.t += 1
        self._set()

    def state_dict(self) -> dict[str, Any]:
        """How far it has come, and from which rates.

        >>> from chainrule.autograd import Value
        >>> from chainrule.nn import SGD
        >>> from chainrule.nn.schedules import ExponentialDecay
        >>> ExponentialDecay(SGD([Value(1.0)], lr=0.1), gamma=0.5).state_dict()
        {'t': 0, 'bases': [0.1]}
        """
        found = {name: getattr(self, name) for name in self._remembered}
        return {name: list(value) if isinstance(value, list) else value for name, value in found.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave, and set the rates.

        The optimiser's own state can be loaded before or after. Raises `ShapeError` for a state of another schedule or
        other groups; nothing is loaded then.
        """
        self._check_state(state)
        plain = {name: np.asarray(value).tolist() for name, value in state.items()}  # wherever they have been
        bases = plain.pop("bases")
        vars(self).update(plain)
        self.optimizer._rates.resume(bases, self.optimizer.param_groups)

    def __setstate__(self, state: dict[str, Any]) -> None:  # of a copy, or a pickle
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


def _whole(name: str, value: Any, low: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise KindError(f"{name} is a whole number of steps; given {describe(value)}")
    if value < low:
        raise RangeError(f"{name} is {low} or more; given {value}")
    return int(value)


def _factor(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise KindError(f"{name} is a number; given {describe(value)}")
    if not 0 <= value < math.inf:
        raise RangeError(f"{name} is 0 or more; given {value}")
    return float(value)


class ExponentialDecay(Schedule):
    """`gamma` times the rate every epoch: `base * gamma**t` (PyTorch's ExponentialLR).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import ExponentialDecay
    >>> schedule = ExponentialDecay(SGD([Value(1.0)], lr=0.1), gamma=0.5)
    >>> schedule.step()
    >>> schedule.step()
    >>> schedule.optimizer.lr
    0.025
    """

    def __init__(self, optimizer: Optimizer, gamma: float, *, every: str = "epoch") -> None:
        self.gamma = _factor("gamma", gamma)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        return base * self.gamma**t


class StepDecay(Schedule):
    """`gamma` times the rate after every `step_size` epochs, or after each of a list of them (StepLR, MultiStepLR).

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

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int | Sequence[int],
        gamma: float = 0.1,
        *,
        every: str = "epoch",
    ) -> None:
        self.step_size = (
            sorted(_whole("each of step_size", each, 0) for each in step_size)
            if isinstance(step_size, (list, tuple))
            else _whole("step_size", step_size, 1)
        )
        self.gamma = _factor("gamma", gamma)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        steps = self.step_size
        return base * self.gamma ** (
            t // steps if isinstance(steps, int) else sum(step <= t for step in steps)
        )


class Cosine(Schedule):
    """Half a cosine from the rate down to `eta_min` in `T_max` epochs (CosineAnnealingLR).

    Afterwards it goes up again as slowly, as in PyTorch. With `restarts=True` it jumps up instead, and
    each round is `T_mult` times as long as the one before (CosineAnnealingWarmRestarts).

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
        self.T_max = _whole("T_max", T_max, 1)
        self.T_mult = _whole("T_mult", T_mult, 1)
        self.eta_min = _factor("eta_min", eta_min)
        self.restarts = restarts
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
    """From `start_factor` times the rate to `end_factor` times it, along a line of `total_iters` steps (LinearLR).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import Linear
    >>> schedule = Linear(SGD([Value(1.0)], lr=1.0), start_factor=1.0, end_factor=0.0, total_iters=4)
    >>> schedule.step()
    >>> schedule.optimizer.lr
    0.75
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        *,
        every: str = "epoch",
    ) -> None:
        self.start_factor = _factor("start_factor", start_factor)
        self.end_factor = _factor("end_factor", end_factor)
        self.total_iters = _whole("total_iters", total_iters, 1)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        done = min(t / self.total_iters, 1)
        return base * (self.start_factor + (self.end_factor - self.start_factor) * done)


class Constant(Schedule):
    """`factor` times the rate for `total_iters` steps, then the rate itself (ConstantLR).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import SGD
    >>> from chainrule.nn.schedules import Constant
    >>> Constant(SGD([Value(1.0)], lr=1.0), factor=0.5).optimizer.lr
    0.5
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5, *, every: str = "epoch"
    ) -> None:
        self.factor = _factor("factor", factor)
        self.total_iters = _whole("total_iters", total_iters, 0)
        super().__init__(optimizer, every)

    def _rate(self, base: float, t: int) -> float:
        return base * self.factor if t < self.total_iters else base


class Warmup(Schedule):
    """The rate grows along a line from `start_factor` times itself in `steps` steps; then another schedule goes on.

    `schedule` is that other one, towards whose first rate it grows and which steps from then on; or an optimiser, whose
    other schedules step all the time. It is PyTorch's LinearLR followed by the other, in a SequentialLR. `every` is
    that of the other schedule.

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

    def __init__(
        self,
        schedule: Schedule | Optimizer,
        steps: int,
        start_factor: float = 1 / 3,
        *,
        every: str | None = None,
    ) -> None:
        self.steps = _whole("steps", steps, 1)
        self.start_factor = _factor("start_factor", start_factor)
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
        """Go on by one, here or in the schedule that comes after."""
        if self.t < self.steps or self.after is None:
            super().step(metric)
        else:
            self.t += 1
            self.after.step(metric)

    def state_dict(self) -> dict[str, Any]:
        """How far this one and the other have come."""
        after = self.after.state_dict() if self.after else {}
        return {**super().state_dict(), **{f"after.{name}": value for name, value in after.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave."""
        after = {name: v for name, v in state.items() if self.after and name.startswith("after.")}
        own = {name: v for name, v in state.items() if name not in after}
        self._check_state(own)
        if self.after:
            self.after.load_state_dict({name[len("after.") :]: v for name, v in after.items()})
        super().load_state_dict(own)


class ReduceOnPlateau(Schedule):
    """`factor` times the rate when the metric has not improved for more than `patience` steps (ReduceLROnPlateau).

    The metric, such as the validation loss, goes to `step(metric)`; it improves by falling, or by rising with
    `mode="max"`, by more than `threshold`: relative to the best one, or absolute with `threshold_mode="abs"`.
    The margin is a share of the size of the best metric, so that metrics may be negative; NaN is no improvement. Then
    nothing is counted for `cooldown` steps. Rates do not fall below `min_lr`, nor by less than `eps`.

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
        self.factor = _factor("factor", factor)
        if self.factor >= 1:
            raise RangeError(f"factor makes the rate smaller, so it is below 1; given {factor}")
        self.patience = _whole("patience", patience, 0)
        self.threshold = _factor("threshold", threshold)
        self.threshold_mode = threshold_mode
        self.cooldown = _whole("cooldown", cooldown, 0)
        self.min_lr = _factor("min_lr", min_lr)
        self.eps = _factor("eps", eps)
        self.best = math.inf if mode == "min" else -math.inf
        self.bad = 0  # steps since the last improvement
        self.cooling = 0  # steps for which none is counted yet
        self.factors: list[float] = []  # by how much the rate of each group was lowered in all
        super().__init__(optimizer, every)

    def _rate_of_group(self, i: int, base: float) -> float:
        """The rate as lowered so far; that of a group that is added later counts as lowered with the first one."""
        if i == len(self.factors):
            self.factors.append(self.factors[0] if self.factors else 1.0)
        return base * self.factors[i]

    def _improves(self, metric: float) -> bool:
        best, higher = self.best, self.mode == "max"
        if math.isfinite(best):  # then it has to be better by a margin
            if self.threshold_mode == "abs":
                best += self.threshold if higher else -self.threshold
            else:
                best *= 1 + self.threshold if higher == (best > 0) else 1 - self.threshold
        return metric > best if higher else metric < best

    def step(self, metric: float | None = None) -> None:
        """Look at the metric, and lower the rates if it has not improved for too long; NaN is no improvement."""
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
