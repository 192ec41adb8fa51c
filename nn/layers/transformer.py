"""Transformer layers: attention, then two linear layers at each position; and the encoding of positions.

Names, shapes and masks are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, ShapeError
from ...autograd.extending import describe
from .. import init
from ..base.arguments import flag, whole_number
from ..base.inputs import as_input
from ..base.module import Module
from .activations import activation as activation_named
from .attention import MultiHeadAttention
from .dropout import Dropout
from .linear import Linear
from .normalisation import LayerNorm

__all__ = ["PositionalEncoding", "TransformerEncoder", "TransformerEncoderLayer"]


class PositionalEncoding(Module):
    """Adds waves to each position: `sin(t / 10000^(2i/d))` and `cos` of the same, in alternating columns.

    Vaswani et al. (2017). Position `t` has the sine in column `2i` and the cosine in `2i + 1`; nothing is learnt, and
    sequences may have any length. `dropout` is applied to the sum. Axes are as in `MultiHeadAttention`.

    >>> import numpy as np
    >>> from chainrule.nn import PositionalEncoding
    >>> PositionalEncoding(4)(np.zeros((2, 4))).data.round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]])
    """

    def __init__(
        self, d_model: int, dropout: float = 0.0, batch_first: bool = False, *, seed: init.Seed = None
    ) -> None:
        self.d_model = whole_number(d_model, "d_model")
        self.batch_first = flag("batch_first", batch_first)
        self.dropout = Dropout(dropout, seed=seed)

    def forward(self, x: Any) -> Any:
        """`x` plus the waves."""
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
    """Self-attention, then two linear layers at each position; each result is added to its input, and normalised.

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
        self.activation = activation if callable(activation) else activation_named(activation)[0]()
        self.norm_first = flag("norm_first", norm_first)

    def another(self) -> TransformerEncoderLayer:
        """A layer with the same options and new random weights."""
        return self._another(activation=deepcopy(self.activation))

    def forward(
        self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:
        """The output of the layer, in the shape of the input."""
        src = as_input(src, self.linear1.weight.dtype, self)
        masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
        if self.norm_first:
            x = src + self.dropout1(self.self_attn(self.norm1(src), **masks))
            return x + self.dropout2(self._feed_forward(self.norm2(x)))
        x = self.norm1(src + self.dropout1(self.self_attn(src, **masks)))
        return self.norm2(x + self.dropout2(self._feed_forward(x)))

    def _feed_forward(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def extra_repr(self) -> str:
        """The width, and the order of normalisation."""
        return f"{self.self_attn.embed_dim}" + ", norm_first=True" * self.norm_first


class TransformerEncoder(Module):
    """A stack of encoder layers: `encoder_layer`, then `num_layers - 1` like it, then `norm` if there is one.

    Every layer has random weights of its own; PyTorch copies the weights of the first layer.

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
        if norm is not None and not isinstance(norm, Module):
            raise KindError(
                f"norm is a module, such as nn.LayerNorm({encoder_layer.self_attn.embed_dim}); given {describe(norm)}"
            )
        count = whole_number(num_layers, "num_layers")
        self.layers = [encoder_layer, *(encoder_layer.another() for _ in range(count - 1))]
        self.norm = norm

    def forward(
        self, src: Any, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Any:
        """The output of the last layer; all layers get the same masks."""
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return src if self.norm is None else self.norm(src)
