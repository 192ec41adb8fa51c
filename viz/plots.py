"""Plots with matplotlib, which is an extra: `pip install "chainrule[plot]"`.

Each `plot_...` draws on the axes it is given, or on new ones, and returns them; it never shows a window.
Its twin `plot_..._data` returns the numbers that are drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..autograd import ChainruleError
from .themes import THEMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..nn import History

__all__ = ["plot_loss", "plot_loss_data"]


class PlotError(ChainruleError, ImportError):
    """matplotlib is not installed."""


def plot_loss_data(history: History) -> dict[str, tuple[list[float], list[float]]]:
    """The loss by epoch, counted from 1: `{"training": (epochs, losses), "validation": ...}`."""
    curves = {}
    for key, label in (("loss", "training"), ("val_loss", "validation")):
        if key in history.to_dict():
            losses = [float(x) for x in history[key]]
            curves[label] = ([float(i) for i in range(1, len(losses) + 1)], losses)
    return curves


def plot_loss(history: History, ax: Axes | None = None) -> Axes:
    """The loss of training and validation over the epochs, on a logarithmic scale.

    Raises `PlotError` if matplotlib is not installed.
    """
    ax = ax if ax is not None else _new_axes()
    light = THEMES["light"]
    styles = {"training": (light.value, "-"), "validation": (light.gradient, "--")}
    for label, (epochs, losses) in plot_loss_data(history).items():
        colour, line = styles[label]
        ax.plot(epochs, losses, line, color=colour, label=label, marker="o", markersize=3)
    ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel("loss")
    ax.grid(alpha=0.3)
    ax.legend()
    return ax


def _new_axes() -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError(
            "plots are drawn by matplotlib, which is not installed. Install it with: pip install 'chainrule[plot]'"
        ) from None
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    FigureCanvasAgg(figure)  # no window, and pyplot's global state is left alone
    return figure.subplots()
