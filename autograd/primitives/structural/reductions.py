"""Reductions: many elements to one.

`axis` is a tuple of non-negative axes here; the functions in `functions/` accept every form.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import structural
from ..elementwise.choosing import equal
from ..elementwise.elementary import ratio
from ..elementwise.float16 import float32_rule, in_float32, quotient
from ..elementwise.rounding import absolute, sign
from ..elementwise.shifted import kept_shape
from .shapes import broadcast_to, reshape


def spread(g: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """The reduced `g`, repeated to the shape of `x`."""
    return broadcast_to(reshape(g, shape=kept_shape(x.shape, axis)), shape=x.shape)


def count_of(x: Any, axis: tuple[int, ...]) -> int:
    """The number of elements of `x` that are reduced to one."""
    return math.prod(x.shape[k] for k in axis)


def _winners(y: Any, x: Any, axis: tuple[int, ...]) -> Any:
    won = (x == np.reshape(y, kept_shape(x.shape, axis))).astype(x.dtype)
    return won / np.maximum(won.sum(axis, keepdims=True), 1)


# 1 divided evenly among the elements of x that equal the extreme y; its gradient is 0
winners = structural(
    "winners", in_float32(_winners), [lambda g, w, y, x, axis: None, lambda g, w, y, x, axis: None]
)

sum_ = structural(
    "sum",
    in_float32(np.add.reduce),  # np.sum, without its checks, which take as long as the sum of 16 numbers
    [lambda g, y, x, axis, keepdims: spread(g, x, axis)],
    linear="together",
)
mean = structural(
    "mean",
    np.mean,
    [lambda g, y, x, axis, keepdims: spread(quotient(g, count_of(x, axis)), x, axis)],
    linear="together",
)
max_ = structural(
    "max",
    np.max,
    [lambda g, y, x, axis, keepdims: spread(g, x, axis) * winners(y, x, axis=axis)],
)
min_ = structural(
    "min",
    np.min,
    [lambda g, y, x, axis, keepdims: spread(g, x, axis) * winners(y, x, axis=axis)],
)
nanmax = structural(  # NaN only if all elements are NaN
    "nanmax",
    np.fmax.reduce,
    [lambda g, y, x, axis, keepdims: spread(g, x, axis) * winners(y, x, axis=axis)],
)
nanmin = structural(
    "nanmin",
    np.fmin.reduce,
    [lambda g, y, x, axis, keepdims: spread(g, x, axis) * winners(y, x, axis=axis)],
)


def _std(x: Any, axis: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    constant = np.max(x, axis, keepdims=keepdims) == np.min(x, axis, keepdims=keepdims)
    y = np.std(x, axis, ddof=ddof, keepdims=keepdims)
    return np.where(constant & (y == y), 0, y)  # rounding may give 1e-17


def _std_back(g: Any, y: Any, x: Any, axis: tuple[int, ...], ddof: float, keepdims: bool) -> Any:
    away = x - mean(x, axis=axis, keepdims=True)
    direction = ratio(away, reshape(y, shape=kept_shape(x.shape, axis)))
    return spread(quotient(g, count_of(x, axis) - ddof), x, axis) * direction


def _norm(x: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    powers = np.square(x) if ord == 2 else np.absolute(x) ** ord
    total = np.sum(powers, axis, keepdims=keepdims)
    return np.sqrt(total) if ord == 2 else total ** (1 / ord)


def _norm_back(g: Any, y: Any, x: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    share = ratio(x, reshape(y, shape=kept_shape(x.shape, axis)))
    if ord != 2:
        zero = equal(share, 0)
        share = where(zero, 0, sign(x) * where(zero, 1, absolute(share)) ** (ord - 1))
    return spread(g, x, axis) * share


std = structural("std", in_float32(_std), [float32_rule("std", _std_back)])

# (sum |x|**ord) ** (1 / ord), of vectors
norm = structural("norm", in_float32(_norm), [float32_rule("norm", _norm_back)])
