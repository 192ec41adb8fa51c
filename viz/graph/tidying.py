"""What makes a snapshot easier to read and changes no number: powers, long lists of inputs, repeated weights.

`x ** 2` is one operation `x²`, without a box for the 2. Of many inputs of one box the first are drawn and the others
counted. A weight used at every step of a sequence is repeated as a small chip where it is used.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from ..common.notation import POWER
from .snapshot import VARIOUS, Box, Edge

__all__ = ["Parts", "chips", "first_inputs", "powers"]

MOST_INPUTS, KEPT = 12, 5  # boxes that lead to one box; with more, so many are kept
FEWEST_USES = 3  # of a weight that is repeated as a chip


@dataclass
class Parts:
    """The parts of a snapshot: boxes in dependency order, the clusters around each, edges, and what became of boxes.

    `gone` holds, for the id of each box that is not drawn any more, the id of the box that stands for it; empty if
    none does. `notes` say in words what else is not drawn.
    """

    boxes: list[Box]
    places: list[tuple[str, ...]]
    edges: list[Edge]
    gone: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def without(self, gone: dict[str, str]) -> None:
        """Take boxes away, with their edges."""
        self.gone |= gone
        kept = [i for i, box in enumerate(self.boxes) if box.id not in gone]
        self.boxes = [self.boxes[i] for i in kept]
        self.places = [self.places[i] for i in kept]
        self.edges = [edge for edge in self.edges if edge.tail not in gone and edge.head not in gone]


def powers(parts: Parts) -> None:
    """A constant exponent is written in the sign of its operation, `x²` or `x⁻¹`, and has no box."""
    boxes = {box.id: box for box in parts.boxes}
    uses = Counter(edge.tail for edge in parts.edges)
    inputs: dict[str, list[str]] = {}
    for edge in parts.edges:
        inputs.setdefault(edge.head, []).append(edge.tail)
    gone: dict[str, str] = {}
    for place, box in enumerate(parts.boxes):
        op, tails = box.operation, inputs.get(box.id, [])
        if op is None or op.name != "power" or len(tails) != 2 or op.mark == POWER:
            continue
        exponent = boxes[tails[1]]
        if exponent.label == VARIOUS:
            parts.boxes[place] = replace(box, operation=replace(op, mark=POWER))
        elif uses[exponent.id] == 1 and exponent.kind == "constant":
            parts.boxes[place] = replace(box, operation=replace(op, arity=1))
            gone[exponent.id] = box.id
    parts.without(gone)


def first_inputs(parts: Parts) -> None:
    """Of more than a dozen boxes that lead to one box, and to no other, the first ones stay; the others are counted."""
    heads: dict[str, set[str]] = {}
    tails: dict[str, dict[str, None]] = {}
    for edge in parts.edges:
        heads.setdefault(edge.tail, set()).add(edge.head)
        tails.setdefault(edge.head, {})[edge.tail] = None
    order = {box.id: i for i, box in enumerate(parts.boxes)}
    for box in list(parts.boxes)[::-1]:
        own = [tail for tail in tails.get(box.id, ()) if heads[tail] == {box.id}]
        if box.id in parts.gone or len(own) <= MOST_INPUTS:
            continue
        gone = dict.fromkeys(own[KEPT:], "")
        for each in reversed(parts.boxes[: order[box.id]]):  # what only these are computed from goes as well
            if heads.get(each.id) and heads[each.id] <= gone.keys():
                gone[each.id] = ""
        place = parts.places[[each.id for each in parts.boxes].index(box.id)]
        copies = {each.id: each.copies for each in parts.boxes}
        # a mark that was there counts for what it stands for
        hidden = sum(copies[tail] for tail in own[KEPT:])
        mark = Box(f"more{order[box.id]}", "more", f"… {hidden:,} more inputs", copies=hidden)
        parts.without(gone)
        parts.boxes.append(mark)
        parts.places.append(place)
        parts.edges.append(Edge(f"{mark.id}edge", mark.id, box.id, flows=False))


def chips(parts: Parts) -> None:
    """A weight of a sequence has its box at its first use, and a chip with its name at each of the others."""
    boxes = {box.id: (i, box) for i, box in enumerate(parts.boxes)}
    users: dict[str, dict[str, None]] = {}
    for edge in parts.edges:
        users.setdefault(edge.tail, {})[edge.head] = None
    chip: dict[tuple[str, str], str] = {}
    for id, heads in users.items():
        _, box = boxes[id]
        if box.kind != "parameter" or not box.tensor or len(heads) < FEWEST_USES:
            continue
        for k, head in enumerate(list(heads)[1:], 1):
            chip[id, head] = f"{id}chip{k}"
            parts.boxes.append(Box(f"{id}chip{k}", "chip", box.label, named=True))
            parts.places.append(parts.places[boxes[head][0]])
    if chip:
        parts.edges = [
            replace(edge, tail=chip.get((edge.tail, edge.head), edge.tail)) for edge in parts.edges
        ]
        parts.notes.append("a weight that is used several times is repeated by its name")
