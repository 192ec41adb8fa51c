"""Signals layer by layer: mean, standard deviation and histogram of outputs, and their sizes for each initialiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...autograd import KindError
from ...autograd.extending import describe, spelt
from .. import init, scalar
from ..base.arguments import whole_number
from ..base.module import Module
from .outputs import check_module, outputs_and_gradients
from .report import Report

__all__ = ["Spread", "Statistics", "initial_spread", "statistics"]


@dataclass(frozen=True)
class Statistics:
    """The outputs of a layer over all samples, and the gradients with respect to them; `counts` are between `edges`."""

    layer: str
    mean: float
    std: float
    low: float
    high: float
    grad_mean: float | None
    grad_std: float | None
    counts: tuple[int, ...]
    edges: tuple[float, ...]
    grad_counts: tuple[int, ...]
    grad_edges: tuple[float, ...]


@spelt
def statistics(model: Module, X: Any, y: Any = None, loss: Any = None, bins: int = 20) -> Report[Statistics]:
    """Mean, standard deviation and histogram of the outputs of each layer for the samples `X`, in evaluation mode.

    Elements that are NaN or infinite are in no count of the histogram.
    With a loss, `loss(model(X), y)`, also of the gradients with respect to these outputs. A network of Values is
    called row by row, and the loss is called with the list of its outputs.

    >>> import numpy as np
    >>> from chainrule.nn import MLP
    >>> from chainrule.nn.diagnostics import statistics
    >>> model = MLP(2, [3, 1], activation="tanh", seed=0)
    >>> report = statistics(model, np.random.default_rng(0).standard_normal((50, 2)), bins=4)
    >>> [(row.layer, round(row.mean, 2), round(row.std, 2)) for row in report]
    [('layers.0', 0.04, 1.02), ('layers.1', 0.03, 0.62), ('layers.2', 0.04, 0.23)]
    >>> sum(report[0].counts), len(report[0].edges)
    (150, 5)
    """
    check_module(model)
    if loss is not None and not callable(loss):
        raise KindError(f"loss is a function, as in loss(model(X), y); given {describe(loss)}")
    bins = whole_number(bins, "bins")
    rows = []
    neurons = {path for path, module in model.named_modules() if isinstance(module, scalar.Neuron)}
    for path, (outputs, gradients) in outputs_and_gradients(model, X, y, loss).items():
        if path and path not in neurons:
            mean, std, counts, edges = _moments(outputs, bins)
            grad = (None, None, (), ()) if gradients is None else _moments(gradients, bins)
            low, high = float(outputs.min()), float(outputs.max())
            rows.append(
                Statistics(path, mean, std, low, high, grad[0], grad[1], counts, edges, grad[2], grad[3])
            )
    return Report(tuple(rows))


def _moments(numbers: np.ndarray, bins: int) -> tuple[float, float, tuple[int, ...], tuple[float, ...]]:
    numbers = numbers.astype(np.float64)  # NumPy would add the squares of float16 numbers in float16
    counts, edges = np.histogram(numbers[np.isfinite(numbers)], bins)
    return float(numbers.mean()), float(numbers.std()), tuple(counts.tolist()), tuple(edges.tolist())


@dataclass(frozen=True)
class Spread:
    """An initialiser in a deep network: mean squares of the signal and of the gradient, by layer."""

    initialiser: str
    first: float
    last: float
    grad_first: float
    grad_last: float
    activations: tuple[float, ...]
    gradients: tuple[float, ...]


@spelt
def initial_spread(
    initialisers: Mapping[str, Callable[..., np.ndarray]] | None = None,
    activation: str = "relu",
    **options: Any,
) -> Report[Spread]:
    """The mean squares of activations and gradients over 50 layers, for each initialiser.

    `initialisers` is a dict of names and functions of `nn.init`; by default the usual ones. Further options are those
    of `init.spread_by_layer`: `layers`, `width`, `samples`, `seed`.

    >>> from chainrule.nn.diagnostics import initial_spread
    >>> for row in initial_spread(activation="relu"):
    ...     print(row.initialiser, "keeps" if 0.1 < row.last / row.first < 10 else "loses or blows up")
    he_normal keeps
    he_uniform keeps
    glorot_normal loses or blows up
    glorot_uniform loses or blows up
    normal, variance 1 loses or blows up
    normal, variance 0.1 loses or blows up
    """
    if initialisers is None:
        initialisers = {
            **{
                f.__name__: f
                for f in (init.he_normal, init.he_uniform, init.glorot_normal, init.glorot_uniform)
            },
            "normal, variance 1": partial(init.normal, std=1.0),
            "normal, variance 0.1": partial(init.normal, std=math.sqrt(0.1)),
        }
    rows = []
    for name, function in initialisers.items():
        found = init.spread_by_layer(function, activation, **options)
        a, g = found["activations"], found["gradients"]
        rows.append(Spread(name, a[0], a[-1], g[0], g[-1], tuple(a), tuple(g)))
    return Report(tuple(rows))
