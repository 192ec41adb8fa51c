"""Where the parts of a circuit stand: Graphviz lays them out as boxes, each a gate with the wire that leaves it.

The wires are those of Graphviz too; their last points are moved from the edge of the box to the edge of the gate.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..graphviz.engines import layout
from .lettering import SIZE, width_of
from .parts import Part
from .scene import Point

__all__ = ["DENSE", "LOW", "ROOMY", "USUAL", "Placed", "Placement", "Spacing", "place"]

RADIUS = 15.0  # points, of a gate with a sign in it
PADDING = 5.0  # points between a label and the edge of its gate
CLEAR = 5.0  # points between a wire and what is written above it
NAMED = 5.0  # points between a wire and the name at its end
FAN = 4.0  # points for each wire that branches off, after the second
LEVEL = 2.0  # points; a wire that leads less far up or down is straight
PORT = 11  # points from one wire of a gate to the next
LINE = 23.0  # points from one line of text to the next
MARGIN = 5.0  # points around the picture
TURN = 36.0  # points in which a wire turns into a gate
STEEPEST = 42.0  # degrees, from where a wire reaches a circle


@dataclass(frozen=True)
class Spacing:
    """Points before and after a number on its wire, from one column of gates to the next, and from a part to the next.

    The last is the distance between a gradient and the value below it, which belong to different wires.
    """

    around: float
    aside: float
    between: float


ROOMY, USUAL = Spacing(6.0, 30.0, 18.0), Spacing(4.0, 18.0, 16.0)
DENSE, LOW = Spacing(1.5, 8.0, 14.0), Spacing(1.5, 8.0, 4.0)


@dataclass(frozen=True)
class Placed:
    """Where a part stands: the middle of its wire's height, where the wire begins and ends, and its gate.

    Attributes:
        y: the height of the wire.
        left, right: where its box begins and ends.
        start, end: where the wire begins, and where it branches off.
        gate: width and height of the gate, 0 for a leaf.
    """

    y: float
    left: float
    right: float
    start: float
    end: float
    gate: tuple[float, float]


@dataclass(frozen=True)
class Placement:
    """Where everything stands, in points from the upper left corner, y downwards."""

    width: float
    height: float
    parts: Mapping[str, Placed]
    wires: Mapping[str, tuple[Point, ...]]


def place(parts: Sequence[Part], spacing: Spacing, engine: str = "auto") -> Placement:
    """Lay out the parts of a circuit. Raises `DrawingError` if no engine can."""
    uses = Counter(x.tail for part in parts for x in part.inputs)
    sizes = {part.id: _Size(part, spacing, uses[part.id]) for part in parts}
    answer = json.loads(layout(_source(parts, sizes, spacing), "json0", engine))
    columns = _leaves_out_of_order(parts, answer)
    if columns:
        answer = json.loads(layout(_source(parts, sizes, spacing, columns), "json0", engine))
    left, bottom, right, top = map(float, answer["bb"].split(","))
    at = _positions(answer)
    placed = {}
    for part in parts:
        size = sizes[part.id]
        x, y = at[part.id][0] - size.width / 2 - left + MARGIN, top - at[part.id][1] + MARGIN
        start = x + size.head
        placed[part.id] = Placed(y, x, x + size.width, start, start + size.wire, size.gate)
    wires = {}
    for edge in answer.get("edges", ()):
        if "id" not in edge:
            continue  # it keeps leaves in order
        curve = [_point(pair) for pair in edge["pos"].split()]
        wires[edge["id"]] = tuple((x - left + MARGIN, top - y + MARGIN) for x, y in curve)
    return Placement(
        right - left + 2 * MARGIN, top - bottom + 2 * MARGIN, placed, _attached(parts, placed, wires)
    )


class _Size:
    """The size of a part: of its gate, of what stands before its wire, and of the wire."""

    def __init__(self, part: Part, spacing: Spacing, uses: int) -> None:
        self.gate = gate_size(part)
        name = width_of(part.name)
        self.head = self.gate[0] if part.gate else name + NAMED * bool(name)
        self.wire = max(part.room, 12.0) + 2 * spacing.around
        self.tail = name + NAMED if part.output and name else FAN * min(max(uses - 2, 0), 6)
        self.width = math.ceil(self.head + self.wire + self.tail)
        above = CLEAR + SIZE * 0.75 + LINE * bool(part.over)
        self.height = math.ceil(max(self.gate[1], 2 * above))


def gate_size(part: Part) -> tuple[float, float]:
    """Width and height of a gate: a circle where its label fits into a small one."""
    if not part.gate:
        return (0.0, 0.0)
    needed = width_of(part.gate) + 2 * PADDING
    height = max(2 * RADIUS, PORT * len(part.inputs))
    if height == 2 * RADIUS and needed <= 3.2 * RADIUS:
        round_ = max(2 * RADIUS, needed)
        return (round_, round_)
    return (max(2 * RADIUS, needed), height)


def _positions(answer: Mapping[str, Any]) -> dict[str, Point]:
    """The middle of each box."""
    return {each["name"]: _point(each["pos"]) for each in answer.get("objects", ()) if "pos" in each}


def _leaves_out_of_order(parts: Sequence[Part], answer: Mapping[str, Any]) -> list[list[str]]:
    """The columns of leaves, if any of them is not in the order in which the leaves are used first."""
    at = _positions(answer)
    columns: dict[float, list[str]] = {}
    leaves = {part.id for part in parts if not part.gate}
    for id in dict.fromkeys(x.tail for part in parts for x in part.inputs):
        if id in leaves:
            columns.setdefault(at[id][0], []).append(id)
    several = [ids for ids in columns.values() if len(ids) > 1]
    return several if any(sorted(ids, key=lambda id: -at[id][1]) != ids for ids in several) else []


def _source(
    parts: Sequence[Part],
    sizes: Mapping[str, _Size],
    spacing: Spacing,
    columns: Sequence[Sequence[str]] = (),
) -> str:
    """The boxes and the wires between them in DOT; gates whose inputs have an order have a port for each.

    `columns` are leaves that stand in one column, from the top.
    """
    gaps = f'nodesep="{spacing.between / 72:.3f}", ranksep="{spacing.aside / 72:.3f}"'
    lines = [
        "digraph {",
        f'graph [rankdir="LR", {gaps}, ordering="{"" if columns else "in"}"]',
        'node [shape="plain"]',
        'edge [arrowhead="none", tailport="e"]',
    ]
    ports = {part.id: part.ordered and len(part.inputs) > 1 for part in parts}
    for part in parts:
        size = sizes[part.id]
        rows = [("p0", size.height)]
        if ports[part.id]:
            beside = math.ceil((size.height - PORT * len(part.inputs)) / 2)
            rows = [("above", beside), *((f"p{i}", PORT) for i in range(len(part.inputs))), ("below", beside)]
        cells = "".join(
            f'<TR><TD PORT="{port}" FIXEDSIZE="TRUE" WIDTH="{size.width}" HEIGHT="{height}"></TD></TR>'
            for port, height in rows
            if height > 0
        )
        lines.append(
            f'{part.id} [label=<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">{cells}</TABLE>>]'
        )
    for part in parts:
        for i, x in enumerate(part.inputs):
            port = f"p{i}:w" if ports[part.id] else "p0:w"
            lines.append(f'{x.tail} -> {part.id}:{port} [id="{x.id}"]')
    for ids in columns:
        lines += [f'{{rank="same"; {" -> ".join(ids)} [style="invis", tailport="_"]}}']
    return "\n".join([*lines, "}"])


def _point(pair: str) -> Point:
    x, y = pair.split(",")
    return float(x), float(y)


def _attached(
    parts: Sequence[Part], placed: Mapping[str, Placed], wires: Mapping[str, tuple[Point, ...]]
) -> dict[str, tuple[Point, ...]]:
    """The wires with their ends at the edges of the gates, one below the other, in the order in which they arrive."""
    moved: dict[str, tuple[Point, ...]] = {}
    for part in parts:
        order = list(part.inputs)
        if not part.ordered:
            order.sort(key=lambda x: wires[x.id][-4][1])
        for k, x in enumerate(order):
            *before, control, _ = wires[x.id]
            start = placed[x.tail]
            end = _edge_of(placed[part.id], k, len(order))
            if abs(end[1] - start.y) < LEVEL:
                end = (end[0], start.y)  # Graphviz rounds
            before[0] = (start.end, start.y)
            if len(before) == 2:  # from one column to the next
                half = (end[0] - start.end) * 0.6
                moved[x.id] = (before[0], (start.end + half, start.y), (end[0] - half, end[1]), end)
            else:
                moved[x.id] = _led((*before, control, wires[x.id][-1]), end)
    return moved


def _led(curve: tuple[Point, ...], end: Point) -> tuple[Point, ...]:
    """A wire of several curves that arrives horizontally at `end`, without a sharp turn before it."""
    if end[0] - curve[-4][0] >= TURN or len(curve) < 7:
        return (*curve[:-2], (min(curve[-2][0], end[0] - TURN / 3), end[1]), end)
    a, b, c, d = curve[-7:-3]
    t = next(k / 16 for k in range(15, -1, -1) if _on(a, b, c, d, k / 16)[0] <= end[0] - TURN or not k)
    ab, bc, cd = _between(a, b, t), _between(b, c, t), _between(c, d, t)
    abc, bcd = _between(ab, bc, t), _between(bc, cd, t)
    middle = _between(abc, bcd, t)
    reach = (end[0] - middle[0]) / 2
    slope = (bcd[1] - middle[1]) / ((bcd[0] - middle[0]) or 1.0)
    leaves = (middle[0] + reach * 0.8, middle[1] + slope * reach * 0.8)
    return (*curve[:-7], a, ab, abc, middle, leaves, (end[0] - reach, end[1]), end)


def _between(p: Point, q: Point, t: float) -> Point:
    return p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t


def _on(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    """A point of a Bézier curve."""
    ab, bc, cd = _between(a, b, t), _between(b, c, t), _between(c, d, t)
    return _between(_between(ab, bc, t), _between(bc, cd, t), t)


def _edge_of(part: Placed, k: int, count: int) -> Point:
    """The point on the left edge of a gate that wire `k` of `count` leads to."""
    width, height = part.gate
    if width == height:
        angle = math.radians(STEEPEST) * (2 * k / (count - 1) - 1) if count > 1 else 0.0
        return part.left + width / 2 * (1 - math.cos(angle)), part.y + height / 2 * math.sin(angle)
    radius = min(width, height) / 2
    y = (k + 0.5 - count / 2) * PORT if count > 1 else 0.0
    beyond = max(abs(y) - (height / 2 - radius), 0.0)
    return part.left + radius - math.sqrt(max(radius**2 - beyond**2, 0.0)), part.y + y
