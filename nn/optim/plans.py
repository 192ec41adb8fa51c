"""The steps of one group of parameters: the form of its formula, the numbers of a step, the loop over parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...autograd import KindError
from ...autograd.extending import InPieces, on_floats
from .memories import memory_start
from .options import Form, Group, Memory, Numbers

__all__ = ["Plan"]


class Plan:
    """What the steps of one group need, as long as its options have the same form."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.options: Group = {}
        self.numbers: Numbers = {}
        self.floats: Any = None  # the formula compiled for floats
        self.compiled: dict[Any, InPieces] = {}  # and for arrays, by dtype
        # for each parameter: its array in the latest step, and the call that changes such an array
        self.rooms: dict[Any, tuple[Any, ...]] = {}

    def follow(self, optimizer: Any, group: Group) -> None:
        """Take other options of the same form."""
        self.options = dict(group)
        self.starts: Memory = optimizer._memories(group)
        counts = [name for name, start in self.starts.items() if isinstance(start, int)]
        self.count = counts[0] if counts else None
        self.names = [name for name in self.starts if name not in counts]
        self.step = 0  # of which `numbers` are
        if self.count is None or not self.numbers:
            self._count_on(optimizer, 1)

    def _count_on(self, optimizer: Any, step: int) -> None:
        """Compute the numbers of this step."""
        self.step = step
        self.numbers = optimizer._numbers(self.options, step)
        for compiled in self.compiled.values():
            compiled.take(self.numbers)

    def in_a_row(self, optimizer: Any) -> Callable[..., list[Any]]:
        """The formula as a function of `(x, *memories, g, *numbers)` that returns `[x, *memories]`."""
        names, numbers, form = self.names, [*self.numbers], self.form

        def changed(x: Any, *others: Any) -> list[Any]:
            memory: Memory = dict(zip(names, others))
            g, *n = others[len(names) :]
            result = optimizer._formula(x, g, memory, dict(zip(numbers, n)), form)
            if not isinstance(result, tuple) or len(result) != 2 or not {*result[1]} <= {*names}:
                raise KindError(
                    f"the formula of {type(optimizer).__name__} has to return the new x and a dict of new memories, of "
                    f"those that _memories names ({', '.join(names) or 'none'}); it returned {result!r:.60}"
                )
            return [result[0], *map({**memory, **result[1]}.__getitem__, names)]

        return changed

    def update(self, optimizer: Any, state: dict[Any, Memory]) -> None:
        """Change every parameter of the group that has a gradient."""
        names, count, rooms = self.names, self.count, self.rooms
        for p in self.options["params"]:
            g = p.grad
            if g is not None:
                x: Any = p.data
                memory: Any = state.get(p)
                room = rooms.get(p)
                if memory is None or room is None:
                    memory, room = self._start(optimizer, p, x, state)
                if count is not None:
                    memory[count] = step = memory[count] + 1
                    if step != self.step:
                        self._count_on(optimizer, step)
                if x.__class__ is float:
                    try:
                        p.data = self.floats(x, g, memory, self.numbers)
                    except (TypeError, ValueError, ArithmeticError):  # not compiled; or a pole
                        given = x, *(memory[name] for name in names), g, *self.numbers.values()
                        p.data, *new = map(float, self.in_a_row(optimizer)(*given))
                        memory.update(zip(names, new))
                else:
                    if room[0] is not x:
                        x, *_ = room = self._room(optimizer, p, x)
                    room[1](x, *[memory[name] for name in names], g, *room[2])
                    p.data = (
                        x  # the assignment marks the data as changed for graphs that were recorded before
                    )

    def _start(self, optimizer: Any, p: Any, x: Any, state: dict[Any, Memory]) -> Any:
        """The memories of a parameter before its first step in this form."""
        memory = state.setdefault(p, {})
        memory.update((k, memory_start(v, x)) for k, v in self.starts.items() if k not in memory)
        if x.__class__ is float and self.floats is None:
            self.floats = on_floats(partial(optimizer._formula, form=self.form), self.names, self.numbers)
        self.rooms[p] = (None,)
        return memory, self.rooms[p]

    def _room(self, optimizer: Any, p: Any, x: np.ndarray) -> tuple[Any, ...]:
        """The array that is changed, the call that changes it, and its last arguments; kept for the next step."""
        dtype = np.result_type(x, np.float32)
        if dtype not in self.compiled:
            sizes = [p.data.size for p in self.options["params"] if isinstance(p.data, np.ndarray)]
            self.compiled[dtype] = InPieces(
                self.in_a_row(optimizer), ["x", *self.names], ["g"], [*self.numbers],
                dtype=dtype, largest=max(sizes), piece=optimizer._piece,
            )  # fmt: skip
            self.compiled[dtype].take(self.numbers)
        x = x if x.flags.writeable else np.array(x)
        call = self.compiled[dtype].call_for(x)
        if call is None:  # not kept, because it would keep the optimiser alive
            return x, partial(self._plainly, optimizer), ()
        self.rooms[p] = x, *call
        return self.rooms[p]

    def _plainly(self, optimizer: Any, *arrays: np.ndarray) -> None:
        """Change arrays by a formula that cannot be compiled."""
        dtype = np.result_type(arrays[0], np.float32)
        numbers = [np.array(value, dtype) for value in self.numbers.values()]
        given = [a.astype(dtype, copy=False) for a in arrays]
        changed = [np.array(new) for new in self.in_a_row(optimizer)(*given, *numbers)]
        for array, new in zip(arrays, changed):
            array[...] = new
