"""What enters and leaves the picture of a module: a mark at each box that is connected with boxes elsewhere.

A click on a mark leads to these boxes, which may be closed in other modules. A few are named one by one; of many, those
that are used by the same boxes share a mark; and if these are many still, each box has one mark for all its inputs, and
uses have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..common.words import shorten
from ..graph.snapshot import Box, Edge

__all__ = ["Crossing", "Mark", "marks"]

SINGLY = 6  # so many are named one by one
NAMED = 3  # so many names stand on one mark
LONGEST = 18  # characters of a name


@dataclass(frozen=True)
class Crossing:
    """An edge between a box of the picture and a part elsewhere; `position` says which input of its head it is."""

    part: int
    box: str
    position: int


@dataclass(frozen=True)
class Mark:
    """A mark: its box, the parts elsewhere that it stands for, and its edges, each with its position at its head."""

    box: Box
    parts: tuple[int, ...]
    edges: tuple[tuple[Edge, int], ...]
    enters: bool


def marks(
    level: int,
    entering: Sequence[Crossing],
    leaving: Sequence[Crossing],
    known: Mapping[int, Box],
    boxes: int,
) -> Iterator[Mark]:
    """The marks of a level of so many `boxes`; `known` has the boxes of the parts elsewhere."""
    count = 0
    for crossings, enters in ((entering, True), (leaving, False)):
        for others, here in _together(crossings, boxes, enters):
            id = f"m{level}_{count}"
            ends = [((id, b) if enters else (b, id), position) for b, position in here.items()]
            edges = [(Edge(f"{id}e{i}", *end, flows=False), at) for i, (end, at) in enumerate(ends)]
            names = [shorten(known[part].label.partition(":")[0], LONGEST) for part in others[:NAMED]]
            text = (
                ", ".join(names)
                if len(others) <= NAMED
                else f"{len(others):,} {'inputs' if enters else 'uses'}"
            )
            # whose shape stands at an operation
            one = known[others[0]] if len(others) == 1 and enters else None
            box = Box(
                id,
                "more",
                text if enters else f"→ {text}",
                value=None if one is None else one.value,
                tensor=one is not None and one.tensor,
            )
            yield Mark(box, tuple(others), tuple(edges), enters)
            count += 1


def _together(
    crossings: Sequence[Crossing], boxes: int, enters: bool
) -> Iterator[tuple[list[int], dict[str, int]]]:
    """The parts elsewhere that share a mark, and the boxes here that it is connected with, each with a position."""
    here: dict[int, dict[str, int]] = {}
    elsewhere: dict[str, dict[int, int]] = {}
    for each in crossings:
        here.setdefault(each.part, {}).setdefault(each.box, each.position)
        elsewhere.setdefault(each.box, {}).setdefault(each.part, each.position)
    alike: dict[tuple[str, ...], list[int]] = {}
    for part, ends in here.items():
        alike.setdefault(tuple(ends), []).append(part)
    if len(here) <= SINGLY:
        yield from (([part], ends) for part, ends in here.items())
    elif len(alike) <= max(SINGLY, boxes // 2):
        yield from ((parts, here[parts[0]]) for parts in alike.values())
    elif enters:
        yield from (([*parts], {b: min(parts.values())}) for b, parts in elsewhere.items())
