"""Reductions: the mean or the sum of losses, or no reduction."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import RangeError, ShapeError, mean
from ...autograd import sum as sum_of
from ...autograd.extending import describe, like

__all__ = ["checked_reduction", "reduced", "reduced_array"]


REDUCTIONS = ("mean", "sum", "none")


def reduced(losses: Any, reduction: str) -> Any:
    """The mean or the sum of the losses in a Tensor, an array, or a list of Values; the losses for "none"."""
    n = len(losses) if isinstance(losses, list) else losses.size
    if checked_reduction(reduction, n) == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum_of(losses)


def reduced_array(losses: np.ndarray, reduction: str) -> Any:
    """The same inside a row of the table: on a plain array, after `checked_reduction`."""
    if reduction == "none":
        return losses
    total = np.add.reduce(losses, None)
    return total / losses.size if reduction == "mean" else total


def checked_reduction(reduction: str, n: float, why: str = "the batch is empty") -> str:
    """The reduction, if it is defined for `n` losses; `why` says in the error message why there are none."""
    if not isinstance(reduction, str) or reduction not in REDUCTIONS:
        given = repr(reduction) if isinstance(reduction, (str, type(None))) else describe(reduction)
        raise RangeError(f"reduction is 'mean', 'sum' or 'none'; given {given}{like(reduction, REDUCTIONS)}")
    if n == 0 and reduction == "mean":
        raise ShapeError(f"the mean loss of no samples is not a number: {why}")
    return reduction
