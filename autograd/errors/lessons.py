"""Errors of NumPy and Python for wrong arguments, as errors of chainrule that say what was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ChainruleError, KindError, RangeError, ShapeError

__all__ = ["MISTAKES", "kind_of", "lesson", "refuse_short_rules"]

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
    options = ", ".join(f"{k}={v!r:.100}" for k, v in params.items())
    text = f"{op.name}{f' with {options}' if options else ''} was given {given}. "
    broadcast = _broadcast(inputs)
    if op.name == "matmul":
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


def refuse_short_rules(name: str, rules: Any, before: int) -> None:
    """Raise where a rule of a new row cannot take its arguments: `before` of them, then one for each input.

    These are `y`, or `g` and `y` of a structural row.
    """
    if callable(rules):
        return
    for i, rule in enumerate(rules):
        code = getattr(rule, "__code__", None)
        if (
            code is None or code.co_flags & 4 or code.co_argcount >= before + len(rules)
        ):  # 4: it takes *arguments
            continue
        given = ", ".join(code.co_varnames[: code.co_argcount])
        inputs = (
            ("x",) if len(rules) == 1 else tuple("abcdefgh"[: len(rules)]) if len(rules) < 9 else ("*inputs",)
        )
        wanted = ", ".join((*(("y",) if before == 1 else ("g", "y")), *inputs))
        first = "its output y" if before == 1 else "the gradient g at its output, the output y"
        raise KindError(
            f"the rule of {name!r} for input {i} takes ({given}); a rule takes {first} and all inputs, used or not: "
            f"lambda {wanted}: ..."
        )


def _broadcast(inputs: Sequence[Any]) -> bool:
    try:
        np.broadcast_shapes(*(x.shape for x in inputs))
    except ValueError:
        return False
    return True
