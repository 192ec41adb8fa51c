"""A graph as a tree of text, like the tree of a folder: each node above the inputs it was computed from.

A node that is used several times is written in full once and by its name otherwise. Nothing here recurses, and a deep
branch continues at the left margin further down, so that the length of the text is proportional to the graph. Lines
have at most 80 columns, or those of the terminal: where a line would be longer, arrays are shortened, and then written
below their name. What is NaN or infinite has a mark, and a gradient that is exactly 0; marks are explained below the
tree.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import wrap

from ..boxes.sheet import is_zero
from ..common.numbers import DIGITS, Summary, number
from ..common.terminal import WIDTH, columns, padded
from ..common.words import FLAT, shorten
from ..graph.snapshot import Box, Graph, Shown

__all__ = ["tree"]

ROOM = 32  # columns at least for a name and its numbers; a branch so deep that it has less continues at the margin
LONGEST_NAME = 40
NOT_FINITE = "!"  # marks NaN and infinity
NONE = "∂ –"


@dataclass(frozen=True)
class _Row:
    """One node: the lines of the tree before its name and before the lines below, its numbers in full and shortened."""

    lead: str
    margin: str
    name: str
    numbers: tuple[tuple[str, str], ...] = (("", ""),)

    def through(self, fit: Callable[[str], str]) -> _Row:
        numbers = tuple((fit(value), fit(gradient)) for value, gradient in self.numbers)
        return _Row(fit(self.lead), fit(self.margin), fit(self.name), numbers)

    def lines(self, names: int, values: int, width: int) -> Iterator[str]:
        """The row on one line if it fits, with aligned columns if these fit; otherwise on several lines."""
        name = self.lead + self.name
        aligned = [f"{padded(name, names)}  {padded(v, values)}  {g}".rstrip() for v, g in self.numbers]
        close = ["  ".join(filter(None, (name, v, g))) for v, g in self.numbers]
        line = next((each for each in (*aligned, *close) if columns(each) <= width), None)
        if line is not None:
            yield line
            return
        yield self.lead + _cut(self.name, width - columns(self.lead))
        room = width - columns(self.margin)
        together = ["  ".join(filter(None, pair)) for pair in self.numbers]
        choices = [[each] for each in together] + [[*pair] for pair in self.numbers]
        below = next((each for each in choices if max(map(columns, each)) <= room), choices[-1])
        yield from (self.margin + _cut(text, room) for text in below if text)


def tree(graph: Graph, digits: int = DIGITS, fit: Callable[[str], str] = str, width: int = WIDTH) -> str:
    """The graph as text, outputs first, with the value and the gradient of each node; lines of at most `width` columns.

    `fit` is applied to every text before the lines are made, for an output that cannot show all characters.

    >>> from chainrule.autograd import Value, tanh
    >>> from chainrule.viz.graph.reading import read
    >>> a = Value(0.5, name="a")
    >>> print(tree(read(tanh(a * a))))
    v2  tanh   0.2449  ∂ –
    └── v1  ×  0.25    ∂ –
        ├── a  0.5     ∂ –
        └── a, above
    """
    rows = [row.through(fit) for row in _rows(graph, digits, width)]
    names = [columns(row.lead + row.name) for row in rows if row.numbers[0][0]]
    values = [columns(row.numbers[0][0]) for row in rows]
    widths = min(max(names, default=0), 7 * width // 10), min(max(values), 3 * width // 10)  # are aligned
    lines = [line for row in rows for line in row.lines(*widths, width)]
    notes = map(fit, [*_marks(graph), *graph.hides])
    return "\n".join([*lines, *(line for note in notes for line in wrap(note, width))])


def _marks(graph: Graph) -> Iterator[str]:
    """What the marks in the tree of a graph mean; a dash is explained where other gradients were computed."""
    shown = [box for box in graph.boxes if box.value is not None]
    gradients = [box.gradient for box in shown if box.kind != "constant"]
    if any(map(is_zero, gradients)):
        yield f"{FLAT}: the gradient is exactly 0"
    if any(map(_is_not_finite, [*gradients, *(box.value for box in shown)])):
        yield f"{NOT_FINITE}: NaN or infinity"
    if None in gradients and any(gradient is not None for gradient in gradients):
        yield f"{NONE}: no gradient was computed"


def _cut(text: str, width: int) -> str:
    """The beginning of a text that is too wide. (`shorten` keeps both ends, for names.)"""
    if columns(text) <= width:
        return text
    while columns(text) > max(width - 3, 0):
        text = text[:-1]
    return f"{text}..."


def _rows(graph: Graph, digits: int, width: int) -> Iterator[_Row]:
    boxes = {box.id: box for box in graph.boxes}
    inputs: dict[str, list[str]] = {}
    for edge in graph.edges:
        inputs.setdefault(edge.head, []).append(edge.tail)
    written: set[str] = set()
    used = {edge.tail for edge in graph.edges if not edge.head.startswith("m")}
    sections = deque(
        box.id for box in graph.boxes if box.output or (box.id not in used and box.kind != "more")
    )
    announced = set(sections)
    while sections:
        start = sections.popleft()
        if start in written:
            continue
        # a node, the lines of the tree before its name, and those before its inputs
        stack = [(start, "", "")]
        while stack:
            id, before, margin = stack.pop()
            box, deep = boxes[id], len(margin) > width - ROOM - 4
            name, below = _name(box, min(LONGEST_NAME, width // 2)), inputs.get(id, [])
            if id in written:
                yield _Row(before, margin, f"{name}, above")
            elif id in announced and before:
                yield _Row(before, margin, f"{name}, below")
            elif deep and below:
                announced.add(id)
                sections.append(id)
                yield _Row(before, margin, f"{name}, below")
            else:
                written.add(id)
                beside = margin + ("│   " if below else "    ")
                yield _Row(before, beside, f"{name}{_operation(box)}", tuple(_numbers(box, digits)))
                for i in reversed(range(len(below))):
                    last = i == len(below) - 1
                    corner, bar = ("└── ", "    ") if last else ("├── ", "│   ")
                    stack.append((below[i], margin + corner, margin + bar))


def _name(box: Box, longest: int) -> str:
    name = shorten(box.label, longest)
    return f"{name}  × {box.copies:,}" if box.copies > 1 and box.kind != "more" else name


def _operation(box: Box) -> str:
    if box.operation is None:
        return f"  {box.contents}" if box.contents else ""
    return f"  {box.operation.mark}"


def _numbers(box: Box, digits: int) -> Iterator[tuple[str, str]]:
    """Value and gradient in full, and for arrays shortened as well."""
    gradient, has_gradient = box.gradient, box.kind != "constant" and box.value is not None
    none = NONE if has_gradient else ""
    flat = f"  {FLAT}" if is_zero(gradient) else ""
    yield (
        _shown(box.value, digits),
        none if gradient is None else f"∂ {_shown(gradient, digits)}{flat}" * has_gradient,
    )
    if isinstance(box.value, Summary):
        brief = f"∂ {_brief(gradient, digits)}{flat}" if isinstance(gradient, Summary) else none
        yield f"{box.value.shape} {_brief(box.value, digits)}", brief * has_gradient


def _shown(x: Shown | None, digits: int) -> str:
    if x is None:
        return ""
    return (x.text(digits) if isinstance(x, Summary) else number(x, digits)) + _mark(x)


def _brief(x: Summary, digits: int) -> str:
    return ", ".join(filter(None, (x.centre(max(digits - 1, 1)), x.trouble()))) + _mark(x)


def _mark(x: Shown) -> str:
    return f" {NOT_FINITE}" if _is_not_finite(x) else ""


def _is_not_finite(x: Shown | None) -> bool:
    if isinstance(x, Summary):
        return bool(x.trouble())
    return x is not None and not math.isfinite(x)
