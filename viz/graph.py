"""What is drawn, before anything is drawn: the recorded graph as plain data.

`read` takes a snapshot. It runs no pass, writes nothing to a node, and keeps none alive afterwards, so that a
picture shows the moment at which it was asked for. Nothing here knows of Graphviz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..autograd import KindError, Node, Primitive, Tape, Tensor
from ..autograd.node import describe
from ..nn.module import Parameter, ScalarParameter
from .heat import Heat, heat
from .numbers import Summary, summarise

__all__ = ["Box", "Cluster", "Edge", "Graph", "Operation", "read"]

Kind = Literal["input", "parameter", "constant", "result"]
DEEPEST = 20  # clusters inside clusters
Shown = float | Summary  # a value or a gradient: a number, or what is said of an array


@dataclass(frozen=True)
class Operation:
    """What computed a box.

    Attributes:
        id: "n3op" for the operation behind box "n3".
        name, symbol: of its row in the table.
        params: what it was given beside its inputs, as text, `axis=(0,)`.
        arity: how many inputs it has.
    """

    id: str
    name: str
    symbol: str | None
    params: str
    arity: int


@dataclass(frozen=True)
class Box:
    """One node of the graph.

    Attributes:
        id: "n0", "n1", ... in dependency order.
        kind: "input", "parameter", "constant", or "result" for what was computed.
        label: its name, a constant's number, otherwise v1, v2, ...
        named: whether the label is a name that somebody gave.
        value, gradient: a number for a `Value`, a summary for a `Tensor`; no gradient is `None`.
        value_heat, gradient_heat: their pattern, for arrays large enough to have one.
        operation: what computed it; `None` for a leaf.
        output: whether it is one of the roots that were asked for.
    """

    id: str
    kind: Kind
    label: str
    named: bool
    value: Shown
    gradient: Shown | None
    value_heat: Heat | None
    gradient_heat: Heat | None
    operation: Operation | None
    output: bool


@dataclass(frozen=True)
class Edge:
    """One input of one operation; an input used twice has two edges.

    Attributes:
        id: "n3in0" for the first input of what computed "n3".
        tail, head: ids of the box that is used, and of the box that is computed from it.
        local: the local gradient where it is one number.
        rule: how the gradient passes, as text, where it is not: `g @ W.T`, `1 - h * h`.
        structural: whether the rule says what is passed on; otherwise it says what `g` is multiplied by.
        shape: the shape that the gradient is summed to, where the input was broadcast.
        flows: whether a gradient flows along it.
    """

    id: str
    tail: str
    head: str
    local: float | None
    rule: str
    structural: bool
    shape: tuple[int, ...] | None
    flows: bool


@dataclass
class Cluster:
    """The boxes and operations under one title, and the clusters inside it."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    inner: dict[str, Cluster] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A snapshot of a recorded graph: boxes and edges in dependency order, and the clusters they stand in."""

    boxes: list[Box]
    edges: list[Edge]
    cluster: Cluster

    @property
    def size(self) -> int:
        """How many boxes and operations a full drawing has."""
        return len(self.boxes) + sum(box.operation is not None for box in self.boxes)


def read(root: Any) -> Graph:
    """The graph behind a node, or behind several in a list, tuple or dict.

    Raises `KindError` for anything else, with what to pass in its place.

    >>> from chainrule.autograd import Value
    >>> a = Value(3.0, name="a")
    >>> graph = read(a * a)
    >>> [(box.id, box.label, box.value) for box in graph.boxes]
    [('n0', 'a', 3.0), ('n1', 'v1', 9.0)]
    >>> [(edge.tail, edge.head, edge.local) for edge in graph.edges]
    [('n0', 'n1', 3.0), ('n0', 'n1', 3.0)]
    """
    titles = roots_of(root)
    tape = Tape(titles)
    ids = {node: f"n{i}" for i, node in enumerate(tape.nodes)}
    boxes = []
    for node, label in zip(tape.nodes, tape.labels):
        boxes.append(_box(node, ids[node], titles.get(node) or label, titles))
    edges = [edge for node in tape.nodes for edge in _edges(node, ids, tape)]
    return Graph(boxes, edges, _clusters(tape.nodes, boxes))


# ---------------------------------------------------------------------- what was asked for


def roots_of(root: Any) -> dict[Node, str | None]:
    """The nodes that are asked for, each with the key that a dict calls it by, where it has no name."""
    found: dict[Node, str | None] = {}
    pending: list[tuple[str, Any]] = [("", root)]
    while pending:
        path, x = pending.pop()
        if isinstance(x, Node):
            found.setdefault(x, None if x.name is not None else path or None)
        elif isinstance(x, Mapping):
            pending += reversed([(f"{path}.{key}" if path else str(key), each) for key, each in x.items()])
        elif isinstance(x, (list, tuple)):
            named = f"{path}{{}}" if path else ""
            pending += reversed([(named.format(f"[{i}]"), each) for i, each in enumerate(x)])
        else:
            raise _lesson(x, root)
    if not found:
        raise KindError(
            f"draw(...) was given an empty {type(root).__name__}; pass the nodes whose graph you want to see"
        )
    return found


