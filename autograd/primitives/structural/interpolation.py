"""Linear interpolation, and angles without jumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import Primitive, structural
from ..elementwise.arithmetic import remainder
from ..elementwise.choosing import greater
from ..elementwise.elementary import ratio
from ..elementwise.float16 import in_float32


def _segment_of(knots: Any, x: Any, step: int, period: float | None) -> Any:
    """For each x, the knot at the start of its segment, or at the end (`step` 1).

    Outside of the knots both are the same; with a period, the last segment ends at the first knot.
    """
    n = len(knots)
    if period is not None:
        order = np.argsort(knots % period, kind="stable")
        start = np.searchsorted((knots % period)[order], x % period, side="right") - 1
        return order[(start + step) % n]
    start = np.searchsorted(knots, x, side="right") - 1
    start = np.where(x > knots[-1], n - 1, np.minimum(start, max(n - 2, 0)))
    return np.clip(start + step, 0, n - 1)


def _segment(values: Any, knots: Any, x: Any, step: int, period: float | None) -> Any:
    return values[_segment_of(knots, x, step, period)]


def _unsegment(g: Any, knots: Any, x: Any, step: int, period: float | None) -> Any:
    out = np.zeros(knots.shape, g.dtype)
    np.add.at(out, _segment_of(knots, x, step, period), g)
    return out


# the element of `values` at the start or the end of the segment of `knots` that x is in, and its rule
segment: Primitive = structural(
    "segment",
    _segment,
    [
        lambda g, y, values, knots, x, step, period: unsegment(g, knots, x, step=step, period=period),
        lambda g, y, values, knots, x, step, period: None,
        lambda g, y, values, knots, x, step, period: None,
    ],
)
unsegment: Primitive = structural(
    "unsegment",
    in_float32(_unsegment),
    [
        lambda h, y, g, knots, x, step, period: segment(h, knots, x, step=step, period=period),
        lambda h, y, g, knots, x, step, period: None,
        lambda h, y, g, knots, x, step, period: None,
    ],
)


def _interp(x: Any, knots: Any, values: Any, left: Any, right: Any, period: Any) -> Any:
    y = np.interp(x, knots, values, left, right, period)
    return np.asarray(y).astype(np.result_type(x, knots, values, np.float16))


def _slope(x: Any, knots: Any, values: Any, period: Any) -> tuple[Any, Any]:
    """Of the segment that x is in: its slope, and the fraction of it before x."""
    start, end = (segment(knots, knots, x, step=k, period=period) for k in (0, 1))
    before, after = (segment(values, knots, x, step=k, period=period) for k in (0, 1))
    width, part = end - start, x - start
    if period is not None:
        width, part = (remainder(c, c.dtype.type(period)) for c in (width, part))
    return ratio(after - before, width), ratio(part, width)


def _to_both_ends(g: Any, part: Any, knots: Any, x: Any, period: Any) -> Any:
    start, end = (
        unsegment(c, knots, x, step=k, period=period) for k, c in enumerate((g * (1 - part), g * part))
    )
    return start + end


def _interp_by_x(g: Any, y: Any, x: Any, knots: Any, values: Any, period: Any, **_: Any) -> Any:
    return g * _slope(x, knots, values, period)[0]


def _interp_by_knots(g: Any, y: Any, x: Any, knots: Any, values: Any, period: Any, **_: Any) -> Any:
    steep, part = _slope(x, knots, values, period)
    return _to_both_ends(-g * steep, part, knots, x, period)


def _interp_by_values(
    g: Any, y: Any, x: Any, knots: Any, values: Any, left: Any, right: Any, period: Any
) -> Any:
    if period is None:  # outside of the knots, `left` and `right` replace the values
        g = g if left is None else where(greater(knots[:1], x), 0, g)
        g = g if right is None else where(greater(x, knots[-1:]), 0, g)
    return _to_both_ends(g, _slope(x, knots, values, period)[1], knots, x, period)


# linear between the points (knots, values), constant beyond the first and the last one, or periodic
interp = structural("interp", _interp, [_interp_by_x, _interp_by_knots, _interp_by_values])


def _unwrap(x: Any, discont: Any, axis: int, period: Any) -> Any:
    return np.unwrap(x, discont, axis=axis, period=period).astype(x.dtype)


unwrap = structural(  # whole turns are added, which are flat
    "unwrap",
    _unwrap,
    [lambda g, y, x, discont, axis, period: g],
)
