"""A graph of single numbers as a few operations on whole arrays, for the replay.

Every value has a place in one flat array, every gradient in another. Nodes of one row of the table, with the same
options and the same distance from the leaves, form a group. Their places are contiguous, their inputs are gathered by
arrays of places, and the function and the rules of the row run on all of them at once. A chain of additions is one sum,
and a `dot` is products and their sum. In the backward pass each consumer writes its contributions to places of their
own; a group gathers those to it in a precomputed order and adds them up. With a batch, each number is an array along
later axes.
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
Places = slice | Array  # positions in a flat array; a slice where they are evenly spaced


class Levels:
    """The place of each number of a graph, and the groups that compute them, in the order of the forward pass.

    Attributes:
        groups: each computes its values from those of earlier groups, and passes its gradients back to them.
        backwards: the groups that receive gradients, each after all of its consumers.
        leaves: the positions in `nodes` of the leaves, in the order of their places, which are the first ones. Leaves
            that require a gradient come before the others; their number is `n_parameters`.
        place: for each node, the place of its value; -1 for a partial sum in a chain of additions, which is not kept.
        gradient_place: for each node, the place of its gradient.
        seeds: for each output, the place of the gradient to start from.
        n_values, n_gradients: the number of places.
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
        # of each edge of the backward pass: the place it goes to, the place it comes from, and the cell
        roots = self.place[list(outputs)]
        reached = needs[[cells.of[i] for i in outputs]]
        edges = [(roots[reached], self.seeds[reached], self.seeds[reached])]
        for members, inputs in ordered:
            at = place[inputs]
            here = slice(int(place[members[0]]), int(place[members[-1]]) + 1)
            if members[0] not in cells.rows:
                self.groups.append(Sums(here, at))
                passed = needs[inputs] & needs[members]
                sums, cell = (np.broadcast_to(x, at.shape)[passed] for x in (place[members], members))
                edges.append((at[passed], sums, cell))
            else:
                op, params, wanted = cells.rows[members[0]]
                rows = Rows(op, params, here, at)
                for i in [i for i, want in enumerate(wanted) if want]:
                    stretch = slice(start, start + len(members))
                    rows.targets.append((i, stretch))
                    edges.append((at[i], np.arange(start, stretch.stop), members))
                    start = stretch.stop
                self.groups.append(rows)
        self.n_gradients = start
        self._connect(edges)

    def _connect(self, edges: Sequence[tuple[Array, Array, Array]]) -> None:
        """Give groups and leaves the places they gather; as in eager mode, the latest consumer comes first."""
        to, source, cell = (np.concatenate(ends) for ends in zip(*edges))
        source = source[np.lexsort((-cell, to))]
        starts = np.concatenate([[0], np.cumsum(np.bincount(to, minlength=self.n_values))])

        def pull(at: slice) -> Pull | None:
            counts = np.diff(starts[at.start : at.stop + 1])
            return Pull(at, source[starts[at.start] : starts[at.stop]], counts) if counts.any() else None

        for group in self.groups:
            group.pull = pull(group.places)
        self.backwards = [group for group in reversed(self.groups) if group.pull is not None]
        self.collect = pull(slice(0, self.n_parameters))

    def forward(self, values: Array) -> None:
        """Compute all values from those of the leaves."""
        with np.errstate(all="ignore"):
            for group in self.groups:
                group.forward(values)

    def backward(self, gradients: Array, upstream: Sequence[Any]) -> None:
        """Compute all gradients from those at the outputs, with the values of the last forward pass.

        As in `backward.run`, a zero gradient stays zero beside infinity; the pass is repeated for that if it gave NaN.
        """
        for place, g in zip(self.seeds, upstream):
            gradients[place] = g
        with np.errstate(all="ignore"):
            self._pass(gradients, zero_safe=False)
            if np.isnan(gradients[: self.n_parameters]).any():
                self._pass(gradients, zero_safe=True)

    def _pass(self, gradients: Array, zero_safe: bool) -> None:
        for group in self.backwards:
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
        self.targets: list[
            tuple[int, slice]
        ] = []  # each input that gets a gradient, and the places of the contributions
        self.pull: Pull | None = None  # None for products of constants, in a `dot`
        self.saved: list[Array] = []  # output and inputs of the latest forward pass

    def forward(self, values: Array) -> None:
        xs = [_gather(values, at) for at in self.inputs_at]
        y = values[self.places]
        if isinstance(self.op.on_arrays, np.ufunc):
            self.op.on_arrays(*xs, out=y)
        else:
            y[...] = self.op.on_arrays(*xs, **self.params)
        self.saved = [y, *xs]

    def backward(self, gradients: Array, zero_safe: bool) -> None:
        assert self.pull is not None
        self.pull(gradients)
        g, (y, *xs) = gradients[self.places], self.saved
        passed = pass_back(self.op, [i for i, _ in self.targets], g, y, xs, self.params, zero_safe)
        for (_, c), (_, at) in zip(passed, self.targets):
            gradients[at] = c


class Sums:
    """Sums of equally many terms. A term has the gradient of its sum, so terms gather from the place of the sum."""

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
    """Computes the gradients at contiguous places, each the sum of the contributions at other places."""

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
    """Add up `terms`: the first terms of all sums, then all second ones, so that they are added in written order."""
    count, n = shape
    if count == 1:
        out[...] = terms
    elif n == 1:
        out[0] = np.add.accumulate(terms, 0)[-1]  # `reduce` would add in another order
    else:
        np.add.reduce(terms.reshape(shape + terms.shape[1:]), 0, out=out)


