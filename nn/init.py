"""Initial weights: random numbers whose variance keeps signals from dying out or blowing up over many layers.

Each function returns a new array; give it to `Parameter`. A weight matrix is `(fan_in, fan_out)`, as in
`Z = X W + b`: a unit sums over `fan_in` inputs and its output goes to `fan_out` units. For a kernel
`(out_channels, in_channels, height, width)` both are counted over the window. Glorot suits tanh and sigmoid, He
suits ReLU and its family; biases start at zero, weights never, because equal weights learn equal things.
`gain` multiplies the standard deviation.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from ..autograd.errors import ShapeError

__all__ = [
    "Seed",
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "normal",
    "uniform",
    "zeros",
]

Seed: TypeAlias = int | np.random.Generator | None
"""What random numbers start from: a number, a generator to go on with, or `None` for other ones each time."""

Shape: TypeAlias = tuple[int, ...]


def fans(shape: Shape) -> tuple[int, int]:
    """How many inputs a unit sums over, and how many units an input goes to: `(fan_in, fan_out)`.

    >>> from chainrule.nn import init
    >>> init.fans((64, 32)), init.fans((8, 3, 5, 5))
    ((64, 32), (75, 200))
    """
    if len(shape) < 2:
        raise ShapeError(
            f"weights of shape {shape} have no fan_in and fan_out: these belong to a matrix (fan_in, fan_out) or "
            f"to a kernel (out_channels, in_channels, height, width). Write init.normal({shape}, std=...) instead."
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def zeros(shape: Shape, *, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Zeros of the given shape: for biases only.

    >>> from chainrule.nn import init
    >>> init.zeros((3,))
    array([0., 0., 0.])
    """
    return np.zeros(shape, dtype)


def normal(shape: Shape, *, std: float = 0.1, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Normal numbers with mean 0 and standard deviation `std`.

    >>> from chainrule.nn import init
    >>> init.normal((2, 2), std=0.1, seed=0).round(3)
    array([[ 0.013, -0.013],
           [ 0.064,  0.01 ]])
    """
    return (std * np.random.default_rng(seed).standard_normal(shape)).astype(dtype, copy=False)


def uniform(shape: Shape, *, std: float, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Uniform numbers with mean 0 and standard deviation `std`: between `-sqrt(3) std` and `sqrt(3) std`.

    >>> from chainrule.nn import init
    >>> bool(abs(init.uniform((100, 100), std=1.0, seed=0)).max() <= 3**0.5)
    True
    """
    bound = math.sqrt(3) * std
    return np.random.default_rng(seed).uniform(-bound, bound, shape).astype(dtype, copy=False)


def _glorot(shape: Shape, gain: float) -> float:
    fan_in, fan_out = fans(shape)
    return gain * math.sqrt(2 / max(fan_in + fan_out, 1))


def _he(shape: Shape, gain: float) -> float:
    return gain * math.sqrt(2 / max(fans(shape)[0], 1))


def glorot_uniform(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010).

    >>> from chainrule.nn import init
    >>> bool(abs(init.glorot_uniform((100, 50), seed=0)).max() <= (6 / 150) ** 0.5)
    True
    """
    return uniform(shape, std=_glorot(shape, gain), seed=seed, dtype=dtype)


def glorot_normal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).

    >>> from chainrule.nn import init
    >>> float(init.glorot_normal((300, 100), seed=0).var().round(3)), 2 / 400
    (0.005, 0.005)
    """
    return normal(shape, std=_glorot(shape, gain), seed=seed, dtype=dtype)


def he_uniform(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(6 / fan_in)` (He et al., 2015).

    >>> from chainrule.nn import init
    >>> bool(abs(init.he_uniform((100, 50), seed=0)).max() <= (6 / 100) ** 0.5)
    True
    """
    return uniform(shape, std=_he(shape, gain), seed=seed, dtype=dtype)


def he_normal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `2 / fan_in` (He et al., 2015).

    >>> from chainrule.nn import init
    >>> float(init.he_normal((300, 100), seed=0).var().round(3)), round(2 / 300, 3)
    (0.007, 0.007)
    """
    return normal(shape, std=_he(shape, gain), seed=seed, dtype=dtype)
