"""The confusion matrix: how often each class was predicted as each other class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import describe, spelt
from ...nn import ConfusionMatrix, confusion_matrix
from ..common.themes import Theme, mix
from . import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_confusion_matrix", "plot_confusion_matrix_data"]


@spelt
def plot_confusion_matrix_data(
    prediction: Any, target: Any = None, n_classes: int | None = None, *, threshold: float | None = None
) -> np.ndarray:
    """How often class `i`, the row, was predicted as class `j`, the column: whole numbers, `(classes, classes)`.

    The arguments are those of `plot_confusion_matrix`; `nn.confusion_matrix` prints the same as a table.

    >>> from chainrule.viz import plot_confusion_matrix_data
    >>> plot_confusion_matrix_data([0, 1, 1, 1], [0, 0, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    if isinstance(prediction, ConfusionMatrix):
        return prediction.counts
    if target is None:
        raise KindError(
            f"a confusion matrix compares predictions with targets; given {describe(prediction)} alone. Write "
            f"plot_confusion_matrix(scores, y), or give it nn.confusion_matrix(scores, y)"
        )
    return confusion_matrix(prediction, target, n_classes, threshold=threshold).counts


@spelt
def plot_confusion_matrix(
    prediction: Any,
    target: Any = None,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    threshold: float | None = None,
    theme: str | Theme = "light",
) -> Axes:
    """How often each class was predicted as each other: a row for each true class, a column for each predicted class.

    `prediction` and `target` are those of `nn.confusion_matrix`: scores, `(n, classes)`, such as a network returns, or
    class numbers, or single scores with their `threshold`; and class numbers, -1 and +1, or one-hot rows. Instead of
    both, its result can be given. Correct predictions, on the diagonal, are blue, wrong ones orange; the shade is the
    share in its row. `names` are the names of the classes.

    >>> from chainrule.viz import plot_confusion_matrix
    >>> plot_confusion_matrix([0, 1, 1, 1], [0, 0, 1, 1]).get_title(loc="left")
    '75.0% of 4 right; most often 0 is taken for 1'
    """
    found = plot_confusion_matrix_data(
        prediction, target, None if names is None else len(names), threshold=threshold
    )
    if names is None and isinstance(prediction, ConfusionMatrix):
        names = prediction.names
    if names is not None and len(names) != len(found):
        raise RangeError(f"there are {len(found)} classes and {len(names)} names; give one for each")
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
    axes = ("predicted class", "true class")
    canvas.label(ax, colours, "", *axes)
    figure: Any = ax.figure
    getattr(figure, "figure", figure).draw_without_rendering()  # how wide the axes are beside the names
    canvas.label(ax, colours, title, *axes)
    return ax
