"""The course of a training: losses and metrics by epoch, learning rates, and the size of the updates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import describe, like, spelt
from ...nn import History
from ...nn.callbacks import KeepBest
from ..common.errors import check_count
from ..common.themes import Theme
from . import canvas
from .recorder import Recorder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_learning_rate",
    "plot_learning_rate_data",
    "plot_loss",
    "plot_loss_data",
    "plot_update_ratios",
    "plot_update_ratios_data",
]

Curves = dict[str, tuple[list[float], list[float]]]

# ---------------------------------------------------------------------- losses and metrics


@spelt
def plot_loss_data(history: History | Recorder, column: str = "loss") -> Curves:
    """The loss by epoch, counted from 1: `{"training": (epochs, losses), "validation": ...}`.

    A `Recorder` has one loss for each record. `column` selects another measure, such as "accuracy".

    >>> from chainrule.nn import History
    >>> from chainrule.viz import plot_loss_data
    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.7, "val_loss": 0.8})
    >>> plot_loss_data(history)
    {'training': ([1.0], [0.7]), 'validation': ([1.0], [0.8])}
    """
    if not isinstance(history, (History, Recorder)):
        raise KindError(
            f"a curve is that of a History, which fit returns, or of a Recorder; given {describe(history)}. In a loop "
            f"of your own: recorder = Recorder(model), and recorder.record(model, loss) after each step"
        )
    columns = history.columns() if isinstance(history, Recorder) else history.to_dict()
    curves = {}
    for key, name in ((column, "training"), (f"val_{column}", "validation")):
        if key in columns:
            numbers = [float(x) for x in columns[key]]
            steps = columns["step"] if isinstance(history, Recorder) else range(1, len(numbers) + 1)
            curves[name] = ([float(i) for i in steps], numbers)
    if not curves:
        raise RangeError(
            f"there is no column {column!r} to plot; there are {', '.join(columns) or 'none yet'}"
            f"{like(column, columns)}"
        )
    return curves


@spelt
def plot_loss(
    history: History | Recorder, ax: Axes | None = None, *, column: str = "loss", theme: str | Theme = "light"
) -> Axes:
    """The loss of training and validation over the epochs, on a logarithmic scale; `column` selects another measure.

    The best point of the validation is marked: the lowest loss or error, the highest accuracy or score. The title says
    whether the model overfits: whether the validation loss rises after that point while the training loss falls.
    Epochs from which on the numbers are NaN or infinite are grey. `history` is the result of `fit`, or a `Recorder`.
    Raises `KindError` for anything else, `RangeError` for a column that does not exist, `PlotError` if matplotlib is
    not installed.

    >>> from chainrule.nn import MLP, cross_entropy, datasets, fit
    >>> from chainrule.viz import plot_loss
    >>> history = fit(MLP(2, [8, 2], seed=0), cross_entropy, datasets.moons(100, seed=0), epochs=3, progress=False)
    >>> plot_loss(history).get_xlabel()
    'epoch'
    """
    curves = plot_loss_data(history, column)
    ax, colours = canvas.axes(ax, theme)
    recorded = isinstance(history, Recorder)
    what = "step" if recorded else "epoch"
    styles = {"training": (colours.value, "-"), "validation": (colours.gradient, (0, (5, 1.5)))}
    for name, (epochs, numbers) in curves.items():
        colour, line = styles[name]
        look: dict[str, Any] = {"ls": line, "color": colour, "lw": 1.8}
        if len(epochs) <= 60:
            ax.plot(epochs, numbers, label=name, marker="o", markersize=3.5, **look)
        elif not recorded:
            ax.plot(epochs, numbers, label=name, **look)
        else:  # the loss of single batches is noisy
            window = max(2, len(numbers) // 20)
            ax.plot(epochs, numbers, color=colour, lw=0.8, alpha=0.35, label="each step")
            ax.plot(
                epochs[window - 1 :], running_mean(numbers, window), label=f"mean of {window} steps", **look
            )
    positive = all(min(numbers, default=0) > 0 for _, numbers in curves.values())
    if column == "loss" and positive:
        canvas.log_scale(ax)
    title = f"{column.capitalize()} during training"
    direction = _direction(column)
    if direction and "validation" in curves and np.isfinite(curves["validation"][1]).any():
        epochs, numbers = curves["validation"]
        best = int(np.argmin(np.where(np.isfinite(numbers), direction * np.array(numbers), np.inf)))
        ax.plot(epochs[best], numbers[best], "o", ms=11, mfc="none", mec=colours.gradient, mew=1.6)
        place = (best + 0.5) / len(numbers)  # at the edges the text reaches inwards
        ax.annotate(
            f"best: {numbers[best]:.3g}",
            (epochs[best], numbers[best]),
            xytext=(0, -12),
            textcoords="offset points",
            ha="left" if place < 0.1 else "right" if place > 0.9 else "center",
            va="top",
            fontsize=canvas.SMALL,
            color=colours.gradient,
        )
        trained = curves["training"][1] if "training" in curves else []
        later = [x for x in numbers[best + 1 :] if np.isfinite(x)]
        worse = bool(
            column == "loss"
            and len(later) >= 3
            and np.nanmedian(later) > 1.1 * numbers[best]
            and len(trained) == len(numbers)
            and trained[-1] < trained[best]
        )
        title = (
            f"Validation is best at epoch {epochs[best]:.0f}; after that the model overfits"
            if worse
            else f"{column.capitalize()} during training: validation at best {numbers[best]:.3g}"
        )
        ax.margins(y=0.12)  # below the best point there is room for the text
    lost = [
        epochs[finite_until(numbers)]
        for epochs, numbers in curves.values()
        if finite_until(numbers) < len(numbers)
    ]
    if lost:
        ends = [epochs[-1] for epochs, _ in curves.values()]
        ax.axvspan(min(lost) - 0.5, max(ends) + 0.5, color=colours.muted, alpha=0.15, lw=0)
        title = f"{column.capitalize()} during training: NaN or infinite from {what} {min(lost):.0f} on"
    canvas.label(ax, colours, title, what, column, grid=True)
    canvas.whole_numbers(ax.xaxis)
    if len(ax.get_legend_handles_labels()[1]) > 1:
        canvas.legend(ax, colours)
    return ax


def _direction(column: str) -> int:
    """1 if a lower number in this column is better, -1 if a higher one is, 0 if that is not known."""
    try:
        return 1 if KeepBest(column).mode == "min" else -1
    except RangeError:
        return 0


def finite_until(numbers: list[float]) -> int:
    """The position after the last finite number.

    >>> finite_until([1.0, float("nan"), 2.0, float("inf")])
    3
    """
    return max((i + 1 for i, x in enumerate(numbers) if np.isfinite(x)), default=0)


def running_mean(numbers: list[float], window: int) -> np.ndarray:
    """The mean over each window of `window` neighbours."""
    return np.convolve(numbers, np.full(window, 1 / window), "valid")


# ---------------------------------------------------------------------- learning rates


@spelt
def plot_learning_rate_data(rates: Any, steps: int = 100) -> np.ndarray:
    """The learning rate of each step: of a list of rates, of a `Recorder`, or of a schedule for its next `steps` steps.

    The state of a schedule and the rates of its optimiser are restored afterwards.

    >>> from chainrule.viz import plot_learning_rate_data
    >>> plot_learning_rate_data([0.1, 0.05])
    array([0.1 , 0.05])
    """
    if isinstance(rates, Recorder):
        return np.array(rates.columns().get("lr", []), np.float64)
    check_count("steps", steps, 1)
    if hasattr(rates, "optimizer") and hasattr(rates, "step"):
        state, groups = rates.state_dict(), rates.optimizer.param_groups
        before, found = [group["lr"] for group in groups], []
        try:
            for _ in range(steps):
                found.append(float(rates.optimizer.lr))
                rates.step()
        except TypeError:
            raise KindError(
                f"{rates!r} changes its rate by what it measures, which has not happened yet. Give the rates that a "
                f"training had, for example those of a Recorder"
            ) from None
        finally:
            rates.load_state_dict(state)
            for group, lr in zip(groups, before):
                group["lr"] = lr
        return np.array(found)
    try:
        return np.array([float(rate) for rate in rates])
    except (TypeError, ValueError):
        raise KindError(
            f"a schedule, a Recorder or a list of rates can be plotted; given {describe(rates)}"
        ) from None


@spelt
def plot_learning_rate(
    rates: Any, ax: Axes | None = None, *, steps: int = 100, theme: str | Theme = "light"
) -> Axes:
    """The learning rate of each step: of a schedule for its next `steps` steps, of a `Recorder`, or of a list.

    A dict of several, with their names as keys, is drawn in one plot.

    >>> from chainrule.nn import SGD
    >>> from chainrule.autograd import Value
    >>> from chainrule.nn.schedules import StepDecay
    >>> from chainrule.viz import plot_learning_rate
    >>> schedule = StepDecay(SGD([Value(1.0)], lr=0.1), step_size=10)
    >>> plot_learning_rate(schedule, steps=40).get_ylabel()
    'learning rate'
    """
    named = rates if isinstance(rates, Mapping) else {"": rates}
    curves = {name: plot_learning_rate_data(each, steps) for name, each in named.items()}
    ax, colours = canvas.axes(ax, theme)
    looks = zip(curves.items(), canvas.line_colours(colours, len(curves)), canvas.dashes(len(curves)))
    for (name, numbers), colour, line in looks:
        stairs = "steps-post" if len(np.unique(numbers)) < len(numbers) / 3 else "default"
        ax.plot(
            range(1, len(numbers) + 1),
            numbers,
            color=colour,
            ls=line,
            lw=2,
            label=name,
            drawstyle=stairs,
        )
    ax.set_ylim(bottom=0)
    title = "Learning rate at each step"
    canvas.label(ax, colours, title, "step of the schedule", "learning rate", grid=True)
    if any(curves):
        canvas.legend(ax, colours)
    return ax


# ---------------------------------------------------------------------- updates


@spelt
def plot_update_ratios_data(recorder: Recorder) -> dict[str, tuple[list[int], list[float]]]:
    """For each layer the steps, and the relative update at each: `|change| / |value|`, in root mean squares.

    >>> from chainrule.viz import Recorder, plot_update_ratios_data
    >>> plot_update_ratios_data(Recorder())
    {}
    """
    if not isinstance(recorder, Recorder):
        raise KindError(f"update ratios are those of a Recorder; given {describe(recorder)}")
    return recorder.by_layer("update_ratios")


@spelt
def plot_update_ratios(recorder: Recorder, ax: Axes | None = None, *, theme: str | Theme = "light") -> Axes:
    """The size of each update of the weights of each layer, relative to the weights, on a logarithmic scale.

    As a rule of thumb it should be about 1/1000, the dashed line: far above it the learning rate is too high and
    training is unstable; far below it training makes no progress.

    >>> from chainrule.viz import Recorder, plot_update_ratios
    >>> plot_update_ratios(Recorder()).get_yscale()
    'log'
    """
    curves = plot_update_ratios_data(recorder)
    ax, colours = canvas.axes(ax, theme)
    looks = zip(curves.items(), canvas.line_colours(colours, len(curves)), canvas.dashes(len(curves)))
    for (name, (steps, ratios)), colour, line in looks:
        shown = [ratio if ratio > 0 else np.nan for ratio in ratios]
        ax.plot(steps, shown, color=colour, ls=line, lw=1.5, label=name)
    canvas.log_scale(ax)
    if not any(ratio > 0 for _, ratios in curves.values() for ratio in ratios):
        ax.set_ylim(1e-4, 1e-2)
    ax.axhline(1e-3, color=colours.muted, ls=(0, (4, 3)), lw=1.2)
    ax.annotate(
        "a thousandth: about right",
        (0.01, 1e-3),
        xycoords=("axes fraction", "data"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="left",
        fontsize=canvas.SMALL,
        color=colours.muted,
    )
    canvas.label(
        ax,
        colours,
        "Size of each update, divided by the size of the weights",
        "step",
        "|update| / |weights|",
        grid=True,
    )
    if any(curves):
        canvas.legend(ax, colours, ncols=1 + (len(curves) > 6))
    return ax
