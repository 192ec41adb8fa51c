"""From the snapshot of a graph to DOT text: shapes, colours and words.

Shape says what a thing is: a square box came from outside, a double line is learned, a dashed box is constant, a
rounded box was computed, a circle or a pill is an operation. Blue is a value, orange after the sign of the partial
derivative its gradient, purple on an edge what the gradient is multiplied by. The same graph gives the
same text, to the byte.
"""

from __future__ import annotations

import html
import math
from collections.abc import Collection, Iterable

from .engines import Digraph
from .graph import Box, Cluster, Edge, Graph, Operation, Shown
from .heat import LEVELS, Heat
from .numbers import Summary, nested, number
from .themes import Theme
from .words import em_width, printable, shorten, sign

__all__ = ["SHOW", "digraph"]

SHOW = ("data", "grad", "local", "shape", "dtype", "op", "name")
MANY = 60  # with more boxes than this an operation is drawn inside its result

FONT = "Arial"  # both engines know its widths, and Helvetica, Arimo and Liberation Sans have the same
SIZE, SMALL = 12, 10
LONGEST_NAME, LONGEST_RULE, LONGEST_LIST, LONGEST_FORMULA = 28, 26, 24, 20

ORDERED = {"subtract", "divide", "power"}  # here it matters which input is the first




def digraph(graph: Graph, show: Collection[str], direction: str, theme: Theme, digits: int) -> Digraph:
    """The drawing of a graph as a `Digraph` of the `graphviz` package, which holds its text and renders it."""
    return _Writer(graph, show, theme, digits).write(direction)


