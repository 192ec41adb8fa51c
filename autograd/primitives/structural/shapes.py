"""Shapes: the same elements in another shape, order, array or dtype."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np

from ...engine.table import Primitive, structural
from .indexing import index

reshape: Primitive = structural(
    "reshape",
    lambda x, shape: np.reshape(x, shape),
    [lambda g, y, x, shape: reshape(g, shape=x.shape)],
    linear="together",
)


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


transpose: Primitive = structural(
    "transpose",
    lambda x, axes: np.transpose(x, axes),
    [lambda g, y, x, axes: transpose(g, axes=_inverse(axes))],
    linear="together",
)
broadcast_to = structural(
    "broadcast_to",
    lambda x, shape: np.broadcast_to(x, shape),
    [lambda g, y, x, shape: g],  # the engine sums over the repeated axes
    linear="together",
)
flip: Primitive = structural(
    "flip", lambda x, axis: np.flip(x, axis), [lambda g, y, x, axis: flip(g, axis=axis)], linear="together"
)
roll: Primitive = structural(
    "roll",
    lambda x, shift, axis: np.roll(x, shift, axis),
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
concatenate = structural(
    "concatenate", lambda *xs, axis: np.concatenate(xs, axis), _join_back, linear="together"
)
stack = structural("stack", lambda *xs, axis: np.stack(xs, axis), _stack_back, linear="together")
astype: Primitive = structural(
    "astype",
    lambda x, dtype: x.astype(dtype),
    [lambda g, y, x, dtype: astype(g, dtype=x.dtype)],
    linear="together",
)
