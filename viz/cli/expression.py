"""Expressions as text, for the command line: parsed by Python's own parser, never executed by it.

Only arithmetic, comparisons inside `where`, and the functions of `chainrule.autograd` are allowed; an error names
anything else. Names get their values from assignments.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import keyword
import math
import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ... import autograd
from ...autograd import ChainruleError, Node, Tensor, Value

__all__ = ["ExpressionError", "evaluate", "names_in", "read_assignments"]

LONGEST = 20_000  # characters of an expression
SHOWN = 60  # characters of it in a message
TOO_LARGE = "larger than a float can be, 1.8e308"
TOO_DEEP = (
    "the expression is nested too deeply, or has too many operations in a row; name its parts in a Python program"
)  # fmt: skip

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function
    for name in autograd.__all__
    if isinstance(function := getattr(autograd, name), autograd.Primitive)
    or re.search(r"\.functions\.(?!conv|einsum|linalg)", getattr(function, "__module__", "") + ".")
    if not isinstance(function, type) and name != "by_primitives"
}
FUNCTIONS["abs"] = autograd.absolute
CONSTANTS = {"pi": math.pi, "e": math.e}
BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: autograd.add,
    ast.Sub: autograd.subtract,
    ast.Mult: autograd.multiply,
    ast.Div: autograd.divide,
    ast.Mod: autograd.remainder,
    ast.Pow: autograd.power,
    ast.MatMult: autograd.matmul,
}
COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class ExpressionError(ChainruleError, ValueError):
    """An expression or an assignment that is not valid."""


def read_assignments(texts: Sequence[str]) -> dict[str, Node]:
    """`["a=2", "b=-3"]` as leaves with those names; `"w=[[1, 2], [3, 4]]"` makes all of them Tensors.

    Names are normalised as in Python: the micro sign and the Greek letter mu are the same name.

    Raises `ExpressionError` for anything but `name=number` or `name=[numbers]`, and for a name that is given twice.

    >>> from chainrule.viz.cli.expression import read_assignments
    >>> read_assignments(["a=2", "b=-3"])
    {'a': Value(2.0, name='a'), 'b': Value(-3.0, name='b')}
    """
    numbers: dict[str, Any] = {}
    for text in texts:
        given, equals, right = text.partition("=")
        name = unicodedata.normalize("NFKC", given.strip())  # as Python's parser does
        if not equals or not name.isidentifier():
            raise ExpressionError(
                f"{quoted(text)} is not an assignment; write a name, =, and a number, as in a=2"
            )
        if keyword.iskeyword(name):
            raise ExpressionError(f"{name} is a word of Python and no name; call it {name}_ or otherwise")
        if name in numbers:
            raise ExpressionError(f"{name} is given twice; each name has one value")
        numbers[name] = _read_number(name, right)
    kind = Tensor if any(isinstance(x, list) for x in numbers.values()) else Value
    return {name: kind(x, name=name) for name, x in numbers.items()}


def evaluate(text: str, leaves: dict[str, Node]) -> Node:
    """The recorded result of the expression, with the named leaves in it.

    Raises `ExpressionError` if the expression is not valid; the message shows the place and what to write instead.

    >>> from chainrule.viz.cli.expression import evaluate, read_assignments
    >>> evaluate("tanh(a*b + c)", read_assignments(["a=2", "b=-3", "c=6"]))
    Value(0.0)
    """
    if len(text) > LONGEST:
        raise ExpressionError(
            f"the expression has {len(text)} characters; write Python for more than {LONGEST}"
        )
    text = text.strip()
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        if "limit" in str(error.msg) and "digits" in str(error.msg):  # Python limits the digits of an integer
            raise ExpressionError(f"the expression has a whole number that is {TOO_LARGE}") from None
        raise ExpressionError(_syntax_lesson(text, error)) from None
    except (RecursionError, MemoryError):  # from Python's parser, for an expression nested too deeply
        raise ExpressionError(TOO_DEEP) from None
    except ValueError as error:  # lone surrogates, zero characters
        raise ExpressionError(f"the expression cannot be read: {error}") from None
    try:
        result = _Reader(text, leaves).read(tree.body)
    except RecursionError:
        raise ExpressionError(TOO_DEEP) from None
    if isinstance(tree.body, ast.Compare):
        raise ExpressionError(
            f"{quoted(text)} is true or false, and has no gradient; a comparison stands in where, as in "
            f"where(a > b, a, b)"
        )
    if not isinstance(result, Node):
        known = "" if leaves else "; give it one, as in: chainrule draw 'a * 2' a=3"
        raise ExpressionError(
            f"{quoted(text)} has no name with a value in it, so there is nothing to differentiate{known}"
        )
    return result


def names_in(text: str) -> set[str]:
    """The names in a valid expression, those of functions as well.

    >>> sorted(names_in("tanh(a*b) + a"))
    ['a', 'b', 'tanh']
    """
    return {each.id for each in ast.walk(ast.parse(text.strip(), mode="eval")) if isinstance(each, ast.Name)}


class _Reader:
    """Walks the syntax tree; each allowed kind of syntax has a branch in `read`."""

    def __init__(self, text: str, leaves: dict[str, Node]) -> None:
        self.text = text
        self.leaves = leaves

    def read(self, tree: ast.AST) -> Any:
        if isinstance(tree, ast.BinOp) and type(tree.op) in BINARY:
            return self.apply(tree, BINARY[type(tree.op)], self.read(tree.left), self.read(tree.right))
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            x = self.read(tree.operand)
            return -x if isinstance(x, (Node, float)) else self.apply(tree, autograd.negative, x)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.UAdd):
            return self.read(tree.operand)
        if (
            isinstance(tree, ast.Constant)
            and isinstance(tree.value, (int, float))
            and not isinstance(tree.value, bool)
        ):
            return as_float(tree.value)
        if isinstance(tree, ast.Name):
            return self.name(tree)
        if isinstance(tree, ast.Call):
            return self.call(tree)
        if isinstance(tree, (ast.List, ast.Tuple)):
            return [self.read(x) for x in tree.elts]
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in COMPARISONS:
            compare = COMPARISONS[type(tree.ops[0])]
            return self.apply(tree, compare, self.read(tree.left), self.read(tree.comparators[0]))
        raise ExpressionError(self.refusal(tree))

    def name(self, tree: ast.Name) -> Any:
        if tree.id in self.leaves:
            return self.leaves[tree.id]
        if tree.id in CONSTANTS:
            return CONSTANTS[tree.id]
        if tree.id in FUNCTIONS:
            raise ExpressionError(f"{tree.id} is a function; write {tree.id}(...) with what it is applied to")
        name = tree.id if len(tree.id) <= SHOWN else f"{tree.id[:SHOWN]}..."
        raise ExpressionError(f"{name} has no value; add {name}=NUMBER after the expression")

    def call(self, tree: ast.Call) -> Any:
        if not isinstance(tree.func, ast.Name):
            raise ExpressionError(self.refusal(tree))
        name = tree.func.id
        if name not in FUNCTIONS:
            near = difflib.get_close_matches(name, FUNCTIONS, n=3)
            raise ExpressionError(
                f"there is no function {name}; did you mean {' or '.join(near)}?"
                if near
                else f"there is no function {name}. There are: {', '.join(sorted(FUNCTIONS))}"
            )
        arguments = [self.argument(x) for x in tree.args]
        options = {str(option.arg): self.option(option) for option in tree.keywords}
        return self.apply(tree, FUNCTIONS[name], *arguments, **options)

    def apply(self, tree: ast.AST, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The result of a function or an operator; an error of NumPy or Python becomes an `ExpressionError`."""
        try:
            return function(*arguments, **options)
        except ChainruleError:
            raise
        except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            reason = str(error).replace("<lambda>()", "it")
            raise ExpressionError(f"{self.part(tree)} cannot be computed: {reason}") from None

    def argument(self, tree: ast.AST) -> Any:
        """An argument of a function; whole numbers stay integers, for they may be counts, axes or shapes."""
        parts = [x for x in ast.walk(tree) if not isinstance(x, (ast.expr_context, ast.unaryop))]
        inner = (ast.Constant, ast.Tuple, ast.UnaryOp)
        if all(isinstance(x, inner) and type(getattr(x, "value", 0)) is int for x in parts):
            with suppress(ValueError):  # not a literal, such as --2
                return ast.literal_eval(tree)
        return self.read(tree)

    def option(self, option: ast.keyword) -> Any:
        if option.arg is None:
            raise ExpressionError("** in a call is not allowed in an expression")
        try:
            value = ast.literal_eval(option.value)
            hash(value)  # no dicts, sets or lists
        except (ValueError, TypeError):
            raise ExpressionError(
                f"the option {option.arg} has to be a plain number, or several in round brackets"
            ) from None
        return value

    def part(self, tree: ast.AST) -> str:
        """A part of the expression, as the user wrote it."""
        return quoted(ast.get_source_segment(self.text, tree) or type(tree).__name__)

    def refusal(self, tree: ast.AST) -> str:
        part = self.part(tree)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitXor):
            return f"{part}: a power is written **, as in a**2"
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.FloorDiv):
            return f"{part}: // is not differentiable; floor(a / b) is the step, with gradient 0"
        if isinstance(tree, ast.Call):
            return f"{part} cannot be called; functions are called by name, as in tanh(a)"
        return (
            f"{part} is not allowed in an expression: it may have numbers, names, + - * / % ** @, brackets and "
            f"the functions of chainrule, as in tanh(a*b + c)"
        )


