"""What surrounds a computation: whether it is recorded, and under which title.

Both live in one context variable, so that every thread and every task has its own and an
exception leaves things as they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["no_grad", "scope"]


class Mode(NamedTuple):
    recording: bool = True
    scope: tuple[str, ...] = ()


MODE: ContextVar[Mode] = ContextVar("chainrule_mode", default=Mode())  # noqa: B039 (a NamedTuple is immutable)


@contextmanager
def recording(on: bool) -> Iterator[None]:
    """Record what is computed inside, or do not; afterwards all is as it was before."""
    before = MODE.get().recording
    MODE.set(MODE.get()._replace(recording=on))
    try:
        yield
    finally:
        MODE.set(MODE.get()._replace(recording=before))


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without recording: results inside are constants, whatever they are made from.

    Works as a `with` block and as a decorator; blocks nest, and threads do not see each other's.

    >>> from chainrule.autograd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    with recording(False):
        yield


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

    # a class and not a generator, because a network of neurons opens thousands of them in each pass
    __slots__ = ("title",)

    def __init__(self, title: str) -> None:
        self.title = str(title)

    def __enter__(self) -> None:
        recording, titles = MODE.get()
        MODE.set(Mode(recording, (*titles, self.title)))

    def __exit__(self, *error: object) -> None:
        recording, titles = MODE.get()
        MODE.set(Mode(recording, titles[:-1]))
