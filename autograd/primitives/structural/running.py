"""Running sums and products, and the product of all elements, which is made of these."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import Primitive, structural
from ..elementwise.float16 import float32_rule, in_float32
from .reductions import spread
from .shapes import flip, roll


def positions_along(x: Any, axis: int) -> Any:
    """0, 1, 2, ... along `axis`, in a shape that broadcasts with `x`."""
    return np.arange(x.shape[axis]).reshape(-1, *(1,) * (x.ndim - 1 - axis))


def before_each(y: Any, axis: int, first: int) -> Any:
    """The element before each element of `y`: `first`, y0, y1, ..."""
    return where(positions_along(y, axis) == 0, first, roll(y, shift=(1,), axis=(axis,)))


def _recurrence(a: Any, b: Any, axis: int) -> Any:
    y = np.array(b, np.result_type(a, b))
    factors, terms = np.moveaxis(a, axis, 0), np.moveaxis(y, axis, 0)
    for i in range(1, len(terms)):
        terms[i] += factors[i] * terms[i - 1]
    return y


def _recur_back(g: Any, a: Any, axis: int) -> Any:
    """s[i] = g[i] + a[i+1] s[i+1]: the same recurrence in reverse."""
    factors = roll(flip(a, axis=(axis,)), shift=(1,), axis=(axis,))
    return flip(recurrence(factors, flip(g, axis=(axis,)), axis=axis), axis=(axis,))


# y[i] = a[i] y[i-1] + b[i], from y[0] = b[0]: products and their derivatives of every order are made of it
recurrence: Primitive = structural(
    "recurrence",
    in_float32(_recurrence),
    [
        float32_rule(
            "recurrence", lambda g, y, a, b, axis: _recur_back(g, a, axis) * before_each(y, axis, 0)
        ),
        float32_rule("recurrence", lambda g, y, a, b, axis: _recur_back(g, a, axis)),
    ],
)
cumsum: Primitive = structural(
    "cumsum",
    in_float32(np.cumsum),
    [lambda g, y, x, axis: flip(cumsum(flip(g, axis=(axis,)), axis=axis), axis=(axis,))],
    linear="together",
)

# no division in the rule: x may be 0
cumprod = structural(
    "cumprod",
    in_float32(np.cumprod),
    [float32_rule("cumprod", lambda g, y, x, axis: _recur_back(g, x, axis) * before_each(y, axis, 1))],
)


def _others(x: Any, axis: tuple[int, ...]) -> Any:
    """For each element the product of all others along `axis`: those before it times those after it."""
    if not axis:
        return 1
    first, *rest = axis
    before = before_each(cumprod(x, axis=first), first, 1)
    after = flip(before_each(cumprod(flip(x, axis=(first,)), axis=first), first, 1), axis=(first,))
    return before * after * _others(prod(x, axis=(first,), keepdims=True), tuple(rest))


prod: Primitive = structural(
    "prod",
    in_float32(np.prod),
    [float32_rule("prod", lambda g, y, x, axis, keepdims: spread(g, x, axis) * _others(x, axis))],
)
