"""What a notebook shows of both passes: a picture, and in a frame over it the page, if scripts may run.

A notebook that is not trusted removes the frame and keeps the picture. The frame is sandboxed: its script cannot
access the notebook.
"""

from __future__ import annotations

import base64
import html
import re

from ..common.errors import DrawingError
from ..common.themes import THEMES
from ..drawing.engines import layout
from ..drawing.markup import coloured
from ..passes.passes import Passes
from .grid import is_hard
from .page import page
from .stage import END, stage

__all__ = ["notebook_html"]

WIDTH = 900  # of the column of a notebook in pixels, approximately
CONTROLS, MAP, TABLE_ROW, TALLEST_TABLE, TALLEST_GRAPH, SCROLLBAR = 350, 150, 33, 300, 560, 18
EXPERIMENT, SENTENCE, QUIZ = 94, 28, 110  # the controls of a live page; why a page is not live; a question
CODE = 34  # what a page with code has more where it is narrow


def notebook_html(passes: Passes, position: int, quiz: bool = False) -> str:
    """The picture of the graph after the last step, and over it the page in a frame."""
    picture = svg(passes)
    width, height = (float(x) for x in re.findall(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', picture)[0])
    scale = min(WIDTH / width, 1.0)
    high = round(min(height * scale, TALLEST_GRAPH))  # the height of the picture, which the frame covers
    graph = min(
        height * min(max(WIDTH / width, 1.0), 1.5) + SCROLLBAR, TALLEST_GRAPH
    )  # never smaller than it is
    table = min(TABLE_ROW * (len(passes.tape.nodes) + 1), TALLEST_TABLE)
    content = page(passes, position, embedded=True, quiz=quiz)
    if is_hard(passes.tape):  # the picture is a note
        graph = TALLEST_GRAPH if 'id="graph"' in content else 2 * TABLE_ROW
    live = SENTENCE if "const program = null;" in content else EXPERIMENT
    code = CODE if passes.code is not None else 0
    tall = round(CONTROLS + QUIZ * quiz + live + code + (MAP if 'id="map"' in content else 0) + graph + table)
    source = base64.b64encode(picture.encode()).decode()
    name = html.escape(passes.story.nodes[passes.root]["label"])
    return (
        f'<div><img alt="Graph of {name} with values and gradients" src="data:image/svg+xml;base64,{source}" '
        f'style="display:block;height:{high}px;max-width:100%">'
        f'<iframe title="Both passes of {name}, step by step" sandbox="allow-scripts" '
        f'style="display:block;position:relative;margin-top:-{high}px;width:100%;height:{tall}px;border:0;'
        f'background:Canvas" '
        f'srcdoc="{html.escape(content)}"></iframe></div>'
    )


def svg(passes: Passes) -> str:
    """The graph after the last step as SVG; for a large graph only a note."""
    note = "This notebook is not trusted, so it shows the result only. To step, choose: Trust Notebook."
    if not is_hard(passes.tape):
        try:
            drawn = stage(passes.tape, passes.story, END, caption=[coloured(note, THEMES["light"].muted, 10)])
            picture = layout(drawn.source, "svg").decode()
            return picture.replace(
                "<svg ", '<svg preserveAspectRatio="xMinYMin meet" ', 1
            )  # where it is narrow
        except DrawingError:
            pass
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 700 40" width="700" height="40">'
        f'<rect width="700" height="40" fill="#fff"/><text x="10" y="25" font-size="13" font-family="sans-serif" '
        f'fill="#5b6673">{note}</text></svg>'
    )
