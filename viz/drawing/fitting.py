"""How a graph is drawn so that its text can be read where it is seen: folded as little as possible.

The readings of a graph, the finest first, are each drawn in a few looks, the most detailed first, until a picture fits
the area with text that is not too small. Graphviz lays out; what cannot fit is not laid out at all, because its boxes
alone, one below the other along the longest path, are too large.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from ..boxes.dot import digraph
from ..boxes.look import Look, briefest, looks, usual
from ..boxes.rows import rows_of
from ..boxes.sheet import Sheet
from ..circuit.circuit import circuit
from ..circuit.lettering import SIZE
from ..circuit.pinned import pinned
from ..circuit.scene import Scene
from ..common.errors import DrawingError
from ..common.options import Area, DrawOptions
from ..common.words import em_width
from ..graph.snapshot import Graph
from ..graphviz.engines import Digraph, layout
from ..network.columns import SMALL, plans
from ..network.dot import digraph as columns
from ..network.reading import Network

__all__ = ["Picture", "fitted", "has_plan", "scaled"]

PIXELS = 4 / 3  # to a point
GAP = 20  # points between two boxes of a path, at least
LINE = 1.2  # the height of a line in units of its font size
# with a reading of less than a fourth of the boxes, names alone say more than the numbers of the next
TOO_FAR = 4
UNSEEN = 0.5  # what cannot fit was not laid out, and would be larger than its boxes
TAG = re.compile("<[^>]*>")
ENTITY = re.compile("&[^;]*;")


@dataclass(frozen=True)
class Picture:
    """What is drawn: the graph, how, the text for Graphviz, and the SVG if it was laid out to see whether it fits."""

    graph: Graph
    look: Look | None  # of boxes
    dot: Digraph
    svg: bytes | None = None
    scene: Scene | None = None  # of a circuit

    def what(self) -> str:
        """What is drawn, in words, as `69 nodes in 9 boxes`."""
        nodes = f"{self.graph.nodes:,} node{'s' * (self.graph.nodes != 1)}"
        if self.look is None:
            return f"{nodes} as a {'network' if self.scene is None else 'circuit'}"
        boxes = sum(box.kind not in ("more", "chip") for box in self.graph.boxes)
        return f"{nodes} in {boxes:,} boxes" if self.graph.hides else nodes


def fitted(readings: Sequence[Graph], options: DrawOptions, network: Network | None = None) -> Picture:
    """The most detailed picture that fits the area of the options; if none does, the one that needs least room."""
    area = options.area
    if options.style == "circuit":
        return _as_circuit(readings, options)
    if network is not None:
        picture = _in_columns(readings[0], network, options)
        if picture is not None:
            return picture
    if area is None:
        look = usual(readings[0], options)
        return Picture(readings[0], look, digraph(readings[0], options, look))
    closest: tuple[float, Graph, Look] | None = None
    for graph, look in _candidates(readings, options, area):
        text = look.small * PIXELS
        least = _least(graph, options, look)
        scale = _scale(area, *least)
        if text * scale >= area.text:
            dot = digraph(graph, options, look)
            try:
                svg = layout(dot.source, "svg", options.engine)
            except DrawingError:  # there may be no engine; the text for one can be had all the same
                return Picture(graph, look, dot)
            scale = _scale(area, *_size(svg))
            if text * scale >= area.text - 1e-6:
                return Picture(graph, look, dot, svg)
        else:
            scale *= UNSEEN
        if closest is None or text * scale > closest[0]:
            closest = text * scale, graph, look
    assert closest is not None
    _, graph, look = closest
    note = (
        f"text is smaller than {area.text:g} pixels where it is {area.width:g} wide; fit=None draws it larger"
    )
    graph = replace(graph, hides=(*graph.hides, note))
    return Picture(graph, look, digraph(graph, options, look))


def _as_circuit(readings: Sequence[Graph], options: DrawOptions) -> Picture:
    """The circuit of the first reading whose text can be read; of the last one that is no larger if none can."""
    area, best = options.area, None
    for graph in readings:
        scene = circuit(graph, options)
        picture = Picture(graph, None, pinned(scene, options.colours), scene=scene)
        if area is None:
            return picture
        text = scene.size_on(area.width, area.height)
        text = text if area.whole else min(text, SIZE * PIXELS)
        if text >= area.text:
            return picture
        if best is None or text > best[0]:
            best = text, picture
    assert best is not None
    return best[1]


def _in_columns(graph: Graph, network: Network, options: DrawOptions) -> Picture | None:
    """The most detailed picture of a network that fits; `None` if there is none and it was not asked for."""
    area = options.area
    plan, text = None, SMALL * PIXELS
    for plan in plans(network, max(options.digits - 1, 1)):
        if area is None:
            return Picture(graph, None, columns(plan, options))
        if text * _scale(area, plan.width * 0.9 * PIXELS, plan.height * 0.9 * PIXELS) < area.text:
            continue
        dot = columns(plan, options)
        try:
            svg = layout(dot.source, "svg", options.engine)
        except DrawingError:
            return Picture(graph, None, dot)
        if text * _scale(area, *_size(svg)) >= area.text - 1e-6:
            return Picture(graph, None, dot, svg)
    if plan is None or options.style != "network":
        return None
    return Picture(graph, None, columns(plan, options))


def has_plan(network: Network, options: DrawOptions) -> bool:
    """Whether a network fits in columns, as far as that is known before it is laid out."""
    area = options.area
    if area is None or options.style == "network":
        return True
    sizes = (
        (plan.width * PIXELS, plan.height * PIXELS) for plan in plans(network, max(options.digits - 1, 1))
    )
    return any(SMALL * PIXELS * _scale(area, 1.1 * w, 1.1 * h) >= area.text for w, h in sizes)


def scaled(svg: bytes, area: Area) -> bytes:
    """An SVG with the width and the height in pixels at which it fits the area."""
    width, height = _size(svg)
    scale = _scale(area, width, height)
    size = f'width="{width * scale:.0f}" height="{height * scale:.0f}"'.encode()
    return re.sub(rb'(<svg [^>]*?)width="[^"]*" height="[^"]*"', rb"\1" + size, svg, count=1)


def _scale(area: Area, width: float, height: float) -> float:
    """By how much a picture of this size in pixels is scaled to fit the area; a notebook and a page enlarge nothing."""
    scale = min(area.width / max(width, 1), area.height / max(height, 1))
    return scale if area.whole else min(scale, 1.0)


def _candidates(readings: Sequence[Graph], options: DrawOptions, area: Area) -> Iterator[tuple[Graph, Look]]:
    small = 12 if area.whole else 11
    late: list[tuple[Graph, Look]] = []
    for graph, following in zip_longest(readings, readings[1:]):
        terse = area.whole and graph.findings is not None
        for look in looks(graph, options, small):
            yield graph, replace(look, terse=terse)
        last = [(graph, replace(look, terse=terse)) for look in briefest(graph, options, small)]
        far = following is not None and len(following.boxes) * TOO_FAR < len(graph.boxes)
        # by how much each box changed says more than the numbers of fewer
        if far or graph.findings is not None:
            yield from last
        else:
            late += last
    yield from late


def _size(svg: bytes) -> tuple[float, float]:
    """Width and height in pixels of an SVG as Graphviz writes it."""
    found = re.search(rb'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert found is not None
    return float(found[1]) * PIXELS, float(found[2]) * PIXELS


def _least(graph: Graph, options: DrawOptions, look: Look) -> tuple[float, float]:
    """Width and height in pixels that the boxes along the longest path need at least."""
    sheet = Sheet(graph, options, look)
    down = look.direction == "TB"
    along = {}
    across = 0.0
    for box in graph.boxes:
        rows = [ENTITY.sub("x", TAG.sub("", row)) for row in rows_of(sheet, box)]
        width = max((0.7 * em_width(row) * look.small for row in rows), default=10)
        height = len(rows) * LINE * look.small
        along[box.id] = height if down else width
        across = max(across, width if down else height)
    longest: dict[str, float] = {}
    inputs: dict[str, list[str]] = {}
    for edge in graph.edges:
        inputs.setdefault(edge.head, []).append(edge.tail)
    for box in graph.boxes:
        before = (longest.get(tail, 0.0) + GAP for tail in inputs.get(box.id, ()))
        longest[box.id] = along[box.id] + max(before, default=0.0)
    far = max(longest.values(), default=0.0) * PIXELS
    return (across * PIXELS, far) if down else (far, across * PIXELS)
