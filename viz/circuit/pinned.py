"""A circuit in DOT with every position given, which Graphviz draws as it is: `neato -n2 -Tpng circuit.dot`.

From it come PNG and, with the system's Graphviz, PDF.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ..common.themes import Theme
from ..graphviz.engines import Digraph
from ..graphviz.markup import bold, coloured, escape, label, tooltip
from .lettering import LOWERED, RAISED, SIZE, SMALLER, Line, width_of
from .scene import Gate, Point, Scene, Text, Wire

__all__ = ["OPTIONS", "pinned"]

OPTIONS = ["-Kneato", "-n2"]  # of Graphviz's command: positions and curves are those of the text
FONT = "Times-Roman"
MIDDLE = 0.25  # of the size: how far above its base line Graphviz sets the middle of a text
THIN, THICK = 1.3, 3.6  # points


def pinned(scene: Scene, theme: Theme) -> Digraph:
    """The picture as a `Digraph` of the `graphviz` package."""
    g = Digraph("circuit", engine="neato")
    g.attr("graph", bgcolor=theme.background, pad="0.08")
    g.attr("node", shape="none", fontname=FONT, fontsize=f"{SIZE:g}", width="0", height="0", margin="0")
    g.attr("edge", arrowhead="none", penwidth=f"{THIN}")
    ends: dict[str, Point] = {}
    for wire in scene.wires:
        ends.setdefault(wire.tail, wire.points[0])
        ends.setdefault(wire.head, wire.points[-1])
    for gate in scene.gates:
        _gate(g, gate, scene, theme)
    gates = {gate.id for gate in scene.gates}
    for id, at in ends.items():
        if id in gates:
            continue
        g.node(id, shape="point", style="invis", width="0.01", height="0.01", pos=_pos(at, scene))
    for wire in scene.wires:
        _wire(g, wire, scene, theme)
    for i, text in enumerate(scene.texts):
        _text(g, text.id or f"line{i}", text, scene, theme)
    return g


def _pos(at: Point, scene: Scene) -> str:
    return f"{at[0]:.2f},{scene.height - at[1]:.2f}"


def _wire(g: Digraph, wire: Wire, scene: Scene, theme: Theme) -> None:
    look = {"color": getattr(theme, wire.role)}
    if wire.dashed:
        look["style"] = "dashed"
    if wire.thick:
        look["penwidth"] = f"{THICK}"
    curve = " ".join(_pos(point, scene) for point in wire.points)
    g.edge(wire.tail, wire.head, id=wire.id, pos=curve, **look)


def _gate(g: Digraph, gate: Gate, scene: Scene, theme: Theme) -> None:
    round_ = gate.width == gate.height
    shape = {"shape": "circle", "style": "filled"} if round_ else {"shape": "box", "style": "rounded,filled"}
    g.node(
        gate.id,
        label="",
        id=gate.id,
        tooltip=tooltip(gate.title),
        pos=_pos((gate.x, gate.y), scene),
        fixedsize="true",
        width=f"{gate.width / 72:.4f}",
        height=f"{gate.height / 72:.4f}",
        color=getattr(theme, gate.role),
        fillcolor=theme.operation,
        penwidth=f"{THICK if gate.thick else THIN}",
        **shape,
    )
    _text(g, f"{gate.id}label", Text(gate.x, gate.y + SIZE * 0.3, gate.label), scene, theme)


def _text(g: Digraph, id: str, text: Text, scene: Scene, theme: Theme) -> None:
    """A node for each piece of a text on one level, side by side, for the engines lower subscripts differently."""
    x = text.x - width_of(text.line) * {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor]
    for i, (size, shift, line) in enumerate(_levels(text.line)):
        width = width_of(line)
        at = (x + width / 2, text.y + shift - MIDDLE * size)
        g.node(
            f"{id}{i or ''}",
            label=label("".join(_markup(line, theme))),
            pos=_pos(at, scene),
            fontsize=f"{size:g}",
        )
        x += width


def _levels(line: Line) -> Iterator[tuple[float, float, Line]]:
    """The pieces of a line on one level each: their size, how far down they stand, and their runs."""
    for level, runs in groupby(line, key=lambda run: run.level):
        shift = SIZE * (LOWERED if level < 0 else -RAISED if level > 0 else 0.0)
        yield SIZE * (SMALLER if level else 1.0), shift, tuple(runs)


def _markup(line: Line, theme: Theme) -> Iterator[str]:
    for run in line:
        words = escape(run.text).replace("  ", "&#160;&#160;")
        if words != words.strip():
            words = words.replace(" ", "&#160;")
        words = f"<I>{words}</I>" if run.italic else words
        yield coloured(bold(words) if run.strong else words, getattr(theme, run.role))
