"""Weights: matrices as heat maps, and the network as units connected by lines as thick as the weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, ShapeError
from ...autograd.extending import describe, spelt
from ...nn import Module
from ..common.errors import check_count
from ..common.themes import Theme
from . import canvas
from .boundary import plane, span
from .networks import layers_of, outputs_of, samples, weight_matrices

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "NetworkPicture",
    "plot_network",
    "plot_network_data",
    "plot_weights",
    "plot_weights_data",
]

# ---------------------------------------------------------------------- matrices


@spelt
def plot_weights_data(
    model: Module, *, layer: str | int | None = None, image_shape: tuple[int, int] | None = None
) -> dict[str, np.ndarray]:
    """The data that `plot_weights` draws: the name of each panel with its matrix.

    Kernels `(filters, channels, height, width)` are one matrix: a column of windows for each filter, a row of windows
    for each input channel, with one NaN between two windows.

    >>> from chainrule.nn import MLP
    >>> from chainrule.viz import plot_weights_data
    >>> {name: matrix.shape for name, matrix in plot_weights_data(MLP(2, [8, 3], seed=0)).items()}
    {'layers.0.weight': (2, 8), 'layers.2.weight': (8, 3)}
    """
    found = weight_matrices(model)
    if not found:
        raise KindError(f"{type(model).__name__} has no matrix of weights to show")
    if layer is not None:
        n = len(found)
        chosen = [
            (name, w)
            for k, (name, w) in enumerate(found)
            if (layer in name if isinstance(layer, str) else layer in (k, k - n))
        ]
        if not chosen:
            raise KindError(
                f"there are no weights {layer!r}; there are {', '.join(repr(name) for name, _ in found)}, or 0 to "
                f"{n - 1}"
            )
        found = chosen
    if image_shape is None:
        return {name: w if w.ndim == 2 else _windows_side_by_side(w) for name, w in found}
    if not isinstance(image_shape, Sequence) or len(image_shape) != 2:
        raise ShapeError(f"image_shape is a height and a width, such as (8, 8); given {image_shape!r}")
    name, weight = found[0]
    wanted = " by ".join(map(str, image_shape))
    if weight.ndim > 2:
        if weight.shape[2:] != tuple(image_shape):
            raise ShapeError(
                f"the filters of {name} have windows of {' by '.join(map(str, weight.shape[2:]))}, not of {wanted}"
            )
        channels = weight.shape[1]
        return {
            f"filter {k + 1}" + (f", channel {c + 1}" if channels > 1 else ""): window
            for k, kernel in enumerate(weight)
            for c, window in enumerate(kernel)
        }
    if len(weight) != math.prod(image_shape):
        raise ShapeError(f"each unit has {len(weight)} weights, which do not make an image of {wanted}")
    return {f"unit {k + 1}": column.reshape(image_shape) for k, column in enumerate(weight.T)}


def _windows_side_by_side(kernels: np.ndarray) -> np.ndarray:
    """Windows `(filters, channels, ..., width)` as one matrix, with one NaN between two of them."""
    filters, channels, *_, width = kernels.shape
    windows = kernels.reshape(filters, channels, -1, width)
    spaced = np.full((channels, windows.shape[2] + 1, filters, width + 1), np.nan)
    spaced[:, :-1, :, :-1] = windows.transpose(1, 2, 0, 3)
    return spaced.reshape(channels * spaced.shape[1], filters * (width + 1))[:-1, :-1]


@spelt
def plot_weights(
    model: Module,
    ax: Axes | None = None,
    *,
    layer: str | int | None = None,
    image_shape: tuple[int, int] | None = None,
    theme: str | Theme = "light",
) -> Axes:
    """Each weight matrix as a heat map, blue where positive, orange where negative; a row for each input.

    Columns are units. The kernels of a convolution are windows: a column of them for each filter, a row for each input
    channel. `layer` selects one matrix by its name or number. With `image_shape`, such as `(8, 8)`, the weights of each
    unit of that layer (by default the first) are shown as an image of that shape, the pattern for which the output of
    the unit is largest; for a convolution it is the shape of the window, and each filter is an image.

    Raises `ShapeError` for weights that do not make an image of that shape.

    >>> from chainrule.nn import MLP
    >>> from chainrule.viz import plot_weights
    >>> [panel.get_title() for panel in plot_weights(MLP(2, [8, 3], seed=0)).child_axes[:2]]
    ['layers.0.weight  2 × 8', 'layers.2.weight  8 × 3']
    """
    found = plot_weights_data(model, layer=layer, image_shape=image_shape)
    images = image_shape is not None
    n, longest = len(found), max(map(len, found))
    columns = math.ceil(math.sqrt(n * 1.6)) if images else min(n, 3)
    rows = -(-n // columns)
    across = max(1.05, 0.075 * longest)  # a title is as wide as its image, or less
    size = (
        (across * columns + 0.4, (across + 0.2) * rows + 0.6)
        if images
        else (max(5.0, 3.3 * columns), 2.9 * rows + 0.5)
    )
    ax, colours = canvas.axes(ax, theme, size)
    kernels = {name: w.shape for name, w in weight_matrices(model) if w.ndim > 2 and not images}
    titles = [
        name if images else f"{name}  {' × '.join(map(str, kernels.get(name, w.shape)))}"
        for name, w in found.items()
    ]
    gap = (0.1, 0.24) if images else (0.68, 0.68)
    top = canvas.largest(np.concatenate([w.ravel() for w in found.values()]))
    lost = [name for name, w in found.items() if name not in kernels and not np.isfinite(w).all()]
    for panel, (name, weight) in zip(canvas.panels(ax, colours, titles, columns, gap=gap), found.items()):
        colourmap = canvas.diverging(colours)
        drawn = panel.imshow(
            np.where(np.isfinite(weight), weight, np.nan),
            cmap=colourmap.with_extremes(bad=colours.muted) if name in lost else colourmap,
            vmin=-top,
            vmax=top,
            aspect="equal" if images or name in kernels else "auto",
            interpolation="nearest",
        )
        if images:
            canvas.bare(panel, colours)
        elif name in kernels:
            _frames(panel, colours, kernels[name])
        else:
            panel.set_xlabel("to unit", fontsize=canvas.SMALL, color=colours.text, labelpad=2)
            panel.set_ylabel("from input", fontsize=canvas.SMALL, color=colours.text, labelpad=5)
            for axis in (panel.xaxis, panel.yaxis):
                canvas.whole_numbers(axis)
    canvas.colour_bar(ax, colours, drawn, "weight")
    whose = f" of each {next(iter(found)).split()[0]}" if images else ""
    grey = ", grey not finite" if lost else ""
    canvas.label(ax, colours, f"Weights{whose}: blue is positive, orange negative{grey}")
    return ax


def _frames(panel: Axes, theme: Theme, shape: tuple[int, ...]) -> None:
    """A frame around each window of the kernels, and the numbers of filters and channels along the axes."""
    from matplotlib.patches import Rectangle

    filters, channels, *window = shape
    height, width = math.prod(window[:-1]), window[-1]
    for f in range(filters):
        for c in range(channels):
            corner = f * (width + 1) - 0.5, c * (height + 1) - 0.5
            panel.add_patch(
                Rectangle(corner, width, height, facecolor="none", edgecolor=theme.outline, lw=0.7)
            )
    panel.set_xlim(-0.75, filters * (width + 1) - 1.25)
    panel.set_ylim(channels * (height + 1) - 1.25, -0.75)
    for spine in panel.spines.values():
        spine.set_visible(False)
    panel.set_xlabel("filter", fontsize=canvas.SMALL, color=theme.text, labelpad=2)
    panel.set_ylabel("input channel", fontsize=canvas.SMALL, color=theme.text, labelpad=5)
    for count, size, ticks in ((filters, width, panel.set_xticks), (channels, height, panel.set_yticks)):
        shown = range(0, count, -(-count // 8))
        ticks([k * (size + 1) + (size - 1) / 2 for k in shown], [str(k + 1) for k in shown])
    panel.tick_params(length=0)


# ---------------------------------------------------------------------- the network


@dataclass(frozen=True, eq=False)
class NetworkPicture:
    """A network as columns of units, with the weights between them.

    Attributes:
        names: the names of the columns, the inputs first.
        widths: the number of units in each column.
        weights: the matrix between each two neighbouring columns, `(units before, units behind)`.
        responses: the outputs of each column over the plane, `(units, resolution, resolution)`; `None` unless there
            are two inputs, and points are given.
    """

    names: list[str]
    widths: list[int]
    weights: list[np.ndarray]
    responses: list[np.ndarray] | None


@spelt
def plot_network_data(
    model: Module, X: Any = None, *, features: Callable[[np.ndarray], Any] | None = None, resolution: int = 40
) -> NetworkPicture:
    """The data that `plot_network` draws, which explains the arguments.

    >>> from chainrule.nn import MLP
    >>> from chainrule.viz import plot_network_data
    >>> plot_network_data(MLP(2, [4, 1], seed=0)).widths
    [2, 4, 1]
    """
    found = weight_matrices(model)
    weights = [w for _, w in found]
    if not weights or any(w.ndim != 2 for w in weights):
        raise KindError(
            f"the picture of a network is one of linear layers, one after the other, such as an MLP has; "
            f"{type(model).__name__} has {'other weights' if weights else 'none'}"
        )
    for (name, before), (_, behind) in pairwise(found):
        if before.shape[1] != behind.shape[0]:
            raise ShapeError(
                f"{name} has {before.shape[1]} outputs and the next matrix {behind.shape[0]} inputs: these layers do "
                f"not stand one after the other, and the picture would be wrong"
            )
    widths = [weights[0].shape[0], *(w.shape[1] for w in weights)]
    names = [
        "inputs",
        *(f"layer {k + 1}" for k in range(len(weights) - 1)),
        "output" if widths[-1] == 1 else "outputs",
    ]
    responses = None
    if X is not None and (widths[0] == 2 or features is not None):
        x1, x2 = span(samples(X, "the picture of a network", 2), resolution)
        points = plane(x1, x2)
        if features is not None:
            if not callable(features):
                raise KindError(f"features is a function of points (n, 2); given {describe(features)}")
            points = samples(features(points), "a network with features", widths[0])
        output_of = {each.path: each.output for each in layers_of(model)}
        outputs = outputs_of(model, points)
        arrays = [
            outputs[output_of[name.removesuffix(".weight").removesuffix("weight")]] for name, _ in found
        ]
        responses = [v.T.reshape(-1, resolution, resolution) for v in (points, *arrays)]
    return NetworkPicture(names, widths, weights, responses)


@spelt
def plot_network(
    model: Module,
    X: Any = None,
    ax: Axes | None = None,
    *,
    features: Callable[[np.ndarray], Any] | None = None,
    inputs: Sequence[str] | None = None,
    max_units: int = 10,
    resolution: int = 40,
    theme: str | Theme = "light",
) -> Axes:
    """The network as columns of units, with lines as thick as the weights: blue for positive ones, orange for negative.

    For a network with two inputs, each unit shows its output over the part of the plane that contains the points `X`,
    as in TensorFlow Playground: blue where it is positive, orange where negative, each unit on its own scale. Columns
    of more than `max_units` units show the first of them, and the number of the others. Layers have to be linear.
    For the graph of one computation use `draw`.

    A network on features made by hand, such as `x1^2` or `sin(x1)`, is drawn with `features`, the function from points
    of the plane `(n, 2)` to its inputs `(n, d)`. `inputs` are their names, by default x1, x2, ...

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_network
    >>> ax = plot_network(MLP(2, [4, 3, 1], "tanh", seed=0), datasets.moons(50, seed=0)[0])
    >>> len(ax.images)
    10
    """
    found = plot_network_data(model, X, features=features, resolution=resolution)
    if inputs is not None and len(inputs) != found.widths[0]:
        raise ShapeError(
            f"the network has {found.widths[0]} inputs and there are {len(inputs)} names of them"
        )
    check_count("max_units", max_units, 1)
    shown = [min(width, max_units) for width in found.widths]
    tallest, columns = max(shown), len(shown)
    apart = 2.6  # distance of columns; a unit is 1 high, the distance of units is 1.3
    size = (min(11.0, 1.2 + 1.9 * (columns - 1) + 0.8), min(9.0, 1.3 + 0.8 * tallest))
    ax, colours = canvas.axes(ax, theme, size)
    places = [[(column * apart, ((n - 1) / 2 - k) * 1.3) for k in range(n)] for column, n in enumerate(shown)]
    _lines(ax, colours, found.weights, places)
    for column, where in enumerate(places):
        for k, place in enumerate(where):
            _unit(ax, colours, place, None if found.responses is None else found.responses[column][k])
        hides = found.widths[column] - len(where)
        text = f"{found.names[column]}\n{found.widths[column]} unit{'s' * (found.widths[column] != 1)}"
        bottom = -(tallest - 1) / 2 * 1.3 - 0.8
        ax.text(
            column * apart,
            -bottom + 0.1,
            text,
            ha="center",
            va="bottom",
            fontsize=canvas.SMALL,
            color=colours.text,
        )
        if hides:
            ax.text(
                column * apart,
                bottom,
                f"and {hides} more",
                ha="center",
                va="top",
                fontsize=canvas.SMALL,
                color=colours.muted,
            )
    for k, (x, y) in enumerate(places[0]):
        name = f"x{k + 1}" if inputs is None else inputs[k]
        ax.text(x - 0.62, y, name, ha="right", va="center", fontsize=canvas.TEXT, color=colours.text)
    longest = 2 if inputs is None else max(map(len, inputs))
    ax.set_xlim(-0.8 - 0.2 * longest, (columns - 1) * apart + 0.8)
    ax.set_ylim(-(tallest - 1) / 2 * 1.3 - 1.3, (tallest - 1) / 2 * 1.3 + 1.9)
    ax.set_aspect("equal")
    ax.set_axis_off()
    title = "The network: thick lines are large weights,\nblue is positive, orange negative"
    if found.responses is not None:
        title = (
            "The output of each unit over the plane; lines are as thick\n"
            "as the weights: blue is positive, orange negative"
        )
    numbers = [*found.weights, *(found.responses or [])]
    if not all(np.isfinite(each).all() for each in numbers):
        title += ", grey not finite"
    canvas.label(ax, colours, title)
    return ax


def _lines(
    ax: Axes, theme: Theme, weights: list[np.ndarray], places: list[list[tuple[float, float]]]
) -> None:
    """One line for each weight between two units that are shown; the largest weight of a layer is 5 points thick.

    A weight that is not finite is a grey line of that thickness.
    """
    from matplotlib.collections import LineCollection

    t = np.linspace(0, 1, 24)
    ease = (1 - np.cos(np.pi * t)) / 2
    for weight, before, behind in zip(weights, places, places[1:]):
        curves, widths, paints, alphas = [], [], [], []
        top = canvas.largest(weight)
        for i, (x0, y0) in enumerate(before):
            for j, (x1, y1) in enumerate(behind):
                w = float(weight[i, j])
                size = min(abs(w) / top, 1.0) if np.isfinite(w) else 1.0
                curves.append(np.stack([x0 + 0.5 + (x1 - x0 - 1.0) * t, y0 + (y1 - y0) * ease], axis=1))
                widths.append(0.25 + 4.75 * size)
                paints.append(theme.muted if not np.isfinite(w) else theme.value if w > 0 else theme.gradient)
                alphas.append(0.3 + 0.6 * size)
        ax.add_collection(
            LineCollection(curves, linewidths=widths, colors=paints, alpha=alphas, zorder=1, capstyle="round")
        )


def _unit(ax: Axes, theme: Theme, place: tuple[float, float], response: np.ndarray | None) -> None:
    from matplotlib.patches import Circle, Rectangle

    x, y = place
    if response is None:
        ax.add_patch(Circle(place, 0.5, facecolor=theme.operation, edgecolor=theme.outline, zorder=2))
        return
    top = canvas.largest(response)
    ax.imshow(
        np.where(np.isfinite(response), response, np.nan),
        extent=(x - 0.5, x + 0.5, y - 0.5, y + 0.5),
        origin="lower",
        cmap=canvas.diverging(theme).with_extremes(bad=theme.muted),
        vmin=-top,
        vmax=top,
        interpolation="bilinear" if np.isfinite(response).all() else "nearest",
        zorder=2,
    )
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor="none", edgecolor=theme.outline, zorder=3))
