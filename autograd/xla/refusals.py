"""The error for what XLA cannot compute."""

from __future__ import annotations

from typing import Any

from ..errors import ChainruleError, KindError
from .lowered import CannotLower

__all__ = ["first_line", "refusal"]


def first_line(error: Exception) -> str:
    """The class of an exception, and the first line of its text."""
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:300]}"


def refusal(node: Any, what: str, error: Exception) -> Exception:
    """The error for a node whose row cannot be compiled; `what` is the part of the row that failed."""
    if isinstance(error, ChainruleError):
        return error
    name = node.op.name
    reason = str(error) if isinstance(error, CannotLower) else first_line(error)
    return KindError(
        f"{node.describe()} came from {name}, and {what} cannot be compiled by XLA: {reason}. Write it with NumPy's "
        f"functions and operators on its arguments only; or give the row a function on arrays of JAX, with "
        f'@chainrule.autograd.xla.lowering("{name}")'
    )
