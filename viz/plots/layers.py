"""For each layer: its outputs and the gradients at its outputs as histograms, and the size of its gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError
from ...autograd.extending import spelt
from ...nn import Module
from ...nn.diagnostics import Flow, Report, Statistics, dead_units, gradient_flow, saturation, statistics
from ..common.errors import check_count
from ..common.themes import Theme
from . import canvas
from .networks import gradients_of, layers_of, samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "GradientHistogram",
    "LayerHistogram",
    "plot_activation_histograms",
    "plot_activation_histograms_data",
    "plot_gradient_flow",
    "plot_gradient_flow_data",
    "plot_gradient_histograms",
    "plot_gradient_histograms_data",
]


@dataclass(frozen=True)
class LayerHistogram:
    """The distribution of the outputs of one layer, after its activation.

    Attributes:
        title: the title of the layer.
        statistics: its row in `nn.diagnostics.statistics`, with the histogram.
        units, dead: for a layer of ReLUs the number of units, and of units that are 0 for every sample; else `None`.
        saturated: for sigmoids and tanhs the share of outputs with a derivative that is almost 0
            (`nn.diagnostics.saturation`); else `None`.
    """

    title: str
    statistics: Statistics
    units: int | None = None
    dead: int | None = None
    saturated: float | None = None


@spelt
def plot_activation_histograms_data(model: Any, X: Any, *, bins: int = 40) -> list[LayerHistogram]:
    """The data that `plot_activation_histograms` draws, one entry for each layer.

    Raises `KindError` for a module that contains no layers.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_activation_histograms_data
    >>> X, y = datasets.moons(50, seed=0)
    >>> [each.title for each in plot_activation_histograms_data(MLP(2, [8, 2], "tanh", seed=0), X)]
    ['layers.0: Linear(2 -> 8), Tanh', 'layers.2: Linear(8 -> 2)']
    """
    check_count("bins", bins, 1)
    X = samples(X, "a histogram of activations")
    layers = layers_of(model)
    rows = {row.layer: row for row in statistics(model, X, bins=bins)}
    dead = {row.layer: row for row in dead_units(model, X)}
    flat = {row.layer: row for row in saturation(model, X)}
    if not any(each.output in rows for each in layers):
        raise KindError(
            f"{type(model).__name__} has no layers inside it whose outputs could be shown. Put it into a Sequential, "
            f"or give the network that it is a layer of"
        )
    return [
        LayerHistogram(
            each.title,
            rows[each.output],
            units=dead[each.output].units if each.output in dead else None,
            dead=dead[each.output].dead if each.output in dead else None,
            saturated=flat[each.output].saturated if each.output in flat else None,
        )
        for each in layers
        if each.output in rows
    ]


@spelt
def plot_activation_histograms(
    model: Any, X: Any, ax: Axes | None = None, *, bins: int = 40, theme: str | Theme = "light"
) -> Axes:
    """The outputs of each layer for the samples `X`, as a histogram, with its dead units and its saturated share.

    A ReLU is dead if its output is 0 for every sample: its weights get no gradient from these data. A sigmoid or tanh
    is saturated where its derivative is almost 0. Many outputs at both ends of a tanh, or at 0 of a ReLU,
    make learning slow.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_activation_histograms
    >>> ax = plot_activation_histograms(MLP(2, [8, 2], "tanh", seed=0), datasets.moons(50, seed=0)[0])
    >>> len(ax.child_axes)
    2
    """
    found = plot_activation_histograms_data(model, X, bins=bins)
    columns = min(len(found), 3)
    rows = -(-len(found) // columns)
    ax, colours = canvas.axes(ax, theme, (max(4.8, 3.2 * columns), 0.7 + 2.2 * rows))
    panels = canvas.panels(ax, colours, [each.title for each in found], columns, gap=(0.3, 0.62))
    for panel, each in zip(panels, found):
        row = each.statistics
        shares = np.array(row.counts) / max(1, sum(row.counts))
        panel.stairs(shares, row.edges, fill=True, color=colours.value, alpha=0.85)
        if row.edges[0] < 0 < row.edges[-1]:
            panel.axvline(0, ymax=1 / 1.6, color=colours.muted, lw=0.8)  # up to the words
        panel.locator_params(axis="x", nbins=5)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        panel.set_ylim(0, shares.max(initial=0.1) * 1.6)
        panel.set_xlabel("activation", fontsize=canvas.SMALL, color=colours.text, labelpad=1)
        panel.text(
            0.02,
            0.97,
            "\n".join(_words(each)),
            transform=panel.transAxes,
            va="top",
            fontsize=canvas.SMALL,
            color=colours.text,
        )
    canvas.label(ax, colours, "Outputs of each layer")
    return ax


def _words(each: LayerHistogram) -> list[str]:
    row = each.statistics
    if not np.isfinite(row.mean):
        return ["not all are finite"]
    lines = [f"mean {row.mean:.2g}, deviation {row.std:.2g}"]
    if each.dead is not None:
        lines.append(f"{each.dead} of {each.units} units dead")
    if each.saturated is not None:
        lines.append(f"{each.saturated:.0%} saturated")
    return lines


@dataclass(frozen=True, eq=False)
class GradientHistogram:
    """The sizes of the gradients at the outputs of one layer.

    Attributes:
        title: the title of the layer.
        counts, edges: the number of absolute values between each two edges; the edges are the same for all layers and
            evenly spaced on a logarithmic scale.
        zero: the share of gradients that are exactly 0; they are in no count.
        rms: the root mean square of all gradients.
    """

    title: str
    counts: np.ndarray
    edges: np.ndarray
    zero: float
    rms: float


@spelt
def plot_gradient_histograms_data(
    model: Any, X: Any, y: Any, loss: Callable[[Any, Any], Any], *, bins: int = 40
) -> list[GradientHistogram]:
    """The data that `plot_gradient_histograms` draws, one entry for each layer.

    >>> from chainrule.nn import MLP, cross_entropy, datasets
    >>> from chainrule.viz import plot_gradient_histograms_data
    >>> found = plot_gradient_histograms_data(MLP(2, [8, 2], seed=0), *datasets.moons(50, seed=0), cross_entropy)
    >>> [int(each.counts.sum()) for each in found]
    [400, 100]
    """
    check_count("bins", bins, 1)
    arrays = gradients_of(model, samples(X, "a histogram of gradients"), y, loss)
    sizes = {title: np.abs(array) for title, array in arrays.items()}
    positive = np.concatenate([each[(each > 0) & np.isfinite(each)] for each in sizes.values()])
    top = float(positive.max()) if positive.size else 1.0
    bottom = max(float(positive.min()), top * 1e-12) if positive.size else 0.1
    edges = np.geomspace(bottom * 0.999, top * 1.001, bins + 1)
    return [
        GradientHistogram(
            title,
            np.histogram(np.maximum(each[each > 0], bottom), edges)[0],
            edges,
            float((each == 0).mean()),
            float(np.sqrt(np.square(each).mean())),
        )
        for title, each in sizes.items()
    ]


@spelt
def plot_gradient_histograms(
    model: Any,
    X: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    ax: Axes | None = None,
    *,
    bins: int = 40,
    theme: str | Theme = "light",
) -> Axes:
    """How large the gradients of the loss are at the outputs of each layer, as histograms on one logarithmic scale.

    `loss(prediction, y)` is the loss of all samples; for a network of Values, `prediction` is a list. If the histograms
    move to the left from the last layer to the first, the gradients vanish; if they move to the right, they explode.
    The line is the root mean square. `.grad` does not change.

    >>> from chainrule.nn import MLP, cross_entropy, datasets
    >>> from chainrule.viz import plot_gradient_histograms
    >>> ax = plot_gradient_histograms(MLP(2, [8, 2], seed=0), *datasets.moons(50, seed=0), cross_entropy)
    >>> len(ax.child_axes)
    2
    """
    found = plot_gradient_histograms_data(model, X, y, loss, bins=bins)
    # one below the other, the last layer on top, in the order of the backward pass
    ax, colours = canvas.axes(ax, theme, (6.4, 0.8 + 0.95 * len(found)))
    backward = found[::-1]
    titles = [
        f"{each.title}: root mean square {each.rms:.1e}" + f", {each.zero:.0%} exactly 0" * (each.zero > 0)
        for each in backward
    ]
    panels = canvas.panels(ax, colours, titles, 1, gap=(0.0, 0.26))
    for panel, each in zip(panels, backward):
        panel.stairs(each.counts, each.edges, fill=True, color=colours.gradient, alpha=0.85)
        panel.axvline(each.rms, color=colours.text, lw=1.4)
        canvas.log_scale(panel, "x")
        panel.set_xlim(each.edges[0], each.edges[-1])
        panel.set_ylim(0, max(each.counts.max(), 1) * 1.1)
        panel.set_yticks([])
        panel.spines["left"].set_visible(False)
        if panel is not panels[-1]:
            panel.tick_params(which="both", labelbottom=False)
    panels[-1].set_xlabel(
        "|gradient of the loss| at the layer's outputs; a line at the root mean square",
        fontsize=canvas.TEXT,
        color=colours.text,
    )
    canvas.label(ax, colours, "Gradients at the outputs of each layer, the last layer on top")
    return ax


# ---------------------------------------------------------------------- the gradients of the weights


@spelt
def plot_gradient_flow_data(model: Module) -> Report[Flow]:
    """The result of `nn.diagnostics.gradient_flow`: for each layer the root mean square of its gradients, and more.

    >>> from chainrule.nn import MLP, cross_entropy, datasets
    >>> from chainrule.viz import plot_gradient_flow_data
    >>> model = MLP(2, [8, 2], seed=0)
    >>> X, y = datasets.moons(50, seed=0)
    >>> cross_entropy(model(X), y).backward()
    >>> [row.layer for row in plot_gradient_flow_data(model)]
    ['layers.0', 'layers.2']
    """
    return gradient_flow(model)


@spelt
def plot_gradient_flow(model: Module, ax: Axes | None = None, *, theme: str | Theme = "light") -> Axes:
    """How large the gradients of the parameters are, from the first layer to the last, on a logarithmic scale.

    The bars are root mean squares of the gradients in `.grad`. If they fall by powers of ten towards the first layer,
    the gradients vanish. Raises `KindError` before any backward pass.

    >>> from chainrule.nn import MLP, cross_entropy, datasets
    >>> from chainrule.viz import plot_gradient_flow
    >>> model = MLP(2, [8, 2], seed=0)
    >>> X, y = datasets.moons(50, seed=0)
    >>> cross_entropy(model(X), y).backward()
    >>> plot_gradient_flow(model).get_yscale()
    'log'
    """
    found = plot_gradient_flow_data(model)
    ax, colours = canvas.axes(ax, theme)
    sizes = np.array([row.rms for row in found])
    floor = 10 ** np.floor(np.log10(min((m for m in sizes if m > 0), default=1e-12)) - 1)
    places = np.arange(len(found))
    canvas.log_scale(ax)
    ax.bar(places, np.maximum(sizes - floor, 0), bottom=floor, color=colours.gradient, width=0.6)
    ax.set_ylim(bottom=floor)
    slanted = len(found) > 5
    few = places[:: max(1, len(places) // 16)]
    names = [found[int(k)].layer for k in few]
    ax.set_xticks(few, names, rotation=30 if slanted else 0, ha="right" if slanted else "center")
    title = "Gradients of the parameters of each layer"
    for place in places[~np.isfinite(sizes)]:
        ax.set_xlim(-0.5, len(found) - 0.5)
        ax.text(
            place,
            0.5,
            "NaN or infinite",
            transform=ax.get_xaxis_transform(),
            rotation=90,
            ha="center",
            va="center",
            fontsize=canvas.SMALL,
            color=colours.gradient,
        )
    if len(sizes) > 1 and 0 < sizes[0] < np.inf and 0 < sizes[-1] < np.inf:
        title += f":\nthose of the first layer are {sizes[0] / sizes[-1]:.2g} times those of the last"
    canvas.label(ax, colours, title, "layer, from input to output", "gradient, root mean square", grid=True)
    return ax
