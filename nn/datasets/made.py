"""Made data: points in the plane that belong to classes, for pictures of decision boundaries, or have a number each.

Each function returns `(X, y)`: `X` is `(n_samples, 2)` float64, `y` is `(n_samples,)` int64, classes
numbered from 0. The classes have equal numbers of samples, up to one; the samples are in random order, and the
same `seed` gives the same numbers. `noise` is the standard deviation of the noise that is added to every coordinate.
`plane` and `bumps`, for regression, return float64 numbers in `y`, and add the noise to these.
"""

from __future__ import annotations

import numpy as np

from ...autograd import RangeError
from ...autograd.extending import spelt
from ..base.arguments import one_number, whole_number
from ..init.seeds import Seed, generator

__all__ = ["bumps", "circles", "gaussians", "moons", "plane", "rings", "spirals", "xor"]

Points = tuple[np.ndarray, np.ndarray]


def _classes(n_samples: int, n_classes: int = 2) -> np.ndarray:
    """The classes in turn: 0, 1, 0, 1, ..."""
    for n, what in ((n_samples, "samples"), (n_classes, "classes")):
        if whole_number(n, f"the number of {what}", least=0) < 1:
            raise RangeError(f"{n} {what} were asked for: there must be at least one")
    return np.arange(n_samples, dtype=np.int64) % n_classes


def _deviation(noise: float) -> float:
    """The standard deviation of the noise, checked."""
    noise = one_number(noise, "noise")
    if not 0 <= noise < np.inf:
        raise RangeError(f"noise is a standard deviation, finite and not negative; given {noise}")
    return noise


def _finish(x: np.ndarray, y: np.ndarray, classes: np.ndarray, noise: float, seed: Seed) -> Points:
    """Points at `(x, y)`, made noisy and shuffled."""
    noise = _deviation(noise)
    rng = generator(seed)
    order = rng.permutation(len(classes))
    points = np.stack([x, y], axis=1)[order]
    return points + noise * rng.standard_normal(points.shape), classes[order]


@spelt
def moons(n_samples: int = 100, noise: float = 0.1, seed: Seed = None) -> Points:
    """Two interleaved half circles of radius 1.

    >>> from chainrule.nn.datasets import moons
    >>> X, y = moons(100, noise=0.1, seed=0)
    >>> X.shape, y[:6]
    ((100, 2), array([0, 0, 0, 1, 1, 0]))
    """
    classes = _classes(n_samples)
    t = np.linspace(0, np.pi, n_samples)
    upper = classes == 0
    x = np.where(upper, np.cos(t), 1 - np.cos(t))
    y = np.where(upper, np.sin(t), 0.5 - np.sin(t))
    return _finish(x, y, classes, noise, seed)


@spelt
def circles(n_samples: int = 100, noise: float = 0.1, seed: Seed = None, factor: float = 0.5) -> Points:
    """A circle of radius 1 (class 0) around one of radius `factor` (class 1).

    `rings` are filled, and have a gap between the classes.

    >>> from chainrule.nn.datasets import circles
    >>> X, y = circles(4, noise=0.0, seed=0)
    >>> (X**2).sum(axis=1), y
    (array([1.  , 1.  , 0.25, 0.25]), array([0, 0, 1, 1]))
    """
    classes = _classes(n_samples)
    t = np.linspace(0, 2 * np.pi, n_samples, endpoint=False)
    radius = np.where(classes == 0, 1.0, one_number(factor, "factor"))
    return _finish(radius * np.cos(t), radius * np.sin(t), classes, noise, seed)


@spelt
def rings(n_samples: int = 200, noise: float = 0.05, seed: Seed = None) -> Points:
    """A ring (class 0) around a disc (class 1), each filled evenly; there are no points between radius 0.5 and 0.75.

    A closed boundary around the disc needs at least three hidden units: two fail, four succeed.
    `circles` are two lines, with noise.

    >>> from chainrule.nn.datasets import rings
    >>> X, y = rings(200, noise=0.0, seed=0)
    >>> radius = (X**2).sum(axis=1) ** 0.5
    >>> bool((radius[y == 0] >= 0.75).all()), bool((radius[y == 1] <= 0.5).all())
    (True, True)
    """
    rng = generator(seed)
    classes = _classes(n_samples)
    area, t = rng.random((2, n_samples)) * [[1.0], [2 * np.pi]]
    radius = np.sqrt(np.where(classes == 0, 0.75**2 + area * (1 - 0.75**2), area * 0.5**2))
    return _finish(radius * np.cos(t), radius * np.sin(t), classes, noise, rng)


