"""Labels in Graphviz's HTML-like language; texts of users are escaped for the place where they appear.

Graphviz decodes entities before it looks for its own escapes (such as backslash N for the name of the node), once in
a label and twice in a tooltip; so entities are written first and backslashes doubled after.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from ..common.words import printable, shorten

__all__ = ["bold", "coloured", "escape", "label", "plain", "row", "strip", "table", "tooltip"]

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


def strip(heat: Sequence[Sequence[int]], shades: Sequence[str], odd: str) -> str:
    """A heat map as a table of small coloured cells, in the colour `odd` where a cell has no shade."""
    height = 8 if len(heat) <= 8 else 4
    width = max(4, min(12, 64 // len(heat[0])))
    cell = f'FIXEDSIZE="TRUE" WIDTH="{width}" HEIGHT="{height}"'
    rows = (
        "<TR>" + "".join(f'<TD {cell} BGCOLOR="{shades[k] if k >= 0 else odd}"></TD>' for k in line) + "</TR>"
        for line in heat
    )
    size = f'WIDTH="{width * len(heat[0])}" HEIGHT="{height * len(heat)}"'
    return table(rows, f'CELLPADDING="0" ALIGN="LEFT" FIXEDSIZE="TRUE" {size}')
