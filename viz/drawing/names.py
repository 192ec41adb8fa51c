"""The names of boxes, operations, clusters and edges, for screen readers and for tooltips."""

from __future__ import annotations

from ..graph.snapshot import Graph
from ..graphviz.titles import titled

__all__ = ["with_names"]


def with_names(svg: str, graph: Graph) -> str:
    """The SVG of a graph with the labels of boxes in place of ids in its titles: `a`, `×`, `a to v1`.

    >>> from chainrule.autograd import Value
    >>> from chainrule.viz.graph.reading import read
    >>> graph = read(Value(2.0, name="a") * 3)
    >>> with_names("<title>n1</title><title>n0&#45;&gt;n2op</title><title>n2op&#45;&gt;n2</title>", graph)
    '<title>3</title><title>a to v1</title><title>× to v1</title>'
    """
    outputs = ", ".join(box.label for box in graph.boxes if box.output)
    names = {"graph": f"the graph of {outputs}" if outputs else "a graph"}
    results = {}
    for box in graph.boxes:
        names[box.id] = box.label
        if box.operation is not None:
            names[box.operation.id] = box.operation.mark
            results[box.operation.id] = box.id
    waiting = [("cluster", graph.cluster)]
    while waiting:
        place, outer = waiting.pop()
        for i, inner in enumerate(outer.inner.values()):
            names[f"{place}_{i}"] = inner.title
            waiting.append((f"{place}_{i}", inner))
    return titled(svg, names, results)
