"""Networks of single numbers, from primitives: a neuron is `g(w1 x1 + w2 x2 + ... + b)` over `Value`s.

Call-compatible with micrograd's `nn`. Different from it: the last layer is linear and the others have the activation
that you choose; every weight has a name and every neuron a scope, so that they draw well; a neuron given the
wrong number of inputs says so; and weights start as He (ReLU and its family) or Glorot (others)
drew them, from a seed, not uniformly between -1 and 1, which saturates wide layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, ClassVar

from ..autograd import Node, Primitive, Value, elementwise, maximum
from ..autograd.engine.modes import recording
from ..autograd.errors import ShapeError
from ..autograd.primitives import dot_, positive
from .activations import ACTIVATIONS
from .activations import activation as activation_named
from .init import Seed, generator
from .layers import checked_widths
from .module import Module, ScalarParameter, whole_number

__all__ = ["MLP", "Layer", "Maxout", "Neuron"]


class _ScalarModule(Module):
    """A module that is called with a list of numbers or Values."""

    def __call__(self, x: Any, *inputs: Any, **options: Any) -> Any:
        return super().__call__(_values(x), *inputs, **options)

    _run = Module.__call__  # a call whose inputs are known to be Values


def _values(x: Any) -> Sequence[Node]:
    """`x` as a sequence of Values; plain numbers become constants called x1, x2, ..."""
    if isinstance(x, Node):
        return [x]
    if all(isinstance(v, Node) for v in x):
        return x
    return [
        v if isinstance(v, Node) else Value(v, name=f"x{i}", requires_grad=False) for i, v in enumerate(x, 1)
    ]


# ---------------------------------------------------------------------- a neuron as one node


def _weighted(*inputs: Any) -> Any:
    """`w1 x1 + w2 x2 + ... + b` of `w1, w2, ..., x1, x2, ..., b`."""
    *both, b = inputs
    return dot_(*both) + b


def _neuron(name: str) -> tuple[Primitive, dict[str, Any]]:
    """The row of a whole neuron with this activation, and its options: calculus from the rows of the dot product and
    of the activation, by the chain rule."""
    with recording(True):
        trial = activation_named(name)[0]()(Value(1.0))
    g, options = trial.op or positive, trial.params
    at_float, at_array, rule = g.on_floats, g.on_arrays, g.rule_for(0)

    def local_gradient(i: int, y: Any, *inputs: Any, **options: Any) -> Any:
        slope = rule(y, y if name in LIKE_OUTPUT else _weighted(*inputs), **options)
        if i == len(inputs) - 1:
            return slope
        x = dot_.rule(i, y, *inputs)  # which leaves the bias at the end alone
        return x if g is positive else slope * x

    return elementwise(
        f"neuron_{name}",
        lambda *inputs, **options: at_float(_weighted(*inputs), **options),  # type: ignore[misc]
        lambda *inputs, **options: at_array(_weighted(*inputs), **options),
        local_gradient,
    ), options


# their rules ask the input only for its sign, which is the output's, if they ask at all: no need to compute it again
LIKE_OUTPUT = ("relu", "leaky_relu", "sigmoid", "tanh", "linear")
NEURONS = {name: _neuron(name) for name in ACTIVATIONS}


class Neuron(_ScalarModule):
    """One unit: the weighted sum of its inputs, plus a bias, through an activation.

    `nonlin=False` leaves the activation out, as in micrograd. With `compound=True` all of it is one node, a row of
    the table such as `neuron_tanh`; otherwise there is one for every multiplication and addition. The gradients
    are the same.

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
        self.activation = activation if nonlin else "linear"
        self.compound = compound
        module, weight_init = activation_named(self.activation)
        self._function = module.function
        if weights is None:
            weights = weight_init(checked_widths(n_inputs, [1]), seed=seed)[:, 0]
        self.w = [ScalarParameter(w) for w in weights]
        self.b = ScalarParameter(0.0)

    def forward(self, x: Sequence[Any]) -> Value:
        """A Value from a list of them, or of numbers."""
        if len(x) != len(self.w):
            raise ShapeError(
                f"{self._described('the neuron')}, has {len(self.w)} weights and was given "
                f"{len(x)} inputs. Give it one number for each weight, or make a network with "
                f"{len(x)} inputs"
            )
        if self.compound:
            row, options = NEURONS[self.activation]
            return row(*self.w, *x, self.b, **options)
        z = self.b
        for w, v in zip(self.w, x):
            z = z + w * v
        return self._function(z)

    def extra_repr(self) -> str:
        """`2, relu`."""
        return f"{len(self.w)}, {self.activation}"


class Maxout(_ScalarModule):
    """The largest of several linear neurons with the same inputs: a unit that learns its own activation.

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
        """The largest of what the pieces make of `x`."""
        return reduce(maximum, [neuron._run(x) for neuron in self.pieces])

    def extra_repr(self) -> str:
        """`2, n_pieces=2`."""
        return f"{len(self.pieces[0].w)}, n_pieces={len(self.pieces)}"


class Layer(_ScalarModule):
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
        self.activation = activation if nonlin else "linear"
        shape = checked_widths(n_inputs, [n_outputs])
        _, weight_init = activation_named(self.activation)
        weights = weight_init(shape, seed=seed).T
        self.neurons = [
            Neuron(n_inputs, nonlin, activation, compound=compound, weights=w) for w in weights.tolist()
        ]

    def forward(self, x: Sequence[Any]) -> Any:
        """What each neuron makes of `x`."""
        out = [neuron._run(x) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def extra_repr(self) -> str:
        """`2 -> 16, relu`."""
        return f"{len(self.neurons[0].w)} -> {len(self.neurons)}, {self.activation}"

    __repr__ = Module._headline  # its neurons are all alike


class MLP(_ScalarModule):
    """Layers of neurons one after the other; the last is linear.

    `widths` are the numbers of neurons in each layer, the outputs last. Called with a list of numbers, Values
    or one row of an array, it returns a Value, or a list where there are several outputs.

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
