"""The rows of a box in a difference: its numbers in both states, and by how much they changed."""

from __future__ import annotations

import math

from ..common.numbers import Summary, nested, number
from ..common.themes import Theme, shades, zero
from ..graph.snapshot import Change, Shift, Shown
from ..graphviz.markup import bold, coloured, escape, row, strip, table
from .sheet import SPACE, Sheet, typeset

__all__ = ["factor", "in_words", "numbers", "outline", "parameter", "shifts"]

LONGEST_LIST, LONGEST_ROW = 24, 46  # characters of an array that is written out, of a row with both numbers
MOST_DIGITS = 8  # significant ones, where fewer do not show the difference
THICKEST = "3.5"  # points
WIDTHS = ((0.1, THICKEST), (0.01, "2.2"))  # from which share on an outline is how thick
TIMES = 10.0  # from here on a change is a factor, otherwise per cent


def factor(x: float) -> str:
    """A factor of more than 1, rounded.

    >>> factor(12.34), factor(4317.2), factor(1.8e9)
    ('12', '4,317', '1.8e9')
    """
    return f"{x:,.0f}" if 100 <= x < 1e7 else number(x, 2)


def outline(theme: Theme, change: Change) -> dict[str, str]:
    """How the shape of a box is drawn: pale if nothing changed, thicker the more did, an octagon at the first NaN."""
    if change.first:
        return {"shape": "octagon", "style": "filled", "color": theme.text, "penwidth": THICKEST}
    shifts = change.shifts
    if not shifts:
        return {"color": theme.frame, "penwidth": "1"}
    values = any(
        shift in shifts for shift in (change.value, *(value for value, _ in change.parameters)) if shift
    )
    share = max((shift.share for shift in shifts if not math.isnan(shift.share)), default=math.inf)
    width = next((width for least, width in WIDTHS if share >= least), "1.2")
    return {"color": theme.value if values else theme.gradient, "penwidth": width}


def in_words(shift: Shift) -> str:
    """By how much a number changed, in a few characters: `▲ 3.3 %`, `Δ 12 %`, `÷ 4,300`, `now 0`.

    >>> in_words(Shift(2.0, 1.5, 0.25, 0.75, False)), in_words(Shift(1.0, 40.0, 39.0, 40.0, True))
    ('▼ 25 %', '× 40')
    """
    if not shift.changed:
        return ""
    if shift.before is None:
        return "new"
    if shift.after is None:
        return "none now"
    if math.isnan(shift.share):
        return "" if _is_odd(shift.after) else "finite now"
    if shift.factor == 0:
        return "now 0"
    if math.isinf(shift.share):
        return "from 0"
    if shift.factor >= TIMES:
        return f"× {factor(shift.factor)}"
    if shift.factor <= 1 / TIMES:
        return f"÷ {factor(1 / shift.factor)}"
    sign = "Δ" if shift.rises is None else "▲" if shift.rises else "▼"
    part = 100 * shift.share
    return f"{sign} {number(part, 2)} %" if part >= 0.01 else f"{sign} < 0.01 %"


def numbers(shift: Shift, digits: int) -> tuple[str, str]:
    """The number before and after, with so many digits that they can be told apart."""
    for more in range(digits, MOST_DIGITS + 1):
        texts = _text(shift.before, more), _text(shift.after, more)
        if texts[0] != texts[1] or isinstance(shift.after, Summary):
            break
    return texts


def shifts(sheet: Sheet, change: Change, constant: bool) -> tuple[list[str], list[str]]:
    """The rows of the value and those of the gradient."""
    theme, show = sheet.theme, sheet.show
    above = _rows(sheet, change.value, theme.value) if "data" in show else []
    below = _rows(sheet, change.gradient, theme.gradient, "∂ ") if "grad" in show and not constant else []
    if change.below and "grad" in show:
        below.append(_tag(sheet, f"largest ÷ {factor(change.below)}", theme.gradient))
    return above, below


