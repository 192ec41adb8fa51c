"""What hidden units have learnt: their outputs over the input plane, and the data in the space of a hidden layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import Node, RangeError
from ...autograd.extending import spelt
from ...nn import Linear, scalar
from ...nn.diagnostics import dead_units
from ..common.themes import Theme
from . import canvas
from .boundary import (
    DecisionBoundary,
    class_legend,
    decide,
    extent,
    plane,
    regions,
    scatter,
    span,
    threshold_of,
)
from .networks import class_numbers, hidden, layers_of, outputs_of, predict, samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "HiddenSpace",
    "Responses",
    "plot_hidden_space",
    "plot_hidden_space_data",
    "plot_responses",
    "plot_responses_data",
]

# ---------------------------------------------------------------------- responses over the plane


@dataclass(frozen=True, eq=False)
class Responses:
    """The output of each unit of a layer at every point of the plane.

    Attributes:
        layer: the layer's title.
        x1, x2: coordinates along the two axes.
        values: `(units, resolution, resolution)`, rows along `x2`.
        at_zero: the output of a unit whose weighted sum is 0.
        dead: for each unit whether it is a ReLU that is positive at none of the points `X`.
    """

    layer: str
    x1: np.ndarray
    x2: np.ndarray
    values: np.ndarray
    at_zero: float
    dead: np.ndarray


@spelt
def plot_responses_data(
    model: Any, X: Any, *, layer: str | int | None = None, resolution: int = 80, margin: float = 0.15
) -> Responses:
    """The data that `plot_responses` draws, which explains the arguments.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_responses_data
    >>> X, y = datasets.rings(60, seed=0)
    >>> plot_responses_data(MLP(2, [4, 2], seed=0), X, resolution=20).values.shape
    (4, 20, 20)
    """
    points = samples(X, "a response over the plane", 2)
    x1, x2 = span(points, resolution, margin)
    chosen = hidden(model, layer)
    values = outputs_of(model, plane(x1, x2))[chosen.output].T.reshape(-1, resolution, resolution)
    dead = np.zeros(len(values), bool)
    for row in dead_units(model, points):
        if row.layer == chosen.output:
            dead[list(row.which)] = True
    return Responses(chosen.title, x1, x2, values, chosen.at_zero, dead)


@spelt
def plot_responses(
    model: Any,
    X: Any,
    y: Any = None,
    ax: Axes | None = None,
    *,
    layer: str | int | None = None,
    resolution: int = 80,
    margin: float = 0.15,
    theme: str | Theme = "light",
) -> Axes:
    """The output of each unit of a hidden layer over the input plane: blue where it is positive, orange where negative.

    `layer` is a name or a number among the hidden layers, by default the last one. All units share one scale; the line
    is where a unit's weighted sum is 0. `X` are points of the plane; they are drawn if their classes `y` are given.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_responses
    >>> ax = plot_responses(MLP(2, [4, 2], seed=0), *datasets.rings(60, seed=0), resolution=20)
    >>> len(ax.child_axes)
    4
    """
    found = plot_responses_data(model, X, layer=layer, resolution=resolution, margin=margin)
    n = len(found.values)
    columns = n if n <= 4 else math.ceil(math.sqrt(n * 1.4))
    rows = -(-n // columns)
    ax, colours = canvas.axes(ax, theme, (max(4.0, min(9.5, 1.75 * columns)), 0.7 + 1.8 * rows))
    finite = np.isfinite(found.values).all(axis=(1, 2))
    titles = [
        f"unit {k + 1}" + ("" if ok else ", not finite") + (", dead" if dead else "")
        for k, (ok, dead) in enumerate(zip(finite, found.dead))
    ]
    top = canvas.largest(found.values)
    points = samples(X, "a response over the plane", 2)
    for panel, values in zip(canvas.panels(ax, colours, titles, columns, gap=(0.12, 0.26)), found.values):
        canvas.bare(panel, colours)
        panel.imshow(
            values,
            extent=extent(found.x1, found.x2),
            origin="lower",
            aspect="auto",
            cmap=canvas.diverging(colours),
            vmin=-1.25 * top,  # so that points are visible on the largest output
            vmax=1.25 * top,
            interpolation="bilinear",
        )
        level = found.at_zero + 1e-3 * top  # just above 0, for the output of a ReLU is 0 in a whole region
        if values.min() < level < values.max():
            panel.contour(
                found.x1,
                found.x2,
                values,
                levels=[level],
                colors=[colours.text],
                linestyles="-",
                linewidths=1.0,
            )
        if y is not None:
            few = slice(None, None, max(1, len(points) // 100))
            classes = class_numbers(y, len(points))
            paints = np.array(canvas.class_colours(colours, int(classes.max()) + 1))[classes]
            panel.scatter(
                points[few, 0],
                points[few, 1],
                s=11,
                c=paints[few],
                edgecolors=colours.background,
                linewidths=0.5,
            )
        panel.set_xlim(found.x1[0], found.x1[-1])
        panel.set_ylim(found.x2[0], found.x2[-1])
    canvas.label(
        ax, colours, f"Output of each unit over the plane: blue is positive, orange negative\n{found.layer}"
    )
    return ax


# ---------------------------------------------------------------------- the data in the space of a hidden layer


@dataclass(frozen=True, eq=False)
class HiddenSpace:
    """The data in the space of a hidden layer.

    Attributes:
        layer: the layer's title.
        values: the output of the layer for each sample, `(n, units)`.
        positions: where each sample is drawn, `(n, 2)`: two units, or the first two principal components.
        components: the directions of the principal components, `(2, units)`; `None` for two units or one.
        shares: the share of the variance along each of the two axes; their sum is 1 if nothing is lost.
        beyond: the output of the next layer over the plane, if there are 2 units and it is the last layer; else `None`.
    """

    layer: str
    values: np.ndarray
    positions: np.ndarray
    components: np.ndarray | None
    shares: np.ndarray
    beyond: DecisionBoundary | None


@spelt
def plot_hidden_space_data(
    model: Any, X: Any, y: Any = None, *, layer: str | int | None = None, resolution: int = 150
) -> HiddenSpace:
    """The data that `plot_hidden_space` draws, which explains the arguments.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_hidden_space_data
    >>> X, y = datasets.rings(60, seed=0)
    >>> plot_hidden_space_data(MLP(2, [4, 2], seed=0), X, y).positions.shape
    (60, 2)
    """
    chosen = hidden(model, layer)
    values = outputs_of(model, samples(X, "a hidden layer"))[chosen.output]
    positions, components, shares = in_two_dimensions(values, chosen.title)
    beyond = None
    *_, before, end = layers_of(model)
    last = dict(model.named_modules())[end.output]
    is_last = chosen == before and isinstance(last, (Linear, scalar.Layer))
    if is_last and values.shape[1] == 2:
        x1, x2 = span(positions, resolution)
        output = predict(last, plane(x1, x2)).reshape(resolution, resolution, -1)
        target = None if y is None else np.asarray(y.data if isinstance(y, Node) else y)
        threshold = threshold_of(last, output, predict(last, positions), target)
        classes, confidence = decide(output, threshold)
        beyond = DecisionBoundary(x1, x2, output, classes, confidence, threshold, positions, None, None)
    return HiddenSpace(chosen.title, values, positions, components, shares, beyond)


def in_two_dimensions(values: np.ndarray, title: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Where to draw samples `(n, units)`: at two units, or at the first two principal components of more.

    Returns the positions `(n, 2)`, the components or `None`, and the share of the variance along each axis. Raises
    `RangeError` for values that are not finite; `title` says whose they are.
    """
    if lost := int((~np.isfinite(values)).any(axis=1).sum()):
        raise RangeError(
            f"{lost:,} of {len(values):,} samples have no place in a picture: {title} is NaN or infinite for them. "
            f"detect_nonfinite() names the operation where that begins"
        )
    if values.shape[1] <= 2:
        positions = (
            values if values.shape[1] == 2 else np.concatenate([values, np.zeros_like(values)], axis=1)
        )
        spread = positions.var(axis=0)
        return positions, None, spread / (spread.sum() or 1.0)
    values = values.astype(np.float64)  # NumPy's svd does not take float16
    centred = values - values.mean(axis=0)
    if len(centred) < 2:  # with one sample, svd returns one component
        centred = np.concatenate([centred, np.zeros_like(centred)])
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    components = (directions * signs[:, None])[:2]
    total = float(np.square(sizes).sum()) or 1.0
    return (centred @ components.T)[: len(values)], components, np.square(sizes[:2]) / total


