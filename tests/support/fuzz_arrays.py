"""Random arrays for calls: every floating dtype, odd sizes and layouts, ordinary and special numbers.

Sizes are 0, 1 and a few; arrays have negative strides, gaps, no strides at all (broadcast), or may not be written to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

Draw = Callable[[Any], Any]

DTYPES = [np.dtype(char) for char in "dddffeg"]
ORDINARY = [1.0, -1.0, 0.5, -2.5, 2.0, 3.0, 0.1, -0.7, 1.25, 7.0]
SPECIAL = [0.0, -0.0, 0.0, math.inf, -math.inf, math.nan, 1e-30, -1e30, 6e4, 1e-7, 710.0, 1.0, 1.0, 2.0]
SHAPES = [(), (1,), (3,), (0,), (2, 3), (3, 1), (1, 1), (0, 3), (2, 1, 2), (2, 0, 1), (4,)]


def array(
    draw: Draw,
    shape: tuple[int, ...] | None = None,
    *,
    ndim: int = 0,
    nonempty: bool = False,
    special: bool = True,
    dtype: Any = None,
) -> np.ndarray:
    """An array of some dtype, numbers and layout; of `ndim` axes or more."""
    if shape is None:
        shape = draw(st.sampled_from([s for s in SHAPES if len(s) >= ndim and not (nonempty and 0 in s)]))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)) if dtype is None else dtype)
    pool = ORDINARY + SPECIAL if special and draw(st.booleans()) else ORDINARY
    flat = draw(st.lists(st.sampled_from(pool), min_size=math.prod(shape), max_size=math.prod(shape)))
    with np.errstate(over="ignore"):
        x = np.array(flat, dtype).reshape(shape)
    layout = draw(st.sampled_from(["C", "C", "F", "reversed", "gaps", "read-only", "repeated"]))
    if layout == "F":
        x = np.asfortranarray(x)
    elif layout == "reversed":
        x = np.flip(np.flip(x).copy())
    elif layout == "gaps" and x.ndim:
        wide = np.zeros((*shape[:-1], 2 * shape[-1]), dtype)
        wide[..., ::2] = x
        x = wide[..., ::2]
    elif layout == "read-only":
        x.flags.writeable = False
    elif layout == "repeated" and x.ndim and x.size:
        x = np.broadcast_to(x[:1], shape)
    return x


def partner(draw: Draw, x: np.ndarray, **options: Any) -> np.ndarray:
    """An array that broadcasts with `x`, mostly of its dtype."""
    shape = draw(st.sampled_from([x.shape, x.shape, (), x.shape[1:], tuple(1 for _ in x.shape)]))
    dtype = draw(st.sampled_from([x.dtype, x.dtype, x.dtype, np.dtype("d"), np.dtype("f")]))
    return array(draw, shape, dtype=dtype, **options)


def matrix(draw: Draw, rows: int | None = None, columns: int | None = None) -> np.ndarray:
    """A matrix, or a stack of two, with a large diagonal of different numbers."""
    rows = draw(st.sampled_from([1, 2, 3])) if rows is None else rows
    columns = rows if columns is None else columns
    stack = draw(st.sampled_from([(), (), (2,)]))
    small = np.array(
        draw(
            st.lists(
                st.sampled_from(ORDINARY[:8]),
                min_size=math.prod(stack) * rows * columns,
                max_size=math.prod(stack) * rows * columns,
            )
        )
    ).reshape(*stack, rows, columns)
    diagonal = np.zeros((rows, columns))
    np.fill_diagonal(diagonal, np.arange(3, 3 + min(rows, columns)) * 1.7)
    return (0.2 * small + diagonal).astype(draw(st.sampled_from("ddf")))


def axis_of(draw: Draw, x: np.ndarray, none: bool = True, several: bool = True) -> Any:
    """An axis of `x`, negative ones too; several in a tuple; or `None`."""
    axes = list(range(-x.ndim, x.ndim))
    options: list[Any] = ([None] if none else []) + axes
    if several and x.ndim > 1:
        options += [(0, 1), (-1, 0), ()]
    return draw(st.sampled_from(options or [None]))


def integers(draw: Draw, n: int, shape: tuple[int, ...]) -> np.ndarray:
    """Indices into an axis of length n."""
    found = draw(st.lists(st.integers(-n, n - 1), min_size=math.prod(shape), max_size=math.prod(shape)))
    return np.array(found, int).reshape(shape)


def masks(draw: Draw, shape: tuple[int, ...]) -> np.ndarray:
    found = draw(st.lists(st.booleans(), min_size=math.prod(shape), max_size=math.prod(shape)))
    return np.array(found, bool).reshape(shape)
