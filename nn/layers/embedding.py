"""Embedding: a learnt vector for each of several things, such as words, that are given as whole numbers.

It computes the product of one-hot codes and a weight matrix without the zeros: row `t` of the weights for the number
`t`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, Primitive, RangeError, Tensor, reshape, structural
from ...autograd.extending import describe, each_time, numbers
from .. import init
from ..base.arguments import are_below, initialiser, whole_number
from ..base.module import Module
from ..base.parameter import Parameter

__all__ = ["Embedding"]


def _rows_gradient(g: np.ndarray, t: np.ndarray, count: int) -> np.ndarray:
    """The sums of the rows of `g` that have the same number in `t`; sorted, so that equal numbers are neighbours."""
    g = g.reshape(-1, g.shape[-1])
    out = np.zeros((count, g.shape[-1]), g.dtype)
    if (
        t.size
    ):  # written with few calls of Python: of 96 rows of 10 numbers in 10 us, with np.diff and g[order] in 18
        t = t.reshape(-1)
        order = t.argsort(kind="stable")
        ordered = t[order]
        first = np.empty(len(t), bool)
        first[0] = True
        np.not_equal(ordered[1:], ordered[:-1], first[1:])
        (starts,) = first.nonzero()
        out[ordered[starts]] = np.add.reduceat(g.take(order, 0), starts)
    return out


def _check_numbers(t: np.ndarray, count: int, what: str) -> None:
    if not are_below(t, count):
        raise RangeError(f"{what} has rows 0 to {count - 1}; given numbers from {t.min()} to {t.max()}")


def _rows_of(w: np.ndarray, t: np.ndarray, padding: int | None) -> np.ndarray:
    _check_numbers(t, len(w), "an Embedding")  # again, because a replay has other numbers
    if w.flags.c_contiguous:
        return w.take(t, 0)  # 96 rows of 10 numbers in 0.4 us, where w[t] takes 1.5 us
    return w[t]


def _learnt(g: Any, t: Any, padding: int | None) -> Any:
    """`g` with 0 for the padding, which is not learnt."""
    return g if padding is None else g * reshape(t != padding, shape=(*t.shape, 1))


# row t of w for each number t; `rows_gradient` adds up the gradients of equal rows
rows: Primitive = structural(
    "rows",
    _rows_of,
    [
        lambda g, y, w, t, padding: rows_gradient(_learnt(g, t, padding), t, count=w.shape[0]),
        lambda g, y, w, t, padding: None,
    ],
)

rows_gradient: Primitive = structural(
    "rows_gradient",
    _rows_gradient,
    [lambda h, w, g, t, count: rows(h, t, padding=None), lambda h, w, g, t, count: None],
)

_standard_normal = partial(init.normal, std=1.0)


class Embedding(Module):
    """Row `t` of the weights for each whole number `t` of the input.

    `weight` is `(num_embeddings, embedding_dim)`, at first normal numbers with standard deviation 1; integers of shape
    `(...)` become `(..., embedding_dim)`. The row `padding_idx` starts at zero and is not learnt. The gradient of a row
    is the sum over all its uses.

    Raises `KindError` for inputs that are not integers, `RangeError` for numbers that have no row.

    >>> import numpy as np
    >>> from chainrule.nn import Embedding
    >>> words = Embedding(10, 3, seed=0)
    >>> words(np.array([[1, 2, 2, 9]])).shape
    (1, 4, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        weight_init: Callable[..., np.ndarray] = _standard_normal,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.num_embeddings = whole_number(num_embeddings, "num_embeddings")
        self.embedding_dim = whole_number(embedding_dim, "embedding_dim")
        if padding_idx is not None:
            whole_number(padding_idx, "padding_idx", -self.num_embeddings)
            if padding_idx >= self.num_embeddings:
                raise RangeError(
                    f"padding_idx={padding_idx} is no row of {self.num_embeddings}, counted from 0"
                )
            padding_idx %= self.num_embeddings
        self.padding_idx = padding_idx
        weight = initialiser(weight_init)((num_embeddings, embedding_dim), seed=seed, dtype=dtype)
        if self.padding_idx is not None:
            weight[self.padding_idx] = 0
        self.weight = Parameter(weight)

    def forward(self, x: Any) -> Any:
        """The rows for `x`, an array or Tensor of integers."""
        t = numbers(x) if isinstance(x, Tensor) else np.asarray(x)
        if t.dtype.kind not in "iu" and t.size:
            raise KindError(
                f"{self._described()}, takes whole numbers, each the number of a row; "
                f"given {describe(x)}. Write x.astype(int) if they are whole"
            )
        who, n = f"{self._described()},", self.num_embeddings
        each_time(lambda t: _check_numbers(t, n, who), x if isinstance(x, Tensor) else t, repeated=True)
        return rows(self.weight, x if isinstance(x, Tensor) else t.astype(np.intp), padding=self.padding_idx)

    def extra_repr(self) -> str:
        """`10 -> 3`, and the padding."""
        padding = f", padding_idx={self.padding_idx}" if self.padding_idx is not None else ""
        return f"{self.num_embeddings} -> {self.embedding_dim}{padding}"
