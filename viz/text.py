"""A graph as a tree of text, like the tree of a folder: each node above the inputs it was computed from.

A node that is used again is written once and named afterwards. Nothing here recurses, and what lies deep goes on
at the left margin further down, so that the text grows with the graph and no faster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from .graph import Box, Graph, Shown
from .numbers import Summary, number
from .words import shorten, sign

__all__ = ["tree"]

DEEPEST = 16  # levels; below that a branch goes on at the left margin
LONGEST_NAME = 40
WIDEST_NAMES, WIDEST_VALUES = 56, 24  # columns are aligned up to here


def tree(graph: Graph, digits: int = 4) -> str:
    """The graph as text, outputs first, with the value and the gradient of each node.

    >>> from chainrule.autograd import Value, tanh
    >>> from chainrule.viz.graph import read
    >>> a = Value(0.5, name="a")
    >>> print(tree(read(tanh(a * a))))
    v2  tanh   0.2449  ∂ –
    └── v1  ×  0.25    ∂ –
        ├── a  0.5     ∂ –
        └── a, above
    """
    rows = list(_rows(graph, digits))
    rows += [(each, "", "") for each in graph.hides]
    names = min(max([len(name) for name, value, _ in rows if value], default=0), WIDEST_NAMES)
    values = min(max(len(value) for _, value, _ in rows), WIDEST_VALUES)
    return "\n".join(
        f"{name:<{names}}  {value:<{values}}  {gradient}".rstrip() for name, value, gradient in rows
    )


def _rows(graph: Graph, digits: int) -> Iterator[tuple[str, str, str]]:
    """Name, value and gradient of each line."""
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
        stack = [(start, "", "")]  # a node, what stands before its name, and what stands before its inputs'
        while stack:
            id, before, margin = stack.pop()
            box, deep = boxes[id], len(margin) >= 4 * DEEPEST
            name = before + _name(box)
            if id in written:
                yield f"{name}, above", "", ""
            elif id in announced and before:
                yield f"{name}, below", "", ""
            elif deep and id in inputs:
                announced.add(id)
                sections.append(id)
                yield f"{name}, below", "", ""
            else:
                written.add(id)
                yield f"{name}{_operation(box)}", _shown(box.value, digits), _gradient(box, digits)
                below = inputs.get(id, [])
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
    return f"  {sign(box.operation.name, box.operation.symbol)}"


def _shown(x: Shown | None, digits: int) -> str:
    if x is None:
        return ""
    return x.text(digits) if isinstance(x, Summary) else number(x, digits)


def _gradient(box: Box, digits: int) -> str:
    if box.kind == "constant" or box.value is None:
        return ""
    return f"∂ {'–' if box.gradient is None else _shown(box.gradient, digits)}"