def _read_number(name: str, text: str) -> Any:
    try:
        value = ast.literal_eval(text.strip())
        if not _is_numbers(value):
            raise TypeError
        array = np.asarray(value, dtype=float)
    except OverflowError:
        raise ExpressionError(f"{quoted(f'{name}={text}')} has a number that is {TOO_LARGE}") from None
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        try:
            found = float(text)  # inf and nan
        except ValueError:
            raise ExpressionError(
                f"{quoted(f'{name}={text}')} has no number on the right; write a number ({name}=0.5) or a list "
                f"({name}=[1, 2])"
            ) from None
        if math.isinf(found) and text.strip().lstrip("+-").isdigit():
            raise ExpressionError(f"{quoted(f'{name}={text}')} has a number that is {TOO_LARGE}") from None
        return found
    return array.tolist() if array.ndim else float(array)


def _is_numbers(value: Any) -> bool:
    """Whether this is a number, or lists of numbers."""
    waiting = [value]
    while waiting:
        x = waiting.pop()
        if isinstance(x, list):
            waiting += x
        elif isinstance(x, bool) or not isinstance(x, (int, float)):
            return False
    return True


def as_float(number: int | float) -> float:
    """A number of the expression as a float; `ExpressionError` for an integer too large for a float."""
    try:
        return float(number)
    except OverflowError:
        raise ExpressionError(f"the expression has a whole number that is {TOO_LARGE}") from None


def quoted(text: str) -> str:
    """A text of the user in quotes, a long one shortened to its beginning."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")


def _syntax_lesson(text: str, error: SyntaxError) -> str:
    column = error.offset - 1 if error.offset else len(text)  # without a place, the end is missing
    line = text.splitlines()[min((error.lineno or 1) - 1, len(text.splitlines()) - 1)] if text else ""
    start = max(0, column - 60)
    pointed = f"\n    {line[start : start + 76]}\n    {' ' * (column - start)}^" if line else ""
    hint = ""
    if not text:
        hint = " It is empty; write one such as 'a * b + c'."
    elif "=" in text and "==" not in text:
        hint = " Values come after the expression, in words of their own: chainrule draw 'a * b' a=2 b=3."
    elif text.count("(") != text.count(")"):
        hint = " The brackets do not match."
    elif any(x.isdigit() and y.isalpha() and y not in "eE" for x, y in itertools.pairwise(text)):
        hint = " A product needs its *, as in 2*a."
    return f"the expression cannot be read: {error.msg}.{hint}{pointed}"
