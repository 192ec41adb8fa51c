"""The confusion matrix: how often each class was predicted as each other class, as a table."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.extending import Answering, describe, spelt
from ..base.arguments import one_number, whole_number
from .thresholds import decision_threshold, plain

__all__ = ["ConfusionMatrix", "confusion_matrix"]


@dataclass(frozen=True, eq=False, repr=False)
class ConfusionMatrix(Answering):
    """How often each class was predicted as each other one; prints as a table.

    Attributes:
        counts: whole numbers, `(classes, classes)`: a row for each true class, a column for each predicted class.
        names: the names of the classes.
    """

    counts: np.ndarray
    names: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share of samples on the diagonal."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def recall(self) -> np.ndarray:
        """For each class the share of its samples that were predicted as it; NaN for a class without samples."""
        return _shares(np.diag(self.counts), self.counts.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """For each class the share of right ones among its predictions; NaN for a class that was never predicted."""
        return _shares(np.diag(self.counts), self.counts.sum(axis=0))

    def _lines(self) -> list[list[str]]:
        """The cells of the table, the names first."""
        rows = zip(self.names, self.counts.tolist(), self.recall)
        return [
            ["", *self.names, "recall"],
            *([name, *map(str, counts), _percent(recall)] for name, counts, recall in rows),
            ["precision", *map(_percent, self.precision), ""],
        ]

    def _heading(self) -> str:
        total = int(self.counts.sum())
        return f"{_percent(self.accuracy)} of {total} right; rows: the true class, columns: the predicted one"

    def __repr__(self) -> str:
        lines = self._lines()
        widths = [max(map(len, column)) for column in zip(*lines)]
        table = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
            for line in lines
        ]
        return "\n".join([self._heading(), *table])

    def _repr_html_(self) -> str:
        head, *rows = self._lines()
        titles = "".join(f"<th>{escape(text)}</th>" for text in head)
        cells = [
            f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>"
            for name, *row in rows
        ]
        return f"<table><caption>{self._heading()}</caption><tr>{titles}</tr>{''.join(cells)}</table>"


@spelt
def confusion_matrix(
    prediction: Any,
    target: Any,
    n_classes: int | None = None,
    *,
    names: Sequence[str] | None = None,
    threshold: float | None = None,
) -> ConfusionMatrix:
    """How often each class was predicted as each other one, with the recall and the precision of each class.

    `prediction` is scores, `(n, classes)`, such as a network returns; class numbers, `(n,)`; or single scores of two
    classes, `(n,)` or `(n, 1)`, of which those above the `threshold` predict class 1 (without one it is found as by
    `accuracy`). `target` is class numbers, -1 and +1, or one-hot rows. `names` are those of the classes, by default
    their numbers.

    Raises `ShapeError` where the numbers of samples differ, or there are none, `RangeError` for classes outside of 0 to
    `n_classes` - 1, `KindError` for targets that are not classes.

    >>> from chainrule.nn import confusion_matrix
    >>> confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1], names=["cat", "dog"])
    75% of 4 right; rows: the true class, columns: the predicted one
                cat  dog  recall
    cat           1    1     50%
    dog           0    2    100%
    precision  100%  67%
    """
    classes = _classes(target)
    answers = _predicted(prediction, target, threshold)
    if answers.shape != classes.shape or not len(classes):
        raise ShapeError(
            f"there are {len(answers)} predictions and {len(classes)} targets; give one of each for every sample"
        )
    most = int(max(answers.max(), classes.max()))
    if n_classes is not None:
        n_classes = whole_number(n_classes, "n_classes")
    if names is not None:
        if not isinstance(names, Sized):
            raise KindError(f"names are a list with a name for each class; given {describe(names)}")
        if n_classes not in (None, len(names)):
            raise ShapeError(f"there are {n_classes} classes and {len(names)} names")
        n_classes = len(names)
    n = most + 1 if n_classes is None else n_classes
    if n_classes is None and (array := plain(prediction)).ndim > 1:
        n = max(n, array.shape[-1])  # a class that occurs nowhere has a row, too
    if most >= n:
        raise RangeError(f"with {n} classes, they are 0 to {n - 1}; given {most}")
    counts = np.zeros((n, n), int)
    np.add.at(counts, (classes, answers), 1)
    return ConfusionMatrix(counts, tuple(map(str, range(n) if names is None else names)))


def _classes(x: Any) -> np.ndarray:
    """The true classes, from class numbers, from -1 and +1, or from one-hot rows."""
    array = plain(x)
    if array.dtype.kind not in "fiub":
        raise KindError(
            f"classes are numbers from 0 on; given dtype {array.dtype}. np.unique(y, return_inverse=True) numbers them"
        )
    if array.ndim == 2 and array.shape[1] > 1:
        if np.abs(array.sum(-1, dtype=np.float64) - 1).max(initial=0) > 1e-3:
            raise RangeError("targets in rows are one-hot codes or probabilities; a row does not sum to 1")
        return array.argmax(-1)
    array = array.ravel()
    if not (array == np.round(array)).all():
        wrong = array[array != np.round(array)][0]
        raise KindError(
            f"targets are class numbers, or one row for each sample; given numbers such as {wrong:g}"
        )
    if array.size and array.min() < 0:
        if not set(np.unique(array)) <= {-1, 1}:
            raise RangeError(f"targets are classes from 0 on, or -1 and +1; given {array.min():g}")
        return (array > 0).astype(int)
    return array.astype(int)


def _predicted(x: Any, target: Any, threshold: float | None) -> np.ndarray:
    """The predicted classes, from class numbers, from a row of scores for each sample, or from single scores."""
    array = plain(x)
    if array.dtype.kind not in "fiub":
        raise KindError(f"predictions are scores or class numbers; given {describe(x)}")
    if np.isnan(array).any():
        raise RangeError("a score that is NaN predicts no class; leave its sample out")
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(-1)
    array = array.ravel()
    if threshold is None:
        if array.dtype.kind in "iub" or ((array == np.round(array)).all() and array.min(initial=0) >= 0):
            return _classes(array)
        threshold = decision_threshold(x, target)
    return (array > one_number(threshold, "threshold")).astype(int)


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(part / whole)


def _percent(share: float) -> str:
    """In whole percents; 100% for all and 0% for none only."""
    if np.isnan(share):
        return "-"
    return f"{min(max(round(100 * share), share > 0), 99 + (share == 1))}%"
