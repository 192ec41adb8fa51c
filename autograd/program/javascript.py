"""The language of printed JavaScript: forwards and rules of the table in the words of `Math`.

`JavaScript` writes expressions (see `expression.py`) that hold at other numbers, too: a rule's choice by the numbers is
written as `condition ? a : b`, never taken. What `Math` does not have, or computes otherwise than Python, is a function
of `helpers.js`; a row of a user's own is traced, so it has to be made of operators and other rows.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.operators import where
from ..engine.table import TABLE, Primitive
from ..errors import ChainruleError
from .expression import ATOM, PRECEDENCE, SIGNS, Expression, Language, plain
from .source import identifier

__all__ = ["JavaScript", "number_text"]

# what Math calls the functions of rows; the results differ by 2 units in the last place at most
MATH: dict[Any, str] = {
    abs: "abs", math.exp: "exp", math.expm1: "expm1", math.log: "log", math.log1p: "log1p", math.log2: "log2",
    math.log10: "log10", math.sqrt: "sqrt", math.sin: "sin", math.cos: "cos", math.tan: "tan", math.asin: "asin",
    math.acos: "acos", math.atan: "atan", math.atan2: "atan2", math.sinh: "sinh", math.cosh: "cosh",
    math.asinh: "asinh", math.acosh: "acosh", math.atanh: "atanh",
}  # fmt: skip
ROWS = dict(TABLE)  # those that this library declares
ROWS_IN_MATH = {ROWS["trunc"]: "trunc", ROWS["cbrt"]: "cbrt"}
ROW_OF: dict[Any, Primitive] = {row.on_floats: row for row in ROWS.values() if row.on_floats is not None}
OURS = __name__.removesuffix(
    "program.javascript"
)  # this package, whose functions know what to do with expressions
CONSTANTS = {
    math.pi: "Math.PI", math.e: "Math.E", math.log(2): "Math.LN2", math.log(10): "Math.LN10",
    math.sqrt(2): "Math.SQRT2", math.sqrt(0.5): "Math.SQRT1_2",
}  # fmt: skip
NUMBER, CONDITION = np.float64(0.5), np.bool_(True)  # what stands behind a text: which of the two it is
OR, AND = -0.75, -0.5  # how tightly || and && bind; a choice, which is -1, binds less, and a comparison more
IF = -1
SHORT = 48  # characters of a rule or a forward that is written where it is used; a longer one is a function
WIDEST = 100  # characters of an expression that stays in one piece
PART = 30  # characters of a part of a long expression that get a line of their own


@cache
def helpers() -> dict[str, str]:
    """The functions of `helpers.js` by their names, each with the comment above it.

    >>> from chainrule.autograd.program.javascript import helpers
    >>> print(helpers()["silu"])
    function silu(x) {
      return x * sigmoid(x);
    }
    """
    text = (Path(__file__).parent / "helpers.js").read_text(encoding="utf-8")
    found = {re.search(r"function (\w+)", each)[1]: each.strip() for each in re.findall(  # type: ignore[index]
        r"^(?://[^\n]*\n)*function \w+\(.*?^}", text, re.M | re.S)}  # fmt: skip
    if sum([1e16, 1.0, -1e16]) == 1.0:  # Python's sum() loses nothing since 3.12
        found = {name: re.sub(r"\bsum\(", "compensated_sum(", each) for name, each in found.items()}
    return found


def number_text(x: float) -> str:
    """A number of which JavaScript reads the same double.

    >>> from chainrule.autograd.program.javascript import number_text
    >>> [number_text(x) for x in (2.0, -0.0, 0.1, 1e300, float("-inf"), float("nan"))]
    ['2', '-0', '0.1', '1e+300', '-Infinity', 'NaN']
    """
    x = float(x)
    if math.isfinite(x):
        return repr(x).removesuffix(".0")
    return "NaN" if x != x else f"{'-' * (x < 0)}Infinity"


class Unwritable(Exception):
    """Something that JavaScript has no words for, as the end of a sentence; turned into a lesson for its row."""


class Live(Expression):
    """An expression whose number is not known yet, so that Python cannot branch on it."""

    __slots__ = ()

    def __bool__(self) -> bool:
        raise Unwritable(
            "that chooses with `if`, `and`, `or`, `min` or `max` of Python, of which only one branch would be written"
        )

    def __invert__(self) -> Live:
        raise Unwritable("that takes ~ of a condition, which makes -2 of Python's True; write condition == 0")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return where(*args) if func is np.where and len(args) == 3 and not kwargs else NotImplemented

    __hash__ = object.__hash__


class JavaScript(Language):
    """The words of one module.

    Attributes:
        taken: the names that are in use.
        functions: the text of each function that the module needs beside `Math`, by its name.
        parts: where the parts of a long expression go that get a line of their own; `None` while it is in one piece.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)
        self.functions: dict[str, str] = {}
        self.parts: list[tuple[str, str]] | None = None
        self._written: dict[Any, Callable[..., Any] | None] = {}
        self._choices: dict[str, tuple[str, Any, Any]] = {}  # what stands behind the text of a choice
        self._chosen_by: dict[str, list[str]] = {}  # the texts of the choices by each condition

    # ------------------------------------------------------------------ names and numbers

    def name(self, wish: str) -> str:
        """`wish`, or the first of wish_2, wish_3, ... that is free."""
        found, count = wish, 1
        while found in self.taken:
            count += 1
            found = f"{wish}_{count}"
        self.taken.add(found)
        return found

    def variable(self, name: str) -> Live:
        """A number by its name."""
        return Live(name, NUMBER, self)

    def literal(self, x: Any) -> str:
        if isinstance(x, Expression):
            return x.text
        if isinstance(x, np.ndarray) and not x.ndim:
            x = x[()]
        if isinstance(x, (bool, np.bool_)):
            return "true" if x else "false"
        if isinstance(x, (int, float, np.integer, np.floating)):
            return CONSTANTS.get(float(x)) or number_text(float(x))
        raise Unwritable(f"that uses {type(x).__name__} {x!r:.60}, which is no number")

    def part(self, text: str, data: Any, level: float) -> Live:
        if self.parts is None or len(text) < PART or data is not NUMBER:
            return Live(text, data, self, level)
        name = self.name("t")
        self.parts.append((name, text))
        return Live(name, NUMBER, self)

    def number(self, x: Any) -> Any:
        """A condition as the number that Python takes it for, 1 or 0; a number as it is."""
        if not _is_condition(x):
            return x
        if isinstance(x, Expression):
            return Live(f"{self.bracket(x, OR)} ? 1 : 0", NUMBER, self, IF)
        return int(x)

    def condition(self, x: Any) -> Any:
        """A number as a condition; NaN holds, as in Python."""
        return x if _is_condition(x) else self.infix("!=", None, x, 0)

    # ------------------------------------------------------------------ operators

    def infix(self, sign: str, data: Any, a: Any, b: Any) -> Live:
        conditions = _is_condition(a) and _is_condition(b)
        if sign in "&|" or (sign == "*" and conditions):
            if not conditions:
                raise Unwritable(f"that takes {sign} of numbers")
            level = OR if sign == "|" else AND
            written = "||" if sign == "|" else "&&"
            return Live(
                f"{self.bracket(a, level)} {written} {self.bracket(b, level)}", CONDITION, self, level
            )
        if sign == "+" and type(a) is int and a == 0 and _is_condition(b):  # where a sum of conditions starts
            return self.number(b)
        a, b = self.number(a), self.number(b)
        if sign == "**" and not (_is_finite(b) or (_is_finite(a) and abs(a) != 1)):
            return self.called("power", a, b)
        if sign == "**" and isinstance(a, Live) and not isinstance(b, Expression) and b == 1:
            return a
        if sign == "%":
            return self.called("remainder", a, b)
        if sign == "@":
            raise Unwritable("that multiplies matrices")
        level = PRECEDENCE[sign]
        left, right = (level + 1, level) if sign == "**" else (level + (level == 0), level + 1)
        written = f"{sign}=" if sign in ("==", "!=") else sign
        return self.part(
            f"{self.bracket(a, left)} {written} {self.bracket(b, right)}",
            NUMBER if level else CONDITION,
            level,
        )

    def signed(self, sign: str, data: Any, x: Any) -> Live:
        x = self.number(x)
        if not isinstance(x, Live):
            return -x
        if x.text in self._choices:  # of Python's 0, -0 is 0
            when, a, b = self._choices[x.text]
            return self.chosen(when, self.signed(sign, None, a), self.signed(sign, None, b))
        # in brackets also before **, where JavaScript allows no sign
        return Live(f"{sign}{self.bracket(x, ATOM)}", NUMBER, self, PRECEDENCE["neg"])

    def choice(self, condition: Any, a: Any, b: Any) -> Any:
        """`condition ? a : b`."""
        if not isinstance(condition, Expression):
            return a if condition else b
        when = self.bracket(self.condition(condition), OR)
        return self.chosen(
            when, self._where(when, True, self.number(a)), self._where(when, False, self.number(b))
        )

    def chosen(self, when: str, a: Any, b: Any) -> Live:
        """The text of a choice."""
        text = f"{when} ? {self.bracket(a, 0)} : {self.bracket(b, IF)}"
        if text not in self._choices:
            self._choices[text] = when, a, b
            self._chosen_by.setdefault(when, []).append(text)
        return self.part(text, NUMBER, IF)

    def _where(self, condition: str, holds: bool, x: Any) -> Any:
        """An expression where a condition is known to hold or not; rules choose twice where arrays compute both."""
        if not isinstance(x, Live):
            return x
        text = x.text
        for choice in self._chosen_by.get(condition, ()):
            _, a, b = self._choices[choice]
            chosen = a if holds else b
            if text == choice:
                return chosen
            call = re.compile(rf"(?<=\w)\({re.escape(choice)}\)")  # the brackets of a function stay
            text = call.sub(f"({self.bracket(chosen, IF)})", text)
            text = text.replace(f"({choice})", self.bracket(chosen, ATOM))
        return Live(text, x.data, self, x.level)

    def called(self, function: str, *inputs: Any) -> Live:
        """A function of `Math` or of the module, applied."""
        if "." not in function:
            self.helper(function)
        given = ", ".join(self.bracket(self.number(x), IF) for x in inputs)
        return self.part(f"{function}({given})", NUMBER, ATOM)

    def helper(self, name: str) -> None:
        """Take a function of `helpers.js`, and those that it calls, into the module."""
        if name not in self.functions:
            text = self.functions[name] = helpers()[name]
            self.taken.add(name)
            for other in re.findall(r"\b(\w+)\(", text):
                if other in helpers():
                    self.helper(other)

    # ------------------------------------------------------------------ rows

    def row(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """A row applied: its forward, written down."""
        if op is ROWS["where"]:
            return self.choice(params["condition"], *inputs)
        if op is ROWS["where_nonzero"]:
            return self.choice(*inputs)
        if op is ROWS["known"]:
            return self.number(self.infix("==", None, inputs[0], inputs[0]))
        if op is ROWS["positive"]:
            return inputs[0]
        if op is ROWS["negative"]:
            return self.signed("-", None, inputs[0])
        if op is ROWS["fmod"]:  # JavaScript's % is C's fmod
            a, b = map(self.number, inputs)
            level = PRECEDENCE["%"]
            return self.part(f"{self.bracket(a, level)} % {self.bracket(b, level + 1)}", NUMBER, level)
        if op is ROWS["power"]:
            return self.infix("**", None, *inputs)
        if op in ROWS_IN_MATH:
            return self.called(f"Math.{ROWS_IN_MATH[op]}", *inputs)
        built_in = ROWS.get(op.name) is op
        if op.name in helpers() and built_in:
            signature = re.search(r"function \w+\((.*?)\)", helpers()[op.name])[1].split(", ")  # type: ignore[index]
            return self.called(op.name, *inputs, *(params[k] for k in signature if k in params))
        if not params and (word := _known(op.on_floats, MATH)):
            return self.called(f"Math.{word}", *inputs)
        sign = op.symbol if built_in else _known(op.on_floats, SIGNS)
        if sign and len(inputs) == 2:
            return self.number(self.infix(sign, None, *inputs))
        return self.traced(op, inputs, params)

    def traced(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """The forward of a row that is made of operators and other rows."""
        reasons: list[str] = []

        def forward(*xs: Any) -> Any:
            for function in (op.on_floats, op.on_arrays):
                if function is None:
                    continue
                try:
                    run = function if ROWS.get(op.name) is op else with_rows(function)
                    return self.number(_one(run(*xs, **params)))
                except Exception as error:  # whatever a function raises that was meant for numbers
                    reasons.append(reason_of(error))
            raise lesson(op.name, reasons[0] if reasons else "that works on arrays")

        return self.shortest(forward, op.name, argument_names(len(inputs)), inputs, (op, str(params)))

    def shortest(
        self, function: Callable[..., Any], name: str, names: Sequence[str], inputs: Sequence[Any], key: Any
    ) -> Any:
        """`function(*inputs)` written out where that is short, otherwise as a call of a function of the module."""
        if key not in self._written:
            self._written[key] = self._as_function(function, name, names)
        call = self._written[key]
        return function(*inputs) if call is None else call(*inputs)

    def _as_function(
        self, function: Callable[..., Any], name: str, names: Sequence[str]
    ) -> Callable[..., Any] | None:
        parts, taken, self.parts = self.parts, set(self.taken), None
        try:
            found = self.number(function(*map(self.variable, names)))
            text = self.bracket(found, IF)
            if len(text) <= SHORT or len(names) > 3:
                return None
            lines: list[tuple[str, str]] = []
            if len(text) > WIDEST:
                self.taken |= set(names)
                self.parts = lines
                text = self.bracket(self.number(function(*map(self.variable, names))), IF)
                if lines and lines[-1][0] == text:
                    text = lines.pop()[1]
        finally:
            self.parts, self.taken = parts, taken | set(self.functions)
        body = [*(f"const {part} = {value};" for part, value in lines), f"return {text};"]
        used = [k for k, each in enumerate(names) if re.search(rf"\b{each}\b", "\n".join(body))]
        name = identifier(name)
        called = self.name(f"{name}_row" if name in helpers() or len(name) == 1 else name)
        given = ", ".join(names[k] for k in used)
        self.functions[called] = "\n".join([f"function {called}({given}) {{", *(f"  {x}" for x in body), "}"])

        def call(*inputs: Any) -> Any:
            shown = ", ".join(self.bracket(self.number(inputs[k]), IF) for k in used)
            return self.part(f"{called}({shown})", NUMBER, ATOM)

        return call


def with_rows(function: Any) -> Any:
    """A function with rows of the table in place of the functions on floats that it calls, such as `math.exp`.

    >>> import math
    >>> from chainrule.autograd.program.javascript import JavaScript, with_rows
    >>> x = JavaScript([]).variable("x")
    >>> with_rows(lambda x: math.exp(-x) * 2)(x)
    Expression('Math.exp(-x) * 2')
    """
    if _known(function, ROW_OF):
        return ROW_OF[function]
    if function is math:
        return types.SimpleNamespace(**{k: with_rows(x) for k, x in vars(math).items()})
    if not isinstance(function, types.FunctionType) or function.__code__.co_filename.startswith(OURS):
        return function
    used = {name for code in _codes(function.__code__) for name in code.co_names}
    around = {"sum": _sum} | {
        k: x for k, x in function.__globals__.items() if k in used or k.startswith("__")
    }
    around = {k: _sum if x is sum else x if x is function else with_rows(x) for k, x in around.items()}
    cells = tuple([types.CellType(with_rows(cell.cell_contents)) for cell in function.__closure__ or ()])
    made = types.FunctionType(function.__code__, around, function.__name__, function.__defaults__, cells)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for x in code.co_consts:
        if isinstance(x, types.CodeType):
            yield from _codes(x)


def _sum(xs: Iterable[Any], start: Any = 0) -> Any:
    xs = list(xs)
    return ROWS["total"](*xs) if start == 0 and any(isinstance(x, Live) for x in xs) else sum(xs, start)


def argument_names(count: int) -> list[str]:
    """What the inputs of a row are called in its rules."""
    return (
        ["x"]
        if count == 1
        else ["a", "b", "c"][:count]
        if count <= 3
        else [f"x{k + 1}" for k in range(count)]
    )


def _known(function: Any, table: dict[Any, Any]) -> Any:
    try:
        return table.get(function)
    except TypeError:  # it cannot be hashed
        return None


def _one(x: Any) -> Any:
    return x[()] if isinstance(x, np.ndarray) and not x.ndim else x


def _is_condition(x: Any) -> bool:
    return isinstance(plain(x), (bool, np.bool_))


def _is_finite(x: Any) -> bool:
    return not isinstance(x, Expression) and math.isfinite(x)


def reason_of(error: Exception) -> str:
    """Why a function cannot be written, as the end of a sentence."""
    if isinstance(error, Unwritable):
        return str(error)
    return f"that cannot be run on names ({type(error).__name__}: {error})"


def lesson(row: str, reason: str) -> ChainruleError:
    """The error for a row that cannot be written in JavaScript."""
    return ChainruleError(
        f"the row {row!r} cannot be written in JavaScript: it has a function {reason}. A module for other numbers "
        f"needs functions of operators and other rows; write where(x > 0, a, b) in place of `if`, maximum(a, b) in "
        f"place of max, and exp(x) in place of math.exp(x)"
    )
