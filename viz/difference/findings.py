"""What is said of a difference in words: the first NaN, what changed most, the gradients that vanished."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from ...autograd import TABLE
from ..boxes.changes import TIMES, in_words, numbers, times
from ..common.notation import typeset
from ..common.numbers import Summary, number, summarise
from ..common.words import shorten, sign
from ..graph.snapshot import VANISHED, Box, Graph, Shift
from ..graph.state import Entry, Sample, State
from .changes import First, differs, elements, rms

__all__ = ["of_all_nodes", "of_boxes", "of_parameters"]

MOST = 4  # boxes that are named in one sentence
LONGEST_NAME = 28


def of_all_nodes(
    before: State, after: State, partner: Sequence[int], first: Sequence[First], digits: int
) -> list[str]:
    """The first number that is not finite, and how many values and gradients changed."""
    told = [
        (_backward if each.backward else _forward)(before, after, partner, each, digits) for each in first
    ]
    return [*told, _counts(before, after, partner)]


def of_boxes(graph: Graph, digits: int) -> list[str]:
    """The outputs, what changed most, and the gradients that vanished, as far as the boxes of a graph show."""
    return [*_outputs(graph, digits), *_largest(graph), *_vanished(graph), *_below(graph)]


def of_parameters(after: State) -> list[str]:
    """The parameters whose gradient is very much smaller than the largest of a parameter, the smallest first."""
    sizes = {i: rms(elements(after.gradients[i])) for i in after.parameters if after.gradients[i] is not None}
    sizes = {i: size for i, size in sizes.items() if math.isfinite(size)}
    largest = max(sizes, key=lambda i: (sizes[i], -i), default=-1)
    far = sorted((size, i) for i, size in sizes.items() if 0 < size <= VANISHED * sizes[largest])
    words = [f"{_name(after, i)} ÷ {times(sizes[largest] / size)}" for size, i in far]
    return [f"gradients far below that of {_name(after, largest)}: {_some(words)}"] if words else []


# ---------------------------------------------------------------------- the first NaN


def _forward(before: State, after: State, partner: Sequence[int], first: First, digits: int) -> str:
    """`first NaN: v3 = log(p), with p = −0.2 (0.5 before)`."""
    i = first.node
    at = _at(after.values[i])
    said = f"first {first.what}: {_name(after, i)}{_index(at)}{_computed(after, i)}{_place(after, i)}"
    inputs = [_given(before, after, partner, k, at, digits) for k in dict.fromkeys(after.inputs[i][:MOST])]
    inputs = [each for each in inputs if each]
    said += f", with {', '.join(inputs)}" if inputs else ""
    said += f" ({after.lines[i]})" if i in after.lines else ""
    return said + (", in both states" if first.old else "")


def _backward(before: State, after: State, partner: Sequence[int], first: First, digits: int) -> str:
    """`first ∞ in the gradients: at x, an input of v1 = √(x), with x = 0 (4 before)`."""
    i = first.node
    at = _at(after.gradients[i])
    said = f"first {first.what} in the gradients: at {_name(after, i)}{_index(at)}{_place(after, i)}"
    users = [k for k, inputs in enumerate(after.inputs) if i in inputs]
    if users:
        said += f", an input of {_name(after, users[-1])}{_computed(after, users[-1])}"
        said += f", with {_given(before, after, partner, i, at, digits)}"
    return said + (", in both states" if first.old else "")


def _at(x: Entry) -> tuple[int, ...]:
    """Where the first element is that is not finite."""
    if not isinstance(x, np.ndarray) or not x.ndim:
        return ()
    return tuple(np.argwhere(~np.isfinite(x))[0].tolist())


def _index(at: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, at))}]" if at else ""


def _given(
    before: State, after: State, partner: Sequence[int], k: int, at: tuple[int, ...], digits: int
) -> str:
    """A node and its number in both states, of an array of the same shape the element `at`; empty for a constant."""
    pair = []
    for x in (before.values[partner[k]], after.values[k]):
        if isinstance(x, np.ndarray) and at and x.ndim == len(at) and all(i < n for i, n in zip(at, x.shape)):
            pair.append(typeset(number(x[at], digits)))
        else:
            pair.append(_text(x, digits))
            at = ()
    old, new = pair
    if new == _name(after, k):
        return ""
    return f"{_name(after, k)}{_index(at)} = {new}" + (f" ({old} before)" if old != new else "")


def _computed(state: State, i: int) -> str:
    """How a node was computed: ` = a × b`, ` = log(p)`, or that it is a leaf."""
    op = state.operations[i]
    if not op:
        return ", a leaf"
    row = TABLE.get(op)
    mark = sign(op, None if row is None else row.symbol)
    inputs = [_name(state, k) for k in state.inputs[i]]
    if len(inputs) == 2 and row is not None and row.symbol is not None:
        return f" = {inputs[0]} {mark} {inputs[1]}"
    if len(inputs) > MOST:
        inputs[MOST - 1 :] = ["…"]
    return f" = {mark}({', '.join(inputs)})"


def _place(state: State, i: int) -> str:
    return f" in {shorten(state.scopes[i][-1], LONGEST_NAME)}" if state.scopes[i] else ""


def _name(state: State, i: int) -> str:
    return shorten(state.labels[i], LONGEST_NAME)


def _text(x: Entry, digits: int) -> str:
    if x is None:
        return "–"
    if isinstance(x, float):
        return typeset(number(x, digits))
    if isinstance(x, np.ndarray) and x.size == 1:
        return typeset(number(x.item(), digits))
    summary = x.summary if isinstance(x, Sample) else summarise(x)
    return typeset(
        ", ".join(filter(None, [summary.range(digits) or summary.centre(digits), summary.trouble()]))
    )


# ---------------------------------------------------------------------- changes


def _counts(before: State, after: State, partner: Sequence[int]) -> str:
    """How many values and gradients changed."""
    parts = []
    for kind, old, new in (
        ("value", before.values, after.values),
        ("gradient", before.gradients, after.gradients),
    ):
        pairs = [(old[j], x) for j, x in zip(partner, new) if old[j] is not None or x is not None]
        changed = sum(differs(*pair) for pair in pairs)
        if pairs:
            parts.append((changed, f"{changed:,} of {len(pairs):,} {kind}{'s' * (len(pairs) != 1)}"))
    if not any(changed for changed, _ in parts):
        return "nothing changed"
    return f"{' and '.join(text for _, text in parts)} changed"


def _outputs(graph: Graph, digits: int) -> Iterator[str]:
    """The outputs that are single numbers."""
    for box in [box for box in graph.boxes if box.output][:MOST]:
        change = None if box.change is None else box.change.value
        if change is not None and change.changed and not _is_array(change):
            before, after = map(typeset, numbers(change, digits))
            yield f"{_title(box)}: {before} → {after}  {in_words(change)}".rstrip()


def _largest(graph: Graph) -> Iterator[str]:
    """The values, and the gradients, that changed most."""
    for kind in ("value", "gradient"):
        found = [
            (_much(change), i, title, change)
            for i, (title, change) in enumerate(_shifts(graph, kind))
            if change.changed
            and not math.isnan(change.share)
            and not (kind == "gradient" and change.vanished)
        ]
        found.sort(key=lambda each: (-each[0], each[1]))
        if len(found) > 1:
            words = [f"{title} {in_words(change)}" for _, _, title, change in found[:MOST]]
            yield f"{kind}s that changed most: {', '.join(words)}"


def _much(change: Shift) -> float:
    """How much something changed, in the order of the words for it: × and ÷ before per cent, `from 0` last."""
    if math.isinf(change.share):
        return 0.0
    smaller = 1 / change.factor if change.factor else math.inf
    return smaller if smaller >= TIMES else change.share


def _shifts(graph: Graph, kind: str) -> Iterator[tuple[str, Shift]]:
    """All values or all gradients, each with its name; those of the parameters of a closed module too."""
    for box in graph.boxes:
        if box.change is None:
            continue
        own = box.change.value if kind == "value" else box.change.gradient
        if own is not None:
            yield _title(box), own
        for (name, *_), pair in zip(box.parameters, box.change.parameters):
            yield f"{_title(box)} {name}", pair[kind == "gradient"]


def _vanished(graph: Graph) -> Iterator[str]:
    """The gradients that are very much smaller than before, the smallest first."""
    found = [
        (change.factor, title, change) for title, change in _shifts(graph, "gradient") if change.vanished
    ]
    found.sort(key=lambda each: each[0])
    if found:
        yield f"gradients that vanished: {_some([f'{title} {in_words(change)}' for _, title, change in found])}"


def _below(graph: Graph) -> Iterator[str]:
    """The gradients that are very much smaller than the largest, and by how much an operation makes them smaller."""
    boxes = {box.id: box for box in graph.boxes}
    groups: dict[str, list[tuple[float, Box]]] = {}
    for box in graph.boxes:
        if box.change is not None and box.change.below:
            groups.setdefault(box.change.largest, []).append((box.change.below, box))
    for id, group in groups.items():
        if boxes[id].kind == "parameter":
            continue  # `of_parameters` names those in closed modules as well
        group.sort(key=lambda each: -each[0])
        below, least = group[0]
        words = _some([f"{_title(box)} ÷ {times(far)}" for far, box in group])
        yield f"gradients far below that of {_title(boxes[id])}: {words}"
        steps = _steps(graph, least.id, id)
        if steps > 1:
            each = times(below ** (1 / steps))
            ends = f"from {_title(boxes[id])} back to {_title(least)}"
            yield f"{ends} the gradient shrinks in {steps} steps, by ÷ {each} at each of them on average"


def _steps(graph: Graph, tail: str, head: str) -> int:
    """How many edges lead from one box to another along the shortest path; 0 if none do."""
    users: dict[str, list[str]] = {}
    for edge in graph.edges:
        users.setdefault(edge.tail, []).append(edge.head)
    reached = {tail: 0}
    pending = deque([tail])
    while pending and head not in reached:
        id = pending.popleft()
        for user in users.get(id, ()):
            if user not in reached:
                reached[user] = reached[id] + 1
                pending.append(user)
    return reached.get(head, 0)


def _some(words: list[str]) -> str:
    more = f", and {len(words) - MOST:,} more" if len(words) > MOST else ""
    return ", ".join(words[:MOST]) + more


def _title(box: Box) -> str:
    return shorten(box.label.partition(": ")[0] if box.kind == "module" else box.label, LONGEST_NAME)


def _is_array(change: Shift) -> bool:
    return any(isinstance(x, Summary) and math.prod(x.shape) != 1 for x in (change.before, change.after))
