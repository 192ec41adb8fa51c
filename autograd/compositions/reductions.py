"""Reductions and running sums made of rows: averages, quantiles, what leaves NaN out, covariances."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as p
from ..errors import KindError, RangeError, ShapeError
from ..functions.arguments import Axis, arrays_only, axes_of, one_axis, part_of, plain
from ..node import describe

__all__ = ["REDUCTIONS"]


def _average(
    a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, keepdims: bool = False
) -> Any:
    a = arrays_only(a, "average")
    if weights is None:
        weights = np.ones((), a.dtype)
    weights = arrays_only(weights, "average")
    if weights.ndim and weights.shape != a.shape:  # one weight for each place along the axes
        axes = axes_of(a, axis, "average")
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
    y = f.sum(a * weights, axis, keepdims) / total
    return (y, total) if returned else y


def _without_nan(name: str, fill: float, extreme: bool = False) -> Callable[..., Any]:
    """The reduction of this name with `fill` for NaN; an extreme of nothing but NaN is NaN."""
    reduce = getattr(f, name)

    def reduced(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
        a = arrays_only(a, f"nan{name}")
        nan = np.isnan(plain(a))
        y = reduce(f.where(nan, fill, a), axis, keepdims)
        return f.where(nan.all(axis, keepdims=keepdims), math.nan, y) if extreme else y

    return reduced


def _nanmean(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    a = arrays_only(a, "nanmean")
    nan = np.isnan(plain(a))
    return f.sum(f.where(nan, 0, a), axis, keepdims) / np.sum(~nan, axis, keepdims=keepdims, dtype=a.dtype)


def _nanvar(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    a = arrays_only(a, "nanvar")
    nan = np.isnan(plain(a))
    away = f.where(nan, 0, a - _nanmean(a, axis, keepdims=True))
    count = np.sum(~nan, axis, keepdims=keepdims, dtype=a.dtype)
    return f.sum(away * away, axis, keepdims) / (count - ddof)


def _nanstd(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    variance = _nanvar(a, axis, ddof, keepdims)
    spread = plain(variance) > 0
    return f.where(spread, p.sqrt(f.where(spread, variance, 1)), variance)  # a constant has gradient 0


def _quantile(a: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    a, q = arrays_only(a, "quantile"), np.asarray(plain(q))
    if method != "linear":
        raise KindError(f"quantile interpolates with method='linear' here; given {method!r}")
    if not ((q >= 0) & (q <= 1)).all():
        raise RangeError(f"quantile takes q from 0 to 1 (percentile from 0 to 100); given {q!r}")
    axes = axes_of(a, axis, "quantile")
    kept = [k for k in range(a.ndim) if k not in axes]
    flat = p.transpose(a, axes=(*axes, *kept))
    flat = p.sort(p.reshape(flat, shape=(-1, *flat.shape[len(axes) :])), axis=0)
    place = q * (len(flat) - 1)
    low = np.floor(place).astype(int)
    part = (place - low).astype(a.dtype).reshape(q.shape + (1,) * len(kept))
    below, above = flat[low], flat[np.minimum(low + 1, len(flat) - 1)]
    y = below + f.where(part > 0, above - below, 0) * part
    return p.reshape(y, shape=q.shape + p.kept_shape(a.shape, axes)) if keepdims else y


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    y, k = one_axis(y, axis, "trapezoid")
    if x is not None:
        x = arrays_only(x, "trapezoid")
        dx = f.diff(x, axis=0 if x.ndim == 1 else axis)
        if x.ndim == 1:
            dx = f.reshape(dx, (-1,) + (1,) * (y.ndim - 1 - k))
    return f.sum(dx * (part_of(y, k, 1) + part_of(y, k, None, -1)) / 2, k)


def _cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    m = arrays_only(m, "cov")
    rows = [f.reshape(m, (1, -1)) if m.ndim < 2 else m if rowvar else f.transpose(m)]
    if y is not None:
        y = arrays_only(y, "cov")
        rows.append(f.reshape(y, (1, -1)) if y.ndim < 2 else y if rowvar else f.transpose(y))
    x = f.concatenate(rows) if len(rows) > 1 else rows[0]
    away = x - f.mean(x, 1, keepdims=True)
    return f.squeeze(away @ f.transpose(away) / (x.shape[1] - ((not bias) if ddof is None else ddof)))


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True) -> Any:
    c = _cov(x, y, rowvar)
    if not c.ndim:
        return c / c
    d = p.sqrt(f.diagonal(c))
    return c / f.outer(d, d)


def _cumulative(running: Callable[..., Any], first: float) -> Callable[..., Any]:
    def run(x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
        x = arrays_only(x, "a running sum or product")
        if axis is None and x.ndim > 1:
            raise KindError(f"a running sum or product of {describe(x)} needs an axis")
        x, k = one_axis(x, axis, "a running sum or product")
        y = running(x, k)
        if not include_initial:
            return y
        return f.concatenate([np.full((*x.shape[:k], 1, *x.shape[k + 1 :]), first, x.dtype), y], k)

    return run


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "amax": f.max,
    "amin": f.min,
    "ptp": lambda a, axis=None, keepdims=False: f.max(a, axis, keepdims) - f.min(a, axis, keepdims),
    "average": _average,
    "nansum": _without_nan("sum", 0),
    "nanprod": _without_nan("prod", 1),
    "nanmax": _without_nan("max", -math.inf, extreme=True),
    "nanmin": _without_nan("min", math.inf, extreme=True),
    "nanmean": _nanmean,
    "nanvar": _nanvar,
    "nanstd": _nanstd,
    "nancumsum": lambda a, axis=None: f.cumsum(f.where(np.isnan(plain(a)), 0, a), axis),
    "nancumprod": lambda a, axis=None: f.cumprod(f.where(np.isnan(plain(a)), 1, a), axis),
    "cumulative_sum": _cumulative(f.cumsum, 0),
    "cumulative_prod": _cumulative(f.cumprod, 1),
    "quantile": _quantile,
    "percentile": lambda a, q, axis=None, method="linear", keepdims=False: _quantile(
        a, np.asarray(plain(q)) / 100, axis, method, keepdims
    ),
    "trapezoid": _trapezoid,
    "cov": _cov,
    "corrcoef": _corrcoef,
}
