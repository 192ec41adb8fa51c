"""Cells tagged `solution` are folded, as they are in the notebook."""

from __future__ import annotations

from typing import Any

from docutils import nodes


def on_doctree(app: Any, doctree: Any) -> None:
    for cell in doctree.findall(nodes.container):
        if "tag_solution" in cell.get("classes", ()):
            cell["hide_mode"] = "all"
            cell["classes"].append("solution")


def setup(app: Any) -> dict[str, bool]:
    app.connect("doctree-read", on_doctree)
    return {"parallel_read_safe": True}
