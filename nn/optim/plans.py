"""The steps of one group of parameters: the form of its formula, the numbers of a step, the loop over parameters."""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from ...autograd import KindError
from ...autograd.extending import InPieces, on_floats, time_of_assignment
from .memories import memory_start
from .options import Form, Group, Memory, Numbers
from .together import Together, change_alone, parts_of

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
        self.together: Together | None = None  # of all parameters, if their gradients were in one array
        self.separable = True  # whether the formula may be `x - d`, where `d` does not depend on `x`

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
        parameters, names, count, rooms = self.options["params"], self.names, self.count, self.rooms
        now = time_of_assignment(parameters)
        array = getattr(parameters[0]._grad, "base", None) if parameters else None
        if array.__class__ is np.ndarray and self.separable and self._update_together(array, state, now):
            return
        for p in parameters:
            g = p._grad
            if g.__class__ is not np.ndarray:  # none, a float, or one that cannot be read
                g = p.grad
                if g is None:
                    continue
            memory = state.get(p)
            if memory is None or p not in rooms:
                memory = self._start(p, state)
            if count is not None:
                memory[count] = step = memory[count] + 1
                if step != self.step:
                    self._count_on(step)
            if g.__class__ is float:
                self._update_float(p, g, memory)
                continue
            x, change, others = rooms[p]
            if x is not p._array:
                x, change, others = self._room(p)
            if names:
                change(x, *map(memory.__getitem__, names), g, *others)
            else:
                change(x, g, *others)
            p._changed = now  # as an assignment does

    def _update_together(self, array: Any, state: dict[Any, Memory], now: int) -> bool:
        """Change all parameters at once, if all gradients are in this array."""
        together = self.together
        if together is None or not together.holds(self.options["params"], array, state):
            self.together = together = self._joined(array, state)
            if together is None:
                return False
        if self.count is not None:
            memories = [memory for _, memory, _ in together.memories]
            step = memories[0][self.count] + 1
            if any(memory[self.count] + 1 != step for memory in memories):
                return False
            for memory in memories:
                memory[self.count] = step
            if step != self.step:
                self._count_on(step)
        together.update(array, now)
        return True

    def _joined(self, array: Any, state: dict[Any, Memory]) -> Together | None:
        """The updates of all parameters together; `None` where that cannot be."""
        parameters = self.options["params"]
        parts = parts_of(array, parameters) if len(parameters) > 1 and array.dtype.char in "fd" else None
        if parts is None or any(
            p._array.dtype != array.dtype or not p._array.flags.writeable for p in parameters
        ):
            return None
        key = array.dtype, array.size
        if key not in self.compiled:
            changed, formula = ["d", *self.names], change_alone(self._in_a_row)
            self.compiled[key] = InPieces(
                formula, changed, ["g"], [*self.numbers], array.dtype, largest=array.size, piece=array.size
            )
            self.compiled[key].take(self.numbers)
        self.separable = self.compiled[key].program is not None
        if not self.separable:
            return None
        for p in parameters:
            if p not in state or p not in self.rooms:
                self._start(p, state)
        return Together(self.compiled[key], self.names, parameters, array, parts, state)

    def _update_float(self, p: Any, g: float, memory: Memory) -> None:
        if self.floats is None:
            self.floats = on_floats(self._formula, self.names, self.numbers)
        try:
            p.data = self.floats(p.data, g, memory, self.numbers)
        except (TypeError, ValueError, ArithmeticError):  # not compiled; or a pole
            given = p.data, *(memory[name] for name in self.names), g, *self.numbers.values()
            p.data, *new = map(float, self._in_a_row(*given))
            memory.update(zip(self.names, new))

    def _start(self, p: Any, state: dict[Any, Memory]) -> Memory:
        """The memories of a parameter before its first step in this form."""
        memory = state.setdefault(p, {})
        memory.update((k, memory_start(v, p.data)) for k, v in self.starts.items() if k not in memory)
        self.rooms[p] = None, None, ()
        return memory

    def _room(self, p: Any) -> tuple[Any, ...]:
        """The array that is changed, the call that changes it, and its last arguments; kept for the next step."""
        if not p.data.flags.writeable:
            p.data = np.array(p.data)
        x = p.data
        dtype = np.result_type(x, np.float32)
        if dtype not in self.compiled:
            sizes = [p.data.size for p in self.options["params"] if isinstance(p.data, np.ndarray)]
            names, piece = ["x", *self.names], self.optimizer()._piece
            self.compiled[dtype] = InPieces(
                self._in_a_row, names, ["g"], [*self.numbers], dtype=dtype, largest=max(sizes), piece=piece
            )
            self.compiled[dtype].take(self.numbers)
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
