"""The last two ways of folding: runs of operations become one block, and only the nearest blocks are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .outline import Outline, Partition

__all__ = ["cut", "join_runs", "nearest"]

FEWEST_IN_A_ROW = 3


def join_runs(outline: Outline, partition: Partition) -> Partition:
    """Each run of operations without branches becomes one block, together with the leaves that only the run uses."""
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


def cut(outline: Outline, partition: Partition, around: Sequence[int], max_nodes: int) -> Partition:
    """Keep the blocks nearest to the nodes `around`, or to the outputs; the others are not drawn."""
    tails, heads = partition.links(outline)
    centre = partition.block[list(around)] if around else partition.block[outline.outputs]
    kept = nearest(tails, heads, centre.tolist(), int(partition.block.max()) + 1, most=max_nodes)
    return replace(partition, block=np.where(np.isin(partition.block, list(kept)), partition.block, -1))


def nearest(
    tails: np.ndarray, heads: np.ndarray, start: Sequence[int], size: int, hops: int = -1, most: int = -1
) -> set[int]:
    """The nodes at most `hops` edges away from `start`, if `most` is given only the nearest of them."""
    sides = []
    for a, b in ((heads, tails), (tails, heads)):
        order = np.argsort(a, kind="stable")
        sides.append((b[order], np.searchsorted(a[order], np.arange(size + 1)).tolist()))
    found = dict.fromkeys(start)  # as an ordered set
    ring = list(found)
    while ring and hops and not 0 <= most <= len(found):
        hops -= 1
        beyond = (y for x in ring for ends, at in sides for y in ends[at[x] : at[x + 1]].tolist())
        ring = [y for y in dict.fromkeys(beyond) if y not in found]
        found.update(dict.fromkeys(ring))
    return set(list(found)[:most] if most >= 0 else found)
