"""Reductions and running sums made of rows: averages, quantiles, functions that ignore NaN, covariances."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as p
from ..engine.node import describe, each_time, numbers
from ..engine.operators import Operators
from ..errors import KindError, RangeError, ShapeError
from ..functions.arguments import (
    Axis,
    arrays_only,
    axes_of,
    integer_of,
    integers_of,
    mask_of,
    on_shape,
    one_axis,
    part_of,
    plain,
    word_of,
)
from ..functions.elementwise import in_dtype, of_floats
from ..functions.reductions import degrees_of, extreme, given_mean

__all__ = ["REDUCTIONS"]


def _average(
    a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    a = arrays_only(a, "average")
    axes = axes_of(a, axis, "average")
    if weights is None:
        y = f.mean(a, axis, keepdims)
        return (y, np.full(y.shape, a.size / max(y.size, 1), y.dtype)) if returned else y
    weights = arrays_only(weights, "average")
    if weights.shape != a.shape:  # one weight for each position along the axes
        if axis is None or weights.shape != tuple(a.shape[k] for k in axes):
            raise ShapeError(
                f"average of {describe(a)} over axis={axis!r} was given weights of shape {weights.shape}; "
                f"it takes a weight for each element, or one for each place along the axis"
            )
        weights = f.moveaxis(
            f.reshape(weights, weights.shape + (1,) * (a.ndim - len(axes))), tuple(range(len(axes))), axes
        )
    weights = f.broadcast_to(weights, a.shape)
    total = f.sum(weights, axis, keepdims)
    given = describe(a)

    def refuse_zero(total: Any) -> None:
        if (total == 0).any():
            raise RangeError(f"average of {given} over axis={axis!r} was given weights with the sum 0")

    each_time(refuse_zero, total)
    y = f.sum(a * weights, axis, keepdims) / total
    return (y, total) if returned else y


# Functions that ignore NaN: made of rows that choose by the data, so that a replay chooses again.


def _filled(x: Any, fill: float = 0.0) -> Any:
    """`x` with `fill` in place of NaN."""
    return p.nan_to_num(x, nan=fill, posinf=math.inf, neginf=-math.inf)


def _without_nan(name: str, fill: float) -> Callable[..., Any]:
    """The sum or product, with `fill` in place of NaN."""
    function, what = getattr(f, name), f"nan{name}"

    def reduced(
        a: Any,
        axis: Axis = None,
        keepdims: bool = False,
        *,
        dtype: Any = None,
        initial: Any = fill,
        where: Any = True,
    ) -> Any:
        a = _filled(in_dtype(a, what, dtype, floating=True), fill)
        return function(a, axis, keepdims, initial=initial, where=where)

    return reduced


def _running_without_nan(name: str, fill: float) -> Callable[..., Any]:
    function, what = getattr(f, name), f"nan{name}"
    return lambda a, axis=None, *, dtype=None: function(
        _filled(in_dtype(a, what, dtype, floating=True), fill), axis
    )


def _extreme_known(row: Any, of_two: Any, what: str) -> Callable[..., Any]:
    """The largest or smallest number; NaN if all elements are NaN."""

    def reduced(
        a: Any, axis: Axis = None, keepdims: bool = False, *, initial: Any = None, where: Any = True
    ) -> Any:
        return extreme(row, of_two, a, what, axis, keepdims, initial, where)

    return reduced


def _left_out(a: Any, what: str, dtype: Any, where: Any) -> Any:
    """`a` with NaN where the mask excludes an element."""
    a = in_dtype(a, what, dtype, floating=True)
    mask = mask_of(where, a, what)
    return a if mask is None else p.where(mask, a, math.nan)


def _nanmean(
    a: Any, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None, where: Any = True
) -> Any:
    a = _left_out(a, "nanmean", dtype, where)
    return _mean_known(a, axes_of(a, axis, "nanmean", of_numbers=True), bool(keepdims))


def _mean_known(a: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    known = p.sum_(p.known(a), axis=axes, keepdims=keepdims)
    return p.sum_(_filled(a), axis=axes, keepdims=keepdims) / known


def _spread_known(name: str) -> Callable[..., Any]:
    """`nanvar` or `nanstd`."""
    what = f"nan{name}"

    def reduced(
        a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, *, dtype: Any = None, where: Any = True,
        mean: Any = None, correction: Any = None,
    ) -> Any:  # fmt: skip
        ddof = degrees_of(ddof, correction, what)
        a = _left_out(a, what, dtype, where)
        axes, keepdims = axes_of(a, axis, what, of_numbers=True), bool(keepdims)
        known = p.known(a)
        middle = _mean_known(a, axes, True) if mean is None else given_mean(mean, a, what)
        away = (_filled(a) - middle) * known
        n = p.sum_(known, axis=axes, keepdims=keepdims) - ddof
        n = p.where_nonzero(p.maximum(p.sign(n), 0), n, math.nan)  # NaN for too few elements
        if name == "var":
            return p.sum_(p.square(away), axis=axes, keepdims=keepdims) / n
        return p.norm(away, ord=2, axis=axes, keepdims=keepdims) / p.sqrt(n)

    return reduced


def _quantile(
    a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False, *, weights: Any = None,
    scale: float = 1,
) -> Any:  # fmt: skip
    a = arrays_only(a, "quantile")
    if isinstance(q, Operators) and q.requires_grad:  # type: ignore[attr-defined]
        raise KindError(
            f"quantile takes q as plain numbers, and the gradient of {describe(q)} would be lost. Write q.data"
        )
    q = np.asarray(plain(q)) / scale
    if weights is not None:
        raise KindError("quantile takes no weights here; np.average(t, weights=w) is a weighted mean")
    word_of(method, tuple(PLACES), "quantile", "methods")
    if not ((q >= 0) & (q <= 1)).all():
        raise RangeError(f"quantile takes q from 0 to 1 (percentile from 0 to 100); given {q * scale!r}")
    axes = axes_of(a, axis, "quantile")
    kept = [k for k in range(a.ndim) if k not in axes]
    n = math.prod(a.shape[k] for k in axes)
    if not n:
        raise ShapeError(f"quantile over axis={axis!r} of {describe(a)} has no elements to choose from")
    flat = p.transpose(a, axes=(*axes, *kept))
    columns = p.reshape(flat, shape=(n, *flat.shape[len(axes) :]))
    if method == "midpoint":
        below, above = (
            p.quantile(columns, q=PLACES[end](n, q) / max(n - 1, 1)) for end in ("lower", "higher")
        )
        y = (below + above) / 2
    else:
        y = p.quantile(
            columns, q=q if method == "linear" else np.clip(PLACES[method](n, q), 0, n - 1) / max(n - 1, 1)
        )
    return p.reshape(y, shape=q.shape + p.kept_shape(a.shape, axes)) if keepdims else y


def _between(alpha: float, beta: float) -> Callable[[int, Any], Any]:
    """The places of quantiles between the sorted elements, by the two numbers of Hyndman and Fan (1996)."""
    return lambda n, q: n * q + alpha + q * (1 - alpha - beta) - 1


# for each method of NumPy's the place of the quantile `q` among `n` sorted elements, counted from 0
PLACES: dict[str, Callable[[int, Any], Any]] = {
    "linear": _between(1, 1),
    "lower": lambda n, q: np.floor(q * (n - 1)),
    "higher": lambda n, q: np.ceil(q * (n - 1)),
    "nearest": lambda n, q: np.round(q * (n - 1)),
    "midpoint": _between(1, 1),
    "inverted_cdf": lambda n, q: np.ceil(n * q) - 1,
    "interpolated_inverted_cdf": _between(0, 1),
    "hazen": _between(0.5, 0.5),
    "weibull": _between(0, 0),
    "median_unbiased": _between(1 / 3, 1 / 3),
    "normal_unbiased": _between(3 / 8, 3 / 8),
}


def _nanquantile(
    a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False, *, scale: float = 1
) -> Any:
    """The quantiles of the elements that are not NaN: of each row by itself, for they differ in number."""
    a = arrays_only(a, "nanquantile")
    axes = axes_of(a, axis, "nanquantile")
    kept = [k for k in range(a.ndim) if k not in axes]
    each, within = (math.prod(a.shape[k] for k in some) for some in (kept, axes))
    rows = p.reshape(p.transpose(a, axes=(*kept, *axes)), shape=(each, within))
    there = ~np.isnan(numbers(rows))

    def refuse_others(x: Any) -> None:
        if not np.array_equal(~np.isnan(x), there):
            raise KindError(
                "a nanquantile that was recorded for replays met NaN in other places. Record it again"
            )

    each_time(refuse_others, rows)
    found = []
    for row, known in zip(rows, there):
        some = row[np.flatnonzero(known)]
        found.append(_quantile(some, q, None, method, scale=scale) if known.any() else _of_nothing(row, q))
    y = f.stack(found, -1) if found else a[:0]
    shape = np.shape(q) + (p.kept_shape(a.shape, axes) if keepdims else tuple(a.shape[k] for k in kept))
    return p.reshape(y, shape=shape)


def _of_nothing(row: Any, q: Any) -> Any:
    """NaN for each quantile of a row without numbers."""
    return np.full(np.shape(q), math.nan, row.dtype)


def _nanmedian(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return _nanquantile(a, 0.5, axis, keepdims=keepdims)


def _partition(a: Any, kth: Any, axis: int | None = -1) -> Any:
    """The elements in the order in which NumPy puts them; a replay refuses numbers that are in another one."""
    a, k = one_axis(a, axis, "partition")
    kth = integers_of(kth, "partition", "kth")
    n = a.shape[k]
    if kth.size and not ((kth >= -n) & (kth < n)).all():
        raise RangeError(
            f"partition takes kth below the length of axis {k} of {describe(a)}; given {kth.tolist()}"
        )
    order = np.argpartition(numbers(a), kth, k)

    def refuse_others(x: Any) -> None:
        if not np.array_equal(np.argpartition(x, kth, k), order):
            raise KindError(
                "a partition that was recorded for replays met numbers in another order; use sort"
            )

    each_time(refuse_others, a)
    return f.take_along_axis(a, order, k)


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y, k = one_axis(y, axis, "trapezoid", flat=False)
    if x is not None:
        x = arrays_only(x, "trapezoid")
        dx = f.diff(x, axis=0 if x.ndim == 1 else axis)
        if x.ndim == 1:
            dx = f.reshape(dx, (-1,) + (1,) * (y.ndim - 1 - k))
    return f.sum(dx * (part_of(y, k, 1) + part_of(y, k, None, -1)) / 2, k)


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, fweights: Any = None,
    aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    x = f.concatenate([_variables(part, rowvar, dtype) for part in (m, y) if part is not None])
    ddof = (0 if bias else 1) if ddof is None else integer_of(ddof, "cov", "ddof as an integer")
    counts, weights = (_weights(w, x, name) for w, name in ((fweights, "fweights"), (aweights, "aweights")))
    each: Any = None
    n = x.shape[1] - ddof
    if counts is not None or weights is not None:
        each = (1 if counts is None else counts) * (1 if weights is None else weights)
        whole = each.sum()
        n = whole - (ddof if weights is None else ddof * (each * weights).sum() / whole)
    away = x - (f.mean(x, 1, keepdims=True) if each is None else _average(x, 1, each, keepdims=True))
    c = away @ f.transpose(away if each is None else away * each)
    return f.squeeze(c * (1 / n if n > 0 else math.inf))


def _variables(x: Any, rowvar: bool, dtype: Any) -> Any:
    """Observations as a matrix with a row for each variable."""
    x = arrays_only(x, "cov")
    if x.ndim > 2:
        raise ShapeError(f"cov takes a vector, or a matrix with a row for each variable; given {describe(x)}")
    x = of_floats(x) if dtype is None else f.astype(x, dtype)
    return f.reshape(x, (1, x.size)) if x.ndim < 2 else x if rowvar else f.transpose(x)


def _weights(given: Any, x: Any, name: str) -> Any:
    """A plain number for each observation."""
    if given is None:
        return None
    w = np.asarray(plain(given), x.dtype)
    if isinstance(given, Operators) or w.shape != x.shape[1:] or (w < 0).any():
        raise KindError(
            f"cov takes {name} as plain numbers, one of 0 or more for each of the {x.shape[1]} observations; given "
            f"{describe(given)}"
        )
    if name == "fweights" and (w != np.round(w)).any():
        raise KindError(f"cov takes fweights as integers, which count observations; given {describe(given)}")
    return w


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = _cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    d = p.sqrt(f.diagonal(c))
    return f.clip(c / f.outer(d, d), -1, 1)  # rounding may give 1 + 2e-16


def _cumulative(running: Callable[..., Any], first: float) -> Callable[..., Any]:
    what = "a running sum or product"

    def run(x: Any, axis: int | None = None, include_initial: bool = False, *, dtype: Any = None) -> Any:
        x = arrays_only(x, what)
        if axis is None and x.ndim > 1:
            raise KindError(f"{what} of {describe(x)} needs an axis")
        x, k = one_axis(x, axis, what, of_numbers=True)
        y = running(x, k, dtype=dtype)
        if not include_initial:
            return y
        return f.concatenate([np.full(on_shape(x.shape, k, 1), first, y.dtype), y], k)

    return run


def _ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    highest: Any = f.max(a, axis, keepdims)
    return highest - f.min(a, axis, keepdims)


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "amax": f.max,
    "amin": f.min,
    "ptp": _ptp,
    "average": _average,
    "nansum": _without_nan("sum", 0),
    "nanprod": _without_nan("prod", 1),
    "nanmax": _extreme_known(p.nanmax, p.fmax, "nanmax"),
    "nanmin": _extreme_known(p.nanmin, p.fmin, "nanmin"),
    "nanmean": _nanmean,
    "nanvar": _spread_known("var"),
    "nanstd": _spread_known("std"),
    "nancumsum": _running_without_nan("cumsum", 0),
    "nancumprod": _running_without_nan("cumprod", 1),
    "cumulative_sum": _cumulative(f.cumsum, 0),
    "cumulative_prod": _cumulative(f.cumprod, 1),
    "quantile": _quantile,
    "percentile": lambda a, q, axis=None, method="linear", keepdims=False, *, weights=None: _quantile(
        a, q, axis, method, keepdims, weights=weights, scale=100
    ),
    "nanmedian": _nanmedian,
    "nanquantile": _nanquantile,
    "nanpercentile": lambda a, q, axis=None, method="linear", keepdims=False: _nanquantile(
        a, q, axis, method, keepdims, scale=100
    ),
    "partition": _partition,
    "trapezoid": _trapezoid,
    "cov": _cov,
    "corrcoef": _corrcoef,
}
