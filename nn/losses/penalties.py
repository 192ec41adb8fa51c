"""Penalties on large weights, to be added to a loss: `J = L + lambda sum w^2` and `J = L + lambda sum |w|`.

`strength` is lambda. It differs from an optimiser's `weight_decay`, whose gradient is `weight_decay * w`, by a
factor of two: `l2_penalty` adds `2 lambda w`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...autograd import KindError, Node, Value, absolute, dot, square, total
from ...autograd import sum as sum_of
from ...autograd.extending import describe, spelt
from ..base.arguments import checked_factor, flag
from ..base.half import narrowed, widened
from ..base.module import Module

__all__ = ["l1_penalty", "l2_penalty"]


@spelt
def l2_penalty(parameters: Module | Iterable[Any], strength: float, biases: bool = False) -> Any:
    """`strength` times the sum of all squared weights; its gradient is `2 strength w`: all weights shrink.

    `parameters` are a module, or a list of Values or of Tensors. Biases, which are named `b` or begin with `bias`, are
    left out unless `biases=True`.

    Raises `KindError` for what is neither a module nor a list of parameters.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import l2_penalty
    >>> w = Tensor([3.0, -4.0])
    >>> penalty = l2_penalty([w], 0.5)
    >>> penalty.backward()
    >>> penalty.item(), w.grad
    (12.5, array([ 3., -4.]))
    """
    return _penalty(parameters, strength, biases, "l2_penalty", lambda ws: dot(ws, ws), square)


@spelt
def l1_penalty(parameters: Module | Iterable[Any], strength: float, biases: bool = False) -> Any:
    """`strength` times the sum of all absolute weights; its gradient is `strength sign(w)`: small weights become 0.

    Arguments and errors are those of `l2_penalty`.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import l1_penalty
    >>> w = Tensor([3.0, -4.0, 0.0])
    >>> penalty = l1_penalty([w], 0.5)
    >>> penalty.backward()
    >>> penalty.item(), w.grad
    (3.5, array([ 0.5, -0.5,  0. ]))
    """
    return _penalty(
        parameters, strength, biases, "l1_penalty", lambda ws: total([absolute(w) for w in ws]), absolute
    )


def _penalty(
    parameters: Any,
    strength: float,
    biases: bool,
    what: str,
    of_values: Callable[[list[Any]], Any],
    of_elements: Callable[[Any], Any],
) -> Any:
    strength, biases = checked_factor(f"the strength of {what}", strength), flag("biases", biases)
    if isinstance(parameters, Module):
        parameters = parameters.parameters()
    if isinstance(parameters, (Node, str)) or not isinstance(parameters, Iterable):
        raise KindError(
            f"{what} takes a module or a list of parameters; given {describe(parameters)}. Write [w]"
        )
    given = list(parameters)
    for p in given:
        if not isinstance(p, Node):
            raise KindError(f"{what} takes a module or a list of parameters; given a list with {describe(p)}")
    found = list(dict.fromkeys(given))  # a shared parameter counts once
    weights = [p for p in found if biases or not _is_bias(p)]
    if not weights:
        raise KindError(
            f"{what} was given no weights: {len(found)} parameters{', all of them biases' * bool(found)}"
        )
    values = [w for w in weights if isinstance(w, Value)]
    if values and len(values) < len(weights):
        raise KindError(
            f"{what} was given Values and Tensors together; add a penalty for each kind to its own loss"
        )
    if values:
        return strength * of_values(values)
    costs = [sum_of(of_elements(widened(w))) for w in weights]
    widest = max(weights, key=lambda w: w.dtype.itemsize)
    return narrowed(strength * sum(costs[1:], costs[0]), widest)


def _is_bias(p: Node) -> bool:
    last = (p.name or "").rpartition(".")[2]
    return last == "b" or last.startswith("bias")
