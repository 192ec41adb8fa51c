"""Data of one number each, and the line or curve that a model puts through them, also step by step of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import ShapeError
from ...autograd.extending import spelt
from ...nn import Linear
from ..common.themes import Theme, mix
from ..plots import canvas
from ..plots.networks import numbers, predict
from ..plots.recorder import Recorder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Fit", "plot_fit", "plot_fit_data"]


@dataclass(frozen=True, eq=False)
class Fit:
    """Data, and the outputs of a model for them.

    To train use `nn.fit`.

    Attributes:
        x, y: the data, `(n,)` each.
        answers: the outputs of the model at `x`.
        grid, curve: points along the axis, and the outputs there.
        earlier: of a training, the number of steps and the curve at some earlier steps.
        error: half the sum of the squared errors.
        equation: `y = a x + b` with the numbers of a linear model, else an empty text.
    """

    x: np.ndarray
    y: np.ndarray
    answers: np.ndarray
    grid: np.ndarray
    curve: np.ndarray
    earlier: list[tuple[int, np.ndarray]]
    error: float
    equation: str


@spelt
def plot_fit_data(model: Any, x: Any, y: Any, *, path: Recorder | None = None, points: int = 201) -> Fit:
    """The data that `plot_fit` draws, which explains the arguments.

    >>> from chainrule.nn import least_squares
    >>> from chainrule.viz import plot_fit_data
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0])
    >>> plot_fit_data(least_squares(x, y), x, y).equation
    'y = 2.00 x + 1.00'
    """
    across, up = numbers(x, "the x of a fit"), numbers(y, "the y of a fit")
    if not across.ndim or across.size != len(across) or up.size != len(across):
        raise ShapeError(
            f"a fit has one number x and one number y for each sample; given shapes {across.shape} and {up.shape}"
        )
    across, up = across.reshape(-1), up.reshape(-1)
    more = 0.08 * (np.ptp(across) or 1.0)
    grid = np.linspace(across.min() - more, across.max() + more, points)
    answers, curve = (predict(model, at[:, None])[:, 0] for at in (across, grid))
    earlier = []
    if path is not None:
        last = len(path.path) - 1
        chosen = sorted({0, *(2**k for k in range(12) if 2**k < last / 2)}) if last > 0 else []
        earlier = [(step, predict(then, grid[:, None])[:, 0]) for step, then in path.replay(model, chosen)]
    equation = ""
    if isinstance(model, Linear):
        a, b = model.weight.data.item(), 0.0 if model.bias is None else model.bias.data.item()
        equation = f"y = {a:.2f} x {'-' if b < 0 else '+'} {abs(b):.2f}"
    error = float(np.square(answers - up).sum() / 2)
    return Fit(across, up, answers, grid, curve, earlier, error, equation)


@spelt
def plot_fit(
    model: Any,
    x: Any,
    y: Any,
    ax: Axes | None = None,
    *,
    path: Recorder | None = None,
    theme: str | Theme = "light",
) -> Axes:
    """The line or curve of a model with one input and one output, through the data `x` and `y`.

    Thin lines are the errors, from each point to the answer at its `x`. With the `Recorder` of a training as `path`,
    paler lines are the answers after fewer steps: 0, 1, 2, 4, and so on. The title has the equation of a `Linear`
    model.

    Raises `ShapeError` if there is more than one number for each sample.

    >>> from chainrule.nn import least_squares
    >>> from chainrule.viz import plot_fit
    >>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 6.0])
    >>> plot_fit(least_squares(x, y), x, y).get_title(loc="left")
    'y = 2.50 x + 0.83, half the sum of squared errors 0.0833'
    """
    found = plot_fit_data(model, x, y, path=path)
    ax, colours = canvas.axes(ax, theme)
    low, high = min(found.y.min(), found.curve.min()), max(found.y.max(), found.curve.max())
    written = found.curve[-1]  # where the last text stands: none is nearer than a line to another
    for k, (step, curve) in reversed(list(enumerate(found.earlier))):
        shade = mix(colours.background, colours.value, 0.25 + 0.45 * k / len(found.earlier))
        ax.plot(found.grid, curve, color=shade, lw=1.4, ls=(0, (4, 1.5)))
        if abs(curve[-1] - written) > 0.05 * (high - low):
            written = curve[-1]
            text = f" step {step}"
            ax.text(found.grid[-1], written, text, fontsize=canvas.SMALL, color=colours.muted, va="center")
    if found.earlier:
        ax.set_xlim(None, found.grid[-1] + 0.14 * np.ptp(found.grid))
    ax.vlines(found.x, found.answers, found.y, color=colours.gradient, lw=1, label="errors")
    ax.scatter(
        found.x,
        found.y,
        s=26,
        color=colours.text,
        edgecolors=colours.background,
        linewidths=0.6,
        zorder=3,
        label="data",
    )
    ax.plot(found.grid, found.curve, color=colours.value, lw=2.2, label="the model")
    title = f"{found.equation or 'Output of the model'}, half the sum of squared errors {found.error:.3g}"
    canvas.label(ax, colours, title, "x", "y")
    canvas.legend(ax, colours)
    return ax
