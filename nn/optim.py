"""The optimisers: what a step of training does to the parameters, once the backward pass has left their gradients.

Each is its options, what it remembers about a parameter, and an `_update`; what they share is in `optimizer.py`.
Formulas, argument names and defaults are PyTorch's.
"""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from ..autograd import maximum
from ..autograd.errors import RangeError
from .clipping import clip_grad_norm_, clip_grad_value_
from .optimizer import Group, Memory, Optimizer, flag, option, share, shares

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
]


def _slope(x: Any, g: Any, group: Group) -> Any:
    """The gradient of what is minimised: `g`, or `-g` to maximise, and that of the (coupled) weight decay."""
    if group["maximize"]:
        g = -g
    return g + group["weight_decay"] * x if group["weight_decay"] else g


def _over(change: Any, root: Any) -> Any:
    """`change / root`, and no change where the root is 0: with no `eps` to speak of it can be."""
    if root.__class__ is float:
        return change / root if root else 0.0
    return np.divide(change, root, out=np.zeros_like(root), where=root != 0)


NO_EPS = 1e-30  # what is smaller can be 0 in float32


@dataclass(eq=False, repr=False)
class SGD(Optimizer):
    """Gradient descent, `x -= lr * g`, with momentum if wanted.

    With momentum the step is along `v = momentum * v + (1 - dampening) * g`, which starts at the first gradient;
    Nesterov's variant goes along `g + momentum * v`. `weight_decay` adds `weight_decay * x` to the gradient: L2,
    coupled, half of the lectures' `2 lambda x`.

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

    _piece = sys.maxsize  # its one intermediate result is kept

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
            g = _slope(x, g, group)
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
        kept, rate, room = memory.get("_room", (None, None, None))  # two allocations less for each array
        if kept != lr or room.dtype is not x.dtype:
            rate, room = np.array(lr, x.dtype), np.empty_like(x)
            memory["_room"] = lr, rate, room
        np.multiply(g, rate, room)
        np.subtract(x, room, x)
        return x


@dataclass(eq=False, repr=False)
class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): each step is divided by the root of the sum of all squares so far.

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
        g = _slope(x, g, group)
        memory["sum"] += g * g
        root = memory["sum"] ** 0.5
        root += group["eps"]
        change = group["lr"] / (1 + memory["step"] * group["lr_decay"]) * g
        x -= change / root if group["eps"] > NO_EPS else _over(change, root)
        memory["step"] += 1
        return x


@dataclass(eq=False, repr=False)
class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): steps as large as the root mean square of the last ones; `lr` only scales them.

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
        g = _slope(x, g, group)
        rho, eps = group["rho"], group["eps"]
        memory["squares"] *= rho
        memory["squares"] += (1 - rho) * (g * g)
        changes, squares = memory["changes"] + eps, memory["squares"] + eps
        change = (changes / squares if eps > NO_EPS else _over(changes, squares)) ** 0.5 * g
        memory["changes"] *= rho
        memory["changes"] += (1 - rho) * (change * change)
        x -= group["lr"] * change
        return x


@dataclass(eq=False, repr=False)
class RMSprop(Optimizer):
    """RMSprop (Hinton, 2012): steps divided by the root of a running mean of the squares.

    `centered` takes the square of the running mean off first, which leaves the variance.

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
        g = _slope(x, g, group)
        alpha, momentum = group["alpha"], group["momentum"]
        memory["squares"] *= alpha
        memory["squares"] += (1 - alpha) * (g * g)
        if group["centered"]:
            memory["mean"] *= alpha
            memory["mean"] += (1 - alpha) * g
            variance = memory["squares"] - memory["mean"] * memory["mean"]
            # rounding can bring it below 0, where the gradient is always the same
            if variance.__class__ is not float:
                variance = np.maximum(variance, 0, out=variance if variance.ndim else None)
            elif variance < 0:
                variance = 0.0
            root = variance**0.5
        else:
            root = memory["squares"] ** 0.5
        root += group["eps"]
        change = g / root if group["eps"] > NO_EPS else _over(g, root)
        if momentum:
            memory["velocity"] *= momentum
            memory["velocity"] += change
            change = memory["velocity"]
        x -= group["lr"] * change
        return x


@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps along the mean gradient, divided by the root of the mean square.

    `m` and `v` are running means of `g` and `g * g`; both start at zero, which is corrected by the number of
    steps that this parameter has taken. `weight_decay` adds `weight_decay * x` to the gradient (L2,
    coupled); `AdamW` decouples it. `amsgrad` divides by the largest `v` so far (Reddi et al., 2018).

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import Adam
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> Adam([x], lr=0.1).step()
    >>> round(x.data, 6)
    0.9
    """

    betas: tuple[float, float] = option((0.9, 0.999), shares)
    eps: float = option(1e-8)
    weight_decay: float = option(0.0)
    amsgrad: bool = option(False, flag)
    _: KW_ONLY
    maximize: bool = option(False, flag)

    def _memories(self, group: Group) -> Memory:
        start = {"step": 0, "m": 0.0, "v": 0.0}
        return {**start, "v_max": 0.0} if group["amsgrad"] else start

    def _update(self, x: Any, g: Any, memory: Memory, group: Group) -> Any:
        (beta1, beta2), lr = group["betas"], group["lr"]
        memory["step"] = t = memory["step"] + 1
        x, g = self._decayed(x, g, group)
        m, v = memory["m"], memory["v"]
        m *= beta1
        m += (1 - beta1) * g
        square = g * g
        square *= 1 - beta2
        v *= beta2
        v += square
        memory["m"], memory["v"] = m, v
        if group["amsgrad"]:
            v = memory["v_max"] = maximum(memory["v_max"], v)
        root = v**0.5
        correction = (1 - beta2**t) ** 0.5  # of m / (root / correction + eps), with one division less
        root += group["eps"] * correction
        change = m / root if group["eps"] > NO_EPS else _over(m, root)
        change *= lr * correction / (1 - beta1**t)
        x -= change
        return x

    def _decayed(self, x: Any, g: Any, group: Group) -> tuple[Any, Any]:
        return x, _slope(x, g, group)


@dataclass(eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019): `x` shrinks by `lr * weight_decay * x` first.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.optim import AdamW
    >>> x = Value(1.0)
    >>> (x * x).backward()
    >>> AdamW([x], lr=0.1, weight_decay=0.5).step()
    >>> round(x.data, 6)
    0.85
    """

    weight_decay: float = option(1e-2)

    def _decayed(self, x: Any, g: Any, group: Group) -> tuple[Any, Any]:
        if group["weight_decay"]:
            x *= 1 - group["lr"] * group["weight_decay"]
        return x, -g if group["maximize"] else g
