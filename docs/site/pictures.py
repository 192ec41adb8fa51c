"""The pictures that a notebook shows get words, for those who do not see them.

They are what the output says of itself as text, such as `<Drawing of 5 nodes; ...>` or the title of a plot; of another
figure, the heading under which it stands.
"""

from __future__ import annotations

import ast
import re
from typing import Any

from docutils import nodes

DRAWING = re.compile(r"<(Drawing of [^;>]+)")
TITLE = re.compile(r"title=(\{.*?\})[,>]")


def words(text: str) -> str:
    """What the text of an output says about its picture; nothing if it does not."""
    if drawing := DRAWING.match(text):
        return drawing[1]
    titles = ast.literal_eval(found[1]) if (found := TITLE.search(text)) else {}
    return " ".join("Plot: " + title.replace(":\n", ": ").replace("\n", ", ") for title in titles.values())


def on_doctree(app: Any, doctree: Any) -> None:
    for output in doctree.findall(nodes.container):  # in all its forms, of which a builder takes one
        if output.get("nb_element") == "mime_bundle":
            text = "".join(form.astext() for form in output if form["mime_type"] == "text/plain")
            section = output.parent
            while not isinstance(section, nodes.section):
                section = section.parent
            for image in output.findall(nodes.image):
                image["alt"] = words(text) or f"Figure: {section[0].astext()}"


THEMED = re.compile(
    r'<picture>\s*<source [^>]*srcset="([^"]*)">\s*<img (?:width="\d+" )?alt="([^"]*)" src="([^"]*)">\s*</picture>'
)
LINKED = re.compile(r'<a href="([^"]*)">((?: ?!\[[^\]]*\]\([^)]*\)(?:\{[^}]*\})?)+)</a>')


def on_source(app: Any, name: str, source: list[str]) -> None:
    """A picture in two themes, as GitHub shows it, becomes two pictures of Markdown, of which a page shows one."""
    two = r"![\2](\3){.only-light} ![\2](\1){.only-dark}"
    source[0] = LINKED.sub(r"[\2](\1)", THEMED.sub(two, source[0]))


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", on_source)
    app.connect("doctree-read", on_doctree)
    return {"parallel_read_safe": True}
