"""What a notebook shows of both passes: a picture, and in a frame over it the page, if scripts may run.

A notebook that is not trusted removes the frame and keeps the picture. The frame is sandboxed: its script cannot
access the notebook. With anywidget installed, a widget connects the page with the kernel by messages, `widget.js`
with `embedding.js`. In Jupyter it shows nothing itself, so that the page stays where the widget is lost: in a stored
notebook without its kernel, in exported HTML. Other front ends start a widget only where it is shown; there it shows
the page.
"""

from __future__ import annotations

import base64
import html
import re
import secrets
import sys
from contextlib import suppress
from functools import cache
from typing import Any

from ..common.errors import DrawingError
from ..common.themes import THEMES
from ..graphviz.engines import layout
from ..graphviz.markup import coloured
from ..passes.passes import Passes
from .grid import is_hard
from .live import live
from .page import page, template
from .stage import END, stage

__all__ = [
    "Html",
    "make_widget",
    "notebook_bundle",
    "notebook_html",
    "numbers_of",
    "show_page",
    "within_kernel",
]

WIDTH = 900  # of the column of a notebook in pixels, approximately
CONTROLS, MAP, TABLE_ROW, TALLEST_TABLE, TALLEST_GRAPH, SCROLLBAR = 350, 150, 33, 300, 560, 18
EXPERIMENT, SENTENCE, QUIZ = 94, 28, 110  # the controls of a live page; why a page is not live; a question
CODE = 34  # what a page with code has more where it is narrow


def notebook_html(passes: Passes, position: int, quiz: bool = False, name: str = "") -> str:
    """The picture of the graph after the last step, and over it the page in a frame, with a name if it has one."""
    picture = svg(passes)
    width, height = size(picture)
    # of the picture, which the frame covers
    high = round(min(height * min(WIDTH / width, 1.0), TALLEST_GRAPH))
    content = page(passes, position, embedded=True, quiz=quiz)
    source = base64.b64encode(picture.encode()).decode()
    root = html.escape(passes.story.nodes[passes.root]["label"])
    named = f'name="{name}" ' if name else ""
    return (
        f'<div><img alt="Graph of {root} with values and gradients" src="data:image/svg+xml;base64,{source}" '
        f'style="display:block;height:{high}px;max-width:100%">'
        f'<iframe title="Both passes of {root}, step by step" {named}sandbox="allow-scripts" '
        f'style="display:block;position:relative;margin-top:-{high}px;width:100%;'
        f'height:{tallness(passes, picture, content, quiz)}px;border:0;background:Canvas" '
        f'srcdoc="{html.escape(content)}"></iframe></div>'
    )


def tallness(passes: Passes, picture: str, content: str, quiz: bool) -> int:
    """The height in pixels that the page needs in a notebook."""
    width, height = size(picture)
    # never smaller than it is
    graph = min(height * min(max(WIDTH / width, 1.0), 1.5) + SCROLLBAR, TALLEST_GRAPH)
    table = min(TABLE_ROW * (len(passes.tape.nodes) + 1), TALLEST_TABLE)
    if is_hard(passes.tape):  # the picture is a note
        graph = TALLEST_GRAPH if 'id="graph"' in content else 2 * TABLE_ROW
    experiment = SENTENCE if "why" in live(passes)[1] else EXPERIMENT
    code = CODE if passes.code is not None else 0
    return round(
        CONTROLS + QUIZ * quiz + experiment + code + (MAP if 'id="map"' in content else 0) + graph + table
    )


def size(picture: str) -> tuple[float, float]:
    """The width and the height of a picture in SVG."""
    found = re.findall(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', picture)[0]
    return float(found[0]), float(found[1])


def svg(passes: Passes) -> str:
    """The graph after the last step as SVG; for a large graph only a note."""
    note = "This notebook is not trusted, so it shows the result only. To step, choose: Trust Notebook."
    if not is_hard(passes.tape):
        try:
            drawn = stage(passes.tape, passes.story, END, caption=[coloured(note, THEMES["light"].muted, 10)])
            picture = layout(drawn.source, "svg").decode()
            # where it is narrow
            return picture.replace("<svg ", '<svg preserveAspectRatio="xMinYMin meet" ', 1)
        except DrawingError:
            pass
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 40" width="700" height="40">'
        f'<rect width="700" height="40" fill="#fff"/><text x="10" y="25" font-size="13" font-family="sans-serif" '
        f'fill="#5b6673">{note}</text></svg>'
    )


# ---------------------------------------------------------------------- the widget


@cache
def widget_class() -> Any:
    """The class of the widget; `None` without anywidget."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None

    class StepperWidget(anywidget.AnyWidget):
        """Connects pages with the kernel: `given` has the numbers at leaves that are not as recorded, both as texts."""

        _esm = template("widget.js")
        name = traitlets.Unicode().tag(sync=True)  # of the frames
        given = traitlets.Any().tag(sync=True)
        html = traitlets.Unicode().tag(sync=True)  # the page, where the widget itself is shown
        tall = traitlets.Int().tag(sync=True)
        title = traitlets.Unicode().tag(sync=True)

    return StepperWidget


def make_widget() -> Any:
    """A new widget, which connects the frames of its name; `None` without anywidget."""
    made = widget_class()
    return made and made(name=f"chainrule-{secrets.token_hex(8)}", given={})


def show_page(widget: Any, passes: Passes, position: int, quiz: bool) -> None:
    """Let the widget itself show the page at a position."""
    content = page(passes, position, embedded=True, quiz=quiz)
    widget.title = f"Both passes of {passes.story.nodes[passes.root]['label']}, step by step"
    widget.tall = tallness(passes, svg(passes), content, quiz)
    widget.html = content


def numbers_of(widget: Any) -> dict[int, float]:
    """The numbers of the page at leaves that are not as recorded, by their position in the tape.

    A front end can send anything; what is not a number at a position is left out.
    """
    numbers = {}
    for at, text in widget.given.items() if isinstance(widget.given, dict) else ():
        if isinstance(text, str):
            with suppress(ValueError):
                numbers[int(at)] = float(text)
    return numbers


# ---------------------------------------------------------------------- where it is shown


def notebook_bundle(passes: Passes, position: int, quiz: bool, text: str, widget: Any) -> Any:
    """What a notebook shows, by MIME types; `text` stands where it can show neither the page nor the picture."""
    shown = {
        "text/plain": text,
        "text/html": notebook_html(passes, position, quiz, widget.name if widget else ""),
    }
    if widget is None or not only_widgets_that_are_shown():
        return shown
    show_page(widget, passes, position, quiz)
    data, metadata = widget._repr_mimebundle_()
    return data | shown, metadata


def within_kernel() -> bool:
    """Whether the kernel of a notebook runs this."""
    return getattr(shell(), "kernel", None) is not None


def only_widgets_that_are_shown() -> bool:
    """Whether the front end is one that starts no other widgets: VS Code, Colab."""
    return "google.colab" in sys.modules or "__vsc_ipynb_file__" in getattr(shell(), "user_ns", ())


def shell() -> Any:
    """IPython's shell that runs this; `None` if there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


class Html:
    """A text in HTML that a notebook shows."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _repr_html_(self) -> str:
        return self.text
