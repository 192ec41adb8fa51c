"""Nodes that share a box because they are a long sum, or because they are alike, as the samples of a batch are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...nn import Parameter, ScalarParameter
from .outline import Outline, numbered
from .titles import mask, without_numbers

__all__ = ["SYMMETRIC", "alike", "sums"]

FEWEST_ADDITIONS = 3  # that make a long sum
SYMMETRIC = {"total", "largest", "smallest", "logtotalexp"}  # operations on many numbers in any order


def sums(outline: Outline, block: np.ndarray) -> np.ndarray:
    """A chain of additions, each of which is used once, by the next one, becomes the block of the last addition."""
    if block is not outline.each:
        return _sums(outline, block)
    if "sums" not in outline.kept:
        outline.kept["sums"] = _sums(outline, block)
    return outline.kept["sums"]


def _sums(outline: Outline, block: np.ndarray) -> np.ndarray:
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


def alike(outline: Outline, block: np.ndarray, masked: bool) -> np.ndarray:
    """Nodes that compute the same from alike inputs, in alike scopes, and are used in the same way become one block.

    A parameter is alike only to itself; if `masked`, also to parameters whose names differ only in numbers, and the
    same holds for scopes. `block` is the result of `sums`: the number of each block is that of its last node.
    """
    if block is not outline.kept.get("sums"):
        return _alike(outline, block, masked)
    if masked not in outline.kept:
        outline.kept[masked] = _alike(outline, block, masked)
    return outline.kept[masked]


def _alike(outline: Outline, block: np.ndarray, masked: bool) -> np.ndarray:
    size, of = len(outline), block.tolist()
    terms: dict[int, list[int]] = {}  # for each long sum, the blocks that it adds
    for i in np.flatnonzero(
        (block >= 0) & (np.bincount(block[block >= 0], minlength=size)[block] > 1)
    ).tolist():
        terms.setdefault(of[i], []).extend(of[j] for j in outline.inputs[i] if of[j] != of[i])
    same = _used_alike(outline, of, terms, _computed_alike(outline, of, terms, masked))
    return np.where(block >= 0, np.array(same)[block], -1)


def _computed_alike(outline: Outline, of: list[int], terms: dict[int, list[int]], masked: bool) -> list[int]:
    """From the leaves to the outputs: a class for each block, the same if it computes the same from the same classes.

    Classes are numbers, and where possible so are their keys: numbers are faster to hash than tuples.
    """
    nodes, size = outline.nodes, len(outline)
    places = numbered([tuple(map(mask, path)) for path in outline.paths] if masked else outline.paths)
    place = [places[i] for i in outline.place.tolist()]
    kinds: dict[object, int] = {}
    known: dict[object, int] = {}
    classes = [0] * (size + 1)  # one more for -1, a node that is not drawn
    for i, inputs in enumerate(outline.inputs):
        if of[i] != i:
            continue
        node, op = nodes[i], nodes[i].op
        name = without_numbers(node.name) if masked and node.name else node.name
        key: Any
        if op is None:
            only = i if not masked and isinstance(node, (Parameter, ScalarParameter)) else -1
            key = (only, node.requires_grad, name, place[i], np.shape(node.data))
        else:
            params = repr(sorted(node.params.items())) if node.params else ""
            key = kinds.setdefault((op.name, name, params, place[i], len(inputs)), len(kinds))
            if i in terms:
                key = (key, *sorted(classes[j] for j in terms[i]))
            elif op.name in SYMMETRIC:
                key = (key, *sorted(classes[of[j]] for j in inputs))
            elif len(inputs) > 2:
                key = (key, *(classes[of[j]] for j in inputs))
            else:
                for j in inputs:
                    key = key * (size + 2) + classes[of[j]]
        classes[i] = known.setdefault(key, len(known) + 1)
    return classes


def _used_alike(
    outline: Outline, of: list[int], terms: dict[int, list[int]], classes: list[int]
) -> list[int]:
    """From the outputs to the leaves: blocks of one class are alike if they are the same inputs of alike blocks."""
    size = len(outline)
    same, arity = [-1] * size, max(map(len, outline.inputs)) + 1
    uses: list[Any] = [-1] * (size + 1)  # a number for one use, a set for several
    known: dict[object, int] = {}
    for i in outline.outputs.tolist():
        uses[of[i]] = -2
    for i in range(size - 1, -1, -1):
        if of[i] != i:
            continue
        used = uses[i]
        single = isinstance(used, int)
        key = classes[i] * (size * arity + 2) + used + 2 if single else (classes[i], frozenset(used))
        same[i] = kind = known.setdefault(key, i)
        uses[i] = None
        op = outline.nodes[i].op
        any_order = i in terms or (op is not None and op.name in SYMMETRIC)
        for position, j in enumerate(terms.get(i, outline.inputs[i])):
            if any_order:
                position = arity - 1
            j, use = of[j], kind * arity + position
            so_far = uses[j]
            if so_far == -1 or so_far == use:
                uses[j] = use
            elif isinstance(so_far, int):
                uses[j] = {so_far, use}
            else:
                so_far.add(use)
    return same
