"""Words in pictures: names that users chose, made printable and short, and the signs of operations."""

from __future__ import annotations

import re
import unicodedata
from textwrap import wrap

__all__ = ["FLAT", "em_width", "in_lines", "printable", "shorten", "sign"]

# marks a gradient of exactly 0, which is not the same as no gradient: at this point nothing changes to first order. A
# unit that is silent for all samples is "dead" (`nn.diagnostics`); one pass does not show that.
FLAT = "flat"

SIGNED, HELD = re.compile(r"[▲▼Δ±×÷=] [^ ,]+( %)?"), "\x1f"
SIGNS = {
    "multiply": "×",
    "divide": "÷",
    "subtract": "−",
    "power": "**",
    "negative": "neg",
    "square": "x²",
    "sqrt": "√",
}


def sign(name: str, symbol: str | None) -> str:
    """The text that an operation is shown as: its mathematical sign, its symbol in programs, or its name.

    >>> sign("multiply", "*"), sign("matmul", "@"), sign("tanh", None)
    ('×', '@', 'tanh')
    """
    return SIGNS.get(name) or symbol or name


def printable(text: str) -> str:
    r"""The text with characters that cannot be printed (controls, line ends, lone surrogates) as escapes.

    >>> print(printable("a\nb\x00"))
    a\nb\x00
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shorten(text: str, longest: int) -> str:
    """A text made printable; a long one is shortened to its beginning and its end, with an ellipsis between them.

    >>> shorten("encoder.layers.0.attention.weight", 20)
    'encoder.l…ion.weight'
    """
    text = printable(text)
    if len(text) <= longest:
        return text
    end = longest // 2
    return f"{text[: longest - end - 1]}…{text[-end:]}"


def in_lines(text: str, width: int) -> list[str]:
    """A sentence in lines of at most so many characters, with a sign and its number in one line.

    >>> in_lines("w1 changed by ÷ 40, w2 by ▲ 12 %", 16)
    ['w1 changed by', '÷ 40, w2 by', '▲ 12 %']
    """
    held = SIGNED.sub(lambda found: found[0].replace(" ", HELD), text)
    return [line.replace(HELD, " ") for line in wrap(held, width)]


def em_width(text: str) -> float:
    """An upper estimate of the width of a text, in units of its font size."""
    return sum(map(_em, text))


def _em(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    if unicodedata.east_asian_width(c) in "WF":
        return 1.1
    return 0.58 if c.isascii() and not c.isupper() else 0.75
