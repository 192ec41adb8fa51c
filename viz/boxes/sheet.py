"""A sheet: a graph together with the options that it is drawn with, and what all parts of a drawing look up."""

from __future__ import annotations

import math

from ..common.numbers import Summary
from ..common.options import DrawOptions
from ..graph.snapshot import Graph, Shown
from ..graphviz.markup import coloured, escape
from .look import Look

__all__ = ["Sheet"]

FONT = "Arial"  # both engines know its widths, and Helvetica, Arimo and Liberation Sans have the same
SIZE = 12  # points
LONGEST_NAME, LONGEST_TITLE = 28, 60
SPACE = "\N{NO-BREAK SPACE}"  # between two texts: browsers drop a plain space where a text begins


class Sheet:
    """A graph and its options.

    Attributes:
        graph, show, theme, digits: what is drawn, which parts of it, in which colours, with how many digits.
        look: how much of it is shown, and in which direction.
        small: the size in points of the less important text.
        merged: whether operations are drawn inside the boxes of their results.
        apart: whether operations have shapes of their own.
        labels: the label of each box.
        shapes: the shape of each box of Tensors.
        inputs: the boxes that each box is computed from, in order.
    """

    def __init__(self, graph: Graph, options: DrawOptions, look: Look) -> None:
        self.graph = graph
        self.look = look
        self.show = options.shown if look.local else options.shown - {"local", "rule"}
        self.theme = options.colours
        self.digits = options.digits
        self.small = look.small
        self.merged = "op" in self.show and not look.apart
        self.apart = "op" in self.show and not self.merged
        self.labels = {box.id: box.label for box in graph.boxes}
        self.shapes = {
            box.id: box.value.shape for box in graph.boxes if isinstance(box.value, Summary) and box.tensor
        }
        self.inputs: dict[str, list[str]] = {}
        for edge in graph.edges:
            self.inputs.setdefault(edge.head, []).append(edge.tail)

    def aside(self, text: str) -> str:
        """A less important text, small and muted."""
        return coloured(escape(text), self.theme.muted, self.small)


# ---------------------------------------------------------------------- numbers


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def is_single(x: Shown | None) -> bool:
    """Whether a value is one number, or an array with one element."""
    return not isinstance(x, Summary) or math.prod(x.shape) == 1


def is_zero(x: Shown | None) -> bool:
    """Whether a number, or every element of an array, is 0."""
    if isinstance(x, Summary):
        return x.low == x.high == 0 and not x.trouble()
    return x == 0


def is_one(x: Shown | None) -> bool:
    """Whether a value is the single number 1."""
    return (x.low if isinstance(x, Summary) and is_single(x) else x) == 1
