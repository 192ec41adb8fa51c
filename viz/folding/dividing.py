"""Folding a graph until it can be read: the ways of folding are tried in order, the mildest first.

A small graph has one block for each node. For a larger one the attempts go on until the blocks are few enough: layers
of at most three operations are closed where nodes are arrays; long sums become one block; nodes that are alike (the
samples of a batch) are stacked; scopes are closed, the innermost first; nodes that differ only in numbers (the neurons
of a layer) are stacked as well; runs without branches become one block; at last only the nearest blocks are drawn.
Nothing is laid out here, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .outline import Outline, Partition, distinct
from .runs import cut, join_runs, nearest
from .scopes import close, depths, small, untie
from .stacking import alike, sums

__all__ = ["divide"]

CLOSEST = 4  # edges to a box; with more edges between modules, the drawing is a tangle


def divide(
    outline: Outline,
    depth: int | None,
    limits: Sequence[int],
    around: Sequence[int] = (),
    hops: int = 2,
    layers: bool = False,
) -> Iterator[Partition]:
    """For each of the `limits`, which fall, the mildest partition into at most so many blocks, each partition once.

    With a `depth`, exactly the scopes inside so many others are closed. With `around`, only nodes at most `hops`
    edges away from these are drawn. With `layers`, scopes of at most three operations are closed from the beginning.
    """
    block = outline.each
    if around:
        block = block.copy()
        far = np.ones(len(outline), bool)
        far[list(nearest(outline.tails, outline.heads, around, len(outline), hops))] = False
        block[far] = -1
    attempts = _partitions(outline, block, depth, layers)
    partition, edges = next(attempts)
    last: Partition | None = None
    for limit in limits:
        while partition.size > limit or edges > CLOSEST * partition.size:
            following = next(attempts, None)
            if following is None:
                break
            partition, edges = following
        if partition.size > limit or edges > CLOSEST * partition.size:
            partition, edges = join_runs(outline, partition), 0
        given = partition if partition.size <= limit else cut(outline, partition, around, limit)
        if last is None or given.size < last.size:
            yield given
        last = given


def _partitions(
    outline: Outline, block: np.ndarray, depth: int | None, layers: bool
) -> Iterator[tuple[Partition, int]]:
    """Each partition with the number of its edges, 0 where nothing is folded and any number of them can be read."""
    for folded, closes, masked, repeats in _attempts(outline, block, depth, layers):
        partition = replace(close(outline, folded, closes, masked), repeats=repeats)
        partition = untie(outline, partition, folded, masked)
        plain = folded is block and not partition.closed
        yield partition, 0 if plain else partition.links(outline)[0].size


def _attempts(
    outline: Outline, block: np.ndarray, depth: int | None, layers: bool
) -> Iterator[tuple[np.ndarray, list[int], bool, np.ndarray | None]]:
    """Each attempt: blocks, for each scope how much of it is open, whether numbers in names are ignored, repeats."""
    first = max(map(len, outline.paths)) if depth is None else depth
    levels = range(first, -1, -1) if depth is None else [depth]
    opened = depths(outline, first)
    if layers and depth is None:
        opened = small(outline, opened)
    yield block, opened, False, None
    summed = sums(outline, block)
    yield summed, opened, False, None
    folded = alike(outline, summed, masked=False)
    each = distinct(summed[summed >= 0])  # one node of every block
    repeats = np.bincount(folded[each], minlength=len(outline))[folded]
    for level in levels:
        yield folded, depths(outline, level, opened), False, repeats
    folded = alike(outline, summed, masked=True)
    for level in levels:
        yield folded, depths(outline, level, opened), True, repeats
