"""Adam, and AdamW with decoupled weight decay."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from ...autograd import maximum, sqrt
from .formulas import descent_direction, quotient
from .optimizer import Optimizer
from .options import Form, Group, Memory, Numbers, flag, option, shares

__all__ = ["Adam", "AdamW"]


@dataclass(eq=False, repr=False)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015): steps along the mean gradient, divided by the root of the mean square.

    `m` and `v` are running means of `g` and `g * g`; both start at zero, which a factor corrects that depends on the
    number of steps of this parameter. `weight_decay` adds `weight_decay * x` to the gradient (L2,
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

    def _numbers(self, group: Group, step: int) -> Numbers:
        (beta1, beta2), lr = group["betas"], group["lr"]
        # x - lr * (m / (1 - beta1**t)) / (sqrt(v / (1 - beta2**t)) + eps), with fewer operations on arrays
        correction = (1 - beta2**step) ** 0.5
        return {
            **super()._numbers(group, step),
            "new1": 1 - beta1,
            "new2": 1 - beta2,
            "eps": group["eps"] * correction,
            "rate": lr * correction / (1 - beta1**step),
            "kept": 1 - lr * group["weight_decay"],
        }

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers, form: Form) -> tuple[Any, Memory]:
        x, g = self._decayed(x, g, n, form)
        m = n["beta1"] * memory["m"] + n["new1"] * g
        v = n["beta2"] * memory["v"] + n["new2"] * (g * g)
        new = {"m": m, "v": v}
        if form["amsgrad"]:
            v = new["v_max"] = maximum(memory["v_max"], v)
        return x - n["rate"] * quotient(m, sqrt(v) + n["eps"], form), new

    def _decayed(self, x: Any, g: Any, n: Numbers, form: Form) -> tuple[Any, Any]:
        return x, descent_direction(x, g, n, form)


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

    def _decayed(self, x: Any, g: Any, n: Numbers, form: Form) -> tuple[Any, Any]:
        return n["kept"] * x if form["weight_decay"] else x, -g if form["maximize"] else g
