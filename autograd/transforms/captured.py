"""What a function reads beside its arguments: nodes, arrays, numbers and modules in its closure and its globals.

A recording holds for one state of these. `state_of(f)` is a key that changes when a name refers to another object or
number, or when a module changes its mode.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dis import get_instructions
from functools import cache, partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..engine.node import BaseNode
from ..engine.table import Primitive

__all__ = ["State", "state_of"]

LIBRARIES = (__name__.partition(".")[0], "numpy", "jax")  # packages whose functions are not looked into
PLAIN = (int, float, complex, str, bytes, bool, type(None), np.generic)
MANY = 1000
DEEPEST = 4  # lists in dicts in lists; deeper ones count as one object


class State:
    """The state of what a function reads: a `key`, the `generators` of random numbers, and the `kept` objects.

    Keys contain ids, so a recording keeps the objects.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.generators: list[np.random.Generator] = []
        self.kept: list[Any] = []
        self.seen: set[int] = set()
        self.key: tuple[Hashable, ...] = tuple(self._of(f, 0))

    def _of(self, x: Any, depth: int) -> Iterator[Hashable]:
        if isinstance(x, PLAIN):
            if not depth:  # numbers in lists and dicts may count calls
                yield type(x), x if x == x else "nan"
            return
        if isinstance(x, (ModuleType, type, BuiltinFunctionType, np.ufunc, Primitive)):
            return
        if id(x) in self.seen:
            yield id(x)
            return
        self.seen.add(id(x))
        self.kept.append(x)
        yield id(x)
        if isinstance(x, (BaseNode, np.ndarray)):
            return
        if isinstance(x, np.random.Generator):
            self.generators.append(x)
        elif hasattr(x, "_for_recordings"):
            key, generators = x._for_recordings()
            self.generators += generators
            yield key
        elif isinstance(x, FunctionType):
            if x.__module__ is None or x.__module__.partition(".")[0] not in LIBRARIES:
                for part in _parts_of_function(x):
                    yield from self._of(part, depth)
            else:
                for cell in x.__closure__ or ():  # such as the loss that a library's function was made with
                    yield from self._of(_content(cell), depth)
        elif isinstance(x, MethodType):
            yield from self._of(x.__self__, depth)
            yield from self._of(x.__func__, depth)
        elif isinstance(x, partial):
            for part in (x.func, x.args, x.keywords):
                yield from self._of(part, depth)
        elif isinstance(x, (list, tuple, dict)) and depth < DEEPEST and len(x) < MANY:
            for part in x.values() if isinstance(x, dict) else x:
                yield from self._of(part, depth + 1)
        elif callable(x) and hasattr(x, "__dict__"):
            for part in vars(x).values():
                yield from self._of(part, depth + 1) if depth < DEEPEST else ()


def state_of(f: Callable[..., Any]) -> State:
    """The present state of what `f` reads."""
    return State(f)


def _parts_of_function(f: FunctionType) -> Iterator[Any]:
    written = _written(f.__code__)
    for name, cell in zip(f.__code__.co_freevars, f.__closure__ or ()):
        if name not in written:
            yield _content(cell)
    yield from f.__defaults__ or ()
    yield from (f.__kwdefaults__ or {}).values()
    for name in _names(f.__code__):
        if name in f.__globals__ and name not in written:
            yield f.__globals__[name]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


@cache
def _names(code: CodeType) -> tuple[str, ...]:
    """The names that a function may read as globals, those of functions inside it too."""
    found = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found.update(dict.fromkeys(_names(constant)))
    return tuple(found)


@cache
def _written(code: CodeType) -> frozenset[str]:
    """The names outside of a function that it assigns to itself, such as a count of its calls."""
    found = {x.argval for x in get_instructions(code) if x.opname in ("STORE_DEREF", "STORE_GLOBAL")}
    return frozenset(found - set(code.co_cellvars))
