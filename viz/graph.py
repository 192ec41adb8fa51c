"""What is drawn, before anything is drawn: the recorded graph as plain data.

`read` takes a snapshot. It runs no pass, writes nothing to a node, and keeps none alive afterwards, so that a
picture shows the moment at which it was asked for. Nothing here knows of Graphviz.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ..autograd import KindError, Node, Tape, Tensor, Value
from ..autograd.engine.node import describe
from ..nn.module import Parameter, ScalarParameter
from .folding import Outline, Partition, divide, inner_title, span
from .heat import Heat, heat
from .numbers import Summary, summarise
from .rules import short_rules
from .words import sign

__all__ = ["Box", "Cluster", "Edge", "Graph", "Operation", "read"]

Kind = Literal["input", "parameter", "constant", "result", "module", "run", "more"]
Shown = float | Summary  # a value or a gradient: a number, or what is said of an array
MOST, MOST_OF_ARRAYS = 150, 30  # boxes in a drawing that nobody asked to be larger
LONGEST_PATH = 1000  # characters of the way to a node through lists and dicts


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
    """One node of the graph, or several that share a box.

    Attributes:
        id: "n0", "n1", ... in dependency order.
        kind: "input", "parameter", "constant", or "result" for what was computed; "module" for a closed scope,
            "run" for operations in a row, "more" where the drawing ends and the graph does not.
        label: its name, a constant's number, otherwise v1, v2, ...; of a closed scope the title.
        named: whether the label is a name that somebody gave.
        value, gradient: a number for a `Value`, a summary for a `Tensor` and for the results of several nodes; no
            gradient is `None`.
        value_heat, gradient_heat: their pattern, for arrays large enough to have one.
        operation: what computed it; `None` for a leaf.
        output: whether it is one of the roots that were asked for.
        tensor: whether its nodes are Tensors.
        copies: how many alike the box stands for.
        contents: what a box of several nodes has in it, `112 nodes, 48 parameters`.
    """

    id: str
    kind: Kind
    label: str
    named: bool = False
    value: Shown | None = None
    gradient: Shown | None = None
    value_heat: Heat | None = None
    gradient_heat: Heat | None = None
    operation: Operation | None = None
    output: bool = False
    tensor: bool = False
    copies: int = 1
    contents: str = ""


@dataclass(frozen=True)
class Edge:
    """One input of one operation; an input used twice has two edges. Between boxes of several nodes, all of them.

    Attributes:
        id: "n3in0" for the first input of what computed "n3".
        tail, head: ids of the box that is used, and of the box that is computed from it.
        local: the local gradient where it is one number.
        rule: how the gradient passes, as text, where it is not: `g @ W.T`, `1 - h * h`.
        structural: whether the rule says what is passed on; otherwise it says what `g` is multiplied by.
        short: the rule in a few words, where it says what is passed on.
        shape: the shape that the gradient is summed to, where the input was broadcast.
        flows: whether a gradient flows along it.
        spread: the least and the greatest local gradient where there are several.
        count: how many edges of the graph it stands for.
    """

    id: str
    tail: str
    head: str
    local: float | None = None
    rule: str = ""
    structural: bool = False
    short: str = ""
    shape: tuple[int, ...] | None = None
    flows: bool = True
    spread: tuple[float, float] | None = None
    count: int = 1


@dataclass
class Cluster:
    """The boxes and operations under one title, and the clusters inside it."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    inner: dict[str, Cluster] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A snapshot of a recorded graph: boxes and edges in dependency order, and the clusters they stand in.

    `nodes` is how many nodes the recorded graph has, `hides` says in words how they come to be fewer boxes, and `where`
    says for each of them the id of its box, empty where it is not drawn.
    """

    boxes: list[Box]
    edges: list[Edge]
    cluster: Cluster
    nodes: int
    hides: tuple[str, ...] = ()
    where: Sequence[str] = ()


def read(
    root: Any,
    depth: int | None = None,
    max_nodes: int | None = None,
    around: Any = None,
    hops: int = 2,
) -> Graph:
    """The graph behind a node, or behind several in a list, tuple or dict; `draw` explains the options.

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
    centre = [] if around is None else [_position(node, tape) for node in roots_of(around)]
    outline = Outline(tape)
    partition = None
    if max_nodes is None and depth is None and around is None:
        partition = _of_arrays(outline)
    partition = partition or divide(outline, depth, max_nodes or MOST, centre, hops)
    return _Reader(tape, titles, outline, partition).graph()