def parameter(sheet: Sheet, name: str, value: Shift, slope: Shift) -> list[str]:
    """The rows of a parameter of a closed module."""
    theme, digits = sheet.theme, max(sheet.digits - 2, 1)
    title = _cell(bold(coloured(escape(name), theme.parameter, sheet.small)))
    rows = []
    for shift, colour, prefix in ((value, theme.value, ""), (slope, theme.gradient, "∂ ")):
        if not shift.changed:
            text = coloured(escape(typeset(prefix + _text(shift.after, digits))), theme.muted, sheet.small)
            cells = [_cell(text)]
        else:
            cells = _both(sheet, shift, numbers(shift, digits), colour, prefix, sheet.small)
        rows.append(_line([title, *cells] if not prefix else [_cell(SPACE * 2), *cells]))
    return rows


def _rows(sheet: Sheet, shift: Shift | None, colour: str, prefix: str = "") -> list[str]:
    """Both numbers in one row, or where they are long in two; then the pattern of the change."""
    if shift is None:
        return [row(coloured("∂ –", sheet.theme.muted))] if prefix else []
    arrays = isinstance(shift.after, Summary) and math.prod(shift.after.shape) > 1
    brief = arrays and not sheet.look.numbers
    if not shift.changed:
        text = typeset(prefix + _text(shift.after, sheet.digits))
        return [] if brief else [row(coloured(escape(text), sheet.theme.muted))]
    if brief:
        return [_line(_cells(sheet, shift, prefix, colour))]
    both = numbers(shift, max(sheet.digits - arrays, 1))
    cells = _both(sheet, shift, both, colour, prefix)
    long = sum(map(len, (prefix, *both, in_words(shift)))) > LONGEST_ROW
    rows = [_line(cells[:1]), _line(cells[1:])] if long else [_line(cells)]
    if shift.heat and sheet.look.ranges:
        ground, muted = zero(sheet.theme), shades(sheet.theme, sheet.theme.muted)
        rows.append(row(strip(shift.heat, shades(sheet.theme, colour), muted, ground, sheet.theme.text)))
    return rows


def _both(
    sheet: Sheet, shift: Shift, texts: tuple[str, str], colour: str, prefix: str, size: int = 0
) -> list[str]:
    """The cells of a row: the number before, the one after, and by how much it changed."""
    before, after = (
        _cell(
            coloured(escape(typeset(lead + text)), colour, size),
            coloured(bold(escape(typeset(f" {lead}{text} "))), sheet.theme.background, size) if odd else "",
            colour,
        )
        for lead, text, odd in zip((prefix, "→ "), texts, (_is_odd(shift.before), _is_odd(shift.after)))
    )
    return [before, after, *_cells(sheet, shift, "", colour)]


def _cells(sheet: Sheet, shift: Shift, prefix: str, colour: str) -> list[str]:
    """By how much a number changed; on a ground of its colour where it vanished."""
    told = in_words(shift)
    if colour == sheet.theme.gradient and shift.vanished:
        text = bold(escape(f" {prefix}vanished: {told} "))
        return [_cell("", coloured(text, sheet.theme.background, sheet.small), colour)]
    text = coloured(escape(prefix), colour) + coloured(escape(told), sheet.theme.muted, sheet.small)
    return [_cell(text)] if text else []


def _cell(markup: str, inverse: str = "", ground: str = "") -> str:
    """A cell; with `inverse`, that on a ground."""
    return f'<TD BGCOLOR="{ground}">{inverse}</TD>' if inverse else f"<TD>{markup}</TD>"


def _line(cells: list[str]) -> str:
    """A row of cells that stand close to each other."""
    return row(table([f"<TR>{''.join(cells)}</TR>"], 'CELLPADDING="1" ALIGN="LEFT"'))


def _tag(sheet: Sheet, text: str, colour: str) -> str:
    return row(coloured(bold(escape(f" {text} ")), sheet.theme.background, sheet.small), ground=colour)


def _is_odd(x: Shown | None) -> bool:
    """Whether it is not finite, or has an element that is not."""
    return bool(x.trouble()) if isinstance(x, Summary) else x is not None and not math.isfinite(x)


def _text(x: Shown | None, digits: int) -> str:
    """A number, or what of an array fits into a few characters."""
    if x is None:
        return "–"
    if not isinstance(x, Summary):
        return number(x, digits)
    text = "" if x.elements is None else nested(x.elements, digits)
    if text and len(text) <= LONGEST_LIST:
        return text
    centre = x.centre(digits).removeprefix("mean ")
    return ", ".join(filter(None, (centre, x.trouble())))
