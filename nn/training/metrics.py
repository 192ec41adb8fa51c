"""Metrics: numbers to be read beside the loss; they are not differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import KindError, Node, RangeError, ShapeError, sigmoid
from ..losses.targets import MOVE_THE_CLASSES

__all__ = ["accuracy"]


def accuracy(scores: Any, target: Any, threshold: float = 0.0) -> float:
    """The share of samples whose predicted class is right, from 0 to 1.

    `scores` are `(n, classes)`; the prediction is the class of the highest score (the first of equal ones). With a
    single column, or `(n,)`, there are two classes, and a score above the `threshold` predicts class 1: 0 for logits,
    0.5 for probabilities. `target` has a whole number for each sample, or a probability for each class.

    Raises `ShapeError` where the numbers of samples differ, or there are none, `RangeError` for classes that have no
    score.

    >>> from chainrule.nn import accuracy
    >>> accuracy([[0.1, 2.0], [3.0, -1.0]], [1, 1])
    0.5
    >>> accuracy([0.3, -2.0], [1, 0])
    1.0
    """
    answers, classes = _plain(scores), _plain(target)
    if classes.dtype.kind not in "fiub":
        raise KindError(
            f"classes are numbers from 0 on; given dtype {classes.dtype}. np.unique(y, return_inverse=True) "
            f"numbers them"
        )
    several = answers.ndim > 1 and answers.shape[-1] > 1
    if several:
        n_classes = answers.shape[-1]
        if classes.shape == answers.shape:
            if np.abs(classes.sum(-1, dtype=np.float64) - 1).max(initial=0) > 1e-3:
                raise RangeError(
                    "accuracy was given a row of targets for each sample that does not sum to 1. Of several labels "
                    "at once, the share that is right is ((scores > 0) == target).mean(), of arrays"
                )
            classes = classes.argmax(-1)
        answers = answers.argmax(-1)
    else:
        if threshold == 0 and isinstance(scores, Node) and scores.op is sigmoid:
            raise RangeError(
                "accuracy was given probabilities, which a sigmoid has made, and takes a score above 0 for a yes. "
                "Write accuracy(p, y, threshold=0.5), as in metrics={'accuracy': lambda p, y: accuracy(p, y, 0.5)}"
            )
        n_classes, answers, classes = 2, answers.ravel() > threshold, classes.ravel()
        classes = np.where(classes == -1, 0, classes)  # classes -1 and +1 mean 0 and 1
    if answers.shape != classes.shape or not answers.size:
        raise ShapeError(
            f"accuracy was given scores of shape {_plain(scores).shape} and targets of shape {_plain(target).shape}; "
            f"it takes one target for each row of scores, and one row at least"
            + (
                MOVE_THE_CLASSES
                if _plain(target).shape == _plain(scores).shape[:1] + _plain(scores).shape[2:]
                else ""
            )
        )
    if not (classes.min() >= 0 and classes.max() < n_classes):
        raise RangeError(
            f"{'a score for each class' if several else 'one score a sample'} means classes from 0 to "
            f"{n_classes - 1}; the targets have {classes.min():g} to {classes.max():g}. Of classes that are predicted "
            f"already, write (predicted == target).mean()"
        )
    return float((answers == classes).mean())


def _plain(x: Any) -> np.ndarray:
    """The numbers in a Tensor, a list of Values, or an array, as an array."""
    if isinstance(x, (list, tuple)):
        return np.array([_plain(each) for each in x])
    return np.asarray(x.data if isinstance(x, Node) else x)
