"""One box of hidden units: what each of them adds, and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...autograd import Tensor, no_grad
from ...autograd.extending import spelt
from ...nn import Sequential, box_network
from ..common.themes import Theme
from ..plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Box", "plot_box", "plot_box_data"]


@dataclass(frozen=True, eq=False)
class Box:
    """A box, and the hidden units that it is the sum of.

    Attributes:
        network: the network of `nn.box_network`.
        weights, corners: the weight of each hidden unit, and where it begins, `(units,)` each.
        x: points along the axis.
        parts: what each hidden unit adds, its output times its weight, `(units, points)`.
        total: the sum, the output of the network.
    """

    network: Sequential
    weights: np.ndarray
    corners: np.ndarray
    x: np.ndarray
    parts: np.ndarray
    total: np.ndarray


@spelt
def plot_box_data(
    a: float = 1.0,
    b: float = 2.0,
    height: float = 1.0,
    *,
    activation: str = "step",
    e: float = 0.25,
    points: int = 1201,
) -> Box:
    """The data that `plot_box` draws, which explains the arguments.

    >>> from chainrule.viz import plot_box_data
    >>> found = plot_box_data(1.0, 2.0, height=3.0)
    >>> found.parts.shape, float(found.total.max())
    ((2, 1201), 3.0)
    """
    network = box_network([a, b], [height], None if activation == "step" else e, activation=activation)
    more = 0.5 * (b - a)
    x = np.linspace(a - more, b + more, points)
    _, bias, weight, _ = (np.asarray(p.data) for p in network.parameters())
    with no_grad():
        units = network[1](network[0](Tensor(x[:, None]))).data
    return Box(network, weight[:, 0], -bias, x, (units * weight[:, 0]).T, units @ weight[:, 0])


@spelt
def plot_box(
    a: float = 1.0,
    b: float = 2.0,
    height: float = 1.0,
    ax: Axes | None = None,
    *,
    activation: str = "step",
    e: float = 0.25,
    theme: str | Theme = "light",
) -> Axes:
    """A box of the given height between `a` and `b`: the hidden units that make it, above, and their sum, below.

    Two step units make a rectangle, one that adds from `a` on and one that takes away from `b` on. With
    `activation="relu"` four ReLUs make one with slopes of width `e`.

    >>> from chainrule.viz import plot_box
    >>> [panel.get_title() for panel in plot_box().child_axes]
    ['what each hidden unit adds', 'their sum, the output']
    """
    found = plot_box_data(a, b, height, activation=activation, e=e)
    ax, colours = canvas.axes(ax, theme, (6.4, 4.2))
    titles = ["what each hidden unit adds", "their sum, the output"]
    upper, lower = canvas.panels(ax, colours, titles, 1, gap=(0.3, 0.5))
    kind = "step" if activation == "step" else "relu"
    n = len(found.weights)
    looks = zip(found.parts, found.weights, found.corners, canvas.line_colours(colours, n), canvas.dashes(n))
    for part, weight, corner, colour, line in looks:
        upper.plot(found.x, part, color=colour, ls=line, lw=2, label=f"{weight:+g} {kind}(x - {corner:g})")
    lower.plot(found.x, found.total, color=colours.value, lw=2.2)
    lower.fill_between(found.x, 0, found.total, color=colours.value, alpha=0.15, lw=0)
    for panel in (upper, lower):
        panel.axhline(0, color=colours.outline, lw=0.8)
        panel.set_xlim(found.x[0], found.x[-1])
        panel.grid(color=colours.frame, linewidth=0.6, alpha=0.6)
    upper.set_xticklabels([])
    lower.set_xlabel("x", fontsize=canvas.SMALL, color=colours.text)
    canvas.legend(upper, colours, loc="upper left")
    how = "Two step units make a rectangle" if kind == "step" else "Four ReLUs make a box with slopes"
    canvas.label(ax, colours, how)
    return ax
