"""Deep copies of modules, in a loop: with one call of Python for each nested module, deep nests exceed its limit."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

__all__ = ["copy_modules"]


def copy_modules(modules: Iterable[Any], memo: dict[int, Any]) -> None:
    """Copy modules into `memo`, the dict of `copy.deepcopy` with the copies by the ids of the originals.

    All copies are made without their attributes first, so that no attribute leads to a module without a copy.
    """
    states = []
    for module in modules:
        if id(module) not in memo:
            make, arguments, state = (*module.__reduce_ex__(4), None)[:3]
            memo[id(module)] = make(*deepcopy(arguments, memo))
            states.append((memo[id(module)], state))
    for copy, state in states:
        state = deepcopy(state, memo)
        if hasattr(copy, "__setstate__"):
            copy.__setstate__(state)
        elif isinstance(state, tuple):  # attributes, and what is in __slots__
            vars(copy).update(state[0] or {})
            for name, value in state[1].items():
                object.__setattr__(copy, name, value)
        else:
            vars(copy).update(state or {})
