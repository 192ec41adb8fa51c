"""The steps of one group of parameters: its formula in one form, compiled for each dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .options import Form, Group, Memory, Numbers

__all__ = ["Plan"]

Formula = Callable[[Any, Any, Memory, Numbers, Form], tuple[Any, Memory]]


class Plan:
    """What the steps of one group need, as long as its options have the same form.

    `change(p, x, g, memory)` changes the number or the array `x` of the parameter `p`, and its memories.
    """

    def __init__(self, optimizer: Any, group: Group, form: Form) -> None:
        self.formula: Formula = optimizer._formula
        self.form = form
        self.piece: int = optimizer._piece
        self.starts: Memory = optimizer._memories(group)
        self.names = [name for name, start in self.starts.items() if not isinstance(start, int)]
        self.rooms: dict[Any, Any] = {}

    def array(self, p: Any, x: Any, g: Any, memory: Memory, n: Numbers) -> None:
        half = x.dtype.char == "e"
        y = x.astype(np.float32) if half else x if x.flags.writeable else np.array(x)
        typed = {name: np.array(value, y.dtype) for name, value in n.items()}
        y[...], new = self.formula(y, g.astype(y.dtype), memory, typed, self.form)
        for name, value in new.items():
            memory[name][...] = value
        p.data = y.astype(x.dtype) if half else y
