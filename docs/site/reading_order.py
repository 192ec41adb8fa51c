"""The sidebar, from the lists of links on the pages themselves: docs/index.md, and notebooks/README.md for the tour.

On GitHub these are ordinary lists; here each becomes a table of contents as well, so the order is said once.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

LINK = re.compile(r"^(?:- |\| *\d+\. *\| *)\[([^]]+)\]\(([^)#:]+\.(?:md|ipynb))\)", re.MULTILINE)


def contents(text: str, folder: str, caption: str = "", first: str = "") -> str:
    """A hidden table of contents of the pages that a list links to, without the first page itself, which holds it."""
    pages = [
        (title.replace("`", ""), posixpath.normpath(posixpath.join(folder, path)).rsplit(".", 1)[0])
        for title, path in LINK.findall(text)
    ]
    entries = [f"{title} </{page}>" for title, page in pages if page != first]
    if not entries:
        return ""
    head = "```{toctree}\n:hidden:\n" + (f":caption: {caption}\n" if caption else "")
    return f"\n{head}\n" + "\n".join(entries) + "\n```\n"


def on_source(app: Any, docname: str, source: list[str]) -> None:
    if docname == app.config.root_doc:
        index = Path(app.srcdir, "docs/index.md").read_text(encoding="utf-8")
        source[0] += "\n```{toctree}\n:hidden:\n\n/docs/index\n```\n"
        for part in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
            title, _, text = part.partition("\n")
            source[0] += contents(text, "docs", title, docname)
    if docname == "notebooks/README":
        source[0] += contents(source[0], "notebooks")


def setup(app: Any) -> dict[str, bool]:
    app.connect("source-read", on_source)
    return {"parallel_read_safe": True}
