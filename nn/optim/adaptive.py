"""Optimisers that divide each step by the size of earlier gradients: Adagrad, Adadelta, RMSprop."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from .formulas import NO_EPS, descent_direction, divided
from .optimizer import Optimizer
from .options import Group, Memory, flag, option, share

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

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        g = descent_direction(x, g, group)
        memory["sum"] += g * g
        root = memory["sum"] ** 0.5
        root += group["eps"]
        change = group["lr"] / (1 + memory["step"] * group["lr_decay"]) * g
        x -= change / root if group["eps"] > NO_EPS else divided(change, root)
        memory["step"] += 1
        return x


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

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        g = descent_direction(x, g, group)
        rho, eps = group["rho"], group["eps"]
        memory["squares"] *= rho
        memory["squares"] += (1 - rho) * (g * g)
        changes, squares = memory["changes"] + eps, memory["squares"] + eps
        change = (changes / squares if eps > NO_EPS else divided(changes, squares)) ** 0.5 * g
        memory["changes"] *= rho
        memory["changes"] += (1 - rho) * (change * change)
        x -= group["lr"] * change
        return x


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

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        g = descent_direction(x, g, group)
        alpha, momentum = group["alpha"], group["momentum"]
        memory["squares"] *= alpha
        memory["squares"] += (1 - alpha) * (g * g)
        if group["centered"]:
            memory["mean"] *= alpha
            memory["mean"] += (1 - alpha) * g
            variance = memory["squares"] - memory["mean"] * memory["mean"]
            # for a constant gradient, rounding can make it negative
            if variance.__class__ is not float:
                variance = np.maximum(variance, 0, out=variance if variance.ndim else None)
            elif variance < 0:
                variance = 0.0
            root = variance**0.5
        else:
            root = memory["squares"] ** 0.5
        root += group["eps"]
        change = g / root if group["eps"] > NO_EPS else divided(g, root)
        if momentum:
            memory["velocity"] *= momentum
            memory["velocity"] += change
            change = memory["velocity"]
        x -= group["lr"] * change
        return x
