"""Layers and ways to stack them: `Linear`, `Maxout`, `Sequential`, `MLP`, `Flatten`.

A batch is a matrix with one sample in each row, and a linear layer computes `Z = X W + b`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ..autograd import max as max_of
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, ShapeError
from . import init
from .activations import activation as activation_named
from .module import Module, Parameter, as_input, whole_number

__all__ = ["MLP", "Flatten", "Linear", "Maxout", "Sequential"]


class Linear(Module):
    """`Z = X W + b`: every output is a weighted sum of all inputs, plus a bias.

    `weight` is `(in_features, out_features)` and `bias` is `(out_features,)`, or `None` with `bias=False`. The
    input is `(..., in_features)`, the output `(..., out_features)`. Weights start as `weight_init` draws
    them (by default Glorot's uniform numbers), biases at zero.

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
        self.in_features = _width(in_features)
        self.out_features = _width(out_features)
        self.weight = Parameter(weight_init((in_features, out_features), seed=seed, dtype=dtype))
        self.bias = Parameter(init.zeros((out_features,), dtype=dtype)) if bias else None

    def forward(self, x: Any) -> Any:
        """`x @ weight + bias`; plain arrays are taken in the dtype of the weights."""
        x = as_input(x, self.weight.dtype, self)
        if not x.ndim or x.shape[-1] != self.in_features:
            raise ShapeError(
                f"{self._described()}, takes rows of {self.in_features} numbers; "
                f"given {describe(x)}. Its last axis has to be {self.in_features} long: "
                f"is the data transposed, or the layer before of another width?"
            )
        z = x @ self.weight
        return z if self.bias is None else z + self.bias

    def extra_repr(self) -> str:
        """`2 -> 8`."""
        return f"{self.in_features} -> {self.out_features}" + (
            "" if self.bias is not None else ", bias=False"
        )


def _width(n: int) -> int:
    return whole_number(n, "the width of a layer")


class Maxout(Module):
    """`max(x W1 + b1, x W2 + b2, ...)`: every output is the largest of several linear functions of the inputs.

    Which activation a unit has is learnt: two pieces can be a ReLU or an absolute value, and many approximate any
    convex function. `(..., in_features)` becomes `(..., out_features)`; `linear` holds the pieces of an output side
    by side. Where pieces are equal, they share the gradient.

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
        self.out_features = _width(out_features)
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
            weight_init((in_features, self.out_features), seed=rng, dtype=dtype)
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


class Sequential(Module):
    """Modules one after the other: each is called with what the one before returned.

    It is indexed, iterated and measured like a list. A part is called by its position: `0.weight`.

    Raises `KindError` for a part that is not a module.

    >>> from chainrule.nn import Linear, ReLU, Sequential
    >>> model = Sequential(Linear(2, 8), ReLU(), Linear(8, 1))
    >>> model
    Sequential()
      0: Linear(2 -> 8)
      1: ReLU()
      2: Linear(8 -> 1)
    >>> len(model), model[-1]
    (3, Linear(8 -> 1))
    """

    _numbered: ClassVar = {"_layers": "{0}"}

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                raise KindError(
                    f"Sequential takes modules, one argument each; given {describe(layer)}. Write ReLU() for "
                    f"the function relu, and Sequential(*layers) for a list"
                )
        self._layers = layers

    def forward(self, x: Any) -> Any:
        """All parts in turn."""
        for layer in self._layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers)

    def __getitem__(self, i: int) -> Module:
        return self._layers[i]


class MLP(Module):
    """A multi-layer perceptron: linear layers with an activation between them; the last layer is linear.

    `widths` are the numbers of units in each layer, the outputs last. Weights before a ReLU and its family start as
    He's uniform numbers, others as Glorot's, and biases at zero.

    >>> from chainrule.nn import MLP
    >>> MLP(2, [16, 16, 1], activation="tanh", seed=0)
    MLP(2 -> 16 -> 16 -> 1)
      layers.0: Linear(2 -> 16)
      layers.1: Tanh()
      layers.2: Linear(16 -> 16)
      layers.3: Tanh()
      layers.4: Linear(16 -> 1)
    """

    def __init__(
        self,
        n_inputs: int,
        widths: Sequence[int],
        activation: str = "relu",
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        widths = checked_widths(n_inputs, widths)
        between, weight_init = activation_named(activation)
        rng = init.generator(seed)
        layers: list[Module] = []
        for n_in, n_out in pairwise(widths[:-1]):
            layers += [Linear(n_in, n_out, weight_init=weight_init, seed=rng, dtype=dtype), between()]
        self.layers = [*layers, Linear(widths[-2], widths[-1], seed=rng, dtype=dtype)]
        self.widths = widths

    def forward(self, x: Any) -> Any:
        """`(n, n_inputs)` to `(n, widths[-1])`."""
        for layer in self.layers:
            x = layer(x)
        return x

    def extra_repr(self) -> str:
        """`2 -> 16 -> 1`."""
        return " -> ".join(map(str, self.widths))


def checked_widths(n_inputs: int, widths: Sequence[int]) -> tuple[int, ...]:
    """The widths of all layers, the inputs first."""
    if isinstance(widths, (int, str)) or not len(widths):
        raise KindError(
            f"an MLP takes the widths of its layers as a list, the outputs last, as in MLP(2, [16, 16, 1]); "
            f"given {widths!r}"
        )
    return tuple(map(_width, (n_inputs, *widths)))


class Flatten(Module):
    """All axes of a sample in one: `(n, 8, 8)` becomes `(n, 64)`.

    >>> import numpy as np
    >>> from chainrule.nn import Flatten
    >>> Flatten()(np.ones((5, 8, 8))).shape
    (5, 64)
    """

    def forward(self, x: Any) -> Any:
        """`x` with its first axis kept."""
        if not isinstance(x, (np.ndarray, np.generic)):
            x = as_input(x, np.dtype(float), self)
        if not x.ndim:
            raise ShapeError("Flatten keeps the axis of the samples; given an array of shape ()")
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))
