"""Units and connections of a multilayer perceptron, found in the recorded graph of one or several passes through it.

A network of Values is found by the scopes of its neurons, a network of Tensors by its rows `linear`, each followed by
operations on every unit alone. All numbers are those of the recorded pass. A graph that is anything else is no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import Node, Tape, Value
from ...nn import Parameter, ScalarParameter
from ..common.notation import operation_sign
from ..folding.titles import NAME

__all__ = ["Column", "Network", "Spread", "Unit", "names_of", "network"]

FEWEST_LAYERS = 2
FUNCTION = "neuron_"  # before the name of the activation, in the row of a neuron that is one node
NEURON = ": Neuron("


@dataclass(frozen=True)
class Spread:
    """The mean of a quantity over the samples, and its smallest and largest value."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Unit:
    """One unit, or one input.

    Attributes:
        label: `x1` of an input, `layer1.neuron2` or the number of the unit.
        value, gradient: over the samples; the gradient is `None` where none was computed.
        bias: its value and its gradient; `None` without one.
        weights: value and gradient of each connection from the column before, in its order.
    """

    label: str
    value: Spread
    gradient: Spread | None = None
    bias: tuple[float, float | None] | None = None
    weights: Sequence[tuple[float, float | None]] = ()


@dataclass(frozen=True)
class Column:
    """The units of one layer, or the inputs.

    Attributes:
        title: `layer1: Layer(2 -> 6, relu)`, or `inputs`.
        activation: the names of the functions after the weighted sum; empty for none.
        units: in their order.
    """

    title: str
    activation: str
    units: Sequence[Unit]


@dataclass(frozen=True)
class Network:
    """Columns from the inputs to the outputs, and what is computed from the outputs.

    Attributes:
        columns: the inputs first.
        samples: how many passes or rows there are.
        nodes: how many nodes the graph has.
        rest: name, operations, value and gradient of what is computed from the outputs, such as a loss.
    """

    columns: Sequence[Column]
    samples: int
    nodes: int
    rest: tuple[str, str, float, float | None] | None = None


def names_of(network: Network) -> dict[str, str]:
    """The name of each unit by its id in DOT, `u1n0` for the first one of the first layer; `w1n0` is its weights."""
    names = {"network": "a network", "legend": "legend"}
    if network.rest is not None:
        names["rest"] = network.rest[0]
    for k, column in enumerate(network.columns):
        names[f"title{k}"] = column.title
        names[f"skip{k}"] = "units that are not drawn"
        for j, unit in enumerate(column.units):
            name = unit.label if k == 0 else f"{column.title.partition(':')[0]} unit {j + 1}"
            names |= {f"u{k}n{j}": name, f"w{k}n{j}": name}
    return names


class NoNetwork(Exception):
    """The graph is no network of the kind that can be drawn in columns."""


def network(tape: Tape) -> Network | None:
    """The network in a graph; `None` if the graph is none, or more than one network and its loss.

    >>> from chainrule.nn.scalar import MLP
    >>> found = network(Tape(MLP(2, [3, 1], seed=0)([1.0, -2.0])))
    >>> [len(column.units) for column in found.columns], found.columns[1].activation
    ([2, 3, 1], 'relu')
    """
    try:
        return _of_values(tape) if isinstance(tape.nodes[-1], Value) else _of_arrays(tape)
    except NoNetwork:
        return None


# ---------------------------------------------------------------------- networks of Values


