"""NumPy functions that are compositions of others, differentiated under NumPy's own names: `np.average(t, weights=w)`.

They take NumPy's arguments under NumPy's names. What is asked about the data, such as where it is NaN, is asked of
plain arrays and has no gradient.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from . import functions as f
from . import linalg
from . import primitives as p
from .einsum import tensordot
from .errors import KindError, RangeError, ShapeError
from .functions.arguments import Axis, arrays_only, axes_of, on_axis, one_axis, positions_of
from .node import describe
from .norms import norm
from .operators import Operators
from .trees import leaves
from .windows import conv

__all__ = ["COMPOSED"]


def plain(x: Any) -> Any:
    """The data of a node, also inside of lists and tuples; anything else as it is."""
    if isinstance(x, Operators):
        return x.data
    return type(x)(map(plain, x)) if isinstance(x, (list, tuple)) else x


def _each(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """The change, of one array or of several."""

    def changed(*arys: Any) -> Any:
        found = tuple(change(x if isinstance(x, Operators) else np.asarray(x)) for x in arys)
        return found[0] if len(found) == 1 else found

    return changed


def _part(x: Any, k: int, start: int | None = None, stop: int | None = None) -> Any:
    return p.index(x, at=on_axis(k, slice(start, stop)))


# ---------------------------------------------------------------------- elementwise


def _round(a: Any, decimals: int = 0) -> Any:
    return p.rint(a * 10.0**decimals) / 10.0**decimals if decimals else p.rint(a)


def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    data = plain(x)
    return f.where(np.isfinite(data), x, np.nan_to_num(data, nan=nan, posinf=posinf, neginf=neginf))


def _ignoring_nan(choose: Any) -> Callable[[Any, Any], Any]:
    def chosen(x1: Any, x2: Any) -> Any:
        a, b = np.isnan(plain(x1)), np.isnan(plain(x2))
        return choose(f.where(a & ~b, x2, x1), f.where(b & ~a, x1, x2))

    return chosen


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Linear between the points, which differentiates by all three; constant beyond the first and the last."""
    x, xp, fp = (arrays_only(a, "interp") for a in (x, xp, fp))
    at, known = plain(x), plain(xp)
    i = np.clip(np.searchsorted(known, at, side="right") - 1, 0, builtins.max(len(known) - 2, 0))
    j = np.minimum(i + 1, len(known) - 1)
    width = f.where(known[j] > known[i], xp[j] - xp[i], 1.0)
    y = fp[i] + f.clip((x - xp[i]) / width, 0, 1) * (fp[j] - fp[i])
    y = y if left is None else f.where(at < known[0], left, y)
    return y if right is None else f.where(at > known[-1], right, y)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "round": _round,
    "around": _round,
    "reciprocal": lambda x: 1.0 / x,
    "fabs": p.absolute,
    "float_power": p.power,
    "exp2": lambda x: 2.0**x,
    "logaddexp2": lambda x1, x2: p.logaddexp(x1 * math.log(2), x2 * math.log(2)) / math.log(2),
    "ceil": lambda x: -p.floor(-x),
    "trunc": lambda x: p.sign(x) * p.floor(p.absolute(x)),
    "fix": lambda x: p.sign(x) * p.floor(p.absolute(x)),
    **dict.fromkeys(["deg2rad", "radians"], lambda x: x * (math.pi / 180)),
    **dict.fromkeys(["rad2deg", "degrees"], lambda x: x * (180 / math.pi)),
    "fmax": _ignoring_nan(p.maximum),
    "fmin": _ignoring_nan(p.minimum),
    "copysign": lambda x1, x2: p.absolute(x1) * np.copysign(1, plain(x2)),
    "heaviside": lambda x1, x2: f.where(np.asarray(plain(x1)) == 0, x2, (p.sign(x1) + 1) / 2),
    "nan_to_num": _nan_to_num,
    "interp": _interp,
    "copy": lambda a: p.positive(a),
    "real": lambda val: p.positive(val),
    "conjugate": lambda x: p.positive(x),
    "imag": lambda val: np.zeros_like(plain(val)),
    "unwrap": lambda p, discont=None, axis=-1: p + (np.unwrap(plain(p), discont, axis) - plain(p)),
}


# ---------------------------------------------------------------------- reductions


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
    return f.sum(dx * (_part(y, k, 1) + _part(y, k, None, -1)) / 2, k)


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


# ---------------------------------------------------------------------- shapes, joining and cutting


def _atleast(ndim: int) -> Callable[..., Any]:
    def grown(x: Any) -> Any:
        if x.ndim >= ndim:
            return x
        if ndim == 3:
            return f.reshape(x, (1, 1, 1) if not x.ndim else (1, -1, 1) if x.ndim == 1 else (*x.shape, 1))
        return f.reshape(x, (1,) * (ndim - x.ndim) + x.shape)

    return _each(grown)


