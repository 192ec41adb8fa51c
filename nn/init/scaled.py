"""Weights whose variance follows from fan_in and fan_out: Glorot, He, LeCun, and orthogonal matrices."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import RangeError, ShapeError
from ...autograd.extending import spelt
from ..base.arguments import checked_factor, floating
from .distributions import normal, uniform
from .seeds import Seed, Shape, checked_shape, generator

__all__ = [
    "fans",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "xavier_normal",
    "xavier_uniform",
]


@spelt
def fans(shape: Shape) -> tuple[int, int]:
    """The number of inputs that a unit sums over, and the number of units that an input goes to: `(fan_in, fan_out)`.

    >>> from chainrule.nn import init
    >>> init.fans((64, 32)), init.fans((8, 3, 5, 5))
    ((64, 32), (75, 200))
    """
    shape = checked_shape(shape)
    if len(shape) < 2:
        raise ShapeError(
            f"weights of shape {shape} have no fan_in and fan_out: these belong to a matrix (fan_in, fan_out) or "
            f"to a kernel (out_channels, in_channels, height, width). Write init.normal({shape}, std=...) instead."
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _glorot(shape: Shape, gain: float) -> float:
    fan_in, fan_out = fans(shape)
    return checked_factor("gain", gain) * math.sqrt(2 / max(fan_in + fan_out, 1))


def _by_fan(shape: Shape, gain: float, mode: str = "fan_in", factor: float = 1.0) -> float:
    """The standard deviation `factor * gain / sqrt(fan)`."""
    if not isinstance(mode, str) or mode not in ("fan_in", "fan_out"):
        raise RangeError(
            f"mode is 'fan_in', which keeps the variance of activations, or 'fan_out', which keeps that of gradients; "
            f"given {mode!r}"
        )
    return factor * checked_factor("gain", gain) / math.sqrt(max(fans(shape)[mode == "fan_out"], 1))


@spelt
def glorot_uniform(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, 2010).

    >>> from chainrule.nn import init
    >>> bool(abs(init.glorot_uniform((100, 50), seed=0)).max() <= (6 / 150) ** 0.5)
    True
    """
    return uniform(shape, std=_glorot(shape, gain), seed=seed, dtype=dtype)


@spelt
def glorot_normal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `2 / (fan_in + fan_out)` (Glorot and Bengio, 2010).

    >>> from chainrule.nn import init
    >>> float(init.glorot_normal((300, 100), seed=0).var().round(3)), 2 / 400
    (0.005, 0.005)
    """
    return normal(shape, std=_glorot(shape, gain), seed=seed, dtype=dtype)


@spelt
def he_uniform(
    shape: Shape, *, gain: float = 1.0, mode: str = "fan_in", seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(6 / fan_in)` (He et al., 2015); with `mode="fan_out"` that fan is used.

    >>> from chainrule.nn import init
    >>> bool(abs(init.he_uniform((100, 50), seed=0)).max() <= (6 / 100) ** 0.5)
    True
    """
    return uniform(shape, std=_by_fan(shape, gain, mode, math.sqrt(2)), seed=seed, dtype=dtype)


@spelt
def he_normal(
    shape: Shape, *, gain: float = 1.0, mode: str = "fan_in", seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `2 / fan_in` (He et al., 2015); with `mode="fan_out"` that fan is used.

    >>> from chainrule.nn import init
    >>> float(init.he_normal((300, 100), seed=0).var().round(3)), round(2 / 300, 3)
    (0.007, 0.007)
    """
    return normal(shape, std=_by_fan(shape, gain, mode, math.sqrt(2)), seed=seed, dtype=dtype)


@spelt
def lecun_uniform(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(3 / fan_in)` (LeCun et al., 1998).

    >>> from chainrule.nn import init
    >>> bool(abs(init.lecun_uniform((100, 50), seed=0)).max() <= (3 / 100) ** 0.5)
    True
    """
    return uniform(shape, std=_by_fan(shape, gain), seed=seed, dtype=dtype)


@spelt
def lecun_normal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `1 / fan_in` (LeCun et al., 1998).

    With the `gain` of relu these are He's weights.

    >>> from chainrule.nn import init
    >>> gain = init.calculate_gain("relu")
    >>> bool(np.allclose(init.lecun_normal((3, 4), gain=gain, seed=0), init.he_normal((3, 4), seed=0)))
    True
    """
    return normal(shape, std=_by_fan(shape, gain), seed=seed, dtype=dtype)


@spelt
def orthogonal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """A random matrix whose columns, or rows if these are fewer, have length `gain` and are orthogonal.

    It keeps the length of a vector (Saxe et al., 2014). A kernel `(out_channels, in_channels, height, width)` is
    treated as a matrix with a row for each output.

    >>> from chainrule.nn import init
    >>> w = init.orthogonal((4, 2), seed=0)
    >>> bool(np.allclose(w.T @ w, np.eye(2)))
    True
    """
    fans(shape)  # raises for shapes that cannot be weights
    gain = checked_factor("gain", gain)
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = generator(seed).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diagonal(r) < 0, -1, 1)  # so that all such matrices are equally likely
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(floating(dtype), copy=False)


xavier_uniform, xavier_normal = glorot_uniform, glorot_normal

kaiming_uniform, kaiming_normal = he_uniform, he_normal
