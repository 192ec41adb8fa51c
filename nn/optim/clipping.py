"""Gradient clipping before the step of the optimiser: all gradients together, or each number by itself."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from ...autograd import GradientError, RangeError, absolute, clip, max, maximum, sum, where
from ...autograd.extending import spelt
from ..base.arguments import one_number
from ..base.half import narrowed, widened
from .options import number
from .parameters import checked

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clipped_by_norm", "clipped_by_value"]


@spelt
def clip_grad_norm_(
    parameters: Iterable[Any], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients by one factor, so that the norm of all their numbers together is at most `max_norm`.

    Returns the norm before the scaling; with `max_norm=math.inf` nothing is scaled. `norm_type` is the order,
    `math.inf` for the largest absolute value. Call it between `backward()` and `step()`. Parameters without a gradient
    are ignored.

    Raises `GradientError` for a norm that is NaN or infinite, if `error_if_nonfinite`, and `RangeError` for an order
    that is not positive.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn.optim import clip_grad_norm_
    >>> w = Tensor([3.0, 4.0])
    >>> (w * w).sum().backward()
    >>> clip_grad_norm_([w], max_norm=1.0)
    10.0
    >>> w.grad.round(3)
    array([0.6, 0.8])
    """
    max_norm = math.inf if max_norm == math.inf else number("max_norm", max_norm)
    order = one_number(norm_type, "norm_type")
    if not order > 0:
        raise RangeError(f"norm_type is the order of a norm, such as 2, 1 or math.inf; given {norm_type}")
    found = [p for p in checked(parameters, "clip_grad_norm_") if p.grad is not None]
    norm = _norm_of_all([p.grad for p in found], order)
    if error_if_nonfinite and not math.isfinite(norm):
        raise GradientError(
            f"the norm of the gradients is {norm}, which no factor makes {max_norm:g}. "
            f"detect_nonfinite() shows where it comes from"
        )
    for p in found if max_norm < math.inf and not _factor(max_norm, norm) >= 1 else ():
        p.grad = _scaled(p.grad, _factor(max_norm, norm))
    return norm


@spelt
def clipped_by_norm(gradients: Sequence[Any], max_norm: float, norm_type: float = 2.0) -> list[Any]:
    """What `clip_grad_norm_` makes of gradients: a function of floats or arrays, traced arrays and JAX's as well.

    >>> from chainrule.nn.optim.clipping import clipped_by_norm
    >>> [round(g, 3) for g in clipped_by_norm([3.0, 4.0], max_norm=1.0)]
    [0.6, 0.8]
    """
    factor = _factor(max_norm, _norm_of_all(gradients, norm_type))
    return [_scaled(g, factor) for g in gradients]


def _factor(max_norm: float, norm: Any) -> Any:
    return max_norm / (norm + 1e-6)  # as in PyTorch; avoids 0 / 0


def _scaled(g: Any, factor: Any) -> Any:
    """The gradient times the factor, if it is not 1 or more; also if it is NaN."""
    if isinstance(factor, float):
        return g if factor >= 1 else narrowed(widened(g) * factor, g)
    return where(factor >= 1, g, (widened(g) * factor).astype(g.dtype))


def _norm_of_all(gradients: Sequence[Any], order: float) -> Any:
    """The norm of all numbers in all gradients together, also where their squares overflow or underflow."""
    if all(isinstance(g, (float, np.ndarray)) for g in gradients):
        return _norm([_norm(g, order) for g in gradients], order)
    sizes = [absolute(widened(g)) for g in gradients if g.size]
    if not sizes:
        return 0.0
    largest = reduce(maximum, map(max, sizes))
    if order == math.inf:
        return largest
    one = largest**0
    unit = where(largest > 0, where(largest < math.inf, largest, one), one)
    return unit * reduce(operator.add, (sum((size / unit) ** order) for size in sizes)) ** (1 / order)


def _norm(numbers: Any, order: float) -> float:
    """The norm of the numbers in one array, with NumPy's functions, which are faster."""
    flat = widened(np.ravel(numbers))
    if not flat.size:
        return 0.0
    with np.errstate(over="ignore", under="ignore"):
        norm = float(np.linalg.norm(flat, order))
    largest = float(np.abs(flat).max()) if not SMALL < norm < math.inf else 0.0
    if not 0 < largest < math.inf:
        return norm
    return largest * float(np.linalg.norm(flat.astype(np.float64) / largest, order))


SMALL = 1e-15  # the squares of smaller numbers are inexact in float32


@spelt
def clip_grad_value_(parameters: Iterable[Any], clip_value: float) -> None:
    """Limit every element of every gradient to the range from `-clip_value` to `clip_value`.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn.optim import clip_grad_value_
    >>> w = Tensor([3.0, -0.25])
    >>> (w * w).sum().backward()
    >>> clip_grad_value_([w], 1.0)
    >>> w.grad
    array([ 1. , -0.5])
    """
    limit = number("clip_value", clip_value)
    for p in checked(parameters, "clip_grad_value_"):
        if p.grad is not None:
            (p.grad,) = clipped_by_value([p.grad], limit)


@spelt
def clipped_by_value(gradients: Sequence[Any], limit: float) -> list[Any]:
    """What `clip_grad_value_` makes of gradients: a function of floats or arrays, traced arrays and JAX's as well.

    >>> from chainrule.nn.optim.clipping import clipped_by_value
    >>> clipped_by_value([3.0, -0.5], 1.0)
    [1.0, -0.5]
    """
    return [clip(g, -limit, limit) for g in gradients]
