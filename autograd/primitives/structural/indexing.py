"""Indexing: elements selected by an index, put back, set and added to.

An index is an integer, a slice, an array, or a tuple of these. Tensors of integers in an index are inputs of the row,
after its other inputs, so that they are in the graph. A `Gap` in the index has the number of such an input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import Primitive, structural
from ..elementwise.float16 import in_float32


@dataclass(frozen=True)
class Gap:
    """In an index, in place of an input of integers; `number` is the position among these inputs."""

    number: int


def filled(at: Any, places: Sequence[Any]) -> Any:
    """The index `at` with inputs in place of its gaps."""
    if isinstance(at, tuple):
        return tuple([filled(part, places) for part in at])
    return places[at.number] if isinstance(at, Gap) else at


def without_gaps(at: Any, inputs: Sequence[Any]) -> tuple[Any, Sequence[Any]]:
    """The index with its gaps filled by the last of the inputs, and the other inputs."""
    parts = at if isinstance(at, tuple) else (at,)
    count = sum(isinstance(part, Gap) for part in parts)
    own = len(inputs) - count
    return (filled(at, inputs[own:]), inputs[:own]) if count else (at, inputs)


def _at_places(compute: Any, count: int) -> Any:
    """`compute`, a function of `count` inputs and an index; inputs after those fill the gaps of the index."""

    def computed(*inputs: Any, at: Any, **params: Any) -> Any:
        if len(inputs) == count:
            return compute(*inputs, at=at, **params)
        return compute(*inputs[:count], at=filled(at, inputs[count:]), **params)

    computed.computes = compute  # type: ignore[attr-defined]  # what a printed program calls
    return computed


def _is_basic(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in parts
    ) and not any(isinstance(p, bool) for p in parts)


def _index(x: Any, at: Any) -> Any:
    return x[at]


def _scatter(g: Any, shape: tuple[int, ...], at: Any) -> Any:
    out = np.zeros(shape, g.dtype)
    if _is_basic(at):
        out[at] = g
    else:
        np.add.at(out, at, g)  # an index may be repeated
    return out


def _index_back(i: int, g: Any, y: Any, x: Any, *places: Any, at: Any) -> Any:
    return scatter(g, *places, shape=x.shape, at=at) if i == 0 else None


def _scatter_back(i: int, g: Any, y: Any, x: Any, *places: Any, shape: tuple[int, ...], at: Any) -> Any:
    return index(g, *places, at=at) if i == 0 else None


index: Primitive = structural("index", _at_places(_index, 1), _index_back, linear="together")
scatter: Primitive = structural(
    "scatter", _at_places(in_float32(_scatter), 1), _scatter_back, linear="together"
)


def _data(x: Any) -> Any:
    return x.data if hasattr(x, "_apply") else x


def last_at(shape: tuple[int, ...], at: Any) -> Any:
    """For each element that `at` selects: whether no later one has the same position."""
    place = np.arange(math.prod(shape)).reshape(shape)[at]
    last = np.empty(math.prod(shape), int)
    last[place.ravel()] = number = np.arange(place.size)
    return (last[place.ravel()] == number).reshape(place.shape)


def _set_at(x: Any, v: Any, at: Any) -> Any:
    out = x.copy()
    out[at] = v
    return out


def _add_at(x: Any, v: Any, at: Any) -> Any:
    out = x.copy()
    np.add.at(out, at, v.astype(x.dtype))
    return out


def _set_at_back(i: int, g: Any, y: Any, x: Any, v: Any, *places: Any, at: Any) -> Any:
    if i > 1:
        return None
    if i == 0:
        return set_at(g, 0, *places, at=at)
    arriving = index(g, *places, at=at)
    if _is_basic(at):
        return arriving
    return where(last_at(x.shape, filled(_data(at), [_data(place) for place in places])), arriving, 0)


def _add_at_back(i: int, g: Any, y: Any, x: Any, v: Any, *places: Any, at: Any) -> Any:
    return None if i > 1 else g if i == 0 else index(g, *places, at=at)


set_at: Primitive = structural("set_at", _at_places(_set_at, 2), _set_at_back, linear="together")
add_at = structural("add_at", _at_places(in_float32(_add_at), 2), _add_at_back, linear="together")
