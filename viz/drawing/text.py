"""A graph as a tree of text, like the tree of a folder: each node above the inputs it was computed from.

A node that is used several times is written in full once and by its name otherwise. Nothing here recurses, and a deep
branch continues at the left margin further down, so that the length of the text is proportional to the graph. Lines
have at most 80 columns: where a line would be longer, arrays are shortened, and then written below their name.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..common.numbers import DIGITS, Summary, number
from ..common.terminal import columns, padded
from ..common.words import shorten
from ..graph.snapshot import Box, Graph, Shown

__all__ = ["tree"]

WIDTH = 80
DEEPEST = 12  # levels; a deeper branch continues at the left margin
LONGEST_NAME = 40
WIDEST_NAMES, WIDEST_VALUES = 56, 24  # columns are aligned up to here


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

    def lines(self, names: int, values: int) -> Iterator[str]:
        """The row on one line if it fits, with aligned columns if these fit; otherwise on several lines."""
        name = self.lead + self.name
        aligned = [f"{padded(name, names)}  {padded(v, values)}  {g}".rstrip() for v, g in self.numbers]
        close = ["  ".join(filter(None, (name, v, g))) for v, g in self.numbers]
        line = next((each for each in (*aligned, *close) if columns(each) <= WIDTH), None)
        if line is not None:
            yield line
            return
        yield self.lead + _cut(self.name, WIDTH - columns(self.lead))
        room = WIDTH - columns(self.margin)
        together = ["  ".join(filter(None, pair)) for pair in self.numbers]
        choices = [[each] for each in together] + [[*pair] for pair in self.numbers]
        below = next((each for each in choices if max(map(columns, each)) <= room), choices[-1])
        yield from (self.margin + _cut(text, room) for text in below if text)


def tree(graph: Graph, digits: int = DIGITS, fit: Callable[[str], str] = str) -> str:
    """The graph as text, outputs first, with the value and the gradient of each node.

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
    rows = [row.through(fit) for row in _rows(graph, digits)]
    names = [columns(row.lead + row.name) for row in rows if row.numbers[0][0]]
    values = [columns(row.numbers[0][0]) for row in rows]
    widths = min(max(names, default=0), WIDEST_NAMES), min(max(values), WIDEST_VALUES)
    lines = [line for row in rows for line in row.lines(*widths)]
    return "\n".join([*lines, *map(fit, graph.hides)])


def _cut(text: str, width: int) -> str:
    """The beginning of a text that is too wide. (`shorten` keeps both ends, for names.)"""
    if columns(text) <= width:
        return text
    while columns(text) > max(width - 3, 0):
        text = text[:-1]
    return f"{text}..."


def _rows(graph: Graph, digits: int) -> Iterator[_Row]:
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
        stack = [
            (start, "", "")
        ]  # a node, the lines of the tree before its name, and those before its inputs
        while stack:
            id, before, margin = stack.pop()
            box, deep = boxes[id], len(margin) >= 4 * DEEPEST
            name, below = _name(box), inputs.get(id, [])
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


def _name(box: Box) -> str:
    name = shorten(box.label, LONGEST_NAME)
    return f"{name}  × {box.copies:,}" if box.copies > 1 else name


def _operation(box: Box) -> str:
    if box.operation is None:
        return f"  {box.contents}" if box.contents else ""
    return f"  {box.operation.mark}"


def _numbers(box: Box, digits: int) -> Iterator[tuple[str, str]]:
    """Value and gradient in full, and for arrays shortened as well."""
    gradient, has_gradient = box.gradient, box.kind != "constant" and box.value is not None
    none = "∂ –" if has_gradient else ""
    yield (
        _shown(box.value, digits),
        none if gradient is None else f"∂ {_shown(gradient, digits)}" * has_gradient,
    )
    if isinstance(box.value, Summary):
        brief = f"∂ {_brief(gradient, digits)}" * has_gradient if isinstance(gradient, Summary) else none
        yield f"{box.value.shape} {_brief(box.value, digits)}", brief


def _shown(x: Shown | None, digits: int) -> str:
    if x is None:
        return ""
    return x.text(digits) if isinstance(x, Summary) else number(x, digits)


def _brief(x: Summary, digits: int) -> str:
    return ", ".join(filter(None, (x.centre(max(digits - 1, 1)), x.trouble())))
