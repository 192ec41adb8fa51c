"""The modules that a function uses: by global names, in its closure, or in its defaults."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from ..base.module import Module

__all__ = ["modules_behind"]


def modules_behind(things: Iterable[Any]) -> list[Any]:
    """The modules among things, and the modules that functions among them refer to."""
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
        elif not isinstance(x, (type, types.ModuleType)):  # another object, such as an estimator
            held = getattr(x, "__dict__", {}).values()
            waiting += [each for each in held if isinstance(each, (Module, list, tuple, dict))]
    return found


def _referred_to(f: types.FunctionType) -> Iterator[Any]:
    """The things that a function refers to: its defaults, its closure, and those of its globals that its code names."""
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
