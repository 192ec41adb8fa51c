"""The rows of a box: its name, its operation, its value and its gradient."""

from __future__ import annotations

import math

from ..common.heat import Heat
from ..common.numbers import Summary, nested, number
from ..common.themes import shades
from ..common.words import FLAT, em_width, shorten, sign
from ..graph.snapshot import Box, Operation, Shown
from ..graphviz.markup import bold, coloured, escape, row, strip, table
from .labels import formula
from .sheet import LONGEST_NAME, LONGEST_TITLE, SIZE, SMALL, SPACE, Sheet, is_number, is_zero, typeset

__all__ = ["rows_of"]

LONGEST_LIST = 24  # characters of an array that is written out
ORDERED = {"subtract", "divide", "power"}  # here it matters which input is the first


def rows_of(sheet: Sheet, box: Box) -> list[str]:
    """All rows of a box; none if nothing of it is shown."""
    theme, show, value = sheet.theme, sheet.show, box.value
    if box.kind == "more":
        return [row(sheet.aside(box.label))]
    constant = box.kind == "constant"
    number_only = constant and not box.named and is_number(box.label)  # its label is its number
    twice = number_only and box.copies == 1 and "data" in show
    rows = _names(sheet, box) if "name" in show and not twice else []
    if sheet.merged and box.operation is not None:
        rows = [_heading(sheet, box.operation, rows)]
    if isinstance(value, Summary) and value.shape and box.tensor:
        about = [str(value.shape)] * ("shape" in show) + [value.dtype] * ("dtype" in show)
        if about:
            rows.append(row(sheet.aside(" ".join(about))))
    if "data" in show and value is not None and not (rows and number_only):
        rows += _shown(sheet, value, theme.muted if constant else theme.value, box.value_heat)
    if "grad" in show and not constant and value is not None:
        if box.gradient is None:
            rows.append(row(coloured("∂ –", theme.muted)))
        else:
            rows += _shown(sheet, box.gradient, theme.gradient, box.gradient_heat, "∂ ")
    return rows


def _names(sheet: Sheet, box: Box) -> list[str]:
    """The name of a box, the number of alike nodes that it stands for, and its contents."""
    longest = LONGEST_TITLE if box.contents else LONGEST_NAME
    text = escape(shorten(box.label, longest))
    text = bold(text) if box.named else coloured(text, sheet.theme.muted)
    op = box.operation
    if op is not None and op.name in ORDERED and not box.tensor:
        equal = formula(sheet, box, op)  # the edges do not show which of them is the first input
        text += SPACE + sheet.aside(f"= {equal}") if equal else ""
    if box.copies > 1:
        text += SPACE + coloured(bold(f"× {box.copies:,}"), sheet.theme.muted)
    rows = [row(text, width=_least_width(box.label))]
    return [*rows, row(sheet.aside(box.contents))] if box.contents else rows


def _heading(sheet: Sheet, op: Operation, name: list[str]) -> str:
    """The operation on a grey background, and beside it the name of its result."""
    mark = f'<TD BGCOLOR="{sheet.theme.operation}">{escape(f" {sign(op.name, op.symbol)} ")}</TD>'
    cells = f"{mark}<TD>{table(name)}</TD>" if name else mark
    return row(table([f"<TR>{cells}</TR>"], 'CELLPADDING="2"'))


def _shown(sheet: Sheet, x: Shown, colour: str, heat: Heat | None, prefix: str = "") -> list[str]:
    """A value or a gradient: one row for a number or a short array, several for the summary of a long array."""
    tag = FLAT if prefix and is_zero(x) else ""
    if not isinstance(x, Summary):
        return [_figure(sheet, prefix, number(x, sheet.digits), math.isfinite(x), colour, tag)]
    text = "" if x.elements is None else nested(x.elements, sheet.digits)
    if text and len(text) <= LONGEST_LIST:
        return [_figure(sheet, prefix, text, not x.trouble(), colour, tag)]
    digits = max(sheet.digits - 1, 1)  # enough for a mean
    rows = [_figure(sheet, prefix, x.centre(digits), True, colour, tag)]
    if x.range(digits):
        rows.append(row(coloured(escape(typeset(x.range(digits))), colour, SMALL)))
    if x.trouble():
        rows.append(_figure(sheet, "", x.trouble(), False, colour))
    if heat:
        rows.append(row(strip(heat, shades(sheet.theme, colour), sheet.theme.text)))
    return rows


def _figure(sheet: Sheet, prefix: str, text: str, finite: bool, colour: str, tag: str = "") -> str:
    """A row with a number; NaN and infinity are highlighted: the colour of the number is their background."""
    text = escape(prefix + typeset(text))
    if finite:
        return row(coloured(text, colour) + (SPACE + sheet.aside(tag) if tag else ""))
    return row(coloured(bold(f" {text} "), sheet.theme.background), ground=colour)


def _least_width(name: str) -> int:
    """The least width of a name in points, given where `graphviz-pure`, which counts bytes, may take too little."""
    return 0 if name.isascii() else math.ceil(SIZE * em_width(shorten(name, LONGEST_NAME)))