def _of_arrays(outline: Outline) -> Partition | None:
    """Boxes of arrays are large, so their modules close sooner; `None` where that would not be enough."""
    if not any(isinstance(node, Tensor) for node in outline.nodes):
        return None
    partition = divide(outline, None, MOST_OF_ARRAYS)
    return None if partition.runs or partition.block.min() < 0 else partition


def _position(node: Node, tape: Tape) -> int:
    if node not in tape.index:
        raise KindError(
            f"around={node.describe()} is not in this graph, which has {len(tape):,} nodes. Give a node that the "
            f"drawn root was computed from"
        )
    return tape.index[node]


class _Reader:
    """The snapshot in the making: the blocks of a partition become boxes, and the edges between them edges."""

    def __init__(
        self, tape: Tape, titles: Mapping[Node, str | None], outline: Outline, partition: Partition
    ) -> None:
        self.tape = tape
        self.titles = titles
        self.outline = outline
        self.partition = partition
        block = partition.block
        self.order = _in_order(outline, partition)
        self.ids = {b: f"n{i}" for i, b in enumerate(self.order)}
        by_block = np.argsort(block, kind="stable")
        first, last = (np.searchsorted(block[by_block], self.order, side) for side in ("left", "right"))
        self.members = {b: by_block[i:j] for b, i, j in zip(self.order, first, last)}
        self.block_of_tail, self.block_of_head = block[outline.tails], block[outline.heads]
        starts = np.searchsorted(outline.heads, np.arange(len(outline)))
        self.position = (
            np.arange(len(outline.heads)) - starts[outline.heads]
        )  # of each edge among its head's inputs
        self.exits = np.zeros(len(outline), bool)  # what is used outside its block, or asked for
        self.exits[outline.tails[self.block_of_tail != self.block_of_head]] = True
        self.exits[outline.outputs] = True
        # of the latest node, for edges come ordered by what they lead to
        self.rules: dict[Node, Callable[[int], str]] = {}
        self.short: dict[Node, Callable[[int], str]] = {}
        self.numbers: dict[Node, list[float | None]] = {}

    def graph(self) -> Graph:
        boxes, places = [], []
        for b in self.order:
            boxes.append(self.box(b))
            places.append(self.place(b))
        edges = list(self.edges())
        for box, edge, place in self.beyond():
            boxes.append(box)
            edges.append(edge)
            places.append(place)
        where = [self.ids.get(b, "") for b in self.partition.block.tolist()]
        return Graph(
            boxes, edges, _clusters(boxes, places), len(self.outline), tuple(self.hides(boxes)), where
        )

    # ------------------------------------------------------------------ boxes

    def box(self, b: int) -> Box:
        members = self.members[b]
        if len(members) == 1:
            return self.single(b, members[0])
        exits = members[self.exits[members]]
        if b in self.partition.closed or b in self.partition.runs:
            return self.compound(b, members, exits)
        if len(exits) == 1:
            return self.single(b, exits[0])
        return self.stack(b, exits)

    def single(self, b: int, i: int) -> Box:
        """One node, or the last of a long sum."""
        node, label = self.tape.nodes[i], self.label(i)
        return Box(
            id=self.ids[b],
            kind=kind_of(node),
            label=label,
            named=self.is_named(i),
            value=_shown(node.data),
            gradient=None if node.grad is None else _shown(node.grad),
            value_heat=heat(node.data),
            gradient_heat=heat(node.grad),
            operation=self.operation(b, i),
            output=node in self.titles,
            tensor=isinstance(node, Tensor),
        )

    def stack(self, b: int, exits: np.ndarray) -> Box:
        """Nodes that are alike, or sums that are."""
        node = self.tape.nodes[exits[0]]
        labels = [self.label(i) for i in exits]
        varies = kind_of(node) == "constant" and node.name is None and len(set(labels)) > 1
        return Box(
            id=self.ids[b],
            kind=kind_of(node),
            label="constants" if varies else span(labels),
            named=self.is_named(exits[0]),
            operation=self.operation(b, exits[0]),
            copies=len(exits),
            **self.results(exits),
        )

    def compound(self, b: int, members: np.ndarray, exits: np.ndarray) -> Box:
        """A closed scope, or operations in a row."""
        nodes = [self.tape.nodes[i] for i in members]
        counts = [f"{len(nodes):,} nodes"]
        weights = [np.size(node.data) for node in nodes if kind_of(node) == "parameter"]
        if weights:
            counts.append(f"{sum(weights):,} parameter{'s' * (sum(weights) != 1)}")
        closed = self.partition.closed.get(b)
        copies = 1
        if closed is None:
            label = f"{sum(node.op is not None for node in nodes):,} operations in a row"
            common = Counter(sign(node.op.name, node.op.symbol) for node in nodes if node.op is not None)
            counts = [", ".join(name for name, _ in common.most_common(4)) + " …" * (len(common) > 4)]
        else:
            owners = list(dict.fromkeys(self.outline.paths[i][:closed] for i in self.outline.place[members]))
            label = _visible(
                span([inner_title(*path[-1:-3:-1]) if len(path) > 1 else path[0] for path in owners])
            )
            copies = len(owners)
            if self.partition.repeats is not None:
                repeats = self.partition.repeats[[i for i in members if self.outline.inputs[i]]]
                copies *= int(np.gcd.reduce(repeats)) if repeats.size else 1
        if len(exits) > 1 and len(exits) != copies:
            counts.append(f"{len(exits):,} outputs")
        return Box(
            id=self.ids[b],
            kind="run" if closed is None else "module",
            label=label,
            named=True,
            copies=copies,
            contents=", ".join(counts),
            **self.results(exits),
        )

    def results(self, exits: np.ndarray) -> dict[str, Any]:
        """What is said of the results of several nodes together."""
        nodes = [self.tape.nodes[i] for i in exits]
        value = _together([node.data for node in nodes])
        arrived = [node.grad for node in nodes if node.grad is not None]
        gradient = _together(arrived) if arrived else None
        return {
            "value": None if value is None else _shown(value),
            "gradient": None if gradient is None else _shown(gradient),
            "value_heat": heat(value),
            "gradient_heat": heat(gradient),
            "output": any(node in self.titles for node in nodes),
            "tensor": any(isinstance(node, Tensor) for node in nodes),
        }

    def operation(self, b: int, i: int) -> Operation | None:
        node = self.tape.nodes[i]
        if node.op is None:
            return None
        additions = len(self.members[b]) // max(self.exits[self.members[b]].sum(), 1)
        if additions > 1 and node.op.name == "add":
            return Operation(f"{self.ids[b]}op", "sum", "Σ", f"{additions + 1:,} terms", additions + 1)
        given = ((key, x) for key, x in node.params.items() if x is not None and x is not False)
        params = ", ".join(f"{key}={_param(x)}" for key, x in given)
        return Operation(f"{self.ids[b]}op", node.op.name, node.op.symbol, params, len(node.inputs))

    def label(self, i: int) -> str:
        return _visible(self.titles.get(self.tape.nodes[i]) or self.tape.labels[i])

    def is_named(self, i: int) -> bool:
        node = self.tape.nodes[i]
        return node.name is not None or self.titles.get(node) is not None

    def place(self, b: int) -> tuple[str, ...]:
        """The titles of the clusters that a box stands in; those that are alike have one title."""
        closed = self.partition.closed.get(b)
        paths = dict.fromkeys(
            self.outline.paths[i] for i in dict.fromkeys(self.outline.place[self.members[b]].tolist())
        )
        if closed is not None:
            paths = dict.fromkeys(path[: closed - 1] for path in paths)
        titles = [_visible(span(each)) for each in zip(*paths)]
        return tuple(titles)

    # ------------------------------------------------------------------ edges

    def edges(self) -> Iterator[Edge]:
        """The edges between boxes, in the order of what they lead to and of its inputs."""
        at = np.full(int(self.partition.block.max()) + 2, -1)  # the last is for -1, what is not drawn
        at[self.order] = np.arange(len(self.order))
        tails, heads = at[self.block_of_tail], at[self.block_of_head]
        apart = np.array([self.takes_inputs_apart(b) for b in self.order])
        position = np.where(apart[heads], self.position, 0)
        between = np.flatnonzero((tails != heads) & (tails >= 0) & (heads >= 0))
        key = np.stack([tails[between], position[between], heads[between]])
        order = np.lexsort(key)
        ends = np.flatnonzero(np.diff(key[:, order]).any(0)) + 1
        groups = np.split(between[order], ends) if between.size else []
        count: Counter[int] = Counter()
        for group in groups:
            tail, head = int(tails[group[0]]), int(heads[group[0]])
            yield self.edge(f"n{head}in{count[head]}", self.order[tail], self.order[head], group)
            count[head] += 1

    def takes_inputs_apart(self, b: int) -> bool:
        """Whether its inputs have different places, as those of a product have and those of a long sum do not."""
        if b in self.partition.closed or b in self.partition.runs:
            return False
        return len(self.members[b]) == self.exits[self.members[b]].sum()

    def edge(self, id: str, tail: int, head: int, group: np.ndarray) -> Edge:
        drawn = Edge(id, self.ids[tail], self.ids[head], count=len(group))
        flows = any(self.tape.nodes[i].requires_grad for i in self.outline.tails[group])
        if not flows or head in self.partition.closed or head in self.partition.runs:
            return replace(drawn, flows=flows)
        locals_ = [self.local(e) for e in group]
        numbers = [d for d in locals_ if d is not None]
        if (
            numbers
            and len(set(self.outline.tails[group].tolist())) == 1
            and not self.takes_inputs_apart(head)
        ):
            return replace(drawn, local=sum(numbers))  # a term that a long sum has several times
        if numbers and len({repr(d) for d in numbers}) == 1:
            return replace(drawn, local=numbers[0])
        if numbers:
            return replace(drawn, spread=(min(numbers), max(numbers)))
        i, position = self.outline.heads[group[0]], self.position[group[0]]
        node = self.tape.nodes[i]
        op, x = node.op, node.inputs[position]
        assert op is not None
        summed = isinstance(x, Tensor) and op.elementwise and np.shape(x.data) != np.shape(node.data)
        return replace(
            drawn,
            rule=self.rule(node, position),
            structural=not op.elementwise,
            short="" if op.elementwise else self.short_rule(node, position),
            shape=x.data.shape if summed else None,
        )

    def local(self, e: int) -> float | None:
        """The local gradient along an edge of the graph, where it is one number and a gradient flows."""
        i = self.outline.heads[e]
        node, position = self.tape.nodes[i], self.position[e]
        if not node.inputs[position].requires_grad:
            return None
        if isinstance(node, Value):
            local = node.locals[position]
            return None if local is None else float(local)
        if node not in self.numbers:
            self.numbers = {node: _numbers(node)}
        return self.numbers[node][position]

    def rule(self, node: Node, i: int) -> str:
        """The rule for input `i` as text."""
        if node not in self.rules:
            self.rules = {node: self.tape.backward_rules(node)}
        return self.rules[node](i)

    def short_rule(self, node: Node, i: int) -> str:
        if node not in self.short:
            y, *inputs = (self.label(self.tape.index[x]) for x in (node, *node.inputs))
            self.short = {node: short_rules(node, y, inputs)}
        return self.short[node](i)

    # ------------------------------------------------------------------ what is not drawn

    def beyond(self) -> Iterator[tuple[Box, Edge, tuple[str, ...]]]:
        """Where the drawing ends and the graph does not: a mark, its edge, and the clusters it stands in."""
        tails, heads = self.outline.tails, self.outline.heads
        hidden_inputs = np.flatnonzero((self.block_of_tail < 0) & (self.block_of_head >= 0))
        hidden_uses = np.flatnonzero((self.block_of_tail >= 0) & (self.block_of_head < 0))
        inputs: dict[int, set[int]] = {}
        uses: dict[int, set[int]] = {}
        for e in hidden_inputs.tolist():
            inputs.setdefault(int(self.block_of_head[e]), set()).add(int(tails[e]))
        for e in hidden_uses.tolist():
            uses.setdefault(int(self.block_of_tail[e]), set()).add(int(heads[e]))
        count = 0
        for b in self.order:
            for hidden, word in ((inputs.get(b), "input"), (uses.get(b), "use")):
                if hidden:
                    id, many = f"m{count}", f"{len(hidden):,} more {word}{'s' * (len(hidden) != 1)}"
                    ends = (id, self.ids[b]) if word == "input" else (self.ids[b], id)
                    yield Box(id, "more", f"⋯ {many}"), Edge(f"{id}edge", *ends, flows=False), self.place(b)
                    count += 1

    def hides(self, boxes: Sequence[Box]) -> Iterator[str]:
        """What the drawing does not show, in words."""
        nodes, drawn = len(self.outline), int((self.partition.block >= 0).sum())
        closed = [titles for b, titles in self.partition.closed.items() if b in self.members]
        if drawn < nodes:
            yield f"⋯ {nodes - drawn:,} of {nodes:,} nodes are not drawn"
        if len(self.order) < drawn:
            yield f"{drawn:,} nodes in {len(self.order):,} box{'es' * (len(self.order) != 1)}"
        if any(box.copies > 1 for box in boxes):
            yield "× n: n that are alike share a box"
        if closed:
            yield f"depth={closed[0]} opens the modules"


