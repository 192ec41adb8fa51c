"""`draw`: a picture of a recorded graph, to look at, to print, or to save.

A `Drawing` is a snapshot: it holds numbers and words, not nodes, and shows the graph as it was when drawn.
"""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import Any

from ..autograd import KindError, Node, Tape
from ..autograd.engine.modes import recording
from ..autograd.engine.node import describe
from ..nn import unchanged
from .dot import SHOW, digraph
from .engines import ENGINES, Digraph, layout
from .errors import DrawingError, DrawingWarning, OptionError, check_count, check_option
from .files import path_of, write_whole
from .graph import Graph, read, roots_of
from .terminal import writable
from .text import tree
from .themes import Theme, adaptive, theme_named

__all__ = ["Drawing", "draw", "draw_dot", "trace"]

LARGE = 2000  # boxes; laying out more takes minutes
SMALL = 100  # boxes; the picture of a graph no larger goes to a notebook as PNG too
DIRECTIONS = ("LR", "TB")

# Arial's widths are what the layout was made with; the others have the same, wherever Arial is missing
FONTS = "Arial, Arimo, Liberation Sans, Helvetica, sans-serif"


def draw(
    root: Any,
    *example: Any,
    show: Collection[str] = SHOW,
    direction: str = "LR",
    depth: int | None = None,
    max_nodes: int | None = None,
    around: Any = None,
    hops: int = 2,
    theme: str | Theme = "light",
    digits: int = 4,
    engine: str = "auto",
) -> Drawing:
    """Draw the graph behind `root`, with its values and, after `backward()`, its gradients.

    `root` is a `Value` or a `Tensor`; a list, tuple or dict of them; or a module of `chainrule.nn`, or any
    function, followed by the `example` to apply it to. Drawing runs no pass and changes nothing.

    Args:
        show: which of data, grad, local, shape, dtype, op and name are shown; all of them by default.
        direction: "LR" draws from left to right, "TB" from top to bottom.
        depth: how many scopes inside each other are open: 0 closes every module, 1 shows the modules directly inside.
            By default as many as fit.
        max_nodes: how many boxes there are at most, by default 150. A larger graph is folded until it fits: long
            sums, what is alike, and modules become one box each; the drawing says what it hides. Boxes of arrays are
            large, so that by default modules of arrays close from 30 boxes on.
        around: a node (or several): only what is at most `hops` edges away from it is drawn.
        theme: "light", "dark", or a `Theme`; "auto" is light, and as SVG dark where its reader's screen is.
        digits: significant digits of the numbers.
        engine: "dot", the system's Graphviz; "graphviz-pure", installed with chainrule; "auto", the first
            of the two that works.

    Raises `KindError` for what has no graph, `OptionError` for an option that does not exist.

    >>> from chainrule.autograd import Value
    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> c = a * b
    >>> c.backward()
    >>> drawing = draw(c)
    >>> drawing.svg()[:5]
    '<?xml'
    >>> print(drawing)
    v1  ×  -6  ∂ 1
    ├── a  2   ∂ -3
    └── b  -3  ∂ 2
    """
    check_option("direction", direction, DIRECTIONS)
    check_option("engine", engine, ENGINES)
    shown = tuple(show) if isinstance(show, Collection) and not isinstance(show, str) else (show,)
    for each in shown:
        check_option("show", each, SHOW)
    check_count("max_nodes", 1 if max_nodes is None else max_nodes, 1)
    check_count("digits", digits, 1)
    check_count("hops", hops, 0)
    check_count("depth", depth or 0, 0)
    if not example:
        graph = read(root, depth, max_nodes, around, hops)
    else:
        with unchanged(root), recording(True):
            graph = read(_applied(root, example), depth, max_nodes, around, hops)
    return Drawing(graph, shown, direction, theme, digits, engine)


def _applied(root: Any, example: tuple[Any, ...]) -> Any:
    if not callable(root):
        raise KindError(
            f"draw(root, example) applies a module or a function to an example; given {describe(root)} and "
            f"{describe(example[0])}. Options are given by name, as in draw(loss, direction='TB')"
        )
    return root(*example)


