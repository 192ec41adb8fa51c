"""Links between the README, the pages and the notebooks lead to files and headings that are there.

`make docs` checks the same in the built site, with what Sphinx makes of it. Links to other sites are not followed.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/*.md",
        "docs/reference/*.md",
        "notebooks/*.md",
        "notebooks/*.ipynb",
        "nn/datasets/*.md",
    )
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\[(?:[^][]|\[[^][]*\])*\]\(<?([^()<>\s]+)>?(?: \"[^\"]*\")?\)")


def prose(path: Path) -> str:
    """The Markdown of a page or of a notebook, without its code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells)
    return re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.*?) *#*$", prose(path), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        times = 0
        while name in found:
            times += 1
            name = f"{slug}-{times}"
        found.add(name)
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", prose(path)))


def dead_links(path: Path) -> list[str]:
    text = re.sub(r"(`+)(?:(?!\1).)+\1", "", prose(path))
    dead = []
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = unquote(link).partition("#")
        file = path.parent / target if target else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    assert dead_links(path) == []


def test_dead_links_are_found(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `page`, or two\n[up](#a-page-or-two) [no](#other) ![no](no.svg) [no](page.md#b) [out](https://x.org)\n"
        "[`code` in a link](gone.py) `[code](only)`\n```text\n[not](a link)\n# not a heading\n```\n[no](#not-a-heading)"
    )
    assert dead_links(page) == ["#other", "no.svg", "page.md#b", "gone.py", "#not-a-heading"]


@pytest.mark.parametrize(
    ("index", "pattern"),
    [
        ("docs/index.md", "docs/*.md"),
        ("docs/index.md", "docs/reference/*.md"),
        ("notebooks/README.md", "notebooks/*.ipynb"),
    ],
)
def test_every_page_has_its_place_in_the_reading_order(index: str, pattern: str) -> None:
    listed = {((ROOT / index).parent / link).resolve() for link in LINK.findall(prose(ROOT / index))}
    assert [path.name for path in ROOT.glob(pattern) if path not in listed and path.name != "index.md"] == []


def test_every_public_name_is_in_the_reference(monkeypatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "docs/site")
    pages = importlib.import_module("reference").on_pages()
    for module in ("reference", "docstrings"):
        del sys.modules[module]
    for package in ("chainrule.autograd", "chainrule.autograd.extending", "chainrule.nn", "chainrule.viz"):
        names = pages[package]
        missing = [name for name in importlib.import_module(package).__all__ if name not in names]
        assert missing == [], f"name the modules of these on a page of docs/reference/: {missing}"
        assert sorted(names) == sorted(set(names)), "a name has one entry, on one page"
