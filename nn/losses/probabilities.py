"""Checks that a loss was given probabilities, their logarithms, or logits, as it needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import TABLE, Primitive, RangeError
from .pairs import check

__all__ = [
    "CALL_THEM_0_1",
    "LOGITS_INSTEAD",
    "check_probabilities",
    "refuse_positive",
    "refuse_probabilities",
]


def refuse_probabilities(x: Any, made_by: Primitive, what: str, instead: str) -> None:
    """Raise `RangeError` for the output of a softmax or sigmoid, where the loss takes the numbers before it."""
    first = x[0] if isinstance(x, (list, tuple)) and len(x) else x
    op = getattr(first, "op", None)  # of a node
    while op is TABLE["astype"]:
        first = first.inputs[0]
        op = first.op
    if op is made_by:
        raise RangeError(
            f"{what} takes the {made_by.name} itself, and was given the output of one: the gradient would be that "
            f"of another loss. Leave it out of the model, or write {instead}"
        )


def refuse_positive(x: Any, what: str) -> None:
    """Raise `RangeError` for logarithms of probabilities that are above 0."""

    def refuse(log_p: np.ndarray) -> None:
        if log_p.size and log_p.max() > 1e-3:  # larger than a rounding error
            raise RangeError(
                f"{what} takes logarithms of probabilities, which are 0 at most; given up to {log_p.max():g}. Of "
                f"logits write log_softmax(x), of probabilities log(p)"
            )

    check(x, refuse)


LOGITS_INSTEAD = (
    "They are probabilities; for numbers before the sigmoid write binary_cross_entropy_with_logits"
)

CALL_THEM_0_1 = "The two classes are called 0 and 1; write (y + 1) / 2 for classes called -1 and +1"


def check_probabilities(x: Any, given: str, instead: str) -> None:
    """Raise `RangeError` for numbers outside of 0 to 1."""

    def refuse(p: np.ndarray) -> None:
        if p.size and not (p.min() >= 0 and p.max() <= 1) and not np.isnan(p).any():
            raise RangeError(f"{given} from {p.min():g} to {p.max():g}. {instead}")

    check(x, refuse)
