"""On floats: a function of numbers becomes Python code with the same operations, in which no operator is looked up.

The function, such as the formula of an optimiser, runs once on numbers that record what is done with them.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..engine.operators import Operators
from ..engine.table import Primitive
from ..program.expression import SIGNS
from .compiling import executed
from .tracing import Untraceable

__all__ = ["on_floats"]


def on_floats(
    formula: Callable[..., tuple[Any, dict[str, Any]]], memory: Iterable[str], numbers: Iterable[str]
) -> Callable[..., float] | None:
    """Compile `formula(x, g, memory, n)`, which returns a new `x` and a dict of the memories that change.

    `memory` and `n` are dicts of floats with these names. The compiled function returns `x` and writes the new memories
    to the dict that it is given. Where the formula would return IEEE's inf or NaN, it may raise `ValueError` or
    `ArithmeticError`, and then it has changed nothing. `None` is returned for a formula that cannot be compiled, such
    as one that branches on its arguments.

    >>> from chainrule.autograd.extending import on_floats
    >>> def formula(x, g, memory, n):
    ...     v = memory["v"] + g
    ...     return x - n["lr"] * v, {"v": v}
    >>> run, memory = on_floats(formula, ["v"], ["lr"]), {"v": 1.0}
    >>> run(3.0, 2.0, memory, {"lr": 0.5}), memory
    (1.5, {'v': 3.0})
    """
    names = [*memory], [*numbers]
    try:
        # random draws would be constants, and give two programs
        source, functions = _recorded(formula, *names)
        if _recorded(formula, *names)[0] != source:
            return None
    except Exception:  # a formula may fail on a Recorded in any way, and still work on floats
        return None
    return executed(source, functions, "run")[0]


def _recorded(
    formula: Callable[..., Any], memory: list[str], numbers: list[str]
) -> tuple[str, dict[str, Any]]:
    """The text of the compiled function, and the functions that it calls."""
    lines = Lines()
    x, g = (Recorded(lines, name) for name in "xg")
    memories, n = (
        {name: Recorded(lines, f"{given}[{name!r}]") for name in names}
        for given, names in (("memory", memory), ("n", numbers))
    )
    x, new = formula(x, g, dict(memories), n)
    lines.lines.append(f"y = {lines.term(x)}")
    if new:
        places = ", ".join(memories[name].name for name in new)
        lines.lines.append(f"{places} = {', '.join(map(lines.term, new.values()))}")
    return "\n    ".join(["def run(x, g, memory, n):", *lines.lines, "return y"]), lines.functions


class Lines:
    """The lines of a function so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.functions: dict[str, Any] = {}

    def term(self, x: Any) -> str:
        """An operand in the text."""
        if isinstance(x, Recorded):
            return x.name
        if x.__class__ not in (float, int, bool):
            raise Untraceable
        if not abs(x) < float("inf"):
            return f"float('{x}')"
        return repr(float(x))

    def applied(self, function: Any, inputs: Iterable[Any]) -> Recorded:
        """Write a line that applies a function, and return its result."""
        terms = [*map(self.term, inputs)]
        if function in SIGNS:
            text = f" {SIGNS[function]} ".join(terms)
        elif function is None:
            raise Untraceable
        else:
            name = next((k for k, f in self.functions.items() if f is function), f"f{len(self.functions)}")
            self.functions[name] = function
            text = f"{name}({', '.join(terms)})"
        result = Recorded(self, f"t{len(self.lines)}")
        self.lines.append(f"{result.name} = {text}")
        return result


def _comparison(function: Any) -> Any:
    return lambda self, other: self.lines.applied(function, (self, other))


def _refuse(*_: Any) -> Any:
    raise Untraceable


class Recorded(Operators):
    """A number of which only the name is known. Rows that are applied to it become lines."""

    __slots__ = ("lines", "name")

    def __init__(self, lines: Lines, name: str) -> None:
        self.lines, self.name = lines, name

    @classmethod
    def _apply(cls, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Recorded:
        if params:
            raise Untraceable
        return next(x.lines for x in inputs if isinstance(x, Recorded)).applied(op.on_floats, inputs)

    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)
    __eq__, __ne__ = _comparison(operator.eq), _comparison(operator.ne)
    __hash__ = object.__hash__
    __bool__ = __float__ = __int__ = __array__ = _refuse
