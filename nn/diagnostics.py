"""Diagnostics: how a network fares inside, as numbers: dead units, saturation, gradients and updates layer by layer.

Each function looks at a network of Tensors or of Values, changes nothing in it, and returns a `Report`: a table with
one row for each layer, which prints, has `to_dict()`, and is drawn by `chainrule.viz`. What the layers put out is seen
with `record_outputs`, through forward hooks: so activations have to be modules (`ReLU()`, not `relu`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Generic, TypeVar

import numpy as np

from .. import autograd
from ..autograd import Node
from ..autograd.engine.modes import recording
from ..autograd.engine.node import describe
from ..autograd.errors import GradientError, KindError, ShapeError
from . import init, scalar
from .activations import Activation
from .looking import unchanged
from .module import Module, ScalarParameter

__all__ = [
    "DeadUnits",
    "Flow",
    "Report",
    "Saturation",
    "Spread",
    "Statistics",
    "Update",
    "dead_units",
    "gradient_flow",
    "initial_spread",
    "record_outputs",
    "saturation",
    "statistics",
    "update_ratios",
]

Row = TypeVar("Row")


@dataclass(frozen=True, repr=False)
class Report(Generic[Row]):
    """A table of frozen rows, which are its items; `to_dict()` gives its columns, as plain numbers and lists."""

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, i: int) -> Row:
        return self.rows[i]

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns by their names; JSON takes it, and so does `pandas.DataFrame`."""
        names = [field.name for field in fields(self.rows[0])] if self.rows else []  # type: ignore[arg-type]
        return {name: [_plain(getattr(row, name)) for row in self.rows] for name in names}

    def __repr__(self) -> str:
        columns = [
            [name, *map(_text, column)]
            for name, column in self.to_dict().items()
            if not any(isinstance(cell, list) for cell in column)  # too long to print
        ]
        if not columns:
            return "nothing to report: the model has no layers of the kind"
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
            for line in zip(*columns)
        ]
        return "\n".join(lines)


def _plain(cell: Any) -> Any:
    return list(cell) if isinstance(cell, tuple) else cell


def _text(cell: Any) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else "" if cell is None else str(cell)


# ---------------------------------------------------------------------- looking inside


@contextmanager
def record_outputs(model: Module) -> Iterator[dict[str, list[Any]]]:
    """Within the block, what each module returns is kept: its path, with a list of what its calls returned.

    >>> import numpy as np
    >>> from chainrule.nn import MLP
    >>> from chainrule.nn.diagnostics import record_outputs
    >>> model = MLP(2, [3, 1], seed=0)
    >>> with record_outputs(model) as outputs:
    ...     y = model(np.ones((5, 2)))
    >>> {path: [each.shape for each in calls] for path, calls in outputs.items()}
    {'layers.0': [(5, 3)], 'layers.1': [(5, 3)], 'layers.2': [(5, 1)], '': [(5, 1)]}
    """
    outputs: dict[str, list[Any]] = {}
    with ExitStack() as stack:
        for path, module in model.named_modules():

            def keep(module: Module, inputs: Any, output: Any, path: str = path) -> None:
                outputs.setdefault(path, []).append(output)

            stack.callback(module.register_forward_hook(keep).remove)
        yield outputs


def _activations(model: Module, X: Any, y: Any = None, loss: Any = None) -> dict[str, tuple[Any, Any]]:
    """What each module puts out for the samples `X`, and the gradients there if there is a loss; model unchanged."""
    if not isinstance(model, Module):
        raise KindError(f"diagnostics look into a module; given {describe(model)}")
    if not len(X):
        raise ShapeError(f"diagnostics look at what a model puts out for samples; given none, {describe(X)}")
    of_values = any(isinstance(p, ScalarParameter) for p in model.parameters())
    with unchanged(model, loss), record_outputs(model) as outputs, recording(loss is not None):
        model.eval()
        answers = [model(row) for row in np.asarray(X)] if of_values else model(X)
        slopes = {} if loss is None else _gradients(loss(answers, y), outputs)
    return {
        path: (_stacked(calls, _data), None if loss is None else _stacked(calls, partial(_slope, slopes)))
        for path, calls in outputs.items()
    }


def _gradients(total: Any, outputs: Mapping[str, list[Any]]) -> dict[Node, Any]:
    """The gradients of the loss with respect to all outputs; nothing is written to any `.grad`."""
    if isinstance(total, Node) and not total.requires_grad:
        raise GradientError(
            f"the loss is {total.describe()}, a constant: nothing that requires a gradient led to it. Compute it from "
            f"the prediction that it is given, without .data and .item(), for a model whose parameters are not frozen"
        )
    nodes = [node for node in dict.fromkeys(_nodes(list(outputs.values()))) if node.requires_grad]
    return dict(zip(nodes, autograd.gradients(total, nodes)))


