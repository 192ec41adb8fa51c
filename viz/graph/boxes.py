"""The boxes of a snapshot: one for a single node, a stack of alike nodes, a closed scope, or a run of operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor
from ..common.heat import heat
from ..common.notation import operation_sign
from ..common.numbers import summarise
from ..common.words import sign
from ..folding.titles import inner_title, span
from .blocks import Blocks, visible
from .snapshot import VARIOUS, Box, Operation, Shown, kind_of

__all__ = ["box"]

FEW_PARAMETERS = 3  # of a closed module whose values and gradients are shown


def box(blocks: Blocks, b: int) -> Box:
    """The box of a block."""
    members = blocks.members[b]
    if len(members) == 1:
        return _single(blocks, b, members[0])
    exits = members[blocks.exits[members]]
    if b in blocks.partition.closed or b in blocks.partition.runs:
        return _compound(blocks, b, members, exits)
    if len(exits) == 1:
        return _single(blocks, b, exits[0])
    return _stack(blocks, b, exits)


def _single(blocks: Blocks, b: int, i: int) -> Box:
    """The box of one node, or of a long sum, whose last node it shows."""
    node, label = blocks.tape.nodes[i], blocks.label(i)
    return Box(
        id=blocks.ids[b],
        kind=kind_of(node),
        label=label,
        named=blocks.is_named(i),
        value=_shown(node.data),
        gradient=None if node.grad is None else _shown(node.grad),
        value_heat=heat(node.data),
        gradient_heat=heat(node.grad),
        operation=_operation(blocks, b, i),
        output=node in blocks.titles,
        tensor=isinstance(node, Tensor),
    )


def _stack(blocks: Blocks, b: int, exits: np.ndarray) -> Box:
    """The box of nodes that are alike, or of long sums that are alike."""
    node = blocks.tape.nodes[exits[0]]
    labels = [blocks.label(i) for i in exits]
    varies = kind_of(node) == "constant" and node.name is None and len(set(labels)) > 1
    return Box(
        id=blocks.ids[b],
        kind=kind_of(node),
        label=VARIOUS if varies else span(labels),
        named=blocks.is_named(exits[0]),
        operation=_operation(blocks, b, exits[0]),
        copies=len(exits),
        **_results(blocks, exits),
    )


def _compound(blocks: Blocks, b: int, members: np.ndarray, exits: np.ndarray) -> Box:
    """The box of a closed scope, or of operations in a row."""
    nodes = [blocks.tape.nodes[i] for i in members]
    counts = [f"{len(nodes):,} nodes"]
    weights = [np.size(node.data) for node in nodes if kind_of(node) == "parameter"]
    if weights:
        counts.append(f"{sum(weights):,} parameter{'s' * (sum(weights) != 1)}")
    closed = blocks.partition.closed.get(b)
    copies = 1
    if closed is None:
        label = f"{sum(node.op is not None for node in nodes):,} operations in a row"
        common = Counter(sign(node.op.name, node.op.symbol) for node in nodes if node.op is not None)
        counts = [", ".join(name for name, _ in common.most_common(4)) + " …" * (len(common) > 4)]
    else:
        owners = list(dict.fromkeys(blocks.outline.paths[i][:closed] for i in blocks.outline.place[members]))
        label = visible(span([inner_title(*path[-1:-3:-1]) if len(path) > 1 else path[0] for path in owners]))
        copies = len(owners)
        if blocks.partition.repeats is not None:
            repeats = blocks.partition.repeats[[i for i in members if blocks.outline.inputs[i]]]
            copies *= int(np.gcd.reduce(repeats)) if repeats.size else 1
    if len(exits) > 1 and len(exits) != copies:
        counts.append(f"{len(exits):,} outputs")
    return Box(
        id=blocks.ids[b],
        kind="run" if closed is None else "module",
        label=label,
        named=True,
        copies=copies,
        contents=", ".join(counts),
        parameters=_parameters(blocks, members) if copies == 1 else (),
        **_results(blocks, exits),
    )


def _parameters(blocks: Blocks, members: np.ndarray) -> tuple[tuple[str, Shown, Shown | None], ...]:
    """Name, value and gradient of the parameters in a closed scope, if they are few."""
    own = [i for i in members if kind_of(blocks.tape.nodes[i]) == "parameter"]
    if not 0 < len(own) <= FEW_PARAMETERS:
        return ()
    nodes = [blocks.tape.nodes[i] for i in own]
    names = [blocks.label(i).rpartition(".")[2] for i in own]
    gradients = [None if node.grad is None else _shown(node.grad) for node in nodes]
    return tuple(zip(names, [_shown(node.data) for node in nodes], gradients))


def _results(blocks: Blocks, exits: np.ndarray) -> dict[str, Any]:
    """The fields of a box that describe the results of several nodes together."""
    nodes = [blocks.tape.nodes[i] for i in exits]
    value = _together([node.data for node in nodes])
    arrived = [node.grad for node in nodes if node.grad is not None]
    gradient = _together(arrived) if arrived else None
    return {
        "value": None if value is None else _shown(value),
        "gradient": None if gradient is None else _shown(gradient),
        "value_heat": heat(value),
        "gradient_heat": heat(gradient),
        "output": any(node in blocks.titles for node in nodes),
        "tensor": any(isinstance(node, Tensor) for node in nodes),
    }


def _operation(blocks: Blocks, b: int, i: int) -> Operation | None:
    """The operation that computed a box; for a long sum one operation with all its terms."""
    node = blocks.tape.nodes[i]
    if node.op is None:
        return None
    additions = len(blocks.members[b]) // max(blocks.exits[blocks.members[b]].sum(), 1)
    if additions > 1 and node.op.name == "add":
        return Operation(f"{blocks.ids[b]}op", "sum", "Σ", "Σ", f"{additions + 1:,} terms", additions + 1)
    given = ((key, x) for key, x in node.params.items() if x is not None and x is not False)
    params = ", ".join(f"{key}={_param(x)}" for key, x in given)
    return Operation(
        f"{blocks.ids[b]}op", node.op.name, node.op.symbol, operation_sign(node), params, len(node.inputs)
    )


def _shown(x: Any) -> Shown:
    return float(x) if isinstance(x, (int, float)) else summarise(x)


def _together(data: Sequence[Any]) -> Any:
    """Several values stacked to one array; `None` if their shapes differ."""
    if len(data) == 1:
        return data[0]
    return np.array(data) if len({np.shape(x) for x in data}) == 1 else None


def _param(x: Any) -> str:
    """A parameter in a few characters: an axis or a shape in full, an array as its shape."""
    if isinstance(x, np.ndarray):
        return f"array {x.shape}" if x.ndim else str(x)
    if isinstance(x, slice):
        return (
            ":".join("" if part is None else str(part) for part in (x.start, x.stop, x.step)).rstrip(":")
            or ":"
        )
    if isinstance(x, tuple):
        inside = ", ".join(map(_param, x))
        return f"({inside},)" if len(x) == 1 else f"({inside})"
    return "..." if x is Ellipsis else str(x)
