"""Linear layers: `Z = X W + b`, with one sample in each row of `X`, and `Maxout`, the largest of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, ShapeError, Tensor, linear
from ...autograd import max as max_of
from ...autograd.extending import describe
from .. import init
from ..base.arguments import flag, initial_weights, whole_number
from ..base.inputs import as_input
from ..base.module import Module
from ..base.parameter import Parameter

__all__ = ["Linear", "Maxout", "checked_widths"]


class Linear(Module):
    """`Z = X W + b`: every output is a weighted sum of all inputs, plus a bias.

    `weight` is `(in_features, out_features)` and `bias` is `(out_features,)`, or `None` with `bias=False`. The
    input is `(..., in_features)`, the output `(..., out_features)`. The initial weights come from
    `weight_init` (by default Glorot's uniform numbers), the initial biases are zero.
    `linear` of `chainrule.autograd` is the operation alone.

    Raises `ShapeError` when the input's last axis is not `in_features` long.

    >>> import numpy as np
    >>> from chainrule.nn import Linear
    >>> layer = Linear(2, 3, seed=0)
    >>> layer.weight.shape, layer.bias.data
    ((2, 3), array([0., 0., 0.]))
    >>> layer(np.ones((4, 2))).shape
    (4, 3)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: Callable[..., np.ndarray] = init.glorot_uniform,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.in_features = checked_width(in_features)
        self.out_features = checked_width(out_features)
        bias = flag("bias", bias)
        self.weight = Parameter(
            initial_weights(weight_init, (in_features, out_features), seed=seed, dtype=dtype)
        )
        self.bias = Parameter(init.zeros((out_features,), dtype=dtype)) if bias else None

    if TYPE_CHECKING:

        def __call__(self, x: Any) -> Tensor: ...

    def forward(self, x: Any) -> Any:
        """`x @ weight + bias`; plain arrays are converted to the dtype of the weights."""
        x = as_input(x, self.weight.dtype, self)
        shape = x.shape
        if not shape or shape[-1] != self.in_features:
            raise ShapeError(
                f"{self._described()}, takes rows of {self.in_features} numbers; "
                f"given {describe(x)}. Its last axis has to be {self.in_features} long: "
                f"is the data transposed, or the layer before of another width?"
            )
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """`2 -> 8`."""
        return f"{self.in_features} -> {self.out_features}" + (
            "" if self.bias is not None else ", bias=False"
        )


def checked_width(n: int) -> int:
    """The width of a layer. Raises `KindError` or `RangeError` for what is not a positive whole number."""
    return whole_number(n, "the width of a layer")


class Maxout(Module):
    """`max(x W1 + b1, x W2 + b2, ...)`: every output is the largest of several linear functions of the inputs.

    A unit learns its activation: two pieces can be a ReLU or an absolute value, and many approximate any convex
    function. `(..., in_features)` becomes `(..., out_features)`; `linear` holds the pieces of an output side by side.
    Equal pieces share the gradient.
    `nn.scalar.Maxout` is the same on Values.

    >>> import numpy as np
    >>> from chainrule.nn import Maxout
    >>> unit = Maxout(1, 1)
    >>> unit.linear.weight.data = np.array([[1.0, -1.0]])
    >>> unit(np.array([[-3.0], [2.0]])).data
    array([[3.],
           [2.]])
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        num_pieces: int = 2,
        bias: bool = True,
        *,
        weight_init: Callable[..., np.ndarray] = init.glorot_uniform,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.out_features = checked_width(out_features)
        self.num_pieces = whole_number(num_pieces, "the number of pieces")
        rng = init.generator(seed)
        self.linear = Linear(
            in_features,
            self.out_features * self.num_pieces,
            bias,
            weight_init=weight_init,
            seed=rng,
            dtype=dtype,
        )
        pieces = [
            initial_weights(weight_init, (in_features, self.out_features), seed=rng, dtype=dtype)
            for _ in range(self.num_pieces)
        ]
        self.linear.weight.data = np.stack(pieces, -1).reshape(self.linear.weight.shape)

    def forward(self, x: Any) -> Any:
        """The largest piece of each output."""
        z = self.linear(x)
        return max_of(z.reshape((*z.shape[:-1], self.out_features, self.num_pieces)), axis=-1)

    def extra_repr(self) -> str:
        """`2 -> 8, num_pieces=2`."""
        return f"{self.linear.in_features} -> {self.out_features}, num_pieces={self.num_pieces}"


def checked_widths(n_inputs: int, widths: Sequence[int]) -> tuple[int, ...]:
    """The widths of all layers, the inputs first. Raises `KindError` for what is not a list of widths."""
    if not isinstance(widths, (Sequence, np.ndarray)) or isinstance(widths, (str, bytes)) or not len(widths):
        raise KindError(
            f"an MLP takes the widths of its layers as a list, the outputs last, as in MLP(2, [16, 16, 1]); "
            f"given {widths!r}"
        )
    return tuple(map(checked_width, (n_inputs, *widths)))
