"""`draw`: a picture of a recorded graph, to look at, to print, or to save.

A `Drawing` is a snapshot: it holds numbers and text, no nodes, and shows the graph as it was when it was drawn.
"""

from __future__ import annotations

import base64
import os
import sys
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ...autograd import KindError, Node, Tape
from ...autograd.extending import Answering, describe, recording, spelt
from ...nn import unchanged
from ..circuit.pinned import OPTIONS
from ..circuit.scene import Scene
from ..circuit.svg import svg
from ..circuit.tikz import tikz
from ..common.errors import DrawingError, DrawingWarning
from ..common.files import path_of, suffix_lesson, write_whole
from ..common.options import DrawOptions, Fit
from ..common.terminal import WIDTH, width_of, writable
from ..common.themes import Theme, adaptive
from ..explorer.levels import Explored
from ..explorer.notebook import notebook_html
from ..explorer.page import page
from ..explorer.survey import survey
from ..folding.outline import Outline
from ..graph.reading import readings
from ..graph.roots import roots_of
from ..graph.snapshot import Graph
from ..graph.state import State, state
from ..graphviz.engines import layout
from ..graphviz.pdf import has_converter, pdf_of, png_of
from ..graphviz.titles import titled
from ..network.reading import Network, names_of, network
from .fitting import Picture, fitted, has_plan, scaled
from .inline import in_notebook
from .names import with_names
from .text import tree

__all__ = ["Drawing", "draw"]

LARGE = 2000  # boxes; laying out more takes minutes
MANY = 150  # nodes; of more, if they are folded, a notebook shows the page in which they are explored
LONGEST = 400_000  # characters of an SVG that is in a notebook twice, once with the theme of the notebook
SMALL = 100  # boxes; a notebook gets the picture of a graph up to this size as PNG too

# the layout was made with the widths of Arial; the other fonts have the same, for systems without Arial
FONTS = "Arial, Arimo, Liberation Sans, Helvetica, sans-serif"


