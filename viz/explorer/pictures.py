"""The levels laid out by Graphviz, each once and by itself, as pieces that a page can move.

A piece is a box with its texts, or an edge: what the page needs to draw it elsewhere when a module near it opens. The
visual language is that of every drawing, for the pictures are made from the same text. Tooltips are left out: the page
shows more when a box is pointed at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from ..boxes.dot import digraph
from ..common.options import DrawOptions
from ..common.words import em_width
from ..graphviz.engines import layout
from .levels import Level

__all__ = ["directed", "pictures"]

SVG = "{http://www.w3.org/2000/svg}"
TITLE, TEXT, PATH, POLYGON, ELLIPSE = (
    f"{SVG}{name}" for name in ("title", "text", "path", "polygon", "ellipse")
)
SHAPES = {TEXT, PATH, POLYGON, ELLIPSE, f"{SVG}polyline"}
TOOLTIP = re.compile(r' \w*tooltip="(?:[^"\\]|\\.)*"')
NUMBER = re.compile(r"-?[\d.]+(?:e-?\d+)?")
TOGETHER = 25  # levels that one run of Graphviz lays out
AT_ONCE = min(os.cpu_count() or 1, 4)  # runs of Graphviz
KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor")
MARGIN = 6  # beside a text without a box, in points
# as in the style sheet
USUAL = {
    "fill": "none",
    "stroke": "transparent",
    "text-anchor": "start",
    "font-size": "12.00",
}
ROUND = 12  # points; the radius of Graphviz's rounded corners


def pictures(levels: Sequence[Level], options: DrawOptions) -> list[dict[str, Any]]:
    """The pieces of each level, as data for JSON; see `_pieces`."""
    options = replace(options, theme="light")  # the page's style sheet turns its colours
    runs = [levels[i : i + TOGETHER] for i in range(0, len(levels), TOGETHER)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda run: _laid_out(run, options), runs)
        return [_pieces(svg) for svgs in found for svg in svgs]


def _laid_out(levels: Sequence[Level], options: DrawOptions) -> list[str]:
    sources = [TOOLTIP.sub("", digraph(level.graph, directed(level, options)).source) for level in levels]
    drawn = layout("\n".join(sources), "svg", options.engine).decode()
    return [f"<svg{each}</svg>" for each in re.findall(r"<svg(.*?)</svg>", drawn, re.DOTALL)]


def directed(level: Level, options: DrawOptions) -> DrawOptions:
    """The options for a level: boxes of arrays, which are large, run from top to bottom."""
    arrays = any(box.tensor for box in level.graph.boxes)
    return replace(options, direction="TB") if arrays else options


def _pieces(svg: str) -> dict[str, Any]:
    """The pieces of one picture.

    `nodes` has for each box its id, left, top, width and height, and its inside as SVG, from its left and top on.
    `edges` has for each edge the ids of its ends, its curve, the tip of its arrow, its width, whether it is dashed, and
    the lines of its label, each with its place.
    """
    nodes, edges = [], []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        kind = group.get("class", "")[:4]
        if kind == "node":
            nodes.append(_node(group.get("id", ""), [each for each in group.iter() if each.tag in SHAPES]))
        elif kind == "edge":
            edges.append(
                _edge(group.findtext(TITLE, ""), [each for each in group.iter() if each.tag in SHAPES])
            )
    return {"nodes": nodes, "edges": edges}


def _edge(title: str, parts: Sequence[Any]) -> list[Any]:
    tail, _, head = title.partition("->")
    path = next(each for each in parts if each.tag == PATH)
    curve = path.get("d")
    # an arrowhead is a triangle with its tip as the second corner
    tips = [each.get("points").split()[1] for each in parts if each.tag == POLYGON]
    tip = tips[0] if tips else curve.rpartition(" ")[2]
    label = [
        [float(each.get("x")), float(each.get("y")), (each.text or "").strip()]
        for each in parts
        if each.tag == TEXT
    ]
    width, dashed = float(path.get("stroke-width", 1)), int("stroke-dasharray" in path.attrib)
    return [tail, head, curve, tip, width, dashed, label]


def _node(id: str, parts: Sequence[Any]) -> list[Any]:
    points = [_points(each) for each in parts]
    drawn = [each for part, each in zip(parts, points) if part.tag != TEXT] or [
        _around(each) for each in parts
    ]
    left, top = (min(x for each in drawn for x in each[i::2]) for i in (0, 1))
    right, bottom = (max(x for each in drawn for x in each[i::2]) for i in (0, 1))
    moved = [[f"{x - (top if i % 2 else left):.5g}" for i, x in enumerate(each)] for each in points]
    return [id, *(round(x, 1) for x in (left, top, right - left, bottom - top)), _inside(parts, moved)]


def _points(element: Any) -> list[float]:
    """The coordinates of an element, x and y by turns; of an ellipse, those of two corners around it."""
    if element.tag == TEXT:
        return [float(element.get("x")), float(element.get("y"))]
    if element.tag == ELLIPSE:
        cx, cy, rx, ry = (float(element.get(key)) for key in ("cx", "cy", "rx", "ry"))
        return [cx - rx, cy - ry, cx + rx, cy + ry]
    return [float(x) for x in NUMBER.findall(element.get("points") or element.get("d"))]


def _around(text: Any) -> list[float]:
    """Two corners around a text; `em_width` is an upper estimate."""
    x, y, size = (float(text.get(key)) for key in ("x", "y", "font-size"))
    width = 0.88 * size * em_width(text.text or "")
    start = x - width / 2 if text.get("text-anchor") == "middle" else x
    return [start - MARGIN, y - size - 3, start + width + MARGIN, y + 7]


def _inside(parts: Sequence[Any], points: Sequence[Sequence[str]]) -> str:
    """The inside of a box in few characters and elements: cells of one colour are one path."""
    found: list[str] = []
    cells: dict[str, list[str]] = {}
    for each, at in zip(parts, points):
        look = _look(each)
        if each.tag == TEXT:
            found.append(f"<text x='{at[0]}' y='{at[1]}'{look}>{_escaped(each.text or '')}</text>")
        elif each.tag == ELLIPSE:
            x, y, rx, ry = (_middle(at[0], at[2]), _middle(at[1], at[3]), each.get("rx"), each.get("ry"))
            found.append(f"<ellipse cx='{x}' cy='{y}' rx='{rx}' ry='{ry}'{look}/>")
        elif each.tag == PATH and "C" in each.get("d"):  # a rectangle with round corners
            x, y, width, height = _box(at)
            found.append(f"<rect x='{x}' y='{y}' width='{width}' height='{height}' rx='{ROUND}'{look}/>")
        elif each.tag == POLYGON and len(at) == 10 and len({*at[::2]}) == len({*at[1::2]}) == 2:
            x, y, width, height = _box(at)
            shape = f"M{x} {y}h{width}v{height}h-{width}z"
            if each.get("stroke") != "transparent":
                found.append(f"<path d='{shape}'{look}/>")
                continue
            if look not in cells:
                found.append(look)
            cells.setdefault(look, []).append(shape)
        else:
            pairs = " ".join(f"{x},{y}" for x, y in zip(at[::2], at[1::2]))
            found.append(f"<{'polygon' if each.tag == POLYGON else 'polyline'} points='{pairs}'{look}/>")
    return "".join(f"<path d='{''.join(cells[each])}'{each}/>" if each in cells else each for each in found)


def _box(at: Sequence[str]) -> tuple[str, str, str, str]:
    """Left, top, width and height of what has these corners."""
    xs, ys = [float(x) for x in at[::2]], [float(y) for y in at[1::2]]
    left, top = min(xs), min(ys)
    return f"{left:.5g}", f"{top:.5g}", f"{max(xs) - left:.5g}", f"{max(ys) - top:.5g}"


def _middle(a: str, b: str) -> str:
    return f"{(float(a) + float(b)) / 2:.5g}"


def _look(element: Any) -> str:
    """The attributes of an element, without those that the style sheet sets."""
    given = element.attrib
    return "".join(f" {key}='{given[key]}'" for key in KEPT if key in given and USUAL.get(key) != given[key])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
