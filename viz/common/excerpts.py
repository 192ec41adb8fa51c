"""The lines of the user's source that made a graph, as excerpts of each file: the code that a page shows.

Which line made a node is what `record_lines()` stored; the text of a line is what `linecache` has, where notebooks
register their cells. A file is called by its name, never by its path.
"""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from ...autograd import Node
from ...autograd.extending import Line, line_of
from .words import shorten

__all__ = ["excerpts"]

CONTEXT = 2  # lines before and after one that made a node
LONGEST = 200  # characters of a line
MISSING = "(the text of this line cannot be read)"
INPUT = re.compile(r"ipython-input-(\d+)-")  # what cells are called in IPython and Colab


def excerpts(nodes: Sequence[Node]) -> dict[str, Any] | None:
    """The excerpts that show where nodes were made; `None` if no line of any node is known.

    `files` is a list, in the order in which the nodes were made; each file has its `name` and its `parts`, which have
    the number of their `first` line, the text of their `lines`, and the function that they are `in`, unless the text
    shows it. `of` has for each node the position of its line among all lines, -1 if it is not known.
    """
    found = [line_of(node) for node in nodes]
    made: dict[str, list[Line]] = {}  # by file
    for line in dict.fromkeys(line for line in found if line is not None):
        made.setdefault(line.file, []).append(line)
    if not made:
        return None
    files: list[dict[str, Any]] = []
    places: dict[tuple[str, int], int] = {}
    for (file, lines), name in zip(made.items(), names_of(list(made))):
        parts = parts_of(file, lines)
        for part in parts:
            for i in range(len(part["lines"])):
                places[file, part["first"] + i] = len(places)
        files.append({"name": name, "parts": parts})
    return {"files": files, "of": [-1 if line is None else places[line.file, line.number] for line in found]}


def parts_of(file: str, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The excerpts of one file: lines that made a node, each with a few lines around it, up to an empty one."""
    linecache.checkcache(file)
    text = [each.rstrip().expandtabs(4) for each in linecache.getlines(file)]
    numbers = {line.number for line in lines}
    shown = set(numbers)
    for number in numbers:
        for way in (-1, 1):
            for n in range(number + way, number + way * (CONTEXT + 1), way):
                if not (0 < n <= len(text) and text[n - 1]):
                    break  # an empty line, or the end
                shown.add(n)
    shown.update(n for n in range(1, len(text)) if {n - 1, n + 1} <= shown)  # a gap of one line is shown
    functions = {line.number: line.function for line in sorted(lines)}
    parts = []
    for _, group in groupby(enumerate(sorted(shown)), key=lambda pair: pair[1] - pair[0]):
        run = [number for _, number in group]
        part: dict[str, Any] = {"first": run[0], "lines": indented_less([text_at(text, n) for n in run])}
        function = next(functions[n] for n in run if n in numbers)
        if function[0] != "<" and not any(re.search(rf"\bdef {function}\b", each) for each in part["lines"]):
            part["in"] = shorten(function, LONGEST)
        parts.append(part)
    return parts


def text_at(text: Sequence[str], number: int) -> str:
    """The text of a line, as characters that can be printed."""
    return shorten(text[number - 1], LONGEST) if number <= len(text) else MISSING


def indented_less(lines: Sequence[str]) -> list[str]:
    """The lines without the indentation that all of them have.

    >>> indented_less(["    for x in xs:", "", "        y = x * x"])
    ['for x in xs:', '', '    y = x * x']
    """
    least = min((len(each) - len(each.lstrip()) for each in lines if each), default=0)
    return [each[least:] for each in lines]


def names_of(files: Sequence[str]) -> list[str]:
    """What each file is called: a cell by its number, a file by its name, with its folder only if two have one name.

    >>> names_of(["/home/ada/a/model.py", "/home/ada/b/model.py", "/tmp/x.py", "<ipython-input-3-0a1b>", "<stdin>"])
    ['a/model.py', 'b/model.py', 'x.py', 'cell [3]', '<stdin>']
    """
    parts = [re.split(r"[\\/]", file) for file in files]
    last = [each[-1] for each in parts]
    names = []
    for file, each in zip(files, parts):
        if (cell := cell_of(file)) is not None:
            names.append(cell)
        elif file.startswith("<"):
            names.append(f"<{each[-1].lstrip('<')}")
        else:
            names.append("/".join(each[-2:] if last.count(each[-1]) > 1 else each[-1:]))
    return [shorten(name, LONGEST) for name in names]


def cell_of(file: str) -> str | None:
    """What a notebook's cell is called; `None` for other files."""
    if match := INPUT.search(file):
        return f"cell [{match[1]}]"
    if "__marimo__cell_" in file:
        return "cell"
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    named = getattr(getattr(shell, "compile", None), "format_code_name", None)  # of IPython 8 and later
    cell = None if named is None else named(file)  # such as ("Cell", "In[3]")
    return None if cell is None else f"cell {cell[1].removeprefix('In')}"