def _of_values(tape: Tape) -> Network:
    """Neurons are told by their scopes; a neuron has one output for each sample."""
    scopes: dict[tuple[str, ...], list[Node]] = {}
    for node in tape.nodes:
        if node.op is not None and node.scope and NEURON in node.scope[-1]:
            scopes.setdefault(node.scope, []).append(node)
    layers: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for scope in scopes:
        layers.setdefault(scope[:-1], []).append(scope)
    if len(layers) < FEWEST_LAYERS:
        raise NoNetwork
    neuron = {node: scope for scope, nodes in scopes.items() for node in nodes}
    columns: list[Column] = []
    before: list[tuple[str, ...]] | None = None
    outputs: dict[tuple[str, ...], list[Node]] = {}
    for layer, units in layers.items():
        read = [_neuron(scopes[scope], neuron) for scope in units]
        sources = read[0].sources
        if before is None:
            columns.append(Column("inputs", "", _inputs(read, neuron)))
        elif any([neuron.get(x) for x in unit.sources] != before for unit in read):
            raise NoNetwork
        if any(len(unit.sources) != len(sources) for unit in read):
            raise NoNetwork
        drawn = [
            Unit(
                NAME.match(scope[-1])[0].rpartition(".")[2],  # type: ignore[index]
                _spread([float(node.data) for node in unit.outputs]),
                _gradients(unit.outputs),
                None if unit.bias is None else _pair(unit.bias),
                [_pair(w) for w in unit.weights],
            )
            for scope, unit in zip(units, read)
        ]
        columns.append(Column(layer[-1] if layer else "", read[0].activation, drawn))
        before = units
        outputs = {scope: unit.outputs for scope, unit in zip(units, read)}
    last = {node for nodes in outputs.values() for node in nodes}
    samples = len(next(iter(outputs.values())))
    if any(len(nodes) != samples for nodes in outputs.values()):
        raise NoNetwork
    rest = [node for node in tape.nodes if node.op is not None and node not in neuron]
    allowed = {*rest, *last}
    if any(x.op is not None and x not in allowed for node in rest for x in node.inputs):
        raise NoNetwork  # something is computed from a hidden unit
    return Network(columns, samples, len(tape.nodes), _rest(tape, rest, last))


@dataclass
class _Neuron:
    """One neuron over all samples; `sources` are those of the first sample."""

    weights: list[Node]
    bias: Node | None
    sources: list[Node]
    every: list[list[Node]]
    outputs: list[Node]
    activation: str


def _neuron(nodes: list[Node], neuron: dict[Node, tuple[str, ...]]) -> _Neuron:
    """Weights, bias and sources of the neuron that these nodes belong to."""
    inside = set(nodes)
    used = {x for node in nodes for x in node.inputs if x in inside}
    outputs = [node for node in nodes if node not in used]
    weights: dict[Node, list[Node]] = {}  # each with what it is multiplied by, for every sample
    bias: Node | None = None
    activation: dict[str, None] = {}
    for node in nodes:
        assert node.op is not None
        parameters = [x for x in node.inputs if isinstance(x, ScalarParameter)]
        if node.op.name.startswith(FUNCTION):
            n = len(node.inputs) // 2
            for w, x in zip(node.inputs[:n], node.inputs[n:-1]):
                weights.setdefault(w, []).append(x)
            bias = node.inputs[-1]
            if node.op.name != f"{FUNCTION}linear":
                activation[node.op.name.removeprefix(FUNCTION)] = None
        elif node.op.name == "multiply" and len(parameters) == 1:
            (w,) = parameters
            weights.setdefault(w, []).append(next(x for x in node.inputs if x is not w))
        elif node.op.name == "add":
            bias = next(iter(parameters), bias)
        elif len(node.inputs) == 1:
            activation[operation_sign(node)] = None
        else:
            raise NoNetwork
    every = list(weights.values())
    if not every or len({len(xs) for xs in every}) != 1 or len(every[0]) != len(outputs):
        raise NoNetwork
    if any(x in inside or isinstance(x, ScalarParameter) for xs in every for x in xs):
        raise NoNetwork
    return _Neuron(list(weights), bias, [xs[0] for xs in every], every, outputs, " ".join(activation))


def _inputs(units: list[_Neuron], neuron: dict[Node, tuple[str, ...]]) -> list[Unit]:
    """The inputs of the first layer, each over all samples."""
    if any(x in neuron or x.op is not None for xs in units[0].every for x in xs):
        raise NoNetwork
    same = [[id(x) for x in xs] for xs in units[0].every]
    if any([[id(x) for x in xs] for xs in unit.every] != same for unit in units):
        raise NoNetwork
    names = [xs[0].name for xs in units[0].every]
    return [
        Unit(name or f"x{i}", _spread([float(x.data) for x in xs]), _gradients(xs))
        for i, (name, xs) in enumerate(zip(names, units[0].every), 1)
    ]


