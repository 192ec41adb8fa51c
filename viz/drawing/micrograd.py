"""`trace` and `draw_dot` under micrograd's names, with its arguments and results."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...autograd import Node, Tape
from ...autograd.extending import spelt
from ..boxes.dot import digraph
from ..common.errors import OptionError, check_option
from ..common.options import DIRECTIONS, DrawOptions
from ..graph.reading import read
from ..graph.roots import roots_of
from ..graphviz.engines import Digraph
from .names import with_names

__all__ = ["draw_dot", "trace"]


@spelt
def trace(root: Any) -> tuple[set[Node], set[tuple[Node, Node]]]:
    """All nodes behind `root`, and all pairs of an input and its result, as in micrograd.

    `chainrule.autograd.trace` is another function: the sum of a diagonal.

    >>> from chainrule.autograd import Value
    >>> nodes, edges = trace(Value(2.0) * Value(3.0))
    >>> len(nodes), len(edges)
    (3, 2)
    """
    nodes = Tape(roots_of(root, "trace(...)")).nodes
    return set(nodes), {(x, node) for node in nodes for x in node.inputs}


@spelt
def draw_dot(root: Any, format: str = "svg", rankdir: str = "LR") -> Digraph:
    """The picture as a `Digraph` of the `graphviz` package, with `.source`, `.pipe()` and `.render()`, as in micrograd.

    It also draws without the system's Graphviz. `draw` has more options.

    >>> from chainrule.autograd import Value
    >>> draw_dot(Value(2.0) * 3.0).pipe()[:5]
    b'<?xml'
    """
    check_option("rankdir", rankdir, DIRECTIONS)
    options = DrawOptions(fit=None, direction=rankdir)
    drawn = read(root, options)
    graph = digraph(drawn, options)
    try:
        graph.format = format
    except ValueError:
        raise OptionError(
            f"format={format!r} is none of Graphviz's formats; write 'svg', 'png' or 'pdf'"
        ) from None
    graph.finish = partial(with_names, graph=drawn)
    return graph
