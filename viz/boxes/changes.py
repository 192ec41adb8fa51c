"""The rows of a box in a difference: its numbers in both states, and by how much they changed."""

from __future__ import annotations

import math

from ..common.notation import typeset
from ..common.numbers import Summary, nested, number
from ..common.themes import Theme, shades, zero
from ..graph.snapshot import Change, Shift, Shown
from ..graphviz.markup import beside, bold, coloured, escape, row, strip
from .sheet import SPACE, Sheet, is_single

__all__ = ["TIMES", "in_words", "numbers", "outline", "parameter", "shifts", "times"]

LONGEST_LIST, LONGEST_ROW = 24, 46  # characters of an array that is written out, of a row with both numbers
MOST_DIGITS = 8  # significant ones, where fewer do not show the difference
THICKEST = "4"  # points
WIDTHS = ((1.0, THICKEST), (0.1, "2.8"), (0.01, "1.8"))  # from which share on an outline is how thick
TIMES = 10.0  # from here on a change is a factor, otherwise per cent


def times(x: float) -> str:
    """A factor of more than 1 with two digits.

    >>> times(1.25), times(12.34), times(4317.2), times(1.84e9)
    ('1.2', '12', '4,300', '1.8e9')
    """
    return f"{float(f'{x:.1e}'):,.0f}" if 100 <= x < 1e7 else number(x, 2)


def outline(theme: Theme, change: Change) -> dict[str, str]:
    """How the shape of a box is drawn: pale if nothing changed, thicker the more did, an octagon at the first NaN."""
    if change.first:
        return {"shape": "octagon", "style": "filled", "color": theme.text, "penwidth": THICKEST}
    shifts = change.shifts
    if not shifts:
        return {"color": theme.frame, "penwidth": "1"}
    values = any(shift in shifts for shift in (change.value, *(value for value, _ in change.parameters)))
    share = max((shift.share for shift in shifts if not math.isnan(shift.share)), default=math.inf)
    width = next((width for least, width in WIDTHS if share >= least), "1")
    return {"color": theme.value if values else theme.gradient, "penwidth": width}


