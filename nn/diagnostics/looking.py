"""Looking: run a module to see what it does, and restore it afterwards.

A call may change a module: batch normalisation updates its statistics, dropout draws random numbers, a layer of your
own may count its calls. Code that only looks at a module (a drawing, a summary, a plot, a gradient check) calls it
within `unchanged`.
"""

from __future__ import annotations

import random
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from ...autograd import ChainruleError, Node
from ...autograd.extending import surround_checks
from ..base.module import Module
from .referred import modules_behind

__all__ = ["DepthError", "unchanged"]

Undo = Callable[[], Any]
FEW = 50  # depth of nested modules that Python can call in any case
MOST = 500  # depth up to which the limit of Python is raised; some platforms have small stacks
CALLS = 6  # nested calls of Python for one module


class DepthError(ChainruleError, RecursionError):
    """Modules call each other more deeply than Python allows."""


@contextmanager
def unchanged(*things: Any) -> Iterator[None]:
    """Restore modules after the block, also after an exception.

    `things` are modules, and functions that use modules by name. Restored are the attributes of every module (the mode,
    arrays such as running statistics, random generators, lists and dicts, forward hooks), and the numbers and the
    gradient of every parameter. Not restored are things elsewhere, such as lists to which forward hooks of your own
    append.

    Raises `DepthError` where modules call each other more deeply than Python allows.

    >>> import numpy as np
    >>> from chainrule.nn import BatchNorm1d
    >>> from chainrule.nn import unchanged
    >>> layer = BatchNorm1d(2)
    >>> with unchanged(layer):
    ...     y = layer(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer.running_mean, int(layer.num_batches_tracked)
    (array([0., 0.]), 0)
    """
    undo, alive, depth = _snapshot(things)
    try:
        with _room_for(depth):
            yield
    except RecursionError as error:
        if isinstance(error, DepthError):
            raise
        raise DepthError(
            f"modules that call each other {depth} deep, or a function that calls itself, have gone beyond Python's "
            f"limit of {sys.getrecursionlimit()} calls inside each other. Look at a part of the model, or raise the "
            f"limit first, as in sys.setrecursionlimit(10_000)"
        ) from error
    finally:
        for each in undo:
            each()
        del alive


@contextmanager
def _room_for(depth: int) -> Iterator[None]:
    """Raise the recursion limit of Python within the block for modules nested `depth` deep, up to `MOST`."""
    before = sys.getrecursionlimit()
    in_main = threading.current_thread() is threading.main_thread()  # other threads have smaller stacks
    if FEW < depth <= MOST and in_main:
        sys.setrecursionlimit(before + CALLS * depth)
    try:
        yield
    finally:
        if sys.getrecursionlimit() == before + CALLS * depth:
            sys.setrecursionlimit(before)


def _snapshot(things: Iterable[Any]) -> tuple[list[Undo], list[Any], int]:
    """Functions that restore everything; the objects that have to stay alive until then; the depth of nested modules.

    The objects are kept alive because they are recognised by their ids.
    """
    undo: list[Undo] = []
    deepest = 0
    waiting = [(x, 0) for x in modules_behind(things)]
    seen: dict[int, Any] = {}
    while waiting:
        x, depth = waiting.pop()
        if id(x) in seen or x is None or isinstance(x, (bool, int, float, complex, str, bytes)):
            continue
        seen[id(x)] = x
        inside: Iterable[Any] = ()
        if isinstance(x, Module):
            undo.append(partial(_put_back_items, vars(x), dict(vars(x))))
            depth += 1
            deepest = max(deepest, depth)
            inside = vars(x).values()
        elif isinstance(x, Node):
            if x.op is None:  # the data of computed nodes cannot be assigned
                slots = {name: getattr(x, name) for name in _slots(type(x)) if hasattr(x, name)}
                undo.append(partial(_put_back_slots, x, slots))
                inside = [value for value in slots.values() if isinstance(value, np.ndarray)]
        elif isinstance(x, np.ndarray):
            if x.flags.writeable:
                undo.append(partial(x.__setitem__, ..., x.copy()))
        elif isinstance(x, MutableMapping):
            undo.append(partial(_put_back_items, x, dict(x)))
            inside = x.values()
        elif isinstance(x, (list, deque)):
            undo.append(partial(_put_back_list, x, list(x)))
            inside = x
        elif isinstance(x, set):
            undo.append(partial(_put_back_set, x, set(x)))
        elif isinstance(x, tuple):
            inside = x
        else:
            undo += _generator_state(x)
        waiting += [(each, depth) for each in inside]
    return undo, list(seen.values()), deepest


def _generator_state(x: Any) -> list[Undo]:
    """Functions that restore the state of a random generator; none for other things."""
    if isinstance(x, np.random.Generator):
        x = x.bit_generator
    if isinstance(x, np.random.BitGenerator):
        return [partial(setattr, x, "state", x.state)]
    if isinstance(x, np.random.RandomState):
        return [partial(x.set_state, x.get_state())]
    if isinstance(x, random.Random) and not isinstance(x, random.SystemRandom):
        return [partial(x.setstate, x.getstate())]
    return []


def _slots(kind: type) -> set[str]:
    return {name for each in kind.__mro__ for name in getattr(each, "__slots__", ())} - {"__weakref__"}


def _put_back_slots(node: Any, slots: dict[str, Any]) -> None:
    for name, value in slots.items():
        if getattr(node, name, None) is not value:
            setattr(node, name, value)


def _put_back_items(x: MutableMapping[Any, Any], items: dict[Any, Any]) -> None:
    if list(x) == list(items):
        x.update((key, value) for key, value in items.items() if x[key] is not value)
    else:
        x.clear()
        x.update(items)


def _put_back_list(x: Any, items: list[Any]) -> None:
    if len(x) != len(items) or any(a is not b for a, b in zip(x, items)):
        x.clear()
        x.extend(items)


def _put_back_set(x: set[Any], items: set[Any]) -> None:
    x.intersection_update(items)
    x.update(items)


surround_checks(unchanged)  # so that gradient checks leave modules unchanged
