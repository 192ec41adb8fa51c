"""Comparisons of Tensors, and `&`, `|`, `^` of the masks that they give.

They are plain arrays of booleans. In a recording that will be replayed they are Tensors, and a replay compares again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functions as f
from ..engine.node import following
from ..primitives import maximum, multiply
from .node import Node

__all__ = ["bind_comparisons"]

COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")
OF_MASKS = {"and": multiply, "or": maximum, "xor": lambda a, b: a != b}


def bind_comparisons(kind: Any) -> None:
    """Define the comparisons of a class of nodes, and the operators of masks."""
    for name in COMPARISONS:
        setattr(kind, name, _comparing(name))
    for name, combine in OF_MASKS.items():
        for each in (f"__{name}__", f"__r{name}__"):
            setattr(kind, each, _of_masks(each, combine))
    kind.__invert__ = lambda mask: mask ^ True
    kind.__hash__ = Node.__hash__


def _comparing(name: str) -> Any:
    """The comparison, with booleans as results also in a recording that will be replayed."""
    general = getattr(Node, name)

    def compare(self: Any, other: Any) -> Any:
        y = general(self, other)
        return f.astype(y, bool) if isinstance(y, Node) else y

    return compare


def _of_masks(name: str, combine: Any) -> Any:
    """`&`, `|`, `^` of masks in such a recording, where comparisons give Tensors."""
    general = getattr(Node, name)

    def combined(self: Any, other: Any) -> Any:
        there = np.asarray(True) if other is True or other is False else other
        masks = self.dtype == np.bool_ and getattr(there, "dtype", None) == np.bool_
        return combine(self, other) if masks and following() is not None else general(self, other)

    return combined
