"""Shapes: the same elements in another shape, order, array or dtype."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from ...engine.table import Primitive, structural
from .indexing import index


def _reshape(x: Any, shape: tuple[int, ...]) -> Any:
    return np.reshape(x, shape)  # NumPy 2.0 has another name for `shape`


reshape: Primitive = structural(
    "reshape", _reshape, [lambda g, y, x, shape: reshape(g, shape=x.shape)], linear="together"
)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


transpose: Primitive = structural(
    "transpose",
    np.transpose,
    [lambda g, y, x, axes: transpose(g, axes=_inverse(axes))],
    linear="together",
)
broadcast_to = structural(
    "broadcast_to",
    np.broadcast_to,
    [lambda g, y, x, shape: g],  # the engine sums it back
    linear="together",
)
flip: Primitive = structural("flip", np.flip, [lambda g, y, x, axis: flip(g, axis=axis)], linear="together")
roll: Primitive = structural(
    "roll",
    np.roll,
    [lambda g, y, x, shift, axis: roll(g, shift=tuple(-n for n in shift), axis=axis)],
    linear="together",
)


def _join_back(i: int, g: Any, y: Any, *xs: Any, axis: int) -> Any:
    start = sum(x.shape[axis] for x in xs[:i])
    at = (slice(None),) * (axis % g.ndim) + (slice(start, start + xs[i].shape[axis]),)
    return index(g, at=at)


def _stack_back(i: int, g: Any, y: Any, *xs: Any, axis: int) -> Any:
    return index(g, at=(slice(None),) * (axis % g.ndim) + (i,))


def _parts(g: Any, y: Any, *xs: Any, axis: int) -> list[Any]:
    """The results of `_join_back` for all inputs."""
    before, start, ends = (slice(None),) * (axis % g.ndim), 0, accumulate(x.shape[axis] for x in xs)
    return [index(g, at=(*before, slice(start, start := end))) for end in ends]


def _layers(g: Any, y: Any, *xs: Any, axis: int) -> list[Any]:
    """The results of `_stack_back` for all inputs."""
    return [_stack_back(i, g, y, axis=axis) for i in range(len(xs))]


_join_back.every, _stack_back.every = _parts, _layers  # type: ignore[attr-defined]


def _concatenate(*xs: Any, axis: int) -> Any:
    return np.concatenate(xs, axis=axis)


def _stack(*xs: Any, axis: int) -> Any:
    return np.stack(xs, axis=axis)


def _astype(x: Any, dtype: Any) -> Any:
    return x.astype(dtype)


concatenate = structural("concatenate", _concatenate, _join_back, linear="together")
stack = structural("stack", _stack, _stack_back, linear="together")
astype: Primitive = structural(
    "astype", _astype, [lambda g, y, x, dtype: astype(g, dtype=x.dtype)], linear="together"
)
