"""A whole neuron as one row of the table: `g(w1 x1 + w2 x2 + ... + b)`, for each activation `g`."""

from __future__ import annotations

import operator
from typing import Any

from ...autograd import TABLE, Primitive, elementwise
from ..layers.activations import ACTIVATIONS

__all__ = ["NEURONS", "ROWS"]

ROWS: dict[str, tuple[Primitive, dict[str, Any]]] = {
    # the row of each activation, and its options where it has some
    **{name: (TABLE[name], {}) for name in ACTIVATIONS if name != "linear"},
    "linear": (TABLE["positive"], {}),
    "leaky_relu": (TABLE["leaky_relu"], {"slope": 0.01}),
    "elu": (TABLE["elu"], {"alpha": 1.0}),
}

# The rules of these need the input for its sign alone, which is that of the output, or not at all.
FROM_OUTPUT = ("relu", "leaky_relu", "sigmoid", "tanh", "linear")
dot_ = TABLE["dot"]


def _weighted(*inputs: Any) -> Any:
    """`w1 x1 + w2 x2 + ... + b` of `w1, w2, ..., x1, x2, ..., b`."""
    return dot_(*inputs[:-1]) + inputs[-1]


# On floats a plain sum: the row `dot` would check the type of each input first, which takes longer than the products.
def weighted_sum(*inputs: float) -> float:
    """`w1 x1 + w2 x2 + ... + b` of `w1, w2, ..., x1, x2, ..., b`."""
    n = len(inputs) // 2
    return sum(map(operator.mul, inputs[:n], inputs[n:-1])) + inputs[-1]


def _neuron(name: str) -> Primitive:
    """The row of a whole neuron with this activation.

    Its calculus is that of two rows, the dot product and the activation, joined by the chain rule.
    """
    g = ROWS[name][0]
    at_float, at_array, rule = g.on_floats, g.on_arrays, g.rule_for(0)
    linear, from_output = name == "linear", name in FROM_OUTPUT

    def local_gradient(i: int, y: Any, *inputs: Any, **options: Any) -> Any:
        slope = rule(y, y if from_output else _weighted(*inputs), **options)
        if i == len(inputs) - 1:
            return slope
        factor = dot_.rule(i, y, *inputs[:-1])
        return factor if linear else slope * factor

    def local_gradients(y: Any, *inputs: Any, **options: Any) -> tuple[Any, ...]:
        # computed once: a rule for each input would compute it n times
        slope = rule(y, y if from_output else _weighted(*inputs), **options)
        if slope.__class__ is bool:
            slope = float(slope)  # Python multiplies two floats in half the time
        n = len(inputs) // 2
        factors = inputs[n:-1] + inputs[:n]
        if linear or (slope.__class__ is float and slope == 1.0):
            return (*factors, slope)
        return (*[slope * factor for factor in factors], slope)

    local_gradient.every = local_gradients  # type: ignore[attr-defined]

    def on_floats(*inputs: float, **options: Any) -> float:
        return at_float(weighted_sum(*inputs), **options)  # type: ignore[misc]

    def on_arrays(*inputs: Any, **options: Any) -> Any:
        return at_array(_weighted(*inputs), **options)

    if linear:
        return elementwise("neuron_linear", _weighted, _weighted, local_gradient)
    return elementwise(f"neuron_{name}", on_floats, on_arrays, local_gradient)


NEURONS = {name: _neuron(name) for name in ACTIVATIONS}
