"""The circuit of a graph: wires and gates, as lecturers draw them by hand; values above the wires, gradients below.

`circuit` places it; `fitted` and `scene_of` are its two halves, between which a picture of a step changes the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..common.options import DrawOptions
from ..graph.snapshot import Graph
from .lettering import SIZE, SMALLER, upright, width_of
from .parts import Part, joined, parts_of
from .placing import CLEAR, DENSE, LINE, LOW, MARGIN, NAMED, ROOMY, USUAL, Placement, place
from .scene import SLIDE, Gate, Point, Scene, Text, Wire

__all__ = ["circuit", "fitted", "scene_of", "sums_within"]

LEAST = 18.0  # points of text on it
MANY = 150  # wires; so many are never large enough, and a layout takes long
WORTH = 0.7  # of the size that is possible; for less, a digit and sums are left out though it is not enough


def circuit(graph: Graph, options: DrawOptions) -> Scene:
    """The circuit of a graph, placed in points."""
    _, parts, placement = fitted(partial(parts_of, graph, options), options)
    scene = scene_of(parts, placement)
    lines, size = [*graph.hides, *sums_within(parts)], scene.size_on(*SLIDE)
    if size < LEAST:
        fewer = max(int(len(parts) * size / LEAST), 3)
        depth = "depth=0 or " if graph.cluster.inner else ""
        lines.append(f"text of {size:.0f} pt on a 16:9 slide: {depth}max_nodes={fewer} shows less")
    return with_lines(scene, lines)


def sums_within(parts: Sequence[Part]) -> list[str]:
    """What is said of sums that have no gate of their own."""
    within = sum(part.within for part in parts)
    return [f"{within} sum{'s stand' if within > 1 else ' stands'} in the gate of the next sum"] * bool(
        within
    )


def fitted(
    parts: Callable[[int], Sequence[Part]], options: DrawOptions, area: Point = SLIDE
) -> tuple[int, Sequence[Part], Placement]:
    """The parts and their places, so close together that their text can be read on a slide, if that is possible.

    `parts` makes them with a number of digits, which is returned too. What is tried: little space, one digit less,
    sums within sums. Where nothing is enough, all is shown with little space, unless that is much smaller.
    """
    digits = options.digits
    fewer = max(digits - 1, min(digits, 3))
    full, short = parts(digits), parts(fewer)
    tries = [
        (digits, full, ROOMY),
        (digits, full, USUAL),
        (digits, full, DENSE),
        (fewer, short, DENSE),
        (digits, joined(full), DENSE),
        (fewer, joined(short), DENSE),
    ]
    if len(full) > MANY:
        return digits, full, place(full, DENSE, options.engine)
    found = []
    for count, shown, spacing in tries:
        placement = place(shown, spacing, options.engine)
        if spacing is DENSE and area[1] / placement.height < min(area[0] / placement.width, LEAST / SIZE):
            placement = place(shown, LOW, options.engine)
        size = SIZE * min(area[0] / placement.width, area[1] / placement.height)
        found.append((size, (count, shown, placement)))
        least = LEAST if spacing is DENSE else LEAST / SMALLER  # with much space, for subscripts as well
        if size >= least:
            return found[-1][1]
    best, whole = max(found, key=lambda each: each[0]), found[2]
    return (whole if whole[0] > WORTH * best[0] else best)[1]


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
