"""One self-contained HTML page in which a graph can be explored: no server, no network, no library.

Opening a module needs a layout of its inside. Two ways were weighed. Graphviz compiled to WebAssembly (`@viz-js/viz`,
MIT) lays out in the page whatever is open, but adds 1.3 MB to the wheel, to every page and to every output of a
notebook, and needs `wasm-unsafe-eval`. Here Graphviz lays out the inside of each module beforehand, once
(`pictures.py`), and the page makes room for it where its box is (`templates/room.js`): what was seen before keeps its
order, and nothing is added. Zooming and panning are sixty lines (`templates/camera.js`); the libraries for them
(d3-zoom, panzoom) have no keyboard, and bring more than that.

Text, style and scripts are in `templates/`, the scripts joined in the order of `SCRIPTS`. The content security policy
allows only that style and that script, by their hashes.
"""

from __future__ import annotations

import base64
import html
import json
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any

from ..boxes.tooltips import box_tooltip
from ..common.options import DrawOptions
from ..common.pages import sha256
from ..common.themes import THEMES, Theme, shades
from ..common.words import printable, shorten
from .levels import Entry, Explored, Level
from .pictures import directed, pictures

__all__ = ["page"]

LONGEST_NAME = 40
LEVELS = 5  # shades of numbers; as in panel.js
SCRIPTS = ("data", "room", "scene", "map", "camera", "panel", "search", "moving", "page")


def page(explored: Explored, options: DrawOptions, embedded: bool = False) -> str:
    """The page as text; `embedded` says that a saved page would hold more."""
    outputs = [entry.box.label for entry in explored.entries.values() if entry.box.output and not entry.opens]
    name = html.escape(shorten(outputs[-1] if outputs else "graph", LONGEST_NAME))
    style = re.sub(r"{{([a-z-]+)}}", lambda found: _style(options)[found[1]], template("explorer.css"))
    data = _data(explored, options)
    script = "\n".join(['"use strict";', *(template(f"{each}.js") for each in SCRIPTS)])
    parts = {
        "theme": ' data-theme="dark"' if options.theme == "dark" else "",
        "title": f"{name}: its graph",
        "name": name,
        "about": html.escape(" · ".join(_about(explored, embedded))),
        "style": style,
        "script": script,
        "style-hash": sha256(style),
        "script-hash": sha256(script),
        "legend": _legend(explored, data),
        "data": packed(data),
    }
    return re.sub(r"{{([a-z-]+)}}", lambda found: parts[found[1]], template("explorer.html"))


def _about(explored: Explored, embedded: bool) -> Iterator[str]:
    """What the reader has to know of the whole graph."""
    yield f"{explored.nodes:,} node{'s' * (explored.nodes != 1)}"
    if any(entry.box.copies > 1 for entry in explored.entries.values()):
        yield "× n: n that are alike share a box"
    closed = sum(
        entry.box.kind in ("module", "run") and not entry.opens for entry in explored.entries.values()
    )
    if closed:
        where = "save('graph.html') opens them" if embedded else "draw(x, around=node) shows them"
        yield f"{closed:,} box{'es stay' if closed > 1 else ' stays'} closed here; {where}"


def _legend(explored: Explored, data: dict[str, Any]) -> str:
    """What the colours of numbers mean, of those that are in the pictures."""
    known = any(entry.box.gradient is not None for entry in explored.entries.values())
    texts = (line[2] for level in data["levels"] for edge in level["edges"] for line in edge[-1])
    keys = [
        ("value", "value"),
        ("gradient", "∂ gradient") if known else ("about", "∂ – gradient not computed"),
    ]
    keys += [("local", "× local gradient")] * any(text.startswith("×") for text in texts)
    return " ".join(f'<span class="{role}">{text}</span>' for role, text in keys)


def packed(data: object) -> str:
    """Data as compressed JSON, in base64; `templates/data.js` unpacks it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(errors="backslashreplace"), 6)).decode()


def _data(explored: Explored, options: DrawOptions) -> dict[str, Any]:
    drawn = pictures(explored.levels, options)
    levels = [
        {"part": level.part, "leads": _leads(level, explored.entries), **pieces}
        for level, pieces in zip(explored.levels, drawn)
    ]
    parts = [_part(i, entry, explored.entries) for i, entry in sorted(explored.entries.items())]
    down = directed(explored.levels[0], options).direction == "TB"
    return {"levels": levels, "parts": parts, "depth": options.depth, "start": explored.start, "down": down}


def _leads(level: Level, known: Collection[int]) -> dict[str, list[int]]:
    return {id: [part for part in parts if part in known] for id, parts in level.leads.items()}


def _part(i: int, entry: Entry, known: Collection[int]) -> list[Any]:
    """What the page knows of a part; `unpack` in `templates/data.js` has the names."""
    box = entry.box
    facts = printable_lines(box_tooltip(box))
    inputs, uses = (
        [part for part in dict.fromkeys(parts) if part in known] for parts in (entry.inputs, entry.uses)
    )
    numbers = [each and each.data() for each in (entry.value, entry.gradient)]
    kind = "leaves" if entry.leaves else box.kind
    return [i, printable(box.label), kind, entry.within, int(entry.opens), facts, inputs, uses, *numbers]


def printable_lines(text: str) -> list[str]:
    """The lines of a text, each printable."""
    return [printable(line) for line in text.split("\n")]


def _style(options: DrawOptions) -> dict[str, str]:
    """The parts of the style sheet that come from the colours of drawings."""
    own = isinstance(options.theme, Theme)
    light, dark = (options.colours, options.colours) if own else (THEMES["light"], THEMES["dark"])
    roles = [each.name for each in fields(Theme)]
    colours = [f"--{role}: light-dark({getattr(light, role)}, {getattr(dark, role)});" for role in roles]
    drawn = THEMES["light"]  # the colours of the pictures
    turns = {getattr(drawn, role): f"var(--{role})" for role in reversed(roles)}
    for role in ("value", "gradient", "muted"):
        before, *after = (shades(theme, getattr(theme, role)) for theme in (drawn, light, dark))
        turns |= {c: f"light-dark({a}, {b})" for c, a, b in zip(before, *after) if c not in turns}
    rules = [
        f'#graph [fill="{c}"] {{ fill: {to}; }} #graph [stroke="{c}"] {{ stroke: {to}; }}'
        for c, to in turns.items()
    ]
    tints = [
        f".numbers .{letter}{k} {{ background: color-mix(in srgb, var(--{role}) {7 * k}%, var(--background)); }}"
        for letter, role in (("v", "value"), ("g", "gradient"), ("n", "local"))
        for k in range(1, LEVELS + 1)
    ]
    return {"colours": "\n  ".join(colours), "turns": "\n".join(rules), "shades": "\n".join(tints)}


@cache
def template(name: str) -> str:
    """A file of `templates/`."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
