"""Joining, splitting and rearranging arrays, made of rows: blocks, grids, diagonals, choices."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as p
from ..engine.node import describe, each_time, numbers
from ..engine.operators import Operators
from ..engine.table import TABLE
from ..errors import KindError, RangeError, ShapeError
from ..functions.arguments import (
    arrays_only,
    axes_of,
    integer_of,
    integers_of,
    on_axis,
    on_shape,
    one_axis,
    plain,
    positions_of,
    shape_of,
)
from ..functions.elementwise import in_dtype
from ..functions.joining import arrays_of
from ..functions.matrices import OFFSET
from .trees import leaves

__all__ = ["SHAPES"]


def _grown(x: Any, ndim: int, what: str) -> Any:
    """`x` with at least that many axes."""
    x = arrays_only(x, what)
    if x.ndim >= ndim:
        return x
    if ndim == 3:
        return f.reshape(x, (1, 1, 1) if not x.ndim else (1, x.size, 1) if x.ndim == 1 else (*x.shape, 1))
    return _with_axes(x, ndim)


def _atleast(ndim: int) -> Callable[..., Any]:
    def grown(*arys: Any) -> Any:
        found = tuple(_grown(x, ndim, f"atleast_{ndim}d") for x in arys)
        return found[0] if len(found) == 1 else found

    return grown


def _joined(what: str, ndim: int, axis: int) -> Callable[..., Any]:
    """`vstack` and similar functions: arrays of at least that many axes, joined along one."""

    def joined(tup: Sequence[Any], *, dtype: Any = None, casting: Any = "same_kind") -> Any:
        arrays = [_grown(x, ndim, what) for x in arrays_of(tup, what, 0, dtype, casting)]
        return f.concatenate(arrays, min(axis, arrays[0].ndim - 1))

    return joined


def _column_stack(tup: Sequence[Any]) -> Any:
    columns = [f.reshape(x, (x.size, 1)) if x.ndim < 2 else x for x in arrays_of(tup, "column_stack")]
    return f.concatenate(columns, 1)


def _block(arrays: Any) -> Any:
    def depth(x: Any) -> int:
        """The depth of the nested lists, which must be the same everywhere."""
        if isinstance(x, tuple):
            raise KindError("block takes arrays in nested lists; given a tuple among them")
        if not isinstance(x, list):
            return 0
        below = {depth(part) for part in x}
        if len(below) != 1:
            raise ShapeError(
                "block takes lists with something in them, and all arrays equally deep; given "
                + (
                    "an empty list"
                    if not below
                    else f"arrays {min(below)} and {max(below)} lists further down"
                )
            )
        return 1 + below.pop()

    deep = depth(arrays)
    ndim = max(deep, *(np.ndim(numbers(x)) for x in leaves(arrays)))

    def joined(x: Any, level: int) -> Any:
        if not isinstance(x, list):
            return _with_axes(arrays_only(x, "block"), ndim)
        return f.concatenate([joined(part, level + 1) for part in x], ndim - deep + level)

    return joined(arrays, 0)


def _diag(v: Any, k: int = 0) -> Any:
    v = arrays_only(v, "diag")
    if v.ndim == 2:
        return f.diagonal(v, k)
    if v.ndim != 1:
        raise ShapeError(f"diag takes a vector, or a matrix to take the diagonal of; given {describe(v)}")
    k = integer_of(k, "diag", OFFSET)
    n, rows = v.shape[0] + abs(k), np.arange(v.shape[0]) + max(-k, 0)
    return p.scatter(v, shape=(n, n), at=(rows, rows + k))


def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    m, k = arrays_only(m, "rot90"), integer_of(k, "rot90", "k as an integer") % 4
    found = axes_of(m, shape_of(axes, "rot90", "axes as integers"), "rot90")
    if len(found) != 2:
        raise ShapeError(f"rot90 turns two axes; given axes={axes!r}")
    i, j = found
    if k == 2:
        return f.flip(m, (i, j))
    return m if k == 0 else f.swapaxes(f.flip(m, j), i, j) if k == 1 else f.flip(f.swapaxes(m, i, j), j)


def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    a = arrays_only(a, "rollaxis")
    (axis,) = axes_of(a, integer_of(axis, "rollaxis", "an axis as an integer"), "rollaxis")
    start = integer_of(start, "rollaxis", "start as an integer")
    if not -a.ndim <= start <= a.ndim:
        raise ShapeError(f"rollaxis of {describe(a)} has places from 0 to {a.ndim}; given start={start}")
    start += a.ndim * (start < 0)
    return f.moveaxis(a, axis, start - (axis < start))


def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    if indexing not in ("xy", "ij"):
        raise KindError(f"meshgrid has the indexing 'xy' and 'ij'; given {indexing!r}")
    xs = [f.ravel(x) for x in xi]
    n = len(xs)
    grids = [f.reshape(x, (1,) * i + (x.size,) + (1,) * (n - 1 - i)) for i, x in enumerate(xs)]
    if not sparse:
        grids = [f.broadcast_to(g, tuple(x.size for x in xs)) for g in grids]
    return tuple(f.swapaxes(g, 0, 1) for g in grids) if indexing == "xy" and n > 1 else tuple(grids)


def _broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    arrays = [arrays_only(x, "broadcast_arrays") for x in args]
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    return tuple(f.broadcast_to(x, shape) for x in arrays)


def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    x, k = one_axis(arr, axis, "delete")
    return p.index(x, at=on_axis(k, np.delete(np.arange(x.shape[k]), _places(obj))))


def _places(obj: Any) -> Any:
    """Positions in the forms that NumPy's `insert` and `delete` take; not nodes."""
    return np.asarray(plain(obj), None if np.size(plain(obj)) else int) if not isinstance(obj, slice) else obj


