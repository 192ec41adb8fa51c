"""The language of printed JavaScript: forward functions and rules of the table, written with `Math`.

`JavaScript` writes expressions (see `expression.py`) that are valid for any numbers: a condition on numbers is written
as `condition ? a : b`, and no branch is taken. Functions that `Math` does not have, or that differ from Python's, are
in `helpers.js`. A row that a user added is traced, so it must consist of operators and other rows.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.operators import where
from ..engine.table import TABLE, Primitive
from ..errors import ChainruleError
from .excerpts import codes
from .expression import ATOM, PRECEDENCE, SIGNS, Expression, Language, Unwritable, plain
from .names import identifier

__all__ = ["JavaScript", "number_text"]

# the names in Math of the functions of rows; the results differ by at most 2 units in the last place
MATH: dict[Any, str] = {
    abs: "abs", math.exp: "exp", math.expm1: "expm1", math.log: "log", math.log1p: "log1p", math.log2: "log2",
    math.log10: "log10", math.sqrt: "sqrt", math.sin: "sin", math.cos: "cos", math.tan: "tan", math.asin: "asin",
    math.acos: "acos", math.atan: "atan", math.atan2: "atan2", math.sinh: "sinh", math.cosh: "cosh",
    math.asinh: "asinh", math.acosh: "acosh", math.atanh: "atanh",
}  # fmt: skip
ROWS = dict(TABLE)  # the rows of this library, without those that users add later
ROWS_IN_MATH = {ROWS["trunc"]: "trunc", ROWS["cbrt"]: "cbrt"}
ROW_OF: dict[Any, Primitive] = {row.on_floats: row for row in ROWS.values() if row.on_floats is not None}
# the folder of this package, whose functions accept expressions
PACKAGE = str(Path(__file__).parents[1])
CONSTANTS = {
    math.pi: "Math.PI", math.e: "Math.E", math.log(2): "Math.LN2", math.log(10): "Math.LN10",
    math.sqrt(2): "Math.SQRT2", math.sqrt(0.5): "Math.SQRT1_2",
}  # fmt: skip
NUMBER, CONDITION = np.float64(0.5), np.bool_(True)  # the two kinds of values of an expression
OR, AND = (
    -0.75,
    -0.5,
)  # the precedence of || and &&: above a conditional expression, -1, and below a comparison, 0
IF = -1
SHORT = 48  # up to so many characters a rule or a forward is inlined; a longer one becomes a function
WIDEST = 100  # characters of an expression that is written in one line
PART = 30  # from so many characters on, a part of a long expression gets its own line


@cache
def helpers() -> dict[str, str]:
    """The functions of `helpers.js` by name, each with the comment above it.

    >>> from chainrule.autograd.program.javascript import helpers
    >>> print(helpers()["silu"])
    function silu(x) {
      return x * sigmoid(x);
    }
    """
    text = (Path(__file__).parent / "helpers.js").read_text(encoding="utf-8")
    found = {re.search(r"function (\w+)", each)[1]: each.strip() for each in re.findall(  # type: ignore[index]
        r"^(?://[^\n]*\n)*function \w+\(.*?^}", text, re.M | re.S)}  # fmt: skip
    if sum([1e16, 1.0, -1e16]) == 1.0:  # Python's sum() is compensated since 3.12
        found = {name: re.sub(r"\bsum\(", "compensated_sum(", each) for name, each in found.items()}
    return found


def number_text(x: float) -> str:
    """The text of a number that JavaScript reads as the same double.

    >>> from chainrule.autograd.program.javascript import number_text
    >>> [number_text(x) for x in (2.0, -0.0, 0.1, 1e300, float("-inf"), float("nan"))]
    ['2', '-0', '0.1', '1e+300', '-Infinity', 'NaN']
    """
    x = float(x)
    if math.isfinite(x):
        return repr(x).removesuffix(".0")
    return "NaN" if x != x else f"{'-' * (x < 0)}Infinity"


class Symbolic(Expression):
    """An expression whose value is unknown, so that Python cannot branch on it."""

    __slots__ = ()

    def __bool__(self) -> bool:
        raise Unwritable(
            "that chooses with `if`, `and`, `or`, `min` or `max` of Python, of which only one branch would be written"
        )

    def __invert__(self) -> Symbolic:
        raise Unwritable("that takes ~ of a condition, which makes -2 of Python's True; write condition == 0")

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return where(*args) if func is np.where and len(args) == 3 and not kwargs else NotImplemented

    __hash__ = object.__hash__


class JavaScript(Language):
    """The language of one module.

    Attributes:
        taken: the names that are in use.
        functions: the text of each function that the module needs beside `Math`, by name.
        parts: the parts of a long expression that get their own lines, as (name, text); `None` for one line.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)
        self.functions: dict[str, str] = {}
        self.parts: list[tuple[str, str]] | None = None
        self._written: dict[Any, Callable[..., Any] | None] = {}
        self._choices: dict[
            str, tuple[str, Any, Any]
        ] = {}  # the condition and the branches of a conditional expression, by its text
        self._chosen_by: dict[
            str, list[str]
        ] = {}  # the texts of the conditional expressions with a given condition

    # ------------------------------------------------------------------ names and numbers

    def variable(self, name: str) -> Symbolic:
        """The variable with this name."""
        return Symbolic(name, NUMBER, self)

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

    def part(self, text: str, data: Any, level: float) -> Symbolic:
        if self.parts is None or len(text) < PART or data is not NUMBER:
            return Symbolic(text, data, self, level)
        name = self.free_name("t")
        self.parts.append((name, text))
        return Symbolic(name, NUMBER, self)

    def number(self, x: Any) -> Any:
        """A condition as a number, 1 or 0, as in Python; a number is returned as it is."""
        if not _is_condition(x):
            return x
        if isinstance(x, Expression):
            return Symbolic(f"{self.bracket(x, OR)} ? 1 : 0", NUMBER, self, IF)
        return int(x)

    def condition(self, x: Any) -> Any:
        """A number as a condition; NaN is true, as in Python."""
        return x if _is_condition(x) else self.infix("!=", None, x, 0)

    # ------------------------------------------------------------------ operators

    def infix(self, sign: str, data: Any, a: Any, b: Any) -> Symbolic:
        conditions = _is_condition(a) and _is_condition(b)
        if sign in "&|" or (sign == "*" and conditions):
            if not conditions:
                raise Unwritable(f"that takes {sign} of numbers")
            level = OR if sign == "|" else AND
            written = "||" if sign == "|" else "&&"
            return Symbolic(
                f"{self.bracket(a, level)} {written} {self.bracket(b, level)}", CONDITION, self, level
            )
        if sign == "+" and type(a) is int and a == 0 and _is_condition(b):  # the start of a sum of conditions
            return self.number(b)
        a, b = self.number(a), self.number(b)
        if sign == "**" and not (_is_finite(b) or (_is_finite(a) and abs(a) != 1)):
            return self.called("power", a, b)
        if sign == "**" and isinstance(a, Symbolic) and not isinstance(b, Expression) and b == 1:
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

    def signed(self, sign: str, data: Any, x: Any) -> Symbolic:
        x = self.number(x)
        if not isinstance(x, Symbolic):
            return -x
        if x.text in self._choices:  # Python's integer 0 has no sign: -0 is 0
            when, a, b = self._choices[x.text]
            return self.chosen(when, self.signed(sign, None, a), self.signed(sign, None, b))
        # the operand of a sign before ** needs brackets in JavaScript
        return Symbolic(f"{sign}{self.bracket(x, ATOM)}", NUMBER, self, PRECEDENCE["neg"])

    def choice(self, condition: Any, a: Any, b: Any) -> Any:
        """`condition ? a : b`."""
        if not isinstance(condition, Expression):
            return a if condition else b
        when = self.bracket(self.condition(condition), OR)
        return self.chosen(
            when, self._where(when, True, self.number(a)), self._where(when, False, self.number(b))
        )

    def chosen(self, when: str, a: Any, b: Any) -> Symbolic:
        """The conditional expression, whose parts are kept for `_where`."""
        text = f"{when} ? {self.bracket(a, 0)} : {self.bracket(b, IF)}"
        if text not in self._choices:
            self._choices[text] = when, a, b
            self._chosen_by.setdefault(when, []).append(text)
        return self.part(text, NUMBER, IF)

    def _where(self, condition: str, holds: bool, x: Any) -> Any:
        """An expression simplified by the known truth of a condition, which rules for arrays often test twice."""
        if not isinstance(x, Symbolic):
            return x
        text = x.text
        for choice in self._chosen_by.get(condition, ()):
            _, a, b = self._choices[choice]
            chosen = a if holds else b
            if text == choice:
                return chosen
            call = re.compile(rf"(?<=\w)\({re.escape(choice)}\)")  # the brackets of a call remain
            text = call.sub(f"({self.bracket(chosen, IF)})", text)
            text = text.replace(f"({choice})", self.bracket(chosen, ATOM))
        return Symbolic(text, x.data, self, x.level)

    def called(self, function: str, *inputs: Any) -> Symbolic:
        """A call of a function of `Math` or of the module."""
        if "." not in function:
            self.helper(function)
        given = ", ".join(self.bracket(self.number(x), IF) for x in inputs)
        return self.part(f"{function}({given})", NUMBER, ATOM)

    def helper(self, name: str) -> None:
        """Add a function of `helpers.js`, and those that it calls, to the module."""
        if name not in self.functions:
            text = self.functions[name] = helpers()[name]
            self.taken.add(name)
            for other in re.findall(r"\b(\w+)\(", text):
                if other in helpers():
                    self.helper(other)

    # ------------------------------------------------------------------ rows

    def row(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """A row applied to expressions."""
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
        """The forward function of a row, called with expressions."""
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
        """`function(*inputs)`, inlined if it is short, otherwise as a call of a function of the module."""
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
        called = self.free_name(f"{name}_row" if name in helpers() or len(name) == 1 else name)
        given = ", ".join(names[k] for k in used)
        self.functions[called] = "\n".join([f"function {called}({given}) {{", *(f"  {x}" for x in body), "}"])

        def call(*inputs: Any) -> Any:
            shown = ", ".join(self.bracket(self.number(inputs[k]), IF) for k in used)
            return self.part(f"{called}({shown})", NUMBER, ATOM)

        return call


def with_rows(function: Any) -> Any:
    """A copy of a function that calls rows of the table in place of functions on floats such as `math.exp`.

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
    if not isinstance(function, types.FunctionType) or function.__code__.co_filename.startswith(PACKAGE):
        return function
    used = {name for code in codes(function.__code__) for name in code.co_names}
    outer = {"sum": _sum} | {k: x for k, x in function.__globals__.items() if k in used or k.startswith("__")}
    outer = {k: _sum if x is sum else x if x is function else with_rows(x) for k, x in outer.items()}
    cells = tuple([types.CellType(with_rows(cell.cell_contents)) for cell in function.__closure__ or ()])
    made = types.FunctionType(function.__code__, outer, function.__name__, function.__defaults__, cells)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _sum(xs: Iterable[Any], start: Any = 0) -> Any:
    xs = list(xs)
    return ROWS["total"](*xs) if start == 0 and any(isinstance(x, Symbolic) for x in xs) else sum(xs, start)


def argument_names(count: int) -> list[str]:
    """The names of the inputs of a row in its rules."""
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