class _Writer:
    """One drawing in the making: what is shown, in which colours, with how many digits."""

    def __init__(self, graph: Graph, show: Collection[str], theme: Theme, digits: int) -> None:
        self.graph = graph
        self.show = frozenset(show)
        self.theme = theme
        self.digits = digits
        self.merged = "op" in self.show and len(graph.boxes) > MANY
        self.apart = "op" in self.show and not self.merged  # operations have shapes of their own
        self.shapes = {box.id: box.value.shape for box in graph.boxes if isinstance(box.value, Summary)}
        self.labels = {box.id: box.label for box in graph.boxes}
        self.inputs: dict[str, list[Edge]] = {}
        for edge in graph.edges:
            self.inputs.setdefault(edge.head, []).append(edge)

    def write(self, direction: str) -> Digraph:
        theme = self.theme
        g = Digraph()
        g.attr(
            "graph",
            rankdir=direction,
            bgcolor=theme.background,
            fontname=FONT,
            fontsize=str(SMALL),
            fontcolor=theme.muted,
            nodesep="0.22",
            ranksep="0.32" if direction in ("LR", "RL") else "0.36",
            pad="0.15",
            label=self.legend(),
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
            fontsize=str(SMALL),
            fontcolor=theme.local,
            color=theme.outline,
            arrowsize="0.6",
        )
        self.clusters(g, self.graph.cluster, [])
        for edge in self.graph.edges:
            self.edge(g, edge)
        if self.apart:
            for box in self.graph.boxes:
                if box.operation is not None:
                    g.edge(box.operation.id, box.id, id=f"{box.id}out")
        return g

    # ------------------------------------------------------------------ the parts of the graph

    def clusters(self, g: Digraph, cluster: Cluster, path: list[int]) -> None:
        for box in cluster.boxes:
            if self.apart and box.operation is not None:
                self.operation(g, box.operation, box)
            self.box(g, box)
        for i, inner in enumerate(cluster.inner.values()):
            at = [*path, i]
            with g.subgraph(name="cluster_" + "_".join(map(str, at))) as part:
                part.attr(
                    label=_plain(shorten(inner.title, 60)),
                    tooltip=_tooltip(inner.title),
                    labelloc="t",
                    labeljust="l",
                    style="rounded,filled",
                    color=self.theme.frame,
                    fillcolor=self.theme.cluster if len(at) % 2 else self.theme.background,
                    margin="10",
                )
                self.clusters(part, inner, at)

    def box(self, g: Digraph, box: Box) -> None:
        theme = self.theme
        look = {
            "input": {"color": theme.text},
            "parameter": {"color": theme.parameter, "peripheries": "2"},
            "constant": {"style": "dashed,filled"},
            "result": {"style": "rounded,filled"},
        }[box.kind]
        if box.output:
            look["penwidth"] = "2"
        rows = self.rows(box)
        g.node(
            box.id,
            label=_table(rows) if rows else "",
            tooltip=_tooltip(self.story(box)),
            id=box.id,
            **{"class": box.kind},
            **look,
        )

    def operation(self, g: Digraph, op: Operation, box: Box) -> None:
        mark = sign(op.name, op.symbol)
        tensor = isinstance(box.value, Summary)
        look = {"shape": "circle", "margin": "0.03", "width": "0.36", "fontsize": "13"}
        label = _plain(mark)
        if tensor or len(mark) > 5 or op.params:
            look = {"style": "rounded,filled", "margin": "0.12,0.03"}
            rows = [f"<B>{_html((self.formula(box) or mark) if tensor else op.name)}</B>"]
            if tensor and "shape" in self.show:
                rows.append(self.small(self.shapes_of(op, box), self.theme.muted))
            if op.params:
                rows.append(self.small(shorten(op.params, LONGEST_RULE), self.theme.muted))
            label = _table([_row(row, align="CENTER") for row in rows])
        g.node(
            op.id,
            label=label,
            tooltip=_tooltip(f"{op.name}({op.params})" if op.params else op.name),
            id=op.id,
            color=self.theme.operation,
            fillcolor=self.theme.operation,
            **{"class": "operation"},
            **look,
        )

    def edge(self, g: Digraph, edge: Edge) -> None:
        attributes = {"id": edge.id}
        label = self.passes_on(edge) if "local" in self.show else ""
        if label:
            attributes["label"] = _plain(f" {label} ")
        told = self.edge_story(edge)
        if told:
            attributes["tooltip"] = attributes["labeltooltip"] = _tooltip(told)
        if not edge.flows:
            attributes["style"] = "dashed"
        g.edge(edge.tail, f"{edge.head}op" if self.apart else edge.head, **attributes)

    # ------------------------------------------------------------------ words

    def rows(self, box: Box) -> list[str]:
        """The rows of a box, as rows of an HTML-like table."""
        theme, show = self.theme, self.show
        constant = box.kind == "constant"
        rows = []
        bare = constant and not box.named and _is_one(box.value)  # its label is its number
        name = self.name(box) if "name" in show and not bare else ""
        if self.merged and box.operation is not None:
            rows.append(self.heading(sign(box.operation.name, box.operation.symbol), name))
        elif name:
            rows.append(_row(name, self.width(box.label)))
        if isinstance(box.value, Summary) and box.value.shape:
            about = [str(box.value.shape)] if "shape" in show else []
            about += [box.value.dtype] if "dtype" in show else []
            if about:
                rows.append(_row(self.small(" ".join(about), theme.muted)))
        if "data" in show:
            rows += self.shown(box.value, theme.muted if constant else theme.value, box.value_heat)
        if "grad" in show and not constant:
            if box.gradient is None:
                rows.append(_row(_coloured("∂ –", theme.muted)))
            else:
                rows += self.shown(box.gradient, theme.gradient, box.gradient_heat, "∂ ")
        return rows

    def name(self, box: Box) -> str:
        text = _html(shorten(box.label, LONGEST_NAME))
        text = f"<B>{text}</B>" if box.named else _coloured(text, self.theme.muted)
        if box.operation is not None and box.operation.name in ORDERED and not isinstance(box.value, Summary):
            formula = self.formula(box)  # the edges do not say which input is the first
            text += self.small(f" = {formula}", self.theme.muted) if formula else ""
        return text

    def formula(self, box: Box) -> str:
        """What computed a box from two inputs, `X @ W`, where that is short; empty otherwise."""
        op, inputs = box.operation, self.inputs.get(box.id, [])
        if op is None or op.symbol is None or len(inputs) != 2:
            return ""
        a, b = (self.labels[edge.tail] for edge in inputs)
        text = f"{a} {sign(op.name, op.symbol)} {b}"
        return text if len(text) <= LONGEST_FORMULA else ""

    def heading(self, sign: str, name: str) -> str:
        """A row with the operation on a grey ground, and the name of its result."""
        cell = f'<TD BGCOLOR="{self.theme.operation}" CELLPADDING="2"> {_html(sign)} </TD>'
        name = f"<TD>{name}</TD>" if name else ""
        return _row(
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="2" CELLPADDING="0"><TR>{cell}{name}</TR></TABLE>'
        )

    def shown(self, x: Shown, colour: str, heat: Heat | None, prefix: str = "") -> list[str]:
        """A value or a gradient: one row for a number, several for the summary of an array."""
        if not isinstance(x, Summary):
            return [self.figure(prefix, number(x, self.digits), math.isfinite(x), colour)]
        text = nested(x.elements, self.digits) if x.elements is not None else ""
        if text and len(text) <= LONGEST_LIST:
            return [self.figure(prefix, text, not x.trouble(), colour)]
        digits = max(self.digits - 1, 1)  # what a mean is good for
        rows = [_row(_coloured(_html(prefix + _typeset(x.centre(digits))), colour))]
        extent = x.range(digits)
        if extent:
            rows.append(_row(self.small(_typeset(extent), colour)))
        if x.trouble():
            rows.append(self.figure("", x.trouble(), False, colour))
        if heat:
            rows.append(self.strip(heat, colour))
        return rows

    def figure(self, prefix: str, text: str, fine: bool, colour: str) -> str:
        """A row with a number; what is not finite stands out, in the page's colour on the number's."""
        if fine:
            return _row(_coloured(_html(prefix + _typeset(text)), colour))
        text = f"<B> {_html(prefix + _typeset(text))} </B>"
        return f'<TR><TD ALIGN="LEFT" BGCOLOR="{colour}">{_coloured(text, self.theme.background)}</TD></TR>'

    def strip(self, heat: Heat, colour: str) -> str:
        """A row with the heat strip: the darker (on a dark page the brighter), the greater."""
        shades = [_mix(self.theme.box, colour, 0.08 + 0.92 * k / (LEVELS - 1)) for k in range(LEVELS)]
        height = 8 if len(heat) <= 8 else 4
        width = max(4, min(12, 64 // len(heat[0])))
        lines = []
        for line in heat:
            cells = "".join(
                f'<TD BGCOLOR="{shades[k] if k >= 0 else self.theme.text}" FIXEDSIZE="TRUE" '
                f'WIDTH="{width}" HEIGHT="{height}"></TD>'
                for k in line
            )
            lines.append(f"<TR>{cells}</TR>")
        table = (
            f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" FIXEDSIZE="TRUE" '
            f'WIDTH="{width * len(heat[0])}" HEIGHT="{height * len(heat)}">{"".join(lines)}</TABLE>'
        )
        return _row(table)

    def small(self, text: str, colour: str) -> str:
        return f'<FONT POINT-SIZE="{SMALL}" COLOR="{colour}">{_html(text)}</FONT>'

    def shapes_of(self, op: Operation, box: Box) -> str:
        """The shapes that go in and the one that comes out, `(100, 2) @ (2, 8) → (100, 8)`."""
        between = f" {_SHAPE_SIGNS.get(op.name, ',')} "
        shapes = [str(self.shapes.get(edge.tail, "")) for edge in self.inputs.get(box.id, [])]
        if len(shapes) > 3:
            shapes = [*shapes[:2], "…", shapes[-1]]
        return f"{between.join(shapes)} → {self.shapes[box.id]}"

    def passes_on(self, edge: Edge) -> str:
        """What happens to the gradient on its way along an edge: `× −0.42`, `g @ W.T`, `× 1, summed to (8,)`."""
        if not edge.flows:
            return ""
        if edge.local is not None:
            return f"× {_typeset(number(edge.local, self.digits))}"
        rule = edge.rule if len(edge.rule) <= LONGEST_RULE else ""
        if edge.structural:
            return rule or f"g to {self.shapes.get(edge.tail, '')}"
        text = f"× ({rule})" if " " in rule else f"× {rule}" if rule else ""
        summed = f"summed to {edge.shape}" if edge.shape is not None else ""
        return "\n".join(part for part in (_typeset(text) if _is_number(rule) else text, summed) if part)

    def width(self, text: str) -> int:
        """Points that a name needs at least, where an engine would think it narrower: `graphviz-pure` counts bytes."""
        if text.isascii():
            return 0
        return math.ceil(SIZE * em_width(shorten(printable(text), LONGEST_NAME)))

    # ------------------------------------------------------------------ what a pointer over it says

    def story(self, box: Box) -> str:
        lines = [f"{box.label}: {box.kind}"]
        if box.operation is not None:
            lines[0] = f"{box.label}: {box.operation.name}"
        lines.append(f"value {_exact(box.value)}")
        if box.kind != "constant":
            lines.append(f"gradient {'not computed' if box.gradient is None else _exact(box.gradient)}")
        return "\n".join(lines)

    def edge_story(self, edge: Edge) -> str:
        if not edge.flows:
            return "a constant: no gradient flows here"
        if edge.local is not None:
            return f"local gradient {edge.local!r}"
        return f"{'passes on' if edge.structural else 'local gradient'} {edge.rule}" if edge.rule else ""

    def legend(self) -> str:
        """One line under the picture that says what the colours are."""
        theme, show = self.theme, self.show
        parts = []
        if "data" in show:
            parts.append(_coloured("value", theme.value))
        if "grad" in show:
            parts.append(_coloured("∂ gradient", theme.gradient))
        if "local" in show and self.graph.edges:
            parts.append(_coloured("× local gradient", theme.local))
        if self.merged:
            parts.append(_coloured("operations stand in the box of their result", theme.muted))
        cells = "".join(f"<TD>{part}</TD>" for part in parts)
        space = f'<TR><TD COLSPAN="{len(parts)}" HEIGHT="8"></TD></TR>'
        return (
            f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="6">{space}<TR>{cells}</TR></TABLE>>'
            if parts
            else ""
        )


_SHAPE_SIGNS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "matmul": "@", "power": "**"}


# ---------------------------------------------------------------------- signs and numbers


def _typeset(text: str) -> str:
    """Numbers as they are printed: a true minus, an infinity sign."""
    return text.replace("-", "−").replace("nan", "NaN").replace("inf", "∞")


def _exact(x: Shown) -> str:
    if not isinstance(x, Summary):
        return repr(x)
    return f"{x.text(6)} {x.dtype}"


def _is_one(x: Shown) -> bool:
    return not isinstance(x, Summary) or math.prod(x.shape) == 1


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _mix(a: str, b: str, share: float) -> str:
    """The colour that lies `share` of the way from `a` to `b`."""
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)


# ---------------------------------------------------------------------- texts that others chose


# Graphviz decodes entities before it looks for its own escapes (\N, \n, \l), once in a label and twice in a tooltip.


def _html(text: str) -> str:
    return html.escape(printable(text)).replace("\\", r"\\")


def _plain(text: str) -> str:
    return r"\n".join(_html(line) for line in text.split("\n"))


def _tooltip(text: str) -> str:
    return r"\n".join(_html(shorten(line, 400)).replace("\\", r"\\") for line in text.split("\n"))


def _coloured(text: str, colour: str) -> str:
    return f'<FONT COLOR="{colour}">{text}</FONT>'


def _row(content: str, width: int = 0, align: str = "LEFT") -> str:
    least = f' WIDTH="{width}"' if width else ""
    return f'<TR><TD ALIGN="{align}"{least}>{content}</TD></TR>'


def _table(rows: Iterable[str]) -> str:
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="1">{"".join(rows)}</TABLE>>'
