"""Order: sorting, medians, quantiles. Equal elements share their gradients evenly."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import Primitive, structural
from ..elementwise.float16 import float32_rule, in_float32
from .indexing import scatter
from .reductions import spread
from .running import positions_along


def _share_ties(g: Any, ordered: Any, axis: int) -> Any:
    """`g` with its mean over equal elements of `ordered`, which is sorted."""
    ordered, shares = np.moveaxis(ordered, axis, -1), np.moveaxis(g, axis, -1)
    fresh = np.ones(ordered.shape, bool)
    fresh[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    if fresh.all():
        return g
    group = fresh.cumsum() - 1
    exact = np.promote_types(g.dtype, np.float64)
    means = np.add.reduceat(shares.ravel(), np.flatnonzero(fresh), dtype=exact) / np.bincount(group)
    return np.moveaxis(means[group].reshape(shares.shape).astype(g.dtype), -1, axis)


def _arrange(x: Any, keys: Any, axis: int) -> Any:
    order = np.argsort(keys, axis, kind="stable")
    return _share_ties(np.take_along_axis(x, order, axis), np.take_along_axis(keys, order, axis), axis)


def _disarrange(g: Any, keys: Any, axis: int) -> Any:
    order, back = np.argsort(keys, axis, kind="stable"), np.empty_like(g)
    np.put_along_axis(back, order, _share_ties(g, np.take_along_axis(keys, order, axis), axis), axis)
    return back


# x in the order of its keys, and its rule: equal keys share the gradient evenly, and keys get none
arrange: Primitive = structural(
    "arrange",
    _arrange,
    [lambda g, y, x, keys, axis: disarrange(g, keys, axis=axis), lambda g, y, x, keys, axis: None],
)
disarrange: Primitive = structural(
    "disarrange",
    _disarrange,
    [lambda g, y, x, keys, axis: arrange(g, keys, axis=axis), lambda g, y, x, keys, axis: None],
)
sort = structural("sort", np.sort, [lambda g, y, x, axis: disarrange(g, x, axis=axis)])


def _median_back(g: Any, y: Any, x: Any, axis: int) -> Any:
    n = x.shape[axis]
    middle = abs(2 * positions_along(x, axis) - (n - 1)) <= 1  # one element of an odd number, two of an even
    return disarrange(where(middle, spread(g * ((1 + n % 2) / 2), x, (axis,)), 0), x, axis=axis)


median = structural("median", np.median, [_median_back])


def _quantile(x: Any, q: Any) -> Any:
    ordered, place = np.sort(x, 0), q * (len(x) - 1)
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    part = (place - low).reshape(q.shape + (1,) * (x.ndim - 1)).astype(np.result_type(x, np.float16))
    below, last = ordered[low], ordered[-1]  # NaN is last
    step = np.where(part > 0, ordered[high] - below, 0)  # 0 at an element, which may be infinite
    return np.where(last == last, below + step * part, last)


def _quantile_back(g: Any, y: Any, x: Any, q: Any) -> Any:
    place = q * (x.shape[0] - 1)
    low, high = np.floor(place).astype(int), np.ceil(place).astype(int)
    part = (place - low).reshape(q.shape + (1,) * (x.ndim - 1)).astype(g.dtype)
    ordered = scatter(g * (1 - part), shape=x.shape, at=low) + scatter(g * part, shape=x.shape, at=high)
    return disarrange(ordered, x, axis=0)


# along the first axis, linear between the two nearest elements; `q` is an array of numbers from 0 to 1
quantile = structural("quantile", in_float32(_quantile), [float32_rule("quantile", _quantile_back)])
