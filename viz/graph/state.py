"""The state of a recorded graph: the value and the gradient of every node, copied, and what computed it.

A snapshot has the numbers of boxes, of which one may stand for a thousand nodes. A state has those of each node, so
that two states of one graph can be compared. It keeps no node alive. Of an array with many elements it keeps a few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ...autograd import Node, Tape
from ...autograd.extending import line_of
from ..common.excerpts import names_of
from ..common.numbers import Summary, summarise
from .blocks import visible
from .snapshot import kind_of

__all__ = ["Entry", "Sample", "State", "state"]

MOST_ELEMENTS = 1 << 14  # of an array that is copied whole
MOST_LINES = 100  # nodes that are not finite whose line of source is kept


@dataclass(frozen=True)
class Sample:
    """A large array: its summary, and elements at equal distances."""

    summary: Summary
    elements: np.ndarray


# a value or a gradient; `None` where none was computed
Entry: TypeAlias = "float | np.ndarray | Sample | None"


@dataclass(frozen=True)
class State:
    """All nodes of a graph in dependency order.

    Attributes:
        outputs: the positions of the nodes that were asked for.
        inputs: for each node the positions of its inputs.
        operations: for each node the name of its operation; empty for a leaf.
        shapes: the shapes of arrays; `None` for a Value.
        labels: the name of each node, or what stands for one.
        scopes: the titles of the scopes of each node.
        values, gradients: of each node.
        parameters: the positions of the nodes that are learnt.
        lines: for the first nodes that are not finite the line of source that made them, if that was recorded.
    """

    outputs: Sequence[int]
    inputs: Sequence[tuple[int, ...]]
    operations: Sequence[str]
    shapes: Sequence[tuple[int, ...] | None]
    labels: Sequence[str]
    scopes: Sequence[tuple[str, ...]]
    values: Sequence[Entry]
    gradients: Sequence[Entry]
    parameters: frozenset[int]
    lines: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.inputs)


def state(tape: Tape, titles: Mapping[Node, str | None]) -> State:
    """The state of a graph; `titles` are the roots that were asked for, as `roots_of` gives them.

    >>> from chainrule.autograd import Value
    >>> a = Value(3.0, name="a")
    >>> found = state(Tape(a * a), {})
    >>> found.labels, found.inputs, found.values, found.operations
    (['a', 'v1'], [(), (0, 0)], [3.0, 9.0], ['', 'multiply'])
    """
    nodes, index = tape.nodes, tape.index
    named = {index[node]: visible(title) for node, title in titles.items() if title is not None}
    labels = list(tape.labels)
    for i, title in named.items():
        labels[i] = title
    values = [x if type(x) is float else _entry(x) for x in (node.data for node in nodes)]
    return State(
        outputs=[index[node] for node in tape.outputs],
        inputs=[tuple([index[x] for x in node.inputs]) if node.inputs else () for node in nodes],
        operations=["" if node.op is None else node.op.name for node in nodes],
        shapes=[getattr(node.data, "shape", None) for node in nodes],
        labels=labels,
        scopes=[node.scope for node in nodes],
        values=values,
        gradients=[x if type(x) is float or x is None else _entry(x) for x in (node.grad for node in nodes)],
        parameters=frozenset(
            i for i, node in enumerate(nodes) if node.op is None and kind_of(node) == "parameter"
        ),
        lines=_lines(nodes, values),
    )


def _entry(x: Any) -> Entry:
    if x is None or isinstance(x, float):
        return x
    if not isinstance(x, np.ndarray):
        return float(x)
    if x.size <= MOST_ELEMENTS:
        return x.copy()
    # an odd distance, so that not one column of a matrix is taken alone
    step = (x.size // MOST_ELEMENTS + 1) | 1
    return Sample(summarise(x), x.reshape(-1)[::step].copy())


def _lines(nodes: Sequence[Node], values: Sequence[Entry]) -> dict[int, str]:
    found: dict[int, str] = {}
    for i, x in enumerate(values):
        if type(x) is float and x - x == 0:
            continue
        if nodes[i].op is not None and not np.isfinite(nodes[i].data).all():
            line = line_of(nodes[i])
            if line is not None:
                found[i] = f"{names_of([line.file])[0]}, line {line.number}"
            if len(found) > MOST_LINES:
                break
    return found
