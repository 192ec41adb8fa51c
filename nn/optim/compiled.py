"""A formula as NumPy calls in place, for arrays of one dtype: whole if they are small, otherwise in pieces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd.extending import in_place
from .options import Numbers

__all__ = ["Compiled"]


class Compiled:
    """The formula in one form, compiled, with its numbers and arrays for intermediate results.

    `dtype` is that of the computation: float32 for parameters in float16, too. `largest` is the size of the largest
    parameter.
    """

    def __init__(self, optimizer: Any, plan: Any, dtype: Any, largest: int) -> None:

        self.program = in_place(plan.in_a_row(optimizer), ["x", *plan.names], ["g"], [*plan.numbers], dtype)
        self.dtype = dtype
        self.piece = optimizer._piece
        self.numbers = [np.empty((), dtype) for _ in (self.program.numbers if self.program else ())]
        dtypes = [*self.program.room, dtype, dtype] if self.program else []  # the last two are for float16
        self.shape = (min(largest, self.piece),)
        self.arrays = [np.empty(self.shape, d) for d in dtypes]

    def take(self, numbers: Numbers) -> None:
        """Take the numbers of a step."""
        for array, name in zip(self.numbers, self.program.numbers if self.program else ()):
            array.fill(numbers[name])

    def call_for(self, x: np.ndarray) -> tuple[Callable[..., None], tuple[Any, ...]] | None:
        """A function of `(x, *memories, g)` that changes such arrays, and its last arguments; or `None`."""
        if self.program is None:
            return None
        if x.dtype != self.dtype or x.size > self.piece:
            return self._in_pieces, ()
        return self.program.run, (*self.numbers, *self._room(x)[:-2])

    def _room(self, x: np.ndarray) -> list[np.ndarray]:
        """Arrays in the shape of `x` for intermediate results; all parameters use the same memory."""
        if x.flags.c_contiguous and x.size <= self.shape[0]:
            return [array[: x.size].reshape(x.shape) for array in self.arrays]
        return [np.empty_like(x, array.dtype) for array in self.arrays]

    def _in_pieces(self, *arrays: np.ndarray) -> None:
        """Change arrays in pieces that fit into the processor's cache; those in float16 are converted to float32."""
        assert self.program is not None
        parts: list[Any] = [slice(k, k + self.piece) for k in range(0, arrays[0].size, self.piece)]
        if all(a.flags.f_contiguous for a in arrays[:-1]):
            arrays = tuple(a.T for a in arrays)
        if all(a.flags.c_contiguous for a in arrays[:-1]):
            arrays = tuple(a.reshape(-1) for a in arrays)
        else:
            parts = [...]
        for part in parts:
            x, *memories, g = (a[part] for a in arrays)
            *room, y, h = self.arrays if x.shape == self.shape else self._room(x)
            if x.dtype == self.dtype:
                self.program.run(x, *memories, g, *self.numbers, *room)
            else:
                y[...], h[...] = x, g
                self.program.run(y, *memories, h, *self.numbers, *room)
                x[...] = y