# ---------------------------------------------------------------------- networks of Tensors


def _of_arrays(tape: Tape) -> Network:
    """A chain of rows `linear`, each followed by operations that take the result of the one before alone."""
    linear = [node for node in tape.nodes if node.op is not None and node.op.name == "linear"]
    if len(linear) < FEWEST_LAYERS or not all(isinstance(node.inputs[1], Parameter) for node in linear):
        raise NoNetwork
    users: dict[Node, list[Node]] = {}
    for node in tape.nodes:
        for x in dict.fromkeys(node.inputs):
            users.setdefault(x, []).append(node)
    first = linear[0].inputs[0]
    if first.op is not None or first.data.ndim > 2:
        raise NoNetwork
    columns = [Column("inputs", "", _units(first, None, "x"))]
    inside: set[Node] = set()
    last = first
    for node in linear:
        if node.inputs[0] is not last:
            raise NoNetwork
        inside.add(node)
        signs: dict[str, None] = {}
        last = node
        while len(following := users.get(last, [])) == 1:
            (then,) = following
            assert then.op is not None
            others = [x for x in then.inputs if x is not last]
            if then.data.shape != last.data.shape or not then.op.elementwise or others:
                break
            signs[operation_sign(then)] = None
            inside.add(then)
            last = then
        title = next((each for each in reversed(node.scope) if "(" in each), "")
        columns.append(Column(title, " ".join(signs), _units(last, node, "")))
    rest = [node for node in tape.nodes if node.op is not None and node not in inside]
    if any(x in inside and x is not last for node in rest for x in node.inputs):
        raise NoNetwork
    rows = first.data.shape[0] if first.data.ndim == 2 else 1
    return Network(columns, rows, len(tape.nodes), _rest(tape, rest, {last}))


def _units(result: Node, linear: Node | None, letter: str) -> list[Unit]:
    """The units whose values are the columns of an array."""
    values = np.atleast_2d(result.data)
    gradients = None if result.grad is None else np.atleast_2d(result.grad)
    units = []
    weight = None if linear is None else linear.inputs[1]
    bias = linear.inputs[2] if linear is not None and len(linear.inputs) == 3 else None
    for j in range(values.shape[1]):
        weights: list[tuple[float, float | None]] = []
        if weight is not None:
            slopes = [None] * len(weight.data) if weight.grad is None else weight.grad[:, j].tolist()
            weights = list(zip(weight.data[:, j].tolist(), slopes))
        units.append(
            Unit(
                f"{letter}{j + 1}",
                _spread(values[:, j]),
                None if gradients is None else _spread(gradients[:, j]),
                None
                if bias is None
                else (float(bias.data[j]), None if bias.grad is None else float(bias.grad[j])),
                weights,
            )
        )
    return units


# ---------------------------------------------------------------------- both


def _rest(tape: Tape, rest: list[Node], outputs: set[Node]) -> tuple[str, str, float, float | None] | None:
    """What is computed from the outputs; `None` if that is nothing."""
    if not rest:
        return None
    if len(tape.outputs) > 1 or np.size(tape.outputs[0].data) != 1 or tape.outputs[0] in outputs:
        raise NoNetwork
    root = tape.outputs[0]
    signs = dict.fromkeys(operation_sign(node) for node in rest)
    words = ", ".join(list(signs)[:4]) + " …" * (len(signs) > 4)
    gradient = None if root.grad is None else float(np.ravel(root.grad)[0])
    return tape.labels[tape.index[root]], words, float(np.ravel(root.data)[0]), gradient


def _spread(numbers: Any) -> Spread:
    numbers = np.asarray(numbers, dtype=np.float64)
    with np.errstate(all="ignore"):
        return Spread(float(numbers.mean()), float(numbers.min()), float(numbers.max()))


def _gradients(nodes: Sequence[Node]) -> Spread | None:
    if any(node.grad is None for node in nodes):
        return None
    return _spread([float(node.grad) for node in nodes])


def _pair(parameter: Node) -> tuple[float, float | None]:
    return float(parameter.data), None if parameter.grad is None else float(parameter.grad)
