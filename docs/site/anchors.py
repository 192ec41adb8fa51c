"""An anchor that a notebook writes into a heading, `## <a id="name"></a>Heading`, is a place in its section.

Left in the heading it would be a link inside of links, wherever the heading's text is one.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

ANCHOR = re.compile(r"<a (?:id|name)=\"([^\"]+)\">")


class AnchorsOfHeadings(SphinxTransform):
    """Moves such anchors from headings to their sections."""

    default_priority = 300  # before titles are collected

    def apply(self, **options: Any) -> None:
        for title in self.document.findall(nodes.title):
            for tag in list(title.findall(nodes.raw)):
                found = ANCHOR.match(tag.astext())
                if found and found[1] not in (title.parent.get("slug"), *title.parent["ids"]):
                    title.parent["ids"].append(found[1])
                if found or tag.astext() == "</a>":
                    tag.parent.remove(tag)


def setup(app: Any) -> dict[str, bool]:
    app.add_transform(AnchorsOfHeadings)
    return {"parallel_read_safe": True}
