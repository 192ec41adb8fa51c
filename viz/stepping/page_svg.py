"""The graph on a page: laid out once by Graphviz, as SVG in which a script changes numbers and marks steps."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from ...autograd import Tape
from ..boxes.sheet import SIZE
from ..common.themes import THEMES
from ..graphviz.engines import layout
from ..passes.story import Story
from .stage import stage

__all__ = ["as_text", "for_page", "page_svg"]

SVG = "http://www.w3.org/2000/svg"  # the namespace


def page_svg(tape: Tape, story: Story, room: str = "") -> str:
    """The graph for a page, without colours: the style sheet of the page has them, for light and dark.

    The texts that the page's script changes have a class: `value` for the value of a box, `grad` for its gradient,
    `count` for how many contributions have arrived, and on an edge `local` and `arrived`. Colours are classes as well,
    such as `s-outline` for a stroke (`f-` for a fill) in the theme's colour `outline`.
    """
    svg = for_page(layout(stage(tape, story, travelled=False, room=room).source, "svg"), "graph")
    fixed = {f"n{i}" for i, told in enumerate(story.nodes) if "fixed" in told}
    shared = {f"n{i}" for i, arrivals in enumerate(story.arrivals) if len(arrivals) > 1}
    for group in svg.iter("g"):
        texts = group.findall("text")
        kind = group.get("class", "")
        if kind.startswith("node") and "operation" not in kind and texts:
            if group.get("id") in shared:
                texts.pop().set("class", "count")
            if group.get("id") not in fixed:
                texts.pop().set("class", "grad")
            texts.pop().set("class", "value")
        elif kind.startswith("edge") and texts:
            for text, role in zip(texts, ("local", "arrived"), strict=True):
                text.set("class", role)
    return as_text(svg)


def for_page(picture: bytes, id: str) -> Any:
    """A picture in the light theme as an SVG element of a page: without a size, with classes in place of colours."""
    theme = THEMES["light"]
    roles = {getattr(theme, role): role for role in ("background", "outline", "text", "muted", "frame")}
    roles |= {
        getattr(theme, role): role for role in ("value", "gradient", "parameter", "operation", "cluster")
    }
    svg = ElementTree.fromstring(picture)
    for element in svg.iter():
        if isinstance(element.tag, str):
            element.tag = element.tag.removeprefix(f"{{{SVG}}}")
    for group in list(svg.iter("g")):
        if group.get("class") != "graph":  # removes the elements that hold tooltips
            group[:] = [child for child in group.iter() if child.tag not in ("g", "a")]
        _slim(group, roles)
    for key in ("width", "height"):
        del svg.attrib[key]
    svg.set("xmlns", SVG)
    svg.set("id", id)
    svg.set("class", "drawn")
    return svg


def as_text(svg: Any) -> str:
    """The element as text, without spaces between elements."""
    return re.sub(r">\s+<", "><", ElementTree.tostring(svg, encoding="unicode"))


def _slim(group: Any, roles: dict[str, str]) -> None:
    """Remove attributes that the style sheet sets, and replace each colour by the class of its role."""
    for child in list(group):
        tag = child.tag if isinstance(child.tag, str) else ""
        if tag in ("", "title"):
            group.remove(child)
            continue
        for key in (
            ("font-family", "text-anchor") if child.get("text-anchor") == "start" else ("font-family",)
        ):
            child.attrib.pop(key, None)
        if float(child.get("font-size", 0)) == SIZE:
            del child.attrib["font-size"]
        classes = [f"{key[0]}-{roles[c]}" for key in ("fill", "stroke") if (c := child.get(key)) in roles]
        if classes and tag != "g":
            for key in ("fill", "stroke"):
                if child.get(key) in roles:
                    del child.attrib[key]
            child.set("class", " ".join(classes))
