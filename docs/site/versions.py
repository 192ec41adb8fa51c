"""Versions of the site side by side, each in a folder of its name: out/docs/0.2.0, out/docs/0.3.0.

A version of the site is complete in itself. What stands above the folders is written anew by each build, from the
folders that are there: `index.html` leads to the newest, and `versions.js` names them all for the sidebars. Files are
all that is needed: no server, no list to be kept by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from packaging.version import Version


def leading_to(address: str) -> str:
    """A page that leads on at once."""
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>chainrule</title>\n'
        f'<meta http-equiv="refresh" content="0; url={address}">\n<a href="{address}">The documentation</a>\n</html>\n'
    )


def versions(folder: Path) -> list[str]:
    """The versions that have a site in this folder, the newest first."""
    return sorted((path.parent.name for path in folder.glob("*/objects.inv")), key=Version, reverse=True)


def on_finish(app: Any, failure: Exception | None) -> None:
    if failure is None and app.builder.format == "html":
        here = Path(app.outdir)
        (here / "index.html").write_text(leading_to(f"{app.config.root_doc}.html"), encoding="utf-8")
        found = versions(here.parent)
        (here.parent / "versions.js").write_text(f"window.versions = {json.dumps(found)}\n", encoding="utf-8")
        (here.parent / "index.html").write_text(leading_to(f"{found[0]}/index.html"), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("build-finished", on_finish)
    return {"parallel_read_safe": True}
