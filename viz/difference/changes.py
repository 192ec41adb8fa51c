"""What changed in each box of a graph between two states, as data.

The size of an array is the root mean square of its elements, which of a single number is its magnitude. A change is
given as a part of the size before. What differs by a few units of rounding is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..common.heat import heat
from ..common.numbers import Summary, summarise
from ..graph.snapshot import VANISHED, Box, Change, Cluster, Edge, Graph, Shift, Shown
from ..graph.state import Entry, Sample, State

__all__ = ["First", "compared", "differs", "elements", "firsts", "rms", "shift"]

ROUNDING = 4  # units in the last place
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class First:
    """The first number that is not finite.

    Attributes:
        node: its position in the state.
        what: "NaN" or "∞".
        backward: whether it is a gradient; then it is the first of the backward pass.
        old: whether it was there in the earlier state as well.
    """

    node: int
    what: str
    backward: bool
    old: bool


# ---------------------------------------------------------------------- numbers


def elements(x: Entry) -> np.ndarray:
    """The elements of a value or a gradient in float64, of a large array some of them."""
    if x is None:
        return np.empty(0)
    array = x.elements if isinstance(x, Sample) else np.asarray(x)
    return array.astype(np.float64).reshape(-1)


def rms(x: np.ndarray) -> float:
    """The root mean square of an array; 0 for an empty one.

    >>> rms(np.array([3.0, -4.0, 0.0, 0.0]))
    2.5
    """
    most = float(np.abs(x).max(initial=0.0))
    if most == 0 or not np.isfinite(most):
        return most
    return most * float(np.sqrt(np.mean((x / most) ** 2)))


def shift(before: Sequence[Entry], after: Sequence[Entry], shown: Shown | None = None) -> Shift | None:
    """A value or a gradient of one node or of several in two states; `None` if neither state has one.

    `shown` is what is shown of the later state, where that is known already.

    >>> found = shift([2.0], [1.5])
    >>> found.share, found.factor, found.turned
    (0.25, 0.75, False)
    """
    old, new = _together(before), _together(after)
    if old is None and new is None:
        return None
    was, now = _shown(old), _shown(new) if shown is None else shown
    if old is None or new is None:
        return Shift(was, now if new is not None else None, np.nan, np.nan)
    a, b = elements(old), elements(new)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        same = np.array_equal(a, b, equal_nan=True)
        return Shift(was, now, 0.0 if same else np.nan, np.nan)
    with np.errstate(all="ignore"):
        change, size, later = rms(b - a), rms(a), rms(b)
    if change <= ROUNDING * _eps(was) * max(size, later):
        return Shift(was, now)
    arrays = isinstance(old, np.ndarray) and isinstance(new, np.ndarray)
    return Shift(
        was,
        now,
        change / size if size else np.inf,
        later / size if size else np.inf,
        a.size == 1,
        a.size == 1 and bool(a[0] * b[0] < 0),
        heat(np.asarray(new, np.float64) - np.asarray(old, np.float64)) if arrays else None,
    )


def differs(before: Entry, after: Entry) -> bool:
    """Whether the values or the gradients of a node are different in two states."""
    if isinstance(before, float) and isinstance(after, float):
        least = ROUNDING * EPS * max(abs(before), abs(after))
        return not (abs(after - before) <= least or (before != before and after != after) or before == after)
    if before is None or after is None:
        return before is not after
    found = shift([before], [after])
    return found is not None and found.changed


def _together(entries: Sequence[Entry]) -> Entry:
    """The entries of several nodes as one array; `None` if one of them has none, or their shapes differ."""
    if not entries or any(x is None for x in entries):
        return None
    if len(entries) == 1:
        return entries[0]
    if any(isinstance(x, Sample) for x in entries):
        together = np.concatenate([elements(x) for x in entries])
        return Sample(summarise(together), together)
    if len({np.shape(x) for x in entries}) > 1:  # type: ignore[arg-type]
        return None
    return np.array(entries)


def _shown(x: Entry) -> Shown | None:
    if x is None or isinstance(x, float):
        return x
    return x.summary if isinstance(x, Sample) else summarise(x)


def _eps(shown: Shown | None) -> float:
    dtype = np.dtype(shown.dtype) if isinstance(shown, Summary) else np.dtype(float)
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0  # type: ignore[type-var]


# ---------------------------------------------------------------------- the first NaN


def firsts(before: State, after: State, partner: Sequence[int]) -> list[First]:
    """The first NaN of the values and the first infinity before it; without a NaN, the first one of the gradients.

    An infinity that the earlier state has as well, such as that of a mask, is not one.
    """
    found: list[First] = []
    for i, value in enumerate(after.values):
        what = _trouble(value)
        if what == "NaN":
            return [*found, First(i, what, False, _trouble(before.values[partner[i]]) == what)]
        if what and not found and _trouble(before.values[partner[i]]) != what:
            found.append(First(i, what, False, False))
    for i in reversed(range(len(after))):
        what = _trouble(after.gradients[i])
        if what and not found:
            return [First(i, what, True, _trouble(before.gradients[partner[i]]) == what)]
    return found


def _trouble(x: Entry) -> str:
    """ "NaN", "∞", or nothing."""
    if x is None or (isinstance(x, float) and x - x == 0):
        return ""
    if isinstance(x, Sample):
        return "NaN" if x.summary.nans else "∞" * bool(x.summary.infinities)
    if np.isfinite(x).all():
        return ""
    return "NaN" if np.isnan(x).any() else "∞"


# ---------------------------------------------------------------------- boxes


def compared(
    graph: Graph, before: State, after: State, partner: Sequence[int], first: Sequence[First]
) -> Graph:
    """A snapshot of the later state with what changed in each of its boxes."""
    exits, members = _members(graph, after)
    begins = {graph.where[each.node]: each for each in reversed(first)}
    changes: dict[str, Change] = {}
    for box in graph.boxes:
        if box.kind in ("more", "chip"):
            continue
        own = exits.get(box.id, [])
        old = [partner[i] for i in own]
        value = gradient = None
        if box.value is not None:
            value = shift([before.values[j] for j in old], [after.values[i] for i in own], box.value)
        if box.value is not None and box.kind != "constant":
            pair = [before.gradients[j] for j in old], [after.gradients[i] for i in own]
            known = [[x for x in each if x is not None] for each in pair]
            gradient = shift(known[0], known[1], box.gradient)
        inside = [i for i in members.get(box.id, []) if i in after.parameters] if box.parameters else []
        parameters = tuple(_pair(before, after, partner[i], i) for i in inside)
        changes[box.id] = Change(
            value,
            gradient,
            parameters,
            f"first {begins[box.id].what}" if box.id in begins else "",
        )
    sizes = _sizes(graph, after, exits)
    for id, (below, largest) in _below(graph, sizes).items():
        changes[id] = replace(changes[id], below=below, largest=largest)
    shrinking = any(change.below for change in changes.values())
    changed: Callable[[Box], Box] = lambda box: replace(box, change=changes.get(box.id))  # noqa: E731
    return replace(
        graph,
        boxes=[changed(box) for box in graph.boxes],
        cluster=_clusters(graph.cluster, changed),
        edges=[_edge(edge, sizes if shrinking else {}) for edge in graph.edges],
    )


def _pair(before: State, after: State, j: int, i: int) -> tuple[Shift, Shift]:
    value = shift([before.values[j]], [after.values[i]])
    assert value is not None
    return value, shift([before.gradients[j]], [after.gradients[i]]) or Shift(None, None)


def _members(graph: Graph, after: State) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """For each box the nodes in it that are used outside of it or were asked for, and all of them."""
    where = graph.where
    used = set(after.outputs)
    used.update(k for i, inputs in enumerate(after.inputs) for k in inputs if where[k] != where[i])
    exits: dict[str, list[int]] = {}
    members: dict[str, list[int]] = {}
    for i, id in enumerate(where):
        members.setdefault(id, []).append(i)
        if i in used:
            exits.setdefault(id, []).append(i)
    return exits, members


def _sizes(graph: Graph, after: State, exits: dict[str, list[int]]) -> dict[str, tuple[float, int]]:
    """For each box with a gradient its size, and of how many elements."""
    found = {}
    for box in graph.boxes:
        slopes = [elements(after.gradients[i]) for i in exits.get(box.id, [])]
        together = np.concatenate(slopes) if slopes else np.empty(0)
        if box.kind != "constant" and together.size and np.isfinite(together).all():
            found[box.id] = rms(together), together.size
    return found


def _below(graph: Graph, sizes: dict[str, tuple[float, int]]) -> dict[str, tuple[float, str]]:
    """The boxes whose gradient is very much smaller than the largest: how many times, and which box has the largest.

    Parameters are compared with parameters, and results with results of more than one number where there are such: the
    gradients of a batch are divided by its size, and that of its loss is not.
    """
    found: dict[str, tuple[float, str]] = {}
    for learnt in (True, False):
        group = {
            box.id: sizes[box.id]
            for box in graph.boxes
            if (box.kind == "parameter") == learnt and box.id in sizes
        }
        several = {id: size for id, size in group.items() if size[1] > 1} or group
        if not several:
            continue
        largest = max(several, key=lambda id: several[id][0])
        most = several[largest][0]
        found |= {
            id: (most / size, largest) for id, (size, _) in several.items() if 0 < size <= VANISHED * most
        }
    return found


def _edge(edge: Edge, sizes: dict[str, tuple[float, int]]) -> Edge:
    """An edge without its local gradient, and with the factor by which the gradient shrinks, if that is to be shown."""
    plain = Edge(edge.id, edge.tail, edge.head, flows=edge.flows, count=edge.count)
    (tail, many), (head, more) = sizes.get(edge.tail, (0.0, 0)), sizes.get(edge.head, (0.0, 0))
    alike = tail > 0 and head > 0 and (many > 1) == (more > 1) and edge.flows
    return replace(plain, shrinks=head / tail) if alike else plain


def _clusters(cluster: Cluster, changed: Callable[[Box], Box]) -> Cluster:
    inner = {title: _clusters(each, changed) for title, each in cluster.inner.items()}
    return Cluster(cluster.title, [changed(box) for box in cluster.boxes], cluster.operations, inner)
