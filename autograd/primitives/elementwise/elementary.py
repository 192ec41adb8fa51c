"""Elementary functions: exponentials and logarithms, roots and lengths, trigonometry.

Every norm-like root has gradient 0 at zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import Primitive, elementwise
from .choosing import equal, greater
from .float16 import float32_rule, in_float32
from .rounding import absolute

PI = math.pi

# ---------------------------------------------------------------------- exponentials and logarithms


exp = elementwise("exp", math.exp, np.exp, [lambda y, x: y])
expm1 = elementwise("expm1", math.expm1, np.expm1, [lambda y, x: y + 1])
log = elementwise("log", math.log, np.log, [lambda y, x: 1 / x])
log1p = elementwise("log1p", math.log1p, np.log1p, [lambda y, x: 1 / (1 + x)])
log2 = elementwise("log2", math.log2, np.log2, [lambda y, x: 1 / (x * math.log(2))])
log10 = elementwise("log10", math.log10, np.log10, [lambda y, x: 1 / (x * math.log(10))])

# ---------------------------------------------------------------------- roots and lengths


def _cbrt(x: float) -> float:
    root = abs(x) ** (1 / 3)
    if root and math.isfinite(root):
        root -= (root - abs(x) / (root * root)) / 3  # one Newton step, to correct the last digit
    return math.copysign(root, x)


sqrt = elementwise("sqrt", math.sqrt, np.sqrt, [lambda y, x: 1 / (2 * y)])
cbrt = elementwise("cbrt", _cbrt, np.cbrt, [lambda y, x: 1 / (3 * y * y)])


def ratio(a: Any, y: Any) -> Any:
    """`a / y`, and 0 where `y` is 0."""
    zero = equal(y, 0)  # the vector 0 has no direction: 0, not 0/0
    return where(zero, 0, a / where(zero, 1, y))


hypot = elementwise("hypot", math.hypot, np.hypot, [lambda y, a, b: ratio(a, y), lambda y, a, b: ratio(b, y)])

# ---------------------------------------------------------------------- trigonometry


sin = elementwise("sin", math.sin, np.sin, [lambda y, x: cos(x)])
cos: Primitive = elementwise("cos", math.cos, np.cos, [lambda y, x: -sin(x)])
tan = elementwise("tan", math.tan, np.tan, [lambda y, x: 1 + y * y])
arcsin = elementwise("arcsin", math.asin, np.arcsin, [lambda y, x: 1 / sqrt(1 - x * x)])
arccos = elementwise("arccos", math.acos, np.arccos, [lambda y, x: -1 / sqrt(1 - x * x)])
arctan = elementwise("arctan", math.atan, np.arctan, [lambda y, x: 1 / (1 + x * x)])


def _per_square(a: Any, b: Any, x: Any) -> Any:
    radius = hypot(a, b)  # not its square, which underflows for small numbers
    away = where(equal(radius, 0), 1, radius)
    return where(equal(radius, 0), 0, x / away / away)


arctan2 = elementwise(
    "arctan2",
    math.atan2,
    np.arctan2,
    [lambda y, a, b: _per_square(a, b, b), lambda y, a, b: -_per_square(a, b, a)],
)
sinh = elementwise("sinh", math.sinh, np.sinh, [lambda y, x: cosh(x)])
cosh: Primitive = elementwise("cosh", math.cosh, np.cosh, [lambda y, x: sinh(x)])
tanh = elementwise("tanh", math.tanh, np.tanh, [lambda y, x: 1 - y * y])
arcsinh = elementwise("arcsinh", math.asinh, np.arcsinh, [lambda y, x: 1 / hypot(1, x)])
arccosh = elementwise("arccosh", math.acosh, np.arccosh, [lambda y, x: 1 / (sqrt(x - 1) * sqrt(x + 1))])
arctanh = elementwise("arctanh", math.atanh, np.arctanh, [lambda y, x: 1 / (1 - x * x)])


def _sinc_slope(y: Any, x: Any) -> Any:
    """(cos(pi x) - sinc(x)) / x; near 0, where the difference cancels, its Taylor series."""
    near = greater(0.25, absolute(x))
    t = where(near, x, 0) * PI
    u, series = t * t, 0
    for k in range(9, 0, -1):  # d/dx of sum (-1)^k (pi x)^(2k) / (2k+1)!
        series = series * u + (-1) ** k * 2 * k / math.factorial(2 * k + 1)
    away = where(near, 1, x)
    return where(near, series * t * PI, (cos(PI * away) - where(near, 1, y)) / away)


def _sinc(x: float) -> float:
    return math.sin(PI * x) / (PI * x) if x else 1.0


sinc = elementwise("sinc", _sinc, in_float32(np.sinc), [float32_rule("sinc", _sinc_slope)])