def in_words(shift: Shift) -> str:
    """By how much a number changed, in a few characters: `▲ 3.3 %`, `Δ 12 %`, `÷ 4,300`, `now 0`.

    >>> in_words(Shift(2.0, 1.5, 0.25, 0.75, single=True)), in_words(Shift(1.0, 40.0, 39.0, 40.0, single=True))
    ('▼ 25 %', '× 40')
    >>> in_words(Shift(2.0, -1.5, 1.75, 0.75, single=True, turned=True))
    '± 175 %'
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
    minus = "−" * shift.turned
    if shift.factor >= TIMES:
        return f"× {minus}{times(shift.factor)}"
    if shift.factor <= 1 / TIMES:
        return f"÷ {minus}{times(1 / shift.factor)}"
    sign = "Δ" if not shift.single else "±" if shift.turned else "▲" if shift.factor > 1 else "▼"
    part = 100 * shift.share
    return f"{sign} {number(part, 2)} %" if part >= 0.01 else f"{sign} < 0.01 %"


def numbers(shift: Shift, digits: int) -> tuple[str, str]:
    """The number before and after, with so many digits that they can be told apart."""
    for more in range(digits, MOST_DIGITS + 1):
        texts = _text(shift.before, more), _text(shift.after, more)
        if texts[0] != texts[1] or isinstance(shift.after, Summary):
            break
    return texts


def shifts(sheet: Sheet, change: Change, constant: bool) -> list[str]:
    """The rows of the value and those of the gradient."""
    theme, show = sheet.theme, sheet.show
    value = change.value if "data" in show else None
    slope = change.gradient if "grad" in show and not constant else None
    told = []
    if slope is not None and slope.vanished:
        told.append(f"vanished: {in_words(slope)}")
    if change.below and slope is not None:
        told.append(f"largest ÷ {times(change.below)}")
    if not sheet.look.numbers:
        return _briefly(sheet, value, slope, told)
    above = _rows(sheet, value, theme.value)
    below = _rows(sheet, slope, theme.gradient, "∂ ")
    above_odd, below_odd = _odd(sheet, value, theme.value), _odd(sheet, slope, theme.gradient, "∂ ")
    if told:
        below_odd.append(_band(sheet, f"∂ {'; '.join(told)}", theme.gradient))
    if sheet.look.beside and above and below:
        return [beside(above, below), *above_odd, *below_odd]
    return [*above, *above_odd, *below, *below_odd]


def _briefly(sheet: Sheet, value: Shift | None, slope: Shift | None, told: list[str]) -> list[str]:
    """Without numbers: by how much both changed, in one row, and what is not finite."""
    theme = sheet.theme
    texts = [coloured(escape(in_words(value)), theme.value)] if value is not None else []
    if slope is not None and not told and in_words(slope):
        texts.append(coloured(escape(f"∂ {in_words(slope)}"), theme.gradient))
    texts = [text for text in texts if text]
    rows = [row((SPACE * 2).join(texts))] if texts else []
    rows += _odd(sheet, value, theme.value) + _odd(sheet, slope, theme.gradient, "∂ ")
    return [*rows, _band(sheet, f"∂ {told[0]}", theme.gradient)] if told else rows


def parameter(sheet: Sheet, name: str, value: Shift, slope: Shift) -> list[str]:
    """The rows of a parameter of a closed module."""
    theme, digits, small = sheet.theme, max(sheet.digits - 2, 1), sheet.small
    title = coloured(bold(escape(name)), theme.parameter, small) + SPACE * 2
    rows = _both(sheet, value, digits, theme.value, "", title, small) + _odd(sheet, value, theme.value)
    rows += _both(sheet, slope, digits, theme.gradient, "∂ ", SPACE * 4, small)
    rows += _odd(sheet, slope, theme.gradient, "∂ ")
    if slope.vanished:
        rows.append(_band(sheet, f"∂ vanished: {in_words(slope)}", theme.gradient))
    return rows


def _rows(sheet: Sheet, shift: Shift | None, colour: str, prefix: str = "") -> list[str]:
    """Both numbers in one row, or where they are long in two; then the pattern of the change."""
    if shift is None:
        return []
    rows = _both(sheet, shift, max(sheet.digits - (not is_single(shift.after)), 1), colour, prefix)
    if shift.heat and sheet.look.ranges:
        ground, muted = zero(sheet.theme), shades(sheet.theme, sheet.theme.muted)
        rows.append(row(strip(shift.heat, shades(sheet.theme, colour), muted, ground, sheet.theme.text)))
    return rows


def _both(
    sheet: Sheet, shift: Shift, digits: int, colour: str, prefix: str, title: str = "", size: int = 0
) -> list[str]:
    """The number before, the one after, and by how much it changed."""
    if not shift.changed:
        text = coloured(escape(typeset(prefix + _text(shift.after, digits))), sheet.theme.muted, size)
        return [row(title + text)]
    before, after = (escape(typeset(text)) for text in numbers(shift, digits))
    told = "" if prefix and shift.vanished else in_words(shift)
    mark = SPACE * 2 * bool(told) + coloured(escape(told), sheet.theme.muted, sheet.small)
    first = coloured(escape(prefix) + before, colour, size)
    if _is_odd(shift.after):
        parts = [first]
    elif len(f"{prefix}{before}{after}{told}") > LONGEST_ROW:
        parts = [first, coloured(f"→ {after}", colour, size) + mark]
    else:
        parts = [coloured(f"{escape(prefix)}{before} → {after}", colour, size) + mark]
    return [row(lead + part) for lead, part in zip((title, SPACE * 4), parts)]


def _odd(sheet: Sheet, shift: Shift | None, colour: str, prefix: str = "") -> list[str]:
    """A row with what is not finite now."""
    if shift is None or not (shift.changed and _is_odd(shift.after)):
        return []
    after = shift.after
    many = isinstance(after, Summary) and not is_single(after)
    text = after.trouble() if isinstance(after, Summary) and many else _text(after, sheet.digits)
    return [_band(sheet, typeset(f"{prefix}→ {text}"), colour)]


def _band(sheet: Sheet, text: str, colour: str) -> str:
    """A row whose colour is its background."""
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
    if x.shape == ():
        return text
    if text and len(text) <= LONGEST_LIST:
        return text
    centre = x.centre(digits).removeprefix("mean ")
    return ", ".join(filter(None, (centre, x.trouble())))
