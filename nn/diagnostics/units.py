"""Units that no longer learn: dead ReLUs, saturated sigmoids and tanhs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd.extending import spelt
from ..base.module import Module
from .outputs import after_activations, outputs_and_gradients
from .report import Report

__all__ = ["DeadUnits", "Saturation", "dead_units", "saturation"]


@dataclass(frozen=True)
class DeadUnits:
    """A layer of ReLUs: the number of units that are 0 for every sample, their share, and their positions."""

    layer: str
    units: int
    dead: int
    fraction: float
    which: tuple[int, ...]


@spelt
def dead_units(model: Module, X: Any) -> Report[DeadUnits]:
    """The units of each ReLU layer that are 0 for all samples `X`: their gradient is 0, so they cannot learn.

    A unit is one number in the output of a sample; a convolution has one unit for each channel and position.

    >>> import numpy as np
    >>> from chainrule.nn import MLP
    >>> from chainrule.nn.diagnostics import dead_units
    >>> model = MLP(2, [4, 1], seed=0)
    >>> model.layers[0].bias.data = np.array([0.0, -100.0, 0.0, -100.0])
    >>> X = np.random.default_rng(0).standard_normal((50, 2))
    >>> dead_units(model, X)
    layer     units  dead  fraction
    layers.1      4     2       0.5
    >>> dead_units(model, X)[0].which
    (1, 3)
    """
    outputs = outputs_and_gradients(model, X)
    rows = []
    for path in after_activations(model, {"relu": None}):
        y = outputs[path][0]
        dead = np.flatnonzero((y.reshape(len(y), -1) <= 0).all(0))
        units = y[0].size
        rows.append(DeadUnits(path, units, len(dead), len(dead) / units, tuple(dead.tolist())))
    return Report(tuple(rows))


@dataclass(frozen=True)
class Saturation:
    """A layer of sigmoids or tanhs: the share of saturated outputs, and of units saturated for every sample."""

    layer: str
    activation: str
    units: int
    saturated: float
    stuck: float


_SLOPES: dict[str, Callable[[Any], Any]] = {  # the derivative from the output, as a share of its maximum
    "sigmoid": lambda y: 4 * y * (1 - y),
    "tanh": lambda y: 1 - y * y,
}


@spelt
def saturation(model: Module, X: Any, threshold: float = 0.1) -> Report[Saturation]:
    """The share of outputs of sigmoid and tanh layers at which the derivative is below `threshold` of its maximum.

    >>> import numpy as np
    >>> from chainrule.nn import MLP
    >>> from chainrule.nn.diagnostics import saturation
    >>> model = MLP(2, [2, 1], activation="tanh", seed=0)
    >>> model.layers[0].bias.data = np.array([0.0, 20.0])
    >>> saturation(model, np.random.default_rng(0).standard_normal((50, 2)))
    layer     activation  units  saturated  stuck
    layers.1        tanh      2       0.56    0.5
    """
    outputs = outputs_and_gradients(model, X)
    rows = []
    for path, name in after_activations(model, _SLOPES).items():
        y = outputs[path][0].astype(np.float64)
        flat = (_SLOPES[name](y) < threshold).reshape(len(y), -1)
        rows.append(Saturation(path, name, flat.shape[1], float(flat.mean()), float(flat.all(0).mean())))
    return Report(tuple(rows))
