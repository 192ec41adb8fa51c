"""The loss of one sample as a graph of single numbers, through the present network; `step` goes through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ....autograd import Value, scope, sin
from ....nn import ScalarParameter
from ....nn.layers.activations import ACTIVATIONS
from ...common.errors import OptionError
from ...stepping.stepper import step
from ..lab.run import Moment, Run
from .names import Names

__all__ = ["sample_loss", "stepper_page"]

# each input of the network as a Value, from the coordinates of the point
INPUTS: dict[str, Callable[[Value, Value], Any]] = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1^2": lambda x1, x2: x1 * x1,
    "x2^2": lambda x1, x2: x2 * x2,
    "x1x2": lambda x1, x2: x1 * x2,
    "sin(x1)": lambda x1, x2: sin(x1),
    "sin(x2)": lambda x1, x2: sin(x2),
}


def sample_loss(run: Run, i: int, moment: Moment | None = None) -> Value:
    """The loss of training sample `i`, from primitives on Values, at the present parameters or those of a moment.

    The parameters are new leaves with the names of `Names`; the coordinates of the point are leaves as well. There is
    no dropout and no penalty. Raises `OptionError` if there is no such sample.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> run = Run(Recipe(Settings(data="xor", layers=[2])))
    >>> loss = sample_loss(run, 0)
    >>> with_arrays = run.loss(run.view()(run.inputs[:1]), run.data.y[:1])
    >>> bool(abs(loss.data - with_arrays.data) < 1e-12)
    True
    """
    settings, names = run.settings, Names(run.settings)
    if not 0 <= i < len(run.inputs):
        raise OptionError(f"there is no training sample {i}; there are {len(run.inputs):,}, numbered from 0")
    point, target = run.data.X[i].tolist(), float(run.data.y[i, 0])
    x1, x2 = (Value(x, name=name) for x, name in zip(point, ("x1", "x2")))
    arrays = [p.data.tolist() for p in run.view(moment).parameters()]
    with np.errstate(all="ignore"):
        with scope("inputs"):
            units: list[Any] = [INPUTS[name](x1, x2) for name in settings.inputs]
        for x, name in zip(units, names.inputs):
            x.name = name
        for layer, (weights, biases) in enumerate(zip(arrays[::2], arrays[1::2])):
            hidden = layer < names.hidden
            function = ACTIVATIONS[settings.activations[layer]][0]().forward if hidden else None
            with scope(f"hidden layer {layer + 1}" if hidden else "output layer"):
                units = [
                    _unit(names, layer, j, [row[j] for row in weights], b, units, function)
                    for j, b in enumerate(biases)
                ]
        with scope("loss"):
            loss: Value = run.loss(units[0], Value(target, name="y", requires_grad=False))
    loss.name = "loss"
    return loss


def _unit(
    names: Names, layer: int, j: int, weights: list[float], bias: float, given: list[Any], function: Any
) -> Any:
    """The output of unit `j` of a layer: the sum of weight times input, from the bias on, and its activation."""
    with scope(f"unit {j + 1}"):
        z: Any = ScalarParameter(bias, name=names.bias(layer, j))
        for i, (w, x) in enumerate(zip(weights, given)):
            z = z + ScalarParameter(w, name=names.weight(layer, i, j)) * x
        z.name = names.z(layer, j)
        if function is None:
            return z
        a = function(z)
        if a is not z:
            a.name = names.a(layer, j)
        return a


def stepper_page(loss: Value) -> str:
    """Both passes as a live HTML page: `step(loss).save("step.html")` writes the same."""
    return step(loss).html()
