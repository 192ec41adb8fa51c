"""Docstrings are written as plain text with Markdown's code spans; autodoc reads reStructuredText."""

from __future__ import annotations

import re
from typing import Any

CODE = re.compile(r"(``?)([^`]+)\1")
MARKS = re.compile(r"([\\*|_])")


def line_to_rst(line: str) -> str:
    """Code spans doubled, and set off by an empty mark where a letter follows; every other mark is taken literally.

    >>> print(line_to_rst("one of `f(*xs)`s 2 * 3"))
    one of ``f(*xs)``\\ s 2 \\* 3
    """
    parts = []
    end = 0
    for match in CODE.finditer(line):
        before = MARKS.sub(r"\\\1", line[end : match.start()])
        glue = "\\ " if before[-1:].isalnum() else ""
        parts += [before, glue, f"``{match[2]}``"]
        end = match.end()
        if line[end : end + 1].isalnum():
            parts.append("\\ ")
    return "".join(parts) + MARKS.sub(r"\\\1", line[end:])


def to_rst(lines: list[str]) -> list[str]:
    """The text with code spans as reStructuredText has them; examples and indented blocks stay as they are.

    A code span may run over the end of a line, so a paragraph is taken as a whole.
    """
    out: list[str] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines)):
        rows = paragraph.strip("\n").split("\n")
        if rows[0].lstrip().startswith(">>>"):
            out += [*rows, ""]
        elif all(row.startswith("    ") for row in rows):
            out += ["::", "", *rows, ""]
        else:
            listed = [i for i, row in enumerate(rows) if row.startswith("- ")]
            starts = sorted({0, *listed})
            for start, end in zip(starts, [*starts[1:], len(rows)]):
                first = rows[start]
                mark = "- " if first.startswith("- ") else ""
                text = " ".join([first.removeprefix("- "), *(row.strip() for row in rows[start + 1 : end])])
                out += [mark + line_to_rst(text)]
                if start + 1 in listed or end == len(rows) or not mark:
                    out.append("")
    return out


def on_docstring(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_rst(lines)


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", on_docstring)
    return {"parallel_read_safe": True}
