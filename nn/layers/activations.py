"""Activations as modules. Without an activation, a network computes a single linear function.

Each is a function of `chainrule.autograd` as a module, for `Sequential` and for drawings. `ACTIVATIONS` are those that
are selected by name, as in `MLP(2, [16, 1], activation="tanh")`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ... import autograd
from ...autograd import Node, RangeError
from ...autograd.extending import word_refused
from .. import init
from ..base.arguments import numeric, one_number
from ..base.module import Module

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "ELU",
    "GELU",
    "Heaviside",
    "Identity",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "activation",
]


class Activation(Module):
    """A module without parameters that applies one function, with `options`, to its input.

    >>> import numpy as np
    >>> from chainrule.nn import ELU, LeakyReLU, Tanh
    >>> LeakyReLU(0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    >>> ELU(), Tanh()
    (ELU(alpha=1.0), Tanh())
    """

    function: ClassVar[Callable[..., Any]]

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        """The function at `x`: numbers, arrays, Values or Tensors."""
        return type(self).function(x, **self.options)

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class Identity(Activation):
    """`x` itself, the activation of a linear layer."""

    function = staticmethod(lambda x: x)


class ReLU(Activation):
    """`max(x, 0)`. Its derivative is 0 for `x <= 0`: a unit that is there for all samples does not learn."""

    function = autograd.relu


class Heaviside(Activation):
    """The step: 1 where `x >= 0`, 0 elsewhere. Its derivative is 0, so gradient descent cannot train it."""

    @staticmethod
    def function(x: Any) -> Any:
        """1 where `x >= 0`, 0 elsewhere."""
        given: Any = x if isinstance(x, Node) else numeric(x, "the input of Heaviside")
        return np.heaviside(given, 1.0)


class LeakyReLU(Activation):
    """`x` where it is positive, `negative_slope * x` elsewhere: the derivative is never 0."""

    function = staticmethod(autograd.leaky_relu)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.options = {"negative_slope": one_number(negative_slope, "negative_slope")}


class ELU(Activation):
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere."""

    function = staticmethod(autograd.elu)

    def __init__(self, alpha: float = 1.0) -> None:
        self.options = {"alpha": one_number(alpha, "alpha")}


class Sigmoid(Activation):
    """`1 / (1 + exp(-x))`, between 0 and 1; its derivative `s * (1 - s)` is at most 1/4, and near 0 for large `|x|`."""

    function = autograd.sigmoid


class Tanh(Activation):
    """`tanh(x)`, between -1 and 1; its derivative `1 - t * t` is near 0 for large `|x|`."""

    function = autograd.tanh


class Softplus(Activation):
    """`log(1 + exp(x))`, a smooth ReLU."""

    function = autograd.softplus


class GELU(Activation):
    """`x` times the probability that a normal number is below it (exact, with `erf`)."""

    function = autograd.gelu


class SiLU(Activation):
    """`x * sigmoid(x)`, also called swish."""

    function = autograd.silu


class Softmax(Activation):
    """`exp(x) / sum(exp(x))` along the axis `dim`: probabilities. `cross_entropy` takes the logits, without it."""

    function = staticmethod(autograd.softmax)

    def __init__(self, dim: int = -1) -> None:
        self.options = {"axis": dim}

    def extra_repr(self) -> str:
        """The axis, as `dim`."""
        return f"dim={self.options['axis']}"


class LogSoftmax(Softmax):
    """`log(softmax(x))` along the axis `dim`, the input of `nll_loss`."""

    function = staticmethod(autograd.log_softmax)


ACTIVATIONS: dict[str, tuple[type[Activation], Callable[..., Any]]] = {
    # the module, and the initial weights that suit the layer before it
    "relu": (ReLU, init.he_uniform),
    "leaky_relu": (LeakyReLU, init.he_uniform),
    "elu": (ELU, init.he_uniform),
    "gelu": (GELU, init.he_uniform),
    "silu": (SiLU, init.he_uniform),
    "softplus": (Softplus, init.he_uniform),
    "sigmoid": (Sigmoid, init.glorot_uniform),
    "tanh": (Tanh, init.glorot_uniform),
    "linear": (Identity, init.glorot_uniform),
}


def activation(name: str) -> tuple[type[Activation], Callable[..., Any]]:
    """The module of that name, and the function of `chainrule.nn.init` that suits the weights before it.

    Raises `RangeError` for a name that is not in `ACTIVATIONS`.

    >>> from chainrule.nn.layers.activations import activation
    >>> module, weights = activation("tanh")
    >>> module(), weights.__name__
    (Tanh(), 'glorot_uniform')
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise RangeError(word_refused("activation", name, ACTIVATIONS))
    return ACTIVATIONS[name]
