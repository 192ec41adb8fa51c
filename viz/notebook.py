"""How a `Stepper` stands in a notebook: a picture for everyone, and over it the page where scripts may run.

A notebook that is not trusted drops the frame and keeps the picture. The frame is sandboxed: its script cannot reach
the notebook around it.
"""

from __future__ import annotations

import base64
import html
import re
from typing import TYPE_CHECKING

from .engines import layout
from .errors import DrawingError
from .grid import is_hard
from .markup import coloured
from .page import page
from .stage import END, stage
from .themes import THEMES

if TYPE_CHECKING:
    from .step import Stepper

__all__ = ["stepper_html"]

WIDTH = 900  # of a notebook's column, about, in pixels
CONTROLS, MAP, TABLE_ROW, TALLEST_TABLE, TALLEST_GRAPH = 330, 150, 33, 300, 560


def stepper_html(stepper: Stepper) -> str:
    """The picture of the finished graph, and over it the page in a frame."""
    picture = svg(stepper)
    width, height = (float(x) for x in re.findall(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', picture)[0])
    scale = min(WIDTH / width, 1.0)
    high = round(min(height * scale, TALLEST_GRAPH))  # of the picture, which the frame covers
    graph = min(height * min(WIDTH / width, 1.5), TALLEST_GRAPH)
    table = min(TABLE_ROW * (len(stepper.tape.nodes) + 1), TALLEST_TABLE)
    content = page(stepper, embedded=True)
    tall = round(CONTROLS + (MAP if 'id="map"' in content else 0) + graph + table)
    source = base64.b64encode(picture.encode()).decode()
    name = html.escape(stepper.story.nodes[stepper.root]["label"])
    return (
        f'<div><img alt="Graph of {name} with values and gradients" src="data:image/svg+xml;base64,{source}" '
        f'style="display:block;height:{high}px;max-width:100%">'
        f'<iframe title="Both passes of {name}, step by step" sandbox="allow-scripts" '
        f'style="display:block;position:relative;margin-top:-{high}px;width:100%;height:{tall}px;border:0;'
        f'background:Canvas" '
        f'srcdoc="{html.escape(content)}"></iframe></div>'
    )


def svg(stepper: Stepper) -> str:
    """The graph after the last step, as a picture of its own; of a large graph only a note."""
    note = "This notebook is not trusted, so it shows the result only. To step, choose: Trust Notebook."
    if not is_hard(stepper.tape):
        try:
            drawn = stage(
                stepper.tape, stepper.story, END, caption=[coloured(note, THEMES["light"].muted, 10)]
            )
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
