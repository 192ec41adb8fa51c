"""The decision boundary: the output of a network at every point of the plane, with the training points."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import RangeError
from ...autograd.extending import spelt
from ...nn import Module, Perceptron, Sigmoid, Softmax
from ...nn.metrics import decision_threshold
from ..common.errors import check_count, check_option
from ..common.themes import Theme
from . import canvas
from .networks import one_number, predict, samples, targets_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DecisionBoundary", "plot_decision_boundary", "plot_decision_boundary_data"]


@dataclass(frozen=True, eq=False)
class DecisionBoundary:
    """The output of a network over the plane, and at the points.

    Attributes:
        x1, x2: coordinates along the two axes, `(resolution,)` each.
        output: the outputs, `(resolution, resolution, outputs)`, rows along `x2`.
        classes: the class at each point of the plane, `(resolution, resolution)`; `None` in regression.
        confidence: the confidence in that class: 0 at the boundary, 1 far from it.
        threshold: with a single output, the number above which the second class is predicted.
        points, target: the points and their targets; classes are numbered from 0.
        score: the accuracy at the points; in regression the mean squared error.
    """

    x1: np.ndarray
    x2: np.ndarray
    output: np.ndarray
    classes: np.ndarray | None
    confidence: np.ndarray | None
    threshold: float
    points: np.ndarray
    target: np.ndarray | None
    score: float | None


@spelt
def plot_decision_boundary_data(
    model: Any,
    X: Any,
    y: Any = None,
    *,
    task: str | None = None,
    threshold: float | None = None,
    resolution: int = 150,
    margin: float = 0.15,
) -> DecisionBoundary:
    """The data that `plot_decision_boundary` draws, which explains the arguments.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_decision_boundary_data
    >>> found = plot_decision_boundary_data(MLP(2, [8, 2], seed=0), *datasets.moons(50, seed=0), resolution=20)
    >>> found.output.shape, found.classes.shape
    ((20, 20, 2), (20, 20))
    """
    if isinstance(model, Perceptron):
        model = model.weighted_sum
        if threshold is None:  # on the line it fires, too
            threshold = float(np.nextafter(0, -1))
    points = samples(X, "a decision boundary", 2)
    target = None if y is None else targets_of(y, len(points))
    if task is not None:
        check_option("task", task, ("classification", "regression"))
    else:
        whole = target is None or (target == np.round(target)).all()
        task = "classification" if whole else "regression"
    x1, x2 = span(points, resolution, margin)
    output = predict(model, plane(x1, x2)).reshape(resolution, resolution, -1)
    answers = predict(model, points)
    if threshold is not None:
        threshold = one_number(threshold, "the threshold")
    else:
        threshold = threshold_of(model, output, answers, target)
    classes = confidence = score = None
    if task == "classification":
        classes, confidence = decide(output, threshold, isinstance(_last(model), Softmax))
        if target is not None:
            target = _class_numbers(target, output.shape[-1])
            score = float((decide(answers, threshold)[0] == target).mean())
    elif target is not None:
        score = float(np.square(answers[:, 0] - target).mean())
    return DecisionBoundary(x1, x2, output, classes, confidence, threshold, points, target, score)


@spelt
def plot_decision_boundary(
    model: Any,
    X: Any,
    y: Any = None,
    ax: Axes | None = None,
    *,
    task: str | None = None,
    threshold: float | None = None,
    resolution: int = 150,
    margin: float = 0.15,
    theme: str | Theme = "light",
) -> Axes:
    """The output of a network at every point of the plane, with the points `X` and their targets `y`.

    `model` takes rows of 2 numbers: a network of Tensors or of Values, or a function from an array to an array. With
    several outputs, the largest one determines the class; with one, a number above `threshold` means the second class.
    An `nn.Perceptron` is drawn with its line, where the weighted sum is 0. Class 0 is orange and class 1 blue, as are
    negative and positive numbers in other plots.
    Without a `threshold` it is found as by `nn.accuracy`, and the title names it: 0 for logits, 1/2 for probabilities
    and for estimates of the targets 0 and 1. The background has the colour of the predicted class, paler where the
    confidence is lower; lines are the boundaries; misclassified points have a ring. If the targets are not whole
    numbers, the task is regression (`task` overrides this): the background shows the output, and the points have the
    colours of their targets. The plane extends beyond the points by the share `margin` of its size.

    Raises `ShapeError` for points that do not have 2 coordinates, `RangeError` for classes that no output stands for,
    `PlotError` if matplotlib is not installed.

    >>> from chainrule.nn import MLP, datasets
    >>> from chainrule.viz import plot_decision_boundary
    >>> plot_decision_boundary(MLP(2, [8, 2], seed=0), *datasets.moons(50, seed=0), resolution=20).get_xlabel()
    'x1'
    """
    found = plot_decision_boundary_data(
        model, X, y, task=task, threshold=threshold, resolution=resolution, margin=margin
    )
    title = "Decision boundary"
    if isinstance(model, Perceptron):
        model, title = model.weighted_sum, "Decision boundary of the perceptron, x . w + b = 0"
    elif found.output.shape[-1] == 1:
        title += f", where the output is {found.threshold:g}"
    ax, colours = canvas.axes(ax, theme)
    ax.set_xlim(found.x1[0], found.x1[-1])
    ax.set_ylim(found.x2[0], found.x2[-1])
    lost = 1 - float(np.isfinite(found.output).all(axis=-1).mean())
    if found.classes is None:
        _regression(ax, colours, found)
        title = "Regression: output of the network"
        title += "" if found.score is None else f", mean squared error {found.score:.3g}"
    else:
        answers = decide(predict(model, found.points), found.threshold)[0]
        scatter(ax, colours, found.points, found.target, answers)
        title += "" if found.score is None else f": {found.score:.1%} on the right side"
    if lost:
        title = f"The output is NaN or infinite in {lost:.0%} of the plane"
    canvas.label(ax, colours, title, "x1", "x2")
    if found.classes is not None:
        class_legend(ax, colours, found.points)
        regions(ax, colours, _reaching(model, found, ax.get_ylim()[1]))
    return ax


# ---------------------------------------------------------------------- parts that other plots of the plane use, too


def span(points: np.ndarray, resolution: int, margin: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along both axes of a plane that contains the points and a margin around them."""
    check_count("resolution", resolution, 2)
    if not margin >= 0:
        raise RangeError(
            f"margin={margin!r} is a share of the size of the plane, such as 0.15, and not below 0"
        )
    low, high = points.min(axis=0), points.max(axis=0)
    more = np.where(high > low, (high - low) * margin, 1.0)
    x1, x2 = (np.linspace(a, b, resolution) for a, b in zip(low - more, high + more))
    return x1, x2


