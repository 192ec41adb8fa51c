"""A circuit placed on the paper: gates, wires and texts, in points from the upper left corner, y downwards.

What is written from it, SVG, DOT or TikZ, shows the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .lettering import SIZE, Line

__all__ = ["SLIDE", "Gate", "Point", "Scene", "Text", "Wire"]

SLIDE = (960.0, 540.0)  # points, 16:9

Point = tuple[float, float]


@dataclass(frozen=True)
class Gate:
    """An operation: a circle, or a shape with round ends where its label or its inputs need more room.

    Attributes:
        id, title: of the operation, and what a tooltip says.
        x, y, width, height: its centre and its size.
        label: what is written in it.
        role: the colour of its outline, a field of `Theme`.
        thick: whether it is marked.
    """

    id: str
    title: str
    x: float
    y: float
    width: float
    height: float
    label: Line
    role: str = "text"
    thick: bool = False


@dataclass(frozen=True)
class Wire:
    """A wire: its first point, then three points for each cubic Bézier curve.

    Attributes:
        id: "n3in0" for the first input of "n3", "n3out" for the wire that leaves it.
        tail, head: what it connects, the ids of gates and of the ends of wires.
        points: the points.
        role: its colour, a field of `Theme`.
        thick: whether it is marked.
        dashed: whether no gradient flows along it.
        arrow: the point of an arrowhead at its "start" or its "end", otherwise empty.
    """

    id: str
    tail: str
    head: str
    points: tuple[Point, ...]
    role: str = "text"
    thick: bool = False
    dashed: bool = False
    arrow: str = ""


@dataclass(frozen=True)
class Text:
    """A line of text.

    Attributes:
        x, y: where it is anchored, on its base line.
        line: its runs.
        anchor: which part of it stands there: "start", "middle" or "end".
        id: of the box that it belongs to, with what it is: "n3value".
    """

    x: float
    y: float
    line: Line
    anchor: str = "middle"
    id: str = ""


@dataclass(frozen=True)
class Scene:
    """A whole picture."""

    width: float
    height: float
    wires: Sequence[Wire] = field(default_factory=tuple)
    gates: Sequence[Gate] = field(default_factory=tuple)
    texts: Sequence[Text] = field(default_factory=tuple)

    def size_on(self, width: float, height: float) -> float:
        """The size of its text, subscripts aside, where it is fitted into an area; both in one unit.

        >>> Scene(960.0, 300.0).size_on(480, 270)
        10.0
        """
        return SIZE * min(width / self.width, height / self.height)