def _all_of(change: Callable[..., Any], tup: Sequence[Any]) -> list[Any]:
    return [change(x) for x in tup]


def _hstack(tup: Sequence[Any]) -> Any:
    arrays = _all_of(_atleast(1), tup)
    return f.concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


def _column(x: Any) -> Any:
    return f.reshape(x, (-1, 1)) if np.ndim(plain(x)) < 2 else x


def _block(arrays: Any) -> Any:
    def nesting(x: Any) -> int:
        return 1 + builtins.max(map(nesting, x)) if isinstance(x, list) else 0

    depth = nesting(arrays)
    ndim = builtins.max(depth, *(np.ndim(plain(x)) for x in leaves(arrays)))

    def joined(x: Any, level: int) -> Any:
        if not isinstance(x, list):
            x = arrays_only(x, "block")
            return f.reshape(x, (1,) * (ndim - x.ndim) + x.shape)
        return f.concatenate([joined(part, level + 1) for part in x], ndim - depth + level)

    return joined(arrays, 0)


def _diag(v: Any, k: int = 0) -> Any:
    v = arrays_only(v, "diag")
    if v.ndim == 2:
        return f.diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"diag takes a vector, or a matrix to take the diagonal of; given {describe(v)}")
    n, rows = v.shape[0] + abs(k), np.arange(v.shape[0]) + builtins.max(-k, 0)
    return p.scatter(v, shape=(n, n), at=(rows, rows + k))


def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    m = arrays_only(m, "rot90")
    i, j = axes_of(m, tuple(axes), "rot90")
    if k % 4 == 2:
        return f.flip(m, (i, j))
    return (
        m if k % 4 == 0 else f.swapaxes(f.flip(m, j), i, j) if k % 4 == 1 else f.flip(f.swapaxes(m, i, j), j)
    )


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    n = np.ndim(plain(a))
    axis, start = axis % n, start + n * (start < 0)
    return f.moveaxis(a, axis, start - (axis < start))


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    xs = [f.ravel(x) for x in xi]
    n = len(xs)
    grids = [f.reshape(x, (1,) * i + (-1,) + (1,) * (n - 1 - i)) for i, x in enumerate(xs)]
    if not sparse:
        grids = [f.broadcast_to(g, tuple(x.size for x in xs)) for g in grids]
    return tuple(f.swapaxes(g, 0, 1) for g in grids) if indexing == "xy" and n > 1 else tuple(grids)


def _broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*(np.shape(plain(x)) for x in args))
    return tuple(f.broadcast_to(x, shape) for x in args)


def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    x, k = one_axis(arr, axis, "delete")
    return p.index(x, at=on_axis(k, np.delete(np.arange(x.shape[k]), plain(obj))))


def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    x, k = one_axis(arr, axis, "insert")
    n, values = x.shape[k], f.astype(values, x.dtype)
    old = np.insert(np.arange(n), plain(obj), -1)  # where the old ones come to stand
    rest = x.shape[:k] + (int((old < 0).sum()),) + x.shape[k + 1 :]
    if values.ndim == x.ndim - 1 and np.ndim(plain(obj)) == 0 and values.ndim:
        values = f.expand_dims(values, k)
    new = f.broadcast_to(values, rest)
    order = np.where(old < 0, n + np.cumsum(old < 0) - 1, old)
    return p.index(f.concatenate([x, new], k), at=on_axis(k, order))


def _resize(a: Any, new_shape: Any) -> Any:
    a = f.ravel(a)
    shape = tuple(new_shape) if isinstance(new_shape, (tuple, list)) else (int(new_shape),)
    return a[np.resize(np.arange(a.size), shape)]


def _linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, axis: int = 0
) -> Any:
    ends = [x if np.ndim(x) == 0 else np.asarray(x) for x in (plain(start), plain(stop))]
    dtype = np.result_type(*ends, 0.0)
    gaps = builtins.max(num - builtins.bool(endpoint), 1)
    parts = (np.arange(num) / gaps).astype(dtype)
    parts = parts.reshape(-1, *(1,) * len(np.broadcast_shapes(*map(np.shape, ends))))
    y = f.moveaxis(start * (1 - parts) + stop * parts, 0, axis)
    return (y, (stop - start) / gaps) if retstep else y


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = f.diff(f.ravel(ary))
    parts = [to_begin, steps, to_end]
    return f.concatenate([f.ravel(f.astype(x, steps.dtype)) for x in parts if x is not None])


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    at = np.asarray(plain(x))
    if not isinstance(weights, Operators):
        return np.bincount(at, weights, minlength)
    return p.scatter(weights, shape=(builtins.max(minlength, int(at.max(initial=-1)) + 1),), at=at)


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    y = default
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        y = f.where(plain(condition), choice, y)
    return y


