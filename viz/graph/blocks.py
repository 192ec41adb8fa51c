"""The blocks of a partition in the order in which they are drawn, with what boxes and edges need to know of them."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

import numpy as np

from ...autograd import Node, Tape
from ..folding.outline import Outline, Partition
from ..folding.stacking import SYMMETRIC
from ..folding.titles import span

__all__ = ["Blocks", "visible"]


class Blocks:
    """The blocks that become boxes.

    Attributes:
        tape, outline, partition: the graph, and its division.
        titles: the roots that were asked for, with the keys that lead to them.
        order: the numbers of the drawn blocks, in dependency order.
        ids: the id of the box of each block.
        members: the nodes of each block.
        exits: for each node, whether it is used outside its block or was asked for.
        tails, heads: for each edge of the graph the blocks of its two ends.
        position: for each edge of the graph which input of its head it is.
    """

    def __init__(
        self, tape: Tape, titles: Mapping[Node, str | None], outline: Outline, partition: Partition
    ) -> None:
        self.tape = tape
        self.titles = titles
        self.outline = outline
        self.partition = partition
        block = partition.block
        self.order = _in_order(outline, partition)
        self.ids = {b: f"n{i}" for i, b in enumerate(self.order)}
        by_block = np.argsort(block, kind="stable")
        first, last = (np.searchsorted(block[by_block], self.order, side) for side in ("left", "right"))
        self.members = {b: by_block[i:j] for b, i, j in zip(self.order, first, last)}
        self.tails, self.heads = block[outline.tails], block[outline.heads]
        starts = np.searchsorted(outline.heads, np.arange(len(outline)))
        self.position = np.arange(len(outline.heads)) - starts[outline.heads]
        self.exits = np.zeros(len(outline), bool)
        self.exits[outline.tails[self.tails != self.heads]] = True
        self.exits[outline.outputs] = True

    def label(self, i: int) -> str:
        """The label of a node."""
        return visible(self.titles.get(self.tape.nodes[i]) or self.tape.labels[i])

    def is_named(self, i: int) -> bool:
        """Whether the label of a node is a name that the user gave."""
        node = self.tape.nodes[i]
        return node.name is not None or self.titles.get(node) is not None

    def is_compound(self, b: int) -> bool:
        """Whether a block is a closed scope or a run of operations."""
        return b in self.partition.closed or b in self.partition.runs

    def has_distinct_inputs(self, b: int) -> bool:
        """Whether the position of an input matters, as it does in a product and does not in a long sum."""
        members = self.members[b]
        op = self.tape.nodes[members[0]].op
        return (
            not self.is_compound(b)
            and (op is None or op.name not in SYMMETRIC)
            and len(members) == self.exits[members].sum()
        )

    def place(self, b: int) -> tuple[str, ...]:
        """The titles of the clusters around a box; clusters that are alike have one title."""
        closed = self.partition.closed.get(b)
        paths = dict.fromkeys(
            self.outline.paths[i] for i in dict.fromkeys(self.outline.place[self.members[b]].tolist())
        )
        if closed is not None:
            paths = dict.fromkeys(path[: closed - 1] for path in paths)
        titles = [visible(span(each)) for each in zip(*paths)]
        return tuple(titles)


def visible(name: str) -> str:
    """A name; an empty or blank one in quotes, so that it can be seen."""
    return name if name.strip() else f'"{name}"'


def _in_order(outline: Outline, partition: Partition) -> list[int]:
    """The blocks in dependency order; among those whose inputs are all placed, the one with the earliest node first."""
    drawn, first = np.unique(partition.block, return_index=True)
    begins = {int(b): int(i) for b, i in zip(drawn, first) if b >= 0}
    waits = dict.fromkeys(begins, 0)
    after: dict[int, list[int]] = {}
    for tail, head in zip(*(ends.tolist() for ends in partition.links(outline))):
        waits[head] += 1
        after.setdefault(tail, []).append(head)
    order: dict[int, None] = {}
    free = [(begins[b], b) for b in begins if not waits[b]]
    heapq.heapify(free)
    while free:
        _, b = heapq.heappop(free)
        order[b] = None
        for head in after.get(b, ()):
            waits[head] -= 1
            if not waits[head]:
                heapq.heappush(free, (begins[head], head))
    return [*order, *(b for b in begins if b not in order)]