def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    x, k = one_axis(arr, axis, "insert")
    n, places, values = x.shape[k], _places(obj), f.astype(values, x.dtype)
    count = np.insert(np.arange(n), places, -1).size - n
    if count == 1:  # any number of rows may be inserted at one position
        values = _with_axes(values, x.ndim)
        if not isinstance(places, slice) and places.ndim == 0:
            values = f.moveaxis(values, 0, k)
        count = values.shape[k]
    while values.ndim > x.ndim and values.shape[0] == 1:
        values = values[0]
    new = f.broadcast_to(values, on_shape(x.shape, k, count))
    order = np.insert(np.arange(n), places, np.arange(n, n + count))  # NumPy gives the positions
    return p.index(f.concatenate([x, new], k), at=on_axis(k, order))


def _with_axes(x: Any, ndim: int) -> Any:
    """`x` with axes of length 1 in front, so that it has at least that many axes."""
    return x if x.ndim >= ndim else f.reshape(x, (1,) * (ndim - x.ndim) + x.shape)


def _resize(a: Any, new_shape: Any) -> Any:
    a, shape = f.ravel(a), shape_of(new_shape, "resize")
    if builtins.any(n < 0 for n in shape):
        raise RangeError(f"resize takes lengths of 0 and more; given {new_shape!r}")
    if not a.size:
        return f.broadcast_to(f.sum(a, dtype=a.dtype), shape)  # zeros
    return p.index(a, at=np.resize(np.arange(a.size), shape))


def _linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
    axis: int = 0,
) -> Any:  # fmt: skip
    num = integer_of(num, "linspace", "the number of points as an integer")
    if num < 0:
        raise RangeError(f"linspace takes a number of points, 0 or more; given {num}")
    ends = [x if np.ndim(x) == 0 else np.asarray(x) for x in (numbers(start), numbers(stop))]
    floating = np.result_type(*ends, 0.0)
    gaps = num - builtins.bool(endpoint)
    axes = (1,) * len(np.broadcast_shapes(*map(np.shape, ends)))
    parts = (np.arange(num) / max(gaps, 1)).astype(floating).reshape(num, *axes)
    y = start + parts * (stop - start)
    if endpoint and num > 1:
        y = f.where((np.arange(num) == num - 1).reshape(num, *axes), stop, y)  # exactly, without rounding
    y = f.moveaxis(y, 0, axis)
    y = in_dtype(y, "linspace", dtype, floating=True)
    return (y, (stop - start) / gaps if gaps > 0 else math.nan) if retstep else y


def _logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if np.ndim(numbers(base)):
        start, stop, base = _broadcast_arrays(start, stop, base)
        base = f.expand_dims(base, axis)
    y = base ** _linspace(start, stop, num, endpoint, axis=axis)
    return in_dtype(y, "logspace", dtype, floating=True)


def _geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    each_time(_refuse_zero_between, start, stop)
    sign = p.sign(start)
    y = p.exp(_linspace(p.log(start * sign), p.log(stop * sign), num, endpoint)) * sign
    places = np.arange(len(y)).reshape(-1, *(1,) * (y.ndim - 1))
    y = f.where(places == 0, start, y)
    y = f.where(places == num - 1, stop * p.absolute(sign), y) if endpoint and num > 1 else y
    y = f.moveaxis(y, 0, axis)
    return in_dtype(y, "geomspace", dtype, floating=True)