def _nodes(outputs: Any) -> Iterator[Node]:
    waiting = [outputs]
    while waiting:
        x = waiting.pop()
        if isinstance(x, Node):
            yield x
        elif isinstance(x, (list, tuple)):
            waiting += x


def _stacked(calls: list[Any], numbers: Callable[[Any], Any]) -> np.ndarray:
    """The numbers of all calls, one sample in each row."""
    found = [_array(call[0] if isinstance(call, tuple) else call, numbers) for call in calls]
    if isinstance(calls[0], (list, Node)) and found[0].ndim < 2:  # Values: each call is one sample
        return np.stack([np.atleast_1d(each) for each in found])
    return np.concatenate([np.atleast_2d(each) for each in found])


def _array(output: Any, numbers: Callable[[Any], Any]) -> np.ndarray:
    if isinstance(output, list):
        return np.array([_array(each, numbers) for each in output])
    return np.asarray(numbers(output))


def _data(output: Any) -> Any:
    return output.data if isinstance(output, Node) else output


def _slope(slopes: Mapping[Node, Any], output: Any) -> Any:
    found = slopes.get(output) if isinstance(output, Node) else None
    return np.zeros_like(_data(output)) if found is None else found


def _after_activations(model: Module, wanted: Mapping[str, Any]) -> dict[str, str]:
    """The paths of the modules whose output is that of an activation that is wanted, with its name."""
    found = {}
    for path, module in model.named_modules():
        if isinstance(module, Activation):
            name = type(module).__name__.lower()
        elif isinstance(module, scalar.Layer):
            name = module.activation
        else:
            continue
        if name in wanted:
            found[path] = name
    return found


# ---------------------------------------------------------------------- units


@dataclass(frozen=True)
class DeadUnits:
    """A layer of ReLUs: how many of its units are 0 for every sample, which share that is, and which they are."""

    layer: str
    units: int
    dead: int
    fraction: float
    which: tuple[int, ...]


def dead_units(model: Module, X: Any) -> Report[DeadUnits]:
    """The units of each ReLU layer that fire for none of the samples `X`: no gradient can revive them there.

    A unit is a number in a sample's output; of a convolution, one for each place.

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
    outputs = _activations(model, X)
    rows = []
    for path in _after_activations(model, {"relu": None}):
        y = outputs[path][0]
        dead = np.flatnonzero((y.reshape(len(y), -1) <= 0).all(0))
        units = y[0].size
        rows.append(DeadUnits(path, units, len(dead), len(dead) / units, tuple(dead.tolist())))
    return Report(tuple(rows))


@dataclass(frozen=True)
class Saturation:
    """A layer of sigmoids or tanhs: the share of flat outputs, and of units that are flat for every sample."""

    layer: str
    activation: str
    units: int
    saturated: float
    stuck: float


_SLOPES: dict[str, Callable[[Any], Any]] = {  # from the output, as a share of the steepest
    "sigmoid": lambda y: 4 * y * (1 - y),
    "tanh": lambda y: 1 - y * y,
}


def saturation(model: Module, X: Any, threshold: float = 0.1) -> Report[Saturation]:
    """How many outputs of sigmoid and tanh layers are where the derivative is below `threshold` of its maximum.

    >>> import numpy as np
    >>> from chainrule.nn import MLP
    >>> from chainrule.nn.diagnostics import saturation
    >>> model = MLP(2, [2, 1], activation="tanh", seed=0)
    >>> model.layers[0].bias.data = np.array([0.0, 20.0])
    >>> saturation(model, np.random.default_rng(0).standard_normal((50, 2)))
    layer     activation  units  saturated  stuck
    layers.1        tanh      2       0.56    0.5
    """
    outputs = _activations(model, X)
    rows = []
    for path, name in _after_activations(model, _SLOPES).items():
        y = outputs[path][0].astype(np.float64)
        flat = (_SLOPES[name](y) < threshold).reshape(len(y), -1)
        rows.append(Saturation(path, name, flat.shape[1], float(flat.mean()), float(flat.all(0).mean())))
    return Report(tuple(rows))


# ---------------------------------------------------------------------- parameters


def _parameters_by_layer(model: Module) -> dict[str, list[tuple[str, Any]]]:
    """The parameters of each module that has some of its own; those of neurons count for their layer."""
    modules = dict(model.named_modules())
    layers: dict[str, list[tuple[str, Any]]] = {}
    for name, p in model.named_parameters():
        path = name.rpartition(".")[0]
        if isinstance(modules[path], scalar.Neuron):
            path = path.rpartition(".")[0]
        layers.setdefault(path, []).append((name, p))
    return layers


def _root_mean_square(arrays: list[Any]) -> float:
    flat = np.concatenate([np.ravel(a).astype(np.float64) for a in arrays])
    return float(np.sqrt(np.square(flat).mean()))


@dataclass(frozen=True)
class Flow:
    """A layer's gradient: its norm, its root mean square, and how that compares with the layer after it."""

    layer: str
    parameters: int
    norm: float
    rms: float
    to_next: float | None


