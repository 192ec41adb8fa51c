"""The gain of each activation: a factor for the weights that keeps the variance of the signal."""

from __future__ import annotations

import math

from ...autograd import RangeError
from ...autograd.extending import like, spelt
from ..base.arguments import one_number

__all__ = ["calculate_gain"]


@spelt
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain that keeps the variance of a signal through an activation, as PyTorch recommends it.

    1 for linear layers and sigmoid, 5/3 for tanh, `sqrt(2)` for relu, `sqrt(2 / (1 + slope**2))` for leaky_relu with
    the slope `param` (0.01), 3/4 for selu. Use it with Glorot's, LeCun's or `orthogonal` weights; He's weights
    include the gain of relu.

    Raises `RangeError` for other names.

    >>> from chainrule.nn import init
    >>> round(init.calculate_gain("leaky_relu", 0.2), 4)
    1.3868
    """
    slope = 0.01 if param is None else one_number(param, "param, the slope of leaky_relu,")
    gains = {
        "linear": 1.0,
        "conv1d": 1.0,
        "conv2d": 1.0,
        "conv3d": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if not isinstance(nonlinearity, str) or nonlinearity not in gains:
        raise RangeError(
            f"no gain is known for {nonlinearity!r}; there are {', '.join(gains)}{like(nonlinearity, gains)}"
        )
    return gains[nonlinearity]
