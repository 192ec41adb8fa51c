"""Reading a recorded graph: a snapshot of it as boxes, edges and clusters.

`read` runs no pass, changes no node, and keeps no node alive afterwards: a picture shows the graph as it was at the
moment of the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...autograd import KindError, Node, Tape, Tensor
from ..common.options import MOST_BOXES, MOST_BOXES_OF_ARRAYS, USUAL, DrawOptions
from ..folding.dividing import divide
from ..folding.outline import Outline
from .blocks import Blocks
from .boxes import box
from .edges import edges
from .roots import roots_of
from .snapshot import Box, Cluster, Edge, Graph
from .tidying import Parts, chips, first_inputs, powers

__all__ = ["read", "readings"]

FEWER = (MOST_BOXES, 100, 60, 40, 25, 15, 10, 6, 4, 3)  # boxes at most, tried one after the other


def read(root: Any, options: DrawOptions = USUAL) -> Graph:
    """The graph behind a node, or behind several in a list, tuple or dict; `draw` explains the options.

    Raises `KindError` for anything else, with what to pass instead.

    >>> from chainrule.autograd import Value
    >>> a = Value(3.0, name="a")
    >>> graph = read(a * a)
    >>> [(box.id, box.label, box.value) for box in graph.boxes]
    [('n0', 'a', 3.0), ('n1', 'v1', 9.0)]
    >>> [(edge.tail, edge.head, edge.local) for edge in graph.edges]
    [('n0', 'n1', 3.0), ('n0', 'n1', 3.0)]
    """
    titles = roots_of(root)
    return next(readings(Outline(Tape(titles)), titles, options))


def readings(
    outline: Outline, titles: Mapping[Node, str | None], options: DrawOptions = USUAL
) -> Iterator[Graph]:
    """The same graph in fewer and fewer boxes, as far as `options` leave open how many there are.

    `titles` are the roots that were asked for, as `roots_of` gives them.
    """
    tape, around = outline.tape, options.around
    centre = [] if around is None else [_position(node, tape) for node in roots_of(around, "around")]
    arrays = any(isinstance(node, Tensor) for node in outline.nodes)
    limits = FEWER if options.is_free else [options.max_nodes or MOST_BOXES]
    if arrays and options.is_free and options.fit is None:
        limits = [MOST_BOXES_OF_ARRAYS]
    for partition in divide(outline, options.depth, limits, centre, options.hops, arrays):
        if limits[0] == MOST_BOXES_OF_ARRAYS and (partition.runs or partition.block.min() < 0):
            # closing modules is not enough
            partition = next(divide(outline, None, [MOST_BOXES], layers=True))
        blocks = Blocks(tape, titles, outline, partition)
        yield _snapshot(blocks, options.fit is not None, "rule" in options.shown)


def _position(node: Node, tape: Tape) -> int:
    if node not in tape.index:
        raise KindError(
            f"around={node.describe()} is not in this graph, which has {len(tape):,} nodes. Give a node that the "
            f"drawn root was computed from"
        )
    return tape.index[node]


def _snapshot(blocks: Blocks, brief: bool, rules: bool) -> Graph:
    """The snapshot of a partition; if `brief`, of many inputs of one box only the first are drawn.

    With `rules`, an edge with a number has its formula, too.
    """
    boxes = [box(blocks, b) for b in blocks.order]
    places = [blocks.place(b) for b in blocks.order]
    arrows = list(edges(blocks, rules))
    for mark, edge, place in _beyond(blocks):
        boxes.append(mark)
        arrows.append(edge)
        places.append(place)
    parts = Parts(boxes, places, arrows)
    powers(parts)
    if brief:
        first_inputs(parts)
    chips(parts)
    where = [blocks.ids.get(b, "") for b in blocks.partition.block.tolist()]
    where = [parts.gone.get(id, id) for id in where]
    return Graph(
        parts.boxes,
        parts.edges,
        _clusters(parts.boxes, parts.places),
        len(blocks.outline),
        (*_hides(blocks, parts, sum(map(bool, where))), *parts.notes),
        where,
    )


def _beyond(blocks: Blocks) -> Iterator[tuple[Box, Edge, tuple[str, ...]]]:
    """A mark for nodes that are not drawn, beside a box that uses them or that they use: its edge and its clusters."""
    tails, heads = blocks.outline.tails, blocks.outline.heads
    hidden_inputs = np.flatnonzero((blocks.tails < 0) & (blocks.heads >= 0))
    hidden_uses = np.flatnonzero((blocks.tails >= 0) & (blocks.heads < 0))
    inputs: dict[int, set[int]] = {}
    uses: dict[int, set[int]] = {}
    for e in hidden_inputs.tolist():
        inputs.setdefault(int(blocks.heads[e]), set()).add(int(tails[e]))
    for e in hidden_uses.tolist():
        uses.setdefault(int(blocks.tails[e]), set()).add(int(heads[e]))
    count = 0
    for b in blocks.order:
        for hidden, word in ((inputs.get(b), "input"), (uses.get(b), "use")):
            if hidden:
                id, many = f"m{count}", f"{len(hidden):,} more {word}{'s' * (len(hidden) != 1)}"
                ends = (id, blocks.ids[b]) if word == "input" else (blocks.ids[b], id)
                mark = Box(id, "more", f"… {many}", copies=len(hidden))
                yield mark, Edge(f"{id}edge", *ends, flows=False), blocks.place(b)
                count += 1


def _hides(blocks: Blocks, parts: Parts, drawn: int) -> Iterator[str]:
    """What the drawing does not show, in words; `drawn` is the number of nodes that have a box."""
    nodes, boxes = len(blocks.outline), [box for box in parts.boxes if box.kind not in ("more", "chip")]
    closed = [titles for b, titles in blocks.partition.closed.items() if b in blocks.members]
    if drawn < nodes:
        yield f"… {nodes - drawn:,} of {nodes:,} nodes {'is' if nodes - drawn == 1 else 'are'} not drawn"
    if len(boxes) + sum(map(bool, parts.gone.values())) < drawn:
        yield f"{drawn:,} nodes in {len(boxes):,} box{'es' * (len(boxes) != 1)}"
    if any(box.copies > 1 for box in boxes):
        yield "× n: n that are alike share a box"
    if closed:
        yield f"depth={max(closed)} opens the modules"


def _clusters(boxes: Sequence[Box], places: Sequence[tuple[str, ...]]) -> Cluster:
    """The tree of clusters with the boxes in it."""
    root = Cluster("")
    for each, place in zip(boxes, places):
        cluster = root
        for title in place:
            cluster = cluster.inner.setdefault(title, Cluster(title))
        cluster.boxes.append(each)
        if each.operation is not None:
            cluster.operations.append(each.operation)
    return root
