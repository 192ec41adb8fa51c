"""The graph on which the steps are shown: boxes that keep their size while their numbers come and go.

Graphviz lays the graph out once for a page, where a script changes its numbers and marks; and once for
each picture of an animation, always to the same layout. Shapes and colours are those of `dot.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from ..autograd import Node, Tape
from .engines import Digraph, layout
from .folding import Outline
from .graph import kind_of
from .markup import bold, coloured, escape, label, plain, row, table
from .story import Story
from .themes import THEMES, Theme, mix
from .words import em_width, shorten, sign

__all__ = ["END", "page_svg", "stage"]

END = 10**9  # a position after every step
MANY = 60  # with more boxes an operation is drawn inside its result
FONT, SIZE, SMALL = "Arial", 12, 10
LONGEST_NAME = 24
SVG = "http://www.w3.org/2000/svg"


def stage(
    tape: Tape, story: Story, at: int = END, theme: Theme = THEMES["light"], caption: Sequence[str] = ()
) -> Digraph:
    """The graph as it stands after step `at`, with what takes part in that step marked.

    `caption` holds lines of Graphviz's HTML-like language that stand below it. The node at position 3 of the tape is
    `n3`, what computes it `n3op` (in large graphs they are one), the edge from its first input `n3in0`.
    """
    return _Stage(tape, story, at, theme).write(caption)


class _Stage:
    def __init__(self, tape: Tape, story: Story, at: int, theme: Theme) -> None:
        self.tape, self.story, self.at, self.theme = tape, story, at, theme
        self.outline = Outline(tape)
        self.apart = len(tape.nodes) <= MANY
        step = story.steps[at] if 0 <= at < len(story.steps) else {}
        self.forward = "inputs" in step
        self.colour = theme.value if self.forward else theme.gradient
        self.active: set[str] = set()  # edges
        self.marked = -1  # the node whose number changes
        if step:
            n = step["node"]
            self.marked = n if "seed" in step or self.forward else step["to"]
            if self.forward:
                self.active = {f"n{n}in{i}" for i in range(len(step["inputs"]))} | {f"n{n}out"}
            elif "seed" not in step:
                self.active = {f"n{n}in{step['at']}", f"n{n}out"}

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
            pad="0.12",
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
                flows = self.tape.nodes[x].requires_grad
                self.edge(g, f"n{n}in{i}", f"n{x}", f"n{n}op" if self.apart else f"n{n}", flows)
            if self.apart and inputs:
                self.edge(g, f"n{n}out", f"n{n}op", f"n{n}", True)
        return g

    def clusters(self, g: Digraph) -> None:
        """The boxes, each in the scopes that it stands in."""
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
                    label=plain(shorten(title, 60)),
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
        theme, story, told = self.theme, self.story, self.story.nodes[n]
        kind = kind_of(node)
        look = {
            "input": {"color": theme.text},
            "parameter": {"color": theme.parameter, "peripheries": "2"},
            "constant": {"style": "dashed,filled", "color": theme.outline},
            "result": {"style": "rounded,filled", "color": theme.outline},
        }[kind]
        fill = theme.box
        if n == self.marked:
            look |= {"color": self.colour, "penwidth": "2.5"}
            fill = mix(theme.box, self.colour, 0.14)
        name = escape(shorten(told["label"], LONGEST_NAME))
        name = bold(name) if node.name is not None else coloured(name, theme.muted)
        if not self.apart and node.op is not None:
            name += coloured(escape(f"  {sign(node.op.name, node.op.symbol)}"), theme.muted)
        if "shape" in told:
            name += coloured(escape(f"  {told['shape']}"), theme.muted, SMALL)
        values = [story.brief(told["value"])]
        value = values[0] if story.is_known(n, self.at) else " "
        rows = [self.line(value, values, theme.muted if told.get("fixed") else theme.value)]
        if kind != "constant" or node.name is not None or "shape" in told:  # otherwise its name is its number
            rows.insert(0, row(name))
        if "fixed" not in told:
            gradient = story.gradient(n, self.at)
            all_of_them = [f"∂ {story.brief(total)}" for _, total in story.arrivals[n]]
            text = "∂ –" if gradient is None else f"∂ {story.brief(gradient)}"
            rows.append(self.line(text, [*all_of_them, "∂ –"], theme.gradient))
        g.node(f"n{n}", label=label(table(rows)), id=f"n{n}", fillcolor=fill, **{"class": kind}, **look)

    def line(self, text: str, possible: Sequence[str], colour: str) -> str:
        """A row with a number, as wide as the widest that it will ever hold."""
        width = int(SIZE * max(map(em_width, possible))) + 4
        return row(coloured(escape(text), colour), width=width)

    def operation(self, g: Digraph, n: int, node: Node) -> None:
        assert node.op is not None
        mark = sign(node.op.name, node.op.symbol)
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

    def edge(self, g: Digraph, id: str, tail: str, head: str, flows: bool) -> None:
        look = {"color": self.theme.outline}
        if id in self.active:
            look = {"color": self.colour, "penwidth": "3", "dir": "forward" if self.forward else "back"}
        if not flows:
            look["style"] = "dashed"
        g.edge(tail, head, id=id, **look)


# ---------------------------------------------------------------------- for a page


def page_svg(tape: Tape, story: Story, engine: str = "auto") -> str:
    """The laid-out graph for a page: small, and without colours of its own.

    What the page's script changes has a class: the text with the value of a box is `value`, that with its gradient
    `grad`. Colours are roles, `r-outline`, that the page's style sheet fills in for light and dark.
    """
    svg = for_page(layout(stage(tape, story).source, "svg", engine), "graph")
    fixed = {f"n{i}" for i, told in enumerate(story.nodes) if "fixed" in told}
    for group in svg.iter("g"):
        texts = group.findall("text")
        kind = group.get("class", "")
        if kind.startswith("node") and "operation" not in kind and texts:
            if group.get("id") not in fixed:
                texts.pop().set("class", "grad")
            texts.pop().set("class", "value")
    return as_text(svg)


def for_page(picture: bytes, id: str) -> Any:
    """A picture in the light theme as an element of a page: without a size, and with roles in place of colours."""
    theme = THEMES["light"]
    roles = {getattr(theme, role): role for role in ("background", "outline", "text", "muted", "frame")}
    roles |= {
        getattr(theme, role): role for role in ("value", "gradient", "parameter", "operation", "cluster")
    }
    svg = ElementTree.fromstring(picture)
    for element in svg.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.removeprefix(f"{{{SVG}}}")
    for group in list(svg.iter("g")):
        if group.get("class") != "graph":  # tooltips stand in elements of their own around what is drawn
            group[:] = [child for child in group.iter() if child.tag not in ("g", "a")]
        _slim(group, roles)
    for key in ("width", "height"):
        del svg.attrib[key]
    svg.set("xmlns", SVG)
    svg.set("id", id)
    svg.set("class", "drawn")
    return svg


def as_text(svg: Any) -> str:
    return re.sub(r">\s+<", "><", ElementTree.tostring(svg, encoding="unicode"))


def _slim(group: Any, roles: dict[str, str]) -> None:
    """Drop what the style sheet says for all, and give each colour the name of its role."""
    for child in list(group):
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag in ("", "title"):
            group.remove(child)
            continue
        for key in (
            ("font-family", "text-anchor") if child.get("text-anchor") == "start" else ("font-family",)
        ):
            child.attrib.pop(key, None)
        if float(child.get("font-size", 0)) == SIZE:
            del child.attrib["font-size"]
        classes = [f"{key[0]}-{roles[c]}" for key in ("fill", "stroke") if (c := child.get(key)) in roles]
        if classes and tag != "g":
            for key in ("fill", "stroke"):
                if child.get(key) in roles:
                    del child.attrib[key]
            child.set("class", " ".join(classes))
