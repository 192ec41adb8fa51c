"""Parameters layer by layer: their gradients, and the size of a step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import KindError, ShapeError
from ...autograd.extending import describe, spelt
from .. import scalar
from ..base.module import Module
from .outputs import check_module
from .report import Report

__all__ = ["Flow", "Update", "gradient_flow", "update_ratios"]


def by_layer(model: Module) -> dict[str, list[tuple[str, Any]]]:
    """The parameters of each module that has parameters of its own; those of neurons belong to their layer."""
    check_module(model)
    modules = dict(model.named_modules())
    layers: dict[str, list[tuple[str, Any]]] = {}
    for name, p in model.named_parameters():
        path = name.rpartition(".")[0]
        while path not in modules:  # the parameter is in a list or a dict of its module
            path = path.rpartition(".")[0]
        if isinstance(modules[path], scalar.Neuron):
            path = path.rpartition(".")[0]
        layers.setdefault(path, []).append((name, p))
    return layers


def _root_mean_square(arrays: list[Any]) -> float:
    flat = np.concatenate([np.ravel(a).astype(np.float64) for a in arrays])
    return float(np.sqrt(np.square(flat).mean()))


@dataclass(frozen=True)
class Flow:
    """The gradient of a layer: its norm, its root mean square, and the ratio to that of the next layer."""

    layer: str
    parameters: int
    norm: float
    rms: float
    to_next: float | None


@spelt
def gradient_flow(model: Module) -> Report[Flow]:
    """The gradients of each layer after a backward pass: do they vanish or explode from layer to layer?

    `to_next` is the root mean square of the layer divided by that of the next layer, nearer to the output. If it is
    below 1 in all layers, gradients vanish; above 1, they explode.

    Raises `KindError` if no parameter has a gradient.

    >>> import numpy as np
    >>> from chainrule.nn import MLP, mse_loss
    >>> from chainrule.nn.diagnostics import gradient_flow
    >>> model = MLP(2, [8, 8, 8, 1], activation="sigmoid", seed=0)
    >>> mse_loss(model(np.ones((5, 2))), np.zeros((5, 1))).backward()
    >>> flow = gradient_flow(model)
    >>> [row.layer for row in flow], all(row.to_next < 1 for row in flow if row.to_next)
    (['layers.0', 'layers.2', 'layers.4', 'layers.6'], True)
    """
    found = {
        layer: [p.grad for _, p in parameters if p.grad is not None]
        for layer, parameters in by_layer(model).items()
    }
    found = {layer: gradients for layer, gradients in found.items() if gradients}
    if not found:
        raise KindError(
            "no parameter of the model has a gradient: write loss.backward() before gradient_flow(model)"
        )
    rms = {layer: _root_mean_square(gradients) for layer, gradients in found.items()}
    after: list[float | None] = [*list(rms.values())[1:], None]
    rows = []
    for (layer, gradients), following in zip(found.items(), after):
        n = sum(np.size(g) for g in gradients)
        to_next = None if following is None else rms[layer] / following if following else math.nan
        rows.append(Flow(layer, n, rms[layer] * math.sqrt(n), rms[layer], to_next))
    return Report(tuple(rows))


@dataclass(frozen=True)
class Update:
    """A step of a layer: the size of its weights, the size of their change, and the ratio of the two."""

    layer: str
    weights: float
    update: float
    ratio: float


@spelt
def update_ratios(model: Module, before: Mapping[str, Any]) -> Report[Update]:
    """The change of the parameters of each layer since `before`, a `state_dict()`, relative to their size.

    Both are root mean squares. A ratio near 1e-3 for one step is usual; far above it the learning rate is too
    high, far below it the layer hardly learns.

    >>> import numpy as np
    >>> from chainrule.nn import MLP, SGD, mse_loss
    >>> from chainrule.nn.diagnostics import update_ratios
    >>> model = MLP(2, [8, 1], seed=0)
    >>> mse_loss(model(np.ones((5, 2))), np.zeros((5, 1))).backward()
    >>> before = model.state_dict()
    >>> SGD(model.parameters(), lr=0.01).step()
    >>> update_ratios(model, before)
    layer     weights  update    ratio
    layers.0    0.972  0.0075  0.00771
    layers.2     0.42  0.0205   0.0489
    """
    if not isinstance(before, Mapping):
        raise KindError(
            f"before is the model's state_dict(), taken before the step; given {describe(before)}"
        )
    rows = []
    for layer, parameters in by_layer(model).items():
        for name, p in parameters:
            if name not in before or np.shape(before[name]) != np.shape(p.data):
                raise ShapeError(
                    f"`before` is the model's own state_dict(), taken before the step; it has no {name!r} of shape "
                    f"{np.shape(p.data)}"
                )
        weights = _root_mean_square([before[name] for name, _ in parameters])
        update = _root_mean_square([p.data - before[name] for name, p in parameters])
        ratio = update / weights if weights else math.inf if update else 0.0
        rows.append(Update(layer, weights, update, ratio))
    return Report(tuple(rows))
