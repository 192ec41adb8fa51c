"""What a notebook shows of a large graph: its picture, and in a frame over it the page, if scripts may run.

A notebook that is not trusted removes the frame and keeps the picture. The frame is sandboxed: its script cannot access
the notebook. A script beside it (`templates/frame.js`) tells it the notebook's theme.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re

from ..common.options import DrawOptions
from .levels import Explored
from .page import page, template

__all__ = ["notebook_html"]

WIDTH = 900  # of the column of a notebook in pixels, approximately
TALL = 560  # of the frame
MOST_BOXES, MOST_NUMBERS = 300, 256  # of a page in a notebook, of each array; a saved page has more


def notebook_html(explored: Explored, options: DrawOptions, svg: str, png: bytes | None) -> str:
    """The picture, as PNG if that is the smaller one, and over it the page in a frame."""
    content = page(explored.limited(MOST_BOXES, MOST_NUMBERS), options, embedded=True)
    name = f"chainrule-{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    width, height = (float(x) for x in re.findall(r'viewBox="[\d.-]+ [\d.-]+ ([\d.]+) ([\d.]+)"', svg)[0])
    high = round(min(height * min(WIDTH / width, 1.0), TALL))
    kind, picture = "svg+xml", svg.replace("<svg ", '<svg preserveAspectRatio="xMinYMin meet" ', 1).encode()
    if png is not None and len(png) < len(picture):
        kind, picture = "png", png
    source = base64.b64encode(picture).decode()
    return (
        f'<div><img alt="Graph with values and gradients" src="data:image/{kind};base64,{source}" '
        f'style="display:block;height:{high}px;max-width:100%;object-fit:contain;object-position:0 0">'
        f'<iframe title="Graph to explore" name="{name}" sandbox="allow-scripts" '
        f'style="display:block;position:relative;margin-top:-{high}px;width:100%;height:{TALL}px;border:0;'
        f'background:Canvas" srcdoc="{html.escape(content)}"></iframe>'
        f"<script>{template('frame.js').replace('FRAME', name)}</script></div>"
    )
