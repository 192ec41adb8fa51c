"""Scopes, such as the layers of a network, that are closed: all nodes inside become one block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .outline import Outline, Partition, Path, distinct, numbered
from .titles import mask

__all__ = ["close", "untie"]


def close(outline: Outline, block: np.ndarray, depth: int, masked: bool) -> Partition:
    """Every scope inside `depth` other scopes becomes one block."""
    size = len(outline)
    whose = numbered([_owner(path, depth, masked) for path in outline.paths])
    inside = np.array([len(path) > depth for path in outline.paths])
    closes = inside[outline.place] & (block >= 0)
    if not closes.any():
        return Partition(block)
    closed = np.where(closes, size + np.array(whose)[outline.place], block)
    return Partition(closed, dict.fromkeys(distinct(closed[closes]).tolist(), depth + 1))


def _owner(path: Path, depth: int, masked: bool) -> Path:
    """The path of the scope that is closed around a node."""
    return tuple(map(mask, path[: depth + 1])) if masked else path[: depth + 1]


def untie(outline: Outline, partition: Partition, folded: np.ndarray, masked: bool) -> Partition:
    """Divide each closed scope that was entered again with its own results into one block for each time.

    As one block it would make a cycle of the drawing: a recurrent cell, or layers of equal shape that are stacked.
    """
    if not partition.closed:
        return partition
    depth = next(iter(partition.closed.values())) - 1
    block, size = partition.block, len(outline)
    tied = _on_cycles(*partition.links(outline)) & partition.closed.keys()
    real = np.array(numbered([_owner(path, depth, False) for path in outline.paths]))[outline.place]
    real = np.where(block >= size, size + real, folded)
    if masked:
        tails, heads = outline.tails, outline.heads
        passes = (block[tails] == block[heads]) & (real[tails] != real[heads]) & (block[tails] >= size)
        tied |= set(block[tails[passes]].tolist())
    if not tied:
        return partition
    level = [0] * size
    earliest: dict[int, int] = {}  # for each leaf, the first level in its own scope at which it is used
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
    """The blocks on a cycle or between two cycles: what is left when ends of the graph are removed again and again."""
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
