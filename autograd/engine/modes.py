"""What surrounds a computation: whether it is recorded, under which title, and whether someone watches it.

All of it lives in one context variable, so that every thread and every task has its own and an
exception leaves things as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, NamedTuple, TypeVar, cast

__all__ = ["no_grad", "scope"]


class Mode(NamedTuple):
    """What MODE holds."""

    recording: bool = True
    scope: tuple[str, ...] = ()
    watch: Any = None  # is shown every operation and every step backward; see nonfinite.py


# a plain tuple, for every node asks, and Python takes those apart in half the time
MODE: ContextVar[tuple[bool, tuple[str, ...], Any]] = ContextVar("chainrule_mode", default=(True, (), None))


def mode() -> Mode:
    """The fields of the present mode by their names."""
    return Mode(*MODE.get())


F = TypeVar("F", bound=Callable[..., Any])


class Block:
    """A `with` block in which one field of the mode is another, and a decorator that puts a function in such blocks."""

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
            return Block(Mode._fields[self.place], self.value)

        def in_block(*args: Any, **kwargs: Any) -> Any:
            with block():
                return function(*args, **kwargs)

        async def awaited_in_block(*args: Any, **kwargs: Any) -> Any:
            with block():
                return await function(*args, **kwargs)

        def generated_in_blocks(*args: Any, **kwargs: Any) -> Any:
            with block():
                generator = function(*args, **kwargs)
            resume, given = generator.send, None
            try:
                while True:
                    with block():  # around each piece of the body, so that the caller between them is outside
                        item = resume(given)
                    try:
                        resume, given = generator.send, (yield item)
                    except Exception as error:  # thrown in by the caller
                        resume, given = generator.throw, error
            except StopIteration as end:
                return end.value
            finally:
                with block():
                    generator.close()

        async def sent_in_blocks(*args: Any, **kwargs: Any) -> Any:  # the same, where pieces are awaited
            with block():
                generator = function(*args, **kwargs)
            resume, given = generator.asend, None
            try:
                while True:
                    with block():
                        item = await resume(given)
                    try:
                        resume, given = generator.asend, (yield item)
                    except Exception as error:
                        resume, given = generator.athrow, error
            except StopAsyncIteration:
                return
            finally:
                with block():
                    await generator.aclose()

        kind: Callable[..., Any] = in_block
        if isgeneratorfunction(function):
            kind = generated_in_blocks
        elif iscoroutinefunction(function):
            kind = awaited_in_block
        elif isasyncgenfunction(function):
            kind = sent_in_blocks
        return cast(F, wraps(function)(kind))


def recording(on: bool) -> Block:
    """Record what is computed inside, or do not; afterwards all is as it was before."""
    return Block("recording", on)


def no_grad() -> Block:
    """Compute without recording: results inside are constants, whatever they are made from.

    Works as a `with` block and as a decorator; blocks nest, and threads do not see each other's. A generator
    function should be decorated: a block inside it that is open at a `yield` is open for the caller, too.

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
    """A function that a checkpoint runs, now or `again`: the generators that it draws from, with their first states."""

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

    A module that keeps statistics of what it sees has counted this input already.

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
    """The generator, noted down: a `checkpoint` around this call starts its second run from the state it has now.

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

    # a class and not a generator, because a network of neurons opens thousands of them in each pass
    __slots__ = ("title",)

    def __init__(self, title: str) -> None:
        self.title = str(title)

    def __enter__(self) -> None:
        recording, titles, watch = MODE.get()
        MODE.set((recording, (*titles, self.title), watch))

    def __exit__(self, *error: object) -> None:
        recording, titles, watch = MODE.get()
        MODE.set((recording, titles[:-1], watch))
