"""Scores and targets of many classes, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError, Tensor, Value
from ...autograd.extending import converted, numbers, only_while
from ..base.arguments import are_below
from .pairs import check, flat

__all__ = ["MOVE_THE_CLASSES", "matching_classes"]

MOVE_THE_CLASSES = (
    ". Classes are along the last axis; PyTorch's second one is moved there by moveaxis(x, 1, -1)"
)


def matching_classes(
    x: Any, target: Any, what: str, ignore_index: int = -100, repeated: bool = False
) -> tuple[Any, Any, bool]:
    """Logits and targets of matching shapes, as Tensors or arrays, and whether any sample is ignored.

    `repeated` says that the operation that follows, if no sample is ignored, checks the classes as well.
    """
    if not isinstance(x, Tensor):
        if isinstance(x, Value) or (isinstance(x, Sequence) and any(isinstance(v, Value) for v in flat(x))):
            raise KindError(
                f"{what} works on Tensors: one row of numbers for each sample. Of Values, logsumexp(logits) - "
                f"logits[k] is the cross-entropy of one sample of class k"
            )
        x = np.asarray(x)
        x = x if x.dtype.kind == "f" else x.astype(np.float64)
    recorded = isinstance(target, Tensor)
    target = target if recorded else np.asarray(target)
    t, shape, ignored = numbers(target), x.shape, False
    if shape and not shape[-1]:
        raise ShapeError(f"{what} was given scores of shape {shape}, which have no class")
    if not shape or t.shape not in (shape, shape[:-1]):
        raise ShapeError(
            f"{what} was given scores of shape {shape} and targets of shape {t.shape}. Targets have one whole "
            f"number for each row of scores, shape {shape[:-1]}, or one probability for each score, shape {shape}"
            + (MOVE_THE_CLASSES if t.shape == shape[:1] + shape[2:] else "")
        )
    if t.shape == shape:
        target = converted(target, x.dtype) if recorded else target.astype(x.dtype, copy=False)
        check(target, partial(_refuse_shares, what, shape))
    elif t.dtype.kind not in "iu":
        raise KindError(
            f"{what} was given classes of dtype {t.dtype}, shape {t.shape}; a class is a whole number from 0 to "
            f"{shape[-1] - 1}. Write y.astype(int), or one_hot(y) for probabilities"
        )
    else:
        ignored = _ignores(what, shape[-1], ignore_index, t)
        if recorded:
            as_then = partial(_ignores_as_then, what, shape[-1], ignore_index, ignored)
            plainly = not ignored and ignore_index < 0  # what else there may be is an error
            condition = partial(are_below, n=shape[-1]) if plainly else as_then
            only_while(condition, target, repeated=plainly and repeated)
    return x, target, ignored


def _refuse_shares(what: str, shape: tuple[int, ...], t: np.ndarray) -> None:
    """Raise `RangeError` for targets that are no probabilities of classes."""
    sums = t.sum(-1, dtype=np.float64)
    if t.size and not (t.min() >= 0 and np.abs(sums - 1).max() < 1e-3):
        second = t.ndim > 2 and np.abs(t.sum(1, dtype=np.float64) - 1).max() < 1e-3
        raise RangeError(
            f"{what} was given targets of the scores' shape {shape}, which are probabilities then; but a row "
            f"of them sums to {sums.flat[np.abs(sums - 1).argmax()]:g}, or has a negative one"
            + (MOVE_THE_CLASSES if second else "")
        )


def _ignores(what: str, n_classes: int, ignore_index: int, t: np.ndarray) -> bool:
    """Whether a sample is ignored; raises `RangeError` for classes that do not exist."""
    if ignore_index < 0 and are_below(t, n_classes):
        return False
    counted = t[t != ignore_index]
    if counted.size and not (counted.min() >= 0 and counted.max() < n_classes):
        raise RangeError(
            f"{what} was given {n_classes} scores for each sample, so classes are 0 to {n_classes - 1}; "
            f"the targets have {counted.min()} to {counted.max()}"
        )
    return bool(counted.size < t.size)


def _ignores_as_then(what: str, n_classes: int, ignore_index: int, then: bool, t: np.ndarray) -> bool:
    return _ignores(what, n_classes, ignore_index, t) == then
