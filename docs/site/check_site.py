"""python check_site.py FOLDER: does every link inside the built site lead somewhere, and is all it needs in it?

Links to other sites are not followed. What a page loads (scripts, styles, pictures) has to lie in the folder, so
that the site reads the same without a network. Every picture has words in its place. Every public name has an entry in
the reference.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The places in a page that a link can lead to, its links, what it loads, and pictures without words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.wordless: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        self.anchors.update(given[name] for name in ("id", "name") if name in given)
        if tag in ("a", "area") and "href" in given:
            self.links.add(given["href"])
        elif tag == "link" and given.get("rel") not in ("canonical", "search", "index", "next", "prev"):
            self.loaded.add(given.get("href", ""))
        elif tag in ("script", "img", "iframe", "source", "object"):
            self.loaded.update(given[name] for name in ("src", "data") if name in given)
        if tag == "img" and (not given.get("alt") or given["alt"].endswith((".svg", ".png", ".gif"))):
            self.wordless.append(given.get("src", ""))


def problems(folder: Path) -> list[str]:
    """What is wrong with the links of the site in this folder."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html") if "_static" not in path.parts}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        for link in sorted(page.links | page.loaded):
            target = urlsplit(link)
            if target.scheme == "data":
                continue
            if target.scheme or target.netloc:
                if link in page.loaded:
                    found.append(f"{name} loads {link}, which is on the network")
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path
            if not file.is_file():
                found.append(f"{name}: no page {link}")
            elif target.fragment and file in pages and unquote(target.fragment) not in pages[file].anchors:
                found.append(f"{name}: no place {link}")
        found += [f"{name}: no words for the picture {picture[:80]}" for picture in page.wordless]
    if not pages:
        found.append(f"no pages in {folder}")
    return found


def missing(folder: Path) -> list[str]:
    """The public names that the reference does not describe."""
    inventory = (folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
    described = {line.split()[0] for line in zlib.decompress(inventory).decode().splitlines()}
    names = []
    for package in ("chainrule.autograd", "chainrule.nn", "chainrule.viz"):
        module = importlib.import_module(package)
        submodules = [name for name in module.__all__ if f"{package}.{name}" in sys.modules]
        names += [f"{package}.{name}" for name in module.__all__ if name not in submodules]
        for name in submodules:
            public = getattr(module, name)
            names += [
                f"{package}.{name}.{each}"
                for each in getattr(public, "__all__", ())
                if each not in module.__all__
            ]
    return [f"{name} is public and has no entry in the reference" for name in names if name not in described]


if __name__ == "__main__":
    site = Path(sys.argv[1])
    wrong = problems(site) + missing(site)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"every link in {site} is live; open {site / 'index.html'}")
