"""Labels in Graphviz's HTML-like language; texts of users are escaped for the place where they appear.

Graphviz decodes entities before it looks for its own escapes (such as backslash N for the name of the node), once in
a label and twice in a tooltip; so entities are written first and backslashes doubled after.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from ..common.words import printable, shorten

__all__ = [
    "beside",
    "bold",
    "coloured",
    "escape",
    "grid",
    "label",
    "plain",
    "row",
    "strip",
    "table",
    "tooltip",
]

LONGEST_TOOLTIP = 400  # characters in a line


def escape(text: str) -> str:
    """A text for an HTML-like label: shown as it is, never interpreted as markup."""
    return html.escape(printable(text)).replace("\\", r"\\")


def plain(text: str) -> str:
    """A text of one or more lines for a label that is not HTML-like."""
    return r"\n".join(map(escape, text.split("\n")))


def tooltip(text: str) -> str:
    """A text of one or more lines for a tooltip."""
    lines = (escape(shorten(line, LONGEST_TOOLTIP)) for line in text.split("\n"))
    return r"\n".join(line.replace("\\", r"\\") for line in lines)


def coloured(markup: str, colour: str, size: int = 0) -> str:
    """Markup in a colour, and in another size if one is given; empty for an empty text, as Graphviz needs it."""
    if not markup:
        return ""
    points = f' POINT-SIZE="{size}"' if size else ""
    return f'<FONT COLOR="{colour}"{points}>{markup}</FONT>'


def bold(markup: str) -> str:
    """Markup in bold; an empty text stays empty."""
    return f"<B>{markup}</B>" if markup else ""


def row(markup: str, align: str = "LEFT", ground: str = "", width: int = 0) -> str:
    """One row of a table, with a background if a colour is given, at least `width` points wide."""
    more = f' BGCOLOR="{ground}"' if ground else ""
    more += f' WIDTH="{width}"' if width else ""
    return f'<TR><TD ALIGN="{align}"{more}>{markup}</TD></TR>'


def table(rows: Iterable[str], more: str = 'CELLPADDING="1"') -> str:
    """Rows one below the other, without borders."""
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" {more}>{"".join(rows)}</TABLE>'


def label(markup: str) -> str:
    """Markup as the value of a label, which Graphviz recognises by its angle brackets."""
    return f"<{markup}>"


def strip(
    heat: Sequence[Sequence[int | None]], shades: Sequence[str], minus: Sequence[str], ground: str, odd: str
) -> str:
    """A heat map as a table of small cells: full ones in `shades` above 0, half ones in `minus` below 0.

    A cell of 0 has the colour `ground`, and one that is not finite the colour `odd`.
    """
    if len(heat[0]) == 1:  # one column, as the results of a batch: it takes less room as a row
        heat = [[line[0] for line in heat]]
    height = 10 if len(heat) <= 8 else 4
    width = max(4, min(12, 72 // len(heat[0])))
    colours = {0: (ground, ground), None: (odd, odd)}
    colours |= {k: (shade, shade) for k, shade in enumerate(shades, 1)}
    colours |= {-k: (ground, shade) for k, shade in enumerate(minus, 1)}
    cell = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height // 2}"'
    rows = (
        "<TR>" + "".join(f'<TD {cell} BGCOLOR="{colours[k][half]}"></TD>' for k in line) + "</TR>"
        for line in heat
        for half in (0, 1)
    )
    size = f'WIDTH="{width * len(heat[0])}" HEIGHT="{height * len(heat)}"'
    return table(rows, f'CELLPADDING="0" ALIGN="LEFT" FIXEDSIZE="TRUE" {size}')


def beside(left: Sequence[str], right: Sequence[str]) -> str:
    """Two lists of rows as one row, side by side."""
    at = 'CELLPADDING="1" ALIGN="LEFT" VALIGN="TOP"'
    cells = "".join(f'<TD ALIGN="LEFT" VALIGN="TOP">{table(rows, at)}</TD>' for rows in (left, right) if rows)
    inner = table([f"<TR>{cells}</TR>"], 'CELLPADDING="3" ALIGN="LEFT"')
    return f"<TR><TD>{inner}</TD></TR>"


def grid(lines: Sequence[Sequence[str]]) -> str:
    """Rows of short texts in columns, aligned to the right."""
    return table(
        ("<TR>" + "".join(f'<TD ALIGN="RIGHT">{text}</TD>' for text in line) + "</TR>" for line in lines),
        'CELLPADDING="2" ALIGN="LEFT"',
    )
