"""The confusion matrix: how often each class was predicted as each other class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, Node, RangeError, ShapeError
from ..common.themes import Theme, mix
from . import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_confusion_matrix", "plot_confusion_matrix_data"]


def plot_confusion_matrix_data(prediction: Any, target: Any, n_classes: int | None = None) -> np.ndarray:
    """How often class `i`, the row, was predicted as class `j`, the column: whole numbers, `(classes, classes)`.

    The arguments are those of `plot_confusion_matrix`.

    >>> from chainrule.viz import plot_confusion_matrix_data
    >>> plot_confusion_matrix_data([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    answers, classes = _classes(prediction, "predictions"), _classes(target, "targets")
    if answers.shape != classes.shape or not len(classes):
        raise ShapeError(
            f"there are {len(answers)} predictions and {len(classes)} targets; give one of each for every sample"
        )
    n = (
        n_classes
        or int(
            max(
                answers.max(),
                classes.max(),
                np.shape(_plain(prediction))[-1] - 1 if _plain(prediction).ndim > 1 else 0,
            )
        )
        + 1
    )
    if max(answers.max(), classes.max()) >= n:
        raise RangeError(
            f"with {n} classes, they are 0 to {n - 1}; given {max(answers.max(), classes.max())}"
        )
    found = np.zeros((n, n), int)
    np.add.at(found, (classes, answers), 1)
    return found


def _plain(x: Any) -> np.ndarray:
    return np.asarray(x.data if isinstance(x, Node) else x)


def _classes(x: Any, what: str) -> np.ndarray:
    """Class numbers, from class numbers or from a row of scores for each sample."""
    array = _plain(x)
    if array.ndim == 2 and array.shape[1] > 1:
        return array.argmax(-1)
    array = array.ravel()
    if array.dtype.kind == "f" and not (array == np.round(array)).all():
        raise KindError(
            f"{what} are class numbers, or scores with one column for each class; given single scores such as "
            f"{array[0]:g}. Write (scores > 0).astype(int) for two classes"
        )
    if array.size and array.min() < 0:
        raise RangeError(
            f"{what} are classes from 0 on; given {array.min():g}. Write (y > 0).astype(int) for -1 and +1"
        )
    return array.astype(int)


def plot_confusion_matrix(
    prediction: Any,
    target: Any,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    theme: str | Theme = "light",
) -> Axes:
    """How often each class was predicted as each other: a row for each true class, a column for each predicted class.

    `prediction` is scores, `(n, classes)`, such as a network returns, or class numbers; `target` is class numbers or
    one-hot rows. Correct predictions, on the diagonal, are blue, wrong ones orange; the shade is the share in its row.
    `names` are the names of the classes.

    >>> from chainrule.viz import plot_confusion_matrix
    >>> plot_confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1]).get_title(loc="left")
    '75.0% of 4 right; most often 0 is taken for 1'
    """
    found = plot_confusion_matrix_data(prediction, target, None if names is None else len(names))
    n = len(found)
    side = min(8.0, max(3.6, 1.4 + 0.45 * n))
    ax, colours = canvas.axes(ax, theme, (max(side, 4.6), side))
    shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
    right = np.eye(n, dtype=bool)
    image = np.empty((n, n, 3))
    for i in range(n):
        for j in range(n):
            colour = colours.value if right[i, j] else colours.gradient
            share = shares[i, j] if right[i, j] else min(1.0, 0.15 + 2 * shares[i, j]) * (found[i, j] > 0)
            shade = mix(colours.background, colour, 0.85 * share)
            image[i, j] = canvas.rgb(shade)
            if found[i, j]:
                dark = share > 0.55
                ax.text(
                    j,
                    i,
                    str(found[i, j]),
                    ha="center",
                    va="center",
                    fontsize=canvas.SMALL if n <= 12 else 6,
                    color=colours.background if dark else colours.text,
                )
    ax.imshow(image, interpolation="nearest")
    labels = list(names) if names is not None else [str(k) for k in range(n)]
    long = max(map(len, labels)) > 3
    ax.set_xticks(range(n), labels, rotation=30 if long else 0, ha="right" if long else "center")
    ax.set_yticks(range(n), labels)
    total = int(found.sum())
    title = f"{found[right].sum() / total:.1%} of {total} right"
    if (found[~right] > 0).any():
        i, j = divmod(int(np.where(right, 0, found).argmax()), n)
        title += f"; most often {labels[i]} is taken for {labels[j]}"
    canvas.label(ax, colours, title, "answer", "truth")
    return ax
