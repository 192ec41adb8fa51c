"""Reading a recorded graph for a page: as `graph` reads it, for each depth with all parts at that depth closed.

No pass is run, no node is changed, and none is kept alive afterwards.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ...autograd import Node, Tape, Tensor
from ..folding.outline import Outline, Partition, distinct
from ..folding.stacking import alike, sums
from ..graph.blocks import Blocks
from ..graph.boxes import box
from ..graph.edges import edges
from ..graph.roots import roots_of
from ..graph.snapshot import Box, Cluster, Edge, Graph, Operation
from .levels import Entry, Explored, Level
from .marks import Crossing, marks
from .numbers import numbers_of
from .parts import Part, tree

__all__ = ["survey"]

MOST_APART = 4  # inputs of an operation, each with an edge of its own also where they come from one module
Link = tuple[Edge, Part, Part, int]  # an edge, the parts at its ends, and which input it is

Data = TypeVar("Data", Box, Edge, Operation)

SMALL = 150  # nodes; in a larger graph, nodes that are alike share a box
MOST_BOXES = 12_000  # in all pictures together; modules further inside cannot be opened
MOST_NUMBERS = 200_000  # elements of arrays, in all
# of arrays that are summarised; where there are more, modules further inside cannot be opened
MOST_ELEMENTS = 20_000_000


def survey(
    root: Any, around: Any = None, read: Graph | None = None, outline: Outline | None = None
) -> Explored:
    """The graph behind `root`, with a level for the inside of each module; `around` is a node to begin at.

    `read` is the snapshot of its drawing, if there is one: boxes of single nodes are taken from it. `outline` is that
    of the graph, if it is known.

    >>> from chainrule import nn
    >>> from chainrule.autograd import Tensor
    >>> explored = survey(nn.MLP(2, [3, 1], seed=0)(Tensor([[1.0, 2.0]], name="x")))
    >>> for level in explored.levels[:2]:
    ...     print(level.part, [box.label for box in level.graph.boxes])
    0 ['x', 'MLP(2 -> 3 -> 1)']
    1 ['x', 'layers.0: Linear(2 -> 3)', 'v2', 'layers.2: Linear(3 -> 1)']
    """
    titles = roots_of(root)
    tape = Tape(titles) if outline is None else outline.tape
    outline = outline or Outline(tape)
    graph = _Survey(tape, titles, outline, read)
    entries: dict[int, Entry] = {}
    levels: dict[int, Level] = {}
    depths = range(1, 2 + max(part.depth for part in graph.opens))
    readings = [_Reading(graph, depth) for depth in depths]
    last = readings[-1]  # in which everything is open
    whole = [(edge, last.parts[edge.tail], last.parts[edge.head]) for edge in edges(last.blocks)]
    for reading in readings:
        entries |= reading.entries()
        reading.links = list(_joined(whole, reading.shown))
        reading.connect(entries, modules=True)
        levels |= {level.part: level for level in reading.levels(entries)}
    last.connect(entries, modules=False)
    start = 0
    if around is not None:
        node = next(iter(roots_of(around)))
        start = last.part_of[last.blocks.partition.block[tape.index[node]]].index
    return Explored(entries, [levels[i] for i in sorted(levels)], len(outline), start)


class _Survey:
    """The graph, its boxes when everything is open, and the tree of its parts."""

    def __init__(
        self, tape: Tape, titles: Mapping[Node, str | None], outline: Outline, read: Graph | None
    ) -> None:
        self.tape, self.titles, self.outline = tape, titles, outline
        self.box_of = outline.each
        self.repeats = None
        if len(outline) > SMALL:
            summed = sums(outline, self.box_of)
            self.box_of = alike(outline, summed, masked=False)
            self.repeats = np.bincount(self.box_of[distinct(summed)], minlength=len(outline))[self.box_of]
        blocks = Blocks(tape, titles, outline, Partition(self.box_of))
        inputs: dict[int, list[int]] = {b: [] for b in blocks.order}
        uses: dict[int, list[int]] = {b: [] for b in blocks.order}
        for tail, head in zip(*(ends.tolist() for ends in blocks.partition.links(outline))):
            inputs[head].append(tail)
            uses[tail].append(head)
        paths = {b: outline.paths[outline.place[members[-1]]] for b, members in blocks.members.items()}
        self.parts = tree(blocks.order, paths, inputs, uses)
        nodes = tape.nodes
        elements = {
            b: sum(nodes[i].data.size for i in members) if isinstance(nodes[members[0]], Tensor) else 0
            for b, members in blocks.members.items()
        }
        self.opens = _opening(self.parts, elements)
        self.room = MOST_NUMBERS
        self.read: dict[int, Box] = {}  # the boxes of single nodes that are known
        if read is not None:
            known, count = {each.id: each for each in read.boxes}, Counter(read.where)
            single = ((i, known[id]) for i, id in enumerate(read.where) if id and count[id] == 1)
            self.read = {i: each for i, each in single if each.kind not in ("module", "run")}


def _opening(parts: Sequence[Part], elements: Mapping[int, int]) -> set[Part]:
    """The parts whose inside has a picture: from the outside to the inside, as many as there is room for."""
    opens: set[Part] = set()
    boxes = sizes = 0
    for part in parts:
        if part.parts and (part.within is None or part.within in opens):
            boxes += len(part.parts)
            sizes += sum(elements[each.box] for each in part.parts if each.box >= 0)
            if part.within is None or (boxes <= MOST_BOXES and sizes <= MOST_ELEMENTS):
                opens.add(part)
    return opens


class _Reading:
    """The graph with the parts inside `depth` others closed."""

    def __init__(self, survey: _Survey, depth: int) -> None:
        self.survey, self.depth = survey, depth
        size = len(survey.outline)
        block = np.arange(size)
        closed: dict[int, int] = {}
        groups: set[int] = set()
        self.part_of: dict[int, Part] = {}
        self.shown: dict[Part, Part] = {}  # for each part, the one that is drawn in its place
        self.links: list[Link] = []
        for part in survey.parts[1:]:
            around = self.shown.get(part.within) if part.within is not None else None
            opened = around is None or (
                around is part.within and around.depth < depth and around in survey.opens
            )
            self.shown[part] = drawn = part if around is None or opened else around
            if part.box < 0:
                continue
            block[part.box] = b = drawn.box if drawn.box >= 0 else size + drawn.index
            self.part_of[b] = drawn
            if drawn.is_group:
                groups.add(b)
            elif drawn.box < 0:
                closed[b] = len(drawn.path)
        partition = Partition(block[survey.box_of], closed, frozenset(groups), survey.repeats)
        self.blocks = Blocks(survey.tape, survey.titles, survey.outline, partition)
        self.parts = {self.blocks.ids[b]: self.part_of[b] for b in self.blocks.order}

    def entries(self) -> dict[int, Entry]:
        """The entries of the parts at this depth."""
        found = {}
        for b in self.blocks.order:
            part = self.part_of[b]
            if part.depth == self.depth and part.within is not None:
                entry = Entry(self.box(b, part), part.within.index, part in self.survey.opens)
                members = self.blocks.members[b]
                entry.leaves = part.is_group and not any(self.survey.outline.inputs[i] for i in members)
                nodes = [self.survey.tape.nodes[i] for i in members[self.blocks.exits[members]]]
                entry.value = self.numbers([node.data for node in nodes])
                entry.gradient = self.numbers([node.grad for node in nodes])
                found[part.index] = entry
        return found

    def numbers(self, arrays: Sequence[Any]) -> Any:
        found = numbers_of(arrays, self.survey.room)
        self.survey.room -= found.elements.size if found is not None else 0
        return found

    def box(self, b: int, part: Part) -> Box:
        """The box of a block, with the id of its part."""
        id, members = f"n{part.index}", self.blocks.members[b]
        known = self.survey.read.get(members[0]) if len(members) == 1 else None
        drawn = known or box(self.blocks, b)
        if part.is_group:
            members = self.blocks.members[b].tolist()
            computed = [i for i in members if self.survey.outline.inputs[i]]
            what = (
                f"{len(computed):,} operations: {drawn.contents}" if computed else f"{len(members):,} leaves"
            )
            ends = computed or members
            label = f"{self.blocks.label(ends[0])} … {self.blocks.label(ends[-1])}"
            drawn = changed(drawn, label=label, contents=what)
        if part.call[1] > 1:
            drawn = changed(drawn, label=f"{drawn.label}, call {part.call[0]} of {part.call[1]}")
        operation = drawn.operation and changed(drawn.operation, id=f"{id}op")
        return changed(drawn, id=id, operation=operation)

    def connect(self, entries: Mapping[int, Entry], modules: bool) -> None:
        """Note each edge at its ends: at those that are modules of this depth, or else at those that are boxes."""
        for _, tail, head, _ in self.links:
            if tail.box < 0 and tail.depth == self.depth if modules else tail.box >= 0:
                entries[tail.index].uses.append(head.index)
            if head.box < 0 and head.depth == self.depth if modules else head.box >= 0:
                entries[head.index].inputs.append(tail.index)

    def levels(self, entries: Mapping[int, Entry]) -> Iterator[Level]:
        """The pictures of parts at this depth, each inside the part around them."""
        boxes: dict[int, list[Box]] = defaultdict(list)
        arrows: dict[int, list[tuple[Edge, int]]] = defaultdict(list)
        entering: dict[int, list[Crossing]] = defaultdict(list)
        leaving: dict[int, list[Crossing]] = defaultdict(list)
        for part in self.parts.values():
            if part.depth == self.depth and part.within is not None:
                boxes[part.within.index].append(entries[part.index].box)
        for edge, tail, head, position in self.links:
            assert tail.within is not None
            assert head.within is not None
            if tail.within is head.within and tail.depth == self.depth:
                arrows[tail.within.index].append((edge, position))
            elif tail.within is not head.within:
                if tail.depth == self.depth:
                    leaving[tail.within.index].append(Crossing(head.index, edge.tail, position))
                if head.depth == self.depth:
                    entering[head.within.index].append(Crossing(tail.index, edge.head, position))
        known = {i: entry.box for i, entry in entries.items()}
        for i, inside in boxes.items():
            made = list(marks(i, entering[i], leaving[i], known, len(inside)))
            drawn = [mark.box for mark in made if mark.enters] + inside
            drawn += [mark.box for mark in made if not mark.enters]
            place = {each.id: at for at, each in enumerate(drawn)}
            edges = arrows[i] + [each for mark in made for each in mark.edges]
            edges.sort(key=lambda each: (place[each[0].head], each[1]))  # so that operands are in their order
            operations = [each.operation for each in inside if each.operation is not None]
            graph = Graph(drawn, [edge for edge, _ in edges], Cluster("", drawn, operations), len(drawn))
            yield Level(i, graph, {mark.box.id: mark.parts for mark in made})


def _joined(whole: Sequence[tuple[Edge, Part, Part]], shown: Mapping[Part, Part]) -> Iterator[Link]:
    """The edges between the parts that are drawn, from those between boxes: one for all edges that enter a module.

    What happens along an edge between boxes is found out once, for the rule of an operation on arrays takes its time.
    """
    arity = Counter(head for _, _, head in whole)
    together: dict[tuple[Part, Part, str], list[Edge]] = {}
    for edge, tail, head in whole:
        a, b = shown[tail], shown[head]
        if a is not b:
            apart = b is head and (a is tail or arity[head] <= MOST_APART)
            together.setdefault((a, b, edge.id if apart else ""), []).append(edge)
    count: Counter[Part] = Counter()
    for (a, b, _), found in together.items():
        id, tail_id, head_id = f"n{b.index}in{count[b]}", f"n{a.index}", f"n{b.index}"
        if len(found) == 1 and b.box >= 0:
            edge = changed(found[0], id=id, tail=tail_id, head=head_id)
        else:
            flows, many = any(each.flows for each in found), sum(each.count for each in found)
            edge = Edge(id, tail_id, head_id, flows=flows, count=many)
        yield edge, a, b, count[b]
        count[b] += 1


def changed(x: Data, **fields: Any) -> Data:
    """What `dataclasses.replace` gives, which asks for every field by its name: this is done for every box and edge."""
    return type(x)(**{**vars(x), **fields})
