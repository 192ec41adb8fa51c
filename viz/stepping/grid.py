"""A large graph on a page, laid out in columns, in milliseconds; Graphviz would take minutes.

A node is in the column just before the first node that uses it. Groups and classes have the names that `stage.py` and
`page_svg.py` give them, so that the page has one script for both.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

from ...autograd import Tape
from ..common.notation import operation_sign
from ..common.words import em_width, shorten
from ..graph.snapshot import kind_of
from ..passes.story import Story

__all__ = ["grid_svg", "is_hard"]

MANY, LONG = 400, 4000  # nodes; the sum over all edges of the columns that they cross
SIZE, SMALL, HEIGHT, COUNT, GAP_X, GAP_Y, LONGEST = 12, 11, 50, 14, 44, 14, 24
BOLD = 1.15  # times as wide as plain text
FEW = 3  # inputs of a node whose edges have room for their numbers
OUTLINES = {"input": "s-text", "parameter": "s-parameter", "constant": "s-outline", "result": "s-outline"}


def is_hard(tape: Tape) -> bool:
    """Whether Graphviz would take more than a few seconds for this graph."""
    inputs = inputs_of(tape)
    columns = columns_of(inputs)
    spans = sum(columns[n] - columns[x] for n, xs in enumerate(inputs) for x in xs)
    return len(inputs) > MANY or spans > LONG


def grid_svg(tape: Tape, story: Story, room: str = "") -> str:
    """The graph as SVG for a page; every number has room for the text `room`, at least."""
    inputs = inputs_of(tape)
    columns = columns_of(inputs)
    lines = [texts_of(tape, story, n) for n in range(len(inputs))]
    notes = [[note_of(story, n, i) for i in range(len(xs))] for n, xs in enumerate(inputs)]
    widths = [SIZE * max(em_width(each[0]) * BOLD, *map(em_width, [*each[1:4], room])) + 16 for each in lines]
    heights = [HEIGHT + COUNT * (len(story.arrivals[n]) > 1) for n in range(len(inputs))]
    rows = rows_of(inputs, columns)
    starts = [0.0]
    for column in range(max(columns) + 1):
        widest = max(width for n, width in enumerate(widths) if columns[n] == column)
        after = [n for n in range(len(inputs)) if columns[n] == column + 1 and len(inputs[n]) <= FEW]
        noted = max((SMALL * em_width(" ".join(each)) for n in after for each in notes[n]), default=0)
        starts.append(starts[-1] + widest + noted + GAP_X)
    top = min(rows)
    left = [8 + starts[column] for column in columns]
    middle = [8 + max(heights) / 2 + (row - top) * (max(heights) + GAP_Y) for row in rows]
    parts = []
    for n, xs in enumerate(inputs):
        apart = 24 if len(xs) <= FEW and any(map(any, notes[n])) else min(5, 40 / max(len(xs), 1))
        for i, x in enumerate(xs):
            tail, head = (
                (left[x] + widths[x], middle[x]),
                (left[n], middle[n] + apart * (i - (len(xs) - 1) / 2)),
            )
            note = notes[n][i] if len(xs) <= FEW else ("", "")
            parts.append(
                edge_svg(f"n{n}in{i}", tail, head, (n, i) in story.travels, columns[n] - columns[x] > 8, note)
            )
    for n, (left_edge, middle_line) in enumerate(zip(left, middle)):
        parts.append(
            box_svg(tape, n, lines[n], left_edge, middle_line - heights[n] / 2, widths[n], heights[n])
        )
    width, height = starts[-1] - GAP_X + 16, max(middle) + max(heights) / 2 + 8
    start = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" id="graph" class="drawn">'
    return f"{start}{''.join(parts)}</svg>"


def note_of(story: Story, n: int, i: int) -> tuple[str, str]:
    """The local gradient and the contribution that stand on an edge; empty where no gradient flows."""
    return (story.local_on_edge(n, i), story.arrival_on_edge(n, i)) if (n, i) in story.travels else ("", "")


def edge_svg(
    id: str,
    tail: tuple[float, float],
    head: tuple[float, float],
    flows: bool,
    far: bool,
    note: tuple[str, str],
) -> str:
    """An edge with its numbers before its head; `far` is one across many columns."""
    (x1, y1), (x2, y2) = tail, head
    room = 14 + SMALL * em_width(" ".join(note)) if any(note) else 6
    dashed = "" if flows else ' stroke-dasharray="5,2"'
    texts = (
        f'<text class="local" font-size="{SMALL}" x="{x2 - room:.0f}" y="{y2 - 4:.0f}">{html.escape(note[0])}</text>'
        f'<text class="arrived" font-size="{SMALL}" x="{x2 - room + SMALL * em_width(note[0] + " "):.0f}" '
        f'y="{y2 - 4:.0f}">{html.escape(note[1])}</text>'
        if any(note)
        else ""
    )
    return (
        f'<g id="{id}" class="edge{" far" if far else ""}"><path class="s-outline" fill="none"{dashed} '
        f'd="M{x1:.0f},{y1:.0f}C{x1 + 30:.0f},{y1:.0f} {x2 - room - 24:.0f},{y2:.0f} {x2 - room:.0f},{y2:.0f}'
        f'L{x2 - 6:.0f},{y2:.0f}"/><polygon class="f-outline s-outline" '
        f'points="{x2 - 7:.0f},{y2 - 3:.0f} {x2:.0f},{y2:.0f} {x2 - 7:.0f},{y2 + 3:.0f}"/>{texts}</g>'
    )


def box_svg(tape: Tape, n: int, lines: Sequence[str], x: float, y: float, width: float, height: float) -> str:
    """One node with its upper left corner at `x`, `y`."""
    name, value, gradient, count, look = lines
    kind = kind_of(tape.nodes[n])
    extra = {"result": ' rx="9"', "constant": ' stroke-dasharray="5,2"'}.get(kind, "")
    frames = [0, 3] if kind == "parameter" else [0]
    boxes = (
        f'<rect class="f-background {OUTLINES[kind]}"{extra} x="{x + d:.0f}" y="{y + d:.0f}" '
        f'width="{width - 2 * d:.0f}" height="{height - 2 * d}"/>'
        for d in frames
    )
    texts = (
        f'<text class="{each}" x="{x + 8:.0f}" y="{y + down:.0f}">{html.escape(text)}</text>'
        for each, text, down in (
            (look, name, 15),
            ("value", value, 30),
            ("grad", gradient, 44),
            ("count", count, 44 + COUNT),
        )
        if text
    )
    return f'<g id="n{n}" class="node {kind}">{"".join(boxes)}{"".join(texts)}</g>'


def inputs_of(tape: Tape) -> list[list[int]]:
    """The positions of each node's inputs."""
    return [[tape.index[x] for x in node.inputs] for node in tape.nodes]