def gradient_flow(model: Module) -> Report[Flow]:
    """The gradients that the last backward pass left in each layer: do they shrink or grow on the way back?

    `to_next` is the layer's root mean square divided by that of the layer after it, nearer to the output: where it
    is below 1 layer by layer, gradients vanish; above 1, they explode.

    Raises `KindError` where no parameter has a gradient yet.

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
        for layer, parameters in _parameters_by_layer(model).items()
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
    """A layer's last step: how large its weights are, how far they moved, and the ratio of the two."""

    layer: str
    weights: float
    update: float
    ratio: float


def update_ratios(model: Module, before: Mapping[str, Any]) -> Report[Update]:
    """How far the parameters of each layer have moved since `before`, a `state_dict()`, in terms of their size.

    Both are root mean squares. A ratio near 1e-3 for one step is usual; far above it the rate is too
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
    rows = []
    for layer, parameters in _parameters_by_layer(model).items():
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


# ---------------------------------------------------------------------- signals


@dataclass(frozen=True)
class Statistics:
    """What a layer puts out over all samples, and the gradients there; `counts` lie between the `edges`."""

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


def statistics(model: Module, X: Any, y: Any = None, loss: Any = None, bins: int = 20) -> Report[Statistics]:
    """Mean, deviation and histogram of what each layer puts out for the samples `X`, in evaluation mode.

    With a loss, `loss(model(X), y)`, also of the gradients at these outputs; a network of Values is called row by
    row, and the loss gets the list of its answers.

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
    rows = []
    neurons = {path for path, module in model.named_modules() if isinstance(module, scalar.Neuron)}
    for path, (outputs, gradients) in _activations(model, X, y, loss).items():
        if path and path not in neurons:
            mean, std, counts, edges = _moments(outputs, bins)
            grad = (None, None, (), ()) if gradients is None else _moments(gradients, bins)
            low, high = float(outputs.min()), float(outputs.max())
            rows.append(
                Statistics(path, mean, std, low, high, grad[0], grad[1], counts, edges, grad[2], grad[3])
            )
    return Report(tuple(rows))


def _moments(numbers: np.ndarray, bins: int) -> tuple[float, float, tuple[int, ...], tuple[float, ...]]:
    numbers = numbers.astype(np.float64)  # of float16, NumPy adds up the squares in float16
    counts, edges = np.histogram(numbers, bins)
    return float(numbers.mean()), float(numbers.std()), tuple(counts.tolist()), tuple(edges.tolist())


@dataclass(frozen=True)
class Spread:
    """How an initialiser starts a deep network: mean squares of the signal and of the gradient, by layer."""

    initialiser: str
    first: float
    last: float
    grad_first: float
    grad_last: float
    activations: tuple[float, ...]
    gradients: tuple[float, ...]


def initial_spread(
    initialisers: Mapping[str, Callable[..., np.ndarray]] | None = None,
    activation: str = "relu",
    **options: Any,
) -> Report[Spread]:
    """The mean square of activations and gradients over 50 layers, for each initialiser: kept, lost, or blown up.

    `initialisers` are functions of `nn.init` with their names; by default the usual ones. Further options are those
    of `init.spread_by_layer`: `layers`, `width`, `samples`, `seed`.

    >>> from chainrule.nn.diagnostics import initial_spread
    >>> for row in initial_spread(activation="relu"):
    ...     print(row.initialiser, "keeps" if 0.1 < row.last / row.first < 10 else "loses or blows up")
    he_normal keeps
    he_uniform keeps
    glorot_normal loses or blows up
    glorot_uniform loses or blows up
    normal, std 1 loses or blows up
    normal, std 0.1 loses or blows up
    """
    if initialisers is None:
        initialisers = {
            **{
                f.__name__: f
                for f in (init.he_normal, init.he_uniform, init.glorot_normal, init.glorot_uniform)
            },
            "normal, std 1": lambda shape, **kwargs: init.normal(shape, std=1.0, **kwargs),
            "normal, std 0.1": lambda shape, **kwargs: init.normal(shape, std=0.1, **kwargs),
        }
    rows = []
    for name, function in initialisers.items():
        found = init.spread_by_layer(function, activation, **options)
        a, g = found["activations"], found["gradients"]
        rows.append(Spread(name, a[0], a[-1], g[0], g[-1], tuple(a), tuple(g)))
    return Report(tuple(rows))
