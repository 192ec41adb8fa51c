"""What is said of a difference in words: the first NaN, what changed most, the gradients that vanished."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from ...autograd import TABLE
from ..boxes.changes import factor, in_words, numbers
from ..common.notation import typeset
from ..common.numbers import Summary, number, summarise
from ..common.words import shorten, sign
from ..graph.snapshot import Box, Graph, Shift
from ..graph.state import Entry, Sample, State
from .changes import First, differs

__all__ = ["of_all_nodes", "of_boxes"]

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
    """The outputs, what changed most, and the gradients that vanished, as far as the boxes of a graph tell."""
    return [*_outputs(graph, digits), *_largest(graph), *_vanished(graph), *_below(graph)]


# ---------------------------------------------------------------------- the first NaN


def _forward(before: State, after: State, partner: Sequence[int], first: First, digits: int) -> str:
    """`first NaN: v3 = log(p), with p = −0.2 (0.5 before)`."""
    i = first.node
    said = f"first {first.what}: {_computed(after, i)}{_place(after, i)}"
    inputs = []
    for k in dict.fromkeys(after.inputs[i][:MOST]):
        old, new = _text(before.values[partner[k]], digits), _text(after.values[k], digits)
        if new != _name(after, k):
            inputs.append(f"{_name(after, k)} = {new}" + (f" ({old} before)" if old != new else ""))
    said += f", with {', '.join(inputs)}" if inputs else ""
    said += f" ({after.lines[i]})" if i in after.lines else ""
    return said + (", in both states" if first.old else "")


def _backward(before: State, after: State, partner: Sequence[int], first: First, digits: int) -> str:
    """`first ∞ in the gradients: at x, from v1 = √(x), with x = 0 (4 before)`."""
    i = first.node
    said = f"first {first.what} in the gradients: at {_name(after, i)}{_place(after, i)}"
    users = [k for k, inputs in enumerate(after.inputs) if i in inputs]
    if users:
        old, new = _text(before.values[partner[i]], digits), _text(after.values[i], digits)
        was = f" ({old} before)" if old != new else ""
        said += f", an input of {_computed(after, users[-1])}, with {_name(after, i)} = {new}{was}"
    return said + (", in both states" if first.old else "")


def _computed(state: State, i: int) -> str:
    """A node and how it was computed: `v3 = a × b`, `v4 = log(p)`, `the leaf x`."""
    name, op = _name(state, i), state.operations[i]
    if not op:
        return f"the leaf {name}"
    row = TABLE.get(op)
    mark = sign(op, None if row is None else row.symbol)
    inputs = [_name(state, k) for k in state.inputs[i]]
    if len(inputs) == 2 and row is not None and row.symbol is not None:
        return f"{name} = {inputs[0]} {mark} {inputs[1]}"
    if len(inputs) > MOST:
        inputs[MOST - 1 :] = ["…"]
    return f"{name} = {mark}({', '.join(inputs)})"


def _place(state: State, i: int) -> str:
    return f" in {shorten(state.scopes[i][-1], LONGEST_NAME)}" if state.scopes[i] else ""


def _name(state: State, i: int) -> str:
    return shorten(state.labels[i], LONGEST_NAME)


def _text(x: Entry, digits: int) -> str:
    if x is None:
        return "–"
    if isinstance(x, float):
        return typeset(number(x, digits))
    summary: Summary = x.summary if isinstance(x, Sample) else summarise(x)
    few = x.size == 1 if not isinstance(x, Sample) else False
    if few:
        return typeset(number(x.item(), digits))  # type: ignore[union-attr]
    parts = [summary.range(digits) or summary.centre(digits), summary.trouble()]
    return typeset(f"{summary.shape} {', '.join(filter(None, parts))}")


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
            (change.share if math.isfinite(change.share) else 0.0, i, title, change)
            for i, (title, change) in enumerate(_shifts(graph, kind))
            if change.changed and not math.isnan(change.share)
        ]
        found.sort(key=lambda each: (-each[0], each[1]))
        if len(found) > 1:
            words = [f"{title} {in_words(change)}" for _, _, title, change in found[:MOST]]
            yield f"{kind}s that changed most: {', '.join(words)}"


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
    """The gradients that are very much smaller than before."""
    found = [f"{title} {in_words(change)}" for title, change in _shifts(graph, "gradient") if change.vanished]
    if found:
        yield f"gradients that vanished: {_some(found)}"


def _below(graph: Graph) -> Iterator[str]:
    """The gradients that are very much smaller than the largest."""
    boxes = [box for box in graph.boxes if box.change is not None and box.change.below]
    if boxes:
        below: Callable[[Box], float] = lambda box: box.change.below if box.change else 0.0  # noqa: E731
        boxes.sort(key=lambda box: -below(box))
        words = [f"{_title(box)} ÷ {factor(below(box))}" for box in boxes]
        yield f"gradients far below the largest: {_some(words)}"


def _some(words: list[str]) -> str:
    more = f", and {len(words) - MOST:,} more" if len(words) > MOST else ""
    return ", ".join(words[:MOST]) + more


def _title(box: Box) -> str:
    return shorten(box.label, LONGEST_NAME)


def _is_array(change: Shift) -> bool:
    return any(isinstance(x, Summary) and math.prod(x.shape) != 1 for x in (change.before, change.after))