def plane(x1: np.ndarray, x2: np.ndarray) -> np.ndarray:
    """All points of the plane with these coordinates, one in each row."""
    return np.stack(np.meshgrid(x1, x2), axis=-1).reshape(-1, 2)


def decide(
    output: np.ndarray, threshold: float, probabilities: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The class for each output, and the confidence in it, from 0 to 1."""
    if output.shape[-1] == 1:
        beyond = output[..., 0] - threshold
        scale = 4.0 if threshold else 1.0  # probabilities are at most 1/2 away from their threshold
        return (beyond > 0).astype(int), np.tanh(np.abs(beyond) * scale / 2)
    if probabilities:
        p = output
    else:
        with np.errstate(over="ignore", under="ignore"):
            e = np.exp(output - output.max(-1, keepdims=True))
            p = e / e.sum(-1, keepdims=True)
    first, second = (np.partition(p, -k, axis=-1)[..., -k] for k in (1, 2))
    return output.argmax(-1), first - second


def threshold_of(model: Any, output: np.ndarray, answers: np.ndarray, target: np.ndarray | None) -> float:
    """The threshold of a single output over the plane, from the `answers` at the points, and from their targets."""
    if isinstance(_last(model), Sigmoid):
        return 0.5
    if answers.shape[-1] > 1:
        return 0.0
    return decision_threshold(answers, target) if target is not None else decision_threshold(output)


def _class_numbers(target: np.ndarray, outputs: int) -> np.ndarray:
    """Classes from 0 on; with one output there are two, 0 and 1 or -1 and +1."""
    signs = outputs == 1 and set(np.unique(target)) <= {-1, 1}
    classes = (target > 0).astype(int) if signs else target.astype(int)
    most = max(outputs, 2) - 1
    if classes.size and not (classes.min() >= 0 and classes.max() <= most):
        raise RangeError(
            f"a network with {outputs} output{'s' * (outputs != 1)} knows the classes 0 to {most}; the targets have "
            f"{target.min():g} to {target.max():g}. For numbers that are no classes write task='regression'"
        )
    return classes


def _last(model: Any) -> Any:
    return model.modules()[-1] if isinstance(model, Module) else None


def _reaching(model: Any, found: DecisionBoundary, top: float) -> DecisionBoundary:
    """The boundary over a plane that reaches up to `top`, where the legend needs room above the points."""
    if top <= found.x2[-1]:
        return found
    x2 = np.linspace(found.x2[0], top, len(found.x2))
    output = predict(model, plane(found.x1, x2)).reshape(found.output.shape)
    classes, confidence = decide(output, found.threshold, isinstance(_last(model), Softmax))
    return replace(found, x2=x2, output=output, classes=classes, confidence=confidence)


def regions(ax: Axes, theme: Theme, found: DecisionBoundary) -> None:
    """The background in the colours of the classes, and the boundaries between them."""
    assert found.classes is not None
    assert found.confidence is not None
    n = max(2, found.output.shape[-1])
    ground = canvas.rgb(theme.background)
    paints = np.array([canvas.rgb(colour) for colour in canvas.class_colours(theme, n)])
    share = (0.10 + 0.34 * found.confidence)[..., None]
    image = ground * (1 - share) + paints[found.classes] * share
    ax.imshow(
        image, extent=extent(found.x1, found.x2), origin="lower", aspect="auto", interpolation="bilinear"
    )
    if found.output.shape[-1] == 1:
        levels = [found.output[..., 0] - found.threshold]
    else:
        levels = []
        for k in range(n):
            others = np.delete(found.output, k, axis=-1).max(-1)
            levels.append(found.output[..., k] - others)
        levels = levels[: 1 if n == 2 else n]
    for level in levels:
        if level.min() < 0 < level.max():
            ax.contour(found.x1, found.x2, level, levels=[0.0], colors=[theme.text], linewidths=1.4)


def scatter(
    ax: Axes,
    theme: Theme,
    points: np.ndarray,
    target: np.ndarray | None,
    answers: np.ndarray | None = None,
    size: float = 26,
) -> None:
    """The points, with a colour and a marker for each class; misclassified points have a ring."""
    if target is None:
        ax.scatter(
            points[:, 0], points[:, 1], s=size, color=theme.text, edgecolors=theme.background, linewidths=0.6
        )
        return
    n = max(2, int(target.max()) + 1)
    for k, (colour, marker) in enumerate(zip(canvas.class_colours(theme, n), canvas.class_markers(n))):
        mine = points[target == k]
        if len(mine):
            edge: dict[str, Any] = (
                {} if marker.startswith("$") else {"edgecolors": theme.background, "linewidths": 0.6}
            )
            ax.scatter(
                mine[:, 0], mine[:, 1], s=size, color=colour, marker=marker, label=f"class {k}", **edge
            )
    if answers is not None and (answers != target).any():
        wrong = points[answers != target]
        ax.scatter(
            wrong[:, 0],
            wrong[:, 1],
            s=size * 4,
            facecolors="none",
            edgecolors=theme.text,
            linewidths=1.4,
            label="wrong",
        )


def class_legend(ax: Axes, theme: Theme, points: np.ndarray) -> None:
    """Name the markers that `scatter` drew, where no point is. The markers of many classes are the class numbers."""
    if 0 < len(ax.get_legend_handles_labels()[1]) <= len(canvas.MARKERS) + 1:
        canvas.legend_above(ax, theme, float(points[:, 1].max()))


def extent(x1: np.ndarray, x2: np.ndarray) -> tuple[float, float, float, float]:
    """The edges of an image with the centres of its pixels at these coordinates."""
    a, b = (x1[1] - x1[0]) / 2, (x2[1] - x2[0]) / 2
    return float(x1[0] - a), float(x1[-1] + a), float(x2[0] - b), float(x2[-1] + b)


def _regression(ax: Axes, theme: Theme, found: DecisionBoundary) -> None:
    field = found.output[..., 0]
    every = field if found.target is None else np.concatenate([field.ravel(), found.target])
    low, high = float(every.min()), float(every.max())
    signed = low < 0 < high
    if signed:
        low, high = min(low, -high), max(high, -low)
    drawn = ax.imshow(
        field,
        extent=extent(found.x1, found.x2),
        origin="lower",
        aspect="auto",
        cmap=canvas.diverging(theme) if signed else canvas.sequential(theme),
        vmin=low,
        vmax=high,
        interpolation="bilinear",
    )
    if field.min() < field.max():
        ax.contour(found.x1, found.x2, field, levels=8, colors=[theme.text], linewidths=0.5, alpha=0.6)
    given: dict[str, Any] = (
        {} if found.target is None else {"c": found.target, "cmap": drawn.cmap, "vmin": low, "vmax": high}
    )
    ax.scatter(found.points[:, 0], found.points[:, 1], s=30, edgecolors=theme.text, linewidths=0.8, **given)
    canvas.colour_bar(ax, theme, drawn, "answer; in the dots, the target")
