"""Titles in an SVG: Graphviz writes ids, `<title>n0</title>`; screen readers and tooltips need names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape, unescape

from ..common.words import shorten

__all__ = ["titled"]

LONGEST = 60  # characters of a name
TITLE = re.compile("<title>(.*?)</title>", re.DOTALL)


def titled(svg: str, names: Mapping[str, str], results: Mapping[str, str] | None = None) -> str:
    """The SVG with names in place of the ids in its titles, also of edges: `a to v1`.

    `names` has the name of each node, each cluster and the graph by its id in DOT; what is not in it keeps its title.
    Long names are shortened. `results` has the nodes whose edges are named as leading to another node: an operation's
    lead to its result.

    >>> titled("<title>n0</title><title>n0&#45;&gt;n1op</title>", {"n0": "a", "n1": "v1"}, {"n1op": "n1"})
    '<title>a</title><title>a to v1</title>'
    """
    results = results or {}

    def renamed(found: re.Match[str]) -> str:
        tail, arrow, head = unescape(found[1]).partition("->")
        tail, head = (end.partition(":")[0] for end in (tail, head))  # without the side where an edge begins
        head = results.get(head, head)
        if tail not in names or (arrow and head not in names):
            return found[0]
        name = " to ".join(shorten(names[end], LONGEST) for end in ((tail, head) if arrow else (tail,)))
        return f"<title>{escape(name, quote=False)}</title>"

    return TITLE.sub(renamed, svg)
