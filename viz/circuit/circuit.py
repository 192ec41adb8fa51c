"""The circuit of a graph: wires and gates, as lecturers draw them by hand; values above the wires, gradients below.

`circuit` places it; `marked` is the same picture with other numbers and with gates and wires marked, for steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..common.options import DrawOptions
from ..graph.snapshot import Graph
from .lettering import SIZE, upright, width_of
from .parts import Part, joined, parts_of
from .placing import CLEAR, DENSE, LINE, MARGIN, NAMED, ROOMY, Placement, place
from .scene import Gate, Point, Scene, Text, Wire

__all__ = ["circuit", "scene_of"]

SLIDE = (960.0, 540.0)  # points, 16:9
LEAST = 18.0  # points of text on it


def circuit(graph: Graph, options: DrawOptions) -> Scene:
    """The circuit of a graph, placed in points."""
    parts, placement = fitted(partial(parts_of, graph, options), options)
    within = sum(part.within for part in parts)
    sums = f"{within} sum{'s stand' if within > 1 else ' stands'} in the gate of the next sum"
    return with_lines(scene_of(parts, placement), [*graph.hides, *[sums] * bool(within)])


def fitted(
    parts: Callable[[int], Sequence[Part]], options: DrawOptions, area: Point = SLIDE
) -> tuple[Sequence[Part], Placement]:
    """The parts and their places, so close together that their text can be read on a slide, if that is possible.

    `parts` makes them with a number of digits. What is tried: little space, one digit less, sums within sums.
    """
    full, fewer = parts(options.digits), parts(max(options.digits - 1, min(options.digits, 3)))
    for shown, spacing in (
        (full, ROOMY),
        (full, DENSE),
        (fewer, DENSE),
        (joined(full), DENSE),
        (joined(fewer), DENSE),
    ):
        placement = place(shown, spacing, options.engine)
        if min(area[0] / placement.width, area[1] / placement.height) * SIZE >= LEAST:
            return shown, placement
    return full, place(full, DENSE, options.engine)


def scene_of(parts: Sequence[Part], placement: Placement) -> Scene:
    """The picture of parts that are placed."""
    wires, gates, texts = [], [], []
    for part in parts:
        at = placement.parts[part.id]
        for x in part.inputs:
            role = "text" if x.flows else "muted"
            wires.append(Wire(x.id, x.tail, part.operation, placement.wires[x.id], role, dashed=not x.flows))
        step = (at.end - at.start) / 3
        straight = tuple((at.start + k * step, at.y) for k in range(4))
        begin, role = part.operation or f"{part.id}begin", "text" if part.flows else "muted"
        wires.append(Wire(f"{part.id}out", begin, part.id, straight, role, dashed=not part.flows))
        middle = (at.start + at.end) / 2
        if part.gate:
            gates.append(
                Gate(part.operation, part.title, at.start - at.gate[0] / 2, at.y, *at.gate, part.gate)
            )
        elif part.name:
            texts.append(Text(at.start - NAMED, at.y + SIZE * 0.3, part.name, "end", f"{part.id}name"))
        if part.output and part.name:
            texts.append(Text(at.end + NAMED, at.y + SIZE * 0.3, part.name, "start", f"{part.id}name"))
        texts.append(Text(middle, at.y - CLEAR - LINE, part.over, id=f"{part.id}shape"))
        texts.append(Text(middle, at.y - CLEAR, part.above, id=f"{part.id}value"))
        texts.append(Text(middle, at.y + CLEAR + SIZE * 0.68, part.below, id=f"{part.id}gradient"))
    shown = [text for text in texts if text.line]
    return Scene(placement.width, placement.height, wires, gates, shown)


def with_lines(scene: Scene, lines: Sequence[str]) -> Scene:
    """The picture with lines of text below it, which say what it does not show."""
    if not lines:
        return scene
    texts, width, y = list(scene.texts), scene.width, scene.height
    for words in lines:
        line = upright(words, "muted")
        y += SIZE * 1.3
        texts.append(Text(MARGIN, y, line, "start"))
        width = max(width, width_of(line) + 2 * MARGIN)
    return replace(scene, width=width, height=y + SIZE * 0.5, texts=texts)
