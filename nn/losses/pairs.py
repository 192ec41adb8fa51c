"""Predictions and targets of one shape and kind, to be compared element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import KindError, Node, RangeError, ShapeError, Tensor, Value
from ...autograd.extending import converted, each_time, numbers
from ..base.arguments import constants
from .reduction import checked_reduction, reduced

__all__ = ["check", "compared", "flat", "is_node", "paired", "plain", "weights_for"]


def paired(prediction: Any, target: Any, what: str) -> tuple[Any, Any]:
    """Prediction and target as two Tensors or arrays of one shape and dtype, two Values, or two flat lists."""
    if isinstance(prediction, (Value, list, tuple)):
        values, targets = flat(prediction), flat(target)
        if len(values) != len(targets):
            raise ShapeError(f"{what} was given {len(values)} predictions and {len(targets)} targets")
        return (values[0], targets[0]) if isinstance(prediction, Value) else (values, targets)
    if not isinstance(prediction, Tensor):
        prediction = constants(prediction, f"the first argument of {what}")
        prediction = prediction if prediction.dtype.kind == "f" else prediction.astype(np.float64)
    if isinstance(target, Tensor):
        target = converted(target, prediction.dtype)
    elif target.__class__ is not np.ndarray or target.dtype != prediction.dtype:
        target = constants(target, f"the target of {what}").astype(prediction.dtype)
    if prediction.shape != target.shape:
        raise ShapeError(
            f"{what} compares element by element and was given predictions of shape {prediction.shape} and targets "
            f"of shape {target.shape}, which would broadcast to something else, or not at all. "
            f"Reshape one of them: a column of predictions (n, 1) needs y.reshape(-1, 1)"
        )
    return prediction, target


def flat(nested: Any) -> list[Any]:
    """The Values and numbers in nested lists and arrays."""
    if isinstance(nested, Tensor):
        if nested.requires_grad:
            raise KindError(
                f"{nested.describe()} stands beside Values, which do not mix. Write y.data for targets that are given"
            )
        nested = nested.data
    if isinstance(nested, (np.ndarray, np.generic)):
        return list(nested.ravel().tolist())
    if isinstance(nested, (list, tuple)):
        return [x for each in nested for x in flat(each)]
    return [nested]


def is_node(x: Any) -> bool:
    """Whether `x` is a Value or a Tensor."""
    return isinstance(x, Node)


def compared(loss: Callable[[Any, Any], Any], pair: tuple[Any, Any], reduction: str) -> Any:
    """`loss` of each element of prediction and target, reduced."""
    prediction, target = pair
    if isinstance(prediction, list):
        return reduced([loss(p, t) for p, t in zip(prediction, target)], reduction)
    if isinstance(prediction, Value):
        checked_reduction(reduction, 1)
        return loss(prediction, target)
    return reduced(loss(prediction, target), reduction)


def plain(x: Any) -> np.ndarray:
    """The numbers in a node, an array or a list of Values, as an array."""
    if isinstance(x, list):
        return np.array([numbers(v) for v in x], dtype=np.float64)
    return np.asarray(numbers(x))


def check(x: Any, refuse: Callable[[np.ndarray], None]) -> None:
    """Call `refuse` with the numbers in `x`, as `plain` gives them: now, and in each replay of a recording."""
    if isinstance(x, list):
        each_time(lambda *v: refuse(np.array(v, dtype=np.float64)), *x)
    else:
        each_time(lambda v: refuse(np.asarray(v)), x)


def weights_for(name: str, weight: Any, x: Any) -> Any:
    """A weight, or one weight for each number along the last axis of `x`, in the dtype of `x`."""
    if isinstance(x, (Value, list)):
        if np.ndim(weight):
            raise ShapeError(f"of Values, {name} is one number for all; given shape {np.shape(weight)}")
        found = constants(weight, name).astype(np.float64)
    else:
        found = constants(weight, name).astype(x.dtype)
        if found.shape not in ((), x.shape[-1:]):
            raise ShapeError(
                f"{name} has shape {found.shape}; it is one number for all, or one for each of the last axis of "
                f"scores of shape {x.shape}: shape {x.shape[-1:]}"
            )
    if found.size and not (found.min() >= 0 and found.max() < np.inf):
        wrong = found.min() if not found.min() >= 0 else found.max()
        raise RangeError(f"{name} says how often a class counts, 0 or more; given {wrong:g}")
    return found if found.ndim or not isinstance(x, (Value, list)) else float(found)
