"""A neuron of Values, from primitives or as one node, and `Maxout`, the largest of several."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any, ClassVar

import numpy as np

from ...autograd import KindError, Node, ShapeError, Value, maximum
from ...autograd.extending import describe
from ..base.arguments import flag, whole_number
from ..base.module import Module
from ..base.parameter import ScalarParameter
from ..init.seeds import Seed, generator
from ..layers.activations import activation as activation_named
from ..layers.linear import checked_widths
from .compound import NEURONS, ROWS

__all__ = ["Maxout", "Neuron", "ScalarModule"]


class ScalarModule(Module):
    """A module whose input is a list of numbers or Values."""

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        if len(inputs) == 1:  # other calls are refused
            inputs = (_values(*inputs),)
        return super().__call__(*inputs, **options)

    _run = Module.__call__  # a call with inputs that are Values already


def _values(x: Any) -> Any:
    """`x` as a sequence of Values; plain numbers become constants with the names x1, x2, ..."""
    if isinstance(x, Node):
        return [x]
    if not isinstance(x, Iterable) or isinstance(x, (str, bytes, set, dict)):
        raise KindError(
            f"a network of Values takes a list of numbers, as in model([1.0, 2.0]); given {describe(x)}"
        )
    if all(isinstance(v, Node) for v in x):
        return x
    if isinstance(x, np.ndarray) and x.ndim > 1:
        raise ShapeError(
            f"a network of Values takes one sample, a list of numbers; given an array of shape {x.shape}. "
            "Write [model(x) for x in X], or take nn.MLP for arrays"
        )
    return [
        v if isinstance(v, Node) else Value(v, name=f"x{i}", requires_grad=False) for i, v in enumerate(x, 1)
    ]


class Neuron(ScalarModule):
    """One unit: the weighted sum of its inputs, plus a bias, through an activation.

    `nonlin=False` leaves the activation out, as in micrograd. With `compound=True` the neuron is one node, a row
    of the table such as `neuron_tanh`; otherwise every multiplication and addition is a node. The gradients are the
    same.

    Raises `ShapeError` for the wrong number of inputs.

    >>> from chainrule.nn.scalar import Neuron
    >>> neuron = Neuron(2, activation="tanh", seed=0)
    >>> round(neuron([1.0, -2.0]).data, 4)
    0.9341
    >>> [p.name for p in neuron.parameters()]
    ['w1', 'w2', 'b']
    """

    _numbered: ClassVar = {"w": "w{1}"}

    def __init__(
        self,
        n_inputs: int,
        nonlin: bool = True,
        activation: str = "relu",
        *,
        seed: Seed = None,
        compound: bool = False,
        weights: Sequence[float] | None = None,
    ) -> None:
        self.activation = activation if flag("nonlin", nonlin) else "linear"
        self.compound = flag("compound", compound)
        module, weight_init = activation_named(self.activation)
        self._function = module.function
        if weights is None:
            weights = weight_init(checked_widths(n_inputs, [1]), seed=seed)[:, 0]
        elif not isinstance(weights, (list, tuple, np.ndarray)) or len(weights) != n_inputs:
            raise ShapeError(
                f"weights are a list with one number for each of {n_inputs} inputs; given {describe(weights)}"
            )
        self.w = [ScalarParameter(w) for w in weights]
        self.b = ScalarParameter(0.0)

    def forward(self, x: Sequence[Any]) -> Value:
        """A Value, from a list of Values or numbers."""
        if len(x) != len(self.w):
            raise ShapeError(
                f"{self._described('the neuron')}, has {len(self.w)} weights and was given "
                f"{len(x)} inputs. Give it one number for each weight, or make a network with "
                f"{len(x)} inputs"
            )
        if self.compound:
            return NEURONS[self.activation](*self.w, *x, self.b, **ROWS[self.activation][1])
        z = self.b
        for w, v in zip(self.w, x):
            z = z + w * v
        return self._function(z)

    def extra_repr(self) -> str:
        """`2, relu`."""
        return f"{len(self.w)}, {self.activation}"


class Maxout(ScalarModule):
    """The largest of several linear neurons with the same inputs: a unit that learns its own activation.

    `nn.Maxout` is the same on Tensors.

    >>> from chainrule.nn.scalar import Maxout
    >>> unit = Maxout(1, seed=0)
    >>> for neuron, weight in zip(unit.pieces, (1.0, -1.0)):
    ...     neuron.w[0].data = weight
    >>> unit([-3.0])
    Value(3.0)
    """

    _numbered: ClassVar = {"pieces": "piece{1}"}

    def __init__(
        self, n_inputs: int, n_pieces: int = 2, *, seed: Seed = None, compound: bool = False
    ) -> None:
        rng = generator(seed)
        self.pieces = [
            Neuron(n_inputs, nonlin=False, seed=rng, compound=compound)
            for _ in range(whole_number(n_pieces, "the number of pieces"))
        ]

    def forward(self, x: Sequence[Any]) -> Value:
        """The largest output of the pieces for `x`."""
        return reduce(maximum, [neuron._run(x) for neuron in self.pieces])

    def extra_repr(self) -> str:
        """`2, n_pieces=2`."""
        return f"{len(self.pieces[0].w)}, n_pieces={len(self.pieces)}"
