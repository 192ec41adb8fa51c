"""Dropout: in training every unit is left out at random, so that no unit can rely on another.

What is kept is scaled up by `1 / (1 - p)` ("inverted" dropout): its expectation stays the same, and in evaluation
nothing has to be done.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Node, Tensor, Value
from ..autograd.engine.modes import drawing_from
from ..autograd.replay.tensor_replay import redrawn
from .init import Seed, generator
from .module import Module, as_input, probability

__all__ = ["Dropout"]


class Dropout(Module):
    """In training `x * mask / (1 - p)`, where each number of the mask is 0 with probability `p`, and 1 otherwise.

    Any shape is kept, and so is the dtype. In evaluation, and with `p=0`, `x` comes back as it is; with `p=1` all is 0.
    The masks come from `generator`, made from `seed`. A replay of a tape of Tensors draws its masks anew, in the order
    in which they were recorded; what is dropped from a plain array is not recorded, and so stays as it was. Values
    and lists of Values are taken, too; there a replay keeps the mask.

    Raises `RangeError` for a `p` that is no probability.

    >>> import numpy as np
    >>> from chainrule.nn import Dropout
    >>> layer = Dropout(0.5, seed=0)
    >>> layer(np.ones(6))
    array([2., 2., 2., 0., 0., 0.])
    >>> layer.eval()(np.ones(6))
    array([1., 1., 1., 1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        self.p = probability(p, "the probability of dropping a unit, p,")
        self.generator = generator(seed)

    def forward(self, x: Any) -> Any:
        """`x`, with a new mask in training."""
        if not self.training or self.p == 0:
            return x
        if isinstance(x, Value):
            return x * float(self._mask((), np.dtype(float)))
        if isinstance(x, (list, tuple)) and any(isinstance(v, Node) for v in x):
            return [v * m for v, m in zip(x, self._mask((len(x),), np.dtype(float)).tolist())]
        if isinstance(x, Tensor):
            shape, dtype = x.shape, x.dtype
            return x * redrawn(lambda: self._mask(shape, dtype))
        array = (
            np.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else as_input(x, np.dtype(float), self)
        )
        return array * self._mask(array.shape, array.dtype if array.dtype.kind == "f" else np.dtype(float))

    def _mask(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        kept = drawing_from(self.generator).random(shape, np.float32) >= self.p
        return np.multiply(kept, 1 / (1 - self.p) if self.p < 1 else 0, dtype=dtype)

    def extra_repr(self) -> str:
        """`p=0.5`."""
        return f"p={self.p}"
