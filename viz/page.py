"""One self-contained HTML page for a `Stepper`: no server, no network, no library.

What it shows is the story of `story.py` on the graph of `stage.py`; the page's own text, style and script stand in
`templates/`. Its policy allows nothing but that one style and that one script, by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from .errors import DrawingError
from .grid import grid_svg, is_hard
from .overview import overview
from .stage import page_svg
from .words import printable, shorten

if TYPE_CHECKING:
    from .step import Stepper

__all__ = ["page"]

MANY = 5000  # nodes; above this the page goes without a picture of the graph
LONGEST_NAME = 40


def page(stepper: Stepper, embedded: bool = False) -> str:
    """The page as text; `embedded` is for the narrower place in a notebook."""
    story = stepper.story
    name = html.escape(shorten(story.nodes[stepper.root]["label"], LONGEST_NAME))
    overview_svg, boxes = overview(stepper)
    style, script = template("step.css"), template("step.js")
    parts = {
        "class": "embedded" if embedded else "",
        "title": f"{name}: both passes, step by step",
        "name": name,
        "graph": graph_of(stepper, bool(boxes)),
        "overview": overview_svg,
        "style": style,
        "script": script,
        "style-hash": sha256(style),
        "script-hash": sha256(script),
        "story": as_json(story.data() | {"start": stepper.position + 1, "map": boxes}),
    }
    return re.sub(r"{{([a-z-]+)}}", lambda found: parts[found[1]], template("step.html"))


def graph_of(stepper: Stepper, mapped: bool) -> str:
    """The graph as SVG, or a sentence that says why there is none."""
    count = len(stepper.tape.nodes)
    if count > MANY:
        how = "are drawn folded, as above" if mapped else "are not drawn"
        return f'<p class="no-graph">The graph has {count:,} nodes; more than {MANY:,} {how}.</p>'
    try:
        return (grid_svg if is_hard(stepper.tape) else page_svg)(stepper.tape, stepper.story)
    except DrawingError as error:
        return f'<p class="no-graph">{html.escape(printable(str(error)))}</p>'


def as_json(data: object) -> str:
    """JSON that can stand inside of a script element: no `<` in it could end that element or open a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def sha256(text: str) -> str:
    """The hash of an inline style or script, as a content security policy writes it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def template(name: str) -> str:
    """A file of `templates/`."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
