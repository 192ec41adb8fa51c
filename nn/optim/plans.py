"""The steps of one group of parameters: the form of its formula, the numbers of a step, the loop over parameters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .compiled import Compiled
from .memories import memory_start
from .options import Form, Group, Memory, Numbers

__all__ = ["Plan"]


class Plan:
    """What the steps of one group need, as long as its options have the same form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.options: Group = {}
        self.compiled: dict[Any, Compiled] = {}  # by dtype
        # for each parameter: its array in the latest step, and the call that changes such an array
        self.rooms: dict[Any, tuple[Any, ...]] = {}

    def follow(self, optimizer: Any, group: Group) -> None:
        """Take other options of the same form."""
        self.options = dict(group)
        self.starts: Memory = optimizer._memories(group)
        counts = [name for name, start in self.starts.items() if isinstance(start, int)]
        self.count = counts[0] if counts else None
        self.names = [name for name in self.starts if name not in counts]
        self._count_on(optimizer, 1)

    def _count_on(self, optimizer: Any, step: int) -> None:
        """Compute the numbers of this step."""
        self.step = step
        self.numbers: Numbers = optimizer._numbers(self.options, step)
        for compiled in self.compiled.values():
            compiled.take(self.numbers)

    def update(self, optimizer: Any, state: dict[Any, Memory]) -> None:
        """Change every parameter of the group that has a gradient."""
        formula, form, names, count, rooms = optimizer._formula, self.form, self.names, self.count, self.rooms
        for p in self.options["params"]:
            g = p.grad
            if g is not None:
                x: Any = p.data
                memory: Any = state.get(p)
                room = rooms.get(p)
                if memory is None or room is None:
                    memory = state.setdefault(p, {})
                    memory |= {k: memory_start(v, x) for k, v in self.starts.items() if k not in memory}
                    room = rooms[p] = (None,)
                if count is not None:
                    memory[count] = step = memory[count] + 1
                    if step != self.step:
                        self._count_on(optimizer, step)
                if x.__class__ is float:
                    p.data, new = formula(x, g, memory, self.numbers, form)
                    for name in new:
                        memory[name] = float(new[name])
                else:
                    if room[0] is not x:
                        x, _, _ = room = self._room(optimizer, p, x)
                    room[1](x, *[memory[name] for name in names], g, *room[2])
                    p.data = (
                        x  # the assignment marks the data as changed for graphs that were recorded before
                    )

    def _room(self, optimizer: Any, p: Any, x: np.ndarray) -> tuple[Any, ...]:
        """The array that is changed, the call that changes it, and its last arguments; kept for the next step."""
        dtype = np.result_type(x, np.float32)
        if dtype not in self.compiled:
            sizes = [p.data.size for p in self.options["params"] if isinstance(p.data, np.ndarray)]
            self.compiled[dtype] = Compiled(optimizer, self, dtype, max(sizes))
            self.compiled[dtype].take(self.numbers)
        x = x if x.flags.writeable else np.array(x)
        call = self.compiled[dtype].call_for(x)
        if call is None:  # not kept, because it would keep the optimiser alive
            return x, partial(self._plainly, optimizer), ()
        self.rooms[p] = x, *call
        return self.rooms[p]

    def _plainly(self, optimizer: Any, x: np.ndarray, *others: np.ndarray) -> None:
        """Change arrays by a formula that cannot be compiled."""
        *memories, g = others
        dtype = np.result_type(x, np.float32)
        y, g = x.astype(dtype, copy=False), g.astype(dtype, copy=False)
        memory = dict(zip(self.names, memories))
        numbers = {name: np.array(value, dtype) for name, value in self.numbers.items()}
        x[...], new = optimizer._formula(y, g, memory, numbers, self.form)
        for name, value in new.items():
            memory[name][...] = value
