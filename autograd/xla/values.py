"""A graph of single numbers for XLA: a few operations on whole arrays, one for each group of nodes.

The groups are those of the replay (`replay/levels.py`): nodes of one row at one distance from the leaves. XLA's arrays
are never written to, so the numbers of each group are an array of their own, a *piece* of the flat array in which the
replay keeps them all. A group gathers its inputs from the pieces before it.
"""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..engine.backward import dependency_order
from ..engine.vjp import pass_back
from ..replay.levels import Levels, Pull, Rows, Sums
from .lowered import Lowered, plain, row
from .refusals import FUNCTION, RULE, refusal

__all__ = ["ScalarProgram"]

FLOAT = np.dtype(float)
FEW = 8  # numbers of terms; sums of so few lengths are added up length by length


class ScalarProgram:
    """The graph of `outputs`, which are Values, as pure functions of one array with the numbers of all `leaves`.

    The same as `Program`, but the numbers of the leaves are one array of float64, and so are those of the outputs, the
    gradients at them, and the gradients of the leaves that require one.

    Raises `GradientError` for nodes that a replay cannot compute anew.
    """

    def __init__(
        self, outputs: Sequence[Any], leaves: Sequence[Any], roots: Sequence[Any] | None = None
    ) -> None:
        self.outputs: list[Any] = list(outputs)
        self.roots: list[Any] = self.outputs if roots is None else list(roots)
        self.nodes: list[Any] = dependency_order(self.outputs, constants=True)
        self.leaves: list[Any] = list(leaves)
        self.wanted = [leaf.requires_grad for leaf in self.leaves]
        self.differentiable = all(y.requires_grad for y in self.roots)
        at = {y: k for k, y in enumerate(self.outputs)}
        self.roots_at = np.array([at[y] for y in self.roots], np.intp)  # among the outputs
        index = {node: i for i, node in enumerate(self.nodes)}
        places = [index[y] for y in self.outputs]
        levels = self.levels = Levels(self.nodes, places)
        self.outputs_at = levels.place[places]
        found = [self.nodes[i] for i in levels.leaves]
        given = {leaf: k for k, leaf in enumerate(self.leaves)}
        constants = [leaf for leaf in found if leaf not in given]
        self.constants = np.array([leaf.data for leaf in constants], float)
        given |= {leaf: len(self.leaves) + k for k, leaf in enumerate(constants)}
        self.leaves_from = np.array([given[leaf] for leaf in found], np.intp)
        parameters = {leaf: k for k, leaf in enumerate(found[: levels.n_parameters])}
        # a leaf that the outputs do not depend on gets the gradient 0, which is appended
        self.gradients_from = np.array(
            [parameters.get(x, len(parameters)) for x, want in zip(self.leaves, self.wanted) if want], np.intp
        )

    def signature(self) -> list[tuple[str, tuple[int, ...], Any]]:
        """A text for error messages, the shape and the dtype of the array of all leaves."""
        return [(f"the numbers of {len(self.leaves)} leaves", (len(self.leaves),), FLOAT)]

    def signature_of_roots(self) -> list[tuple[str, tuple[int, ...], Any]]:
        """The same for the array of the roots."""
        return [(f"the numbers of {len(self.roots)} outputs", (len(self.roots),), FLOAT)]

    def forward(self, arrays: Sequence[Any]) -> list[Any]:
        """The numbers of the outputs, given those of the leaves."""
        return [self._forward(arrays).at(self.outputs_at)]

    def passes(
        self, arrays: Sequence[Any], upstream: Sequence[Any] | None = None, zero_safe: bool = False
    ) -> tuple[list[Any], list[Any]]:
        """The numbers of the outputs, and the gradients of the leaves that require one; see `Program.passes`."""
        values = self._forward(arrays)
        levels, given = self.levels, 1.0 if upstream is None else jnp.asarray(upstream[0])
        above = jnp.zeros(len(self.outputs)).at[self.roots_at].add(given)
        gradients = Pieces()
        gradients.add(int(levels.seeds[0]), above)
        for group in levels.backwards:
            assert group.pull is not None
            gradients.add(group.places.start, _pulled(group.pull, gradients))
            if isinstance(group, Rows):
                self._backward(group, values, gradients, zero_safe)
        found = jnp.zeros(1)
        if levels.collect is not None:
            found = jnp.concatenate([_pulled(levels.collect, gradients), found])
        return [values.at(self.outputs_at)], [taken(found, self.gradients_from)]

    def _forward(self, arrays: Sequence[Any]) -> Pieces:
        (given,) = arrays
        values = Pieces()
        numbers = jnp.concatenate([jnp.asarray(given), self.constants]) if len(self.constants) else given
        values.add(0, taken(jnp.asarray(numbers), self.leaves_from))
        for group in self.levels.groups:
            n = group.places.stop - group.places.start
            if isinstance(group, Sums):
                y = _added(values.at(group.terms_at), group.shape)
            else:
                xs = tuple([Lowered(values.at(at)) for at in group.inputs_at])
                try:
                    y = plain(row(group.op, xs, group.params))
                except Exception as error:
                    raise refusal(self._node(group), FUNCTION, error) from error
            values.add(group.places.start, jnp.broadcast_to(jnp.asarray(y, float), (n,)))
        return values

    def _backward(self, group: Rows, values: Pieces, gradients: Pieces, zero_safe: bool) -> None:
        g, y = Lowered(gradients.at(group.places)), Lowered(values.at(group.places))
        xs, n = [Lowered(values.at(at)) for at in group.inputs_at], y.shape[0]
        try:
            passed = pass_back(group.op, [i for i, _ in group.targets], g, y, xs, group.params, zero_safe)
            for (_, c), (_, at) in zip(passed, group.targets):
                gradients.add(at.start, jnp.broadcast_to(jnp.asarray(plain(c), float), (n,)))
        except Exception as error:
            raise refusal(self._node(group), RULE, error) from error

    def _node(self, group: Rows) -> Any:
        """A node of the group, for an error message."""
        return next(node for node, place in zip(self.nodes, self.levels.place) if place == group.places.start)


