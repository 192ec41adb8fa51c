"""Modes of a computation: whether it is recorded, the titles of its scopes, and whether it is watched.

The mode is one context variable, so every thread and every task has its own. Blocks restore it, also after an
exception.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, NamedTuple, TypeVar, cast

from ..errors import KindError

__all__ = ["no_grad", "scope"]


class Mode(NamedTuple):
    """The fields of MODE."""

    recording: bool = True
    scope: tuple[str, ...] = ()
    watch: Any = None  # checks every operation and every step of a backward pass; see nonfinite.py


# a plain tuple: every operation reads it, and Python unpacks a tuple in half the time of a named tuple
MODE: ContextVar[tuple[bool, tuple[str, ...], Any]] = ContextVar("chainrule_mode", default=(True, (), None))


def mode() -> Mode:
    """The present mode as a named tuple."""
    return Mode(*MODE.get())


F = TypeVar("F", bound=Callable[..., Any])


class Block:
    """A `with` block in which a field of the mode has another value; as a decorator, each call runs in such a block."""

    __slots__ = ("before", "field", "value")

    def __init__(self, field: str, value: Any) -> None:
        self.field = field
        self.value = value
        self.before: list[Any] = []

    def __enter__(self) -> None:
        self.before.append(getattr(mode(), self.field))
        MODE.set(tuple(mode()._replace(**{self.field: self.value})))

    def __exit__(self, *error: object) -> None:
        MODE.set(tuple(mode()._replace(**{self.field: self.before.pop()})))

    def __call__(self, function: F) -> F:
        if isgeneratorfunction(function) or iscoroutinefunction(function) or isasyncgenfunction(function):
            raise KindError(
                f"a block such as no_grad() decorates functions that run in one piece; the body of "
                f"{function.__qualname__} is interrupted at each yield or await. Write the block inside of it, as in "
                f"with no_grad(): y = f(x), and close it before each yield"
            )

        @wraps(function)
        def in_block(*args: Any, **kwargs: Any) -> Any:
            with Block(self.field, self.value):  # one for each call: calls may overlap
                return function(*args, **kwargs)

        return cast(F, in_block)


def recording(on: bool) -> Block:
    """A block in which operations are recorded, or are not."""
    return Block("recording", on)


def no_grad() -> Block:
    """Compute without recording: results inside are constants.

    Works as a `with` block and as a decorator of plain functions; blocks nest, and each thread has its own. In a
    generator function write `with no_grad():` inside, and close it before each `yield`: a block that is open at a
    `yield` is open for the caller, too.

    Raises `KindError` where it decorates a generator function or an `async` function.

    >>> from chainrule.autograd import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return recording(False)


# ---------------------------------------------------------------------- computing a second time


class Recomputed:
    """A run of the function of a checkpoint, the first or `again`; `states` are those of its generators before it."""

    __slots__ = ("again", "around", "states")

    def __init__(self, states: dict[Any, Any], again: bool) -> None:
        self.states = states
        self.again = again
        self.around: Recomputed | None = None

    def __enter__(self) -> None:
        self.around = RECOMPUTED.get()
        RECOMPUTED.set(self)

    def __exit__(self, *error: object) -> None:
        RECOMPUTED.set(self.around)


RECOMPUTED: ContextVar[Recomputed | None] = ContextVar("chainrule_recomputed", default=None)


def recomputing() -> bool:
    """Whether a `checkpoint` is running its function again, for the backward pass.

    A module that updates statistics has counted this input already in the first run.

    >>> from chainrule.autograd import Value, checkpoint
    >>> from chainrule.autograd.engine.modes import recomputing
    >>> runs = []
    >>> def square(x):
    ...     runs.append(recomputing())
    ...     return x * x
    >>> checkpoint(square, Value(3.0)).backward()
    >>> runs
    [False, True]
    """
    run = RECOMPUTED.get()
    while run is not None and not run.again:
        run = run.around
    return run is not None


def drawing_from(generator: Any) -> Any:
    """The generator; a `checkpoint` around this call starts its second run from the state that it has now.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, checkpoint
    >>> from chainrule.autograd.engine.modes import drawing_from
    >>> rng = np.random.default_rng(0)
    >>> x = Tensor([1.0, 1.0])
    >>> y = checkpoint(lambda x: x * drawing_from(rng).random(2), x)
    >>> y.sum().backward()
    >>> bool((x.grad == y.data).all())
    True
    """
    run = RECOMPUTED.get()
    while run is not None:
        if not run.again:
            run.states.setdefault(generator, generator.bit_generator.state)
        run = run.around
    return generator


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