@spelt
def gaussians(
    n_samples: int = 100, noise: float = 0.5, seed: Seed = None, n_classes: int = 2, distance: float = 1.5
) -> Points:
    """Round clouds of deviation `noise`, their centres evenly on a circle of radius `distance`.

    >>> from chainrule.nn.datasets import gaussians
    >>> X, y = gaussians(90, seed=0, n_classes=3)
    >>> X.shape, [int((y == c).sum()) for c in range(3)]
    ((90, 2), [30, 30, 30])
    """
    classes = _classes(n_samples, n_classes)
    angle, distance = 2 * np.pi * classes / n_classes, one_number(distance, "distance")
    return _finish(distance * np.cos(angle), distance * np.sin(angle), classes, noise, seed)


@spelt
def xor(n_samples: int = 100, noise: float = 0.1, seed: Seed = None) -> Points:
    """Four quarters of the square from -1 to 1: class 1 where the signs of the coordinates differ.

    No line separates the classes, so a single perceptron cannot learn them.

    >>> from chainrule.nn.datasets import xor
    >>> X, y = xor(100, noise=0.0, seed=0)
    >>> bool((y == (X[:, 0] * X[:, 1] < 0)).all())
    True
    """
    rng = generator(seed)
    quarter = _classes(n_samples, 4)  # classes 0, 1, 0, 1 around the origin
    side_x = np.array([1, -1, -1, 1])[quarter]
    side_y = np.array([1, 1, -1, -1])[quarter]
    x, y = rng.random((2, n_samples))
    return _finish(side_x * x, side_y * y, quarter % 2, noise, rng)


@spelt
def spirals(
    n_samples: int = 200, noise: float = 0.05, seed: Seed = None, n_classes: int = 2, turns: float = 1.0
) -> Points:
    """Arms that wind outwards from the origin to radius 1 in `turns` turns, one for each class.

    >>> from chainrule.nn.datasets import spirals
    >>> X, y = spirals(300, seed=0, n_classes=3)
    >>> X.shape, y.max()
    ((300, 2), np.int64(2))
    """
    classes = _classes(n_samples, n_classes)
    radius = np.linspace(0.05, 1, n_samples)
    angle = 2 * np.pi * (one_number(turns, "turns") * radius + classes / n_classes)
    return _finish(radius * np.cos(angle), radius * np.sin(angle), classes, noise, seed)


def plane(n_samples: int = 200, noise: float = 0.1, seed: Seed = None) -> Points:
    """Points in the square from -1 to 1, and a number for each, which lies on a plane: `y = (x1 + x2) / 2`.

    `y` is float64, from -1 to 1; `noise` is the standard deviation of what is added to it. A linear unit learns it.

    >>> from chainrule.nn.datasets import plane
    >>> X, y = plane(100, noise=0.0, seed=0)
    >>> X.shape, bool(abs(y - X.mean(axis=1)).max() < 1e-15)
    ((100, 2), True)
    """
    X, rng = _square(n_samples, noise, seed)
    return X, X.sum(axis=1) / 2 + noise * rng.standard_normal(len(X))


BUMPS = np.array(  # the centre of each, and its sign
    [
        [0.8, 0.0, 1.0],
        [-0.8, 0.0, -1.0],
        [0.4, 0.7, -1.0],
        [-0.4, 0.7, 1.0],
        [0.4, -0.7, 1.0],
        [-0.4, -0.7, -1.0],
    ]
)


def bumps(n_samples: int = 200, noise: float = 0.1, seed: Seed = None) -> Points:
    """Points in the square from -1 to 1, and a number for each: three hills of height 1, and three hollows.

    Each is `exp(-12 d^2)` at distance `d` from its centre; the centres stand alternately on a ring around the origin.
    `y` is float64; `noise` is the standard deviation of what is added to it.

    >>> from chainrule.nn.datasets import bumps
    >>> X, y = bumps(2000, noise=0.0, seed=0)
    >>> X.shape, y[abs(X - [0.8, 0.0]).max(axis=1) < 0.05].min().round(1)
    ((2000, 2), np.float64(1.0))
    """
    X, rng = _square(n_samples, noise, seed)
    distances = ((X[:, None] - BUMPS[:, :2]) ** 2).sum(axis=2)
    return X, np.exp(-12 * distances) @ BUMPS[:, 2] + noise * rng.standard_normal(len(X))


def _square(n_samples: int, noise: float, seed: Seed) -> tuple[np.ndarray, np.random.Generator]:
    """Points spread evenly over the square from -1 to 1, and the generator for what follows."""
    noise = _deviation(noise)
    rng = generator(seed)
    return rng.uniform(-1, 1, (len(_classes(n_samples)), 2)), rng