def _choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    chosen = positions_of(a, len(choices), "choose", mode)
    y = choices[0]
    for k in range(1, len(choices)):
        y = f.where(chosen == k, choices[k], y)
    return y


SHAPES: dict[str, Callable[..., Any]] = {
    "atleast_1d": _atleast(1),
    "atleast_2d": _atleast(2),
    "atleast_3d": _atleast(3),
    "vstack": lambda tup: f.concatenate(_all_of(_atleast(2), tup)),
    "hstack": _hstack,
    "dstack": lambda tup: f.concatenate(_all_of(_atleast(3), tup), 2),
    "column_stack": lambda tup: f.concatenate(_all_of(_column, tup), 1),
    "append": lambda arr, values, axis=None: f.concatenate([arr, values], axis),
    "block": _block,
    "hsplit": lambda ary, indices_or_sections: f.split(
        ary, indices_or_sections, 0 if np.ndim(plain(ary)) == 1 else 1
    ),
    "vsplit": lambda ary, indices_or_sections: f.split(ary, indices_or_sections, 0),
    "dsplit": lambda ary, indices_or_sections: f.split(ary, indices_or_sections, 2),
    "unstack": lambda x, axis=0: tuple(f.moveaxis(x, axis, 0)),
    "diag": _diag,
    "diagflat": lambda v, k=0: _diag(f.ravel(v), k),
    "fliplr": lambda m: f.flip(m, 1),
    "flipud": lambda m: f.flip(m, 0),
    "rot90": _rot90,
    "rollaxis": _rollaxis,
    "matrix_transpose": lambda x: f.swapaxes(x, -1, -2),
    "meshgrid": _meshgrid,
    "broadcast_arrays": _broadcast_arrays,
    "delete": _delete,
    "insert": _insert,
    "resize": _resize,
    "linspace": _linspace,
    "logspace": lambda start, stop, num=50, endpoint=True, base=10.0, axis=0: (
        base ** _linspace(start, stop, num, endpoint, False, axis)
    ),
    "geomspace": lambda start, stop, num=50, endpoint=True, axis=0: p.exp(
        _linspace(p.log(start), p.log(stop), num, endpoint, False, axis)
    ),
    "bincount": _bincount,
    "select": _select,
    "choose": _choose,
    "compress": lambda condition, a, axis=None: f.take(a, np.flatnonzero(plain(condition)), axis),
    "extract": lambda condition, arr: f.take(arr, np.flatnonzero(plain(condition))),
    "ediff1d": _ediff1d,
}  # fmt: skip


