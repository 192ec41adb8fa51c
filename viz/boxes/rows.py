"""The rows of a box: its name, its operation, its value and its gradient."""

from __future__ import annotations

import math

from ..common.heat import Heat
from ..common.notation import typeset
from ..common.numbers import Summary, nested, number
from ..common.themes import shades, zero
from ..common.words import FLAT, em_width, shorten
from ..graph.snapshot import Box, Operation, Shown
from ..graphviz.markup import beside, bold, coloured, escape, grid, row, strip, table
from .changes import parameter, shifts
from .sheet import LONGEST_NAME, LONGEST_TITLE, SIZE, SPACE, Sheet, is_number, is_single, is_zero

__all__ = ["rows_of"]

LONGEST_SIGN = 18  # characters of an operation, where there is little room
LONGEST_LIST = 24  # characters of an array that is written out


def rows_of(sheet: Sheet, box: Box) -> list[str]:
    """All rows of a box; none if nothing of it is shown."""
    theme, show, value = sheet.theme, sheet.show, box.value
    if box.kind in ("more", "chip"):
        return [row(sheet.aside(shorten(box.label, LONGEST_NAME)))]
    constant = box.kind == "constant"
    number_only = constant and not box.named and is_number(box.label)  # its label is its number
    change = box.change
    changed = change is not None and (bool(change.shifts) or not sheet.look.numbers)
    twice = number_only and box.copies == 1 and "data" in show and not changed
    rows = _names(sheet, box) if "name" in show and not twice else []
    if sheet.merged and box.operation is not None:
        rows = [_heading(sheet, box.operation, rows)]
    if change is not None and change.first:
        rows.append(row(coloured(bold(f" {change.first} "), theme.background), ground=theme.text))
    if isinstance(value, Summary) and value.shape and box.tensor and (change is None or sheet.look.ranges):
        about = [str(value.shape)] * ("shape" in show) + [value.dtype] * ("dtype" in show)
        if about:
            rows.append(row(sheet.aside(" ".join(about))))
    if change is None:
        above, below = _numbers(sheet, box, bool(rows) and number_only)
        rows += [beside(above, below)] if sheet.look.beside and above and below else above + below
    elif changed or not (rows and number_only):
        rows += shifts(sheet, change, constant)
    return [*rows, *_parameters(sheet, box)]


def _numbers(sheet: Sheet, box: Box, named_by_value: bool) -> tuple[list[str], list[str]]:
    """The rows of the value and those of the gradient."""
    theme, show, value, constant = sheet.theme, sheet.show, box.value, box.kind == "constant"
    above: list[str] = []
    below: list[str] = []
    if isinstance(value, Summary) and box.tensor and not sheet.look.numbers and not is_single(value):
        return above, below
    if "data" in show and value is not None and not named_by_value:
        above = _shown(sheet, value, theme.muted if constant else theme.value, box.value_heat)
    if "grad" in show and not constant and value is not None:
        below = (
            [row(coloured("∂ –", theme.muted))]
            if box.gradient is None
            else _shown(sheet, box.gradient, theme.gradient, box.gradient_heat, "∂ ")
        )
    return above, below


def _parameters(sheet: Sheet, box: Box) -> list[str]:
    """One row for each parameter of a closed module: its name, its value and its gradient in short."""
    if not sheet.look.numbers or not {"data", "grad", "name"} <= sheet.show:
        return []
    digits = max(sheet.digits - 2, 1)
    rows: list[str] = []
    if box.change is not None:
        for (name, *_), pair in zip(box.parameters, box.change.parameters):
            rows += parameter(sheet, shorten(name, LONGEST_NAME), *pair)
        return rows
    for name, value, gradient in box.parameters:
        texts = [coloured(bold(escape(shorten(name, LONGEST_NAME))), sheet.theme.parameter, sheet.small)]
        for x, colour, prefix in ((value, sheet.theme.value, ""), (gradient, sheet.theme.gradient, "∂ ")):
            text = "–" if x is None else _in_short(x, digits)
            texts.append(coloured(escape(prefix + typeset(text)), colour, sheet.small))
        rows.append(row((SPACE * 2).join(texts)))
    return rows


