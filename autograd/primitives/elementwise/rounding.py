"""Signs and steps: absolute values, rounding, replacing NaN. Steps have gradient 0, also where they jump.

At zero `absolute` and `sign` have gradient 0.
"""

from __future__ import annotations

import math

import numpy as np

from ...engine.table import Primitive, elementwise
from .choosing import equal

INF = math.inf

absolute = elementwise("absolute", abs, np.absolute, [lambda y, x: sign(x)])
sign: Primitive = elementwise("sign", lambda x: x if x != x else float((x > 0) - (x < 0)), np.sign, [0])
floor: Primitive = elementwise(
    "floor", lambda x: float(math.floor(x)) if math.isfinite(x) else x, np.floor, [0]
)
trunc: Primitive = elementwise(
    "trunc",
    lambda x: math.copysign(math.trunc(x), x) if math.isfinite(x) else x,
    np.trunc,
    [0],
)
rint = elementwise("rint", lambda x: float(round(x)) if math.isfinite(x) else x, np.rint, [0])
copysign = elementwise(
    "copysign", math.copysign, np.copysign, [lambda y, a, b: sign(a) * sign(y), lambda y, a, b: 0]
)
heaviside = elementwise(
    "heaviside",
    lambda x, b: x if x != x else b if x == 0 else float(x > 0),
    np.heaviside,
    [lambda y, x, b: 0, lambda y, x, b: equal(x, 0)],
)
known = elementwise(  # 1 where x is a number, 0 where it is NaN
    "known", lambda x: float(x == x), lambda x: (x == x).astype(x.dtype), [0]
)


def _nan_to_num(x: float, nan: float, posinf: float, neginf: float) -> float:
    return nan if x != x else posinf if x == INF else neginf if x == -INF else x


nan_to_num = elementwise(
    "nan_to_num",
    _nan_to_num,
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    [lambda y, x, nan, posinf, neginf: equal(y, x)],
)
