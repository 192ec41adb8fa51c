"""A program compiled for one device, ahead of its calls, with what that took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np

from ..errors import ChainruleError, KindError, ShapeError
from .devices import compiler_options, device_named, exact, jax
from .program import Program, has_nan
from .refusals import first_line
from .values import ScalarProgram

__all__ = ["Compiled", "Report"]


@dataclass
class Report:
    """What a compiled graph is and what it has cost so far; times are in seconds, sizes in bytes.

    Attributes:
        backend, device: where it runs.
        nodes: the number of recorded operations.
        programs: the number of compiled programs: one with gradients, one without; a third where a gradient was NaN.
        operations: the number of their instructions, fused ones counted once.
        trace_time: for walking the graph and writing the programs.
        compile_time: XLA's.
        memory: on the device while a program runs: arguments, results, temporary arrays and code of the largest one.
        to_device, from_device: given to the device and fetched from it in all calls so far.
        calls: the number of calls.
    """

    backend: str
    device: str
    nodes: int
    programs: int
    operations: int
    trace_time: float
    compile_time: float
    memory: int
    to_device: int
    from_device: int
    calls: int

    def __str__(self) -> str:
        programs = _count(self.programs, "program")
        lines = {
            "device": f"{self.device} ({self.backend})",
            "graph": f"{self.nodes:,} operations, {programs} of {self.operations:,} instructions",
            "traced in": f"{self.trace_time:.2f} s",
            "compiled in": f"{self.compile_time:.2f} s",
            "memory": _bytes(self.memory),
            "calls": f"{self.calls:,}",
            "to the device": _bytes(self.to_device),
            "from the device": _bytes(self.from_device),
        }
        return "\n".join(f"{name:<16}{text}" for name, text in lines.items())

    __repr__ = __str__


def _bytes(n: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n < 1000:
            return f"{n:.3g} {unit}"
        n /= 1000  # type: ignore[assignment]
    return f"{n:.3g} GB"


class Compiled:
    """The passes of a `Program`, compiled by XLA for one device when they are first called.

    Each call takes one array for each of `program.leaves`, of its shape and dtype, and gives arrays of NumPy. It can be
    called from several threads. `options` are options of XLA's compiler, by their names.

    Raises `ShapeError` and `KindError` for other shapes and dtypes.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor
    >>> from chainrule.autograd.xla import Compiled, Program
    >>> x = Tensor([1.0, 2.0], name="x")
    >>> compiled = Compiled(Program([(x * x).sum()], [x]), device="cpu")
    >>> compiled.passes([np.array([3.0, 4.0])])
    ([array(25.)], [array([6., 8.])])
    """

    def __init__(
        self, program: Program | ScalarProgram, device: Any = None, options: dict[str, Any] | None = None
    ) -> None:
        self.program = program
        self.expected, self.given_above = program.signature(), program.signature_of_roots()
        self.device = device_named(device)
        self.options = compiler_options(self.device) | (options or {})
        self.calls = self.to_device = self.from_device = 0
        self.times = [0.0, 0.0]
        self.built: dict[Any, Any] = {}
        self.lock = Lock()

    def forward(self, arrays: Sequence[Any]) -> list[np.ndarray]:
        """The data of the outputs."""
        with exact():
            (outputs,) = self._run("forward", self._put_leaves(arrays))
            return self._fetch(outputs)

    def passes(
        self, arrays: Sequence[Any], upstream: Sequence[Any] | None = None
    ) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        """The data of the outputs, and the gradients of the leaves that require one; `None` for one that gets none."""
        with exact():
            given = self._put_leaves(arrays)
            above = None if upstream is None else self._put(upstream, self.given_above)
            outputs, gradients, nan = self._run("passes", given, above)
            if nan:
                outputs, gradients, _ = self._run("zero safe", given, above)
            return self._fetch(outputs), self._fetch(gradients)

    def report(self) -> Report:
        """What has been compiled, and what the calls so far have transferred."""
        memory = operations = 0
        for built in self.built.values():
            memory = max(memory, _memory_of(built))
            operations += _instructions_of(built)
        trace_time, compile_time = self.times
        return Report(
            backend=self.device.platform,
            device=f"{self.device.platform}:{self.device.id}",
            nodes=sum(bool(node.inputs) for node in self.program.nodes),
            programs=len(self.built),
            operations=operations,
            trace_time=trace_time,
            compile_time=compile_time,
            memory=memory,
            to_device=self.to_device,
            from_device=self.from_device,
            calls=self.calls,
        )

    # -------------------------------------------------- one call

    def _put_leaves(self, arrays: Sequence[Any]) -> list[Any]:
        found = self._put(arrays, self.expected)
        if isinstance(self.program, Program):
            self.program.limits.check(arrays)
        return found

    def _put(self, arrays: Sequence[Any], expected: Sequence[Any]) -> list[Any]:
        """The arrays, checked; those that are not on the device yet are counted."""
        if len(arrays) != len(expected):
            takes = _count(len(expected), "array")
            raise ShapeError(f"the program takes {takes}; given {len(arrays)}")
        found, sent = [], 0
        for x, (name, shape, dtype) in zip(arrays, expected):
            on_device = isinstance(x, jax.Array) and x.devices() == {self.device}
            x = x if on_device else np.asarray(x)
            if x.shape != shape:
                raise ShapeError(
                    f"the program was compiled for {name}, of shape {shape}; given an array of shape {x.shape}. "
                    f"Compile another one for this shape"
                )
            if x.dtype != dtype:
                raise KindError(
                    f"the program was compiled for {name}, of dtype {dtype}; given an array of dtype {x.dtype}. "
                    f"Write x.astype(np.{dtype}), or compile another one for this dtype"
                )
            sent += 0 if on_device else x.nbytes  # the program transfers it, faster than `device_put` does
            found.append(x)
        with self.lock:
            self.to_device += sent
        return found

    def _fetch(self, arrays: Sequence[Any]) -> list[Any]:
        found = [None if x is None else np.array(x) for x in arrays]  # a copy, which can be written to
        with self.lock:
            self.from_device += sum(x.nbytes for x in found if x is not None)
        return found

    def _run(self, name: str, *arguments: Any) -> Any:
        key = (name, *(argument is not None for argument in arguments))
        with self.lock:
            self.calls += 1
            built = self.built.get(key)
            if built is None:
                built = self.built[key] = self._build(name, arguments)
        try:
            return built(*arguments)
        except Exception as error:
            raise ChainruleError(f"XLA could not run the program: {first_line(error)}") from error

    def _build(self, name: str, arguments: Any) -> Any:
        program = self.program

        def forward(arrays: Any) -> Any:
            return (program.forward(arrays),)

        def passes(arrays: Any, upstream: Any) -> Any:
            outputs, gradients = program.passes(arrays, upstream, zero_safe=name == "zero safe")
            return outputs, gradients, has_nan(gradients)

        function: Callable[..., Any] = forward if name == "forward" else passes
        start = perf_counter()
        here = jax.sharding.SingleDeviceSharding(self.device)
        shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=here), arguments)
        lowered = jax.jit(function).lower(*shapes)
        middle = perf_counter()
        try:
            built = lowered.compile(compiler_options=self.options)
        except Exception as error:
            raise ChainruleError(f"XLA could not compile the graph: {first_line(error)}") from error
        self.times[0] += middle - start
        self.times[1] += perf_counter() - middle
        return built


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' * (n != 1)}"


def _memory_of(compiled: Any) -> int:
    found = compiled.memory_analysis()
    names = (
        "argument_size_in_bytes",
        "output_size_in_bytes",
        "temp_size_in_bytes",
        "generated_code_size_in_bytes",
    )
    return sum(int(getattr(found, name, 0) or 0) for name in names)


def _instructions_of(compiled: Any) -> int:
    text = compiled.as_text() or ""
    _, _, entry = text.partition("\nENTRY ")
    return sum(" = " in line for line in entry.splitlines())
