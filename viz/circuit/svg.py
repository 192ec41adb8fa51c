"""A circuit as SVG, whose text is text: names with true subscripts, in a serif font of LaTeX's kind where there is one.

It is written here and not by Graphviz, which has no way to lower a subscript that all browsers follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from ..common.themes import Theme
from ..common.words import printable
from .lettering import LOWERED, RAISED, SIZE, SMALLER, Line, Run
from .scene import SLIDE, Gate, Point, Scene, Text, Wire

__all__ = ["EDGE", "picture_area", "slide", "svg"]

FONTS = (
    "'Latin Modern Roman', 'LM Roman 10', 'CMU Serif', 'New Computer Modern', 'STIX Two Text', "
    "'Times New Roman', Times, 'Liberation Serif', 'Nimbus Roman', Tinos, serif"
)
THIN, THICK = 1.3, 3.6  # points
# points around a slide, beside its picture, and from one line to the next
EDGE, NARROW, STEP = 28.0, 8.0, 27.0
ARROW = 12.0  # points, the length of an arrowhead
LARGEST = 1.8  # times its size that a picture is shown on a slide


def svg(scene: Scene, theme: Theme, title: str = "Circuit") -> str:
    """The picture as an SVG document, as large as it is in points."""
    w, h = f"{scene.width:.0f}", f"{scene.height:.0f}"
    head = (
        '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}pt" height="{h}pt" viewBox="0 0 {w} {h}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<g id="circuit" font-family="{FONTS}" font-size="{SIZE:g}">\n'
        f'<rect width="{w}" height="{h}" fill="{theme.background}"/>'
    )
    return "\n".join([head, *inside(scene, theme), "</g>\n</svg>\n"])


def slide(scene: Scene, theme: Theme, below: Sequence[Line], room: int, title: str) -> str:
    """A page of a slide's size: the picture, and below it lines of text, where there is room for `room` of them."""
    (w, h), (width, height) = SLIDE, picture_area(room)
    scale = min(width / scene.width, height / scene.height, LARGEST)
    x, y = (w - scale * scene.width) / 2, EDGE + (height - scale * scene.height) / 2
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w:g}pt" height="{h:g}pt" viewBox="0 0 {w:g} {h:g}">\n'
        f'<title>{escape(title)}</title>\n<g font-family="{FONTS}" font-size="{SIZE:g}">\n'
        f'<rect width="{w:g}" height="{h:g}" fill="{theme.background}"/>\n'
        f'<g transform="translate({x:.2f},{y:.2f}) scale({scale:.4f})">'
    )
    top = h - EDGE - room * STEP + SIZE
    lines = [_text(Text(EDGE, top + k * STEP, line, "start"), theme) for k, line in enumerate(below)]
    return "\n".join([head, *inside(scene, theme), "</g>", *lines, "</g>\n</svg>\n"])


def picture_area(room: int) -> tuple[float, float]:
    """Width and height of the picture on a slide with `room` lines of text."""
    return SLIDE[0] - 2 * NARROW, SLIDE[1] - 3 * EDGE - room * STEP


def inside(scene: Scene, theme: Theme) -> Iterator[str]:
    """The elements of the picture."""
    for wire in scene.wires:
        yield _wire(wire, theme)
    for gate in scene.gates:
        yield _gate(gate, theme)
    for text in scene.texts:
        yield _text(text, theme)


def _wire(wire: Wire, theme: Theme) -> str:
    colour = getattr(theme, wire.role)
    look = f'fill="none" stroke="{colour}" stroke-width="{THICK if wire.thick else THIN}"'
    if wire.dashed:
        look += ' stroke-dasharray="5,3"'
    drawn = f'<path id="{wire.id}" class="wire" {look} d="{path(wire.points)}"/>'
    if wire.arrow:
        corners = " ".join(f"{x:.2f},{y:.2f}" for x, y in arrowhead(wire))
        drawn += f'\n<polygon class="arrow" fill="{colour}" points="{corners}"/>'
    return drawn


def path(points: tuple[Point, ...]) -> str:
    """Bézier curves as the value of `d`."""
    start, *rest = (f"{x:.2f},{y:.2f}" for x, y in points)
    return f"M{start}C{' '.join(rest)}"


def arrowhead(wire: Wire) -> tuple[Point, Point, Point]:
    """The three corners of the arrowhead at the start or the end of a wire."""
    points = wire.points if wire.arrow == "end" else wire.points[::-1]
    (x, y), (fx, fy) = points[-1], points[-2]
    norm = ((x - fx) ** 2 + (y - fy) ** 2) ** 0.5 or 1.0
    dx, dy = (x - fx) / norm * ARROW, (y - fy) / norm * ARROW
    return (x, y), (x - dx - dy * 0.45, y - dy + dx * 0.45), (x - dx + dy * 0.45, y - dy - dx * 0.45)


def _gate(gate: Gate, theme: Theme) -> str:
    colour, width = getattr(theme, gate.role), 3.0 if gate.thick else THIN
    look = f'fill="{theme.operation}" stroke="{colour}" stroke-width="{width}"'
    if gate.width == gate.height:
        shape = f'<circle cx="{gate.x:.2f}" cy="{gate.y:.2f}" r="{gate.width / 2:.2f}" {look}/>'
    else:
        x, y = gate.x - gate.width / 2, gate.y - gate.height / 2
        round_ = min(gate.width, gate.height) / 2
        shape = (
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{gate.width:.2f}" height="{gate.height:.2f}" '
            f'rx="{round_:.2f}" {look}/>'
        )
    label = _text(Text(gate.x, gate.y + SIZE * 0.3, gate.label), theme)
    title = f"<title>{escape(printable(gate.title))}</title>"
    return f'<g id="{gate.id}" class="gate">{title}{shape}{label}</g>'


def _text(text: Text, theme: Theme) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    id_ = f' id="{text.id}"' if text.id else ""
    runs, level = [], 0
    for run in text.line:
        runs.append(_run(run, theme, level))
        level = run.level
    return f'<text{id_} x="{text.x:.2f}" y="{text.y:.2f}"{anchor} xml:space="preserve">{"".join(runs)}</text>'


def _run(run: Run, theme: Theme, before: int) -> str:
    """A piece of text; `before` is the level of the piece before it."""
    look = f' fill="{getattr(theme, run.role)}"'
    if run.italic:
        look += ' font-style="italic"'
    if run.strong:
        look += ' font-weight="bold"'
    if run.level:
        look += f' font-size="{SIZE * SMALLER:g}"'
    if run.level != before:
        look += f' dy="{_shift(run.level) - _shift(before):.2f}"'
    return f"<tspan{look}>{escape(run.text)}</tspan>"


def _shift(level: int) -> float:
    return SIZE * (LOWERED if level < 0 else -RAISED if level > 0 else 0.0)
