"""Arithmetic: sums, products, remainders, powers."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import elementwise, first, second
from .choosing import equal
from .elementary import log, ratio
from .rounding import rint

add = elementwise("add", operator.add, np.add, [1, 1], "+")
subtract = elementwise("subtract", operator.sub, np.subtract, [1, -1], "-")
multiply = elementwise("multiply", operator.mul, np.multiply, [second, first], "*")
divide = elementwise(
    "divide", operator.truediv, np.true_divide, [lambda y, a, b: 1 / b, lambda y, a, b: -y / b], "/"
)
negative = elementwise("negative", operator.neg, np.negative, [-1], "-")
positive = elementwise("positive", operator.pos, np.positive, [1])  # the same numbers as a new node


def _power_by_base(y: Any, a: Any, b: Any) -> Any:
    if b.__class__ is float and b != 0:
        return b * a ** (b - 1)
    # at b = 0 the derivative is 0, for a = 0 too; its own derivative with respect to b is 1 / a
    flat = ratio(b, a) if getattr(b, "requires_grad", False) else 0
    return where(equal(b, 0), flat, b * a ** where(equal(b, 0), 1, b - 1))


def _power_by_exponent(y: Any, a: Any, b: Any) -> Any:
    return where(equal(a, 0), 0, y * log(where(equal(a, 0), 1, a)))  # 0**b is 0 for all b near a positive b


def _square(x: float) -> float:
    return x * x


def _power_of_arrays(a: Any, b: Any) -> Any:
    if (
        np.ndim(b) == 0 and b in (1, 2) and np.result_type(a, b) == a.dtype
    ):  # `pow` is slow, and these exponents are common
        return np.square(a) if b == 2 else np.positive(a)
    return np.power(a, b)


def _minus_quotient(y: Any, a: Any, b: Any) -> Any:
    # not -floor(a / b): 1.0 / 0.1 is rounded to 10, but 1.0 % 0.1 is 0.09999999999999995, with the quotient 9
    return -rint((a - y) / b)


remainder = elementwise("remainder", operator.mod, np.remainder, [1, _minus_quotient], "%")
fmod = elementwise("fmod", math.fmod, np.fmod, [1, _minus_quotient])
power = elementwise("power", math.pow, _power_of_arrays, [_power_by_base, _power_by_exponent], "**")
square = elementwise("square", _square, np.square, [lambda y, x: 2 * x])
