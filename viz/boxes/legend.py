"""The legend: lines under the picture that say what its colours are, and what the drawing does not show."""

from __future__ import annotations

from collections.abc import Sequence

from ..common.numbers import Summary
from ..common.words import FLAT, in_lines, shorten
from ..graphviz.markup import coloured, escape, label, row, table
from .changes import in_words
from .labels import passes_on
from .sheet import LONGEST_NAME, Sheet, is_one, is_zero

__all__ = ["legend"]

LONGEST_LINE, LONGEST_FINDING = 60, 110  # characters
TERSE = 3  # findings where there is little room


def legend(sheet: Sheet) -> str:
    """The legend as the label of the whole graph; empty if there is nothing to say."""
    theme, show = sheet.theme, sheet.show
    if sheet.graph.findings is not None:
        return _of_difference(sheet, sheet.graph.findings)
    parts = []
    if "data" in show:
        parts.append(coloured("value", theme.value))
    if "grad" in show:
        parts.append(_of_gradients(sheet))
    on_edges = [passes_on(sheet, edge) for edge in sheet.graph.edges] if show & {"local", "rule"} else []
    if any(text.startswith("×") for text in on_edges):
        parts.append(coloured("× local gradient", theme.local))
    if any(text and not text.startswith("×") for text in on_edges):
        parts.append(coloured("g: the gradient that arrives", theme.local))
    if _has_strips(sheet):
        parts.append(
            coloured("cells of an array: coloured above 0, half grey below 0; darker is larger", theme.muted)
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
    return _written(lines, 6)


def _written(lines: list[str], padding: int) -> str:
    """The lines one below the other; empty if there are none."""
    space = '<TR><TD HEIGHT="8"></TD></TR>'
    return label(table([space, *map(row, lines)], f'CELLPADDING="{padding}"')) if lines else ""


def _of_difference(sheet: Sheet, findings: Sequence[str]) -> str:
    """What changed, in words, and what the marks in the boxes mean."""
    theme = sheet.theme
    changes = [box.change for box in sheet.graph.boxes if box.change is not None]
    shifts = [shift for change in changes for shift in change.shifts]
    told = {in_words(shift)[:1] for shift in shifts}
    both = " before → after" if sheet.look.numbers else ": its change"
    parts = [coloured(f"value{both}", theme.value)]
    if any(change.gradient is not None for change in changes):
        parts.append(coloured(f"∂ gradient{both}", theme.gradient))
    important = {
        "octagon: the first that is not finite": any(change.first for change in changes),
        "largest ÷ n: n times smaller than the largest gradient": any(change.below for change in changes),
        "∂ ÷ n on an edge: n times smaller than after the operation": "local" in sheet.show
        and any(edge.shrinks for edge in sheet.graph.edges),
    }
    marks = {
        "▲ larger, ▼ smaller in size": bool(told & {"▲", "▼"}),
        "±: the sign changed": "±" in told,
        "Δ: size of the change of an array, as a part of its size": "Δ" in told,
        "cells show the change of an array: coloured up, half grey down": sheet.look.ranges
        and any(shift.heat for shift in shifts),
        "the thicker the outline, the larger the change": bool(shifts),
        "grey: unchanged": any(not change.shifts for change in changes),
    }
    clauses = [text for text, needed in ({} if sheet.look.terse else important | marks).items() if needed]
    clauses += [*sheet.graph.hides, *["numbers are not drawn"] * (not sheet.look.numbers)]
    said = [
        line
        for text in findings[: TERSE if sheet.look.terse else None]
        for line in in_lines(text, LONGEST_FINDING)
    ]
    lines = [coloured(escape(line), theme.text) for line in said]
    lines += ["", "&#160;&#160;&#160; ".join(parts)]
    lines += [coloured(escape(line), theme.muted, sheet.small) for line in _lines(clauses, LONGEST_FINDING)]
    return _written(lines, 3)


def _lines(clauses: list[str], longest: int = LONGEST_LINE) -> list[str]:
    """The clauses with dots between them, on lines that are not long."""
    lines: list[str] = []
    for clause in clauses:
        if lines and len(lines[-1]) + len(clause) < longest:
            lines[-1] += f" · {clause}"
        else:
            lines.append(clause)
    return lines


def _has_strips(sheet: Sheet) -> bool:
    """Whether a heat map of an array is drawn, which it is where the elements are not."""
    data, grad = "data" in sheet.show, "grad" in sheet.show
    return sheet.look.ranges and any(
        shown and heat and isinstance(x, Summary) and x.elements is None
        for box in sheet.graph.boxes
        for shown, heat, x in ((data, box.value_heat, box.value), (grad, box.gradient_heat, box.gradient))
    )


def _of_gradients(sheet: Sheet) -> str:
    """Of what the gradients are, where it is known: of the only output, if the gradient there is 1."""
    if all(box.gradient is None for box in sheet.graph.boxes):
        return coloured("∂ – gradient not computed", sheet.theme.muted)
    outputs = [box for box in sheet.graph.boxes if box.output]
    known = len(outputs) == 1 and outputs[0].operation is not None and is_one(outputs[0].gradient)
    of = f" of {shorten(outputs[0].label, LONGEST_NAME)}" if known else ""
    return coloured(escape(f"∂ gradient{of}"), sheet.theme.gradient)
