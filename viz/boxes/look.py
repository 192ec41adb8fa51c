"""How much of each box and edge is shown, and in which direction the graph is drawn.

A `Look` changes nothing of what is in the graph; the looks of `looks` show less and less, so that a picture can be made
small enough for its text to be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..common.options import DrawOptions
from ..graph.snapshot import Graph

__all__ = ["Look", "briefest", "looks", "usual"]

MANY = 60  # boxes; in a drawing of more, an operation is drawn inside the box of its result


@dataclass(frozen=True)
class Look:
    """How a graph is drawn.

    Attributes:
        direction: "LR" or "TB".
        apart: whether operations have shapes of their own; otherwise they stand in the box of their result.
        local: whether edges say what happens to a gradient.
        ranges: whether boxes of arrays show ranges and patterns.
        numbers: whether boxes of arrays show numbers at all.
        beside: whether a gradient stands beside the value, instead of below.
        small: the size in points of the less important text.
        terse: whether of a difference only what is most important is said in words.
    """

    direction: str = "LR"
    apart: bool = True
    local: bool = True
    ranges: bool = True
    numbers: bool = True
    beside: bool = False
    small: int = 11
    terse: bool = False

    def leaves_out(self) -> str:
        """What it does not show, in words; empty if it shows all."""
        if not self.numbers:
            return "the numbers of arrays and local gradients are not drawn"
        return "" if self.local else "local gradients are not drawn"


def usual(graph: Graph, options: DrawOptions) -> Look:
    """The look of a picture that may have any size."""
    return Look(options.direction or "LR", len(graph.boxes) <= MANY)


def looks(graph: Graph, options: DrawOptions, small: int) -> Iterator[Look]:
    """The looks that are tried, the most detailed first."""
    arrays = any(box.tensor for box in graph.boxes)
    ways = [options.direction] if options.direction else ["TB", "LR"] if arrays else ["LR", "TB"]
    for local in (True, False):
        for way in ways:
            for apart, ranges in (
                ((True, True), (False, True), (False, False)) if local else ((False, False),)
            ):
                if (apart and len(graph.boxes) > MANY) or (local and not ranges and not arrays):
                    continue
                # numbers of arrays are long: side by side they need less height, one below the other less width
                besides = [True, False] if arrays and not ranges else [(arrays and way == "TB") or not local]
                for beside in besides:
                    yield Look(way, apart, local, ranges, True, beside, small)


def briefest(graph: Graph, options: DrawOptions, small: int) -> Iterator[Look]:
    """The last looks: names, shapes, and of numbers only those of Values."""
    for way in [options.direction] if options.direction else ["TB", "LR"]:
        yield Look(way, False, False, False, False, True, small)
