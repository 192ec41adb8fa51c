"""The snapshot that a page is made of, as plain data: the graph inside each module, and the facts of each part."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..graph.snapshot import Box, Graph
from .numbers import Numbers

__all__ = ["Entry", "Explored", "Level"]


@dataclass
class Entry:
    """What is known of a part: its box, the numbers of its arrays, and the parts that it is connected with.

    Attributes:
        box: as it is drawn where the part is closed; its id is "n5" for part 5.
        within: the part around it.
        opens: whether there is a picture of its inside.
        leaves: whether it is a group of leaves, which is opened by itself only.
        value, gradient: the elements of its arrays; of a stack, one for each node.
        inputs, uses: the parts that it is computed from and those that use it.
    """

    box: Box
    within: int
    opens: bool
    leaves: bool = False
    value: Numbers | None = None
    gradient: Numbers | None = None
    inputs: list[int] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Level:
    """The picture inside a part: a graph of the boxes of its parts, and for each mark in it the parts it leads to."""

    part: int
    graph: Graph
    leads: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Explored:
    """A graph as a page shows it; it holds numbers and text, and no nodes.

    Attributes:
        entries: of all parts in the pictures, except part 0, the whole graph.
        levels: the pictures, that of the whole graph first.
        nodes: how many nodes the recorded graph has.
        start: the part to begin at; 0 if none was asked for.
    """

    entries: dict[int, Entry]
    levels: list[Level]
    nodes: int
    start: int = 0

    def limited(self, most_boxes: int, most_numbers: int) -> Explored:
        """The outer pictures of it, at most so many boxes in all, with at most so many numbers of each array."""
        kept: list[Level] = []
        boxes = 0
        inside = {0}  # the parts whose inside is drawn
        for level in self.levels:
            boxes += len(level.graph.boxes)
            if not kept or (boxes <= most_boxes and self.entries[level.part].within in inside):
                kept.append(level)
                inside.add(level.part)
        entries = {
            i: replace(
                entry,
                opens=i in inside,
                value=entry.value and entry.value.limited(most_numbers),
                gradient=entry.gradient and entry.gradient.limited(most_numbers),
            )
            for i, entry in self.entries.items()
            if entry.within in inside
        }
        return Explored(entries, kept, self.nodes, self.start if self.start in entries else 0)
