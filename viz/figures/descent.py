"""Gradient descent on a function of one number: a parabola, and the steps of several learning rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import RangeError, value_and_grad
from ...autograd.extending import spelt
from ..common.themes import Theme
from ..plots import canvas
from ..plots.networks import numbers, one_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Descent", "plot_descent", "plot_descent_data"]

FAR = 1e6  # times the first step: what is farther away is not followed


@dataclass(frozen=True, eq=False)
class Descent:
    """The steps of gradient descent with one learning rate.

    Attributes:
        rate: the learning rate.
        w, loss: where it was, and the loss there, at the start and after each step.
    """

    rate: float
    w: np.ndarray
    loss: np.ndarray


@spelt
def plot_descent_data(
    function: Callable[[Any], Any],
    start: float,
    rates: Sequence[float] = (0.05, 0.4, 1.05),
    *,
    steps: int = 8,
) -> list[Descent]:
    """The data that `plot_descent` draws, which explains the arguments.

    >>> from chainrule.viz import plot_descent_data
    >>> (found,) = plot_descent_data(lambda w: w**2, 1.0, [0.25], steps=3)
    >>> found.w, found.loss
    (array([1.   , 0.5  , 0.25 , 0.125]), array([1.      , 0.25    , 0.0625  , 0.015625]))
    """
    start, each_rate = one_number(start, "the start"), numbers(rates, "a list of rates").ravel()
    if steps < 1 or not each_rate.size:
        raise RangeError(
            f"a descent has a rate and a step, or more; given {each_rate.size} rates and {steps} steps"
        )
    both, found = value_and_grad(function), []
    for rate in each_rate.tolist():
        w, places, losses = start, [], []
        for _ in range(steps + 1):
            loss, slope = (one_number(each, "the function") for each in both(w))
            places.append(w)
            losses.append(loss)
            w -= rate * slope
            if not abs(w - start) < FAR * max(1.0, abs(start)):
                break
        found.append(Descent(rate, np.array(places), np.array(losses)))
    return found


@spelt
def plot_descent(
    function: Callable[[Any], Any],
    start: float,
    rates: Sequence[float] = (0.05, 0.4, 1.05),
    ax: Axes | None = None,
    *,
    steps: int = 8,
    theme: str | Theme = "light",
) -> Axes:
    """The steps of gradient descent on a function of one number, a panel for each learning rate.

    `function` takes a number and returns one; the engine differentiates it. Each dot is a step, from `start` on. Too
    low a rate hardly moves, too high a one jumps over the valley and away.

    Raises `RangeError` without a rate or a step.

    >>> from chainrule.viz import plot_descent
    >>> [panel.get_title() for panel in plot_descent(lambda w: w**2, 1.5).child_axes]
    ['rate 0.05: 2.25 to 0.417', 'rate 0.4: 2.25 to 1.47e-11', 'rate 1.05: 2.25 to 10.3']
    """
    found = plot_descent_data(function, start, rates, steps=steps)
    ax, colours = canvas.axes(ax, theme, (max(4.0, 3.0 * len(found)), 3.3))
    near = [each.w[np.abs(each.w - start) < 20 * max(1.0, abs(start))] for each in found]
    low, high = min(map(np.min, near)), max(map(np.max, near))
    reach = 0.12 * ((high - low) or 1.0)
    grid = np.linspace(low - reach, high + reach, 301)
    curve = np.array([one_number(function(float(w)), "the function") for w in grid])
    known = curve[np.isfinite(curve)]
    if not known.size:
        raise RangeError(
            f"the function is NaN or infinite from {grid[0]:.3g} to {grid[-1]:.3g}, where it is drawn"
        )
    bottom, top = known.min(), known.max()
    titles = [f"rate {each.rate:g}: {each.loss[0]:.3g} to {each.loss[-1]:.3g}" for each in found]
    for panel, each in zip(canvas.panels(ax, colours, titles, len(found), gap=(0.25, 0.4)), found):
        panel.plot(grid, curve, color=colours.outline, lw=1.4)
        panel.plot(each.w, each.loss, color=colours.gradient, lw=1.2)
        panel.scatter(
            each.w, each.loss, s=26, color=colours.gradient, edgecolors=colours.background, zorder=3
        )
        panel.scatter(
            each.w[:1], each.loss[:1], s=60, color=colours.value, edgecolors=colours.background, zorder=4
        )
        panel.set_xlim(grid[0], grid[-1])
        panel.set_ylim(bottom - 0.06 * (top - bottom), top + 0.06 * (top - bottom))
        panel.set_xlabel("w", fontsize=canvas.SMALL, color=colours.text)
        if panel is not ax.child_axes[0]:
            panel.set_yticklabels([])
    ax.child_axes[0].set_ylabel("loss", fontsize=canvas.SMALL, color=colours.text)
    canvas.label(ax, colours, f"Gradient descent, {steps} steps from the blue dot: the loss before and after")
    return ax