def _refuse_zero_between(start: Any, stop: Any) -> None:
    if (np.asarray(start) * np.asarray(stop) <= 0).any():
        raise RangeError("geomspace runs between two numbers of one sign, without 0")


def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = f.diff(f.ravel(ary))
    parts = [x if x is steps else f.ravel(x) for x in (to_begin, steps, to_end) if x is not None]
    for x in parts:
        if not np.can_cast(x.dtype, steps.dtype, "same_kind"):
            raise KindError(
                f"ediff1d of {steps.dtype} was given {describe(x)} for an end. Write t.astype(float) first"
            )
    return f.concatenate([f.astype(x, steps.dtype) for x in parts])


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    at, minlength = integers_of(x, "bincount", "positions"), integer_of(minlength, "bincount", "minlength")
    if at.ndim != 1 or (at < 0).any() or minlength < 0:
        raise RangeError(f"bincount takes a vector of positions, 0 or more; given {describe(x)}")
    if weights is None:
        return np.bincount(at, None, minlength)
    weights = arrays_only(weights, "bincount")
    if weights.shape != at.shape:
        raise ShapeError(
            f"bincount takes a weight for each of {at.size} positions; given {describe(weights)}"
        )
    return p.scatter(weights, shape=(max(minlength, int(at.max(initial=-1)) + 1),), at=at)


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ShapeError(
            f"select takes as many conditions as choices, one or more; given {len(condlist)} and {len(choicelist)}"
        )
    for condition in condlist:
        if np.asarray(numbers(condition)).dtype.kind != "b":
            raise KindError(
                f"select takes conditions as booleans, such as t > 0; given {describe(condition)}"
            )
    y = 0 if default is None else default
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        y = f.where(condition, choice, y)
    return y


def _choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    choices = list(choices) if isinstance(choices, (list, tuple)) else [*arrays_only(choices, "choose")]
    chosen = positions_of(a, len(choices), "choose", mode)
    if (chosen < 0).any():
        raise RangeError(f"choose numbers its choices from 0; given {int(chosen.min())}")
    is_number = TABLE["equal"] if isinstance(chosen, Operators) else np.equal
    y = f.where(is_number(chosen, 0), choices[0], 0) if len(choices) == 1 else choices[0]
    for k in range(1, len(choices)):
        y = f.where(is_number(chosen, k), choices[k], y)
    return y


def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    return f.take(a, np.flatnonzero(_condition(condition, "compress", 1)), axis)


def _extract(condition: Any, arr: Any) -> Any:
    return f.take(arr, np.flatnonzero(_condition(condition, "extract")))


def _condition(given: Any, what: str, ndim: int | None = None) -> Any:
    """A plain condition; it determines the number of elements."""
    condition = np.asarray(plain(given))
    if getattr(given, "requires_grad", False) or condition.dtype.kind not in "fiub":
        raise KindError(f"{what} takes a condition in plain booleans, such as t > 0; given {describe(given)}")
    if ndim is not None and condition.ndim != ndim:
        raise ShapeError(f"{what} takes a condition with one axis; given {describe(condition)}")
    return condition


def _split_along(what: str, axis: int, least: int) -> Callable[..., Any]:
    def cut(ary: Any, indices_or_sections: Any) -> Any:
        ary = arrays_only(ary, what)
        if ary.ndim < least:
            raise ShapeError(f"{what} takes an array of {least} axes or more; given {describe(ary)}")
        return f.split(ary, indices_or_sections, min(axis, ary.ndim - 1))

    return cut


SHAPES: dict[str, Callable[..., Any]] = {
    "atleast_1d": _atleast(1),
    "atleast_2d": _atleast(2),
    "atleast_3d": _atleast(3),
    "vstack": _joined("vstack", 2, 0),
    "hstack": _joined("hstack", 1, 1),
    "dstack": _joined("dstack", 3, 2),
    "column_stack": _column_stack,
    "append": lambda arr, values, axis=None: f.concatenate([arr, values], axis),
    "block": _block,
    "hsplit": _split_along("hsplit", 1, 1),
    "vsplit": _split_along("vsplit", 0, 2),
    "dsplit": _split_along("dsplit", 2, 3),
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
    "logspace": _logspace,
    "geomspace": _geomspace,
    "bincount": _bincount,
    "select": _select,
    "choose": _choose,
    "compress": _compress,
    "extract": _extract,
    "ediff1d": _ediff1d,
}
