"""The files of the page, in `templates/`: plain ES modules, a style sheet, and the page that joins them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["SCRIPTS", "known", "template"]

# the modules, each after those that it imports
SCRIPTS = (
    "dom",
    "colours",
    "network",
    "card",
    "data",
    "lessons",
    "inside",
    "output",
    "timeline",
    "toolbar",
    "playground",
)


@cache
def known() -> frozenset[str]:
    """The names of the files."""
    return frozenset(each.name for each in files(__package__).joinpath("templates").iterdir())


@cache
def template(name: str) -> str:
    """A file by its name."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")
