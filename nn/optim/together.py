"""Together: one call updates all parameters whose gradients are parts of one array, as those of a replay can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any
from weakref import ref

import numpy as np

from ...autograd.extending import InPieces
from .options import Memory

__all__ = ["Together", "change_alone", "parts_of"]


def change_alone(formula: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """From `formula(x, *memories, g, *numbers)`, whose first result is `x - d`, a function whose first result is `d`.

    It raises `TypeError` where `x` is used in another way, as by weight decay.

    >>> change_alone(lambda x, g, lr: [x - lr * g])(None, 3.0, 0.5)
    [1.5]
    """

    def change(_: Any, *others: Any) -> list[Any]:
        result, *memories = formula(_Start(), *others)
        if not isinstance(result, _Moved):
            raise TypeError("the formula is not x - d")
        return [result.d, *memories]

    return change


class _Start:
    """The parameter in a formula: one thing can be subtracted from it, and nothing else be computed."""

    def __sub__(self, d: Any) -> _Moved:
        return _Moved(d)


class _Moved:
    def __init__(self, d: Any) -> None:
        self.d = d


def parts_of(array: np.ndarray, parameters: Sequence[Any]) -> list[tuple[Any, ...]] | None:
    """Shape, strides and place of each gradient in an array that has them all, without overlap; `None` for others."""
    gradients = [p._grad for p in parameters]
    if any(getattr(g, "base", None) is not array for g in gradients) or array.ndim != 1:
        return None
    if any(g.dtype != array.dtype or not (g.flags.c_contiguous or g.flags.f_contiguous) for g in gradients):
        return None
    start = array.ctypes.data
    places = [g.ctypes.data - start for g in gradients]
    ends = sorted((at, at + g.nbytes) for at, g in zip(places, gradients))
    if any(end > following for (_, end), (following, _) in pairwise(ends)):
        return None
    return [(g.shape, g.strides, at) for g, at in zip(gradients, places)]


class Together:
    """The updates of parameters whose gradients are these `parts` of an array.

    What is subtracted from the parameters is computed for all of them in one array with the same parts, and so are
    their memories, the `names` in `state`. `program` is compiled from `change_alone`. No gradient is kept, so that a
    replay may write to its array again.
    """

    def __init__(
        self,
        program: InPieces,
        names: Sequence[str],
        parameters: Sequence[Any],
        array: np.ndarray,
        parts: list[tuple[Any, ...]],
        state: dict[Any, Memory],
    ) -> None:
        self.array, self.parts = ref(array), parts
        self.whole = [np.zeros_like(array) for _ in ("d", *names)]  # what is subtracted, and the memories
        self.change, self.numbers = program.call_for(self.whole[0])
        self.rows: list[tuple[Any, Any, Any]] = []  # a parameter, its array, and what is subtracted from it
        self.memories: list[tuple[Any, Memory, Memory]] = []  # those in `state`, and the arrays in them
        for p, (shape, strides, at) in zip(parameters, parts):
            d, *views = (np.ndarray(shape, array.dtype, each, at, strides) for each in self.whole)
            own = dict(zip(names, views))
            for name, view in own.items():
                np.copyto(view, state[p][name])
            state[p].update(own)
            self.rows.append((p, p._array, d))
            if state[p]:
                self.memories.append((p, state[p], own))

    def holds(self, parameters: Sequence[Any], array: np.ndarray, state: dict[Any, Memory]) -> bool:
        """Whether the gradients are in this array, and all else is where it was."""
        if self.array() is not array:  # another one, perhaps with the same parts
            if array.size != self.whole[0].size or parts_of(array, parameters) != self.parts:
                return False
            self.array = ref(array)
        if len(parameters) != len(self.rows):
            return False
        for p, x, _ in self.rows:
            if p._array is not x or getattr(p._grad, "base", None) is not array:
                return False
        for p, memory, own in self.memories:
            if state.get(p) is not memory or any(memory[name] is not own[name] for name in own):
                return False
        return True

    def update(self, array: np.ndarray, now: int) -> None:
        """Change all parameters by the gradients in `array`; `now` is the time of the assignment."""
        self.change(*self.whole, array, *self.numbers)
        subtract = np.subtract
        for p, x, d in self.rows:
            subtract(x, d, x)
            p._changed = now