@spelt
def plot_hidden_space(
    model: Any,
    X: Any,
    y: Any = None,
    ax: Axes | None = None,
    *,
    layer: str | int | None = None,
    resolution: int = 150,
    theme: str | Theme = "light",
) -> Axes:
    """The samples in the space of a hidden layer, where the next layer has to separate the classes by straight lines.

    For two units, they are the two axes, and the background shows the output of the last layer over the plane. For more
    units the first two principal components are drawn, with the share of the variance of each. `layer` is a name or a
    number among the hidden layers, by default the last one. `y` are classes.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_hidden_space
    >>> plot_hidden_space(MLP(2, [2, 2], seed=0), *datasets.rings(60, seed=0), resolution=20).get_xlabel()
    'unit 1'
    """
    found = plot_hidden_space_data(model, X, y, layer=layer, resolution=resolution)
    ax, colours = canvas.axes(ax, theme)
    if found.beyond is not None:
        regions(ax, colours, found.beyond)
        ax.set_xlim(found.beyond.x1[0], found.beyond.x1[-1])
        ax.set_ylim(found.beyond.x2[0], found.beyond.x2[-1])
    many = len(found.positions) > 600
    classes = None if y is None else class_numbers(y, len(found.positions))
    scatter(ax, colours, found.positions, classes, size=18 if many else 26)
    if found.components is None:
        axes = ["unit 1", "unit 2"][: found.values.shape[1]]
    else:
        axes = [
            f"principal component {k + 1} ({share:.0%} of the variance)"
            for k, share in enumerate(found.shares)
        ]
    if len(axes) == 1:  # the samples of a single unit stand on a line
        ax.set_yticks([])
    canvas.label(ax, colours, f"Each sample at the outputs of the hidden layer\n{found.layer}", *axes)
    class_legend(ax, colours, found.positions)
    return ax