def _places(at: Array, spread: bool = False) -> Places:
    """Places as a slice if they are evenly spaced; with `spread`, equal places become one, which broadcasts."""
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
    """What has a place: leaves, computed nodes, and the products inside of a `dot`.

    A partial sum in a chain of additions has no place; its terms belong to the whole sum.
    """

    def __init__(self, nodes: Sequence[Node], outputs: Sequence[int]) -> None:
        self.keys: list[Hashable] = []  # cells with equal keys form a group; None for a leaf
        self.inputs: list[Sequence[int]] = []
        self.needs: list[bool] = []  # whether a gradient arrives that it passes on or keeps
        self.levels: list[int] = []
        # the row, its options and the inputs that get a gradient; cells that are not here are leaves or sums
        self.rows: dict[int, tuple[Primitive, dict[str, Any], tuple[bool, ...]]] = {}
        self.of = [-1] * len(nodes)  # the cell of each node
        position = {node: i for i, node in enumerate(nodes)}
        inputs = [[position[x] for x in node.inputs] for node in nodes]
        wants = _reached(nodes, inputs, outputs)
        self.consumer = _partial_sums(nodes, inputs, outputs, wants)
        terms: dict[int, list[int]] = {}
        for i, node in enumerate(nodes):
            op = node.op
            if not node.inputs or op is None:
                self.of[i] = self.add(None, (), wants[i])
            elif op is p.add or op is p.total:
                found: list[int] = []
                for k in sorted(inputs[i], key=lambda k: self.consumer[k] < 0):  # partial sums first
                    if self.consumer[k] < 0:
                        found.append(self.of[k])
                    elif found:
                        found.extend(terms.pop(k))
                    else:
                        found = terms.pop(k)  # the same list grows, so that long chains take linear time
                if self.consumer[i] < 0:
                    self.of[i] = self.add_sum(found, wants[i])
                else:
                    terms[i] = found
            elif op is p.dot_:
                half = len(node.inputs) // 2
                pairs = zip(inputs[i][:half], inputs[i][half:])
                self.of[i] = self.add_sum(
                    [self.add_row(p.multiply, {}, [self.of[k] for k in pair], wants[i]) for pair in pairs],
                    wants[i],
                )
            else:
                xs = [self.of[k] for k in inputs[i]]
                self.of[i] = self.add_row(_replayable(op, node), node.params, xs, wants[i])

    def add(self, key: Hashable, inputs: Sequence[int], needs: bool) -> int:
        level = 1 + max([self.levels[i] for i in inputs], default=-1)
        self.keys.append(key and (level, key))
        self.inputs.append(inputs)
        self.needs.append(needs)
        self.levels.append(level)
        return len(self.keys) - 1

    def add_sum(self, terms: Sequence[int], needs: bool) -> int:
        return self.add((len(terms), needs), terms, needs)

    def add_row(self, op: Primitive, params: dict[str, Any], inputs: Sequence[int], needs: bool) -> int:
        wanted = tuple([needs and self.needs[i] for i in inputs])
        options: Hashable = tuple(params.items())
        try:
            hash(options)
        except TypeError:
            options = len(self.keys)  # a group of its own
        cell = self.add((op, options, wanted), inputs, any(wanted))
        self.rows[cell] = (op, params, wanted)
        return cell

    def heads(self) -> list[int]:
        """The cell of each node; for a partial sum that of the whole sum, which has the same gradient."""
        found = list(self.of)
        for i in reversed(range(len(found))):
            if found[i] < 0:
                found[i] = found[self.consumer[i]]
        return found


def _reached(nodes: Sequence[Node], inputs: Sequence[Sequence[int]], outputs: Sequence[int]) -> list[bool]:
    """For each node, whether a gradient arrives at it: it passes through no node that was detached."""
    wants = [False] * len(nodes)
    for i in outputs:
        wants[i] = True
    for i in reversed(range(len(nodes))):
        wants[i] = wants[i] and nodes[i].requires_grad
        if wants[i]:
            for k in inputs[i]:
                wants[k] = True
    return wants


def _partial_sums(
    nodes: Sequence[Node], inputs: Sequence[Sequence[int]], outputs: Sequence[int], wants: Sequence[bool]
) -> list[int]:
    """For each partial sum in a chain of additions, the next node of the chain; -1 for all other nodes."""
    uses, consumer = [0] * len(nodes), [-1] * len(nodes)
    for i, positions in enumerate(inputs):
        for k in positions:
            uses[k] += 1
            consumer[k] = i
    for i in outputs:
        uses[i] += 2
    for i, node in enumerate(nodes):
        alike = wants[i] is wants[consumer[i]]
        if uses[i] != 1 or node.op is not p.add or nodes[consumer[i]].op not in (p.add, p.total) or not alike:
            consumer[i] = -1
    for i, node in enumerate(nodes):
        if node.op is p.add and consumer[inputs[i][0]] == i:
            consumer[
                inputs[i][1]
            ] = -1  # only one of two chains continues, so that terms are added in their order
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
    """The groups, each as its cells and their inputs in columns, and the rank of each cell among all inputs.

    The cells of a group are in the order in which the last group that reads them has them as inputs, so that their
    numbers are contiguous there.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, key in enumerate(cells.keys):
        if key is not None:
            groups.setdefault(key, []).append(i)
    rank, ranked = np.full(len(cells.keys), -1), 0
    ordered = []
    for group in sorted(groups.values(), key=lambda group: -cells.levels[group[0]]):
        members = np.array(group)
        members = members[np.argsort(rank[members], kind="stable")]
        inputs = np.array([cells.inputs[i] for i in members]).T
        found, first = np.unique(inputs, return_index=True)
        found = found[np.argsort(first)]
        new = found[rank[found] < 0]
        rank[new] = ranked + np.arange(len(new))
        ranked += len(new)
        ordered.append((members, inputs))
    return ordered[::-1], rank
