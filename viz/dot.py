"""From the snapshot of a graph to DOT text: which shape, which colour, which words.

Shape says what a thing is: a square box came from outside, a double line is learned, a dashed box is constant, a
rounded box was computed, a circle or a pill is an operation. Blue is a value; orange, after the sign of the partial
derivative, its gradient; purple, on an edge, what the gradient is multiplied by. The same graph gives the
same text, to the byte.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from .engines import Digraph
from .folding import inner_title
from .graph import Box, Cluster, Edge, Graph, Operation, Shown
from .heat import Heat
from .markup import bold, coloured, escape, label, plain, row, strip, table, tooltip
from .numbers import Summary, nested, number
from .themes import Theme, shades
from .words import em_width, shorten, sign

__all__ = ["SHOW", "digraph"]

SHOW = ("data", "grad", "local", "shape", "dtype", "op", "name")
MANY = 60  # with more boxes than this an operation is drawn inside its result

FONT = "Arial"  # both engines know its widths, and Helvetica, Arimo and Liberation Sans have the same
SIZE, SMALL = 12, 10
LONGEST_NAME, LONGEST_TITLE = 28, 60
LONGEST_RULE, LONGEST_LIST, LONGEST_FORMULA = 26, 24, 20
LONGEST_IN_CIRCLE = 5
SPACE = "\N{NO-BREAK SPACE}"  # between two texts: browsers leave out a plain one where a text begins
DEAD = "dead"  # what a gradient of exactly 0 is called, which is not the same as none

ORDERED = {"subtract", "divide", "power"}  # here it matters which input is the first
SHAPE_SIGNS = {"add": "+", "subtract": "−", "multiply": "×", "divide": "÷", "matmul": "@", "power": "**"}


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
        self.labels = {box.id: box.label for box in graph.boxes}
        self.shapes = {
            box.id: box.value.shape for box in graph.boxes if isinstance(box.value, Summary) and box.tensor
        }
        self.operations = {box.id for box in graph.boxes if self.apart and box.operation is not None}
        self.inputs: dict[str, list[str]] = {}
        for edge in graph.edges:
            self.inputs.setdefault(edge.head, []).append(edge.tail)

    def write(self, direction: str) -> Digraph:
        theme = self.theme
        g = Digraph("graph")
        g.attr(
            "graph",
            rankdir=direction,
            bgcolor=theme.background,
            fontname=FONT,
            fontsize=str(SMALL),
            fontcolor=theme.muted,
            nodesep="0.22",
            ranksep="0.32",
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
        self.cluster(g, self.graph.cluster, ())
        for edge in self.graph.edges:
            self.edge(g, edge)
        if self.apart:
            for box in self.graph.boxes:
                if box.operation is not None:
                    g.edge(box.operation.id, box.id, id=f"{box.id}out")
        return g

    # ------------------------------------------------------------------ the parts of the graph

    def cluster(self, g: Digraph, cluster: Cluster, place: tuple[int, ...]) -> None:
        for box in cluster.boxes:
            if self.apart and box.operation is not None:
                self.operation(g, box, box.operation)
            self.box(g, box)
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
        }[box.kind]
        if box.output:
            look["penwidth"] = "2"
        rows = self.rows(box)
        g.node(
            box.id,
            label=label(table(rows)) if rows else "",
            tooltip=tooltip(box_story(box)),
            id=box.id,
            **{"class": box.kind},
            **look,
        )

    def operation(self, g: Digraph, box: Box, op: Operation) -> None:
        mark = sign(op.name, op.symbol)
        tensor = box.tensor
        if tensor or op.params or len(mark) > LONGEST_IN_CIRCLE:
            look = {"style": "rounded,filled", "margin": "0.12,0.03"}
            lines = [bold(escape(self.formula(box, op) or mark)) if tensor else escape(op.name)]
            if tensor and "shape" in self.show and (shapes := self.shapes_of(box, op)):
                lines.append(self.aside(shapes))
            if op.params:
                lines.append(self.aside(shorten(op.params, LONGEST_RULE)))
            look["label"] = label(table(row(line, "CENTER") for line in lines))
        else:
            look = {"shape": "circle", "margin": "0.03", "width": "0.36", "label": plain(mark)}
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
        text = self.passes_on(edge) if "local" in self.show else ""
        if text:
            look["label"] = plain(f" {text} ")
        story = edge_story(edge)
        if story:
            look["tooltip"] = look["labeltooltip"] = tooltip(story)
        if not edge.flows:
            look["style"] = "dashed"
        if edge.count > 1:
            look["penwidth"] = f"{1 + math.log10(edge.count) / 2:.2f}"
        g.edge(edge.tail, f"{edge.head}op" if edge.head in self.operations else edge.head, **look)

    # ------------------------------------------------------------------ the rows of a box

    def rows(self, box: Box) -> list[str]:
        theme, show, value = self.theme, self.show, box.value
        if box.kind == "more":
            return [row(self.aside(box.label))]
        constant = box.kind == "constant"
        number_only = constant and not box.named and is_number(box.label)  # its label is its number
        twice = number_only and box.copies == 1 and "data" in show
        rows = self.names(box) if "name" in show and not twice else []
        if self.merged and box.operation is not None:
            rows = [self.heading(box.operation, rows)]
        if isinstance(value, Summary) and value.shape and box.tensor:
            about = [str(value.shape)] * ("shape" in show) + [value.dtype] * ("dtype" in show)
            if about:
                rows.append(row(self.aside(" ".join(about))))
        if "data" in show and value is not None and not (rows and number_only):
            rows += self.shown(value, theme.muted if constant else theme.value, box.value_heat)
        if "grad" in show and not constant and value is not None:
            if box.gradient is None:
                rows.append(row(coloured("∂ –", theme.muted)))
            else:
                rows += self.shown(box.gradient, theme.gradient, box.gradient_heat, "∂ ")
        return rows

    def names(self, box: Box) -> list[str]:
        """The name of a box; how many alike it stands for; what is inside."""
        longest = LONGEST_TITLE if box.contents else LONGEST_NAME
        text = escape(shorten(box.label, longest))
        text = bold(text) if box.named else coloured(text, self.theme.muted)
        op = box.operation
        if op is not None and op.name in ORDERED and not box.tensor:
            formula = self.formula(box, op)  # two edges do not say which of them is the first input
            text += SPACE + self.aside(f"= {formula}") if formula else ""
        if box.copies > 1:
            text += SPACE + coloured(bold(f"× {box.copies:,}"), self.theme.muted)
        rows = [row(text, width=least_width(box.label))]
        return [*rows, row(self.aside(box.contents))] if box.contents else rows

    def heading(self, op: Operation, name: list[str]) -> str:
        """The operation on a grey ground, and beside it the name of its result."""
        mark = f'<TD BGCOLOR="{self.theme.operation}">{escape(f" {sign(op.name, op.symbol)} ")}</TD>'
        cells = f"{mark}<TD>{table(name)}</TD>" if name else mark
        return row(table([f"<TR>{cells}</TR>"], 'CELLPADDING="2"'))

    def shown(self, x: Shown, colour: str, heat: Heat | None, prefix: str = "") -> list[str]:
        """A value or a gradient: one row for a number or a short array, several for the summary of a long one."""
        tag = DEAD if prefix and is_zero(x) else ""
        if not isinstance(x, Summary):
            return [self.figure(prefix, number(x, self.digits), math.isfinite(x), colour, tag)]
        text = "" if x.elements is None else nested(x.elements, self.digits)
        if text and len(text) <= LONGEST_LIST:
            return [self.figure(prefix, text, not x.trouble(), colour, tag)]
        digits = max(self.digits - 1, 1)  # a mean needs no more
        rows = [self.figure(prefix, x.centre(digits), True, colour, tag)]
        if x.range(digits):
            rows.append(row(coloured(escape(typeset(x.range(digits))), colour, SMALL)))
        if x.trouble():
            rows.append(self.figure("", x.trouble(), False, colour))
        if heat:
            rows.append(row(strip(heat, shades(self.theme, colour), self.theme.text)))
        return rows

    def figure(self, prefix: str, text: str, finite: bool, colour: str, tag: str = "") -> str:
        """A row with a number; NaN and infinity stand out in reverse, the page's colour on the number's."""
        text = escape(prefix + typeset(text))
        if finite:
            return row(coloured(text, colour) + (SPACE + self.aside(tag) if tag else ""))
        return row(coloured(bold(f" {text} "), self.theme.background), ground=colour)

    def aside(self, text: str) -> str:
        return coloured(escape(text), self.theme.muted, SMALL)

    # ------------------------------------------------------------------ what operations and edges say

    def formula(self, box: Box, op: Operation) -> str:
        """What computed a box from its two inputs, `X @ W`, where that is short; empty otherwise."""
        inputs = self.inputs.get(box.id, [])
        if op.symbol is None or len(inputs) != 2:
            return ""
        a, b = (self.labels[tail] for tail in inputs)
        text = f"{a} {sign(op.name, op.symbol)} {b}"
        return text if len(text) <= LONGEST_FORMULA else ""

    def shapes_of(self, box: Box, op: Operation) -> str:
        """The shapes that go in and the one that comes out, `(100, 2) @ (2, 8) → (100, 8)`; of single numbers none."""
        shapes = [str(self.shapes.get(tail, "")) for tail in self.inputs.get(box.id, [])]
        if {*shapes, str(self.shapes[box.id])} <= {"", "()"}:
            return ""
        if len(shapes) > 3:
            shapes = [*shapes[:2], "…", shapes[-1]]
        between = f" {SHAPE_SIGNS[op.name]} " if op.name in SHAPE_SIGNS else ", "
        return f"{between.join(shapes)} → {self.shapes[box.id]}"

    def passes_on(self, edge: Edge) -> str:
        """What happens to the gradient on its way along an edge: `× −0.42`, `g @ W.T`, `× 1`, summed to (8,)."""
        if not edge.flows:
            return ""
        if edge.local is not None:
            return f"× {typeset(number(edge.local, self.digits))}"
        if edge.spread is not None:
            digits = max(self.digits - 1, 1)
            return "× " + typeset(" … ".join(number(x, digits) for x in edge.spread))
        if edge.structural:
            return edge.short
        rule = edge.rule
        if len(rule) > LONGEST_RULE:
            y, x = (shorten(self.labels[end], LONGEST_FORMULA // 2) for end in (edge.head, edge.tail))
            rule = f"∂{y} / ∂{x}"
        factor = typeset(rule) if is_number(rule) else f"({rule})" if " " in rule else rule
        lines = [f"× {factor}"] if factor else []
        if edge.shape is not None:
            lines.append(f"summed to {edge.shape}")
        return "\n".join(lines)

    # ------------------------------------------------------------------ the line below

    def legend(self) -> str:
        """One line under the picture that says what its colours are."""
        theme, show = self.theme, self.show
        parts = []
        if "data" in show:
            parts.append(coloured("value", theme.value))
        if "grad" in show:
            parts.append(self.gradient_legend())
        if "local" in show and any(edge.flows for edge in self.graph.edges):
            parts.append(coloured("× local gradient", theme.local))
        if "local" in show and any(edge.structural for edge in self.graph.edges):
            parts.append(coloured("g: the gradient that arrives", theme.local))
        if self.has_strips():
            parts.append(coloured("strips: pale is least, full is greatest", theme.muted))
        if self.merged and any(box.operation for box in self.graph.boxes):
            parts.append(coloured("operations stand in the box of their result", theme.muted))
        if "grad" in show and any(is_zero(box.gradient) for box in self.graph.boxes):
            parts.append(coloured(f"{DEAD}: its gradient is exactly 0", theme.muted))
        lines = ["&#160;&#160;&#160; ".join(parts)] if parts else []
        if self.graph.hides:
            lines.append(coloured(escape(" · ".join(self.graph.hides)), theme.muted))
        space = '<TR><TD HEIGHT="8"></TD></TR>'
        return label(table([space, *map(row, lines)], 'CELLPADDING="6"')) if lines else ""

    def has_strips(self) -> bool:
        """Whether a pattern of an array is drawn."""
        data, grad = "data" in self.show, "grad" in self.show
        return any((data and box.value_heat) or (grad and box.gradient_heat) for box in self.graph.boxes)

    def gradient_legend(self) -> str:
        """What the gradients are of, where it can be told: of the only output, if its own is 1."""
        if all(box.gradient is None for box in self.graph.boxes):
            return coloured("∂ – gradient not computed", self.theme.muted)
        outputs = [box for box in self.graph.boxes if box.output]
        known = len(outputs) == 1 and outputs[0].operation is not None and is_one(outputs[0].gradient)
        of = f" of {shorten(outputs[0].label, LONGEST_NAME)}" if known else ""
        return coloured(escape(f"∂ gradient{of}"), self.theme.gradient)


# ---------------------------------------------------------------------- what a pointer over a thing is told


def box_story(box: Box) -> str:
    lines = [f"{box.label}: {box.operation.name if box.operation else box.contents or box.kind}"]
    if box.kind == "more":
        return box.label
    if box.operation is not None and box.operation.params:
        lines[0] += f"({box.operation.params})"
    if box.copies > 1:
        lines.append(f"{box.copies:,} alike")
    if box.value is not None:
        lines.append(f"value {exact(box.value)}")
        if box.kind != "constant":
            lines.append(f"gradient {'not computed' if box.gradient is None else exact(box.gradient)}")
    return "\n".join(lines)


def edge_story(edge: Edge) -> str:
    if "m" in (edge.tail[0], edge.head[0]):
        return ""  # it leads to what is not drawn
    if edge.count > 1:
        return f"{edge.count:,} edges"
    if not edge.flows:
        return "a constant: no gradient flows here"
    if edge.local is not None:
        return f"local gradient {edge.local!r}"
    return f"{'passes on' if edge.structural else 'local gradient'} {edge.rule}" if edge.rule else ""


def exact(x: Shown) -> str:
    return f"{x.text(6)} {x.dtype}" if isinstance(x, Summary) else repr(x)


# ---------------------------------------------------------------------- numbers and widths


def typeset(text: str) -> str:
    """Numbers as they are printed: a true minus, an infinity sign."""
    return text.replace("-", "−").replace("nan", "NaN").replace("inf", "∞")


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_single(x: Shown) -> bool:
    return not isinstance(x, Summary) or math.prod(x.shape) == 1


def is_zero(x: Shown | None) -> bool:
    """Whether a number, or every element of an array, is 0."""
    if isinstance(x, Summary):
        return x.low == x.high == 0 and not x.trouble()
    return x == 0


def is_one(x: Shown | None) -> bool:
    return (x.low if isinstance(x, Summary) and is_single(x) else x) == 1


def least_width(name: str) -> int:
    """Points that a name needs, where `graphviz-pure`, which counts bytes, may think it narrower."""
    return 0 if name.isascii() else math.ceil(SIZE * em_width(shorten(name, LONGEST_NAME)))
