"""The same samples through the layers of a network: input, each hidden layer, output, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import RangeError
from ...autograd.extending import spelt
from ..common.themes import Theme
from ..plots import canvas
from ..plots.features import in_two_dimensions
from ..plots.networks import class_numbers, layers_of, outputs_of, samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LayerSpace", "plot_layers", "plot_layers_data"]


@dataclass(frozen=True, eq=False)
class LayerSpace:
    """The samples in the space of one layer.

    Attributes:
        title: the title of the layer; "input" for the samples themselves.
        values: the output of the layer for each sample, `(n, units)`.
        positions: where each sample is drawn, `(n, 2)`: two units, or two principal components; a single unit is the
            first coordinate, and the second is the order of the samples.
        axes: what the two coordinates are.
    """

    title: str
    values: np.ndarray
    positions: np.ndarray
    axes: tuple[str, str]


@spelt
def plot_layers_data(model: Any, X: Any) -> list[LayerSpace]:
    """The data that `plot_layers` draws, which explains the arguments.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_layers_data
    >>> X, y = datasets.rings(60, seed=0)
    >>> [(space.title, space.values.shape[1]) for space in plot_layers_data(MLP(2, [4, 2, 1], "tanh", seed=0), X)]
    [('input', 2), ('hidden layer 1', 4), ('hidden layer 2', 2), ('output', 1)]
    """
    points = samples(X, "the samples in each layer")
    points = points.reshape(len(points), -1)
    layers = layers_of(model)
    outputs = outputs_of(model, samples(X, "the samples in each layer"))
    found = [_space("input", points, "x")]
    for k, layer in enumerate(layers, 1):
        last = k == len(layers)
        title = "output" if last else f"hidden layer {k}"
        found.append(_space(title, outputs[layer.output], "output " if last else "unit "))
    return found


@spelt
def plot_layers(
    model: Any,
    X: Any,
    y: Any = None,
    ax: Axes | None = None,
    *,
    colours: str | None = None,
    theme: str | Theme = "light",
) -> Axes:
    """The samples as the input has them, as each hidden layer does, and as the output does, in one row of panels.

    `colours` is "instances" or "classes". With "instances", the default without `y`, each sample has a colour of its
    own, by its place in the input, and keeps it in all panels: neighbours in the input have similar colours. With
    "classes", the default with `y`, it is that of its class. A layer of two units is shown as it is, one of more units
    by its first two principal components, and one of a single unit along one axis.

    Raises `RangeError` for other `colours`, and for "classes" without `y`.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_layers
    >>> X, y = datasets.rings(60, seed=0)
    >>> [panel.get_title() for panel in plot_layers(MLP(2, [2, 1], "tanh", seed=0), X).child_axes]
    ['input', 'hidden layer 1', 'output']
    """
    if colours not in (None, "instances", "classes") or (colours == "classes" and y is None):
        raise RangeError(f"colours are those of 'instances', or with y those of 'classes'; given {colours!r}")
    found = plot_layers_data(model, X)
    ax, paints = canvas.axes(ax, theme, (max(4.5, 2.5 * len(found)), 3.2))
    classes = None if y is None else class_numbers(y, len(found[0].values))
    own = colours == "instances" or (colours is None and y is None)
    n = 1 if classes is None else int(classes.max()) + 1
    shades = instance_colours(found[0].values) if own else None
    panels = canvas.panels(ax, paints, [space.title for space in found], len(found), gap=(0.62, 0.4))
    for panel, space in zip(panels, found):
        for k, (colour, marker) in enumerate(zip(canvas.class_colours(paints, n), canvas.class_markers(n))):
            mine = np.ones(len(space.positions), bool) if classes is None else classes == k
            panel.scatter(
                space.positions[mine, 0],
                space.positions[mine, 1],
                s=16,
                c=[colour] if shades is None else shades[mine],
                marker=marker,
                edgecolors=None if marker.startswith("$") else paints.outline,
                linewidths=0.3,
                label=f"class {k}",
            )
        panel.set_xlabel(space.axes[0], fontsize=canvas.SMALL, color=paints.text, labelpad=2)
        panel.set_ylabel(space.axes[1], fontsize=canvas.SMALL, color=paints.text, labelpad=1)
        if space.values.shape[1] == 1:
            panel.set_yticks([])
            panel.axvline(0, color=paints.outline, lw=0.8)
    if classes is not None and n <= len(canvas.MARKERS):
        handles, names = panels[0].get_legend_handles_labels()
        canvas.legend(
            ax, paints, handles=handles, labels=names, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=n
        )
    whose = "each sample has a colour of its own" if own else "the colour is the class"
    canvas.label(ax, paints, f"The samples through the layers: {whose}")
    return ax


def instance_colours(values: np.ndarray) -> np.ndarray:
    """A colour for each sample, `(n, 3)`: the hue is its direction from the middle, the brightness its distance."""
    from matplotlib.colors import hsv_to_rgb

    positions = in_two_dimensions(values.astype(np.float64), "the input")[0]
    away = positions - positions.mean(axis=0)
    away = away / (away.std(axis=0) + 1e-12)
    hue = (np.arctan2(away[:, 1], away[:, 0]) / (2 * np.pi)) % 1.0
    order = np.hypot(*away.T).argsort(kind="stable").argsort(kind="stable")
    far = order / max(len(order) - 1, 1)
    return hsv_to_rgb(np.stack([hue, 0.55 + 0.4 * far, 0.95 - 0.3 * far], axis=1))


def _space(title: str, values: np.ndarray, unit: str) -> LayerSpace:
    if values.shape[1] == 1:
        order = np.arange(len(values), dtype=float)
        return LayerSpace(title, values, np.stack([values[:, 0], order], axis=1), (f"{unit}1", "samples"))
    positions, components, shares = in_two_dimensions(values, f"the {title}")
    if components is None:
        return LayerSpace(title, values, positions, (f"{unit}1", f"{unit}2"))
    first, second = (f"component {k + 1} ({share:.0%})" for k, share in enumerate(shares))
    return LayerSpace(title, values, positions, (first, second))
