"""The map on the page of a larger graph: all of it, folded to what can be read, so that one sees where a step is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .dot import digraph
from .engines import layout
from .errors import DrawingError
from .graph import read
from .stage import MANY, as_text, for_page
from .themes import THEMES

if TYPE_CHECKING:
    from .step import Stepper

__all__ = ["overview"]

BOXES = 24  # at most, in a picture that is to be taken in at a glance


def overview(stepper: Stepper) -> tuple[str, list[int]]:
    """The map as SVG, and for each node the number of its box, `map-n3`; empty where folding does not help."""
    if len(stepper.tape.nodes) <= MANY:
        return "", []
    graph = read(stepper.tape.nodes[stepper.root], max_nodes=BOXES)
    if "" in graph.where:
        return "", []
    try:
        picture = digraph(replace(graph, hides=()), ("name", "op"), "LR", THEMES["light"], stepper.digits)
        svg = for_page(layout(picture.source, "svg"), "map")
    except DrawingError:
        return "", []
    for group in svg.iter("g"):
        if "id" in group.attrib:
            group.set("id", f"map-{group.get('id')}")
    return as_text(svg), [int(id[1:]) for id in graph.where]
