"""Errors of NumPy and Python for wrong arguments, as errors of chainrule that say what was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import ChainruleError, KindError, RangeError, ShapeError

__all__ = ["MISTAKES", "kind_of", "lesson"]

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


def _broadcast(inputs: Sequence[Any]) -> bool:
    try:
        np.broadcast_shapes(*(x.shape for x in inputs))
    except ValueError:
        return False
    return True
