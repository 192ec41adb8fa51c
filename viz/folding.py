"""Which nodes of a graph share a box, so that a graph of any size comes out readable.

A partition says of each node in which block it is drawn; a block becomes a box. A small graph has a block for
each node. For a larger one the means are tried from the mildest on, until what is left can be read: long sums become
one block; then what is alike (the samples of a batch) is stacked; then scopes are closed, from the
deepest on; then what differs in numbers alone (the neurons of a layer) is stacked, too; then unbranched runs are one
block; and at last only what lies nearest is drawn. All of it is counting and sorting: nothing is laid out here, and
nothing recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np

from ..autograd import Tape
from ..nn.module import Parameter, ScalarParameter

__all__ = ["Outline", "Partition", "divide", "inner_title", "span"]

DEEPEST = 20  # scopes inside scopes
FEWEST_ADDITIONS = 3  # that make a long sum
FEWEST_IN_A_ROW = 3
CLOSEST = 4  # edges to a box; where folding leaves more between modules, they are a tangle

Path = tuple[str, ...]


class Outline:
    """A recorded graph as numbers: who uses whom, and in which scope everything stands.

    Attributes:
        nodes: in dependency order; all that follows speaks of their positions.
        inputs: the inputs of each node.
        tails, heads: the two ends of every edge, in the order of the heads and of their inputs.
        outputs: the roots that were asked for.
        paths: the scopes that occur.
        place: for each node which of them; a parameter stands with what uses it, for it is made before.
    """

    def __init__(self, tape: Tape) -> None:
        self.nodes, index = tape.nodes, tape.index
        self.inputs = [tuple([index[x] for x in node.inputs]) for node in self.nodes]
        size = len(self.nodes)
        arities = np.fromiter(map(len, self.inputs), np.int64, size)
        self.heads = np.repeat(np.arange(size), arities)
        self.tails = np.fromiter(chain.from_iterable(self.inputs), np.int64, len(self.heads))
        self.outputs = np.array([index[node] for node in tape.outputs])
        self.paths, self.place = self._places()

    def __len__(self) -> int:
        return len(self.nodes)

    def _places(self) -> tuple[list[Path], np.ndarray]:
        shared: dict[int, Path] = {}
        for node, inputs in zip(self.nodes, self.inputs):
            for i in inputs:
                if isinstance(self.nodes[i], (Parameter, ScalarParameter)):
                    shared[i] = _common(shared.get(i, node.scope), node.scope)
        known: dict[Path, int] = {}
        place = [
            known.setdefault(shared.get(i, node.scope)[:DEEPEST], len(known))
            for i, node in enumerate(self.nodes)
        ]
        return list(known), np.array(place)


@dataclass(frozen=True)
class Partition:
    """For each node the number of the block it is drawn in, -1 if it is not drawn.

    Attributes:
        block: those numbers; only whether they are equal means something.
        closed: the blocks that are closed scopes, each with how many of the titles around it are its own.
        runs: the blocks that are unbranched runs.
        repeats: how many nodes do the same as a node does, with the same parameters.
    """

    block: np.ndarray
    closed: dict[int, int] = field(default_factory=dict)
    runs: frozenset[int] = frozenset()
    repeats: np.ndarray | None = None

    @property
    def size(self) -> int:
        """How many blocks there are."""
        return int(np.count_nonzero(np.bincount(self.block[self.block >= 0])))

    def links(self, outline: Outline) -> tuple[np.ndarray, np.ndarray]:
        """The edges between different blocks, each pair of blocks once."""
        tails, heads = self.block[outline.tails], self.block[outline.heads]
        between = (tails != heads) & (tails >= 0) & (heads >= 0)
        width = int(self.block.max(initial=0)) + 1
        pairs = _distinct(tails[between] * width + heads[between])
        return pairs // width, pairs % width


def divide(
    outline: Outline,
    depth: int | None,
    max_nodes: int,
    around: Sequence[int] = (),
    hops: int = 2,
) -> Partition:
    """The mildest partition of a graph into at most `max_nodes` blocks.

    With a `depth`, scopes inside so many others are closed in any case, and no others are. With `around`, only
    what is at most `hops` edges away from these nodes is drawn.
    """
    block = np.arange(len(outline))
    if around:
        far = np.ones(len(outline), bool)
        far[list(_nearest(outline.tails, outline.heads, around, len(outline), hops))] = False
        block[far] = -1
    for folded, level, masked, repeats in _attempts(outline, block, depth):
        partition = replace(_closed(outline, folded, level, masked), repeats=repeats)
        if partition.size <= max_nodes:
            partition = _untied(outline, partition, folded, masked)
            plain = folded is block and not partition.closed
            edges = 0 if plain else partition.links(outline)[0].size
            if partition.size <= max_nodes and edges <= CLOSEST * partition.size:
                return partition
    partition = _runs(outline, _untied(outline, partition, folded, masked))
    return partition if partition.size <= max_nodes else _cut(outline, partition, around, max_nodes)


def _attempts(
    outline: Outline, block: np.ndarray, depth: int | None
) -> Iterator[tuple[np.ndarray, int, bool, np.ndarray | None]]:
    """Blocks of what is folded, how deep scopes are open, whether numbers in names are looked past, and the repeats."""
    first = max(map(len, outline.paths)) if depth is None else depth
    yield block, first, False, None
    summed = _sums(outline, block)
    yield summed, first, False, None
    folded = _alike(outline, summed, masked=False)
    each = _distinct(summed[summed >= 0])  # one node of every block
    repeats = np.bincount(folded[each], minlength=len(outline))[folded]
    for level in range(first, -1, -1) if depth is None else [depth]:
        yield folded, level, False, repeats
    folded = _alike(outline, summed, masked=True)
    for level in range(first, -1, -1) if depth is None else [depth]:
        yield folded, level, True, repeats


# ---------------------------------------------------------------------- long sums


def _sums(outline: Outline, block: np.ndarray) -> np.ndarray:
    """Chains of additions, each used once and by the next, become the block of the last one."""
    nodes, place, size = outline.nodes, outline.place, len(outline)
    adds = np.fromiter((node.op is not None and node.op.name == "add" for node in nodes), bool, size)
    adds &= block >= 0
    user = np.zeros(size, np.int64)
    user[outline.tails] = outline.heads
    merges = adds & adds[user] & (place == place[user]) & (np.bincount(outline.tails, minlength=size) == 1)
    merges[outline.outputs] = False
    summed = block.copy()
    for i in np.flatnonzero(merges)[::-1].tolist():
        node, then = nodes[i], nodes[user[i]]
        if node.name is None and np.shape(node.data) == np.shape(then.data):
            summed[i] = summed[user[i]]
    additions = np.bincount(summed[summed >= 0], minlength=size)
    return np.where((summed >= 0) & (additions[summed] < FEWEST_ADDITIONS), block, summed)


# ---------------------------------------------------------------------- what is alike


def _alike(outline: Outline, block: np.ndarray, masked: bool) -> np.ndarray:
    """Stack what computes the same from alike inputs, in alike scopes, and is used alike.

    Parameters are alike only to themselves; if `masked`, so are those whose names differ in numbers alone, and scopes
    likewise. Blocks are those of `_sums`: each has the number of its last node.
    """
    nodes, size = outline.nodes, len(outline)
    paths = [tuple(map(_mask, path)) for path in outline.paths] if masked else outline.paths
    places = _numbered(paths)
    place = [places[i] for i in outline.place.tolist()]
    of = block.tolist()
    terms: dict[int, list[int]] = {}  # of long sums, the blocks that are added
    for i in np.flatnonzero(
        (block >= 0) & (np.bincount(block[block >= 0], minlength=size)[block] > 1)
    ).tolist():
        terms.setdefault(of[i], []).extend(of[j] for j in outline.inputs[i] if of[j] != of[i])

    # From the leaves on: blocks are of one class if they compute the same from inputs of the same classes. A class is a
    # number, and so is, wherever it can be, the key that it is found by: a million tuples would keep Python busy.
    kinds: dict[object, int] = {}
    classes: dict[object, int] = {}
    forward = [0] * (size + 1)  # one more for -1, what is not drawn
    for i, inputs in enumerate(outline.inputs):
        if of[i] != i:
            continue
        node, op = nodes[i], nodes[i].op
        name = _DIGITS.sub("#", node.name) if masked and node.name else node.name
        key: Any
        if op is None:
            only = i if not masked and isinstance(node, (Parameter, ScalarParameter)) else -1
            key = (only, node.requires_grad, name, place[i], np.shape(node.data))
        else:
            params = repr(sorted(node.params.items())) if node.params else ""
            key = kinds.setdefault((op.name, name, params, place[i], len(inputs)), len(kinds))
            if i in terms:
                key = (key, *sorted(forward[j] for j in terms[i]))
            elif len(inputs) > 2:
                key = (key, *(forward[of[j]] for j in inputs))
            else:
                for j in inputs:
                    key = key * (size + 2) + forward[of[j]]
        forward[i] = classes.setdefault(key, len(classes) + 1)

    # From the outputs back: they are alike if they are also used in the same places by what is alike.
    alike, arity = [-1] * size, max(map(len, outline.inputs)) + 1
    uses: list[Any] = [-1] * (size + 1)  # a number for one use, a set for several
    wholes: dict[object, int] = {}
    for i in outline.outputs.tolist():
        uses[of[i]] = -2
    for i in range(size - 1, -1, -1):
        if of[i] != i:
            continue
        used = uses[i]
        single = used.__class__ is int
        key = forward[i] * (size * arity + 2) + used + 2 if single else (forward[i], frozenset(used))
        alike[i] = kind = wholes.setdefault(key, i)
        uses[i] = None
        for position, j in (
            enumerate(outline.inputs[i]) if i not in terms else ((arity - 1, j) for j in terms[i])
        ):
            j, use = of[j], kind * arity + position
            known = uses[j]
            if known == -1 or known == use:
                uses[j] = use
            elif known.__class__ is int:
                uses[j] = {known, use}
            else:
                known.add(use)
    return np.where(block >= 0, np.array(alike)[block], -1)


def _numbered(items: Sequence[object]) -> list[int]:
    known: dict[object, int] = {}
    return [known.setdefault(item, len(known)) for item in items]


def _mask(title: str) -> str:
    """A title without the numbers in its name: `neuron3: Neuron(2, relu)` is alike to `neuron12: Neuron(2, relu)`."""
    name = _NAME.match(title)
    assert name is not None
    return _DIGITS.sub("#", name.group()) + title[name.end() :]


_NAME = re.compile(r"[^:(]*")
_DIGITS = re.compile(r"[0-9]+")


def span(names: Sequence[str]) -> str:
    """One name for several, in which the numbers say from where to where.

    >>> span(["neuron1: Neuron(2)", "neuron2: Neuron(2)", "neuron3: Neuron(2)"])
    'neuron1…3: Neuron(2)'
    """
    distinct = list(dict.fromkeys(names))
    if len(distinct) == 1:
        return distinct[0]
    if len({_DIGITS.sub("#", name) for name in distinct}) > 1:
        return f"{distinct[0]} … {distinct[-1]}"
    between = _DIGITS.split(distinct[0])
    numbers = [
        sorted({n.lstrip("0") or "0" for n in column}, key=lambda n: (len(n), n))  # they may be of any length
        for column in zip(*map(_DIGITS.findall, distinct))
    ]
    shown = [f"{n[0]}…{n[-1]}" if len(n) > 1 else f"{n[0]}" for n in numbers]
    return "".join(chain.from_iterable(zip(between, shown))) + between[-1]


def inner_title(title: str, outer: str) -> str:
    """A title without what the scope around it says already: `layer1.neuron2: Neuron(2)` in `layer1: ...`.

    >>> inner_title("layer1.neuron2: Neuron(2)", "layer1: Layer(2 -> 16)")
    'neuron2: Neuron(2)'
    """
    return title.removeprefix(outer.partition(":")[0] + ".")


# ---------------------------------------------------------------------- closed scopes


def _closed(outline: Outline, block: np.ndarray, depth: int, masked: bool) -> Partition:
    """Every scope that stands inside `depth` others becomes one block."""
    size = len(outline)
    whose = _numbered([_owner(path, depth, masked) for path in outline.paths])
    inside = np.array([len(path) > depth for path in outline.paths])
    closes = inside[outline.place] & (block >= 0)
    if not closes.any():
        return Partition(block)
    closed = np.where(closes, size + np.array(whose)[outline.place], block)
    return Partition(closed, dict.fromkeys(_distinct(closed[closes]).tolist(), depth + 1))


def _owner(path: Path, depth: int, masked: bool) -> Path:
    return tuple(map(_mask, path[: depth + 1])) if masked else path[: depth + 1]


def _untied(outline: Outline, partition: Partition, folded: np.ndarray, masked: bool) -> Partition:
    """Divide closed scopes that were entered again with what they had computed, a block for each time.

    Otherwise the drawing would go in circles: a recurrent cell, or the layers of equal shape that are alike.
    """
    if not partition.closed:
        return partition
    depth = next(iter(partition.closed.values())) - 1
    block, size = partition.block, len(outline)
    tied = _on_cycles(*partition.links(outline)) & partition.closed.keys()
    real = np.array(_numbered([_owner(path, depth, False) for path in outline.paths]))[outline.place]
    real = np.where(block >= size, size + real, folded)
    if masked:
        tails, heads = outline.tails, outline.heads
        passes = (block[tails] == block[heads]) & (real[tails] != real[heads]) & (block[tails] >= size)
        tied |= set(block[tails[passes]].tolist())
    if not tied:
        return partition
    level = [0] * size
    earliest: dict[int, int] = {}  # of a leaf, where it is used in its own scope
    of = real.tolist()
    for i, inputs in enumerate(outline.inputs):
        level[i] = max([level[j] + (of[j] != of[i]) for j in inputs], default=0)
        for j in inputs:
            if not outline.inputs[j] and of[j] == of[i]:
                earliest[j] = min(earliest.get(j, level[i]), level[i])
    for j, first in earliest.items():
        level[j] = first
    block = block.copy()
    closed = {b: titles for b, titles in partition.closed.items() if b not in tied}
    known: dict[tuple[int, int], int] = {}
    free = int(block.max()) + 1
    for i in np.flatnonzero(np.isin(block, list(tied))).tolist():
        b = free + known.setdefault((int(block[i]), level[i]), len(known))
        block[i] = b
        closed[b] = depth + 1
    return replace(partition, block=block, closed=closed)


def _on_cycles(tails: np.ndarray, heads: np.ndarray) -> set[int]:
    """The blocks that are on a cycle, or between two, found by peeling off the ends of the graph."""
    left: set[int] = set(tails.tolist()) & set(heads.tolist())
    for a, b in ((tails, heads), (heads, tails)):
        waits = dict(zip(*(x.tolist() for x in np.unique(b, return_counts=True))))
        after: dict[int, list[int]] = {}
        for x, y in zip(a.tolist(), b.tolist()):
            after.setdefault(x, []).append(y)
        free = [x for x in after if x not in waits]
        while free:
            x = free.pop()
            left.discard(x)
            for y in after.get(x, ()):
                waits[y] -= 1
                if not waits[y]:
                    free.append(y)
    return left


# ---------------------------------------------------------------------- runs, and the rest


def _runs(outline: Outline, partition: Partition) -> Partition:
    """Unbranched runs of operations become one block each, with the leaves on the way that nothing else uses."""
    names, block = np.unique(partition.block, return_inverse=True)
    tails, heads = partition.links(outline)
    tails, heads = np.searchsorted(names, tails), np.searchsorted(names, heads)
    computed = np.bincount(heads, minlength=len(names)) > 0
    inputs = np.bincount(heads[computed[tails]], minlength=len(names))
    users = np.bincount(tails, minlength=len(names))
    user = np.full(len(names), -1)
    user[tails] = heads
    stays = np.isin(names, [-1, *partition.closed])
    stays[block[outline.outputs]] = True
    place = np.zeros(len(names), np.int64)
    place[block] = outline.place
    goes_on = computed & (users == 1) & (user >= 0) & ~stays & ~stays[user] & (inputs[user] == 1)
    goes_on &= place == place[user]

    run = np.arange(len(names))
    starts = np.flatnonzero(goes_on & ~np.isin(np.arange(len(names)), user[goes_on]))
    runs = set()
    follows, next_ = goes_on.tolist(), user.tolist()
    for start in starts.tolist():
        members = [start]
        while follows[members[-1]]:
            members.append(next_[members[-1]])
        if len(members) >= FEWEST_IN_A_ROW:
            run[members] = members[-1]
            runs.add(members[-1])
    if not runs:
        return partition
    leaves = ~computed & (users == 1) & ~stays & np.isin(run[user], list(runs)) & ~np.isin(user, starts)
    run[leaves] = run[user[leaves]]
    return replace(
        partition,
        block=np.where(partition.block >= 0, names[run[block]], -1),
        runs=frozenset(int(names[i]) for i in runs),
    )


def _cut(outline: Outline, partition: Partition, around: Sequence[int], max_nodes: int) -> Partition:
    """Keep the blocks nearest to what the drawing is around, or to the outputs."""
    tails, heads = partition.links(outline)
    centre = partition.block[list(around)] if around else partition.block[outline.outputs]
    kept = _nearest(tails, heads, centre.tolist(), int(partition.block.max()) + 1, most=max_nodes)
    return replace(partition, block=np.where(np.isin(partition.block, list(kept)), partition.block, -1))


def _nearest(
    tails: np.ndarray, heads: np.ndarray, start: Sequence[int], size: int, hops: int = -1, most: int = -1
) -> set[int]:
    """What is at most `hops` edges away from `start`, or of that the nearest `most`."""
    sides = []
    for a, b in ((heads, tails), (tails, heads)):
        order = np.argsort(a, kind="stable")
        sides.append((b[order], np.searchsorted(a[order], np.arange(size + 1)).tolist()))
    found = dict.fromkeys(start)  # in the order in which they are found
    ring = list(found)
    while ring and hops and not 0 <= most <= len(found):
        hops -= 1
        beyond = (y for x in ring for ends, at in sides for y in ends[at[x] : at[x + 1]].tolist())
        ring = [y for y in dict.fromkeys(beyond) if y not in found]
        found.update(dict.fromkeys(ring))
    return set(list(found)[:most] if most >= 0 else found)


def _distinct(numbers: np.ndarray) -> np.ndarray:
    """Each number once, in order."""
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=numbers[:1] - 1) != 0]


def _common(a: Path, b: Path) -> Path:
    """The longest beginning that two scopes share."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return a[:same]
