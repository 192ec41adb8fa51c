"""The XLA engine: forward, backward, penalty, clipping and the update of the optimiser as one compiled program.

A step is recorded once for each shape of batch, as for a replay, and the recording becomes a pure function of the
parameters, the memories of the optimiser, the numbers of the step and the batch. Parameters and memories stay on the
device from step to step; `synchronise` reads them back. With several devices each takes a part of the batch, and XLA
adds up the gradients.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from ...autograd import Node
from ...autograd.extending import assigned_at, numbers, readable_size, withhold
from ...autograd.xla import Lowered, Program, compiler_options, exact, jax, spoilt_sums
from ..base.arguments import are_below
from ..optim.clipping import clipped_by_norm, clipped_by_value
from ..optim.memories import memory_start
from .batch import Batch
from .before import Before
from .eager import Found, Nonfinite, Task
from .placing import Places
from .replay import compared_step, recorded_step, state_of

__all__ = ["Xla"]

jnp = jax.numpy

NO_GRADIENTS = (
    "the engine 'xla' computes gradients on the device, as a part of the update, and reads none back. Use engine="
    "'replay' to look at gradients, or loss(model(X), y).backward() for those of one batch"
)


class Xla:
    """The engine that compiles."""

    name = "xla"
    refused = ""  # why its steps cannot go on; see `Replay`

    def __init__(self, task: Task, device: Any = None, devices: Any = None) -> None:
        self.task = task
        self.places = Places(device, devices)
        self.programs: dict[Hashable, _Program] = {}
        self.parameters = _Held(self.places)
        self.memories: dict[Any, dict[str, Any]] = {}  # on the device, by parameter
        self.counts: dict[Any, int] = {}  # the steps that each parameter has taken
        self.states: dict[Any, Any] = {}  # the optimiser's memories that these come from
        self.seen: tuple[Any, ...] = None, None, 0  # what has been taken over, and when
        self.latest: _Program | None = None  # has newer parameters, memories and counts than are here
        self.ahead = False  # whether the device is ahead of the objects
        self.largest = 0  # samples in the largest batch so far
        self.groups: list[Any] = []  # the options of the latest step, and what programs depend on of them
        self.forms: Hashable = None

    def step(self, parts: Sequence[Any], want_output: bool, look: bool = True) -> Found:
        """One step on a batch; see `Replay.step`. Raises `RecordingError` if it cannot be compiled."""
        batch = Batch(parts)
        task = self.task
        groups = task.optimizer.param_groups
        if groups != self.groups:
            self.groups = [dict(group) for group in groups]
            self.forms = tuple([tuple(task.optimizer._form(group).items()) for group in groups])
        key = batch.key, state_of(task), want_output, self.forms
        program = self.programs.get(key)
        try:
            drawn = None
            if program is None or (look and not program.recorded.is_current):
                program, drawn = self._made(batch, want_output)
                self.programs[key] = program
            return program.run(self, batch, drawn, look)
        except BaseException:
            self._forget_lost()
            raise

    def _forget_lost(self) -> None:
        """After a program that was broken off: its arguments are gone, and the objects have the latest numbers."""
        self.settle()
        held = [x for p in self.memories for x in (self.parameters.arrays[p], *self.memories[p].values())]
        if any(x.is_deleted() for x in held):
            self.ahead = False
            self.memories.clear()
            self.seen = None, None, 0

    def _made(self, batch: Batch, want_output: bool) -> tuple[_Program, list[Any] | None]:
        """The program for a batch, and the random numbers of its recording, which counts as the first step."""
        self.synchronise()
        self.places.check(batch, self.largest)
        self.largest = max(self.largest, len(batch.arrays[0]) if batch.arrays[0].ndim else 0)
        task = self.task
        before = Before(task.generators, task.buffers)
        # of the first batch, as in a replay, arrays and nodes have to give the same loss
        record = compared_step if self.places.processes == 1 and not self.programs else recorded_step
        recorded, losses, _ = record(task, self.places.whole(batch), want_output)
        program = _Program(self, recorded.checking_indices(), losses[0])
        if self.places.processes == 1:
            return program, [leaf.data for leaf in recorded.drawn]
        before.restore()  # what was recorded are the samples of this process, in the place of those of all
        return program, None

    def take_over(self, starts: dict[Any, dict[str, Any]]) -> None:
        """Put parameters and memories on the device, where their objects have been changed since the latest step."""
        state, now = self.task.optimizer.state, assigned_at()
        if self.seen[0] is starts and self.seen[1] is state and self.seen[2] == now:
            return
        self.settle()
        self.seen = starts, state, now
        for p, memories in starts.items():
            if (
                p not in self.memories
                or self.parameters.is_stale(p)
                or state.get(p) is not self.states[p]  # another state was loaded
            ):
                self.parameters.put(p)
                self.states[p] = state.setdefault(p, {})
                known = {**memories, **state.get(p, {})}
                self.counts[p] = next((x for x in known.values() if isinstance(x, int)), 0)
                self.memories[p] = {
                    name: self.places.everywhere(
                        known[name] if name in state.get(p, {}) else memory_start(start, p.data)
                    )
                    for name, start in memories.items()
                    if not isinstance(start, int)
                }

    def settle(self) -> None:
        """Take what the latest program has computed and counted."""
        program, self.latest = self.latest, None
        if program is not None:
            for p, new, memory in zip(program.trained, *program.kept):
                self.parameters.arrays[p], self.memories[p] = new, memory
                self.counts[p] += program.taken
            program.kept = None

    @property
    def is_main(self) -> bool:
        """Whether this is the first process."""
        return self.places.index == 0

    def means(self, numbers: list[float]) -> list[float]:
        """The means of numbers over all processes."""
        return self.places.means(numbers)

    def synchronise(self) -> None:
        """Write parameters and memories to their objects."""
        if not self.ahead:
            return
        self.settle()
        self.ahead = False
        optimizer = self.task.optimizer
        for p, held in self.memories.items():
            self.parameters.fetch(p)
            memory = optimizer.state.setdefault(p, {})
            for name, x in held.items():
                memory[name] = self.places.read(x)
            for name, start in self._starts(p).items():
                if isinstance(start, int):
                    memory[name] = self.counts[p]

    def _starts(self, p: Any) -> dict[str, Any]:
        optimizer = self.task.optimizer
        return next(
            optimizer._memories(g) for g in optimizer.param_groups if any(x is p for x in g["params"])
        )

    def report(self) -> str:
        """What was compiled and what it took; what stays on the device, and what each step transfers."""
        self.settle()
        held = [
            *self.parameters.arrays.values(),
            *(m for each in self.memories.values() for m in each.values()),
        ]
        kept = (
            f"{readable_size(sum(x.nbytes for x in held))} of parameters and memories stay on {self.places!r}"
        )
        return "\n".join([*(program.report() for program in self.programs.values()), *[kept] * bool(held)])


class _Held:
    """Parameters on the device."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.arrays: dict[Any, Any] = {}
        self.seen: dict[Any, tuple[int, int]] = {}

    def is_stale(self, p: Any) -> bool:
        """Whether the parameter has been assigned to since it was put here or read back."""
        return self.seen.get(p) != (p._changed, id(numbers(p)))

    def put(self, p: Any) -> Any:
        """Put the numbers of a leaf on the device."""
        self.arrays[p] = self.places.everywhere(np.array(numbers(p)))
        self.seen[p] = p._changed, id(numbers(p))
        return self.arrays[p]

    def fetch(self, p: Any) -> None:
        """Write the numbers on the device to the parameter."""
        data = self.places.read(self.arrays[p])
        if isinstance(numbers(p), float):
            p.data = float(data)
        else:
            np.copyto(p.data, data)
            p.data = p.data  # marks it as changed
        self.seen[p] = p._changed, id(numbers(p))


