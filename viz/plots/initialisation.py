"""How initial weights change a signal and its gradient over many layers: they stay, vanish, or explode."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd.extending import spelt
from ...nn import init
from ...nn.diagnostics import Report, Spread, initial_spread
from ..common.themes import Theme
from . import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_initialisation", "plot_initialisation_data"]

USUAL: dict[str, Callable[..., np.ndarray]] = {
    "he_normal": init.he_normal,
    "glorot_normal": init.glorot_normal,
    "normal, variance 0.1": partial(init.normal, std=math.sqrt(0.1)),
    "normal, variance 1": partial(init.normal, std=1.0),
}


@spelt
def plot_initialisation_data(
    initialisers: Mapping[str, Callable[..., np.ndarray]] | None = None,
    activation: str = "relu",
    **options: Any,
) -> Report[Spread]:
    """The result of `nn.diagnostics.initial_spread`: for each initialiser the mean squares of signal and gradient.

    >>> from chainrule.viz import plot_initialisation_data
    >>> plot_initialisation_data(layers=5)[0].initialiser
    'he_normal'
    """
    if initialisers is None:
        initialisers = USUAL
    return initial_spread(initialisers, activation, **options)


@spelt
def plot_initialisation(
    initialisers: Mapping[str, Callable[..., np.ndarray]] | None = None,
    activation: str = "relu",
    ax: Axes | None = None,
    *,
    theme: str | Theme = "light",
    **options: Any,
) -> Axes:
    """The mean square of a signal after each of many layers, and of its gradient, for each initialiser.

    `initialisers` are functions of `nn.init` with their names (by default He, Glorot and normal initialisation);
    `options`, such as `layers`, `width` and `seed`, are those of `nn.init.spread_by_layer`. Flat lines are best.

    >>> from chainrule.viz import plot_initialisation
    >>> len(plot_initialisation(activation="tanh", layers=5).child_axes)
    2
    """
    found = plot_initialisation_data(initialisers, activation, **options)
    ax, colours = canvas.axes(ax, theme, (9.0, 4.2))
    titles = ["forward: outputs of the layers", "backward: gradients at the layers"]
    panels = canvas.panels(ax, colours, titles, 2, gap=(0.75, 0.55))
    for panel, what in zip(panels, ("activations", "gradients")):
        looks = zip(found, canvas.line_colours(colours, len(found)), canvas.dashes(len(found)))
        for row, colour, line in looks:
            numbers = np.array(getattr(row, what))
            shown = np.where(numbers > 0, numbers, np.nan)
            panel.plot(range(1, len(numbers) + 1), shown, color=colour, ls=line, lw=2, label=row.initialiser)
        canvas.log_scale(panel)
        bottom, top = panel.get_ylim()
        panel.set_ylim(max(bottom, 1e-22), min(top, 1e22))  # beyond these limits the signal is lost
        panel.grid(color=colours.frame, linewidth=0.6, alpha=0.6)
        panel.set_xlabel("layer", fontsize=canvas.SMALL, color=colours.text)
        panel.set_ylabel("mean square", fontsize=canvas.SMALL, color=colours.text)
    canvas.legend(panels[0], colours)
    depth = len(found[0].activations) if len(found) else 0
    title = f"Initial weights: mean square of signal and gradient in {depth} layers of {activation}"
    canvas.label(ax, colours, title)
    return ax
