"""One self-contained HTML page with both passes: no server, no network, no library.

It shows the story of `passes/story.py` on the graph of `page_svg.py` or `grid.py`, and where it is live (`live.py`) it
holds the printed program, which computes both passes for other numbers. Its text, style and scripts are in
`templates/`, the scripts joined to one in the order of `SCRIPTS`. Its content security policy allows only that style
and that script, by their hashes.
"""

from __future__ import annotations

import html
import json
import re
from importlib.resources import files

from ..common.errors import DrawingError
from ..common.pages import sha256
from ..common.words import printable, shorten
from ..passes.passes import Passes
from .grid import grid_svg, is_hard
from .live import live, room
from .overview import overview
from .page_svg import page_svg

__all__ = ["page"]

MANY = 5000  # nodes; a page of more has no picture of the graph
LONGEST_NAME = 40
# the numbers; what is said of them; what is shown of them; how the reader moves, changes and predicts them; and
# `page.js`, which joins them
SCRIPTS = (
    "story",
    "numbers",
    "ledger",
    "sentence",
    "graph",
    "camera",
    "controls",
    "printing",
    "live",
    "quiz",
    "code",
    "embedding",
    "page",
)


def page(passes: Passes, position: int, embedded: bool = False, quiz: bool = False) -> str:
    """The page as text, opened at a position in the steps; `embedded` is for the narrow column of a notebook.

    With `quiz` the page asks for the new number of each step before it shows it; see `templates/quiz.js`.
    """
    story = passes.story
    name = html.escape(shorten(story.nodes[passes.root]["label"], LONGEST_NAME))
    overview_svg, boxes = overview(passes)
    program, data = live(passes)
    scripts = [f'"use strict";\nconst program = {program};', *(template(f"{name}.js") for name in SCRIPTS)]
    style, script = template("step.css"), "\n".join(scripts)
    parts = {
        "class": "embedded" if embedded else "",
        "title": f"{name}: both passes, step by step",
        "name": name,
        "graph": graph_of(passes, bool(boxes), "" if "why" in data else room(passes.digits)),
        "overview": f'<div class="map" tabindex="0" role="region" aria-label="Map">{overview_svg}</div>'
        if overview_svg
        else "",
        "style": style,
        "script": script,
        "style-hash": sha256(style),
        "script-hash": sha256(script),
        "story": as_json(
            story.data()
            | {"start": position + 1, "map": boxes, "live": data, "quiz": quiz, "code": passes.code}
        ),
    }
    return re.sub(r"{{([a-z-]+)}}", lambda found: parts[found[1]], template("step.html"))


def graph_of(passes: Passes, mapped: bool, room: str = "") -> str:
    """The graph as SVG, whose numbers have room for a text; or a sentence that says why there is none."""
    count = len(passes.tape.nodes)
    if count > MANY:
        how = "are drawn folded, as above" if mapped else "are not drawn"
        return f'<p class="no-graph">The graph has {count:,} nodes; more than {MANY:,} {how}.</p>'
    try:
        return (grid_svg if is_hard(passes.tape) else page_svg)(passes.tape, passes.story, room)
    except DrawingError as error:
        return f'<p class="no-graph">{html.escape(printable(str(error)))}</p>'


def as_json(data: object) -> str:
    """JSON for the inside of a script element: without `<`, which could end the element or start a comment."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def template(name: str) -> str:
    """A file of `templates/`."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
