"""Gradient descent, with momentum."""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass
from typing import Any

from ...autograd import RangeError
from .formulas import descent_direction
from .optimizer import Optimizer
from .options import Form, Group, Memory, Numbers, flag, option

__all__ = ["SGD"]


@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Gradient descent, `x -= lr * g`, optionally with momentum.

    With momentum the step is along `v = momentum * v + (1 - dampening) * g`, which starts at the first gradient;
    Nesterov's variant goes along `g + momentum * v`. `weight_decay` adds `weight_decay * x` to the gradient
    (coupled L2); the penalty `lambda x^2` adds `2 lambda x`.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import SGD
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> SGD([x], lr=0.1).step()
    >>> x.data
    0.8
    """

    momentum: float = option(0.0)
    dampening: float = option(0.0)
    weight_decay: float = option(0.0)
    nesterov: bool = option(False, flag)
    _: KW_ONLY
    maximize: bool = option(False, flag)

    _piece = sys.maxsize  # few passes over the arrays: pieces cost more than they save

    def _check_together(self, group: Group) -> None:
        if group["nesterov"] and not (group["momentum"] and not group["dampening"]):
            raise RangeError(
                "nesterov=True looks ahead along the momentum; give one, as in momentum=0.9, and no dampening"
            )

    def _memories(self, group: Group) -> Memory:
        return {"step": 0, "velocity": 0.0} if group["momentum"] else {}

    def _numbers(self, group: Group, step: int) -> Numbers:
        return {**super()._numbers(group, step), "share": 1 - group["dampening"] if step > 1 else 1.0}

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers, form: Form) -> tuple[Any, Memory]:
        g = descent_direction(x, g, n, form)
        if not form["momentum"]:
            return x - n["lr"] * g, {}
        v = n["momentum"] * memory["velocity"] + (n["share"] * g if form["dampening"] else g)
        return x - n["lr"] * (g + n["momentum"] * v if form["nesterov"] else v), {"velocity": v}
