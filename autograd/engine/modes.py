"""Modes of a computation: whether it is recorded, the titles of its scopes, and whether it is watched.

The mode is one context variable, so every thread and every task has its own. Blocks restore it, also after an
exception.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from ..kinds.pieces import in_each_piece

__all__ = ["no_grad", "scope"]


class Mode(NamedTuple):
    """The fields of MODE."""

    recording: bool = True
    scope: tuple[str, ...] = ()
    watch: Any = None  # sees every operation and every backward pass; see lines.py and nonfinite.py of debug/


# a plain tuple: every operation reads it, and Python unpacks a tuple in half the time of a named tuple
MODE: ContextVar[tuple[bool, tuple[str, ...], Any]] = ContextVar("chainrule_mode", default=(True, (), None))


def mode() -> Mode:
    """The present mode as a named tuple."""
    return Mode(*MODE.get())


F = TypeVar("F", bound=Callable[..., Any])


class Block:
    """A `with` block in which a field of the mode has another value; as a decorator, each call runs in such a block."""

    __slots__ = ("before", "place", "value")

    def __init__(self, field: str, value: Any) -> None:
        self.place, self.value = Mode._fields.index(field), value
        self.before: list[Any] = []

    def __enter__(self) -> None:
        fields, k = MODE.get(), self.place
        self.before.append(fields[k])
        MODE.set((*fields[:k], self.value, *fields[k + 1 :]))

    def __exit__(self, *error: object) -> None:
        fields, k = MODE.get(), self.place
        MODE.set((*fields[:k], self.before.pop(), *fields[k + 1 :]))

    def __call__(self, function: F) -> F:
        def block() -> Block:  # one for each call, for calls may overlap
            return type(self)(Mode._fields[self.place], self.value)

        return in_each_piece(function, block)


def recording(on: bool) -> Block:
    """A block in which operations are recorded, or are not."""
    return Block("recording", on)


def no_grad() -> Block:
    """Compute without recording: results inside are constants.

    Works as a `with` block and as a decorator; blocks nest, and each thread has its own. Decorate a generator function
    instead of opening a block inside it: a block that is open at a `yield` is open for the caller, too.

    >>> from chainrule.autograd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return recording(False)


class scope:
    """Put every node recorded inside the block under `title`, which drawings show as a box around them.

    Scopes nest: a node's `scope` is the tuple of titles around it, outermost first.

    >>> from chainrule.autograd import Value, scope
    >>> x = Value(3.0)
    >>> with scope("encoder"):
    ...     with scope("layer 1"):
    ...         y = x * x
    >>> y.scope
    ('encoder', 'layer 1')
    """

    # a class, not a generator: a network of neurons opens thousands of scopes in each pass
    __slots__ = ("title",)

    def __init__(self, title: str) -> None:
        self.title = str(title)

    def __enter__(self) -> None:
        recording, titles, watch = MODE.get()
        MODE.set((recording, (*titles, self.title), watch))

    def __exit__(self, *error: object) -> None:
        recording, titles, watch = MODE.get()
        MODE.set((recording, titles[:-1], watch))
