"""The makers of random calls: each draws the options and arrays of the functions that it is registered for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fuzz_arrays import Draw

import chainrule.autograd as ag

Maker = Callable[[Draw], tuple[Callable[..., Any], list[np.ndarray]]]
MAKERS: dict[str, Maker] = {}


def maker(*names: str) -> Callable[[Callable[[Draw, str], Any]], Any]:
    """Register `make(draw, name)`, which returns the function, the arrays, and a text of the options."""

    def register(make: Callable[[Draw, str], Any]) -> Any:
        for name in (name for name in names if not name.startswith("np.") or named(name)):  # by the version
            MAKERS[name] = lambda draw, name=name: make(draw, name)  # type: ignore[misc]
        return make

    return register


def named(name: str) -> Any:
    """The function of this name: NumPy's if it begins with `np.`, chainrule's otherwise."""
    if not name.startswith("np."):
        return getattr(ag, name)
    module = np.linalg if name.startswith("np.linalg.") else np
    return getattr(module, name.rpartition(".")[2], None)
