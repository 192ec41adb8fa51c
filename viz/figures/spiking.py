"""A neuron in time: its voltage with the spikes, and how often it fires for each current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import describe, spelt
from ...nn import LeakyIntegrateAndFire
from ..common.errors import check_count
from ..common.themes import Theme
from ..plots import canvas
from ..plots.networks import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Spiking", "plot_spikes", "plot_spikes_data"]


@dataclass(frozen=True, eq=False)
class Spiking:
    """A neuron at constant currents.

    Attributes:
        time: the end of each time step, `(steps,)`.
        currents: the currents, `(k,)`.
        voltages, spikes: the voltage after each step and whether the neuron fired in it, `(steps, k)`.
        axis, rates: currents along an axis, and the firing rate at each.
    """

    time: np.ndarray
    currents: np.ndarray
    voltages: np.ndarray
    spikes: np.ndarray
    axis: np.ndarray
    rates: np.ndarray


@spelt
def plot_spikes_data(
    neuron: LeakyIntegrateAndFire, currents: Sequence[float] = (0.9, 1.2, 2.0), *, steps: int = 100
) -> Spiking:
    """The data that `plot_spikes` draws, which explains the arguments.

    >>> from chainrule.nn import LeakyIntegrateAndFire
    >>> from chainrule.viz import plot_spikes_data
    >>> plot_spikes_data(LeakyIntegrateAndFire(), [0.9, 1.5, 3.0]).spikes.sum(axis=0)
    array([ 0,  9, 20])
    """
    if not isinstance(neuron, LeakyIntegrateAndFire):
        raise KindError(f"spikes are those of an nn.LeakyIntegrateAndFire; given {describe(neuron)}")
    given = numbers(currents, "a list of currents").ravel()
    check_count("steps", steps, 1)
    if not given.size:
        raise RangeError("spikes are those at one current or several, such as [0.9, 2.0]; given none")
    voltages, spikes = neuron(np.tile(given, (steps, 1)))
    axis = np.linspace(0, 1.3 * max(given.max(), neuron.threshold / neuron.resistance), 201)
    rates = np.array([neuron.firing_rate(float(current)) for current in axis])
    return Spiking(neuron.dt * np.arange(1, steps + 1), given, voltages, spikes, axis, rates)


@spelt
def plot_spikes(
    neuron: LeakyIntegrateAndFire,
    currents: Sequence[float] = (0.9, 1.2, 2.0),
    ax: Axes | None = None,
    *,
    steps: int = 100,
    theme: str | Theme = "light",
) -> Axes:
    """The voltage of a neuron over time at each of some constant currents, its spikes, and its firing rate.

    A spike is a vertical line, after which the voltage starts again from its reset. The last panel is the firing rate
    against the current, with the given currents as dots: the rate encodes the input.

    >>> from chainrule.nn import LeakyIntegrateAndFire
    >>> from chainrule.viz import plot_spikes
    >>> [panel.get_title() for panel in plot_spikes(LeakyIntegrateAndFire(), [0.9, 1.5]).child_axes]
    ['current 0.9: no spike', 'current 1.5: 9 spikes', 'spikes per unit of time']
    """
    found = plot_spikes_data(neuron, currents, steps=steps)
    ax, colours = canvas.axes(ax, theme, (8.0, 1.0 + 1.35 * len(found.currents)))
    counts = found.spikes.sum(axis=0)
    ax.set_axis_off()
    n, top = len(found.currents), 1.35 * neuron.threshold
    share = 1 / n
    for k, (current, count) in enumerate(zip(found.currents.tolist(), counts.tolist())):
        panel = ax.inset_axes((0, 1 - (k + 1) * share + 0.13 * share, 0.6, 0.62 * share))
        canvas.paint(panel, colours)
        said = "no spike" if not count else f"{count} spike{'s' * (count != 1)}"
        panel.set_title(
            f"current {current:g}: {said}", fontsize=canvas.SMALL, color=colours.text, loc="center", pad=2
        )
        when = found.time[found.spikes[:, k]]
        # it reaches the threshold, then resets
        before = np.where(found.spikes[:, k], neuron.threshold, found.voltages[:, k])
        time, volts = _with_resets(found.time, before, found.spikes[:, k], neuron.reset)
        panel.plot(time, volts, color=colours.value, lw=1.5)
        panel.vlines(when, neuron.threshold, top, color=colours.gradient, lw=1.5)
        panel.axhline(neuron.threshold, color=colours.muted, lw=0.8, ls=(0, (4, 2)))
        panel.set_xlim(0, found.time[-1])
        panel.set_ylim(min(0.0, neuron.reset), top)
        panel.set_ylabel("V", fontsize=canvas.SMALL, color=colours.text)
        if k < n - 1:
            panel.set_xticklabels([])
        else:
            panel.set_xlabel("time", fontsize=canvas.SMALL, color=colours.text, labelpad=1)
    panel = ax.inset_axes((0.7, 0.13 * share, 0.3, 1 - 0.38 * share))
    canvas.paint(panel, colours)
    panel.set_title("spikes per unit of time", fontsize=canvas.SMALL, color=colours.text, pad=2)
    panel.plot(found.axis, found.rates, color=colours.value, lw=2)
    panel.scatter(
        found.currents,
        [neuron.firing_rate(float(each)) for each in found.currents],
        color=colours.gradient,
        zorder=3,
        s=30,
    )
    panel.set_xlim(0, found.axis[-1])
    panel.set_ylim(0, None)
    panel.set_xlabel("current I", fontsize=canvas.SMALL, color=colours.text, labelpad=1)
    panel.grid(color=colours.frame, linewidth=0.6, alpha=0.6)
    canvas.label(ax, colours, "A neuron that fires: the rate of its spikes encodes its input")
    return ax


def _with_resets(
    time: np.ndarray, volts: np.ndarray, fired: np.ndarray, reset: float
) -> tuple[np.ndarray, np.ndarray]:
    """The line of the voltage, from the reset on, with the fall back to it after each spike."""
    times, values = [0.0], [reset]
    for t, v, spike in zip(time, volts, fired):
        times += [t, t] if spike else [t]
        values += [v, reset] if spike else [v]
    return np.array(times), np.array(values)