class Drawing:
    """A picture of a graph as it was at one moment; made by `draw`.

    In a notebook it displays itself. Printed, it is a tree of text, from the outputs to the inputs, 80 columns wide;
    signs that standard output cannot write are in ASCII.
    """

    def __init__(
        self,
        graph: Graph,
        show: Collection[str],
        direction: str,
        theme: str | Theme,
        digits: int,
        engine: str,
    ) -> None:
        self._graph = graph
        self._show = show
        self._direction = direction
        self._theme = theme_named(theme)
        self._adapts = theme == "auto"
        self._digits = digits
        self._engine = engine

    def __repr__(self) -> str:
        boxes = sum(box.kind != "more" for box in self._graph.boxes)
        what = f"{self._graph.nodes:,} nodes" + f" in {boxes:,} boxes" * bool(self._graph.hides)
        return f"<Drawing of {what}; print it, or save it as .svg or .png>"

    def __str__(self) -> str:
        return tree(self._graph, self._digits, writable)

    @cached_property
    def dot(self) -> str:
        """The picture in Graphviz's language, DOT; the same graph gives the same text."""
        return self._digraph().source

    def svg(self) -> str:
        """The picture as SVG: sharp at any size, opaque, its text selectable."""
        svg = self._laid_out("svg").decode().replace('font-family="Arial"', f'font-family="{FONTS}"')
        return adaptive(svg) if self._adapts else svg

    def png(self, dpi: int = 144) -> bytes:
        """The picture as PNG, with `dpi` dots to the inch."""
        return self._laid_out("png", [f"-Gdpi={dpi}"])

    def pdf(self) -> bytes:
        """The picture as PDF; needs the system's Graphviz."""
        return self._laid_out("pdf")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the format that the suffix says: .svg, .png, .pdf, .dot, or .txt for the tree.

        Folders on the way are made. The file appears complete or not at all. Returns its path.

        Raises `OptionError` for another suffix, `DrawingError` where no engine can draw it.
        """
        path = path_of(path)
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".png": self.png,
            ".pdf": self.pdf,
            ".dot": lambda: self.dot,
            ".txt": lambda: f"{tree(self._graph, self._digits)}\n",
        }
        writer = writers.get(path.suffix.lower())
        if writer is None:
            given = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
            raise OptionError(
                f"the path {os.fspath(path)!r} has {given}, and the suffix says what is written. Use one of "
                f"{', '.join(writers)}, for example {path.stem or 'graph'}.svg"
            )
        return write_whole(path, writer())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: SVG, for a small graph PNG besides, and where neither can be made, text."""
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/svg+xml"] = self.svg()
            if len(self._graph.boxes) <= SMALL:
                bundle["image/png"] = base64.b64encode(self.png(dpi=96)).decode()
        except DrawingError as error:
            bundle["text/plain"] = f"{type(error).__name__}: {error}"
        return bundle

    def _digraph(self) -> Digraph:
        return digraph(self._graph, self._show, self._direction, self._theme, self._digits)

    def _laid_out(self, format: str, options: Collection[str] = ()) -> bytes:
        announce_large(len(self._graph.boxes))
        return layout(self.dot, format, self._engine, list(options))


def announce_large(boxes: int) -> None:
    """Warn before a layout that takes minutes."""
    if boxes > LARGE:
        warnings.warn(
            f"laying out {boxes:,} boxes takes minutes; a smaller max_nodes folds the graph to what can be read",
            DrawingWarning,
            stacklevel=4,
        )


# ---------------------------------------------------------------------- micrograd's names


def trace(root: Any) -> tuple[set[Node], set[tuple[Node, Node]]]:
    """All nodes behind `root`, and all pairs of an input and what was computed from it, as in micrograd.

    >>> from chainrule.autograd import Value
    >>> nodes, edges = trace(Value(2.0) * Value(3.0))
    >>> len(nodes), len(edges)
    (3, 2)
    """
    nodes = Tape(roots_of(root)).nodes
    return set(nodes), {(x, node) for node in nodes for x in node.inputs}


def draw_dot(root: Any, format: str = "svg", rankdir: str = "LR") -> Digraph:
    """The picture as a `Digraph` of the `graphviz` package, with `.source`, `.pipe()` and `.render()`, as in micrograd.

    It draws without a system's Graphviz too. `draw` does more.

    >>> from chainrule.autograd import Value
    >>> draw_dot(Value(2.0) * 3.0).pipe()[:5]
    b'<?xml'
    """
    check_option("rankdir", rankdir, DIRECTIONS)
    drawing = draw(root, direction=rankdir)
    graph = drawing._digraph()
    graph.format = format
    return graph
