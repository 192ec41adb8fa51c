"""A batch as arrays in a row, and as leaves in the place of its arrays."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from ...autograd import Node
from ...autograd.extending import describe, kind_of, leaf_for
from ..base.module import Module
from ..base.parameter import ScalarParameter

__all__ = ["Batch", "on_batches"]


class Batch:
    """The inputs and the target of one step: arrays, and dicts of arrays; `parts` as they were given."""

    __slots__ = ("_arrays", "parts")

    def __init__(self, parts: Sequence[Any], arrays: list[Any] | None = None) -> None:
        self.parts, self._arrays = parts, arrays

    @property
    def arrays(self) -> list[Any]:
        """All arrays, in order."""
        if self._arrays is None:
            self._arrays = arrays = list[Any]()
            for x in self.parts:
                if x.__class__ is np.ndarray:
                    arrays.append(x)
                elif isinstance(x, dict):
                    arrays += x.values()
                else:
                    plain = not (isinstance(x, Node) and x.requires_grad)  # a gradient is wanted there
                    arrays.append(np.asarray(x.data if isinstance(x, Node) else x) if plain else x)
        return self._arrays

    @property
    def key(self) -> Hashable:
        """Names in dicts, shapes, dtypes and memory layouts, for which a recording holds.

        It is `None` if something is no array of numbers.
        """
        names = [(k, *x) for k, x in enumerate(self.parts) if isinstance(x, dict)]
        kinds = [
            kind_of(x) if x.__class__ is np.ndarray and x.dtype.kind in "fiub" else None for x in self.arrays
        ]
        return None if None in kinds else (*kinds, *names)

    def leaves(self) -> list[Any]:
        """A leaf for each array, in the same memory layout."""
        return [leaf_for(x, False) for x in self.arrays]

    def filled(self, leaves: Sequence[Any]) -> list[Any]:
        """The parts with `leaves` in place of the arrays."""
        rest = iter(leaves)
        return [{name: next(rest) for name in x} if isinstance(x, dict) else next(rest) for x in self.parts]

    def described(self) -> str:
        """A few words for error messages."""
        return ", ".join(map(describe, self.arrays))


def on_batches(model: Module) -> Callable[..., Any]:
    """The model as a function of batches; a network of Values is called with the rows one by one."""
    if isinstance(next(model.named_parameters(), ("", None))[1], ScalarParameter):
        return lambda *inputs: [model(*row) for row in zip(*(np.asarray(x).tolist() for x in inputs))]
    return model
