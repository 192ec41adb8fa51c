"""In pieces: a function compiled in place changes large arrays piece by piece, so that each stays in the cache."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .in_place import in_place

__all__ = ["InPieces"]


class InPieces:
    """`function(*changed, *read, *numbers)` that returns new arrays for those that are changed; see `in_place`.

    `call_for(x)` gives the call that changes arrays like `x`, which has at most `largest` elements. It computes in
    `dtype`; arrays `x` in float16 are converted to it, piece by piece. Numbers are given by `take`. All arrays use the
    same memory for intermediate results. A function that cannot be compiled is called as it stands.

    >>> import numpy as np
    >>> from chainrule.autograd.extending import InPieces
    >>> descent = InPieces(lambda x, g, lr: [x - lr * g], ["x"], ["g"], ["lr"], np.float32, largest=5, piece=2)
    >>> descent.take({"lr": 0.5})
    >>> x = np.ones(5, np.float32)
    >>> call, others = descent.call_for(x)
    >>> call(x, np.arange(5, dtype=np.float32), *others)
    >>> x
    array([ 1. ,  0.5,  0. , -0.5, -1. ], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Sequence[Any]],
        changed: Sequence[str],
        read: Sequence[str],
        numbers: Sequence[str],
        dtype: Any,
        largest: int,
        piece: int,
    ) -> None:
        self.n_changed = len(changed)
        self.dtype, self.piece, self.shape = dtype, piece, (min(largest, piece),)
        self.program = in_place(function, changed, read, numbers, dtype)
        self.function = None if self.program else function  # which may hold much
        self.names: Sequence[str] = self.program.numbers if self.program else numbers
        self.numbers = [np.empty((), dtype) for _ in self.names]
        self.arrays = [np.empty(self.shape, d) for d in (self.program.room if self.program else ())]

    def take(self, numbers: Mapping[str, float]) -> None:
        """Compute with these numbers from now on."""
        for array, name in zip(self.numbers, self.names):
            array.fill(numbers[name])

    def call_for(self, x: np.ndarray) -> tuple[Callable[..., None], tuple[Any, ...]]:
        """A function of the arrays that changes those like `x`, and its last arguments."""
        if self.program is None:
            return self._plainly, (*self.numbers,)
        if x.dtype != self.dtype or x.size > self.piece:
            return self._in_pieces, ()
        return self.program.run, (*self.numbers, *self._room(x))

    def _plainly(self, *arrays: np.ndarray) -> None:
        assert self.function is not None
        results = self.function(*(a.astype(self.dtype, copy=False) for a in arrays))
        for array, new in zip(arrays, [np.array(y) for y in results]):
            array[...] = new

    def _room(self, x: np.ndarray) -> list[np.ndarray]:
        """Arrays in the shape of `x` for intermediate results."""
        if x.shape == self.shape:
            return self.arrays
        if x.flags.c_contiguous and x.size <= self.shape[0]:
            return [array[: x.size].reshape(x.shape) for array in self.arrays]
        return [np.empty_like(x, array.dtype) for array in self.arrays]

    def _in_pieces(self, *arrays: np.ndarray) -> None:
        assert self.program is not None
        parts: list[Any] = [slice(k, k + self.piece) for k in range(0, arrays[0].size, self.piece)]
        if all(a.flags.f_contiguous for a in arrays[: self.n_changed]):
            arrays = tuple(a.T for a in arrays)
        if all(a.flags.c_contiguous for a in arrays[: self.n_changed]):
            arrays = tuple(a.reshape(-1) for a in arrays)
        else:
            parts = [...]
        for part in parts:
            pieces = [a[part] for a in arrays]
            given = [a if a.dtype == self.dtype else a.astype(self.dtype) for a in pieces]
            self.program.run(*given, *self.numbers, *self._room(given[0]))
            for piece, new in zip(pieces[: self.n_changed], given):
                if new is not piece:
                    piece[...] = new
