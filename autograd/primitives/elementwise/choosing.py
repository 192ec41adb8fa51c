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
    """A comparison for rules: of nodes that can change, a row that gives 0 or 1 with gradient 0; else a plain one."""
    row = elementwise(
        name,
        lambda a, b: float(compare(a, b)),
        lambda a, b: of_arrays(a, b).astype(np.result_type(a, b, np.float16)),
        [lambda y, a, b: 0, lambda y, a, b: 0],
        symbol,
    )

    def compared(a: Any, b: Any) -> Any:
        recorded = getattr(a, "requires_grad", False) or getattr(b, "requires_grad", False)
        return row(a, b) if recorded else compare(a, b)

    return compared


equal = _comparison("equal", operator.eq, np.equal, "==")
not_equal = _comparison("not_equal", operator.ne, np.not_equal, "!=")
greater = _comparison("greater", operator.gt, np.greater, ">")
greater_equal = _comparison("greater_equal", operator.ge, np.greater_equal, ">=")
less_equal = _comparison("less_equal", operator.le, np.less_equal, "<=")

choose = elementwise(
    "where",
    lambda a, b, condition: a if condition else b,
    lambda a, b, condition: np.where(condition, a, b),
    [lambda y, a, b, condition: condition, lambda y, a, b, condition: condition == 0],
)

# the same with the condition as an input, which a replay reads again: a where it is not 0
where_nonzero = elementwise(
    "where_nonzero",
    lambda condition, a, b: a if condition else b,
    np.where,
    [lambda y, c, a, b: 0, lambda y, c, a, b: not_equal(c, 0), lambda y, c, a, b: equal(c, 0)],
)


def _share(winner: Any, loser: Any) -> Any:
    return where(equal(winner, loser), 0.5, greater(winner, loser))


maximum = elementwise(
    "maximum",
    lambda a, b: a if a >= b or a != a else b,
    np.maximum,
    [lambda y, a, b: _share(a, b), lambda y, a, b: _share(b, a)],
)
minimum = elementwise(
    "minimum",
    lambda a, b: a if a <= b or a != a else b,
    np.minimum,
    [lambda y, a, b: _share(b, a), lambda y, a, b: _share(a, b)],
)


def _no_slope(i: int, t: Any, *xs: Any) -> Any:
    return 0


_no_slope.every = lambda t, *xs: [0] * len(xs)  # type: ignore[attr-defined]
_ties = elementwise(
    "ties",
    lambda y, *xs: float(sum(x == y for x in xs)),
    lambda y, *xs: sum((x == y).astype(y.dtype) for x in xs),
    _no_slope,
)


def ties(y: Any, *xs: Any) -> Any:
    """The number of inputs that equal y, with gradient 0."""
    return _ties(y, *xs) if getattr(y, "requires_grad", False) else sum(x == y for x in xs)


def _share_of_number(y: Any, a: Any, b: Any) -> Any:
    """As `_share`, for rows that choose a number over NaN."""
    return equal(a, y) / maximum(ties(y, a, b), 1)


fmax = elementwise(
    "fmax",
    lambda a, b: a if a >= b or b != b else b,
    np.fmax,
    [lambda y, a, b: _share_of_number(y, a, b), lambda y, a, b: _share_of_number(y, b, a)],
)
fmin = elementwise(
    "fmin",
    lambda a, b: a if a <= b or b != b else b,
    np.fmin,
    [lambda y, a, b: _share_of_number(y, a, b), lambda y, a, b: _share_of_number(y, b, a)],
)
clip = elementwise(
    "clip",
    lambda x, low, high: min(max(x, low), high),
    lambda x, low, high: np.clip(x, low, high),
    [lambda y, x, low, high: greater_equal(x, low) * less_equal(x, high)],
)
