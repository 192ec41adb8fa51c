"""Looking: run a module to see what it does, and leave it as it was.

A module may change when it is called: batch normalisation gathers statistics, dropout draws numbers, a layer of your
own may count its calls. What only looks at a module (a drawing, a summary, a plot, a gradient check) runs it inside of
`unchanged`.
"""

from __future__ import annotations

import inspect
import random
import sys
import threading
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np

from ..autograd import ChainruleError, Node
from ..autograd.transforms.check import AROUND
from .module import Module

__all__ = ["DepthError", "unchanged"]

Undo = Callable[[], Any]
FEW = 50  # modules inside each other, which Python lets call each other anyway
MOST = 500  # for which it is given more room; its stack holds many more, but not everywhere
CALLS = 6  # inside each other, for each module


class DepthError(ChainruleError, RecursionError):
    """Modules call each other more deeply than Python allows."""


@contextmanager
def unchanged(*things: Any) -> Iterator[None]:
    """Within the block modules may run; afterwards they are as they were, also after an exception.

    `things` are modules, and functions that use modules: of a function, those that it refers to by name are found.
    Put back are the attributes of every module (training or evaluation, arrays such as running statistics, random
    generators, lists and dicts, forward hooks), and of every parameter its numbers, its gradient and whether it has
    one. Not put back is what lies elsewhere, such as the lists that forward hooks of your own append to.

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
    """Within the block Python lets so many modules call each other, if they are not too many for its stack."""
    before = sys.getrecursionlimit()
    in_main = threading.current_thread() is threading.main_thread()  # others have smaller stacks
    if FEW < depth <= MOST and in_main:
        sys.setrecursionlimit(before + CALLS * depth)
    try:
        yield
    finally:
        if sys.getrecursionlimit() == before + CALLS * depth:
            sys.setrecursionlimit(before)


def _snapshot(things: Iterable[Any]) -> tuple[list[Undo], list[Any], int]:
    """What puts everything back; what has to stay alive until then, so that no two things have one id; and how many
    modules are inside each other."""
    undo: list[Undo] = []
    deepest = 0
    waiting = [(x, 0) for x in _modules_behind(things)]
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
            if x.op is None:  # what is computed is never assigned
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
    """Of a random generator what puts its state back."""
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


# ---------------------------------------------------------------------- modules behind a function


def _modules_behind(things: Iterable[Any]) -> list[Any]:
    """The modules among things, and those that functions among them refer to."""
    found: list[Any] = []
    waiting = list(things)
    seen: dict[int, Any] = {}
    while waiting:
        x = waiting.pop()
        if id(x) in seen:
            continue
        seen[id(x)] = x
        if isinstance(x, Module):
            found.append(x)
        elif isinstance(x, (list, tuple)):
            waiting += x
        elif isinstance(x, dict):
            waiting += x.values()
        elif isinstance(x, partial):
            waiting += [x.func, *x.args, *x.keywords.values()]
        elif inspect.ismethod(x):
            waiting += [x.__func__, x.__self__]
        elif inspect.isfunction(x):
            waiting += _referred_to(x)
        elif not isinstance(x, (type, types.ModuleType)):  # an object of another kind, such as an estimator
            held = getattr(x, "__dict__", {}).values()
            waiting += [each for each in held if isinstance(each, (Module, list, tuple, dict))]
    return found


def _referred_to(f: types.FunctionType) -> Iterator[Any]:
    """What a function refers to: its defaults, its closure, and of its globals modules and neighbouring functions."""
    yield from f.__defaults__ or ()
    yield from (f.__kwdefaults__ or {}).values()
    found: list[Any] = []
    for cell in f.__closure__ or ():
        with suppress(ValueError):  # it has no value yet
            found.append(cell.cell_contents)
    yield from found
    codes = [f.__code__]
    while codes:
        code = codes.pop()
        codes += [each for each in code.co_consts if isinstance(each, types.CodeType)]
        for name in code.co_names:
            x = f.__globals__.get(name)
            if not inspect.isfunction(x) or x.__globals__ is f.__globals__:
                yield x


AROUND.append(unchanged)  # so that gradient checks change nothing either
