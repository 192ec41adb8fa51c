"""A graph of single numbers as a few operations on whole arrays, for the replay.

Every value has a place in one flat array, every gradient in another. Nodes that are equally far from the leaves and
came from one row of the table, with the same options, are a group: their places are next to each other, their inputs
are gathered by arrays of places, and the row's own function and rules run on all of them at once. A chain of additions
is one sum, and a `dot` is products and their sum. Gradients are pulled: a group gathers what its consumers wrote down
for it, in an order worked out beforehand, and adds it up. With a batch, every number is an array along later axes.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.table import Primitive
from ..engine.vjp import pass_back
from ..errors import GradientError
from ..nodes.node import Node

__all__ = ["Levels"]

Array = np.ndarray
Places = slice | Array  # where numbers stand in a flat array; a slice where they are evenly spaced


class Levels:
    """Where each number of a graph stands, and the groups that compute them, in the order of the forward pass.

    Attributes:
        groups: each computes its values from those of earlier ones, and passes its gradients on to them.
        leaves: the positions in `nodes` of the leaves, in the order of their places, which are the first; those that
            require a gradient come before the others, and are `n_parameters`.
        place: for each node, the place of its value; -1 inside of a chain of additions, whose sums are not kept.
        gradient_place: for each node, the place of its gradient.
        seeds: for each output, where the gradient to start from is put.
        n_values, n_gradients: how many places there are.
    """

    def __init__(self, nodes: Sequence[Node], outputs: Sequence[int]) -> None:
        cells = _Cells(nodes, outputs)
        needs = np.array(cells.needs)
        ordered, rank = _ordered(cells)
        leaves = [i for i, key in enumerate(cells.keys) if key is None]
        leaves.sort(key=lambda i: (not needs[i], rank[i]))
        place = np.empty(len(needs), np.intp)
        place[leaves] = np.arange(len(leaves))
        start = len(leaves)
        for members, _ in ordered:
            place[members] = np.arange(start, start + len(members))
            start += len(members)
        self.n_values = start
        self.n_parameters = int(needs[leaves].sum())
        at_cell = {i: k for k, i in enumerate(cells.of) if i >= 0}
        self.leaves = [at_cell[i] for i in leaves]
        self.place = np.array([place[i] if i >= 0 else -1 for i in cells.of], np.intp)
        self.gradient_place = place[cells.heads()]

        self.groups: list[Rows | Sums] = []
        self.seeds = start + np.arange(len(outputs))
        start += len(outputs)
        edges = [
            (self.place[list(outputs)], self.seeds, self.seeds)
        ]  # from where to where, and from which cell
        for members, inputs in ordered:
            at = place[inputs]
            here = slice(int(place[members[0]]), int(place[members[-1]]) + 1)
            if members[0] not in cells.rows:
                self.groups.append(Sums(here, at))
                passed = needs[inputs]
                sums, cell = (np.broadcast_to(x, at.shape)[passed] for x in (place[members], members))
                edges.append((at[passed], sums, cell))
            else:
                op, params, wanted = cells.rows[members[0]]
                rows = Rows(op, params, here, at)
                for i in [i for i, want in enumerate(wanted) if want]:
                    stretch = slice(start, start + len(members))
                    rows.ways.append((i, stretch))
                    edges.append((at[i], np.arange(start, stretch.stop), members))
                    start = stretch.stop
                self.groups.append(rows)
        self.n_gradients = start
        self._connect(edges)

    def _connect(self, edges: Sequence[tuple[Array, Array, Array]]) -> None:
        """Have groups and leaves pull what the edges bring; as in eager mode, that from the youngest consumer first."""
        to, source, cell = (np.concatenate(ends) for ends in zip(*edges))
        source = source[np.lexsort((-cell, to))]
        starts = np.concatenate([[0], np.cumsum(np.bincount(to, minlength=self.n_values))])

        def pull(at: slice) -> Pull | None:
            counts = np.diff(starts[at.start : at.stop + 1])
            return Pull(at, source[starts[at.start] : starts[at.stop]], counts) if counts.any() else None

        for group in self.groups:
            group.pull = pull(group.places)
        self.collect = pull(slice(0, self.n_parameters))

    def forward(self, values: Array) -> None:
        """Compute all values from those of the leaves."""
        with np.errstate(all="ignore"):
            for group in self.groups:
                group.forward(values)

    def backward(self, gradients: Array, upstream: Sequence[Any]) -> None:
        """Compute all gradients from those at the outputs, with the values of the last forward pass.

        As everywhere, zero times infinity is zero; that is only looked after if a NaN has come out.
        """
        for place, g in zip(self.seeds, upstream):
            gradients[place] = g
        with np.errstate(all="ignore"):
            self._pass(gradients, zero_safe=False)
            if np.isnan(gradients[: self.n_parameters]).any():
                self._pass(gradients, zero_safe=True)

    def _pass(self, gradients: Array, zero_safe: bool) -> None:
        for group in reversed(self.groups):
            group.backward(gradients, zero_safe)
        if self.collect is not None:
            self.collect(gradients)


# ---------------------------------------------------------------------- groups


class Rows:
    """Nodes from one row of the table."""

    def __init__(self, op: Primitive, params: dict[str, Any], places: slice, inputs: Array) -> None:
        self.op = op
        self.params = params
        self.places = places
        self.inputs_at = [_places(at, spread=True) for at in inputs]
        self.ways: list[tuple[int, slice]] = []  # each input that wants a gradient, and its places
        self.pull: Pull | None = None
        self.known: list[Array] = []  # output and inputs of the last forward pass

    def forward(self, values: Array) -> None:
        xs = [_gather(values, at) for at in self.inputs_at]
        y = values[self.places]
        if isinstance(self.op.on_arrays, np.ufunc):
            self.op.on_arrays(*xs, out=y)
        else:
            y[...] = self.op.on_arrays(*xs, **self.params)
        self.known = [y, *xs]

    def backward(self, gradients: Array, zero_safe: bool) -> None:
        if self.pull is None:
            return  # products of constants, in a dot
        self.pull(gradients)
        g, (y, *xs) = gradients[self.places], self.known
        passed = pass_back(self.op, [i for i, _ in self.ways], g, y, xs, self.params, zero_safe)
        for (_, c), (_, at) in zip(passed, self.ways):
            gradients[at] = c


class Sums:
    """Sums of equally many terms. The gradient of a sum is that of its terms, so they pull from the sum's own place."""

    def __init__(self, places: slice, terms: Array) -> None:
        self.places = places
        self.shape = terms.shape
        self.terms_at = _places(terms.ravel())
        self.pull: Pull | None = None

    def forward(self, values: Array) -> None:
        _add_up(_gather(values, self.terms_at), self.shape, values[self.places])

    def backward(self, gradients: Array, zero_safe: bool) -> None:
        assert self.pull is not None
        self.pull(gradients)