class _Program:
    """One recorded step, compiled."""

    def __init__(self, engine: Xla, recorded: Any, output: Any) -> None:
        task = engine.task
        self.recorded, self.output, self.places = recorded, output, engine.places
        groups = task.optimizer.param_groups
        group_of = {p: k for k, group in enumerate(groups) for p in group["params"]}
        captured = [leaf for leaf, _ in recorded.captured]
        self.trained = [leaf for leaf in captured if leaf in group_of and leaf.requires_grad]
        self.others = [pair for pair in recorded.captured if pair[0] not in set(self.trained)]
        leaves = [*self.trained, *recorded.arguments, *recorded.drawn, *(leaf for leaf, _ in self.others)]
        self.program = Program(recorded.outputs, leaves, recorded.roots)
        self._leave_out_limits()
        self.starts = {p: dict(task.optimizer._memories(groups[group_of[p]])) for p in self.trained}
        self.group_of = [group_of[p] for p in self.trained]
        # whether a parameter's steps are counted; the numbers of others are those of a first step
        self.counted = [any(isinstance(m, int) for m in self.starts[p].values()) for p in self.trained]
        self.forms = [task.optimizer._form(group) for group in groups]
        self.compiled: dict[bool, Any] = {}
        self.held = _Held(engine.places)
        at = {y: k for k, y in enumerate(recorded.outputs)}
        self.places_of = [at[y] for y in recorded.results]
        # so many results are losses; the others are the output of the model
        self.n_losses = 2 + (task.penalty is not None)
        self.shown = {*self.places_of[self.n_losses :]}
        # what effects need after each step, beside the numbers of arguments, which are here
        called = [x for _, nodes in (*recorded.effects, *recorded.conditions) for x in nodes]
        given = {*recorded.arguments}
        self.needed = {at[x] for x in called if isinstance(x, Node) and x not in given}
        self.fetched = sorted(self.shown | self.needed)
        self.given = [(x.shape, x.dtype) for x in (*recorded.arguments, *recorded.drawn)]
        dtypes = [np.asarray(numbers(p)).dtype for p in self.trained]
        self.wide = np.result_type(np.float32, *dtypes)  # of the numbers of a step
        # while this is the engine's latest program: parameters and memories, the steps since it became so, and for
        # each row of numbers its group, the steps before, and whether they are counted
        self.kept: Any = None
        self.taken = 0
        self.steps_of: list[tuple[int, int, bool]] = []
        self.rows: list[int] = []  # for each parameter, its row in the numbers of a step
        self.numbers: list[float] = []  # of the latest step, in `steps` as an array
        self.steps: Any = None
        self.names: list[list[str]] = []
        self.groups: Any = None  # the options that they come from
        self.seconds = 0.0  # of compiling
        self.calls = 0

    def _leave_out_limits(self) -> None:
        """Leave out the limits of integers that a condition of the recording looks at before each step."""
        limits = self.program.limits.limits
        for condition, nodes in self.recorded.conditions:
            if isinstance(condition, partial) and condition.func is are_below:
                for k in [k for k in limits if self.program.leaves[k] is nodes[0]]:
                    low, high = limits[k]
                    if low <= 0 and condition.keywords["n"] <= high:
                        del limits[k]

    # -------------------------------------------------- the pure function

    def function(
        self, task: Task, names: list[list[str]], careful: bool, kept: Any, steps: Any, *others: Any
    ) -> Any:
        """New parameters and memories, the losses with flags, and the numbers that are read back.

        `kept` are the parameters and the memories; `names` and `steps` have the numbers of the step by group. A program
        that is `careful` keeps zero as zero beside infinity; it runs where the other met NaN, infinity or huge numbers.
        """
        parameters, _ = kept
        places, sizes = self.places, [len(n) for n in names]
        steps = places.joined(steps, (sum(sizes),), self.wide)
        steps = [steps[end - n : end] for n, end in zip(sizes, np.cumsum(sizes).tolist())]
        batch = [places.joined(x, *how) for x, how in zip(others, self.given)]
        arrays = [*parameters, *batch, *others[len(batch) :]]
        outputs, gradients = self.program.passes(arrays, zero_safe=careful)
        wanted = gradients[: len(parameters)]
        looked_at = [outputs[self.places_of[1]], *(g for g in wanted if g is not None)]
        each = jnp.concatenate([x.ravel() for x in looked_at]) if careful else spoilt_sums(looked_at)
        finite = jnp.isfinite(each).all()
        # under a condition, a new memory can be written over the old one, which the new parameter does not read again
        new_parameters, new_memories = jax.lax.cond(
            finite, partial(self._updated, task, names), lambda kept, *_: kept, kept, wanted, steps
        )
        losses = [jnp.asarray(outputs[k], jnp.float64).reshape(()) for k in self.places_of[: self.n_losses]]
        flags = [finite.astype(jnp.float64)]
        same = places.same
        read = [places.parted(outputs[k]) if k in self.shown else same(outputs[k]) for k in self.fetched]
        new_memories = [{name: same(m) for name, m in memory.items()} for memory in new_memories]
        return ([same(x) for x in new_parameters], new_memories), same(jnp.stack(losses + flags)), read

    def _updated(
        self, task: Task, names: list[list[str]], kept: Any, gradients: list[Any], steps: list[Any]
    ) -> Any:
        """New parameters and memories, from the gradients; what gets no gradient stays as it is."""
        parameters, memories = map(list, kept)
        reached = [k for k, g in enumerate(gradients) if g is not None]
        clipped = [Lowered(gradients[k]) for k in reached]
        if task.clip_value is not None:
            clipped = clipped_by_value(clipped, task.clip_value)
        if task.clip_norm is not None:
            clipped = clipped_by_norm(clipped, task.clip_norm)
        for k, g in zip(reached, clipped):
            x = Lowered(parameters[k])
            wide = np.result_type(x.dtype, np.float32)
            row = steps[self.rows[k]].astype(wide)
            n = {name: Lowered(row[i]) for i, name in enumerate(names[self.rows[k]])}
            memory = {name: Lowered(m) for name, m in memories[k].items()}
            form = self.forms[self.group_of[k]]
            y, new = task.optimizer._formula(x.astype(wide), g.astype(wide), memory, n, form)
            parameters[k] = y.astype(x.dtype).value
            memories[k] = memories[k] | {name: m.value for name, m in new.items() if name in memory}
        return parameters, memories

    # -------------------------------------------------- one step

    def run(self, engine: Xla, batch: Batch, drawn: list[Any] | None, look: bool) -> Found:
        """One step; `drawn` are the random numbers of the recording, if the batch is the recorded one.

        Without `look`, the parameters have not been assigned to since the step before.
        """
        task, recorded = engine.task, self.recorded
        first = drawn is not None
        if drawn is None:
            self._write(recorded.arguments, batch.arrays)
            recorded.happen(before=True)
            drawn = [leaf.draw() for leaf in recorded.drawn]
            self._check_limits(batch, drawn)
        if look or not engine.ahead:
            engine.take_over(self.starts)
        if engine.latest is not self:
            self._begin(engine)
        names, steps = self._steps(engine)
        others = [*engine.places.split(batch.arrays), *engine.places.split_whole(drawn)]
        for _, source in self.others:
            others.append(self.held.put(source) if self.held.is_stale(source) else self.held.arrays[source])
        self.kept, losses, fetched = self._call(task, names, False, self.kept, steps, others)
        losses = engine.places.read(losses).tolist()
        if not losses[-1] and math.isfinite(losses[1]):  # zero times infinity, perhaps
            self.kept, losses, fetched = self._call(task, names, True, self.kept, steps, others)
            losses = engine.places.read(losses).tolist()
        engine.ahead = True
        if not losses[-1]:
            raise Nonfinite(
                "the loss" if not math.isfinite(losses[1]) else "a gradient", self._bad(losses[1])
            )
        if look:
            for p in self.trained:
                withhold(p, NO_GRADIENTS)
        self.taken += 1
        self.calls += 1
        output = partial(self._read, fetched)
        if self.needed:
            output()
        if not first:
            recorded.happen(before=False)
        return Found(losses[0], losses[2] if task.penalty is not None else None, output)

    def _read(self, fetched: list[Any]) -> Any:
        """Read from the device what a step has computed beside the losses; returns the output of the model."""
        values = [self.places.read(x, own=k in self.shown) for k, x in zip(self.fetched, fetched)]
        self._write([self.recorded.outputs[k] for k in self.fetched], values)
        return self.output

    def _check_limits(self, batch: Batch, drawn: list[Any]) -> None:
        """Raise the engine's error for integers of the batch that select what does not exist."""
        limits = self.program.limits
        if limits.limits:
            others = [numbers(source) for _, source in self.others]
            limits.check([*[None] * len(self.trained), *batch.arrays, *drawn, *others])

    @staticmethod
    def _bad(total: float) -> float:
        return total if not math.isfinite(total) else math.nan

    def _begin(self, engine: Xla) -> None:
        """Become the engine's latest program: go on from its parameters, memories and counts of steps."""
        engine.settle()
        arrays, memories, counts = engine.parameters.arrays, engine.memories, engine.counts
        self.kept = [arrays[p] for p in self.trained], [memories[p] for p in self.trained]
        found: dict[Any, int] = {}
        rows = [
            found.setdefault((k, counts[p] if counted else 0, counted), len(found))
            for k, counted, p in zip(self.group_of, self.counted, self.trained)
        ]
        if rows != self.rows:  # parameters that got their first gradient in different steps
            self.rows = rows
            self.compiled.clear()
        self.steps_of, self.taken, self.groups, engine.latest = list(found), 0, None, self

    def _steps(self, engine: Xla) -> tuple[list[list[str]], Any]:
        """The names and the numbers of a step: for each group, and each count of steps of its parameters."""
        if self.groups is engine.groups and not any(self.counted):
            return self.names, self.steps
        optimizer = engine.task.optimizer
        groups, taken = optimizer.param_groups, self.taken
        steps = [
            optimizer._numbers(groups[k], before + 1 + (taken if counted else 0))
            for k, before, counted in self.steps_of
        ]
        numbers = [x for n in steps for x in n.values()]
        if numbers != self.numbers:
            self.numbers = numbers
            self.steps = self.places.numbers(np.array(numbers, self.wide), lasting=not any(self.counted))
        self.names, self.groups = [list(n) for n in steps], engine.groups
        return self.names, self.steps

    def _call(
        self, task: Task, names: list[list[str]], careful: bool, kept: Any, steps: Any, others: list[Any]
    ) -> Any:
        compiled = self.compiled.get(careful)
        if compiled is not None:
            return compiled(kept, steps, *others)
        start = perf_counter()
        function = partial(self.function, task, names, careful)
        options = compiler_options(self.places.devices[0])
        with exact():  # a program that is compiled ahead does not need it when it is called
            lowered = jax.jit(function, donate_argnums=0).lower(kept, steps, *others)
            self.compiled[careful] = compiled = lowered.compile(compiler_options=options)
        found = compiled(kept, steps, *others)
        self.seconds += perf_counter() - start
        return found

    @staticmethod
    def _write(nodes: Sequence[Any], arrays: Sequence[Any]) -> None:
        for node, x in zip(nodes, arrays):
            if isinstance(numbers(node), float):
                node._number = float(x)
            else:
                node._array = np.asarray(x)

    def report(self) -> str:
        """What was compiled, and what it took."""
        count = sum(1 for x in self.recorded.nodes if x.inputs)
        there = sum(x.data.nbytes for x in (*self.recorded.arguments, *self.recorded.drawn))
        back = sum(self.recorded.outputs[k].data.nbytes for k in self.fetched) + 8 * (1 + self.n_losses)
        return (
            f"{count} operations, compiled in {self.seconds:.2f} s for {self.places!r}; {self.calls} steps, each with "
            f"{readable_size(there)} to the device and {readable_size(back)} back"
        )
