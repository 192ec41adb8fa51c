"""Errors of NumPy and Python for wrong arguments, as errors of chainrule that say what was given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ChainruleError, KindError, RangeError, ShapeError

__all__ = ["MISTAKES", "checked_rules", "kind_of", "lesson"]

# the exceptions that a wrong argument causes, and the errors of chainrule that replace them
KINDS: list[tuple[Any, type[ChainruleError]]] = [
    (np.exceptions.AxisError, ShapeError),
    (np.linalg.LinAlgError, RangeError),
    ((TypeError, AttributeError), KindError),
    (LookupError, ShapeError),
    ((ValueError, ArithmeticError, RuntimeError), RangeError),
]
MISTAKES = (TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RuntimeError)


def kind_of(error: Exception) -> type[ChainruleError]:
    """The class of the error that replaces an exception."""
    return next(kind for kinds, kind in KINDS if isinstance(error, kinds))


def lesson(op: Any, inputs: Sequence[Any], params: dict[str, Any], error: Exception) -> Exception:
    """The error to raise if a row of the table cannot be computed from these nodes or arrays."""
    if isinstance(error, ChainruleError):
        return error
    given = " and ".join(
        x.describe() if hasattr(x, "describe") else f"an array of shape {x.shape} and dtype {x.dtype}"
        for x in inputs
    )
    # an index that is an input is described as one, and its place in `at` says nothing
    options = ", ".join(f"{k}={v!r:.100}" for k, v in params.items() if "Gap(" not in repr(v))
    text = f"{op.name}{f' with {options}' if options else ''} was given {given}. "
    broadcast = _broadcast(inputs)
    missing = re.search(r"missing \d+ required [\w-]+ arguments?: (.+)", str(error))
    if missing:
        names = re.findall(r"'(\w+)'", missing[1])
        text += f"It needs {missing[1]}, too: {op.name}(..., {', '.join(f'{name}=...' for name in names)})"
    elif op.name == "matmul":
        text += (
            "In a @ b the last axis of a has to be as long as the first axis of a matrix b "
            "(the second to last of a stack); a single number takes *"
        )
    elif op.name == "linear":
        text += (
            "In x @ weight + bias the last axis of x has to be as long as the first axis of the weight, and the bias "
            "as long as the last axis of the weight"
        )
    elif op.elementwise and not broadcast:
        text += (
            "Shapes broadcast when, counted from the last axis, each pair of lengths is equal or one of the two is 1. "
            "Reshape one of them, for example t.reshape(-1, 1) for a column"
        )
    else:
        text += f"NumPy says: {error}"
    return (KindError if isinstance(error, TypeError) or (op.elementwise and broadcast) else ShapeError)(text)


def checked_rules(name: str, rules: Any, before: int) -> Any:
    """The rules of a new row; a constant in them that is no integer becomes a function.

    Raises `KindError` for what is no rule, and for a rule that cannot take its arguments: `before` of them, which are
    `y`, or `g` and `y` of a structural row, and then one for each input.
    """
    first = ("g", "y")[2 - before :]
    if not callable(rules):
        if not isinstance(rules, (list, tuple)):
            raise KindError(
                f"the rules of {name!r} are a list with one for each input, as in [{_lambda(*first, 'x')}]; given "
                f"{type(rules).__name__} {rules!r:.60}"
            )
        return [_checked_rule(name, i, rule, first, len(rules)) for i, rule in enumerate(rules)]
    given = _names(rules)
    if given is not None and len(given) < before + 2:
        raise KindError(
            f"the rules of {name!r} are one function of ({', '.join(given)}). Write a list with a rule for each input, "
            f"as in [{_lambda(*first, 'x')}]. One function is for any number of inputs and gets the position of an "
            f"input first, as in {_lambda('i', *first, '*inputs')}"
        )
    return rules


def _checked_rule(name: str, i: int, rule: Any, first: tuple[str, ...], count: int) -> Any:
    if not callable(rule):
        if isinstance(rule, int):
            return rule
        try:
            slope = float(rule)
        except (TypeError, ValueError):
            raise KindError(
                f"the rule of {name!r} for input {i} is a function or a number; given {rule!r:.60}"
            ) from None
        return lambda *arguments, **params: slope
    given = _names(rule)
    if given is not None and len(given) < len(first) + count:
        inputs = ("x",) if count == 1 else tuple("abcdefgh"[:count]) if count < 9 else ("*inputs",)
        what = "its output y" if len(first) == 1 else "the gradient g at its output, the output y"
        raise KindError(
            f"the rule of {name!r} for input {i} takes ({', '.join(given)}); a rule takes {what} and all inputs, used "
            f"or not: {_lambda(*first, *inputs)}"
        )
    return rule


def _names(rule: Any) -> tuple[str, ...] | None:
    """The names of the arguments of a function in Python; `None` if it takes any number of them, or is another one."""
    code = getattr(rule, "__code__", None)
    return None if code is None or code.co_flags & 4 else code.co_varnames[: code.co_argcount]


def _lambda(*arguments: str) -> str:
    return f"lambda {', '.join(arguments)}: ..."


def _broadcast(inputs: Sequence[Any]) -> bool:
    try:
        np.broadcast_shapes(*(getattr(x, "shape", ()) for x in inputs))
    except ValueError:
        return False
    return True
