"""The four kinds of functions as seen by a decorator: plain ones, generators, coroutines, generators of coroutines."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, TypeVar, cast

__all__ = ["in_each_piece"]

F = TypeVar("F", bound=Callable[..., Any])


def in_each_piece(function: F, block: Callable[[], AbstractContextManager[Any]]) -> F:
    """The function with its body inside of `block()`.

    A block that is open at a `yield` or an `await` is open for the caller, too, so each piece of a body that is
    interrupted gets a block of its own.
    """

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