@spelt
def draw(
    root: Any,
    *example: Any,
    show: Collection[str] = DrawOptions.show,
    fit: Fit = DrawOptions.fit,
    style: str | None = DrawOptions.style,
    direction: str | None = DrawOptions.direction,
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
    For the units of a trained network over the plane use `plot_network`; micrograd's `draw_dot` is here, too.

    Args:
        show: which of data, grad, local, shape, dtype, op and name are shown, by default all of them; and "rule", the
            local gradients as formulas: `show=("name", "op", "rule")` has no numbers, and with "local" each formula
            has its value.
        fit: where the picture will be seen: "notebook" (1,100 pixels wide, no text smaller than 9), "page" (800 pixels,
            no text smaller than 11), "slide" (16:9, no text smaller than 18 points), or a width and a height in pixels.
            The graph is folded, and less is written, until its text can be read there; the picture says what it
            hides. `None` draws everything in its natural size.
        style: "boxes" draws operations and their results; "network" draws a multilayer perceptron as one column of
            units for each layer, with its weights and their gradients; "circuit" draws wires and gates, as lecturers
            do by hand, for slides and papers: a value above its wire, the gradient below it, from left to right and
            without local gradients. By default a network where the graph is one and none of `show`, `direction`,
            `depth`, `max_nodes` and `around` asks for something else; otherwise boxes.
        direction: "LR" draws from left to right, "TB" from top to bottom; by default the one that fits.
        depth: how many scopes inside each other are open: 0 closes every module, 1 shows the modules directly inside.
            By default as many as fit; a layer of at most three operations on arrays stays closed.
        max_nodes: how many boxes there are at most, by default 150. A larger graph is folded until it fits: long
            sums, alike nodes, and modules become one box each. With `fit=None` modules of arrays close from 30 boxes
            on, because boxes of arrays are large.
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
        fit=fit,
        style=style,
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
        return drawing_of(root, options)
    with unchanged(root), recording(True):
        return drawing_of(_applied(root, example), options)


def drawing_of(root: Any, options: DrawOptions) -> Drawing:
    """The drawing of a node, or of several in a list, tuple or dict."""
    titles = roots_of(root)
    tape = Tape(titles)
    found = network(tape) if options.may_be_network else None
    if found is None and options.style == "network":
        raise KindError(
            "style='network' draws units in columns, one for each layer: the output of nn.MLP, of nn.Sequential with "
            "Linear layers, or of nn.scalar.MLP, or a loss of it. This graph is none of these, or uses hidden units "
            "otherwise; leave style away to draw its operations"
        )
    outline = Outline(tape)
    drawn = list(
        islice(readings(outline, titles, options), 1 if found and has_plan(found, options) else None)
    )
    explored = survey(root, options.around, drawn[0], outline)
    return Drawing(drawn, options, state(tape, titles), explored, found)


def _applied(root: Any, example: tuple[Any, ...]) -> Any:
    if isinstance(example[0], (str, os.PathLike)) and Path(example[0]).suffix:
        raise KindError(
            f"draw(y, ...) was given the path {os.fspath(example[0])!r}. The drawing writes files: draw(y).save("
            f"{os.fspath(example[0])!r})"
        )
    if not callable(root):
        raise KindError(
            f"draw(root, example) applies a module or a function to an example; given {describe(root)} and "
            f"{describe(example[0])}. Options are given by name, as in draw(loss, direction='TB')"
        )
    result = root(*example)
    if not isinstance(result, (Node, Mapping, list, tuple)):
        raise KindError(
            f"draw(root, example) draws what root(example) returns, which is {describe(result)} and has no graph. "
            f"Give it nodes, as in draw(f, Value(3.0)), and return one"
        )
    return result


class Drawing(Answering):
    """A picture of a graph as it was at one moment; made by `draw`.

    In a notebook it displays itself. Printed, it is a tree of text, from the outputs to the inputs, as wide as the
    terminal or 80 columns; characters that standard output cannot write are in ASCII.
    """

    def __init__(
        self,
        readings: Sequence[Graph],
        options: DrawOptions,
        state: State,
        explored: Explored | None,
        network: Network | None = None,
    ) -> None:
        self._readings = readings
        self._state = state
        self._explored = explored
        self._network = network
        self._options = replace(options, around=None)  # so that no node is kept alive

    @cached_property
    def _picture(self) -> Picture:
        return fitted(self._readings, self._options, self._network)

    @property
    def _graph(self) -> Graph:
        """The graph as it is drawn."""
        return self._picture.graph

    def __repr__(self) -> str:
        return f"<Drawing of {self._picture.what()}; print it, or save it as .svg or .png>"

    def __str__(self) -> str:
        return self._text(writable, width_of(sys.stdout))

    def _text(self, fit: Callable[[str], str] = str, width: int = WIDTH) -> str:
        """What is printed, in so many columns; `fit` is applied to every text in it."""
        return tree(self._readings[0], self._options.digits, fit, width)

    @cached_property
    def dot(self) -> str:
        """The picture in DOT, Graphviz's language; the same graph gives the same text.

        That of a circuit has all positions: `neato -n2 -Tpng` draws it.
        """
        return self._picture.dot.source

    @property
    def _scene(self) -> Scene | None:
        """The circuit, if the style is that."""
        return self._picture.scene

    @spelt
    def svg(self) -> str:
        """The picture as SVG: sharp at any size, opaque, its text selectable."""
        scene, area = self._scene, self._options.area
        if scene is not None:
            picture = svg(scene, self._options.colours).encode()
        else:
            picture = self._picture.svg or self._laid_out("svg")
        text = (picture if area is None else scaled(picture, area)).decode()
        text = text.replace('font-family="Arial"', f'font-family="{FONTS}"')
        if self._picture.look is not None:
            text = with_names(text, self._graph)
        elif scene is None and self._network is not None:
            text = titled(text, names_of(self._network))
        return adaptive(text) if self._options.theme == "auto" else text

    @spelt
    def png(self, dpi: int = 144) -> bytes:
        """The picture as PNG, with `dpi` dots per inch; a circuit in LaTeX type with `pip install "chainrule[pdf]"`."""
        if self._scene is not None and has_converter():
            return png_of(svg(self._scene, self._options.colours), dpi)
        return self._laid_out("png", [f"-Gdpi={dpi}"])

    @spelt
    def pdf(self) -> bytes:
        """The picture as PDF, its text selectable.

        Boxes are written by the system's Graphviz, or by Typst (`pip install "chainrule[pdf]"`); a circuit by Typst,
        or by the system's Graphviz in another font. Raises `DrawingError` without both.
        """
        if self._scene is not None and has_converter():
            return pdf_of([svg(self._scene, self._options.colours)])
        return self._laid_out("pdf")

    @spelt
    def html(self) -> str:
        """The graph as one HTML page in which it can be explored: zoom, search, open modules, see whole arrays."""
        assert self._explored is not None
        return page(self._explored, self._options)

    @spelt
    def tex(self) -> str:
        """The circuit of the graph as TikZ, also where the picture is drawn in another style.

        The text is a file that `pdflatex` compiles, and that `\\input` puts into a document that loads `tikz`.
        """
        return self._tikz("circuit")

    def _tikz(self, name: str) -> str:
        scene = self._scene
        if scene is None:
            options = replace(self._options, style="circuit", direction="LR")
            scene = fitted(self._readings, options).scene
        assert scene is not None
        return tikz(scene, self._options.colours, name)

    @spelt
    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture in the format of the suffix: .svg, .png, .pdf, .tex, .dot, .txt or .html.

        .tex is TikZ, for LaTeX: the circuit of the graph, in every style. .txt is the tree of text, and .html a page in
        which the graph can be explored.

        Missing folders are created. The file appears complete or not at all. Returns its path.

        Raises `OptionError` for another suffix, `DrawingError` if no engine can draw it.
        """
        path = path_of(path)
        writers: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".png": self.png,
            ".pdf": self.pdf,
            ".tex": lambda: self._tikz(path.stem),
            ".dot": lambda: self.dot,
            ".txt": lambda: f"{self._text()}\n",
            ".html": self.html,
        }
        writer = writers.get(path.suffix.lower())
        if writer is None:
            raise suffix_lesson(path, writers, "graph.svg")
        return write_whole(path, writer())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: SVG, for a small graph also PNG, and if no engine can draw them, text.

        Of a large graph that is folded it shows the page of `html`, with its outer modules; other pictures have the
        theme of the notebook.
        """
        bundle = {"text/plain": repr(self)}
        try:
            bundle["image/svg+xml"] = svg = self.svg()
            png = self.png(dpi=96) if len(self._graph.boxes) <= SMALL else None
            if png is not None:
                bundle["image/png"] = base64.b64encode(png).decode()
            many = self._graph.hides and self._graph.nodes > MANY and self._picture.look is not None
            if many and self._explored is not None:
                bundle["text/html"] = notebook_html(self._explored, self._options, svg, png)
            elif self._options.theme == "light" and len(svg) <= LONGEST:
                bundle["text/html"] = in_notebook(svg)
        except DrawingError as error:
            bundle["text/plain"] = f"{type(error).__name__}: {error}"
        return bundle

    def _laid_out(self, format: str, options: Collection[str] = ()) -> bytes:
        announce_large(len(self._graph.boxes))
        pins = OPTIONS if self._scene is not None else []
        return layout(self.dot, format, self._options.engine, [*pins, *options])


def announce_large(boxes: int) -> None:
    """Warn before a layout that will take minutes."""
    if boxes > LARGE:
        warnings.warn(
            f"laying out {boxes:,} boxes takes minutes; a smaller max_nodes folds the graph to what can be read",
            DrawingWarning,
            stacklevel=4,
        )