class Pull:
    """The gradients at neighbouring places, each the sum of what stands in some others."""

    def __init__(self, places: slice, sources: Array, counts: Array) -> None:
        self.places = places
        self.shape = (int(counts[0]), len(counts))
        self.starts: Array | None = None
        if (counts == counts[0]).all():
            sources = sources.reshape(self.shape[::-1]).T.ravel()
        else:
            self.starts = np.cumsum(counts) - counts
        self.sources_at = _places(sources)

    def __call__(self, gradients: Array) -> None:
        found, out = _gather(gradients, self.sources_at), gradients[self.places]
        if self.starts is None:
            _add_up(found, self.shape, out)
        else:
            np.add.reduceat(found, self.starts, 0, out=out)


def _gather(numbers: Array, at: Places) -> Array:
    return numbers[at] if isinstance(at, slice) else numbers.take(at, 0)


def _add_up(terms: Array, shape: tuple[int, ...], out: Array) -> None:
    """The first terms of all sums come first, then all the second, which adds them in the order they were written."""
    count, n = shape
    if count == 1:
        out[...] = terms
    elif n == 1:
        out[0] = np.add.accumulate(terms, 0)[-1]  # `reduce` would pair them
    else:
        np.add.reduce(terms.reshape(shape + terms.shape[1:]), 0, out=out)


def _places(at: Array, spread: bool = False) -> Places:
    """As a slice if evenly spaced; with `spread`, one place is enough if it is always the same."""
    first, last = int(at[0]), int(at[-1])
    step = int(at[1]) - first if len(at) > 1 else 1
    if (np.diff(at) == step).all():
        if step > 0:
            return slice(first, last + 1, step)
        if step == 0 and spread:
            return slice(first, first + 1)
    return np.ascontiguousarray(at, np.intp)


# ---------------------------------------------------------------------- from nodes to groups


