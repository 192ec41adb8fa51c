"""`draw`: a picture of a recorded graph, to look at, to print, or to save.

A `Drawing` is a snapshot: it holds numbers and text, no nodes, and shows the graph as it was when it was drawn.
"""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...autograd import KindError
from ...autograd.extending import describe, recording
from ...nn import unchanged
from ..boxes.dot import digraph
from ..common.errors import DrawingError, DrawingWarning, OptionError
from ..common.files import path_of, write_whole
from ..common.options import DrawOptions
from ..common.terminal import writable
from ..common.themes import Theme, adaptive
from ..explorer.levels import Explored
from ..explorer.notebook import notebook_html
from ..explorer.page import page
from ..explorer.survey import survey
from ..graph.reading import read
from ..graph.snapshot import Graph
from ..graphviz.engines import layout
from .text import tree

__all__ = ["Drawing", "draw"]

LARGE = 2000  # boxes; laying out more takes minutes
SMALL = 100  # boxes; a notebook gets the picture of a graph up to this size as PNG too

# the layout was made with the widths of Arial; the other fonts have the same, for systems without Arial
FONTS = "Arial, Arimo, Liberation Sans, Helvetica, sans-serif"


def draw(
    root: Any,
    *example: Any,
    show: Collection[str] = DrawOptions.show,
    direction: str = DrawOptions.direction,
    depth: int | None = DrawOptions.depth,
    max_nodes: int | None = DrawOptions.max_nodes,
    around: Any = DrawOptions.around,
    hops: int = DrawOptions.hops,
    theme: str | Theme = DrawOptions.theme,
    digits: int = DrawOptions.digits,
    engine: str = DrawOptions.engine,
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
            sums, alike nodes, and modules become one box each; the drawing says what it hides. Boxes of arrays are
            large, so that by default modules of arrays close from 30 boxes on.
        around: a node (or several): only nodes at most `hops` edges away from it are drawn.
        theme: "light", "dark", or a `Theme`; "auto" is light, and as SVG dark where the reader's screen is dark.
        digits: significant digits of the numbers.
        engine: "dot", the system's Graphviz; "graphviz-pure", installed with chainrule; "auto", the first
            of the two that works.

    Raises `KindError` for a `root` without a graph, `OptionError` for an option with a value that is not valid.

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
    options = DrawOptions(
        show=show,
        direction=direction,
        depth=depth,
        max_nodes=max_nodes,
        around=around,
        hops=hops,
        theme=theme,
        digits=digits,
        engine=engine,
    )
    if not example:
        return _drawing(root, options)
    with unchanged(root), recording(True):
        return _drawing(_applied(root, example), options)


def _drawing(root: Any, options: DrawOptions) -> Drawing:
    graph = read(root, options)
    return Drawing(graph, options, survey(root, options.around, graph))


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
    characters that standard output cannot write are in ASCII.
    """

    def __init__(self, graph: Graph, options: DrawOptions, explored: Explored) -> None:
        self._graph = graph
        self._explored = explored
        self._options = replace(options, around=None)  # so that no node is kept alive

    def __repr__(self) -> str:
        boxes = sum(box.kind != "more" for box in self._graph.boxes)
        what = f"{self._graph.nodes:,} nodes" + f" in {boxes:,} boxes" * bool(self._graph.hides)
        return f"<Drawing of {what}; print it, or save it as .svg or .png>"

    def __str__(self) -> str:
        return tree(self._graph, self._options.digits, writable)

    @cached_property
    def dot(self) -> str:
        """The picture in DOT, Graphviz's language; the same graph gives the same text."""
        return digraph(self._graph, self._options).source

    def svg(self) -> str:
        """The picture as SVG: sharp at any size, opaque, its text selectable."""
        svg = self._laid_out("svg").decode().replace('font-family="Arial"', f'font-family="{FONTS}"')
        return adaptive(svg) if self._options.theme == "auto" else svg

    def png(self, dpi: int = 144) -> bytes:
        """The picture as PNG, with `dpi` dots per inch."""
        return self._laid_out("png", [f"-Gdpi={dpi}"])

    def pdf(self) -> bytes:
        """The picture as PDF; needs the system's Graphviz."""
        return self._laid_out("pdf")

    def html(self) -> str:
        """The graph as one HTML page in which it can be explored: zoom, search, open modules, see whole arrays."""
        return page(self._explored, self._options)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the format of the suffix: .svg, .png, .pdf, .dot, .txt for the
        tree, or .html for a page in which the graph can be explored.

        Missing folders are created. The file appears complete or not at all. Returns its path.

        Raises `OptionError` for another suffix, `DrawingError` if no engine can draw it.
        """
        path = path_of(path)
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".png": self.png,
            ".pdf": self.pdf,
            ".dot": lambda: self.dot,
            ".txt": lambda: f"{tree(self._graph, self._options.digits)}\n",
            ".html": self.html,
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
        """What a notebook shows: SVG, for a small graph also PNG, and if no engine can draw them, text.

        Of a graph that is folded it shows the page of `html`, with its outer modules.
        """
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/svg+xml"] = svg = self.svg()
            png = self.png(dpi=96) if len(self._graph.boxes) <= SMALL else None
            if png is not None:
                bundle["image/png"] = base64.b64encode(png).decode()
            if self._graph.hides:
                bundle["text/html"] = notebook_html(self._explored, self._options, svg, png)
        except DrawingError as error:
            bundle["text/plain"] = f"{type(error).__name__}: {error}"
        return bundle

    def _laid_out(self, format: str, options: Collection[str] = ()) -> bytes:
        announce_large(len(self._graph.boxes))
        return layout(self.dot, format, self._options.engine, list(options))


def announce_large(boxes: int) -> None:
    """Warn before a layout that will take minutes."""
    if boxes > LARGE:
        warnings.warn(
            f"laying out {boxes:,} boxes takes minutes; a smaller max_nodes folds the graph to what can be read",
            DrawingWarning,
            stacklevel=4,
        )
