"""The legend: lines under the picture that say what its colours are, and what the drawing does not show."""

from __future__ import annotations

from ..common.words import FLAT, shorten
from ..graphviz.markup import coloured, escape, label, row, table
from .sheet import LONGEST_NAME, Sheet, is_one, is_zero

__all__ = ["legend"]

LONGEST_LINE = 60  # characters


def legend(sheet: Sheet) -> str:
    """The legend as the label of the whole graph; empty if there is nothing to say."""
    theme, show = sheet.theme, sheet.show
    parts = []
    if "data" in show:
        parts.append(coloured("value", theme.value))
    if "grad" in show:
        parts.append(_of_gradients(sheet))
    if "local" in show and any(edge.flows for edge in sheet.graph.edges):
        parts.append(coloured("× local gradient", theme.local))
    if "local" in show and any(edge.structural for edge in sheet.graph.edges):
        parts.append(coloured("g: the gradient that arrives", theme.local))
    if _has_strips(sheet):
        parts.append(
            coloured("strips: full cells are above 0, half cells below; dark is far from 0", theme.muted)
        )
    if sheet.merged and any(box.operation for box in sheet.graph.boxes):
        parts.append(coloured("operations stand in the box of their result", theme.muted))
    if "grad" in show and any(is_zero(box.gradient) for box in sheet.graph.boxes):
        parts.append(coloured(f"{FLAT}: its gradient is exactly 0", theme.muted))
    if not sheet.look.numbers:
        parts = []
    lines = ["&#160;&#160;&#160; ".join(parts[i : i + 3]) for i in range(0, len(parts), 3)]
    hides = [*sheet.graph.hides, *filter(None, [sheet.look.leaves_out()])]
    lines += [coloured(escape(line), theme.muted, sheet.small) for line in _lines(hides)]
    space = '<TR><TD HEIGHT="8"></TD></TR>'
    return label(table([space, *map(row, lines)], 'CELLPADDING="6"')) if lines else ""


def _lines(clauses: list[str]) -> list[str]:
    """The clauses with dots between them, on lines that are not long."""
    lines: list[str] = []
    for clause in clauses:
        if lines and len(lines[-1]) + len(clause) < LONGEST_LINE:
            lines[-1] += f" · {clause}"
        else:
            lines.append(clause)
    return lines


def _has_strips(sheet: Sheet) -> bool:
    """Whether a heat map of an array is drawn."""
    data, grad = "data" in sheet.show, "grad" in sheet.show
    return sheet.look.ranges and any(
        (data and box.value_heat) or (grad and box.gradient_heat) for box in sheet.graph.boxes
    )


def _of_gradients(sheet: Sheet) -> str:
    """Of what the gradients are, where it is known: of the only output, if the gradient there is 1."""
    if all(box.gradient is None for box in sheet.graph.boxes):
        return coloured("∂ – gradient not computed", sheet.theme.muted)
    outputs = [box for box in sheet.graph.boxes if box.output]
    known = len(outputs) == 1 and outputs[0].operation is not None and is_one(outputs[0].gradient)
    of = f" of {shorten(outputs[0].label, LONGEST_NAME)}" if known else ""
    return coloured(escape(f"∂ gradient{of}"), sheet.theme.gradient)
