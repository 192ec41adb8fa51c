"""Accuracy: the share of samples whose predicted class is right."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...autograd import ChainruleWarning, KindError, RangeError, ShapeError
from ...autograd.extending import describe, spelt
from ..base.arguments import one_number, whole_number
from ..losses.targets import MOVE_THE_CLASSES
from .thresholds import decision_threshold, plain

__all__ = ["accuracy"]


@spelt
def accuracy(scores: Any, target: Any, threshold: float | None = None, *, ignore_index: int = -100) -> float:
    """The share of samples whose predicted class is right, from 0 to 1.

    `scores` are `(n, classes)`; the prediction is the class of the highest score (the first of equal ones). With a
    single column, or `(n,)`, there are two classes, and a score above the `threshold` predicts class 1. Without a
    `threshold` it is found by `nn.metrics.decision_threshold`: 0 for logits, 0.5 for probabilities and for estimates of
    the targets 0 and 1. (In `fit` and `evaluate` the loss decides: it is the score for which both targets have the same
    loss.) `target` has a whole number for each sample, or a probability for each class.
    A score that is NaN predicts no class, so its sample counts as wrong.
    Samples of the class `ignore_index` are ignored, as in `cross_entropy`; where all are, the accuracy is 0, with a
    `ChainruleWarning`.

    Raises `ShapeError` where the numbers of samples differ, or there are none, `RangeError` for classes that have no
    score.

    >>> from chainrule.nn import accuracy
    >>> accuracy([[0.1, 2.0], [3.0, -1.0]], [1, 1])
    0.5
    >>> accuracy([0.3, -2.0], [1, 0]), accuracy([0.9, 0.2], [1, 0])
    (1.0, 1.0)
    """
    answers, classes = plain(scores), plain(target)
    ignore_index = whole_number(ignore_index, "ignore_index", least=-(2**63))
    if answers.dtype.kind not in "fiub":
        raise KindError(f"accuracy takes scores, which are real numbers; given {describe(scores)}")
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
        known, answers = ~np.isnan(answers).any(-1), answers.argmax(-1)
        if answers.shape == classes.shape:
            counted = classes != ignore_index
            if answers.size and not counted.any():
                warnings.warn(
                    f"each of the {answers.size} targets is of the class ignore_index={ignore_index}, so no sample "
                    f"counts in the accuracy, which is 0",
                    ChainruleWarning,
                    stacklevel=2,
                )
                return 0.0
            answers, classes, known = answers[counted], classes[counted], known[counted]
    else:
        if threshold is None:
            threshold = decision_threshold(scores, target)
        threshold = one_number(threshold, "threshold")
        known = ~np.isnan(answers).ravel()
        n_classes, answers, classes = 2, answers.ravel() > threshold, classes.ravel()
        classes = np.where(classes == -1, 0, classes)  # classes -1 and +1 mean 0 and 1
    if answers.shape != classes.shape or not answers.size:
        raise ShapeError(
            f"accuracy was given scores of shape {plain(scores).shape} and targets of shape {plain(target).shape}; "
            f"it takes one target for each row of scores, and one row at least"
            + (
                MOVE_THE_CLASSES
                if plain(target).shape == plain(scores).shape[:1] + plain(scores).shape[2:]
                else ""
            )
        )
    if (wrong := classes[classes != np.round(classes)]).size:
        raise KindError(f"classes are whole numbers from 0 on; given targets such as {wrong[0]:g}")
    if not (classes.min() >= 0 and classes.max() < n_classes):
        raise RangeError(
            f"{'a score for each class' if several else 'one score a sample'} means classes from 0 to "
            f"{n_classes - 1}; the targets have {classes.min():g} to {classes.max():g}. Of classes that are predicted "
            f"already, write (predicted == target).mean()"
        )
    return float(((answers == classes) & known).mean())
