"""Metrics: numbers for people to read beside the loss; nothing is differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Node
from ..autograd.errors import ShapeError

__all__ = ["accuracy"]


def accuracy(scores: Any, target: Any) -> float:
    """The share of samples whose class is right, from 0 to 1.

    `scores` are `(n, classes)`, and the highest is taken for the answer (the first of equal ones); with a single
    column, or `(n,)`, there are two classes and a positive score (a logit) is the second one. `target` has a whole
    number for each sample, or a probability for each class.

    Raises `ShapeError` where the numbers of samples differ, or there are none.

    >>> from chainrule.nn import accuracy
    >>> accuracy([[0.1, 2.0], [3.0, -1.0]], [1, 1])
    0.5
    >>> accuracy([0.3, -2.0], [1, 0])
    1.0
    """
    answers, classes = _plain(scores), _plain(target)
    if answers.ndim > 1 and answers.shape[-1] > 1:
        if classes.shape == answers.shape:
            classes = classes.argmax(-1)
        answers = answers.argmax(-1)
    else:
        answers = answers.ravel() > 0
        classes = classes.ravel() > 0  # -1 and +1 are as good as 0 and 1
    if answers.shape != classes.shape or not answers.size:
        raise ShapeError(
            f"accuracy was given scores of shape {_plain(scores).shape} and targets of shape {_plain(target).shape}; "
            f"it takes one target for each row of scores, and one row at least"
        )
    return float((answers == classes).mean())


def _plain(x: Any) -> np.ndarray:
    """The numbers behind a Tensor, a list of Values, or an array."""
    if isinstance(x, (list, tuple)):
        return np.array([_plain(each) for each in x])
    return np.asarray(x.data if isinstance(x, Node) else x)
