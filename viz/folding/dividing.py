"""Folding a graph until it can be read: the ways of folding are tried in order, the mildest first.

A small graph has one block for each node. For a larger one the attempts go on until the blocks are few enough: long
sums become one block; nodes that are alike (the samples of a batch) are stacked; scopes are closed, the innermost
first; nodes that differ only in numbers (the neurons of a layer) are stacked as well; runs without branches become
one block; at last only the nearest blocks are drawn. Nothing is laid out here, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .outline import Outline, Partition, distinct
from .runs import cut, join_runs, nearest
from .scopes import close, untie
from .stacking import alike, sums

__all__ = ["divide"]

CLOSEST = 4  # edges to a box; with more edges between modules, the drawing is a tangle


def divide(
    outline: Outline,
    depth: int | None,
    max_nodes: int,
    around: Sequence[int] = (),
    hops: int = 2,
) -> Partition:
    """The mildest partition of a graph into at most `max_nodes` blocks.

    With a `depth`, exactly the scopes inside so many others are closed. With `around`, only nodes at most `hops`
    edges away from these are drawn.
    """
    block = np.arange(len(outline))
    if around:
        far = np.ones(len(outline), bool)
        far[list(nearest(outline.tails, outline.heads, around, len(outline), hops))] = False
        block[far] = -1
    for folded, level, masked, repeats in _attempts(outline, block, depth):
        partition = replace(close(outline, folded, level, masked), repeats=repeats)
        if partition.size <= max_nodes:
            partition = untie(outline, partition, folded, masked)
            plain = folded is block and not partition.closed
            edges = 0 if plain else partition.links(outline)[0].size
            if partition.size <= max_nodes and edges <= CLOSEST * partition.size:
                return partition
    partition = join_runs(outline, untie(outline, partition, folded, masked))
    return partition if partition.size <= max_nodes else cut(outline, partition, around, max_nodes)


def _attempts(
    outline: Outline, block: np.ndarray, depth: int | None
) -> Iterator[tuple[np.ndarray, int, bool, np.ndarray | None]]:
    """Each attempt: the blocks, the depth of open scopes, whether numbers in names are ignored, and the repeats."""
    first = max(map(len, outline.paths)) if depth is None else depth
    yield block, first, False, None
    summed = sums(outline, block)
    yield summed, first, False, None
    folded = alike(outline, summed, masked=False)
    each = distinct(summed[summed >= 0])  # one node of every block
    repeats = np.bincount(folded[each], minlength=len(outline))[folded]
    for level in range(first, -1, -1) if depth is None else [depth]:
        yield folded, level, False, repeats
    folded = alike(outline, summed, masked=True)
    for level in range(first, -1, -1) if depth is None else [depth]:
        yield folded, level, True, repeats
