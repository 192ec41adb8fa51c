"""A recorded graph as numbers, and a partition of its nodes into blocks that are drawn as one box each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from ...autograd import Tape
from ...nn import Parameter, ScalarParameter

__all__ = ["Outline", "Partition", "Path", "distinct", "numbered"]

DEEPEST = 20  # scopes inside scopes

Path = tuple[str, ...]  # the titles of a scope and of the scopes around it, the outermost first


class Outline:
    """A recorded graph as numbers: the edges, and the scope of each node.

    Attributes:
        tape, nodes: the graph, and its nodes in dependency order; all other attributes speak of their positions.
        inputs: the inputs of each node.
        tails, heads: the two ends of every edge, in the order of the heads and of their inputs.
        outputs: the roots that were asked for.
        each: the partition in which every node is a block of its own.
        kept: the ways of folding it that are known already.
        paths: the scopes that occur.
        place: for each node the position of its scope in `paths`. The scope of a parameter is that of the nodes that
            use it: the parameter was created earlier, outside of any scope. What a module was called with is outside
            of all scopes, though the module makes a node of a plain array.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.nodes, index = tape.nodes, tape.index
        self.inputs = [tuple([index[x] for x in node.inputs]) for node in self.nodes]
        size = len(self.nodes)
        arities = np.fromiter(map(len, self.inputs), np.int64, size)
        self.heads = np.repeat(np.arange(size), arities)
        self.tails = np.fromiter(chain.from_iterable(self.inputs), np.int64, len(self.heads))
        self.outputs = np.array([index[node] for node in tape.outputs])
        self.paths, self.place = self._places()
        self.each = np.arange(size)  # every node a block of its own
        self.kept: dict[object, np.ndarray] = {}  # how `each` is folded, which several readers ask for

    def __len__(self) -> int:
        return len(self.nodes)

    def _places(self) -> tuple[list[Path], np.ndarray]:
        shared: dict[int, Path] = {}
        for node, inputs in zip(self.nodes, self.inputs):
            for i in inputs:
                if isinstance(self.nodes[i], (Parameter, ScalarParameter)):
                    shared[i] = _common(shared.get(i, node.scope), node.scope)
        entered: set[Path] = set()
        for node, inputs in zip(self.nodes, self.inputs):
            if inputs and node.scope not in entered:  # the first operation of a scope
                entered.add(node.scope)
                first = self.nodes[inputs[0]]
                if first.op is None and first.scope == node.scope and first.scope and "(" in first.scope[-1]:
                    shared[inputs[0]] = ()
        known: dict[Path, int] = {}
        place = [
            known.setdefault(shared.get(i, node.scope)[:DEEPEST], len(known))
            for i, node in enumerate(self.nodes)
        ]
        return list(known), np.array(place)


@dataclass(frozen=True)
class Partition:
    """For each node the number of the block in which it is drawn, -1 if it is not drawn.

    Attributes:
        block: those numbers; only whether two of them are equal has a meaning.
        closed: the blocks that are closed scopes, each with the number of titles of its path that belong to the scope.
        runs: the blocks that are runs of operations without branches.
        repeats: for each node, how many nodes compute the same with the same parameters.
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
        pairs = distinct(tails[between] * width + heads[between])
        return pairs // width, pairs % width


def distinct(numbers: np.ndarray) -> np.ndarray:
    """Each number once, sorted."""
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=numbers[:1] - 1) != 0]


def numbered(items: Sequence[object]) -> list[int]:
    """A number for each item, the same for equal ones; new items are numbered upwards from 0."""
    known: dict[object, int] = {}
    return [known.setdefault(item, len(known)) for item in items]


def _common(a: Path, b: Path) -> Path:
    """The longest common beginning of two paths."""
    same = 0
    while same < min(len(a), len(b)) and a[same] == b[same]:
        same += 1
    return a[:same]
