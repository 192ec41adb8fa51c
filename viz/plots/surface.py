"""The loss surface: the loss over a plane through the parameters, and the path of the training on it.

As in Li et al., "Visualizing the Loss Landscape of Neural Nets", 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import RangeError, ShapeError, Tape, no_grad
from ...autograd.extending import recording, spelt
from ..common.errors import check_count
from ..common.themes import Theme
from . import canvas
from .networks import Vector, check_loss, evaluating, is_scalar, numbers, one_number, samples
from .recorder import Recorder

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LossSurface", "plot_loss_surface", "plot_loss_surface_data"]


@dataclass(frozen=True, eq=False)
class LossSurface:
    """The loss over a plane through the current parameters, which are at (0, 0).

    Attributes:
        a, b: coordinates along the first and the second direction.
        loss: `(len(b), len(a))`.
        directions: `(2, parameters)`.
        path: the snapshots of the training projected to the plane, `(snapshots, 2)`; or `None`.
        explained: the share of the squared distances of the snapshots that lies in the plane; `None` without a path.
        kind: "random", "path" or "chosen": where the directions come from.
    """

    a: np.ndarray
    b: np.ndarray
    loss: np.ndarray
    directions: np.ndarray
    path: np.ndarray | None
    explained: float | None
    kind: str


@spelt
def plot_loss_surface_data(
    model: Any,
    X: Any,
    y: Any,
    loss: Callable[[Any, Any], Any],
    *,
    directions: Any = None,
    path: Recorder | np.ndarray | None = None,
    reach: float = 1.0,
    resolution: int = 31,
    seed: int | None = 0,
) -> LossSurface:
    """The data that `plot_loss_surface` draws; it also accepts them, so that they can be computed once and drawn often.

    >>> from chainrule.nn import MLP, cross_entropy, datasets
    >>> from chainrule.viz import plot_loss_surface_data
    >>> model, (X, y) = MLP(2, [4, 2], seed=0), datasets.moons(50, seed=0)
    >>> found = plot_loss_surface_data(model, X, y, cross_entropy, resolution=5)
    >>> found.loss.shape, bool(found.loss[2, 2] == cross_entropy(model(X), y).data)
    ((5, 5), True)
    """
    check_loss(loss)
    check_count("resolution", resolution, 2)
    if not reach > 0:
        raise RangeError(f"reach={reach!r} is how far the plane extends, above 0; write one such as 1.0")
    vector = Vector(model)
    centre = vector.get()
    been = path.path if isinstance(path, Recorder) else None if path is None else np.asarray(path, np.float64)
    if been is not None and (been.ndim != 2 or len(been) < 2 or been.shape[1] != len(centre)):
        raise ShapeError(
            f"a path has two snapshots of {len(centre)} parameters or more, one in each row; given shape {been.shape}"
        )
    if directions is None:
        directions = "random" if been is None else "path"
    u, kind = _directions(directions, vector, centre, been, seed)
    positions, explained = None, None
    if been is not None:
        moved = been - centre
        positions = np.linalg.lstsq(u.T, moved.T, rcond=None)[0].T
        total = float(np.square(moved).sum())
        explained = float(np.square(positions @ u).sum() / total) if total else 1.0
    a, b = _span(0, positions, reach, resolution), _span(1, positions, reach, resolution)
    points = samples(X, "a loss surface")
    with evaluating(model, loss):
        measure = _measure(model, points, y, loss)
        found = np.empty((len(b), len(a)))
        for i, t in enumerate(b):
            for j, s in enumerate(a):
                vector.set(centre + s * u[0] + t * u[1])
                with np.errstate(all="ignore"):
                    found[i, j] = measure()
    return LossSurface(a, b, found, u, positions, explained, kind)


def _directions(
    chosen: Any, vector: Vector, centre: np.ndarray, path: np.ndarray | None, seed: int | None
) -> tuple[np.ndarray, str]:
    if isinstance(chosen, str) and chosen == "random":
        rng = np.random.default_rng(seed)
        return np.stack(
            [filter_normalised(rng.standard_normal(len(centre)), vector, centre) for _ in range(2)]
        ), "random"
    if isinstance(chosen, str) and chosen == "path":
        if path is None:
            raise RangeError(
                'directions="path" are those in which a training moved most; give its path as well'
            )
        _, _, found = np.linalg.svd(path - centre, full_matrices=False)
        if len(found) < 2 or len(path) < 3:
            raise ShapeError(
                "the directions of a path need three snapshots or more; or write directions='random'"
            )
        # so that the path starts at the upper right
        signs = np.where((found[:2] @ (path[0] - centre)) < 0, -1.0, 1.0)
        return found[:2] * signs[:, None], "path"
    if isinstance(chosen, str):
        raise RangeError(f"directions are 'random', 'path' or two vectors; given {chosen!r}")
    u = numbers(chosen, "two directions")
    u = u.reshape(len(u), -1) if u.ndim else u
    if u.shape != (2, len(centre)) or np.linalg.matrix_rank(u) < 2:
        raise ShapeError(
            f"two different directions of {len(centre)} numbers each are needed, one number for each parameter; "
            f"given shape {u.shape}"
        )
    return u, "chosen"


def filter_normalised(direction: np.ndarray, vector: Vector, centre: np.ndarray) -> np.ndarray:
    """The direction with each filter scaled to the norm of that filter of the parameters; 0 for biases and scales.

    Without it, surfaces of networks with weights of different sizes could not be compared (Li et al., section 4).
    """
    found = np.zeros_like(direction)
    for group in vector.filters:
        size = np.linalg.norm(direction[group])
        found[group] = direction[group] * (np.linalg.norm(centre[group]) / size if size else 0.0)
    return found


def _span(axis: int, positions: np.ndarray | None, reach: float, resolution: int) -> np.ndarray:
    """Coordinates from `-reach` to `reach`; with a path, a range that contains it, with a margin."""
    if positions is None:
        return np.linspace(-reach, reach, resolution)
    widest = float(np.ptp(positions, axis=0).max()) * reach or reach
    middle = (positions[:, axis].min() + positions[:, axis].max()) / 2
    half = max(float(np.ptp(positions[:, axis])) * 0.5, 0.25 * widest) + 0.25 * widest
    return np.linspace(middle - half, middle + half, resolution)


def _measure(model: Any, X: np.ndarray, y: Any, loss: Callable[[Any, Any], Any]) -> Callable[[], float]:
    """A function that computes the loss now; a network of Values is recorded once, then replayed."""
    if is_scalar(model):
        with recording(True):
            tape = Tape(loss([model(row) for row in X.tolist()], y))
        return lambda: float(tape.forward())

    def measure() -> float:
        with no_grad():
            return one_number(loss(model(X), y), "the loss")

    return measure


@spelt
def plot_loss_surface(
    model: Any,
    X: Any = None,
    y: Any = None,
    loss: Callable[[Any, Any], Any] | None = None,
    ax: Axes | None = None,
    *,
    directions: Any = None,
    path: Recorder | np.ndarray | None = None,
    reach: float = 1.0,
    resolution: int = 31,
    seed: int | None = 0,
    theme: str | Theme = "light",
) -> Axes:
    """The loss over a plane through the parameters, dark where it is high, with the path of the training.

    `loss(prediction, y)` is computed in evaluation mode at `resolution` times `resolution` points. `directions` are
    "random" (from `seed`, each filter scaled to the norm of the weights, Li et al., 2018; the plane extends by `reach`
    to each side), "path" (the first two principal components of the path; the default with a `path`), or two vectors
    with one number for each parameter. `path` is a `Recorder`, or an array of snapshots. The first argument may also be
    the result of `plot_loss_surface_data`. The parameters are restored afterwards.

    Raises `ShapeError` for directions or a path of another size, `RangeError` for other names.

    >>> from chainrule.nn import MLP, cross_entropy, datasets
    >>> from chainrule.viz import plot_loss_surface
    >>> model, (X, y) = MLP(2, [4, 2], seed=0), datasets.moons(50, seed=0)
    >>> plot_loss_surface(model, X, y, cross_entropy, resolution=5).get_xlabel()
    'first random direction'
    """
    if isinstance(model, LossSurface):
        found = model
    else:
        if loss is None:
            raise RangeError(
                "a loss surface takes the model, the data X and y, and the loss, such as cross_entropy"
            )
        found = plot_loss_surface_data(
            model, X, y, loss, directions=directions, path=path, reach=reach, resolution=resolution, seed=seed
        )
    ax, colours = canvas.axes(ax, theme)
    height = np.where(np.isfinite(found.loss), found.loss, np.nan)
    levels = _levels(height)
    from matplotlib.colors import BoundaryNorm

    colourmap = canvas.sequential(colours)
    norm = BoundaryNorm(levels, colourmap.N, extend="neither")
    drawn = ax.contourf(found.a, found.b, height, levels=levels, cmap=colourmap, norm=norm)
    ax.contour(
        found.a, found.b, height, levels=levels, colors=[colours.background], linewidths=0.5, alpha=0.6
    )
    bar = ax.figure.colorbar(drawn, ax=ax, pad=0.02, format="%.2g")
    canvas.paint(bar.ax, colours)
    bar.outline.set_edgecolor(colours.frame)
    bar.set_label("loss", fontsize=canvas.SMALL, color=colours.text)
    title = "The loss around the trained parameters"
    if found.path is not None:
        (line,) = ax.plot(
            found.path[:, 0], found.path[:, 1], color=colours.gradient, lw=2, label="path of the training"
        )
        line.set_path_effects(_outlined(colours))
        ax.plot(*found.path[:1].T, "o", ms=9, color=colours.gradient, mec=colours.background, label="start")
        title = f"Path of the training: the plane contains {found.explained:.0%} of it"
    ax.plot(0, 0, "*", ms=15, color=colours.gradient, mec=colours.background, label="the parameters now")
    ax.set_xlim(found.a[0], found.a[-1])
    ax.set_ylim(found.b[0], found.b[-1])
    names = {"random": "random direction", "path": "direction of the path", "chosen": "chosen direction"}
    canvas.label(ax, colours, title, f"first {names[found.kind]}", f"second {names[found.kind]}")
    canvas.legend(ax, colours)
    return ax


def _levels(height: np.ndarray) -> np.ndarray:
    """The levels of the contours: quantiles of the loss, so that flat and steep regions are both visible."""
    if not np.isfinite(height).any():
        raise RangeError("the loss is NaN or infinite on the whole plane, so there is no surface to draw")
    found = np.unique(np.nanquantile(height, np.linspace(0, 1, 15)))
    found = found[np.isfinite(found)]
    return found if len(found) > 2 else np.linspace(found[0] - 0.5, found[0] + 0.5, 3)


def _outlined(theme: Theme) -> list[Any]:
    from matplotlib import patheffects

    return [patheffects.withStroke(linewidth=4, foreground=theme.background)]
