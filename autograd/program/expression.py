"""Expressions: a rule that is applied to names in place of numbers gives its own text.

An expression has a text and a value. The value decides shapes and branches, as in a pass over numbers. For the
expression `y`, the rule `1 - y * y` gives an expression with the text `1 - y * y`. A language defines how operations
are written: `Labels`, below, for drawings and steps; `Python` in `python.py` and `JavaScript` in `javascript.py` for
printed programs.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine.operators import Operators
from ..engine.table import Primitive
from ..numpy_api.dispatch import call_ufunc
from ..primitives import without_gaps

__all__ = ["ATOM", "PRECEDENCE", "SIGNS", "Expression", "Labels", "Language", "Unwritable", "plain", "same"]

# the precedence of operators, the highest binds first; a name, a number or a call never needs brackets
PRECEDENCE = {
    "<": 0, ">": 0, "<=": 0, ">=": 0, "==": 0, "!=": 0, "&": 1, "|": 1, "+": 2, "-": 2, "*": 3, "/": 3, "%": 3, "@": 3,
    "neg": 4, "**": 5,
}  # fmt: skip
ATOM = 9
# the functions that are written as an operator between their two inputs
SIGNS: dict[Any, str] = {
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.mod: "%",
    operator.pow: "**", operator.matmul: "@", operator.and_: "&", operator.or_: "|", operator.lt: "<",
    operator.le: "<=", operator.gt: ">", operator.ge: ">=", operator.eq: "==", operator.ne: "!=",
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/", np.matmul: "@", np.less: "<",
    np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==", np.not_equal: "!=",
}  # fmt: skip


class Unwritable(Exception):
    """Raised for what a language cannot express; the message is the end of the sentence that names the row."""


class Expression(Operators):
    """A text and its value: operators, rows and functions of NumPy that are applied to it give longer expressions."""

    __slots__ = ("data", "language", "level", "text")

    def __init__(self, text: str, data: Any, language: Any, level: float = ATOM) -> None:
        self.text = text
        self.data = data
        self.language = language
        self.level = level

    shape = property(lambda self: np.shape(self.data))
    ndim = property(lambda self: np.ndim(self.data))
    size = property(lambda self: np.size(self.data))
    dtype = property(lambda self: np.asarray(self.data).dtype)

    @property
    def T(self) -> Expression:
        return Expression(f"{self.language.bracket(self, ATOM)}.T", np.transpose(self.data), self.language)

    @classmethod
    def _apply(cls, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        language = next(x.language for x in (*inputs, *params.values()) if isinstance(x, Expression))
        return language.row(op, inputs, params)

    def __getitem__(self, at: Any) -> Expression:
        text = f"{self.language.bracket(self, ATOM)}[{self.language.index(at)}]"
        return Expression(text, self.data[plain(at)], self.language)

    def __getattr__(self, name: str) -> Any:
        """A method of `ndarray`, as a call in the text."""
        if not callable(getattr(np.ndarray, name, None)) or name.startswith("_") or self.language.rows_only:
            raise AttributeError(f"an expression has no {name!r}")
        compute, language = getattr(self.data, name), self.language

        def method(*inputs: Any, **params: Any) -> Expression:
            data = compute(*map(plain, inputs), **{k: plain(v) for k, v in params.items()})
            text = language.applied(f"{language.bracket(self, ATOM)}.{name}", inputs, params)
            return Expression(text, data, language)

        return method

    def __invert__(self) -> Expression:
        return Expression(f"~{self.language.bracket(self, PRECEDENCE['neg'])}", ~self.data, self.language)

    def __neg__(self) -> Expression:
        return self.language.signed("-", -self.data, self)

    def __bool__(self) -> bool:
        return self.language.decided(self)

    def __abs__(self) -> Any:
        return self.language.absolute(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if self.language.rows_only:
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        if method != "__call__":
            return NotImplemented
        data = ufunc(*map(plain, inputs), **kwargs)
        text, level = self.language.call(ufunc, inputs, kwargs)
        return Expression(text, data, self.language, level)

    def _call_ufunc(
        self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if self.language.rows_only:
            return NotImplemented
        data = func(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
        text, _ = self.language.call(func, args, kwargs)
        return Expression(text, data, self.language)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    __hash__ = object.__hash__


def _operator(name: str, function: Callable[[Any, Any], Any]) -> None:
    sign = SIGNS[function]

    def operation(self: Expression, other: Any) -> Expression:
        return self.language.infix(
            sign, self.language.compute(function, self.data, plain(other)), self, other
        )

    def reflected(self: Expression, other: Any) -> Expression:
        return self.language.infix(sign, self.language.compute(function, other, self.data), other, self)

    setattr(Expression, f"__{name}__", operation)
    setattr(Expression, f"__r{name}__", reflected)


# Python's own operators, not the rows: on floats they raise where a row does not, and a printed program needs that
for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "pow",
    "matmul",
    "and",
    "or",
    "lt",
    "le",
    "gt",
    "ge",
    "eq",
    "ne",
):
    _operator(_name, getattr(operator, f"{_name}_" if _name in ("and", "or") else _name))


def plain(x: Any) -> Any:
    """The value of an expression, also inside of lists and tuples; anything else is returned as it is."""
    if isinstance(x, (list, tuple)) and any(isinstance(part, (Expression, list, tuple)) for part in x):
        return type(x)(map(plain, x))
    return x.data if isinstance(x, Expression) else x


def same(a: Any, b: Any) -> bool:
    """Whether two results have the same shape, dtype and bits; all NaNs are equal."""
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.tobytes() == b.tobytes():
        return True
    return np.array_equal(a, b, equal_nan=True) and bool(
        (np.isnan(a) | (np.signbit(a) == np.signbit(b))).all()
    )


class Language:
    """How expressions are written. This class adds brackets by precedence; its subclasses define the rest."""

    rows_only = True  # functions that are not rows of the table cannot be written
    taken: set[str]  # the names in use, in a language of programs

    def free_name(self, preferred: str) -> str:
        """`preferred`, or the first of preferred_2, preferred_3, ... that is free; it is in use from then on."""
        found, count = preferred, 1
        while found in self.taken:
            count += 1
            found = f"{preferred}_{count}"
        self.taken.add(found)
        return found

    def literal(self, x: Any) -> str:
        """A plain number, shape or index."""
        raise NotImplementedError

    def row(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        """A row applied to expressions."""
        raise NotImplementedError

    def compute(self, function: Any, *inputs: Any, **params: Any) -> Any:
        """The result of a function at values."""
        return function(*inputs, **params)

    def decided(self, condition: Expression) -> bool:
        """The truth of a condition that a branch depends on."""
        return bool(condition.data)

    def bracket(self, x: Any, at_least: float) -> str:
        """The text of `x`, in brackets if its precedence is less than `at_least`."""
        if isinstance(x, Expression):
            text, level = x.text, x.level
        else:
            text = self.literal(x)
            level = PRECEDENCE["neg"] if text.startswith("-") else ATOM
        return text if level >= at_least else f"({text})"

    def infix(self, sign: str, data: Any, a: Any, b: Any) -> Expression:
        """Two expressions with an operator between them; `**` is right-associative, comparisons are not associative."""
        level = PRECEDENCE[sign]
        left, right = (level + 1, level) if sign == "**" else (level + (level == 0), level + 1)
        return self.part(f"{self.bracket(a, left)} {sign} {self.bracket(b, right)}", data, level)

    def part(self, text: str, data: Any, level: float) -> Expression:
        """An expression that may become a part of a longer one."""
        return Expression(text, data, self, level)

    def signed(self, sign: str, data: Any, x: Any) -> Expression:
        """An expression after a unary operator."""
        level = PRECEDENCE["neg"]
        return Expression(f"{sign}{self.bracket(x, level)}", data, self, level)

    def absolute(self, x: Expression) -> Any:
        """`abs(x)`."""
        return Operators.__abs__(x)


class Labels(Language):
    """The language of labels on edges and of sentences about steps: names of rows, numbers with six digits."""

    def name(self, text: str, data: Any) -> Expression:
        """A name, or a number in the place of a name, with its value."""
        level = PRECEDENCE["neg"] if text.startswith("-") else ATOM
        return Expression(
            text, np.asarray(data), self, level
        )  # an array, so that no operation raises at a pole

    def row(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> Any:
        if _is_decided(op, params):
            return self.applied(op, inputs, params, None)
        with np.errstate(all="ignore"):
            options = {k: plain(v) for k, v in params.items()}
            data = op.on_arrays(*[np.asarray(plain(x)) for x in inputs], **options)
        return self.applied(op, inputs, params, data)

    def applied(self, op: Primitive, inputs: Sequence[Any], params: dict[str, Any], data: Any) -> Expression:
        """A row applied to expressions, with the given result `data`; nothing is computed."""
        if _is_decided(op, params):
            chosen: Any = inputs[0] if params["condition"] else inputs[1]
            return (
                chosen if isinstance(chosen, Expression) else Expression(self.literal(chosen), chosen, self)
            )
        if op.name == "negative":
            return self.signed("-", data, inputs[0])
        if op.symbol is not None and len(inputs) == 2:
            return self.infix(op.symbol, data, inputs[0], inputs[1])
        if "at" in params:
            at, inputs = without_gaps(params["at"], inputs)
            params = params | {"at": at}
        if op.name == "index":
            return Expression(f"{self.bracket(inputs[0], ATOM)}[{self.index(params['at'])}]", data, self)
        if op.name == "where":
            arguments = [params["condition"], *inputs]
            return Expression(f"where({', '.join(map(self.literal, arguments))})", data, self)
        options = self._options(params, np.ndim(plain(inputs[0])))
        return Expression(f"{op.name}({', '.join([*map(self.literal, inputs), *options])})", data, self)

    def infix(self, sign: str, data: Any, a: Any, b: Any) -> Expression:
        if sign == "**" and isinstance(a, Expression) and isinstance(b, (int, float)) and b == 1:
            return Expression(a.text, data, self, a.level)
        return super().infix(sign, data, a, b)

    def literal(self, x: Any) -> str:
        """The text of an expression, or of a plain number, shape or index among expressions."""
        if isinstance(x, Expression):
            return x.text
        if isinstance(x, np.ndarray):
            return str(x.item()) if x.ndim == 0 else f"<array {x.shape}>"
        if isinstance(x, (np.generic, float)):
            return f"{x:.6g}"
        if isinstance(x, slice):
            start, stop = ("" if part is None else str(part) for part in (x.start, x.stop))
            return f"{start}:{stop}" + (f":{x.step}" if x.step is not None else "")
        if isinstance(x, tuple) and any(
            isinstance(part, (slice, np.ndarray, Expression)) or part is ... for part in x
        ):
            return "(" + ", ".join(map(self.literal, x)) + "," * (len(x) == 1) + ")"
        return "..." if x is ... else repr(x)

    def index(self, at: Any) -> str:
        """The text of an index between brackets."""
        return ", ".join(map(self.literal, at if isinstance(at, tuple) and at else (at,)))

    def _options(self, params: dict[str, Any], ndim: int) -> list[str]:
        """The parameters as text; those with default values are omitted."""
        texts = []
        for name, value in params.items():
            if name == "keepdims" and not value:
                continue
            if name == "axis" and isinstance(value, tuple):
                if len(value) == ndim:
                    continue
                value = value[0] if len(value) == 1 else value
            texts.append(f"{name}={self.literal(value)}")
        return texts


def _is_decided(op: Primitive, params: dict[str, Any]) -> bool:
    """Whether a `where` has a constant condition, so that only the chosen input is written."""
    return op.name == "where" and isinstance(params["condition"], (bool, np.bool_))
