"""Signs and steps: absolute values, rounding, replacing NaN. Steps have gradient 0, also where they jump.

At zero `absolute` and `sign` have gradient 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...engine.table import Primitive, elementwise
from .choosing import equal

INF = math.inf


def _sign(x: float) -> float:
    return x if x != x else float((x > 0) - (x < 0))


def _floor(x: float) -> float:
    return float(math.floor(x)) if math.isfinite(x) else x


def _trunc(x: float) -> float:
    return math.copysign(math.trunc(x), x) if math.isfinite(x) else x


def _rint(x: float) -> float:
    return float(round(x)) if math.isfinite(x) else x


def _heaviside(x: float, b: float) -> float:
    return x if x != x else b if x == 0 else float(x > 0)


absolute = elementwise("absolute", abs, np.absolute, [lambda y, x: sign(x)])
sign: Primitive = elementwise("sign", _sign, np.sign, [0])
floor: Primitive = elementwise("floor", _floor, np.floor, [0])
trunc: Primitive = elementwise("trunc", _trunc, np.trunc, [0])
rint = elementwise("rint", _rint, np.rint, [0])
copysign = elementwise(
    "copysign", math.copysign, np.copysign, [lambda y, a, b: sign(a) * sign(y), lambda y, a, b: 0]
)
heaviside = elementwise(
    "heaviside", _heaviside, np.heaviside, [lambda y, x, b: 0, lambda y, x, b: equal(x, 0)]
)


def _known(x: float) -> float:
    return float(x == x)


def _known_of_arrays(x: Any) -> Any:
    return (x == x).astype(x.dtype)


known = elementwise("known", _known, _known_of_arrays, [0])  # 1 where x is a number, 0 where it is NaN


def _nan_to_num(x: float, nan: float, posinf: float, neginf: float) -> float:
    return nan if x != x else posinf if x == INF else neginf if x == -INF else x


nan_to_num = elementwise(
    "nan_to_num", _nan_to_num, np.nan_to_num, [lambda y, x, nan, posinf, neginf: equal(y, x)]
)
