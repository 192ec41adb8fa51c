"""A difference as text: what changed in words, and a table of all boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import wrap

from ..boxes.changes import in_words, numbers, times
from ..common.numbers import Summary, number
from ..common.terminal import columns, padded
from ..common.words import in_lines, shorten
from ..graph.snapshot import Box, Graph, Shift, Shown

__all__ = ["told"]

WIDTH = 80
LONGEST_NAME = 24
WIDEST = (30, 34)  # columns are aligned up to here: name and operation, value


def told(graph: Graph, digits: int, fit: Callable[[str], str] = str) -> str:
    """The difference in lines of at most 80 columns; `fit` is applied to every text."""
    inputs: dict[str, list[str]] = {}
    labels = {box.id: shorten(box.label, LONGEST_NAME) for box in graph.boxes}
    for edge in graph.edges:
        inputs.setdefault(edge.head, []).append(labels[edge.tail])
    rows = [tuple(map(fit, row)) for box in graph.boxes for row in _rows(box, inputs.get(box.id, []), digits)]
    widths = [min(max((columns(row[k]) for row in rows), default=0), WIDEST[k]) for k in (0, 1)]
    above = [line for text in graph.findings or () for line in _sentence(fit(text))]
    lines = [line for row in rows for line in _lines(row, widths)]
    return "\n".join([*above, "", *lines, *map(fit, graph.hides)])


def _lines(row: tuple[str, ...], widths: list[int]) -> Iterator[str]:
    """A row on one line if it fits, otherwise on several."""
    name, value, slope = row
    line = f"{padded(name, widths[0])}  {padded(value, widths[1])}  {slope}".rstrip()
    if columns(line) <= WIDTH:
        yield line
        return
    yield _cut(name)
    yield from (
        f"    {line}" for text in (value, slope) for line in wrap(text, WIDTH - 4, subsequent_indent="  ")
    )


def _sentence(text: str) -> Iterator[str]:
    first, *more = in_lines(text, WIDTH - 4)
    yield first
    yield from (f"    {line}" for line in more)


def _cut(text: str) -> str:
    while columns(text) > WIDTH:
        text = text[:-1]
    return text


def _rows(box: Box, inputs: list[str], digits: int) -> Iterator[tuple[str, str, str]]:
    """Name, value and gradient of a box, and of each parameter that it lists."""
    if box.change is None:
        return
    name = shorten(box.label, LONGEST_NAME)
    if box.copies > 1:
        name += f"  × {box.copies:,}"
    change = box.change
    slope = "" if box.kind == "constant" else _shift(change.gradient, digits, "∂ ")
    if change.below:
        slope += f"  largest ÷ {times(change.below)}"
    mark = f"  {change.first}" if change.first else ""
    yield f"{name}{_operation(box, inputs)}{mark}", _shift(change.value, digits), slope
    for (title, *_), (value, gradient) in zip(box.parameters, change.parameters):
        yield f"    {title}", _shift(value, digits), _shift(gradient, digits, "∂ ")


def _operation(box: Box, inputs: list[str]) -> str:
    op = box.operation
    if op is None:
        return f"  {box.contents}" if box.contents else ""
    if op.symbol is not None and len(inputs) == 2:
        return f"  {inputs[0]} {op.mark} {inputs[1]}"
    return f"  {op.mark}"


def _shift(shift: Shift | None, digits: int, prefix: str = "") -> str:
    if shift is None:
        return ""
    if not shift.changed:
        return prefix + _one(shift.after, digits)
    before, after = numbers(shift, digits)
    mark = in_words(shift)
    vanished = "vanished: " if prefix and shift.vanished else ""
    return f"{prefix}{before} → {after}  {vanished}{mark}".rstrip()


def _one(x: Shown | None, digits: int) -> str:
    if x is None:
        return "–"
    return x.text(digits) if isinstance(x, Summary) else number(x, digits)
