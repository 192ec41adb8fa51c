"""Expressions as text, for the command line: parsed by Python's own parser, never run by it.

Only arithmetic, comparisons inside `where`, and the functions of `chainrule.autograd` exist here; everything
else that Python can say is refused by name. Names get their values from `assignments`.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import autograd
from ..autograd import ChainruleError, Node, Tensor, Value

__all__ = ["ExpressionError", "evaluate", "read_assignments"]

LONGEST = 20_000  # characters; Python's parser is not made for more

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function
    for name in autograd.__all__
    if isinstance(function := getattr(autograd, name), autograd.Primitive)
    or {"functions", "norms"} & set(getattr(function, "__module__", "").split("."))
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
    """An expression or an assignment that cannot be read."""


def read_assignments(texts: Sequence[str]) -> dict[str, Node]:
    """`["a=2", "b=-3"]` as leaves with those names; `"w=[[1, 2], [3, 4]]"` makes all of them Tensors.

    Raises `ExpressionError` for what is not `name=number` or `name=[numbers]`, and for a name given twice.

    >>> from chainrule.viz.expression import read_assignments
    >>> read_assignments(["a=2", "b=-3"])
    {'a': Value(2.0, name='a'), 'b': Value(-3.0, name='b')}
    """
    numbers: dict[str, Any] = {}
    for text in texts:
        name, equals, right = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise ExpressionError(f"{text!r} is not an assignment; write a name, =, and a number, as in a=2")
        if name in numbers:
            raise ExpressionError(f"{name} is given twice; each name has one value")
        numbers[name] = _read_number(name, right)
    kind = Tensor if any(isinstance(x, list) for x in numbers.values()) else Value
    return {name: kind(x, name=name) for name, x in numbers.items()}


def evaluate(text: str, leaves: dict[str, Node]) -> Node:
    """The recorded result of the expression, with the named leaves in it.

    Raises `ExpressionError` with the place and a way out for what cannot be read.

    >>> from chainrule.viz.expression import evaluate, read_assignments
    >>> evaluate("tanh(a*b + c)", read_assignments(["a=2", "b=-3", "c=6"]))
    Value(0.0)
    """
    if len(text) > LONGEST:
        raise ExpressionError(
            f"the expression has {len(text)} characters; write Python for more than {LONGEST}"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval")
        result = _Reader(text.strip(), leaves).read(tree.body)
    except SyntaxError as error:
        raise ExpressionError(_syntax_lesson(text.strip(), error)) from None
    except (RecursionError, MemoryError):
        raise ExpressionError(
            "the expression is nested too deeply; name its parts in a Python program"
        ) from None
    except ValueError as error:
        if isinstance(error, ChainruleError):
            raise
        raise ExpressionError(f"the expression cannot be read: {error}") from None
    if not isinstance(result, Node):
        known = "" if leaves else "; give it one, as in: chainrule draw 'a * 2' a=3"
        raise ExpressionError(
            f"{text!r} has no name with a value in it, so there is nothing to differentiate{known}"
        )
    return result


class _Reader:
    """Walks the syntax tree; each kind of node that is allowed has a line here."""

    def __init__(self, text: str, leaves: dict[str, Node]) -> None:
        self.text = text
        self.leaves = leaves

    def read(self, tree: ast.AST) -> Any:
        if isinstance(tree, ast.BinOp) and type(tree.op) in BINARY:
            return BINARY[type(tree.op)](self.read(tree.left), self.read(tree.right))
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.USub):
            x = self.read(tree.operand)
            return -x if isinstance(x, (Node, float)) else autograd.negative(x)
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.UAdd):
            return self.read(tree.operand)
        if (
            isinstance(tree, ast.Constant)
            and isinstance(tree.value, (int, float))
            and not isinstance(tree.value, bool)
        ):
            return float(tree.value)
        if isinstance(tree, ast.Name):
            return self.name(tree)
        if isinstance(tree, ast.Call):
            return self.call(tree)
        if isinstance(tree, (ast.List, ast.Tuple)):
            return [self.read(x) for x in tree.elts]
        if isinstance(tree, ast.Compare) and len(tree.ops) == 1 and type(tree.ops[0]) in COMPARISONS:
            return COMPARISONS[type(tree.ops[0])](self.read(tree.left), self.read(tree.comparators[0]))
        raise ExpressionError(self.refusal(tree))

    def name(self, tree: ast.Name) -> Any:
        if tree.id in self.leaves:
            return self.leaves[tree.id]
        if tree.id in CONSTANTS:
            return CONSTANTS[tree.id]
        if tree.id in FUNCTIONS:
            raise ExpressionError(f"{tree.id} is a function; write {tree.id}(...) with what it is applied to")
        raise ExpressionError(f"{tree.id} has no value; add {tree.id}=NUMBER after the expression")

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
        try:
            return FUNCTIONS[name](*arguments, **options)
        except ChainruleError:
            raise
        except (TypeError, ValueError, IndexError) as error:
            reason = str(error).replace("<lambda>()", name)
            raise ExpressionError(f"{name} cannot be applied in {ast.unparse(tree)!r}: {reason}") from None

    def argument(self, tree: ast.AST) -> Any:
        """What a function is applied to; whole numbers stay whole, for they may be counts, axes or shapes."""
        parts = [x for x in ast.walk(tree) if not isinstance(x, (ast.expr_context, ast.unaryop))]
        inner = (ast.Constant, ast.Tuple, ast.UnaryOp)
        if all(isinstance(x, inner) and type(getattr(x, "value", 0)) is int for x in parts):
            return ast.literal_eval(tree)
        return self.read(tree)

    def option(self, option: ast.keyword) -> Any:
        if option.arg is None:
            raise ExpressionError("** in a call is not allowed in an expression")
        try:
            return ast.literal_eval(option.value)
        except ValueError:
            raise ExpressionError(f"the option {option.arg} has to be a plain number") from None

    def refusal(self, tree: ast.AST) -> str:
        part = ast.get_source_segment(self.text, tree) or ast.dump(tree)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.BitXor):
            return f"{part!r}: a power is written **, as in a**2"
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.FloorDiv):
            return f"{part!r}: // is not differentiable; floor(a / b) is the step, with gradient 0"
        if isinstance(tree, ast.Call):
            return f"{part!r} cannot be called; functions are called by name, as in tanh(a)"
        return (
            f"{part!r} is not allowed in an expression: it may have numbers, names, + - * / % ** @, brackets and "
            f"the functions of chainrule, as in tanh(a*b + c)"
        )


def _read_number(name: str, text: str) -> Any:
    try:
        value = ast.literal_eval(text.strip())
        array = np.asarray(value, dtype=float)
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float, list)):
            raise TypeError
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError, OverflowError):
        try:
            return float(text)  # inf and nan
        except ValueError:
            raise ExpressionError(
                f"{name}={text} has no number on the right; write a number ({name}=0.5) or a list ({name}=[1, 2])"
            ) from None
    return array.tolist() if array.ndim else float(array)


def _syntax_lesson(text: str, error: SyntaxError) -> str:
    column = max((error.offset or 1) - 1, 0)
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
