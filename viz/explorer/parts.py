"""A graph as a tree of parts, for a reader who opens one after the other: modules in modules, and at the ends boxes.

The parts of a module and the edges between them are a small graph without cycles, so that each module can be laid out
by itself, once, and be shown in the place of its closed box. A module that was entered again with its own results, as a
recurrent cell is, has one part for each time: its nodes in the order in which they were recorded are runs, and runs
cannot form a cycle. Where a module has too many parts, neighbours in that order are gathered to groups, and so are
many leaves that are used by the same parts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise

from ..folding.outline import Path
from ..folding.scopes import on_cycles

__all__ = ["Part", "tree"]

MOST = 200  # parts that are laid out together
MOST_ALIKE = 12  # leaves that are used by the same parts
GROUPS, SIZE = 10, 80  # how many groups there are at most, and how many parts are in one at least

Links = Mapping[int, Sequence[int]]  # for each box, the boxes that it is computed from; or those that use it


@dataclass(eq=False)
class Part:
    """A box of the graph, or a module or group with the parts inside it.

    Attributes:
        box: its number among the boxes; -1 for a module or a group.
        path: the titles of the scopes around it and of its own; for a group those around it.
        within: the part around it; `None` for the whole graph.
        parts: the parts inside it.
        first: the earliest box in it that is computed.
        call: which of several calls of one module it is, and how many there are.
        index: its number among all parts, in which a part comes after the part around it.
        depth: how many parts are around it.
    """

    box: int = -1
    path: Path = ()
    within: Part | None = None
    parts: list[Part] = field(default_factory=list)
    first: int = -1
    call: tuple[int, int] = (1, 1)
    index: int = 0
    depth: int = 0

    @property
    def is_group(self) -> bool:
        """Whether it stands for neighbours, not for a module."""
        return self.box < 0 and self.within is not None and self.path == self.within.path

    def around(self) -> list[Part]:
        """The parts around it, from the whole graph on, and the part itself."""
        chain = [self]
        while chain[-1].within is not None:
            chain.append(chain[-1].within)
        return chain[::-1]

    def boxes(self) -> Iterator[Part]:
        """The boxes in it."""
        stack = [self]
        while stack:
            part = stack.pop()
            if part.box >= 0:
                yield part
            stack += reversed(part.parts)


def tree(order: Sequence[int], paths: Mapping[int, Path], inputs: Links, uses: Links) -> list[Part]:
    """All parts, the whole graph first. `order` has the boxes in dependency order, `paths` their scopes."""
    root = Part()
    made: dict[int, Part] = {}
    rank = {b: i for i, b in enumerate(order)}
    pending = [(root, [b for b in order if inputs[b]])]
    while pending:
        part, boxes = pending.pop()
        for inside, call in _divided(boxes, len(part.path), paths, inputs):
            first = inside[0]
            if len(paths[first]) <= len(part.path):
                made[first] = Part(first, paths[first], part, first=first, call=call)
                part.parts.append(made[first])
            else:
                path = paths[first][: len(part.path) + 1]
                part.parts.append(Part(-1, path, part, first=first, call=call))
                pending.append((part.parts[-1], inside))
    for b in order:
        if not inputs[b]:
            made[b] = _leaf(b, paths[b], [made[user] for user in uses[b]], root)
    pending_parts = [root]
    for part in pending_parts:  # grows while it is read
        part.parts = [_without_wrapping(each) for each in part.parts]
        if not part.is_group:
            _bundle(part, inputs, uses)
        if len(part.parts) > MOST:
            _gather(part, rank, inputs, uses)
        pending_parts += part.parts
    for i, part in enumerate(pending_parts):
        part.index = i
        part.depth = part.within.depth + 1 if part.within is not None else 0
    return pending_parts


def _divided(
    boxes: list[int], depth: int, paths: Mapping[int, Path], inputs: Links
) -> Iterator[tuple[list[int], tuple[int, int]]]:
    """The boxes of a module by the modules inside it; one on a cycle is divided into its runs."""
    title: dict[int, object] = {b: paths[b][depth] if len(paths[b]) > depth else b for b in boxes}
    links = {(title[a], title[b]) for b in boxes for a in inputs[b] if a in title and title[a] != title[b]}
    tied = on_cycles(links)
    together: dict[object, list[int]] = {}
    runs: dict[object, list[list[int]]] = {}
    for name, run in groupby(boxes, title.__getitem__):
        if name in tied:
            runs.setdefault(name, []).append(list(run))
        else:
            together.setdefault(name, []).extend(run)
    for name in dict.fromkeys(title.values()):
        if name in together:
            yield together[name], (1, 1)
        else:
            count = len(runs[name])
            yield from ((run, (i + 1, count)) for i, run in enumerate(runs[name]))


def _leaf(box: int, path: Path, users: list[Part], root: Part) -> Part:
    """The part of a leaf: in the innermost module of its path in which all its uses are."""
    home = root
    for level in zip(*(user.around() for user in users)):
        inner = level[0]
        if (
            any(each is not inner for each in level)
            or inner.box >= 0
            or inner.path != path[: len(inner.path)]
        ):
            break
        home = inner
    leaf = Part(box, path, home, first=box)
    home.parts.append(leaf)
    return leaf


def _without_wrapping(part: Part) -> Part:
    """The only box in a module, in place of the module."""
    if len(part.parts) != 1 or part.parts[0].box < 0:
        return part
    only = part.parts[0]
    only.within = part.within
    return only


def _bundle(part: Part, inputs: Links, uses: Links) -> None:
    """Gather many leaves that are used by the same parts, as the inputs of a network are."""
    leaves = [each for each in part.parts if each.box >= 0 and not inputs[each.box]]
    if len(leaves) <= MOST_ALIKE:
        return
    owner = _owners(part)
    alike: dict[tuple[int, ...], list[Part]] = {}
    for leaf in leaves:
        users = {owner[user].first for user in uses[leaf.box]}
        alike.setdefault(tuple(sorted(users)), []).append(leaf)
    for bundle in alike.values():
        if MOST_ALIKE < len(bundle) < len(part.parts):
            group = Part(-1, part.path, part, bundle, first=bundle[0].first)
            inside = {*bundle}
            part.parts = [group, *(each for each in part.parts if each not in inside)]
            for leaf in bundle:
                leaf.within = group


def _owners(part: Part) -> dict[int, Part]:
    """For each box inside a part, in which of its parts it is."""
    return {inner.box: each for each in part.parts for inner in each.boxes()}


def _gather(part: Part, rank: dict[int, int], inputs: Links, uses: Links) -> None:
    """Gather the parts of a module to groups of neighbours in dependency order."""
    parts = _in_order(part, rank, inputs, uses)
    count = min(GROUPS, -(-len(parts) // SIZE))
    bounds = [len(parts) * i // count for i in range(count + 1)]
    part.parts = []
    for start, end in pairwise(bounds):
        group = Part(-1, part.path, part, parts[start:end])
        computed = [each.first for each in group.parts if inputs[each.first]]
        group.first = computed[0] if computed else group.parts[0].first
        for each in group.parts:
            each.within = group
        part.parts.append(group)


def _in_order(part: Part, rank: dict[int, int], inputs: Links, uses: Links) -> list[Part]:
    """The parts of a module in dependency order, the earliest first; each leaf before the first part that uses it."""
    owner = _owners(part)
    waits: dict[Part, set[Part]] = {}
    after: dict[Part, set[Part]] = {}
    leaves: dict[Part, list[Part]] = {}
    for each in part.parts:
        if each.box >= 0 and not inputs[each.box]:
            users = [owner.get(user) for user in uses[each.box]]
            first = min(
                (user for user in users if user is not None), key=lambda user: rank[user.first], default=None
            )
            leaves.setdefault(first or each, []).append(each)
            continue
        waits[each] = set()
        for inner in each.boxes():
            for b in inputs[inner.box]:
                before = owner.get(b)
                if before is not None and before is not each and (before.box < 0 or inputs[before.box]):
                    waits[each].add(before)
                    after.setdefault(before, set()).add(each)
    left = {each: len(before) for each, before in waits.items()}
    free = [(rank[each.first], each.first, each) for each, count in left.items() if not count]
    heapq.heapify(free)
    found: list[Part] = [each for first, alone in leaves.items() if first not in waits for each in alone]
    while free:
        *_, each = heapq.heappop(free)
        found += [*leaves.get(each, ()), each]
        for user in after.get(each, ()):
            left[user] -= 1
            if not left[user]:
                heapq.heappush(free, (rank[user.first], user.first, user))
    return found
