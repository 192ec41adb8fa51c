"""`Source`: the text of a printed program, displayed in colour, and in part if it is long."""

from __future__ import annotations

import html
import io
import keyword
import os
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from ..debug.files import write_atomically
from ..engine.node import describe
from ..errors import KindError

__all__ = ["JavaScriptSource", "Source"]

SHOWN, WIDEST = 60, 160  # lines, and characters of a line, that a display shows
STYLES = ("keyword", "string", "number", "comment")
LIGHT = ("#8250df", "#0a5c36", "#0b5cad", "#5b6673")
DARK = ("#d2a8ff", "#7ee2a8", "#7cc4ff", "#a7b0bc")
ANSI = ("35", "32", "34", "90")


class Source(str):
    """A program as text: a `str` of the whole program with a short display.

    `print(source)`, `str(source)` and `source.save("program.py")` give all of it. A notebook and the Python prompt
    show the first lines, with the bodies of helpers hidden, so that the passes are visible; a notebook adds colours.

    >>> from chainrule.autograd import Tape, Value
    >>> a = Value(2.0, name="a")
    >>> source = Tape(a * a).source()
    >>> "d_a += d_v1 * a" in source
    True
    """

    __slots__ = ()
    comment, file = "#", "program.py"

    def tokens(self, text: str) -> Iterator[tuple[str, str]]:
        """The pieces of the program, or of the beginning of one, with the style of each."""
        return tokens(text)

    def folded(self) -> str:
        """The program as it is displayed, without the bodies of its helpers."""
        return folded(self)

    def save(self, path: str | Path) -> Path:
        """Write the program to a file and return its path; folders are made where they are missing."""
        if not isinstance(path, (str, os.PathLike)):
            raise KindError(f'save takes the path of a file, such as "{self.file}"; given {describe(path)}')
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(self.encode()))
        return path

    def __repr__(self) -> str:
        shown, rest = self._prefix()
        return shown + (f"\n{rest}" if rest else "")

    def _repr_html_(self) -> str:
        shown, rest = self._prefix()
        text = "".join(
            f'<span class="{style}">{html.escape(part)}</span>' if style else html.escape(part)
            for part, style in self.tokens(shown)
        )
        more = f'<span class="comment">\n{html.escape(rest)}</span>' if rest else ""
        return f'<style>{_STYLE}</style><pre class="chainrule-source">{text}{more}</pre>'

    def _prefix(self) -> tuple[str, str]:
        """The first lines, and, if there are more, a comment that says how to get them."""
        lines = self.splitlines()
        shown = lines if len(lines) <= SHOWN else self.folded().splitlines()
        narrow = [line if len(line) <= WIDEST else f"{line[:WIDEST]} ..." for line in shown[:SHOWN]]
        if narrow == lines:
            return "\n".join(lines), ""
        left = len(lines) - len(narrow)
        what = f"{left} more lines" if left else "parts of long lines left out"
        return "\n".join(narrow), (
            f'{self.comment} ... {what}: print(source) shows all, source.save("{self.file}") writes a file'
        )

    def in_colour(self) -> str:
        """The whole program with the colour codes of a terminal."""
        codes = dict(zip(STYLES, ANSI))
        return "".join(f"\x1b[{codes[s]}m{part}\x1b[0m" if s else part for part, s in self.tokens(self))


JAVASCRIPT = re.compile(
    r"(?P<comment>//.*)|(?P<string>\"[^\"\n]*\"|'[^'\n]*')|(?P<number>\b\d[\w.]*(?:[eE][+-]?\d+)?)|"
    r"(?P<keyword>\b(?:const|export|for|function|if|let|new|of|return)\b)"
)


class JavaScriptSource(Source):
    """A JavaScript module as text, displayed as `Source` is; its functions stand at the end, after the passes.

    >>> from chainrule.autograd import Tape, Value
    >>> a = Value(2.0, name="a")
    >>> "d_a += d_v1 * a;" in Tape(a * a).source("javascript")
    True
    """

    __slots__ = ()
    comment, file = "//", "program.js"

    def tokens(self, text: str) -> Iterator[tuple[str, str]]:
        at = 0
        for found in JAVASCRIPT.finditer(text):
            yield text[at : found.start()], ""
            yield found[0], found.lastgroup or ""
            at = found.end()
        yield text[at:], ""

    def folded(self) -> str:
        return str(self)


def folded(text: str) -> str:
    """A program without the bodies of helpers, the digits of large arrays, and most of many leaves.

    So the passes are near the beginning.

    >>> from chainrule.autograd.program.text import folded
    >>> print(folded("def half(x):\\n    return x / 2\\n\\n\\n# leaves\\n"), end="")
    def half(x): ...
    <BLANKLINE>
    <BLANKLINE>
    # leaves
    """
    text = re.sub(r'"""\n[0-9a-f\n]+"""', '"..."', text)
    leaf = r"(?:\w+ = [^(\n]+\n)"  # a single number
    many = rf"(# leaves\n{leaf}{{6}})({leaf}{{6,}})"
    text = re.sub(many, lambda found: f"{found[1]}# ... and {found[2].count(chr(10))} more\n", text)
    helper = r"^(def (?!program\().*:)\n(?: .*\n|\n)+(?=(def (?!program\())?)"
    return re.sub(helper, lambda found: f"{found[1]} ...\n" + "\n\n" * (not found[2]), text, flags=re.M)


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """The pieces of a program, or of the beginning of one, with the style of each; together they are the text."""
    lines = text.splitlines(keepends=True)
    row, column = 1, 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            style = _style(token)
            if style:
                yield _between(lines, (row, column), token.start), ""
                yield _between(lines, token.start, token.end), style
                row, column = token.end
    except (tokenize.TokenError, SyntaxError):
        pass  # the beginning of a program may end inside brackets
    yield _between(lines, (row, column), (len(lines) + 1, 0)), ""


def _style(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.NAME:
        return "keyword" if keyword.iskeyword(token.string) else ""
    kinds = {tokenize.STRING: "string", tokenize.NUMBER: "number", tokenize.COMMENT: "comment"}
    return kinds.get(token.type, "")


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (a, b), (c, d) = start, end
    if a == c:
        return lines[a - 1][b:d] if a <= len(lines) else ""
    last = lines[c - 1][:d] if c <= len(lines) else ""
    return "".join([lines[a - 1][b:] if a <= len(lines) else "", *lines[a : c - 1], last])


def _rules(colours: tuple[str, ...], before: str = "") -> str:
    return "".join(f"{before}.chainrule-source .{s}{{color:{c}}}" for s, c in zip(STYLES, colours))


_STYLE = (
    ".chainrule-source{line-height:1.4;overflow-x:auto}"
    + _rules(LIGHT)
    + "@media (prefers-color-scheme:dark){"
    + _rules(DARK)
    + "}"
    + _rules(LIGHT, '[data-jp-theme-light="true"] ')
    + _rules(DARK, '[data-jp-theme-light="false"] ')
)