class Pieces:
    """A flat array in pieces, each with the place of its first number."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.arrays: dict[int, Any] = {}

    def add(self, start: int, array: Any) -> None:
        """Add a piece."""
        insort(self.starts, start)
        self.arrays[start] = array

    def at(self, places: Any) -> Any:
        """The numbers at these places."""
        if isinstance(places, slice):
            places = np.arange(places.start, places.stop, places.step)
        low, high = int(places.min()), int(places.max())
        used = self.starts[bisect(self.starts, low) - 1 : bisect(self.starts, high)]
        if len(used) > 2:
            owner = np.unique(np.searchsorted(used, places, "right") - 1)
            used = [used[k] for k in owner]
        parts, moved, length = [], places.copy(), 0
        for start in used:
            array = self.arrays[start]
            here = (places >= start) & (places < start + array.shape[0])
            if here.any():
                first, last = int(places[here].min()) - start, int(places[here].max()) - start
                parts.append(array if last - first + 1 == array.shape[0] else array[first : last + 1])
                moved[here] += length - start - first
                length += last - first + 1
        return taken(parts[0] if len(parts) == 1 else jnp.concatenate(parts), moved)


def taken(x: Any, at: np.ndarray) -> Any:
    """`x[at]`, as a slice where that is possible."""
    if len(at) == x.shape[0] and (at == np.arange(len(at))).all():
        return x
    step = int(at[1] - at[0]) if len(at) > 1 else 1
    if step > 0 and (np.diff(at) == step).all():
        return x[int(at[0]) : int(at[-1]) + 1 : step]
    return x.at[at.astype(np.int32)].get(mode="promise_in_bounds")


def _added(terms: Any, shape: tuple[int, ...]) -> Any:
    """The sums: `terms` has the first terms of all sums, then all second ones, ..."""
    return terms if shape[0] == 1 else jnp.sum(terms.reshape(shape), 0)


def _pulled(pull: Pull, gradients: Pieces) -> Any:
    """The sums of the contributions that a group gathers."""
    sources = pull.sources_at
    if pull.starts is None:
        return _added(gradients.at(sources), pull.shape)
    sources = np.arange(sources.start, sources.stop, sources.step) if isinstance(sources, slice) else sources
    counts = np.diff([*pull.starts, len(sources)])
    lengths = np.unique(counts)
    if len(lengths) > FEW:
        owners = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        zeros = jnp.zeros(len(counts))
        return zeros.at[owners].add(gradients.at(sources), mode="promise_in_bounds", indices_are_sorted=True)
    sums, members = [], []
    for n in lengths:
        (which,) = np.nonzero(counts == n)
        at = sources[pull.starts[which] + np.arange(n)[:, None]].ravel()
        sums.append(_added(gradients.at(at), (n, len(which))) if n else jnp.zeros(len(which)))
        members.append(which)
    return taken(jnp.concatenate(sums), np.argsort(np.concatenate(members)))
