"""Arrays put together, cut and laid out anew, made of rows: blocks, grids, diagonals, choices."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as p
from ..errors import ShapeError
from ..functions.arguments import arrays_only, axes_of, on_axis, one_axis, plain, positions_of
from ..node import describe
from ..operators import Operators
from ..trees import leaves

__all__ = ["SHAPES"]


def _each(change: Callable[[Any], Any]) -> Callable[..., Any]:
    """The change, of one array or of several."""

    def changed(*arys: Any) -> Any:
        found = tuple(change(x if isinstance(x, Operators) else np.asarray(x)) for x in arys)
        return found[0] if len(found) == 1 else found

    return changed


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