def _in_order(outline: Outline, partition: Partition) -> list[int]:
    """The blocks in dependency order; among those that are free to come next, the one with the earliest node."""
    drawn, first = np.unique(partition.block, return_index=True)
    begins = {int(b): int(i) for b, i in zip(drawn, first) if b >= 0}
    waits = dict.fromkeys(begins, 0)
    after: dict[int, list[int]] = {}
    for tail, head in zip(*(ends.tolist() for ends in partition.links(outline))):
        waits[head] += 1
        after.setdefault(tail, []).append(head)
    order: dict[int, None] = {}
    free = [(begins[b], b) for b in begins if not waits[b]]
    heapq.heapify(free)
    while free:
        _, b = heapq.heappop(free)
        order[b] = None
        for head in after.get(b, ()):
            waits[head] -= 1
            if not waits[head]:
                heapq.heappush(free, (begins[head], head))
    return [*order, *(b for b in begins if b not in order)]


# ---------------------------------------------------------------------- what was asked for


def roots_of(root: Any) -> dict[Node, str | None]:
    """The nodes that are asked for, each with the key that a dict calls it by, where it has no name."""
    found: dict[Node, str | None] = {}
    pending: list[tuple[str, Any]] = [("", root)]
    seen: dict[int, Any] = {}  # lists and dicts, which may hold each other
    while pending:
        path, x = pending.pop()
        path = path[:LONGEST_PATH]
        if isinstance(x, Node):
            found.setdefault(x, None if x.name is not None else path or None)
        elif isinstance(x, (Mapping, list, tuple)):
            if id(x) in seen:
                continue
            seen[id(x)] = x
            if isinstance(x, Mapping):
                inside = [(f"{path}.{key}" if path else str(key), each) for key, each in x.items()]
            else:
                inside = [(f"{path}[{i}]" if path else "", each) for i, each in enumerate(x)]
            pending += reversed(inside)
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


