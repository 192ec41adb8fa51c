"""In place: a function that computes each element by itself becomes NumPy calls that write over the arrays it changes.

The function, such as the formula of an optimiser, is traced (see `tracing.py`), which gives a list of calls. A call
writes its result to the array of an operand that is not read any more, to the array that the result is to replace, or
to one of a few arrays for intermediate results. The program runs on arrays of any shape, also on parts of arrays.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np

from ..engine.table import Primitive
from .compiling import executed, live_calls, operand_dtypes
from .tracing import Call, Trace, Traced, Untraceable, cast, copied, operands, power

__all__ = ["InPlace", "in_place"]


class InPlace:
    """A compiled function: `run(*changed, *read, *numbers, *room)` writes its results over the arrays `changed`.

    `numbers` are the names of those that it uses, given as arrays without axes; `room` has the dtypes of the arrays for
    intermediate results, in the shape of the others; `source` is the text of `run`.
    """

    def __init__(self, lines: _Lines) -> None:
        self.source = lines.source
        self.numbers, self.room = lines.numbers, [*lines.room.values()]
        self.run: Callable[..., None]
        (self.run,) = executed(lines.source, lines.namespace, "run")


def in_place(
    function: Callable[..., Sequence[Any]],
    changed: Sequence[str],
    read: Sequence[str],
    numbers: Sequence[str],
    dtype: Any,
) -> InPlace | None:
    """Compile `function(*changed, *read, *numbers)`, which returns new arrays for those that are `changed`.

    The three lists name its arguments: arrays of one shape, and numbers, all in `dtype`. `None` is returned for a
    function that cannot be compiled: it branches on the numbers in its arrays, computes elements from other elements
    (a sum), uses the shape or random draws, or changes its arguments.

    >>> import numpy as np
    >>> from chainrule.autograd.extending import in_place
    >>> program = in_place(lambda x, v, g, lr: (x - (v + g) * lr, v + g), ["x", "v"], ["g"], ["lr"], np.float32)
    >>> print(program.source)
    def run(x, v, g, lr, t):
        add_(v, g, v)
        multiply_(v, lr, t)
        subtract_(x, t, x)
    >>> x, v, g = np.ones((3, 2), np.float32)
    >>> program.run(x, v, g, np.array(0.5, np.float32), np.empty_like(x))
    >>> x, v
    (array([0., 0.], dtype=float32), array([2., 2.], dtype=float32))
    """
    try:
        # what depends on the shape, or on random draws, gives two programs
        first, second = (_Lines(function, changed, read, numbers, dtype, shape) for shape in ((2,), (3, 1)))
    except Exception:  # a function may fail on a Traced in any way, and still work on arrays
        return None
    return InPlace(first) if first.source == second.source else None


class _Trace(Trace):
    """A trace in which a plain number beside an array in a row takes the dtype of the formula."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = np.dtype(dtype)

    def row(self, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        typed = (
            x.astype(self.dtype) if isinstance(x, np.ndarray) and x.dtype.kind != "b" else x for x in inputs
        )
        return super().row(op, tuple(typed), params)


class _Lines:
    """Chooses where each result is written, and writes the text."""

    def __init__(
        self,
        function: Callable[..., Sequence[Any]],
        changed: Sequence[str],
        read: Sequence[str],
        numbers: Sequence[str],
        dtype: Any,
        shape: tuple[int, ...],
    ) -> None:
        self.shape = shape
        self.namespace: dict[str, Any] = {
            "array": np.array,
            "copyto": np.copyto,
            "nan": math.nan,
            "inf": math.inf,
        }
        self.constants: dict[str, str] = {}  # the name of each, by the expression
        self.body: list[str] = []
        trace = _Trace(dtype)
        arrays = [trace.leaf(np.ones(shape, dtype)) for _ in (*changed, *read)]
        scalars = [trace.leaf(np.full((), 0.5, dtype)) for _ in numbers]
        self.names: dict[Traced, str] = {}  # where each result is
        for x, name in zip((*arrays, *scalars), (*changed, *read, *numbers)):
            self.names[x] = self._new(name)
        self.writable = {self.names[x]: x.dtype for x in arrays[: len(changed)]}
        self.room: dict[str, np.dtype[Any]] = {}  # arrays for intermediate results
        self.holds = {self.names[x]: x for x in arrays}  # what is in each array now

        with np.errstate(all="ignore"):
            results = self._results(trace, arrays, function(*arrays, *scalars))
        # the array that a result has to replace in the end
        self.homes = {y: self.names[x] for x, y in zip(arrays, results) if y is not x}
        calls = live_calls(trace.calls, {*self.homes})
        self.last = {x: at for at, call in calls for x in call.operands()}
        self.numbers = [name for x, name in zip(scalars, numbers) if x in self.last]
        inputs = [self.names[x] for x in (*arrays, *(x for x in scalars if x in self.last))]
        self.last |= dict.fromkeys(results, len(trace.calls))
        for at, call in calls:
            self._place(at, call)
        self.body += [
            f"copyto({home}, {self.names[y]})" for y, home in self.homes.items() if self.names[y] != home
        ]
        head = [f"{name} = {constant}" for constant, name in self.constants.items()]
        body = [f"    {line}" for line in self.body or ["pass"]]
        self.source = "\n".join([*head, f"def run({', '.join([*inputs, *self.room])}):", *body])

    def _results(self, trace: Trace, arrays: list[Traced], results: Sequence[Any]) -> list[Traced]:
        """The results; a call copies those that are other arguments, or are there twice."""
        found: list[Traced] = []
        for x, y in zip(arrays, results):
            if not isinstance(y, Traced) or y.shape != self.shape or y.dtype != x.dtype:
                raise Untraceable
            if y is not x and (y in self.names or y in {*found}):
                copy = Traced(trace, y.value)
                trace.calls.append(Call(copied, (y,), {}, copy))
                y = copy
            found.append(y)
        return found

    def _place(self, at: int, call: Call) -> None:
        """Write the line of a call, which is made `at` this position."""
        result, read = call.result, [x for x in call.operands() if x.ndim]
        if not read:  # a number
            self.names[result] = self._new("s")
            self.body.append(
                f"{self.names[result]} = {self._function(call.function)}({self._terms(call.args)})"
            )
            return
        if any(x.shape != self.shape for x in (result, *read)):
            raise Untraceable
        done = list(dict.fromkeys(self.names[x] for x in read if self.last[x] == at))
        out = self._choose(at, call, done)
        self.body += self._written(call, out)
        self.names[result], self.holds[out] = out, result

    def _choose(self, at: int, call: Call, done: list[str]) -> str:
        """The array that the call writes to; `done` are those that it is the last to read."""
        result, home = call.result, self.homes.get(call.result)
        unread = [name for name in self.room if self.last.get(self.holds[name], -1) < at]
        places = [name for name in done if name in self.room or (name in self.writable and not home)] + unread
        if home and self.last.get(self.holds[home], -1) <= at:
            places = [home, *places]
        # `where` is written after its third operand has been copied there
        kept = [self.names[x] for x in operands(call.args[:2])] if call.function is np.where else []
        dtypes = {**self.writable, **self.room}
        for name in places:
            if dtypes[name] == result.dtype and name not in kept:
                return name
        name = self._new("t")
        self.room[name] = result.dtype
        return name

    # ---------------------------------------------------------------------- text

    def _written(self, call: Call, out: str) -> list[str]:
        """The lines that write the result of a call to `out`."""
        function, args = call.function, call.args
        if function is power and isinstance(args[0], Traced) and args[1] in POWERS:
            function, args = POWERS[args[1]], args[:1]  # NumPy's own shortcuts for `a ** b`
        elif function is power:
            function = np.power
        if isinstance(function, np.ufunc) and function.signature is None and not call.kwargs:
            dtypes = operand_dtypes(function, args)
            named = "out=" if function in (np.maximum, np.minimum) else ""  # NumPy takes it by name only
            return [f"{self._function(function)}({self._terms(args, dtypes)}, {named}{out})"]
        if function in (cast, copied):
            return [f"copyto({out}, {self._terms(args[:1])}, 'unsafe')"]
        if function is np.where and len(args) == 3 and args[0].dtype == bool:
            condition, a, b = map(self._terms, zip(args))
            first = [f"copyto({out}, {b})"] if b != out else []
            return [*first, f"copyto({out}, {a}, where={condition})"]
        if function is np.clip:
            return [f"{self._function(function)}({self._terms(args)}, out={out})"]
        raise Untraceable

    def _terms(self, args: Iterable[Any], dtypes: Iterable[Any] = ()) -> str:
        return ", ".join(self._term(x, d) for x, d in zip(args, chain(dtypes, repeat(None))))

    def _term(self, x: Any, dtype: Any) -> str:
        """An operand; a constant is an array without axes in the dtype that NumPy converts it to."""
        if isinstance(x, Traced):
            return self.names[x]
        if isinstance(x, (np.ndarray, np.generic)) and x.ndim == 0:
            x, dtype = x.item(), dtype or x.dtype
        if x.__class__ not in (bool, int, float, np.dtype):
            raise Untraceable
        constant = f"array({x!r}, {np.dtype(dtype).char!r})" if dtype else repr(x)
        if dtype and constant not in self.constants:
            self.constants[constant] = self._new("c")
        return self.constants.get(constant, constant)

    def _function(self, function: Any) -> str:
        name = f"{function.__name__}_"
        if self.namespace.setdefault(name, function) is not function:
            raise Untraceable
        return name

    def _new(self, word: str) -> str:
        """A name that is not used yet."""
        name, k = word, 0
        while name in self.namespace or keyword.iskeyword(name):
            name, k = f"{word}{k}", k + 1
        self.namespace[name] = None
        return name


POWERS = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal, 1: np.positive}
