"""Code as it reads best: solutions in notebooks are folded, examples lose the empty line that ends an output."""

from __future__ import annotations

from typing import Any

from docutils import nodes


def on_doctree(app: Any, doctree: Any) -> None:
    for block in doctree.findall(nodes.literal_block):
        if len(block.children) == 1 and block.astext().endswith("\n"):
            block.children = [nodes.Text(block.astext().rstrip("\n"))]
            block.children[0].parent = block
            block.rawsource = block.rawsource.rstrip("\n")
    for cell in doctree.findall(nodes.container):
        if "tag_solution" in cell.get("classes", ()):
            cell["hide_mode"] = "all"


def setup(app: Any) -> dict[str, bool]:
    app.connect("doctree-read", on_doctree)
    return {"parallel_read_safe": True}
