"""Layers of neurons, and networks of layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

from ..base.arguments import flag
from ..base.module import Module
from ..init.seeds import Seed, generator
from ..layers.activations import activation as activation_named
from ..layers.linear import checked_widths
from .neurons import Neuron, ScalarModule

__all__ = ["Layer", "MLP"]


class Layer(ScalarModule):
    """Neurons side by side, each with all inputs.

    The result is a list of Values, or the Value itself where there is one neuron.

    >>> from chainrule.nn.scalar import Layer
    >>> layer = Layer(2, 3, activation="tanh", seed=0)
    >>> len(layer([1.0, -2.0])), layer
    (3, Layer(2 -> 3, tanh))
    """

    _numbered: ClassVar = {"neurons": "neuron{1}"}

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        nonlin: bool = True,
        activation: str = "relu",
        *,
        seed: Seed = None,
        compound: bool = False,
    ) -> None:
        self.activation = activation if flag("nonlin", nonlin) else "linear"
        shape = checked_widths(n_inputs, [n_outputs])
        _, weight_init = activation_named(self.activation)
        weights = weight_init(shape, seed=seed).T
        self.neurons = [
            Neuron(n_inputs, nonlin, activation, compound=compound, weights=w) for w in weights.tolist()
        ]

    def forward(self, x: Sequence[Any]) -> Any:
        """The output of each neuron for `x`."""
        out = [neuron._run(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def extra_repr(self) -> str:
        """`2 -> 16, relu`."""
        return f"{len(self.neurons[0].w)} -> {len(self.neurons)}, {self.activation}"

    __repr__ = Module._headline  # its neurons are all of one kind


class MLP(ScalarModule):
    """Layers of neurons one after the other; the last is linear.

    `widths` are the numbers of neurons in each layer, the outputs last. Called with a list of numbers, Values
    or one row of an array, it returns a Value, or a list where there are several outputs.
    To train use `nn.MLP`, which is made of Tensors.

    >>> from chainrule.nn.scalar import MLP
    >>> model = MLP(2, [4, 1], activation="tanh", seed=0)
    >>> model
    MLP(2 -> 4 -> 1)
      layer1: Layer(2 -> 4, tanh)
      layer2: Layer(4 -> 1, linear)
    >>> loss = (model([0.5, -1.0]) - 1.0) ** 2
    >>> loss.backward()
    >>> len(model.parameters()), model.parameters()[0].name
    (17, 'layer1.neuron1.w1')
    """

    _numbered: ClassVar = {"layers": "layer{1}"}

    def __init__(
        self,
        n_inputs: int,
        widths: Sequence[int],
        activation: str = "relu",
        *,
        seed: Seed = None,
        compound: bool = False,
    ) -> None:
        self.widths = checked_widths(n_inputs, widths)
        rng = generator(seed)
        last = len(widths) - 1
        self.layers = [
            Layer(n_in, n_out, i != last, activation, seed=rng, compound=compound)
            for i, (n_in, n_out) in enumerate(pairwise(self.widths))
        ]

    def forward(self, x: Any) -> Any:
        """The outputs for one sample."""
        for layer in self.layers:
            x = layer(x)
        return x

    def extra_repr(self) -> str:
        """`2 -> 16 -> 1`."""
        return " -> ".join(map(str, self.widths))
