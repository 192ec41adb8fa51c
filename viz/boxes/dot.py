"""From the snapshot of a graph to DOT, Graphviz's language: which shapes and which colours.

The shape says what a thing is: a square box is an input, a double outline a parameter, a dashed box a constant, a
rounded box a result, a circle or a pill an operation. Blue is a value; orange, after the sign of the partial
derivative, its gradient; purple, on an edge, the factor of the gradient. The same graph gives the same text, to the
byte.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from ..common.options import USUAL, DrawOptions
from ..common.words import shorten
from ..folding.titles import inner_title, numbers_in, without_numbers
from ..graph.snapshot import Box, Cluster, Edge, Graph, Operation
from ..graphviz.engines import Digraph
from ..graphviz.markup import bold, escape, label, plain, row, table, tooltip
from .changes import outline
from .labels import LONGEST_RULE, formula, passes_on, shapes_of
from .legend import legend
from .look import Look, usual
from .rows import rows_of
from .sheet import FONT, LONGEST_TITLE, SIZE, Sheet
from .tooltips import box_tooltip, edge_tooltip

__all__ = ["digraph"]

LONGEST_IN_CIRCLE = 5  # characters of an operation


def digraph(graph: Graph, options: DrawOptions = USUAL, look: Look | None = None) -> Digraph:
    """The drawing of a graph as a `Digraph` of the `graphviz` package, which holds its text and renders it."""
    look = look or usual(graph, options)
    return _Writer(Sheet(graph, options, look)).write(look.direction)


class _Writer:
    """Writes the statements of one drawing."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.graph, self.theme = sheet.graph, sheet.theme
        boxes = self.graph.boxes
        self.operations = {box.id for box in boxes if sheet.apart and box.operation is not None}
        self.ranks = _ranks(self.graph)
        self.minimises_once = False
        uses = Counter(edge.tail for edge in self.graph.edges)
        leaves = {box.id for box in boxes if box.operation is None and uses[box.id] == 1}
        own = {box.id: sheet.inputs.get(box.id, []) for box in boxes}
        # whose inputs stand in the order in which they are written; of others Graphviz's order differs from run to run
        self.ordered = {id for id, inputs in own.items() if len(inputs) > 1 and leaves.issuperset(inputs)}

    def write(self, direction: str) -> Digraph:
        theme = self.theme
        g = Digraph("graph")
        g.attr(
            "graph",
            rankdir=direction,
            bgcolor=theme.background,
            fontname=FONT,
            fontsize=str(self.sheet.small),
            fontcolor=theme.muted,
            nodesep="0.22",
            ranksep="0.32" if self.graph.findings is None or self.sheet.look.numbers else "0.2",
            pad="0.15",
            label=legend(self.sheet),
            labelloc="b",
            labeljust="l",
        )
        g.attr(
            "node",
            shape="box",
            style="filled",
            fontname=FONT,
            fontsize=str(SIZE),
            fontcolor=theme.text,
            color=theme.outline,
            fillcolor=theme.box,
            margin="0.08,0.04",
            width="0",
            height="0",
        )
        g.attr(
            "edge",
            fontname=FONT,
            fontsize=str(self.sheet.small),
            fontcolor=theme.local,
            color=theme.outline,
            arrowsize="0.6",
        )
        self.cluster(g, self.graph.cluster, ())
        if self.minimises_once:
            g.attr("graph", remincross="false")
        for edge in self.graph.edges:
            self.edge(g, edge)
        if self.sheet.apart:
            for box in self.graph.boxes:
                if box.operation is not None:
                    g.edge(box.operation.id, box.id, id=f"{box.id}out")
        return g

    # ------------------------------------------------------------------ the parts of the graph

    def cluster(self, g: Digraph, cluster: Cluster, place: tuple[int, ...]) -> None:
        for box in cluster.boxes:
            if self.sheet.apart and box.operation is not None:
                self.operation(g, box, box.operation)
            self.box(g, box)
        for siblings in self.siblings(cluster):
            if place:
                # in a cluster Graphviz keeps an order if it minimises crossings once, and from left to right in reverse
                self.minimises_once = True
                siblings = siblings[::-1] if self.sheet.look.direction == "LR" else siblings
            with g.subgraph() as same:
                same.attr(rank="same")
                for one, next_ in pairwise(siblings):
                    same.edge(one, next_, style="invis")
        for i, inner in enumerate(cluster.inner.values()):
            at = (*place, i)
            with g.subgraph(name=f"cluster_{'_'.join(map(str, at))}") as part:
                part.attr(
                    label=plain(shorten(inner_title(inner.title, cluster.title), LONGEST_TITLE)),
                    tooltip=tooltip(inner.title),
                    labelloc="t",
                    labeljust="l",
                    style="rounded,filled",
                    color=self.theme.frame,
                    fillcolor=self.theme.cluster if len(at) % 2 else self.theme.background,
                    margin="10",
                )
                self.cluster(part, inner, at)

    def siblings(self, cluster: Cluster) -> Iterator[list[str]]:
        """Boxes whose names differ only in numbers, such as the neurons of a layer, where they are in one rank."""
        groups: dict[tuple[int, str], list[Box]] = {}
        for box in cluster.boxes:
            if box.named and without_numbers(box.label) != box.label:
                groups.setdefault((self.ranks[box.id], without_numbers(box.label)), []).append(box)
        for group in groups.values():
            if len(group) > 1:
                yield [box.id for box in sorted(group, key=lambda box: numbers_in(box.label))]

    def box(self, g: Digraph, box: Box) -> None:
        theme = self.theme
        look = {
            "input": {"color": theme.text},
            "parameter": {"color": theme.parameter, "peripheries": "2"},
            "constant": {"style": "dashed,filled"},
            "result": {"style": "rounded,filled"},
            "module": {"shape": "folder", "fillcolor": theme.cluster},
            "run": {"style": "rounded,filled", "fillcolor": theme.cluster},
            "more": {"shape": "plaintext", "style": ""},
            "chip": {"style": "rounded,filled", "color": theme.parameter, "fillcolor": theme.cluster},
        }[box.kind]
        if box.output:
            look["penwidth"] = "2"
        if box.change is not None:
            look |= outline(theme, box.change)
        if box.id in self.ordered and box.id not in self.operations:
            look["ordering"] = "in"
        rows = rows_of(self.sheet, box)
        g.node(
            box.id,
            label=label(table(rows)) if rows else "",
            tooltip=tooltip(box_tooltip(box)),
            id=box.id,
            **{"class": box.kind},
            **look,
        )

    def operation(self, g: Digraph, box: Box, op: Operation) -> None:
        mark = op.mark
        tensor = box.tensor
        if tensor or op.params or len(mark) > LONGEST_IN_CIRCLE:
            look = {"style": "rounded,filled", "margin": "0.12,0.03"}
            lines = [bold(escape(formula(self.sheet, box, op) or mark)) if tensor else escape(op.name)]
            if tensor and "shape" in self.sheet.show and (shapes := shapes_of(self.sheet, box, op)):
                lines.append(self.sheet.aside(shapes))
            if op.params:
                lines.append(self.sheet.aside(shorten(op.params, LONGEST_RULE)))
            look["label"] = label(table(row(line, "CENTER") for line in lines))
        else:
            look = {"shape": "circle", "margin": "0.03", "width": "0.36", "label": plain(mark)}
        if box.id in self.ordered:
            look["ordering"] = "in"
        g.node(
            op.id,
            tooltip=tooltip(f"{op.name}({op.params})" if op.params else op.name),
            id=op.id,
            color=self.theme.operation,
            fillcolor=self.theme.operation,
            **{"class": "operation"},
            **look,
        )

    def edge(self, g: Digraph, edge: Edge) -> None:
        look = {"id": edge.id}
        text = passes_on(self.sheet, edge) if self.sheet.show & {"local", "rule"} else ""
        if text:
            look["label"] = plain(f" {text} ")
        if edge.shrinks is not None:
            look["fontcolor"] = self.theme.gradient
        hint = edge_tooltip(edge)
        if hint:
            look["tooltip"] = look["labeltooltip"] = tooltip(hint)
        if not edge.flows:
            look["style"] = "dashed"
        if edge.count > 1:
            look["penwidth"] = f"{1 + math.log10(edge.count) / 2:.2f}"
        g.edge(edge.tail, f"{edge.head}op" if edge.head in self.operations else edge.head, **look)


def _ranks(graph: Graph) -> dict[str, int]:
    """For each box the number of boxes before it on the longest path; a leaf stands just before its first user."""
    rank: dict[str, int] = {box.id: 0 for box in graph.boxes}
    users: dict[str, list[str]] = {}
    inputs: dict[str, list[str]] = {}
    for edge in graph.edges:
        users.setdefault(edge.tail, []).append(edge.head)
        inputs.setdefault(edge.head, []).append(edge.tail)
    for box in graph.boxes:
        rank[box.id] = max((rank[tail] + 1 for tail in inputs.get(box.id, ())), default=0)
    for box in graph.boxes:
        if box.id not in inputs and box.id in users:
            rank[box.id] = min(rank[head] for head in users[box.id]) - 1
    return rank