class _Cells:
    """What has a place of its own: leaves, computed nodes, and the products inside of a `dot`.

    A node that is only a step in a chain of additions has none; its terms are taken over by the sum it leads to.
    """

    def __init__(self, nodes: Sequence[Node], outputs: Sequence[int]) -> None:
        self.keys: list[Hashable] = []  # cells of one key form a group; None for a leaf
        self.inputs: list[Sequence[int]] = []
        self.needs: list[bool] = []  # whether it requires a gradient
        self.levels: list[int] = []
        self.rows: dict[
            int, tuple[Primitive, dict[str, Any], tuple[bool, ...]]
        ] = {}  # all others are leaves or sums
        self.of = [-1] * len(nodes)  # the cell of each node
        position = {node: i for i, node in enumerate(nodes)}
        inputs = [[position[x] for x in node.inputs] for node in nodes]
        self.consumer = _partial_sums(nodes, inputs, outputs)
        terms: dict[int, list[int]] = {}
        for i, node in enumerate(nodes):
            op = node.op
            if not node.inputs or op is None:
                self.of[i] = self.add(None, (), node.requires_grad)
            elif op is p.add or op is p.total:
                found: list[int] = []
                for k in sorted(inputs[i], key=lambda k: self.consumer[k] < 0):  # a chain in its own order
                    if self.consumer[k] < 0:
                        found.append(self.of[k])
                    elif found:
                        found.extend(terms.pop(k))
                    else:
                        found = terms.pop(k)  # goes on growing, so that long chains take linear time
                if self.consumer[i] < 0:
                    self.of[i] = self.add_sum(found)
                else:
                    terms[i] = found
            elif op is p.dot_:
                half = len(node.inputs) // 2
                pairs = zip(inputs[i][:half], inputs[i][half:])
                self.of[i] = self.add_sum(
                    [self.add_row(p.multiply, {}, [self.of[k] for k in pair]) for pair in pairs]
                )
            else:
                self.of[i] = self.add_row(_replayable(op, node), node.params, [self.of[k] for k in inputs[i]])

    def add(self, key: Hashable, inputs: Sequence[int], needs: bool) -> int:
        level = 1 + max([self.levels[i] for i in inputs], default=-1)
        self.keys.append(key and (level, key))
        self.inputs.append(inputs)
        self.needs.append(needs)
        self.levels.append(level)
        return len(self.keys) - 1

    def add_sum(self, terms: Sequence[int]) -> int:
        return self.add(len(terms), terms, True)

    def add_row(self, op: Primitive, params: dict[str, Any], inputs: Sequence[int]) -> int:
        wanted = tuple([self.needs[i] for i in inputs])
        options: Hashable = tuple(params.items())
        try:
            hash(options)
        except TypeError:
            options = len(self.keys)  # a group of its own
        cell = self.add((op, options, wanted), inputs, any(wanted))
        self.rows[cell] = (op, params, wanted)
        return cell

    def heads(self) -> list[int]:
        """The cell of each node; for a partial sum that of the sum it leads to, which has the same gradient."""
        found = list(self.of)
        for i in reversed(range(len(found))):
            if found[i] < 0:
                found[i] = found[self.consumer[i]]
        return found


def _partial_sums(
    nodes: Sequence[Node], inputs: Sequence[Sequence[int]], outputs: Sequence[int]
) -> list[int]:
    """For each node that is only a step in a chain of additions, the node that continues it; -1 for all others."""
    uses, consumer = [0] * len(nodes), [-1] * len(nodes)
    for i, positions in enumerate(inputs):
        for k in positions:
            uses[k] += 1
            consumer[k] = i
    for i in outputs:
        uses[i] += 2
    for i, node in enumerate(nodes):
        if uses[i] != 1 or node.op is not p.add or nodes[consumer[i]].op not in (p.add, p.total):
            consumer[i] = -1
    for i, node in enumerate(nodes):
        if node.op is p.add and consumer[inputs[i][0]] == i:
            consumer[inputs[i][1]] = -1  # one of two chains goes on, so that terms are added in their order
    return consumer


def _replayable(op: Primitive, node: Node) -> Primitive:
    if not op.elementwise:
        raise GradientError(
            f"{node.describe()} came from {op.name}, which a replay cannot compute anew: its function makes nodes of "
            f"its own. Record the graph again for each step, or leave {op.name} out"
        )
    for name, option in node.params.items():
        if isinstance(option, Node):
            raise GradientError(
                f"{node.describe()} came from {op.name} with {name}={option!r}, a node that a replay would not see "
                f"change. Use maximum, minimum, clip or relu, whose choice is made anew each time, or record again"
            )
    return op


def _ordered(cells: _Cells) -> tuple[list[tuple[Array, Array]], Array]:
    """The groups, each as its cells and a column of inputs for each, and the order in which cells are first asked for.

    A group stands in the order in which the last of its consumers asks for it, so that its numbers lie in a row there.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, key in enumerate(cells.keys):
        if key is not None:
            groups.setdefault(key, []).append(i)
    rank, asked = np.full(len(cells.keys), -1), 0
    ordered = []
    for group in sorted(groups.values(), key=lambda group: -cells.levels[group[0]]):
        members = np.array(group)
        members = members[np.argsort(rank[members], kind="stable")]
        inputs = np.array([cells.inputs[i] for i in members]).T
        found, first = np.unique(inputs, return_index=True)
        found = found[np.argsort(first)]
        new = found[rank[found] < 0]
        rank[new] = asked + np.arange(len(new))
        asked += len(new)
        ordered.append((members, inputs))
    return ordered[::-1], rank
