"""Comparing and choosing: comparisons in rules, `where`, and the larger or the smaller of two numbers.

Ties share the gradient evenly; `clip` has gradient 1 on its bounds.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from ...engine.operators import where as where
from ...engine.table import elementwise


def _comparison(name: str, compare: Any, of_arrays: Any, symbol: str) -> Any:
    """A comparison for rules: plain booleans of plain numbers and constants, otherwise a row.

    The row gives 0 and 1 with gradient 0, and a replay computes it again.
    """

    def on_floats(a: float, b: float) -> float:
        return float(compare(a, b))

    def on_arrays(a: Any, b: Any) -> Any:
        return of_arrays(a, b).astype(np.result_type(a, b, np.float16))

    row = elementwise(name, on_floats, on_arrays, [lambda y, a, b: 0, lambda y, a, b: 0], symbol)

    def compared(a: Any, b: Any) -> Any:
        if b.__class__ is int and (a.__class__ is float or a.__class__ is np.ndarray):  # in most rules
            return compare(a, b)
        recorded = getattr(a, "requires_grad", False) or getattr(b, "requires_grad", False)
        return row(a, b) if recorded else compare(a, b)

    return compared


equal = _comparison("equal", operator.eq, np.equal, "==")
not_equal = _comparison("not_equal", operator.ne, np.not_equal, "!=")
greater = _comparison("greater", operator.gt, np.greater, ">")
greater_equal = _comparison("greater_equal", operator.ge, np.greater_equal, ">=")
less_equal = _comparison("less_equal", operator.le, np.less_equal, "<=")


def _where(a: float, b: float, condition: Any) -> float:
    return a if condition else b


def _where_of_arrays(a: Any, b: Any, condition: Any) -> Any:
    return np.where(condition, a, b)


def _where_nonzero(condition: float, a: float, b: float) -> float:
    return a if condition else b


choose = elementwise(
    "where",
    _where,
    _where_of_arrays,
    [lambda y, a, b, condition: condition, lambda y, a, b, condition: condition == 0],
)

# the same with the condition as an input, which a replay reads again: a where it is not 0
where_nonzero = elementwise(
    "where_nonzero",
    _where_nonzero,
    np.where,
    [lambda y, c, a, b: 0, lambda y, c, a, b: not_equal(c, 0), lambda y, c, a, b: equal(c, 0)],
)


def _maximum(a: float, b: float) -> float:
    return a if a >= b or a != a else b


def _minimum(a: float, b: float) -> float:
    return a if a <= b or a != a else b


def _share(winner: Any, loser: Any) -> Any:
    return where(equal(winner, loser), 0.5, greater(winner, loser))


maximum = elementwise(
    "maximum", _maximum, np.maximum, [lambda y, a, b: _share(a, b), lambda y, a, b: _share(b, a)]
)
minimum = elementwise(
    "minimum", _minimum, np.minimum, [lambda y, a, b: _share(b, a), lambda y, a, b: _share(a, b)]
)


def _no_slope(i: int, t: Any, *xs: Any) -> Any:
    return 0


_no_slope.every = lambda t, *xs: [0] * len(xs)  # type: ignore[attr-defined]


def _count(y: float, *xs: float) -> float:
    return float(sum(x == y for x in xs))


def _count_of_arrays(y: Any, *xs: Any) -> Any:
    return sum((x == y).astype(y.dtype) for x in xs)


_ties = elementwise("ties", _count, _count_of_arrays, _no_slope)


def ties(y: Any, *xs: Any) -> Any:
    """The number of inputs that equal y. Of nodes it is a row with gradient 0, so that a replay counts again."""
    return _ties(y, *xs) if getattr(y, "requires_grad", False) else sum(x == y for x in xs)


def _share_of_number(y: Any, a: Any, b: Any) -> Any:
    """As `_share`, for rows that choose a number over NaN."""
    return equal(a, y) / maximum(ties(y, a, b), 1)


def _fmax(a: float, b: float) -> float:
    return a if a >= b or b != b else b


def _fmin(a: float, b: float) -> float:
    return a if a <= b or b != b else b


def _clip(x: float, low: float, high: float) -> float:
    return _minimum(_maximum(x, low), high)  # NaN if one of them is NaN


def _clip_of_arrays(x: Any, low: Any, high: Any) -> Any:
    return np.clip(x, low, high)


fmax = elementwise(
    "fmax",
    _fmax,
    np.fmax,
    [lambda y, a, b: _share_of_number(y, a, b), lambda y, a, b: _share_of_number(y, b, a)],
)
fmin = elementwise(
    "fmin",
    _fmin,
    np.fmin,
    [lambda y, a, b: _share_of_number(y, a, b), lambda y, a, b: _share_of_number(y, b, a)],
)
clip = elementwise(
    "clip",
    _clip,
    _clip_of_arrays,
    [lambda y, x, low, high: greater_equal(x, low) * less_equal(x, high)],
)
