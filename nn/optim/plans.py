"""The steps of one group of parameters: the form of its formula, the numbers of a step, the loop over parameters."""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from ...autograd import KindError
from ...autograd.extending import InPieces, on_floats
from .memories import memory_start
from .options import Form, Group, Memory, Numbers

__all__ = ["Plan"]


class Plan:
    """What the steps of one group need, as long as its options have the same form."""

    def __init__(self, optimizer: Any, form: Form) -> None:
        self.optimizer: Any = ref(optimizer)
        self.form = form
        self.options: Group = {}
        self.numbers: Numbers = {}
        self.floats: Any = None  # the formula compiled for floats
        self.compiled: dict[Any, InPieces] = {}  # and for arrays, by dtype
        # for each parameter: its array in the latest step, the call that changes such an array, and last arguments
        self.rooms: dict[Any, tuple[Any, ...]] = {}

    def follow(self, group: Group) -> None:
        """Take other options of the same form."""
        self.options = dict(group)
        self.starts: Memory = self.optimizer()._memories(group)
        counts = [name for name, start in self.starts.items() if isinstance(start, int)]
        self.count = counts[0] if counts else None
        self.names = [name for name in self.starts if name not in counts]
        self.step = 0  # of which `numbers` are
        if self.count is None or not self.numbers:
            self._count_on(1)

    def _count_on(self, step: int) -> None:
        """Compute the numbers of this step."""
        self.step = step
        self.numbers = self.optimizer()._numbers(self.options, step)
        for compiled in self.compiled.values():
            compiled.take(self.numbers)

    def update(self, state: dict[Any, Memory]) -> None:
        """Change every parameter of the group that has a gradient."""
        names, count, rooms = self.names, self.count, self.rooms
        for p in self.options["params"]:
            g = p.grad
            if g is not None:
                x: Any = p.data
                memory: Any = state.get(p)
                room = rooms.get(p)
                if memory is None or room is None:
                    memory, room = self._start(p, x, state)
                if count is not None:
                    memory[count] = step = memory[count] + 1
                    if step != self.step:
                        self._count_on(step)
                if x.__class__ is float:
                    try:
                        p.data = self.floats(x, g, memory, self.numbers)
                    except (TypeError, ValueError, ArithmeticError):  # not compiled; or a pole
                        given = x, *(memory[name] for name in names), g, *self.numbers.values()
                        p.data, *new = map(float, self._in_a_row(*given))
                        memory.update(zip(names, new))
                else:
                    if room[0] is not x:
                        x, *_ = room = self._room(p, x)
                    room[1](x, *map(memory.__getitem__, names), g, *room[2])
                    p.data = (
                        x  # the assignment marks the data as changed for graphs that were recorded before
                    )

    def _start(self, p: Any, x: Any, state: dict[Any, Memory]) -> Any:
        """The memories of a parameter before its first step in this form."""
        memory = state.setdefault(p, {})
        memory.update((k, memory_start(v, x)) for k, v in self.starts.items() if k not in memory)
        if x.__class__ is float and self.floats is None:
            self.floats = on_floats(self._formula, self.names, self.numbers)
        self.rooms[p] = (None,)
        return memory, self.rooms[p]

    def _room(self, p: Any, x: np.ndarray) -> tuple[Any, ...]:
        """The array that is changed, the call that changes it, and its last arguments; kept for the next step."""
        dtype = np.result_type(x, np.float32)
        if dtype not in self.compiled:
            sizes = [p.data.size for p in self.options["params"] if isinstance(p.data, np.ndarray)]
            names, piece = ["x", *self.names], self.optimizer()._piece
            self.compiled[dtype] = InPieces(
                self._in_a_row, names, ["g"], [*self.numbers], dtype=dtype, largest=max(sizes), piece=piece
            )
            self.compiled[dtype].take(self.numbers)
        x = x if x.flags.writeable else np.array(x)
        self.rooms[p] = x, *self.compiled[dtype].call_for(x)
        return self.rooms[p]

    def _formula(self, x: Any, g: Any, memory: Memory, n: Numbers) -> tuple[Any, Memory]:
        return self.optimizer()._formula(x, g, memory, n, self.form)

    def _in_a_row(self, x: Any, *others: Any) -> list[Any]:
        """The formula as a function of `(x, *memories, g, *numbers)` that returns `[x, *memories]`."""
        memory = dict(zip(self.names, others))
        g, *n = others[len(memory) :]
        result = self._formula(x, g, memory, dict(zip(self.numbers, n)))
        if not isinstance(result, tuple) or len(result) != 2 or not {*result[1]} <= {*memory}:
            raise KindError(
                f"the formula of {type(self.optimizer()).__name__} has to return the new x and a dict of new memories, "
                f"of those that _memories names ({', '.join(memory) or 'none'}); it returned {result!r:.60}"
            )
        return [result[0], *{**memory, **result[1]}.values()]