def kind_of(node: Node) -> Kind:
    """Where a node comes from: what sort of leaf it is, or that it was computed."""
    if node.op is not None:
        return "result"
    if isinstance(node, (Parameter, ScalarParameter)):
        return "parameter"
    return "input" if node.requires_grad else "constant"


def _visible(name: str) -> str:
    """A name; one with nothing to see in quotes, so that it is seen to be one."""
    return name if name.strip() else f'"{name}"'


def _shown(x: Any) -> Shown:
    return float(x) if isinstance(x, (int, float)) else summarise(x)


def _together(data: Sequence[Any]) -> Any:
    """Several values as one array with an axis more; `None` if their shapes differ."""
    if len(data) == 1:
        return data[0]
    return np.array(data) if len({np.shape(x) for x in data}) == 1 else None


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


def _numbers(node: Node) -> list[float | None]:
    """The local gradients that are single numbers."""
    if np.size(node.data) != 1:
        return [None] * len(node.inputs)
    with np.errstate(all="ignore"):
        return [d.item() if d is not None and np.size(d) == 1 else None for d in node.local_gradients()]


# ---------------------------------------------------------------------- clusters


def _clusters(boxes: Sequence[Box], places: Sequence[tuple[str, ...]]) -> Cluster:
    """The boxes in a tree of clusters."""
    root = Cluster("")
    for box, place in zip(boxes, places):
        cluster = root
        for title in place:
            cluster = cluster.inner.setdefault(title, Cluster(title))
        cluster.boxes.append(box)
        if box.operation is not None:
            cluster.operations.append(box.operation)
    return root
