"""Layers one after the other: `Sequential` and `MLP`; and `Flatten`, which turns images into rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, RangeError, ShapeError, Tensor
from ...autograd.extending import describe
from .. import init
from ..base.inputs import as_input
from ..base.module import Module
from .activations import activation as activation_named
from .linear import Linear, checked_widths

__all__ = ["Flatten", "MLP", "Sequential"]


class Sequential(Module):
    """Modules one after the other: each is called with the output of the module before.

    Index, iteration and length are those of a list. The name of a part is its position: `0.weight`.

    Raises `KindError` for a part that is not a module, `RangeError` for a position that there is not.

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
        """The output of the last part."""
        for layer in self._layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers)

    def __getitem__(self, i: int) -> Module:
        try:
            return self._layers[i]
        except (IndexError, TypeError):
            raise RangeError(
                f"a Sequential of {len(self)} parts has them at the positions 0 to {len(self) - 1}; given {i!r}"
            ) from None


class MLP(Module):
    """A multi-layer perceptron: linear layers with an activation between them; the last layer is linear.

    `widths` are the numbers of units in each layer, the outputs last. The initial weights of all layers come from
    `weight_init`, a function of `nn.init`; by default they are He's uniform numbers before a ReLU and its family,
    Glorot's otherwise. The initial biases are zero.
    To look at every number of a small network use `nn.scalar.MLP`, and in scikit-learn's pipelines `nn.MLPClassifier`.

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
        weight_init: Callable[..., np.ndarray] | None = None,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        widths = checked_widths(n_inputs, widths)
        between, suited = activation_named(activation)
        inner, last = (suited, init.glorot_uniform) if weight_init is None else (weight_init, weight_init)
        rng = init.generator(seed)
        layers: list[Module] = []
        for n_in, n_out in pairwise(widths[:-1]):
            layers += [Linear(n_in, n_out, weight_init=inner, seed=rng, dtype=dtype), between()]
        self.layers = [*layers, Linear(widths[-2], widths[-1], weight_init=last, seed=rng, dtype=dtype)]
        self.widths = widths

    if TYPE_CHECKING:

        def __call__(self, x: Any) -> Tensor: ...

    def forward(self, x: Any) -> Any:
        """`(n, n_inputs)` to `(n, widths[-1])`."""
        for layer in self.layers:
            x = layer(x)
        return x

    def extra_repr(self) -> str:
        """`2 -> 16 -> 1`."""
        return " -> ".join(map(str, self.widths))


class Flatten(Module):
    """Join all axes of a sample into one: `(n, 8, 8)` becomes `(n, 64)`.

    >>> import numpy as np
    >>> from chainrule.nn import Flatten
    >>> Flatten()(np.ones((5, 8, 8))).shape
    (5, 64)
    """

    def forward(self, x: Any) -> Any:
        """`x` with two axes, the first one unchanged."""
        if not isinstance(x, (np.ndarray, np.generic)):
            x = as_input(x, np.dtype(float), self)
        if not x.ndim:
            raise ShapeError("Flatten keeps the axis of the samples; given an array of shape ()")
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))
