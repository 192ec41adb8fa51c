"""The legend: lines under the picture that say what its colours are, and what the drawing does not show."""

from __future__ import annotations

from ..common.words import FLAT, shorten
from ..graphviz.markup import coloured, escape, label, row, table
from .sheet import LONGEST_NAME, Sheet, is_one, is_zero

__all__ = ["legend"]


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
        parts.append(coloured("strips: pale is least, full is greatest", theme.muted))
    if sheet.merged and any(box.operation for box in sheet.graph.boxes):
        parts.append(coloured("operations stand in the box of their result", theme.muted))
    if "grad" in show and any(is_zero(box.gradient) for box in sheet.graph.boxes):
        parts.append(coloured(f"{FLAT}: its gradient is exactly 0", theme.muted))
    lines = ["&#160;&#160;&#160; ".join(parts)] if parts else []
    if sheet.graph.hides:
        lines.append(coloured(escape(" · ".join(sheet.graph.hides)), theme.muted))
    space = '<TR><TD HEIGHT="8"></TD></TR>'
    return label(table([space, *map(row, lines)], 'CELLPADDING="6"')) if lines else ""


def _has_strips(sheet: Sheet) -> bool:
    """Whether a heat map of an array is drawn."""
    data, grad = "data" in sheet.show, "grad" in sheet.show
    return any((data and box.value_heat) or (grad and box.gradient_heat) for box in sheet.graph.boxes)


def _of_gradients(sheet: Sheet) -> str:
    """Of what the gradients are, where it is known: of the only output, if the gradient there is 1."""
    if all(box.gradient is None for box in sheet.graph.boxes):
        return coloured("∂ – gradient not computed", sheet.theme.muted)
    outputs = [box for box in sheet.graph.boxes if box.output]
    known = len(outputs) == 1 and outputs[0].operation is not None and is_one(outputs[0].gradient)
    of = f" of {shorten(outputs[0].label, LONGEST_NAME)}" if known else ""
    return coloured(escape(f"∂ gradient{of}"), sheet.theme.gradient)
