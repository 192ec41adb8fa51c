"""Integers that select: which numbers they may be, checked before a program runs, because XLA raises no errors.

A class that there is not, or an index beyond the end, is an error in the engine. In a program of XLA it would give NaN
or another element. So the leaves of integers that a row uses as an index are compared with the length of the axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ChainruleError
from ..errors.lessons import lesson
from ..primitives.structural.indexing import Gap

__all__ = ["Limits"]

MOVING = {
    "reshape",
    "transpose",
    "broadcast_to",
    "flip",
    "roll",
    "expand_dims",
    "squeeze",
}  # the same integers
INDEXING = {"index": 1, "add_at": 2, "set_at": 2}  # the number of inputs before those in the index
CLASSES = {
    "cross_entropy": -1,
    "nll": -1,
    "rows": 0,
}  # the axis of the first input that the second one selects from


class Limits:
    """For each leaf of integers that selects from an axis, the lowest number and the one after the highest."""

    def __init__(self, nodes: Sequence[Any], leaves: Sequence[Any]) -> None:
        self.nodes, self.leaves = nodes, leaves
        number = {leaf: k for k, leaf in enumerate(leaves)}
        self.limits: dict[int, tuple[int, int]] = {}
        for node in nodes:
            for x, low, high in _selecting(node):
                while x.inputs and x.op.name in MOVING:
                    x = x.inputs[0]
                if x in number:
                    k = number[x]
                    before = self.limits.get(k, (low, high))
                    self.limits[k] = max(low, before[0]), min(high, before[1])

    def check(self, arrays: Sequence[Any]) -> None:
        """Raise the engine's error if a number of these arrays, one for each leaf, is outside of its limits.

        Arrays of JAX are not looked at: that would wait for them. `None` stands for the numbers of the leaf itself.
        """
        for k, (low, high) in self.limits.items():
            x = arrays[k]
            if isinstance(x, np.ndarray) and x.size and not _are_within(x, low, high):
                self._compute(arrays)

    def _compute(self, arrays: Sequence[Any]) -> None:
        """Compute the graph with NumPy, where an error names the operation."""
        values = {leaf: np.asarray(leaf.data if x is None else x) for leaf, x in zip(self.leaves, arrays)}
        for node in self.nodes:
            if node.inputs:
                inputs = [values[x] for x in node.inputs]
                try:
                    with np.errstate(all="ignore"):
                        values[node] = np.asarray(node.op.on_arrays(*inputs, **node.params))
                except ChainruleError:
                    raise
                except Exception as error:
                    raise lesson(node.op, inputs, node.params, error) from None
            elif node not in values:
                values[node] = np.asarray(node.data)


def _are_within(x: np.ndarray, low: int, high: int) -> bool:
    """Whether all of these integers are at least `low` and below `high`."""
    if low == 0 and x.dtype.kind == "i" and x.flags.c_contiguous:
        # numbers below 0 are large ones without a sign: one pass over the array in place of two
        x = x.view(f"u{x.itemsize}")
        return bool(x.item(x.argmax()) < high)  # `x.max()` of a hundred takes three times as long
    return bool(x.min() >= low and x.max() < high)


def _selecting(node: Any) -> list[tuple[Any, int, int]]:
    """The inputs of a node that select from an axis, each with its limits."""
    name = node.op.name if node.op is not None else ""
    if name in CLASSES and node.inputs[1].dtype.kind in "iu":
        n = node.inputs[0].shape[CLASSES[name]]
        return [(node.inputs[1], 0, n)]
    if name not in INDEXING or len(node.inputs) <= INDEXING[name]:
        return []
    shape, places = node.inputs[0].shape, node.inputs[INDEXING[name] :]
    at = node.params["at"]
    parts = list(at) if isinstance(at, tuple) else [at]
    found, axis = [], 0
    for k, part in enumerate(parts):
        if part is Ellipsis:
            axis = len(shape) - sum(_axes(p) for p in parts[k + 1 :])
            continue
        if isinstance(part, Gap):
            n = shape[axis]
            found.append((places[part.number], -n, n))
        axis += _axes(part)
    return found


def _axes(part: Any) -> int:
    """The number of axes that a part of an index is for."""
    if part is None:
        return 0
    array = np.asarray(part) if isinstance(part, (list, np.ndarray)) else None
    return array.ndim if array is not None and array.dtype == bool else 1
