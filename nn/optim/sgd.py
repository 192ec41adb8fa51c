"""Gradient descent, with momentum."""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from ...autograd import RangeError
from .formulas import descent_direction
from .optimizer import Optimizer
from .options import Group, Memory, flag, option

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

    _piece = sys.maxsize  # the array for its one intermediate result is kept

    def _check_together(self, group: Group) -> None:
        if group["nesterov"] and not (group["momentum"] and not group["dampening"]):
            raise RangeError(
                "nesterov=True looks ahead along the momentum; give one, as in momentum=0.9, and no dampening"
            )

    def _memories(self, group: Group) -> Memory:
        return {"step": 0, "velocity": 0.0} if group["momentum"] else {}

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        lr, momentum = group["lr"], group["momentum"]
        if group["weight_decay"] or group["maximize"]:
            g = descent_direction(x, g, group)
        if momentum:
            v = memory["velocity"]
            v *= momentum
            v += (1 - group["dampening"]) * g if memory["step"] and group["dampening"] else g
            memory["velocity"] = v
            memory["step"] += 1
            g = g + momentum * v if group["nesterov"] else v
        if x.__class__ is float or g.dtype is not x.dtype:
            x -= lr * g
            return x
        kept, rate, room = memory.get("_room", (None, None, None))  # saves two allocations for each array
        if kept != lr or room.dtype is not x.dtype:
            rate, room = np.array(lr, x.dtype), np.empty_like(x)
            memory["_room"] = lr, rate, room
        np.multiply(g, rate, room)
        np.subtract(x, room, x)
        return x
