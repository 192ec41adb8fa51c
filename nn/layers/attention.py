"""Attention: every position of a sequence is compared with all others at once, and weighted by how well they match.

Names, shapes and masks are PyTorch's: in a boolean mask True forbids a position; a floating mask is added to the
scores. The shapes of weights are those of `Linear`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import (
    TABLE,
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    maximum,
    scope,
    softmax,
    swapaxes,
    where,
)
from ...autograd.extending import describe, following
from .. import init
from ..base.arguments import array_of, flag, whole_number
from ..base.half import narrowed, widened
from ..base.inputs import as_input
from ..base.module import Module
from .dropout import Dropout
from .linear import Linear

__all__ = ["MultiHeadAttention"]


class MultiHeadAttention(Module):
    """Attention (Vaswani et al., 2017): `softmax(q k^T / sqrt(d)) v`, in several heads side by side.

    `q_proj`, `k_proj` and `v_proj` compute queries, keys and values of `embed_dim` numbers, which are divided among
    the heads. Each head compares every query with every key and computes a weighted mean of the values; `out_proj`
    combines the results of the heads. `dropout` is the probability with which a weight is set to zero in training.

    Inputs are `(length, batch, embed_dim)`, with `batch_first` `(batch, length, embed_dim)`, or one sequence
    `(length, embed_dim)`.

    Raises `RangeError` if `num_heads` does not divide `embed_dim`, `ShapeError` for inputs or masks of other shapes.

    >>> import numpy as np
    >>> from chainrule.nn import MultiHeadAttention
    >>> attention = MultiHeadAttention(8, num_heads=2, batch_first=True, seed=0)
    >>> x = np.random.default_rng(0).normal(size=(3, 5, 8))
    >>> attention(x).shape
    (3, 5, 8)
    >>> y, weights = attention(x, is_causal=True, need_weights=True)
    >>> weights.data[0, 0]
    array([1., 0., 0., 0., 0.])
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        rng = init.generator(seed)
        self.embed_dim = whole_number(embed_dim, "embed_dim")
        self.num_heads = whole_number(num_heads, "num_heads")
        self.batch_first = flag("batch_first", batch_first)
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            Linear(embed_dim, embed_dim, bias, seed=rng, dtype=dtype) for _ in range(4)
        )
        if embed_dim % num_heads:
            raise RangeError(
                f"{embed_dim} numbers cannot be divided evenly among {num_heads} heads: embed_dim has to be a "
                f"multiple of num_heads"
            )
        self.dropout = Dropout(dropout, seed=rng)

    def forward(
        self,
        query: Any,
        key: Any = None,
        value: Any = None,
        key_padding_mask: Any = None,
        need_weights: bool = False,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> Any:
        """The weighted mean of the values for each query; with `need_weights` also the weights.

        `key` is `query` unless given (self-attention), and `value` is `key`. `key_padding_mask`, `(batch, keys)`, is
        True at keys that are padding; `attn_mask`, `(queries, keys)` or `(batch * num_heads, queries, keys)`, is True
        at forbidden keys; `is_causal` forbids all later keys. The output for a query without allowed keys is zero.
        The weights are `(batch, queries, keys)`, the mean over the heads, or
        `(batch, num_heads, queries, keys)` without `average_attn_weights`.
        """
        key = query if key is None else key
        value = key if value is None else value
        query, key, value = (
            self._checked(x, name) for x, name in ((query, "query"), (key, "key"), (value, "value"))
        )
        batched = query.ndim == 3
        if batched and not self.batch_first:
            query, key, value = (swapaxes(x, 0, 1) for x in (query, key, value))
        if query.shape[:-2] != key.shape[:-2] or key.shape[:-1] != value.shape[:-1]:
            raise ShapeError(
                f"{self._headline()} takes one value for each key, and queries in the same batch; given "
                f"{describe(query)} for queries, {describe(key)} for keys and {describe(value)} for values"
            )
        forbidden, added = self._masks(key_padding_mask, attn_mask, is_causal, query.shape, key.shape)
        q, k, v = (
            self._dealt(p(x)) for p, x in ((self.q_proj, query), (self.k_proj, key), (self.v_proj, value))
        )
        with scope("scores"):
            scores = widened(q) @ swapaxes(widened(k), -1, -2) / math.sqrt(self.embed_dim // self.num_heads)
            if added is not None:
                scores = scores + added
        with scope("weights"):
            weights = narrowed(_weights(scores, forbidden), q)
        with scope("values"):
            found = self.dropout(weights) @ v
            joined = swapaxes(found, -2, -3).reshape(query.shape)
        output = self.out_proj(joined)
        if batched and not self.batch_first:
            output = swapaxes(output, 0, 1)
        if not flag("need_weights", need_weights):
            return output
        averaged = flag("average_attn_weights", average_attn_weights)
        return output, weights.mean(axis=-3) if averaged else weights

    def _checked(self, x: Any, name: str) -> Any:
        x = as_input(x, self.q_proj.weight.dtype, self)
        if x.ndim not in (2, 3) or x.shape[-1] != self.embed_dim:
            axes = "batch, length" if self.batch_first else "length, batch"
            raise ShapeError(
                f"{self._described()}, takes sequences ({axes}, {self.embed_dim}) or "
                f"(length, {self.embed_dim}); given {describe(x)} as {name}"
            )
        return x

    def _dealt(self, x: Any) -> Any:
        """`(..., length, embed_dim)` as `(..., num_heads, length, embed_dim / num_heads)`."""
        return swapaxes(x.reshape((*x.shape[:-1], self.num_heads, self.embed_dim // self.num_heads)), -2, -3)

    def _masks(
        self, padding: Any, mask: Any, is_causal: bool, queries: tuple[int, ...], keys: tuple[int, ...]
    ) -> tuple[Any, Any]:
        """The forbidden keys, and the numbers added to the scores; both broadcast to the scores."""
        n, s, heads = queries[-2], keys[-2], self.num_heads
        batch = queries[:-2]
        forbidden: Any = None
        added: Any = None
        if flag("is_causal", is_causal):
            forbidden = np.triu(np.ones((n, s), bool), 1)
        for given, name, shapes in (
            (padding, "key_padding_mask", {(*batch, s): (*batch, 1, 1, s)}),
            (mask, "attn_mask", {(n, s): (n, s), (math.prod(batch) * heads, n, s): (*batch, heads, n, s)}),
        ):
            if given is None:
                continue
            if isinstance(given, Tensor) and (given.requires_grad or following() is not None):
                array: Any = given  # it is learnt, or a replay has other masks
            else:
                array = array_of(given)
            if array.dtype.kind not in "fb":
                raise KindError(
                    f"{name} is boolean, True at forbidden keys, or floating, added to the scores; given "
                    f"{describe(given)}. Write mask.astype(bool) if 1 forbids, and mask == 0 if 1 allows"
                )
            if array.shape not in shapes:
                raise ShapeError(
                    f"{name} has shape {' or '.join(map(str, shapes))} here; given {describe(given)}"
                )
            array = array.reshape(shapes[array.shape])
            if array.dtype.kind == "f":
                dtype = np.result_type(self.q_proj.weight.dtype, np.float32)  # the dtype of the scores
                # of a Tensor a row, so that a replay compares again
                removed = TABLE["equal"](array, -np.inf) if isinstance(array, Tensor) else array == -np.inf
                finite = where(removed, 0, array).astype(dtype)
                added = finite if added is None else added + finite
                array = removed
            forbidden = array if forbidden is None else _either(array, forbidden)
        return forbidden, added

    def extra_repr(self) -> str:
        """`8, num_heads=2`."""
        return f"{self.embed_dim}, num_heads={self.num_heads}" + ", batch_first=True" * self.batch_first


def _either(a: Any, b: Any) -> Any:
    """Whether the one or the other holds: of Tensors, whose numbers may be 0 and 1, the larger one."""
    return maximum(a, b) if isinstance(a, Tensor) or isinstance(b, Tensor) else a | b


def _weights(scores: Any, forbidden: Any) -> Any:
    """The softmax of the scores over the allowed keys; zeros where there are none."""
    if forbidden is None:
        return softmax(scores, -1)
    if isinstance(forbidden, Tensor):
        nowhere = forbidden.min(axis=-1, keepdims=True)  # whether all are true
        weights = softmax(where(forbidden * (1 - nowhere), -np.inf, scores), -1)
        return where(nowhere, 0.0, weights)
    nowhere = forbidden.all(-1, keepdims=True)
    weights = softmax(where(forbidden & ~nowhere, -np.inf, scores), -1)
    return where(nowhere, 0.0, weights) if nowhere.any() else weights
