"""Functions of one number: activations with their derivatives, and sums of ReLUs that approximate any function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, RangeError, Tensor, gradients
from ...autograd.extending import describe, recording, spelt
from ...nn import Activation, box_network, unchanged
from ...nn.layers.activations import ACTIVATIONS
from ...nn.layers.activations import activation as activation_named
from ..common.errors import check_count
from ..common.themes import Theme
from . import canvas
from .networks import one_number, predict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Approximation",
    "plot_activation_functions",
    "plot_activation_functions_data",
    "plot_approximation",
    "plot_approximation_data",
]

Function = Callable[[Any], Any]
Curve = tuple[np.ndarray, np.ndarray, np.ndarray]

# ---------------------------------------------------------------------- activations


@spelt
def plot_activation_functions_data(
    functions: str | Activation | Sequence[str | Activation] = tuple(ACTIVATIONS),
    *,
    low: float = -4.0,
    high: float = 4.0,
    points: int = 321,
) -> dict[str, Curve]:
    """For each activation `(x, value, derivative)`, the derivative computed by the engine at each `x`.

    >>> from chainrule.viz import plot_activation_functions_data
    >>> x, y, slope = plot_activation_functions_data("relu", low=-1, high=1, points=3)["relu"]
    >>> y, slope
    (array([0., 0., 1.]), array([0., 0., 1.]))
    """
    check_count("points", points, 2)
    if not low < high:
        raise RangeError(f"the functions are drawn from low to high; given low={low!r} and high={high!r}")
    one = isinstance(functions, (str, Activation))
    chosen: Sequence[str | Activation] = [functions] if one else functions  # type: ignore[assignment, list-item]
    if not isinstance(chosen, Iterable) or not chosen:
        raise KindError(
            f"activations are names, such as 'tanh', or modules, such as LeakyReLU(0.1), one or a list of several; "
            f"given {describe(functions)}"
        )
    x, found = np.linspace(low, high, points), {}
    for each in chosen:
        module, name = (activation_named(each)[0](), each) if isinstance(each, str) else (each, repr(each))
        at = Tensor(x, requires_grad=True)
        with unchanged(module), recording(True):
            value = module.forward(at)
            (derivative,) = gradients(value.sum(), [at])
        found[name] = (x, np.array(value.data), np.array(derivative))
    return found


@spelt
def plot_activation_functions(
    functions: str | Activation | Sequence[str | Activation] = tuple(ACTIVATIONS),
    ax: Axes | None = None,
    *,
    low: float = -4.0,
    high: float = 4.0,
    theme: str | Theme = "light",
) -> Axes:
    """Activations, in blue, with their derivatives, the factors of the gradient, in orange.

    `functions` are names, such as "tanh", or modules, such as `LeakyReLU(0.1)`; by default all activations that a
    network takes by name. The engine computes the derivatives. The background is shaded where the derivative is below
    1/20 in absolute value.

    >>> from chainrule.viz import plot_activation_functions
    >>> plot_activation_functions("tanh").get_title(loc="left")
    'tanh and its derivative'
    """
    found = plot_activation_functions_data(functions, low=low, high=high)
    if len(found) == 1:
        ax, colours = canvas.axes(ax, theme)
        ((name, curve),) = found.items()
        _curve(ax, colours, curve)
        canvas.label(ax, colours, f"{name} and its derivative", "x", "", grid=True)
        canvas.legend(ax, colours, loc="upper left")
        return ax
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    ax, colours = canvas.axes(ax, theme, (9.0 if columns == 3 else 6.4, 0.6 + 2.2 * rows))
    panels = canvas.panels(ax, colours, list(found), columns, gap=(0.4, 0.55))
    for panel, curve in zip(panels, found.values()):
        _curve(panel, colours, curve)
        panel.grid(color=colours.frame, linewidth=0.5, alpha=0.6)
    canvas.legend(panels[0], colours, loc="upper left")
    canvas.label(ax, colours, "Activations and their derivatives (shaded: derivative below 1/20 in size)")
    return ax


def _curve(ax: Axes, theme: Theme, curve: Curve) -> None:
    x, y, dy = curve
    ax.axhline(0, color=theme.outline, lw=0.8)
    ax.axvline(0, color=theme.outline, lw=0.8)
    ax.plot(x, y, color=theme.value, lw=2.2, label="value")
    ax.plot(x, dy, color=theme.gradient, lw=2.2, ls=(0, (5, 1.5)), label="derivative")
    ax.fill_between(
        x,
        0,
        1,
        where=np.abs(dy) < 0.05,
        transform=ax.get_xaxis_transform(),
        color=theme.gradient,
        alpha=0.09,
        lw=0,
    )
    ax.set_xlim(x[0], x[-1])
    low, high = min(y.min(), dy.min()), max(dy.max(), min(y.max(), 3.0))
    ax.set_ylim(max(low, -3.0) - 0.15, high + 0.15)


# ---------------------------------------------------------------------- universal approximation


@dataclass(frozen=True, eq=False)
class Approximation:
    """A function, and the sum of boxes that approximates it.

    Attributes:
        x, target, total: the points, the function there, and the sum of all boxes.
        boxes: each box, `(boxes, points)`.
        error: the largest difference between function and sum.
        units: the number of hidden units of each box: four ReLUs, or two steps.
    """

    x: np.ndarray
    target: np.ndarray
    total: np.ndarray
    boxes: np.ndarray
    error: float
    units: int = 4


@spelt
def plot_approximation_data(
    function: Function,
    boxes: int = 10,
    *,
    low: float = 0.0,
    high: float = 1.0,
    steepness: float = 0.05,
    activation: str = "relu",
    points: int = 1001,
) -> Approximation:
    """The data that `plot_approximation` draws, which explains the arguments.

    >>> from chainrule.viz import plot_approximation_data
    >>> coarse, fine = (plot_approximation_data(np.sin, n, high=3.0).error for n in (5, 50))
    >>> fine < coarse / 5
    True
    """
    if not callable(function):
        raise KindError(
            f"a function of one number is approximated, such as np.sin; given {describe(function)}"
        )
    if not isinstance(boxes, int) or boxes < 1 or not low < high or not 0 < steepness <= 1:
        raise RangeError(
            f"1 box or more stand side by side from low to high, and a side takes the part `steepness` of a box; "
            f"given {boxes!r} boxes from {low:g} to {high:g} with steepness {steepness:g}"
        )
    e = 0.0 if activation == "step" else steepness * (high - low) / boxes
    edges = np.linspace(low, high, boxes + 1)
    # a box of ReLUs rises after its left edge and falls after its right one: it is moved by half a side to the left
    found = [
        box_network(
            [a - e / 2, b - e / 2],
            [one_number(function((a + b) / 2), "the function")],
            e or None,
            activation=activation,
        )
        for a, b in pairwise(edges)
    ]
    x = np.linspace(low, high, points)
    values = np.stack([predict(box, x[:, None])[:, 0] for box in found])
    target, total = np.array([one_number(function(v), "the function") for v in x]), values.sum(axis=0)
    inner = (x >= low + e / 2) & (x <= high - e / 2)  # the outermost sides have no neighbour to add up with
    error = float(np.abs(total - target)[inner & (x < high)].max())  # the last step falls at `high` itself
    return Approximation(x, target, total, values, error, 2 if activation == "step" else 4)


@spelt
def plot_approximation(
    function: Function,
    boxes: int = 10,
    ax: Axes | None = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    steepness: float = 0.05,
    activation: str = "relu",
    theme: str | Theme = "light",
) -> Axes:
    """A continuous function approximated by a sum of boxes: why one hidden layer is enough.

    The boxes are those of `nn.box_network`, side by side from `low` to `high`: of four ReLUs each, or with
    `activation="step"` of two step units. The height of each is the function in its middle; the sides of ReLUs take the
    share `steepness` of its width. More boxes give a smaller error.

    >>> from chainrule.viz import plot_approximation
    >>> plot_approximation(np.sin, boxes=12, high=6.0).get_xlabel()
    'x'
    """
    found = plot_approximation_data(
        function, boxes, low=low, high=high, steepness=steepness, activation=activation
    )
    ax, colours = canvas.axes(ax, theme)
    e = 0.0 if activation == "step" else steepness * (high - low) / boxes
    count = f"{boxes} box{'es' * (boxes > 1)}"
    for k, box in enumerate(found.boxes):
        part = np.abs(box) > 1e-9  # beside it there are rounding errors
        ax.fill_between(found.x[part], 0, box[part], color=colours.value, alpha=0.13 if k % 2 else 0.24, lw=0)
    ax.axhline(0, color=colours.outline, lw=0.8)
    ax.plot(found.x, found.target, color=colours.text, lw=1.6, ls=(0, (5, 1.5)), label="the function")
    inner = (found.x > low + e) & (found.x < high - e)
    ax.plot(
        found.x[inner],
        found.total[inner],
        color=colours.value,
        lw=2,
        label=f"sum of {count}, {found.units * boxes} {'ReLUs' if e else 'steps'}",
    )
    units = "four ReLUs" if e else "two steps"
    each = f"{count} of {units}{' each' * (boxes > 1)}"
    title = f"{each} stay{'s' * (boxes == 1)} within {found.error:.2g} of the function"
    canvas.label(ax, colours, title, "x", "y")
    canvas.legend(ax, colours)
    return ax
