"""Source files as pages of the site: what a page links to in the repository, and what the reference describes."""

from __future__ import annotations

import inspect
import posixpath
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_for_filename
from sphinx.addnodes import download_reference

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "source"
NAVIGATION: dict[str, Callable[..., str]] = {}  # of each folder of pages


@cache
def shown() -> list[Path]:
    """All files that have a page here."""
    return [path for folder in ("autograd", "nn", "viz") for path in sorted((ROOT / folder).rglob("*.py"))]


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """From the reference to the line where something is defined; every page of the reference lies two folders deep."""
    thing: Any = sys.modules.get(info["module"])
    try:
        for part in info["fullname"].split("."):
            thing = getattr(thing, part)
        thing = inspect.unwrap(getattr(thing, "fget", None) or thing)
        file = Path(inspect.getsourcefile(thing) or "").resolve()
        line = inspect.getsourcelines(thing)[1]
    except (AttributeError, TypeError, OSError):
        return None  # a row of the table, an attribute
    # as it is installed, in a folder `chainrule`, or as it stands here; not what NumPy or scikit-learn define
    name = file.as_posix().rpartition("/chainrule/")[2].removeprefix(f"{ROOT.as_posix()}/")
    if ROOT / name not in shown():
        return None
    return f"../../{FOLDER}/{name}.html#L-{line}"


def on_doctree(app: Any, doctree: Any) -> None:
    """A link to a source file leads to its page, in place of a download."""
    here = posixpath.dirname(app.env.docname)
    for link in list(doctree.findall(download_reference)):
        target = posixpath.normpath(posixpath.join(here, link["reftarget"]))
        if ROOT / target.lstrip("/") in shown():
            up = posixpath.relpath(f"{FOLDER}/{target.lstrip('/')}.html", here or ".")
            link.replace_self(nodes.reference("", "", *link.children, refuri=up, internal=True))


def pages(app: Any) -> Iterator[tuple[str, dict[str, str], str]]:
    formatter = HtmlFormatter(linenos="inline", anchorlinenos=True, lineanchors="L")
    for path in shown():
        name = path.relative_to(ROOT).as_posix()
        code = highlight(path.read_text(encoding="utf-8"), get_lexer_for_filename(name), formatter)
        yield (
            f"{FOLDER}/{name}",
            {"title": name, "body": f"<h1>{name}</h1>{code}"},
            "page.html",
        )


def on_page(app: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The pages of a folder have the same navigation, which takes longer to make than all the rest of a page."""
    if name.startswith(f"{FOLDER}/"):
        context["toctree"] = NAVIGATION.setdefault(posixpath.dirname(name), cache(context["toctree"]))


def setup(app: Any) -> dict[str, bool]:
    app.config.linkcode_resolve = linkcode_resolve
    app.connect("doctree-read", on_doctree)
    app.connect("html-collect-pages", pages)
    app.connect("html-page-context", on_page, priority=400)  # before the theme asks for it
    return {"parallel_read_safe": True}