def _in_short(x: Shown, digits: int) -> str:
    """A number, or what of an array fits into a few characters."""
    if not isinstance(x, Summary):
        return number(x, digits)
    return x.trouble() or (
        x.text(digits) if x.elements and x.shape == (1,) else x.centre(digits)
    ).removeprefix("mean ")


def _names(sheet: Sheet, box: Box) -> list[str]:
    """The name of a box, the number of alike nodes that it stands for, and its contents."""
    longest = LONGEST_TITLE if box.contents else LONGEST_NAME
    text = escape(shorten(box.label, longest))
    text = bold(text) if box.named else coloured(text, sheet.theme.muted)
    if box.copies > 1:
        text += SPACE + coloured(bold(f"× {box.copies:,}"), sheet.theme.muted)
    rows = [row(text, width=_least_width(box.label))]
    brief = box.change is not None and not sheet.look.numbers
    return [*rows, row(sheet.aside(box.contents))] if box.contents and not brief else rows


def _heading(sheet: Sheet, op: Operation, name: list[str]) -> str:
    """The operation on a grey background, and beside it the name of its result."""
    sign = op.mark if sheet.look.numbers else shorten(op.mark, LONGEST_SIGN)
    mark = f'<TD BGCOLOR="{sheet.theme.operation}">{escape(f" {sign} ")}</TD>'
    cells = f"{mark}<TD>{table(name)}</TD>" if name else mark
    return row(table([f"<TR>{cells}</TR>"], 'CELLPADDING="2" ALIGN="LEFT"'))


def _shown(sheet: Sheet, x: Shown, colour: str, heat: Heat | None, prefix: str = "") -> list[str]:
    """A value or a gradient: one row for a number or a short array, several for the summary of a long array."""
    tag = FLAT if prefix and is_zero(x) else ""
    if not isinstance(x, Summary):
        return [_figure(sheet, prefix, number(x, sheet.digits), math.isfinite(x), colour, tag)]
    text = "" if x.elements is None else nested(x.elements, sheet.digits)
    if text and len(text) <= LONGEST_LIST:
        return [_figure(sheet, prefix, text, not x.trouble(), colour, tag)]
    digits = max(sheet.digits - 1, 1)  # enough for a mean
    if text and sheet.look.ranges:
        return _matrix(sheet, x, colour, prefix, digits)
    rows = [_figure(sheet, prefix, x.centre(digits), True, colour, tag)]
    if x.range(digits) and sheet.look.ranges:
        rows.append(row(coloured(escape(typeset(x.range(digits))), colour, sheet.small)))
    if x.trouble():
        rows.append(_figure(sheet, "", x.trouble(), False, colour))
    if heat and sheet.look.ranges:
        theme = sheet.theme
        rows.append(
            row(strip(heat, shades(theme, colour), shades(theme, theme.muted), zero(theme), theme.text))
        )
    return rows


def _matrix(sheet: Sheet, x: Summary, colour: str, prefix: str, digits: int) -> list[str]:
    """The elements of a small matrix in rows and columns."""
    lines = x.elements if isinstance(x.elements[0], list) else [x.elements]
    texts = [[coloured(escape(typeset(number(e, digits))), colour) for e in line] for line in lines]
    if prefix:
        texts = [[coloured(escape(prefix) if not i else " ", colour), *line] for i, line in enumerate(texts)]
    rows = [row(grid(texts))]
    return [*rows, _figure(sheet, "", x.trouble(), False, colour)] if x.trouble() else rows


def _figure(sheet: Sheet, prefix: str, text: str, finite: bool, colour: str, tag: str = "") -> str:
    """A row with a number; NaN and infinity are highlighted: the colour of the number is their background."""
    text = escape(prefix + typeset(text))
    if finite:
        return row(coloured(text, colour) + (SPACE + sheet.aside(tag) if tag else ""))
    return row(coloured(bold(f" {text} "), sheet.theme.background), ground=colour)


def _least_width(name: str) -> int:
    """The least width of a name in points, given where `graphviz-pure`, which counts bytes, may take too little."""
    return 0 if name.isascii() else math.ceil(SIZE * em_width(shorten(name, LONGEST_NAME)))
