"""Optimisers that divide each step by the size of earlier gradients: Adagrad, Adadelta, RMSprop."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from ...autograd import maximum, sqrt
from .formulas import descent_direction, quotient
from .optimizer import Optimizer
from .options import Form, Group, Memory, Numbers, flag, option, share

__all__ = ["Adadelta", "Adagrad", "RMSprop"]


@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): each step is divided by the root of the sum of all squared gradients.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adagrad
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adagrad([x], lr=0.1).step()
    >>> round(x.data, 6)
    0.9
    """

    lr: float = option(1e-2)
    lr_decay: float = option(0.0)
    weight_decay: float = option(0.0)
    initial_accumulator_value: float = option(0.0)
    eps: float = option(1e-10)
    _: KW_ONLY
    maximize: bool = option(False, flag)

    def _memories(self, group: Group) -> Memory:
        return {"step": 0, "sum": group["initial_accumulator_value"]}

    def _numbers(self, group: Group, step: int) -> Numbers:
        rate = group["lr"] / (1 + (step - 1) * group["lr_decay"])
        return {**super()._numbers(group, step), "rate": rate}

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers, form: Form) -> tuple[Any, Memory]:
        g = descent_direction(x, g, n, form)
        total = memory["sum"] + g * g
        return x - quotient(n["rate"] * g, sqrt(total) + n["eps"], form), {"sum": total}


@dataclass(eq=False, repr=False)
class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): steps as large as the root mean square of the last steps; `lr` only scales them.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adadelta
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adadelta([x]).step()
    >>> round(x.data, 6)
    0.996838
    """

    lr: float = option(1.0)
    rho: float = option(0.9, share)
    eps: float = option(1e-6)
    weight_decay: float = option(0.0)
    _: KW_ONLY
    maximize: bool = option(False, flag)

    def _memories(self, group: Group) -> Memory:
        return {"squares": 0.0, "changes": 0.0}

    def _numbers(self, group: Group, step: int) -> Numbers:
        return {**super()._numbers(group, step), "new": 1 - group["rho"]}

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers, form: Form) -> tuple[Any, Memory]:
        g = descent_direction(x, g, n, form)
        squares = n["rho"] * memory["squares"] + n["new"] * (g * g)
        change = sqrt(quotient(memory["changes"] + n["eps"], squares + n["eps"], form)) * g
        changes = n["rho"] * memory["changes"] + n["new"] * (change * change)
        return x - n["lr"] * change, {"squares": squares, "changes": changes}


@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): steps are divided by the root of a running mean of the squared gradients.

    `centered` first subtracts the square of the running mean, which leaves the variance.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import RMSprop
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> RMSprop([x], lr=0.1, alpha=0.75).step()
    >>> round(x.data, 6)
    0.8
    """

    lr: float = option(1e-2)
    alpha: float = option(0.99, share)
    eps: float = option(1e-8)
    weight_decay: float = option(0.0)
    momentum: float = option(0.0)
    centered: bool = option(False, flag)
    _: KW_ONLY
    maximize: bool = option(False, flag)

    def _memories(self, group: Group) -> Memory:
        return {
            "squares": 0.0,
            **({"mean": 0.0} if group["centered"] else {}),
            **({"velocity": 0.0} if group["momentum"] else {}),
        }

    def _numbers(self, group: Group, step: int) -> Numbers:
        return {**super()._numbers(group, step), "new": 1 - group["alpha"], "zero": 0.0}

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers, form: Form) -> tuple[Any, Memory]:
        g = descent_direction(x, g, n, form)
        new = {"squares": n["alpha"] * memory["squares"] + n["new"] * (g * g)}
        variance = new["squares"]
        if form["centered"]:
            mean = new["mean"] = n["alpha"] * memory["mean"] + n["new"] * g
            # for a constant gradient, rounding can make it negative
            variance = maximum(variance - mean * mean, n["zero"])
        change = quotient(g, sqrt(variance) + n["eps"], form)
        if form["momentum"]:
            change = new["velocity"] = n["momentum"] * memory["velocity"] + change
        return x - n["lr"] * change, new
