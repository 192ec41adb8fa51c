"""Attention: the weight of each key for each query, as a heat map for each head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import ShapeError
from ...autograd.extending import describe, spelt
from ..common.themes import Theme
from ..plots import canvas
from ..plots.networks import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_attention", "plot_attention_data"]

WRITTEN = 8  # positions; with more, the numbers are not written


@spelt
def plot_attention_data(weights: Any) -> np.ndarray:
    """The data that `plot_attention` draws: the weights `(heads, queries, keys)`.

    >>> from chainrule.viz import plot_attention_data
    >>> plot_attention_data([[1.0, 0.0], [0.25, 0.75]]).shape
    (1, 2, 2)
    """
    array = numbers(weights, "the weights of attention")
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim not in (2, 3) or not array.size:
        raise ShapeError(
            f"the weights of one sequence are (queries, keys) or (heads, queries, keys); given {describe(weights)}. "
            f"Of a batch take one, as in weights.data[0]"
        )
    return array if array.ndim == 3 else array[None]


@spelt
def plot_attention(
    weights: Any,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    *,
    theme: str | Theme = "light",
) -> Axes:
    """Attention weights: a row for each query, a column for each key, darker for a larger weight.

    `weights` are those of `nn.MultiHeadAttention(..., need_weights=True)` for one sequence, or of
    `softmax(Q K^T / sqrt(d))`: `(queries, keys)` or `(heads, queries, keys)`, a panel for each head. `names` are those
    of the positions.

    Raises `ShapeError` for other shapes and for another number of names.

    >>> from chainrule.viz import plot_attention
    >>> ax = plot_attention([[1.0, 0.0], [0.25, 0.75]], ["the", "cat"])
    >>> [text.get_text() for text in ax.child_axes[0].texts]
    ['1.00', '0.00', '0.25', '0.75']
    """
    found = plot_attention_data(weights)
    heads, queries, keys = found.shape
    if names is not None and len(names) not in (queries, keys):
        raise ShapeError(
            f"there are {queries} queries, {keys} keys, and {len(names)} names; give one for each"
        )
    columns = min(heads, 4)
    side = min(4.0, max(1.6, 0.45 * max(queries, keys)))
    left = 0.55 if names is None else 0.25 + 0.07 * max(map(len, names))
    size = (columns * (side + left) + 0.8, -(-heads // columns) * (side + 0.75) + 0.5)
    ax, colours = canvas.axes(ax, theme, size)
    titles = [f"head {k + 1}" for k in range(heads)] if heads > 1 else [""]
    for panel, matrix in zip(canvas.panels(ax, colours, titles, columns, gap=(left, 0.75)), found):
        drawn = panel.imshow(
            matrix, cmap=canvas.sequential(colours), vmin=0, vmax=1, interpolation="nearest", aspect="auto"
        )
        canvas.bare(panel, colours)
        for count, ticks in ((keys, panel.set_xticks), (queries, panel.set_yticks)):
            if names is not None and count == len(names):
                ticks(range(count), list(names))
            elif count <= WRITTEN:
                ticks(range(count), [str(k + 1) for k in range(count)])
        panel.tick_params(length=0)
        if names is not None and max(map(len, names)) > 2:
            for label in panel.get_xticklabels():
                label.set(rotation=45, ha="right", rotation_mode="anchor")
        panel.set_xlabel("key (position that is read)", fontsize=canvas.SMALL, color=colours.text, labelpad=2)
        panel.set_ylabel("query (position that reads)", fontsize=canvas.SMALL, color=colours.text, labelpad=3)
        if max(queries, keys) <= WRITTEN:
            for (i, j), number in np.ndenumerate(matrix):
                panel.text(
                    j, i, f"{number:.2f}", ha="center", va="center", fontsize=canvas.SMALL,
                    color=colours.background if number > 0.6 else colours.text,
                )  # fmt: skip
    canvas.colour_bar(ax, colours, drawn, "weight")
    sums = ": each row sums to 1" * np.allclose(found.sum(axis=-1), 1)
    canvas.label(ax, colours, f"Attention weights{sums}")
    return ax
