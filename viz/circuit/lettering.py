"""Text in LaTeX type: names in italics with their digits as subscripts, numbers upright, signs of mathematics.

A line of text is a tuple of runs; a run is what has one font, one level and one colour. All writers read these.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from ..common.words import printable, shorten

__all__ = [
    "LOWERED",
    "RAISED",
    "SIZE",
    "SMALLER",
    "Line",
    "Run",
    "italics",
    "name_runs",
    "upright",
    "width_of",
]

SIZE = 20.0  # points of a text; a picture is fitted to its slide, so that only proportions matter
SMALLER = 0.82  # the size of a subscript, in units of the text; LaTeX's 0.7 is hard to read on a slide
LOWERED, RAISED = 0.22, 0.36  # of the size: how far down a subscript stands, and how far up a superscript
LONGEST_NAME = 28

# a prefix with dots; letters and a number, or one letter and what follows its underscore
SUBSCRIPT = re.compile(r"(.*\.)?(?:([^\W\d_]+['′]*)_?(\d{1,4})|([^\W\d_]['′]*)_\{?(\w{1,6})\}?)")
DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

GREEK = {
    unicodedata.name(c).split()[-1].lower().replace("lamda", "lambda"): c for c in "αβγδεζηθικλμνξπρστυφχψω"
}
SPELT = {name: c for name, c in GREEK.items() if name not in ("xi", "nu")}  # xi may be x with an index

# widths in thousandths of the size, of Times and Latin Modern the wider one for signs, for letters between the two
WIDTHS = {
    **dict.fromkeys("0123456789", 500),
    **dict.fromkeys("abdghknopquvxy", 520),
    **dict.fromkeys("cezs", 444),
    **dict.fromkeys("ijlt.,:;'|", 290),
    **dict.fromkeys("()[]/ ", 333),
    **dict.fromkeys("fr-", 370),
    **dict.fromkeys("ABCDEFGHKLNOPQRSTUVXYZ", 740),
    **dict.fromkeys("−+×÷=<>±", 720),
    **dict.fromkeys("mMW", 930),
    "w": 722, "∂": 500, "σ": 550, "Σ": 620, "√": 560, "…": 1000, "@": 920, "·": 290,
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A piece of text in one font.

    Attributes:
        text: the characters.
        italic: whether it is in italics, as names are.
        level: -1 for a subscript, 1 for a superscript, otherwise 0.
        role: its colour, the name of a field of `Theme`: "text", "muted", "value" or "gradient".
        strong: whether it is bold.
    """

    text: str
    italic: bool = False
    level: int = 0
    role: str = "text"
    strong: bool = False


Line = tuple[Run, ...]


def upright(text: str, role: str = "text", strong: bool = False) -> Line:
    """A line in upright type; none for an empty text."""
    return (Run(printable(text), role=role, strong=strong),) if text else ()


def italics(text: str) -> Line:
    """A line in italics."""
    return (Run(printable(text), italic=True),)


def name_runs(name: str) -> Line:
    """A name as in a formula: digits at its end, or what follows the underscore of one letter, are a subscript.

    >>> [(run.text, run.level) for run in name_runs("w12")]
    [('w', 0), ('12', -1)]
    >>> [(run.text, run.level) for run in name_runs("W_out")]
    [('W', 0), ('out', -1)]
    >>> [(run.text, run.level) for run in name_runs("theta_1")]
    [('θ', 0), ('1', -1)]
    >>> [(run.text, run.level) for run in name_runs("layers.0.weight")]
    [('layers.0.weight', 0)]
    """
    name = shorten(unicodedata.normalize("NFC", name), LONGEST_NAME)
    found = SUBSCRIPT.fullmatch(name)
    if found is None:
        return (Run(SPELT.get(name, name), italic=True),)
    base, below = found[2] or found[4], found[3] or found[5]
    base = SPELT.get(base, base)
    letters = not below.isdecimal()
    base = (found[1] or "") + base
    return (Run(base, italic=True), Run(below, italic=letters, level=-1))


def width_of(line: Iterable[Run]) -> float:
    """The width of a line in points, estimated with the widths of Times."""
    return sum(SIZE * (SMALLER if run.level else 1.0) * sum(map(_em, run.text)) for run in line)


def _em(c: str) -> float:
    if unicodedata.combining(c):
        return 0.0
    c = c.translate(DIGITS)
    if c in WIDTHS:
        return WIDTHS[c] / 1000
    base = unicodedata.normalize("NFD", c)[0]
    if base != c and base in WIDTHS:
        return WIDTHS[base] / 1000
    return 1.05 if unicodedata.east_asian_width(c) in "WF" else 0.62