# ---------------------------------------------------------------------- products


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """A convolution of two vectors is the layer's, with the kernel turned round."""
    a, v = arrays_only(a, "convolve"), arrays_only(v, "convolve")
    if a.ndim > 1 or v.ndim > 1:
        raise ShapeError(
            f"convolve takes two vectors; given {describe(a)} and {describe(v)}. conv has more axes"
        )
    a, v = f.ravel(a), f.ravel(v)
    if a.size < v.size:
        a, v = v, a
    n = v.size
    if mode not in ("full", "same", "valid"):
        raise KindError(f"convolve has the modes full, same and valid; given {mode!r}")
    sides = {"full": (n - 1, n - 1), "same": (n // 2, (n - 1) // 2), "valid": (0, 0)}[mode]
    return f.ravel(conv(a[None, None], f.flip(v)[None, None], padding=(sides,)))


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    y = _convolve(a, f.flip(v), mode)
    if mode != "full" and np.size(plain(a)) < np.size(
        plain(v)
    ):  # where NumPy exchanges them, the order turns
        y = f.flip(_convolve(f.flip(a), v, mode))
    return y


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = f.moveaxis(a, axisa, -1), f.moveaxis(b, axisb, -1)
    if a.shape[-1] != 3 or b.shape[-1] != 3:
        raise ShapeError(f"cross takes vectors of three numbers; given {describe(a)} and {describe(b)}")
    left, right = [1, 2, 0], [2, 0, 1]
    return f.moveaxis(a[..., left] * b[..., right] - a[..., right] * b[..., left], -1, axisc)


def _gradient(f_: Any, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    """Differences over two steps, over one at the ends."""
    x = arrays_only(f_, "gradient")
    if edge_order != 1:
        raise KindError("gradient has edge_order=1 here, a difference over one step at the ends")
    axes = axes_of(x, axis, "gradient")
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(steps) != len(axes):
        raise ShapeError(
            f"gradient takes a step for all axes or one for each; given {len(steps)} for {len(axes)}"
        )
    if builtins.any(np.ndim(plain(h)) for h in steps):
        raise KindError("gradient takes steps as numbers here; for positions divide diff(f) by diff(x)")
    found = [
        f.concatenate(
            [
                (_part(x, k, 1, 2) - _part(x, k, 0, 1)) / h,
                (_part(x, k, 2) - _part(x, k, None, -2)) / (2 * h),
                (_part(x, k, -1) - _part(x, k, -2, -1)) / h,
            ],
            k,
        )
        for k, h in zip(axes, steps)
    ]
    return found[0] if len(found) == 1 else tuple(found)


def _polyval(p: Any, x: Any) -> Any:
    y = x * 0.0
    for coefficient in p:
        y = y * x + coefficient
    return y


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = f.ravel(x)
    powers = np.arange(x.size if N is None else N)
    return f.expand_dims(x, 1) ** (powers if increasing else powers[::-1]).astype(float)


def _matrix_power(a: Any, n: int) -> Any:
    """By squaring: about log2(n) products."""
    a = linalg.square_matrices(a, "matrix_power")
    if n < 0:
        a, n = linalg.inv(a), -n
    y: Any = None
    while n:
        if n % 2:
            y = a if y is None else y @ a
        a, n = (a @ a if n > 1 else a), n // 2
    return f.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape) + 0 * a if y is None else y


def _cond(x: Any, p: Any = None) -> Any:
    if p is None or abs(p) == 2 if not isinstance(p, str) else False:
        s = linalg.svd(x, compute_uv=False)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return norm(x, p, (-2, -1)) * norm(linalg.inv(x), p, (-2, -1))


def _tensorsolve(a: Any, b: Any) -> Any:
    a, b = arrays_only(a, "tensorsolve"), arrays_only(b, "tensorsolve")
    x = linalg.solve(f.reshape(a, (b.size, -1)), f.ravel(b))
    return f.reshape(x, a.shape[b.ndim :])


def _tensorinv(a: Any, ind: int = 2) -> Any:
    a = arrays_only(a, "tensorinv")
    y = linalg.inv(f.reshape(a, (math.prod(a.shape[:ind]), -1)))
    return f.reshape(y, a.shape[ind:] + a.shape[:ind])


PRODUCTS: dict[str, Callable[..., Any]] = {
    "vdot": lambda a, b: f.dot(f.ravel(a), f.ravel(b)),
    "vecdot": lambda x1, x2: f.sum(x1 * x2, -1),
    "matvec": lambda x1, x2: f.squeeze(x1 @ f.expand_dims(x2, -1), -1),
    "vecmat": lambda x1, x2: f.squeeze(f.expand_dims(x1, -2) @ x2, -2),
    "cross": _cross,
    "convolve": _convolve,
    "correlate": _correlate,
    "gradient": _gradient,
    "polyval": _polyval,
    "vander": _vander,
}

LINALG: dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "cross": lambda x1, x2, axis=-1: _cross(x1, x2, axis=axis),
    "diagonal": lambda x, offset=0: f.diagonal(x, offset, -2, -1),
    "matmul": lambda x1, x2: p.matmul(x1, x2),
    "matrix_norm": lambda x, ord="fro", keepdims=False: norm(x, ord, (-2, -1), keepdims),
    "matrix_power": _matrix_power,
    "matrix_transpose": lambda x: f.swapaxes(x, -1, -2),
    "multi_dot": lambda arrays: reduce(f.dot, arrays),
    "outer": f.outer,
    "svdvals": lambda x: linalg.svd(x, full_matrices=False, compute_uv=False),
    "tensordot": tensordot,
    "tensorinv": _tensorinv,
    "tensorsolve": _tensorsolve,
    "trace": lambda x, offset=0: f.trace(x, offset, -2, -1),
    "vecdot": lambda x1, x2, axis=-1: f.sum(x1 * x2, axis),
    "vector_norm": lambda x, axis=None, keepdims=False, ord=2: norm(
        f.ravel(x) if axis is None and not keepdims else x, ord, axis, keepdims
    ),
}


BY_NAME = {
    f"np.{name}": function for name, function in (ELEMENTWISE | REDUCTIONS | SHAPES | PRODUCTS).items()
}
BY_NAME |= {f"np.linalg.{name}": function for name, function in LINALG.items()}


def numpys(name: str) -> Any:
    """NumPy's function of this name; `None` where the installed NumPy has not got it yet."""
    module = np.linalg if name.startswith("np.linalg.") else np
    return getattr(module, name.rpartition(".")[2], None)


COMPOSED: dict[Any, Callable[..., Any]] = {
    numpys(name): function for name, function in BY_NAME.items() if numpys(name) is not None
}
