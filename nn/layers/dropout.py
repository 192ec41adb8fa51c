"""Dropout: in training units are set to 0 at random, so that a unit does not depend on single other units.

The other units are multiplied by `1 / (1 - p)` ("inverted" dropout): the expectation stays the same, and evaluation
needs no change.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import Node, Tensor, Value
from ...autograd.extending import drawing_from, redrawn
from ..base.arguments import numeric, probability
from ..base.inputs import as_input
from ..base.module import Module
from ..init.seeds import Seed, generator

__all__ = ["Dropout"]


class Dropout(Module):
    """In training `x * mask / (1 - p)`, where each number of the mask is 0 with probability `p`, and 1 otherwise.

    Shape and dtype are kept. In evaluation, and with `p=0`, the output is `x` itself; with `p=1` it is 0. The masks
    come from `generator`, made from `seed`. A replay of a tape of Tensors draws new masks, in the order of recording;
    the mask of a plain array is not recorded and stays the same. Inputs may also be Values and lists of Values; there a
    replay keeps the mask.

    Raises `RangeError` for a `p` that is not a probability.

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
        probability(self.p, "p")  # which may have been assigned
        if not self.training or self.p == 0:
            return x
        if isinstance(x, Value):
            return x * float(self._mask((), np.dtype(float)))
        if isinstance(x, (list, tuple)) and any(isinstance(v, Node) for v in x):
            return [v * m for v, m in zip(x, self._mask((len(x),), np.dtype(float)).tolist())]
        if isinstance(x, Tensor):
            shape, dtype = x.shape, x.dtype if x.dtype.kind == "f" else np.dtype(float)
            return x * redrawn(lambda: self._mask(shape, dtype))
        array = (
            numeric(x, "the input of Dropout")
            if isinstance(x, (np.ndarray, np.generic))
            else as_input(x, np.dtype(float), self)
        )
        return array * self._mask(array.shape, array.dtype if array.dtype.kind == "f" else np.dtype(float))

    def _mask(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        kept = drawing_from(self.generator).random(shape, np.float32) >= self.p
        return np.multiply(kept, 1 / (1 - self.p) if self.p < 1 else 0, dtype=dtype)

    def extra_repr(self) -> str:
        """`p=0.5`."""
        return f"p={self.p}"
