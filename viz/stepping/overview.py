"""The map on the page of a larger graph: the whole graph, folded to a few boxes, with the box of the step marked."""

from __future__ import annotations

from dataclasses import replace

from ..boxes.dot import digraph
from ..boxes.look import MANY
from ..common.errors import DrawingError
from ..common.notation import written
from ..common.options import DrawOptions
from ..graph.reading import read
from ..graphviz.engines import layout
from ..passes.passes import Passes
from .page_svg import as_text, for_page

__all__ = ["overview"]

BOXES = 24  # at most, so that the map can be read at a glance


def overview(passes: Passes) -> tuple[str, list[int]]:
    """The map as SVG, and for each node the number of its box, 3 for `map-n3`; empty if folding is not enough."""
    if len(passes.tape.nodes) <= MANY:
        return "", []
    options = DrawOptions(show=("name", "op"), fit=None, max_nodes=BOXES, digits=passes.digits)
    graph = read(passes.tape.nodes[passes.root], options)
    if "" in graph.where:
        return "", []
    try:
        picture = digraph(replace(graph, hides=()), options)
        svg = for_page(layout(picture.source, "svg"), "map")
    except DrawingError:
        return "", []
    for group in svg.iter("g"):
        if "id" in group.attrib:
            group.set("id", f"map-{group.get('id')}")
        # powers as on the page; a name is bold, an operation and a rule are not
        for text in group.findall("text"):
            if text.text == "**":
                text.text = "xⁿ"
            elif text.get("font-weight") != "bold" and (text.text or "").lstrip().startswith("= "):
                text.text = written(text.text)
    return as_text(svg), [int(id[1:]) for id in graph.where]
