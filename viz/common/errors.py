"""The errors of drawing, beside the engine's own.

ChainruleError
├── DrawingError   (a RuntimeError)   a picture cannot be made: Graphviz is missing or fails, the graph is too large
└── OptionError    (a ValueError)     an option was given a value that is not valid
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral
from typing import Any

from ...autograd import ChainruleError, ChainruleWarning
from ...autograd.extending import habit, like

__all__ = ["DrawingError", "DrawingWarning", "OptionError"]


class DrawingError(ChainruleError, RuntimeError):
    """A picture cannot be made; the message says what to install or to draw instead."""


class OptionError(ChainruleError, ValueError):
    """An option was given a value that is not valid; the message lists the valid ones."""


class DrawingWarning(ChainruleWarning):
    """A picture was made, but not in the usual way."""


def check_option(name: str, given: Any, valid: Iterable[str]) -> None:
    """Raise an `OptionError` that lists the valid values, unless `given` is one of them."""
    valid = tuple(valid)
    if given not in valid:
        words = habit(given, f"option {name}") if isinstance(given, str) else None
        hint = f". Write {words.ours}" if words else like(given, valid)
        raise OptionError(f"{name}={given!r} is not known; write one of {', '.join(map(repr, valid))}{hint}")


def check_count(name: str, given: Any, least: int) -> None:
    """Raise an `OptionError` unless `given` is a whole number of at least `least`."""
    if not isinstance(given, Integral) or isinstance(given, bool) or given < least:
        raise OptionError(f"{name}={given!r} is not a count; write a whole number from {least} on")
