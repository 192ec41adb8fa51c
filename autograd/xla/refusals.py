"""The error for what XLA cannot compute."""

from __future__ import annotations

from typing import Any

from ..errors import ChainruleError, KindError
from .lowered import CannotLower

__all__ = ["FUNCTION", "RULE", "first_line", "refusal"]

FUNCTION, RULE = "its function on arrays", "one of its rules"  # the parts of a row


def first_line(error: Exception) -> str:
    """The class of an exception, and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"


def refusal(node: Any, what: str, error: Exception) -> Exception:
    """The error for a node whose row cannot be compiled; `what` is the part of the row that failed."""
    if isinstance(error, ChainruleError):
        return error
    name = node.op.name
    reason = str(error) if isinstance(error, CannotLower) else first_line(error)
    instead = "Write it with operators, other rows and NumPy's functions on its arguments only"
    if what == FUNCTION:
        instead += (
            f'; or give the row a function on arrays of JAX, with @chainrule.autograd.xla.lowering("{name}")'
        )
    return KindError(
        f"{node.describe()} came from {name}, and {what} cannot be compiled by XLA: {reason}. {instead}"
    )
