"""Every option of drawings and of pictures of steps, declared once: default, values, check, and meaning.

`draw`, `step` and `Stepper.save` take their defaults and checks from these classes; the command takes the meanings as
well, as its help; the modules inside pass one `DrawOptions` on. The docstring of `draw` explains its options in full.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields
from typing import Any

from ...autograd.extending import like
from .errors import OptionError, check_count, check_option
from .numbers import DIGITS
from .themes import THEMES, Theme, theme_named

__all__ = ["DrawOptions", "StepOptions", "declaration"]

SHOW = ("data", "grad", "local", "shape", "dtype", "op", "name")
SHOWABLE = (*SHOW, "rule")  # the rules of numbers as formulas, before or beside their values
DIRECTIONS = ("LR", "TB")
STYLES = ("boxes", "network", "circuit")
ENGINES = ("auto", "dot", "graphviz-pure")
MOST_BOXES, MOST_BOXES_OF_ARRAYS = 150, 30  # where `max_nodes` is not given


@dataclass(frozen=True)
class Area:
    """Where a picture is seen: its size, and the least size of text, in pixels; `whole` if the picture fills it."""

    width: float
    height: float
    text: float
    whole: bool = False


# A reader scrolls through the height of a notebook and of a page. A slide is 960 by 540 points, with text of 18.
AREAS = {
    "notebook": Area(1100, 1600, 9),
    "page": Area(800, 1200, 11),
    "slide": Area(1280, 720, 24, whole=True),
}
Fit = str | tuple[float, float] | None

Check = Callable[[str, Any], object]  # takes the name of an option and its value; raises `OptionError`


def declared(meaning: str, check: Check, choices: Collection[str] = ()) -> dict[str, Any]:
    """What is declared of an option beside its default: meaning, check, and the values that the command lists."""
    return {"meaning": meaning, "check": check, "choices": choices}


def declaration(options: type[Options], name: str) -> tuple[Any, str, Collection[str]]:
    """Default, meaning and choices of one option.

    >>> declaration(DrawOptions, "direction")
    (None, 'left to right or top to bottom', ('LR', 'TB'))
    """
    each = options.__dataclass_fields__[name]
    return each.default, each.metadata["meaning"], each.metadata["choices"]


# ---------------------------------------------------------------------- checks


def one_of(valid: Collection[str]) -> Check:
    """The value is one of these."""
    return lambda name, given: check_option(name, given, valid)


def count(least: int) -> Check:
    """The value is a whole number of at least `least`."""
    return lambda name, given: check_count(name, given, least)


def none_or(check: Check) -> Check:
    """The value is `None`, or passes the check."""
    return lambda name, given: given is None or check(name, given)


def some_of(valid: Collection[str]) -> Check:
    """Each of the values is one of these."""

    def check(name: str, given: Any) -> None:
        for each in several(given):
            check_option(name, each, valid)

    return check


def place(name: str, given: Any) -> None:
    """The value is the name of an area, the width and the height of one in pixels, or `None`."""
    places = (*AREAS, "none")
    if given is None or (isinstance(given, str) and given in places):
        return
    sizes = given if isinstance(given, (tuple, list)) and len(given) == 2 else ()
    if not sizes or not all(isinstance(x, (int, float)) and 50 <= x < 1e6 for x in sizes):
        raise OptionError(
            f"{name}={given!r} is not a place where a picture is seen; write one of "
            f"{', '.join(map(repr, AREAS))}, a width and a height in pixels such as (800, 600), or None"
            f"{like(given, places)}"
        )


def time(name: str, given: Any) -> None:
    """The value is a time that a picture can be shown."""
    if not isinstance(given, (int, float)) or not 0 < given < 600:
        raise OptionError(f"{name}={given!r} is not a time that a step can be shown; write one such as 1.2")


def theme_or_name(name: str, given: Any) -> None:
    """The value is a `Theme` or the name of one."""
    theme_named(given)


def anything(name: str, given: Any) -> None:
    """Every value is valid here: roots and nodes are checked when the graph is read, and a switch is on or off."""


def several(given: Any) -> tuple[Any, ...]:
    """The values of an option that takes several, as a tuple; a single value may be given without brackets."""
    return tuple(given) if isinstance(given, Collection) and not isinstance(given, str) else (given,)


# ---------------------------------------------------------------------- the options


@dataclass(frozen=True)
class Options:
    """Options that are checked when they are given. Raises `OptionError` for a value that is not valid."""

    digits: int = field(default=DIGITS, metadata=declared("digits shown", count(1)))
    theme: str | Theme = field(
        default="light",
        metadata=declared("auto follows the reader's screen", theme_or_name, (*THEMES, "auto")),
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            each.metadata["check"](each.name, getattr(self, each.name))

    @property
    def colours(self) -> Theme:
        """The theme, where `theme` may be its name."""
        return theme_named(self.theme)


@dataclass(frozen=True)
class DrawOptions(Options):
    """The options of `draw`."""

    show: Collection[str] = field(
        default=SHOW, metadata=declared(f"some of {','.join(SHOWABLE)}", some_of(SHOWABLE))
    )
    fit: Fit = field(
        default="notebook",
        metadata=declared(f"where it will be seen: {', '.join(AREAS)}, none, or 800x600 pixels", place),
    )
    style: str | None = field(
        default=None,
        metadata=declared(
            "boxes, a network in columns of units, or a circuit as for slides",
            none_or(one_of(STYLES)),
            STYLES,
        ),
    )
    direction: str | None = field(
        default=None,
        metadata=declared("left to right or top to bottom", none_or(one_of(DIRECTIONS)), DIRECTIONS),
    )
    depth: int | None = field(
        default=None, metadata=declared("how many scopes inside each other are open", none_or(count(0)))
    )
    max_nodes: int | None = field(
        default=None, metadata=declared("how many boxes at most", none_or(count(1)))
    )
    around: Any = field(default=None, metadata=declared("only what is near these nodes", anything))
    hops: int = field(default=2, metadata=declared("edges from those nodes at most", count(0)))
    engine: str = field(default="auto", metadata=declared("auto, dot or graphviz-pure", one_of(ENGINES)))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.style == "circuit" and self.direction == "TB":
            raise OptionError(
                "style='circuit' has a value above each wire and a gradient below it, so its wires run from left to "
                "right; given direction='TB'. Leave direction out, or write style='boxes'"
            )

    @property
    def area(self) -> Area | None:
        """The area that the picture fits, `None` for its natural size."""
        if isinstance(self.fit, str):
            return AREAS.get(self.fit)
        return None if self.fit is None else Area(*self.fit, AREAS["notebook"].text)

    @property
    def is_free(self) -> bool:
        """Whether it is left open how far the graph is folded."""
        return self.depth is None and self.max_nodes is None and self.around is None

    @property
    def may_be_network(self) -> bool:
        """Whether a network is drawn in columns: where that is asked for, and where no other option excludes it."""
        free = (
            self.style is None and self.is_free and self.shown == {*SHOW} and self.direction in (None, "LR")
        )
        return free or self.style == "network"

    @property
    def shown(self) -> frozenset[str]:
        """What is shown, as a set."""
        return frozenset(several(self.show))


@dataclass(frozen=True)
class StepOptions(Options):
    """The options of `step` and `Stepper.save`."""

    theme: str | Theme = field(
        default="light", metadata=declared("of gif, webp and png", theme_or_name, tuple(THEMES))
    )
    seconds: float = field(default=1.2, metadata=declared("for each step of gif and webp", time))
    frames: int = field(default=300, metadata=declared("how many pictures at most", count(1)))
    width: int = field(default=1200, metadata=declared("pixels of gif, webp and png at most", count(100)))
    merge: bool = field(
        default=True, metadata=declared("one picture for a gradient that is passed on unchanged", anything)
    )


USUAL = DrawOptions(fit=None)
