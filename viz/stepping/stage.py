"""The graph at one step, in Graphviz's language; boxes have the same size at every step.

Graphviz lays the graph out once for a page, where a script changes the numbers and marks the step, and once for each
picture of an animation, always with the same result. Shapes and colours are those of `boxes/dot.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import Node, Tape
from ..boxes.look import MANY
from ..boxes.sheet import FONT, LONGEST_TITLE, SIZE
from ..common.notation import operation_sign
from ..common.themes import THEMES, Theme, mix
from ..common.words import em_width, shorten
from ..folding.outline import Outline
from ..graph.snapshot import kind_of
from ..graphviz.engines import Digraph
from ..graphviz.markup import bold, coloured, escape, label, plain, row, table
from ..passes.story import Story

__all__ = ["END", "stage"]

END = 10**9  # a position after every step
LONGEST_NAME = 24
SMALL = 11  # points, the least that is read on a screen


def stage(
    tape: Tape,
    story: Story,
    at: int = END,
    theme: Theme = THEMES["light"],
    caption: Sequence[str] = (),
    since: int | None = None,
    ledger: bool = True,
    travelled: bool = True,
    room: str = "",
) -> Digraph:
    """The graph after step `at`, with the nodes and edges of that step marked, or of all steps from `since` on.

    `caption` holds lines in Graphviz's HTML-like language for below the graph. The node at position 3 of the tape has
    the id `n3`, its operation `n3op` (in large graphs they are one), the edge from its first input `n3in0`. With
    `ledger`, an edge has its local gradient and, once it was passed, the contribution that went along it; without
    `travelled`, edges that were passed look like the others. Every number has room for the text `room`, at least.
    """
    return _Stage(tape, story, at, theme, at if since is None else since, ledger, travelled, room).write(
        caption
    )


class _Stage:
    """Writes the statements for one step."""

    def __init__(
        self,
        tape: Tape,
        story: Story,
        at: int,
        theme: Theme,
        since: int,
        ledger: bool,
        travelled: bool,
        room: str,
    ) -> None:
        self.tape, self.story, self.at, self.theme = tape, story, at, theme
        self.ledger, self.travelled, self.room = ledger, travelled, room
        self.outline = Outline(tape)
        self.apart = len(tape.nodes) <= MANY
        steps = story.steps[since : at + 1] if 0 <= at < len(story.steps) else []
        self.forward = at < story.turn
        self.colour = theme.value if self.forward else theme.gradient
        self.active: set[str] = set()  # edges
        self.marked: set[int] = set()  # the nodes whose numbers change at these steps
        for step in steps:
            n = step["node"]
            self.marked.add(n if "seed" in step or self.forward else step["to"])
            if self.forward:
                self.active |= {f"n{n}in{i}" for i in range(len(step["inputs"]))} | {f"n{n}out"}
            elif "seed" not in step:
                self.active |= {f"n{n}in{step['at']}", f"n{n}out"}

    def write(self, caption: Sequence[str]) -> Digraph:
        theme = self.theme
        g = Digraph("stage")
        text = {"fontname": FONT, "fontsize": str(SIZE), "fontcolor": theme.text}
        g.attr(
            "graph",
            rankdir="LR",
            bgcolor=theme.background,
            nodesep="0.2",
            ranksep="0.35",
            pad="0.28" if self.room else "0.12",  # what a number was stands above its box
            labelloc="b",
            labeljust="l",
            label=label(table(row(line) for line in caption)) if caption else "",
            **text,
        )
        g.attr("node", shape="box", style="filled", margin="0.08,0.04", width="0", height="0", **text)
        g.attr("edge", arrowsize="0.6", **text)
        self.clusters(g)
        for n, inputs in enumerate(self.outline.inputs):
            for i, x in enumerate(inputs):
                self.edge(g, f"n{n}in{i}", f"n{x}", f"n{n}op" if self.apart else f"n{n}", (n, i))
            if self.apart and inputs:
                self.edge(g, f"n{n}out", f"n{n}op", f"n{n}")
        return g

    def clusters(self, g: Digraph) -> None:
        """The boxes, each inside its scopes."""
        tree: dict[str | None, Any] = {}
        for n, place in enumerate(self.outline.place):
            inner = tree
            for title in self.outline.paths[place]:
                inner = inner.setdefault(title, {})
            inner.setdefault(None, []).append(n)
        self.cluster(g, tree, ())

    def cluster(self, g: Digraph, tree: dict[str | None, Any], place: tuple[int, ...]) -> None:
        for n in tree.get(None, ()):
            node = self.tape.nodes[n]
            if self.apart and node.op is not None:
                self.operation(g, n, node)
            self.box(g, n, node)
        for i, title in enumerate(title for title in tree if title is not None):
            at = (*place, i)
            with g.subgraph(name=f"cluster_{'_'.join(map(str, at))}") as part:
                part.attr(
                    label=plain(shorten(title, LONGEST_TITLE)),
                    labelloc="t",
                    labeljust="l",
                    style="rounded,filled",
                    color=self.theme.frame,
                    fillcolor=self.theme.cluster,
                    fontcolor=self.theme.muted,
                    fontsize=str(SMALL),
                    margin="10",
                )
                self.cluster(part, tree[title], at)

    def box(self, g: Digraph, n: int, node: Node) -> None:
        theme, story, entry = self.theme, self.story, self.story.nodes[n]
        kind = kind_of(node)
        look = {
            "input": {"color": theme.text},
            "parameter": {"color": theme.parameter, "peripheries": "2"},
            "constant": {"style": "dashed,filled", "color": theme.outline},
            "result": {"style": "rounded,filled", "color": theme.outline},
        }[kind]
        fill = theme.box
        if n in self.marked:
            look |= {"color": self.colour, "penwidth": "2.5"}
            fill = mix(theme.box, self.colour, 0.14)
        name = escape(shorten(entry["label"], LONGEST_NAME))
        name = bold(name) if node.name is not None else coloured(name, theme.muted)
        if not self.apart and node.op is not None:
            name += coloured(escape(f"  {operation_sign(node)}"), theme.muted)
        if "shape" in entry:
            name += coloured(escape(f"  {entry['shape']}"), theme.muted, SMALL)
        values = [story.brief(entry["value"])]
        value = values[0] if story.is_known(n, self.at) else " "
        rows = [self.line(value, values, theme.muted if entry.get("fixed") else theme.value)]
        # an unnamed constant has its number as its name
        if kind != "constant" or node.name is not None or "shape" in entry:
            rows.insert(0, row(name))
        if "fixed" not in entry:
            possible = [story.accumulated(n, at) for at, _ in story.arrivals[n]]
            rows.append(self.line(story.accumulated(n, self.at), [*possible, "∂ –"], theme.gradient))
            if (uses := len(story.arrivals[n])) > 1:
                arrived = story.arrived(n, self.at)
                text = f"{arrived} of {uses} arrived" if not self.forward else f"used {uses} times"
                rows.append(self.line(text, [f"{uses} of {uses} arrived"], theme.muted, SMALL))
        g.node(f"n{n}", label=label(table(rows)), id=f"n{n}", fillcolor=fill, **{"class": kind}, **look)

    def line(self, text: str, possible: Sequence[str], colour: str, size: int = 0) -> str:
        """A row with a number, as wide as the widest number that appears in it at any step."""
        width = int((size or SIZE) * max(map(em_width, [*possible, self.room]))) + 4
        return row(coloured(escape(text), colour, size), width=width)

    def operation(self, g: Digraph, n: int, node: Node) -> None:
        assert node.op is not None
        mark = operation_sign(node)
        look = {"shape": "circle", "margin": "0.03", "width": "0.34"} if len(mark) <= 5 else {}
        look = look or {"style": "rounded,filled", "margin": "0.1,0.03"}
        active = f"n{n}out" in self.active
        g.node(
            f"n{n}op",
            label=plain(mark),
            id=f"n{n}op",
            color=self.colour if active else self.theme.operation,
            penwidth="2" if active else "1",
            fillcolor=self.theme.operation,
            **{"class": "operation"},
            **look,
        )

    def edge(self, g: Digraph, id: str, tail: str, head: str, place: tuple[int, int] | None = None) -> None:
        """An edge: thin before a gradient passes it, with its arrow turned once it has, thick in its step.

        `place` is the node and the number of the input; the edge from an operation to its result has none.
        """
        theme, story = self.theme, self.story
        at = story.travels.get(place) if place is not None else None
        look = {"color": theme.outline}
        if id in self.active:
            look = {"color": self.colour, "penwidth": "3.5", "dir": "forward" if self.forward else "back"}
        elif at is not None and at <= self.at and self.travelled:
            look = {"color": theme.gradient, "penwidth": "1.5", "dir": "back", "arrowtail": "empty"}
        if place is not None and at is None:
            look["style"] = "dashed"  # to a constant: no gradient flows
        if place is not None and at is not None and self.ledger:
            local, arrival = story.local_on_edge(*place), story.arrival_on_edge(*place)
            known = story.is_known(place[0], self.at)
            rows = [self.line(local if known else " ", [local], theme.local, SMALL)]
            rows.append(self.line(arrival if at <= self.at else " ", [arrival], theme.gradient, SMALL))
            look["label"] = label(table(rows, 'CELLPADDING="0"'))
        g.edge(tail, head, id=id, **look)
