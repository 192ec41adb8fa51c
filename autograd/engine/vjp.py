"""Applying the rules of a row: from the gradient at its output to the gradients at its inputs.

Everything that differentiates calls `pass_back`: the backward pass on numbers, on nodes (higher derivatives), on traced
arrays (replays) and on expressions (printed programs); forward mode calls `times`. The numbers can be of any kind,
because the rules, and this file, are written with operators and rows only. The loops over many small nodes take as long
as their calls, so recording.py and pulling.py have the same written out, for floats and for arrays.

Short names: `g` is the gradient that arrives at the output `y`, `c` is the contribution to the gradient of an input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from .operators import where
from .table import TABLE, Primitive

__all__ = ["pass_back", "times", "unbroadcast"]


def pass_back(
    op: Primitive,
    wanted: Iterable[int],
    g: Any,
    y: Any,
    inputs: Sequence[Any],
    params: dict[str, Any],
    zero_safe: bool = False,
    call: Any = None,
) -> Iterator[tuple[int, Any]]:
    """The contribution to each input that is wanted, with its position; none where the row is flat in an input.

    With `zero_safe`, a gradient or a local gradient of zero stays zero beside an infinite or undefined factor. `call`
    is that of `Primitive.each_rule`.
    """
    if op.elementwise:
        for i, local in op.each_rule(wanted, (y, *inputs), params, call):
            yield i, times(g, local, zero_safe)
    else:
        for i, c in op.each_rule(wanted, (g, y, *inputs), params, call):
            if c is not None:
                yield i, c


def times(g: Any, local: Any, zero_safe: bool = False) -> Any:
    """The gradient times the local gradient; with `zero_safe`, zero times infinity is zero."""
    if local.__class__ is int and local * local == 1:
        return g if local == 1 else -g
    c = g * local
    if zero_safe:
        return where((c != c) & ((g == 0) | (local == 0)), 0.0, c)
    return c


def fitted(c: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A contribution in the shape and dtype of its input, where that is an array."""
    if c.shape != shape:
        c = unbroadcast(c, shape)
    return c if c.dtype == dtype else TABLE["astype"](c, dtype=dtype)


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum `g` over the axes along which an input of `shape` was repeated."""
    if g.shape == shape:
        return g
    if g.size == 1 and not shape:
        return TABLE["reshape"](g, shape=())
    lead = g.ndim - len(shape)
    if lead > 0 and g.shape[lead:] == shape:  # only axes in front, as for a bias
        return TABLE["sum"](g, axis=(0,) if lead == 1 else tuple(range(lead)), keepdims=False)
    try:
        full = np.broadcast_shapes(g.shape, shape)
    except ValueError:
        raise ShapeError(
            f"a rule passed back a gradient of shape {g.shape} to an input of shape {shape}"
        ) from None
    if full != g.shape:  # a rule may return less than the full shape
        g = TABLE["broadcast_to"](g, shape=full)
    lead = g.ndim - len(shape)
    axis = tuple(k for k, n in enumerate(g.shape) if k < lead or (shape[k - lead] == 1 and n != 1))
    return TABLE["reshape"](TABLE["sum"](g, axis=axis, keepdims=False), shape=shape)