def texts_of(tape: Tape, story: Story, n: int) -> tuple[str, str, str, str, str]:
    """Name, value, widest gradient and number of arrivals of a node, and the class of the text with its name."""
    entry, node = story.nodes[n], tape.nodes[n]
    name = shorten(entry["label"], LONGEST)
    if "number" in entry and "shape" not in entry:
        name = ""  # its name is its number
    if node.op is not None:
        name += f"  {operation_sign(node)}"
    totals = [story.accumulated(n, at) for at, _ in story.arrivals[n]]
    gradient = "" if "fixed" in entry else max([*totals, "∂ –"], key=em_width)
    uses = len(story.arrivals[n])
    count = f"{uses} of {uses} arrived" if uses > 1 else ""
    look = "f-muted" if node.name is None else "f-text named"
    return name, story.brief(entry["value"]), gradient, count, look


def columns_of(inputs: Sequence[Sequence[int]]) -> list[int]:
    """For each node its column, just before the first node that uses it."""
    before_end = [0] * len(inputs)
    for n in range(len(inputs) - 1, -1, -1):
        for x in inputs[n]:
            before_end[x] = max(before_end[x], before_end[n] + 1)
    return [max(before_end) - each for each in before_end]


def rows_of(inputs: Sequence[Sequence[int]], columns: Sequence[int]) -> list[float]:
    """For each node its row in its column, near the rows of its inputs and of the nodes that use it."""
    neighbours: list[list[int]] = [list(xs) for xs in inputs]
    for n, xs in enumerate(inputs):
        for x in xs:
            neighbours[x].append(n)
    stacks: list[list[int]] = [[] for _ in range(max(columns) + 1)]
    for n, column in enumerate(columns):
        stacks[column].append(n)
    rows = [0.0] * len(inputs)
    for stack in stacks:
        for place, n in enumerate(stack):
            rows[n] = place - (len(stack) - 1) / 2
    for sweep in (stacks, stacks[::-1], stacks):
        for stack in sweep:
            wanted = {n: sum(rows[x] for x in neighbours[n]) / max(len(neighbours[n]), 1) for n in stack}
            for place, n in enumerate(sorted(stack, key=wanted.__getitem__)):
                rows[n] = place - (len(stack) - 1) / 2
    return rows
