"""Scopes, such as the layers of a network, that are closed: all nodes inside become one block."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from .outline import Outline, Partition, Path, distinct, numbered
from .titles import mask

__all__ = ["close", "depths", "on_cycles", "small", "untie"]

Item = TypeVar("Item", bound=Hashable)

SEVERAL = 2  # layers; a single one is drawn open
FEW = 3  # operations of a scope that is closed as a layer: a convolution has three, with its bias


def depths(outline: Outline, depth: int, at_most: Sequence[int] | None = None) -> list[int]:
    """For each path of the outline, how many of its scopes are open where those inside `depth` others are closed."""
    return [min(depth, most) for most in at_most or map(len, outline.paths)]


def small(outline: Outline, opened: Sequence[int]) -> list[int]:
    """The same, with each innermost module closed that holds at most three operations, if there are several such."""
    operations = np.bincount(outline.place[[bool(x) for x in outline.inputs]], minlength=len(outline.paths))
    around = {path[:-1] for path in outline.paths}
    layers = [
        0 < count <= FEW and path not in around and "(" in "".join(path[-1:])
        for path, count in zip(outline.paths, operations.tolist())
    ]
    if sum(layers) < SEVERAL:
        return list(opened)
    return [n - (layer and n == len(path)) for n, layer, path in zip(opened, layers, outline.paths)]


def close(outline: Outline, block: np.ndarray, opened: Sequence[int], masked: bool) -> Partition:
    """Every scope that is not open becomes one block; `opened` says of each path how many of its scopes are open."""
    size = len(outline)
    owners = [_owner(path, n, masked) for path, n in zip(outline.paths, opened)]
    whose = numbered(owners)
    inside = np.array([len(path) > n for path, n in zip(outline.paths, opened)])
    closes = inside[outline.place] & (block >= 0)
    if not closes.any():
        return Partition(block)
    closed = np.where(closes, size + np.array(whose)[outline.place], block)
    titles = {size + w: n + 1 for w, n, is_inside in zip(whose, opened, inside) if is_inside}
    return Partition(closed, {b: titles[b] for b in distinct(closed[closes]).tolist()})


def _owner(path: Path, depth: int, masked: bool) -> Path:
    """The path of the scope that is closed around a node."""
    return tuple(map(mask, path[: depth + 1])) if masked else path[: depth + 1]


def untie(outline: Outline, partition: Partition, folded: np.ndarray, masked: bool) -> Partition:
    """Divide each closed scope that was entered again with its own results into one block for each time.

    As one block it would make a cycle of the drawing: a recurrent cell, or layers of equal shape that are stacked.
    """
    if not partition.closed:
        return partition
    block, size = partition.block, len(outline)
    tied = (
        on_cycles(list(zip(*(ends.tolist() for ends in partition.links(outline))))) & partition.closed.keys()
    )
    titles = np.zeros(int(block.max()) + 1, np.int64)
    titles[list(partition.closed)] = list(partition.closed.values())
    inside = block >= size
    pairs, which = np.unique(np.stack([outline.place, titles[block]])[:, inside], axis=1, return_inverse=True)
    owners = np.array(numbered([outline.paths[place][:n] for place, n in pairs.T.tolist()]))
    real = folded.copy()
    real[inside] = size + owners[which.ravel()]
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
        closed[b] = partition.closed[int(block[i])]
        block[i] = b
    return replace(partition, block=block, closed=closed)


def on_cycles(links: Collection[tuple[Item, Item]]) -> set[Item]:
    """What is on a cycle or between two cycles: what is left when ends of the graph are removed again and again."""
    left = {a for a, _ in links} & {b for _, b in links}
    for forwards in (True, False):
        after: dict[Item, list[Item]] = {}
        waits: dict[Item, int] = {}
        for a, b in links:
            tail, head = (a, b) if forwards else (b, a)
            after.setdefault(tail, []).append(head)
            waits[head] = waits.get(head, 0) + 1
        free = [x for x in after if x not in waits]
        while free:
            x = free.pop()
            left.discard(x)
            for y in after.get(x, ()):
                waits[y] -= 1
                if not waits[y]:
                    free.append(y)
    return left
