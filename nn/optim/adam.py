"""Adam, and AdamW with decoupled weight decay."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from ...autograd import maximum
from .formulas import NO_EPS, descent_direction, divided
from .optimizer import Optimizer
from .options import Group, Memory, flag, option, shares

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
        correction = (1 - beta2**t) ** 0.5  # m / (root / correction + eps), with one division less
        root += group["eps"] * correction
        change = m / root if group["eps"] > NO_EPS else divided(m, root)
        change *= lr * correction / (1 - beta1**t)
        x -= change
        return x

    def _decayed(self, x: Any, g: Any, group: Group) -> tuple[Any, Any]:
        return x, descent_direction(x, g, group)


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
