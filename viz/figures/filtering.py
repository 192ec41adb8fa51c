"""A filter that slides over an image and writes one number at each place; and the feature maps that a layer makes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import RangeError, ShapeError, Tensor, no_grad
from ...autograd.extending import describe, spelt
from ...nn import Module
from ...nn.diagnostics import record_outputs
from ..common.themes import Theme
from ..plots import canvas
from ..plots.networks import evaluating, layers_of, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Filtering",
    "plot_convolution",
    "plot_convolution_data",
    "plot_feature_maps",
    "plot_feature_maps_data",
]

WRITTEN = 10  # rows or columns; in a larger panel the numbers are not written


@dataclass(frozen=True, eq=False)
class Filtering:
    """A filter on an image.

    Attributes:
        image, kernel: `(height, width)` each.
        output: `h_ij = sum_mn w_mn x_(i+m, j+n) + b`, where the window is inside of the image.
        at: the row and the column of the place that is looked at; `None` for all of them.
        products: the numbers of the window times those of the filter, at that place.
    """

    image: np.ndarray
    kernel: np.ndarray
    output: np.ndarray
    at: tuple[int, int] | None
    products: np.ndarray | None


@spelt
def plot_convolution_data(
    image: Any, kernel: Any, *, at: tuple[int, int] | None = None, bias: float = 0.0
) -> Filtering:
    """The data that `plot_convolution` draws, which explains the arguments.

    >>> from chainrule.viz import plot_convolution_data
    >>> found = plot_convolution_data([[1, 2, 3], [4, 5, 6]], [[1, -1]], at=(1, 0))
    >>> found.output, found.products
    (array([[-1., -1.],
           [-1., -1.]]), array([[ 4., -5.]]))
    """
    pixels, weights = (_matrix(each, name) for each, name in ((image, "an image"), (kernel, "a filter")))
    rows, columns = (a - b + 1 for a, b in zip(pixels.shape, weights.shape))
    if rows < 1 or columns < 1:
        raise ShapeError(
            f"a filter of shape {weights.shape} does not fit into an image of shape {pixels.shape}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(pixels, weights.shape)
    output = (windows * weights).sum(axis=(2, 3)) + bias
    if at is not None and not (0 <= at[0] < rows and 0 <= at[1] < columns):
        raise RangeError(f"the filter has {rows} by {columns} places, counted from (0, 0); given at={at}")
    return Filtering(pixels, weights, output, at, None if at is None else windows[tuple(at)] * weights)


@spelt
def plot_convolution(
    image: Any,
    kernel: Any,
    ax: Axes | None = None,
    *,
    at: tuple[int, int] | None = None,
    bias: float = 0.0,
    theme: str | Theme = "light",
) -> Axes:
    """A filter at one place of an image, with the number that it writes there; or, without `at`, all that it writes.

    `image` and `kernel` are matrices, `at` is the row and the column of the window's first pixel. The panels are the
    image with the window, the filter, and the output up to that place. Nothing is added around the image. With
    `animate` the filter slides.

    Raises `ShapeError` for a filter that does not fit, `RangeError` for a place outside.

    >>> from chainrule.viz import plot_convolution
    >>> plot_convolution([[1, 2, 3], [4, 5, 6]], [[1, -1]], at=(1, 0)).get_title(loc="left")
    '4 × 1 + 5 × (−1) = −1'
    """
    found = plot_convolution_data(image, kernel, at=at, bias=bias)
    shapes = [found.image.shape, found.kernel.shape, found.output.shape]
    tallest, across = max(s[0] for s in shapes), sum(s[1] for s in shapes)
    cell = min(0.42, 9.0 / (across + 4), 4.5 / tallest)  # inches
    size = (max(4.5, cell * (across + 4)), 1.1 + cell * tallest)
    ax, colours = canvas.axes(ax, theme, size)
    ax.set_axis_off()
    shown = found.output.copy()
    if found.at is not None:
        shown.reshape(-1)[found.at[0] * shown.shape[1] + found.at[1] + 1 :] = np.nan
    starts = np.cumsum([0, shapes[0][1] + 2, shapes[1][1] + 2])
    whole = across + 4
    signs = [("image", found.image), ("filter", found.kernel), ("output", shown)]
    for (name, matrix), start, (rows, columns) in zip(signs, starts, shapes):
        panel = ax.inset_axes((start / whole, (1 - rows / tallest) / 2, columns / whole, rows / tallest))
        canvas.paint(panel, colours)
        panel.set_title(name, fontsize=canvas.SMALL, color=colours.text, pad=3)
        _cells(panel, colours, matrix, canvas.largest(found.output) if name == "output" else None)
        if found.at is not None and name != "filter":
            window = found.kernel.shape if name == "image" else (1, 1)
            _frame(panel, found.at, window, colours.gradient)
    for start, sign in ((starts[1], "∗"), (starts[2], "=")):
        ax.text(
            (start - 1) / whole, 0.5, sign, ha="center", va="center", fontsize=16, color=colours.text,
            transform=ax.transAxes,
        )  # fmt: skip
    canvas.label(ax, colours, _sum(found, bias) or "Convolution: one output for each place of the filter")
    return ax


def _matrix(given: Any, what: str) -> np.ndarray:
    array = numbers(given, what)
    if array.ndim != 2 or not array.size:
        raise ShapeError(
            f"{what} is a matrix here, such as images[0, 0] or weight.data[0, 0]; given {describe(given)}"
        )
    return array


def _cells(panel: Axes, theme: Theme, matrix: np.ndarray, top: float | None = None) -> None:
    """A matrix as coloured cells, blue where positive, with its numbers where there is room."""
    top = top or canvas.largest(matrix)
    panel.imshow(
        matrix, cmap=canvas.diverging(theme), vmin=-1.6 * top, vmax=1.6 * top, interpolation="nearest"
    )
    canvas.bare(panel, theme)
    rows, columns = matrix.shape
    panel.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    panel.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    panel.grid(which="minor", color=theme.frame, lw=0.5)
    panel.tick_params(which="minor", length=0)
    if max(rows, columns) <= WRITTEN:
        for (i, j), number in np.ndenumerate(matrix):
            if not np.isnan(number):
                panel.text(
                    j,
                    i,
                    _written(number, 2),
                    ha="center",
                    va="center",
                    fontsize=canvas.SMALL,
                    color=theme.text,
                )


def _frame(panel: Axes, at: tuple[int, int], shape: tuple[int, ...], colour: str) -> None:
    from matplotlib.patches import Rectangle

    corner = at[1] - 0.5, at[0] - 0.5
    panel.add_patch(
        Rectangle(corner, shape[1], shape[0], facecolor="none", edgecolor=colour, lw=2.4, clip_on=False)
    )


def _written(number: float, digits: int = 3) -> str:
    text = f"{number:.0f}" if number == round(number) else f"{number:.{digits}g}"
    return text.replace("-", "−")


def _sum(found: Filtering, bias: float) -> str:
    """The sum at the place, as `1 × 0 + 2 × (−1) = −2`, without products with 0; nothing if it is too long."""
    if found.at is None:
        return ""
    i, j = found.at
    rows, columns = found.kernel.shape
    window = found.image[i : i + rows, j : j + columns]
    terms = []
    for x, w in zip(window.ravel(), found.kernel.ravel()):
        if w:
            factor = _written(w)
            terms.append(f"{_written(x)} × {f'({factor})' if w < 0 else factor}")
    if bias:
        terms.append(_written(bias))
    result = _written(found.output[i, j])
    if len(terms) > 9:
        terms = [*terms[:4], "…", terms[-1]]
    return f"{' + '.join(terms) or '0'} = {result}"


# ---------------------------------------------------------------------- feature maps


@spelt
def plot_feature_maps_data(
    model: Module, image: Any, *, layer: str | int | None = None
) -> tuple[str, np.ndarray]:
    """The data that `plot_feature_maps` draws: the title of the layer, and its maps `(channels, height, width)`.

    >>> from chainrule import nn
    >>> from chainrule.viz import plot_feature_maps_data
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3, seed=0), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2, seed=0))
    >>> title, maps = plot_feature_maps_data(model, np.ones((1, 8, 8)))
    >>> title, maps.shape
    ('0: Conv2d(1 -> 4, kernel_size=3), ReLU', (4, 6, 6))
    """
    pixels = numbers(image, "an image")
    if pixels.ndim == 2:
        pixels = pixels[None]
    if pixels.ndim != 3:
        raise ShapeError(
            f"feature maps are those of one image, (height, width) or (channels, height, width); given "
            f"{describe(image)}"
        )
    layers = layers_of(model)
    with evaluating(model), no_grad(), record_outputs(model) as calls:
        model(Tensor(pixels[None], requires_grad=False))
    maps = {
        each: np.asarray(calls[each.output][-1].data)[0]
        for each in layers
        if each.output in calls and np.ndim(calls[each.output][-1].data) == 4
    }
    if not maps:
        raise RangeError("no layer of this model has feature maps: its outputs are rows of numbers")
    known = list(maps)
    for k, each in enumerate(known):
        if layer in (k, k - len(known), each.path, each.output) or (layer is None and k == 0):
            return each.title, maps[each]
    raise RangeError(
        f"there are no feature maps {layer!r}; there are {', '.join(repr(each.path) for each in known)}, or 0 to "
        f"{len(known) - 1}"
    )


@spelt
def plot_feature_maps(
    model: Module,
    image: Any,
    ax: Axes | None = None,
    *,
    layer: str | int | None = None,
    theme: str | Theme = "light",
) -> Axes:
    """The output of each filter of a layer for one image (feature maps): the image, then a map for each filter.

    `image` is `(height, width)` or `(channels, height, width)`. `layer` is a name or a number among the layers whose
    outputs are maps, by default the first; an activation behind it is included. All maps share one scale: blue where
    positive, orange where negative.

    Raises `ShapeError` for another shape, `RangeError` for other names.

    >>> from chainrule import nn
    >>> from chainrule.viz import plot_feature_maps
    >>> panels = plot_feature_maps(nn.Sequential(nn.Conv2d(1, 4, 3, seed=0), nn.ReLU()), np.ones((8, 8))).child_axes
    >>> [panel.get_title() for panel in panels[:3]]
    ['image', 'map 1', 'map 2']
    """
    title, maps = plot_feature_maps_data(model, image, layer=layer)
    pixels = numbers(image, "an image")
    pixels = pixels if pixels.ndim == 2 else pixels.mean(axis=0)
    n = len(maps) + 1
    columns = n if n <= 6 else math.ceil(math.sqrt(1.8 * n))
    rows = -(-n // columns)
    ax, colours = canvas.axes(ax, theme, (max(4.5, 1.15 * columns + 0.5), 0.7 + 1.3 * rows))
    titles = ["image", *(f"map {k + 1}" for k in range(n - 1))]
    first, *others = canvas.panels(ax, colours, titles, columns, gap=(0.1, 0.25))
    first.imshow(pixels, cmap=canvas.sequential(colours, colours.text), interpolation="nearest")
    canvas.bare(first, colours)
    top = canvas.largest(maps)
    for panel, each in zip(others, maps):
        drawn = panel.imshow(
            each, cmap=canvas.diverging(colours), vmin=-top, vmax=top, interpolation="nearest"
        )
        canvas.bare(panel, colours)
    canvas.colour_bar(ax, colours, drawn, "output")
    canvas.label(ax, colours, f"Output of each filter (feature maps)\n{title}")
    return ax