def _lesson(x: Any, root: Any) -> KindError:
    where = "" if x is root else f"a {type(root).__name__} that holds "
    if x is None:
        advice = "backward() and print() return None: call them first, then draw(loss)"
    elif isinstance(x, str):
        advice = "Pass the node itself, without quotes; a formula in quotes is for the command: chainrule draw 'a*b'"
    elif isinstance(x, (bool, int, float, np.number)):
        advice = "A plain number remembers nothing. Make it a node first: x = Value(3.0), then draw(x * x)"
    elif isinstance(x, np.ndarray):
        advice = (
            "An array remembers nothing. Make it a node first: t = Tensor(array), then draw((t * t).sum())"
        )
    elif hasattr(x, "parameters"):
        advice = (
            "A network has no graph until it is used. Give it an example: draw(model, x), or draw(model(x))"
        )
    elif callable(x):
        advice = "A function has no graph until it is called: draw(f(x)) with a node x"
    else:
        advice = "Compute a node first, as in draw(a * b)"
    given = type(x).__name__ if hasattr(x, "parameters") else describe(x)
    return KindError(
        f"draw(...) takes a Value or a Tensor, or a list, tuple or dict of them; given {where}{given}. {advice}"
    )


# ---------------------------------------------------------------------- boxes


def _box(node: Node, id: str, label: str, roots: Mapping[Node, Any]) -> Box:
    given = ((key, x) for key, x in node.params.items() if x is not None and x is not False)
    params = ", ".join(f"{key}={_param(x)}" for key, x in given)
    op = node.op
    return Box(
        id=id,
        kind=_kind(node),
        label=label if label.strip() else f'"{label}"',  # so that an empty name is seen to be one
        named=node.name is not None or roots.get(node) is not None,
        value=_shown(node.data),
        gradient=None if node.grad is None else _shown(node.grad),
        value_heat=heat(node.data),
        gradient_heat=heat(node.grad),
        operation=Operation(f"{id}op", op.name, op.symbol, params, len(node.inputs)) if op else None,
        output=node in roots,
    )


def _kind(node: Node) -> Kind:
    if node.op is not None:
        return "result"
    if isinstance(node, (Parameter, ScalarParameter)):
        return "parameter"
    return "input" if node.requires_grad else "constant"


def _shown(x: Any) -> Shown:
    return float(x) if isinstance(x, (int, float)) else summarise(x)


def _param(x: Any) -> str:
    """A parameter in a few characters: an axis or a shape in full, an array by its shape."""
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


# ---------------------------------------------------------------------- edges


def _edges(node: Node, ids: Mapping[Node, str], tape: Tape) -> Iterator[Edge]:
    op = node.op
    if op is None:
        return
    locals_ = _numbers(node)
    for i, x in enumerate(node.inputs):
        local = locals_[i] if x.requires_grad else None
        rule = _rule(op, node, i, tape) if x.requires_grad and local is None else ""
        shape = None
        if isinstance(node, Tensor) and isinstance(x, Tensor) and op.elementwise and x.shape != node.shape:
            shape = x.shape
        yield Edge(
            id=f"{ids[node]}in{i}",
            tail=ids[x],
            head=ids[node],
            local=local,
            rule=rule,
            structural=not op.elementwise,
            shape=shape,
            flows=x.requires_grad,
        )


def _numbers(node: Node) -> list[float | None]:
    """The local gradients that are single numbers."""
    if np.size(node.data) != 1:
        return [None] * len(node.inputs)
    with np.errstate(all="ignore"):
        return [float(d) if d is not None and np.size(d) == 1 else None for d in node.local_gradients()]


def _rule(op: Primitive, node: Node, i: int, tape: Tape) -> str:
    """The rule for input `i` as text: what the row itself offers, or else the rule run on names."""
    own: Callable[[Node, int], str] | None = getattr(op, "edge_text", None)
    try:
        return own(node, i) if own is not None else tape.backward_rule(node, i)
    except (
        Exception
    ):  # a row that someone added may have a rule that runs on arrays alone; it is drawn all the same
        return ""


# ---------------------------------------------------------------------- clusters


def _clusters(nodes: Sequence[Node], boxes: Sequence[Box]) -> Cluster:
    """The scopes as a tree; a parameter stands with what uses it, since it is made before its module is called."""
    places = {node: node.scope for node in nodes}
    shared: dict[Node, tuple[str, ...]] = {}
    for node in nodes:
        for x in node.inputs:
            if isinstance(x, (Parameter, ScalarParameter)):
                shared[x] = _common(shared.get(x, node.scope), node.scope)
    places.update(shared)
    root = Cluster("")
    for node, box in zip(nodes, boxes):
        cluster = root
        for title in places[node][:DEEPEST]:
            cluster = cluster.inner.setdefault(title, Cluster(title))
        cluster.boxes.append(box)
        if box.operation is not None:
            cluster.operations.append(box.operation)
    return root


def _common(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """The longest beginning that two scopes share."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return a[:same]
