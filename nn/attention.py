"""Attention: every position of a sequence looks at all others at once, weighted by how well they match.

`MultiHeadAttention` is the mechanism, `TransformerEncoderLayer` adds what follows it, and `PositionalEncoding`
tells positions apart, which attention by itself does not. Names, shapes and masks are PyTorch's: in a boolean mask
True forbids to look; a floating mask is added to the scores. Weights stand as in `Linear`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..autograd import Node, scope, softmax, swapaxes, where
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError
from . import init
from .activations import activation as activation_named
from .dropout import Dropout
from .half import narrowed, widened
from .layers import Linear
from .module import Module, as_input, whole_number
from .normalisation import LayerNorm

__all__ = ["MultiHeadAttention", "PositionalEncoding", "TransformerEncoder", "TransformerEncoderLayer"]


class MultiHeadAttention(Module):
    """Attention (Vaswani et al., 2017): `softmax(q k^T / sqrt(d)) v`, in several heads side by side.

    `q_proj`, `k_proj` and `v_proj` make queries, keys and values of `embed_dim` numbers, which are dealt out to the
    heads; each head compares every query with every key and averages the values accordingly, and `out_proj` mixes what
    the heads have found. `dropout` is the probability with which a weight is set to zero in training.

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
        self.batch_first = batch_first
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            Linear(embed_dim, embed_dim, bias, seed=rng, dtype=dtype) for _ in range(4)
        )
        if embed_dim % num_heads:
            raise RangeError(
                f"{embed_dim} numbers cannot be dealt out evenly to {num_heads} heads: embed_dim has to be a "
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
        """What each query has found among the values; with `need_weights` also how much it looked where.

        `key` is `query` unless given (self-attention), and `value` is `key`. `key_padding_mask`, `(batch, keys)`, is
        True at keys that are padding; `attn_mask`, `(queries, keys)` or `(batch * num_heads, queries, keys)`, is True
        where a query must not look; `is_causal` forbids looking ahead. A query that may look nowhere finds zeros.
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
        if not need_weights:
            return output
        return output, weights.mean(axis=-3) if average_attn_weights else weights

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
    ) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Where no query may look, and what is added to the scores; both broadcast to them."""
        n, s, heads = queries[-2], keys[-2], self.num_heads
        batch = queries[:-2]
        forbidden: np.ndarray | None = None
        added: np.ndarray | None = None
        if is_causal:
            forbidden = np.triu(np.ones((n, s), bool), 1)
        for given, name, shapes in (
            (padding, "key_padding_mask", {(*batch, s): (*batch, 1, 1, s)}),
            (mask, "attn_mask", {(n, s): (n, s), (math.prod(batch) * heads, n, s): (*batch, heads, n, s)}),
        ):
            if given is None:
                continue
            array = np.asarray(given.data if isinstance(given, Node) else given)
            if array.dtype.kind not in "fb":
                raise KindError(
                    f"{name} is boolean, True where not to look, or floating, added to the scores; given "
                    f"{describe(given)}. Write mask.astype(bool) if 1 forbids, and mask == 0 if 1 allows"
                )
            if array.shape not in shapes:
                raise ShapeError(
                    f"{name} has shape {' or '.join(map(str, shapes))} here; given {describe(given)}"
                )
            array = array.reshape(shapes[array.shape])
            if array.dtype.kind == "f":
                dtype = np.result_type(self.q_proj.weight.dtype, np.float32)  # that of the scores
                finite = np.where(array == -np.inf, 0, array).astype(dtype)
                added = finite if added is None else added + finite
                array = array == -np.inf
            forbidden = array if forbidden is None else forbidden | array
        return forbidden, added

    def extra_repr(self) -> str:
        """`8, num_heads=2`."""
        return f"{self.embed_dim}, num_heads={self.num_heads}" + ", batch_first=True" * self.batch_first


def _weights(scores: Any, forbidden: np.ndarray | None) -> Any:
    """The softmax of the scores over the keys that are not forbidden; zeros where all are."""
    if forbidden is None:
        return softmax(scores, -1)
    nowhere = forbidden.all(-1, keepdims=True)
    weights = softmax(where(forbidden & ~nowhere, -np.inf, scores), -1)
    return where(nowhere, 0.0, weights) if nowhere.any() else weights


class PositionalEncoding(Module):
    """Adds to each position waves that tell where it is: `sin(t / 10000^(2i/d))` and `cos` of the same, by turns.

    Vaswani et al. (2017). Position `t` has the sine in column `2i` and the cosine in `2i + 1`; nothing is learnt, and
    sequences may be of any length. `dropout` is applied to the sum. Axes are as in `MultiHeadAttention`.

    >>> import numpy as np
    >>> from chainrule.nn import PositionalEncoding
    >>> PositionalEncoding(4)(np.zeros((2, 4))).data.round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]])
    """

    def __init__(
        self, d_model: int, dropout: float = 0.0, batch_first: bool = False, *, seed: init.Seed = None
    ) -> None:
        self.d_model, self.batch_first = whole_number(d_model, "d_model"), batch_first
        self.dropout = Dropout(dropout, seed=seed)

    def forward(self, x: Any) -> Any:
        """`x` and the waves."""
        x = as_input(x, getattr(x, "dtype", np.dtype(float)), self)
        if x.ndim not in (2, 3) or x.shape[-1] != self.d_model:
            axes = "batch, length" if self.batch_first else "length, batch"
            raise ShapeError(
                f"{self._headline()} takes sequences ({axes}, {self.d_model}) or (length, {self.d_model}); "
                f"given {describe(x)}"
            )
        length = x.shape[1 if self.batch_first and x.ndim == 3 else 0]
        waves = _waves(length, self.d_model, np.result_type(x.dtype, np.float16))
        return self.dropout(x + (waves[:, None] if x.ndim == 3 and not self.batch_first else waves))

    def extra_repr(self) -> str:
        """The width."""
        return f"{self.d_model}" + ", batch_first=True" * self.batch_first


@lru_cache(32)
def _waves(length: int, d_model: int, dtype: np.dtype) -> np.ndarray:
    """The waves, `(length, d_model)`."""
    column = np.arange(d_model)
    angles = np.arange(length)[:, None] / 10000.0 ** (column // 2 * 2 / d_model)
    waves = np.where(column % 2, np.cos(angles), np.sin(angles)).astype(dtype)
    waves.flags.writeable = False
    return waves


class TransformerEncoderLayer(Module):
    """Self-attention, then two linear layers at each position; each is added to what went in, and normalised.

    Vaswani et al. (2017). `norm1(x + attention(x))`, then the same with `linear2(activation(linear1(x)))`; with
    `norm_first` `x + attention(norm1(x))`. `activation` is a name, such as `"relu"` or `"gelu"`, or a function.
    Axes and masks are as in `MultiHeadAttention`.

    Raises `RangeError` if `nhead` does not divide `d_model`, and for an unknown activation.

    >>> import numpy as np
    >>> from chainrule.nn import TransformerEncoderLayer
    >>> layer = TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, batch_first=True, seed=0)
    >>> layer(np.ones((3, 5, 8)), is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Any], Any] = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        rng = init.generator(seed)
        self._another = partial(
            type(self), d_model, nhead, dim_feedforward, dropout, layer_norm_eps=layer_norm_eps,
            batch_first=batch_first, norm_first=norm_first, bias=bias, seed=rng, dtype=dtype,
        )  # fmt: skip
        self.self_attn = MultiHeadAttention(d_model, nhead, dropout, bias, batch_first, seed=rng, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias, seed=rng, dtype=dtype)
        self.linear2 = Linear(dim_feedforward, d_model, bias, seed=rng, dtype=dtype)
        self.norm1, self.norm2 = (
            LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(2)
        )
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout, seed=rng) for _ in range(3))
        self.activation = activation_named(activation)[0]() if isinstance(activation, str) else activation
        self.norm_first = norm_first

    def another(self) -> TransformerEncoderLayer:
        """A layer built like this one, with random weights of its own."""
        return self._another(activation=deepcopy(self.activation))

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:
        """The sequence with what each position has learnt from the others; the shape stays."""
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        if self.norm_first:
            x = src + self.dropout1(self.self_attn(self.norm1(src), **masks))
            return x + self.dropout2(self._feed_forward(self.norm2(x)))
        x = self.norm1(src + self.dropout1(self.self_attn(src, **masks)))
        return self.norm2(x + self.dropout2(self._feed_forward(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def extra_repr(self) -> str:
        """The width, and which comes first."""
        return f"{self.self_attn.embed_dim}" + ", norm_first=True" * self.norm_first


class TransformerEncoder(Module):
    """A stack of encoder layers: `encoder_layer`, then `num_layers - 1` more like it, then `norm` if there is one.

    Unlike PyTorch's, which copies the layer with its weights, every layer has random weights of its own.

    Raises `KindError` if `encoder_layer` is not a `TransformerEncoderLayer`.

    >>> import numpy as np
    >>> from chainrule.nn import TransformerEncoder, TransformerEncoderLayer
    >>> encoder = TransformerEncoder(TransformerEncoderLayer(8, 2, 16, seed=0), num_layers=2)
    >>> encoder(np.ones((5, 3, 8))).shape
    (5, 3, 8)
    """

    def __init__(
        self, encoder_layer: TransformerEncoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        if not isinstance(encoder_layer, TransformerEncoderLayer):
            raise KindError(
                f"TransformerEncoder is built from a TransformerEncoderLayer; given {describe(encoder_layer)}. "
                f"Other layers are stacked by Sequential"
            )
        count = whole_number(num_layers, "num_layers")
        self.layers = [encoder_layer, *(encoder_layer.another() for _ in range(count - 1))]
        self.norm = norm

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:
        """All layers in turn, each with the same masks."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)
