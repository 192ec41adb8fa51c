"""Initial weights: random numbers whose variance keeps signals from dying out or blowing up over many layers.

Each function returns a new array; give it to `Parameter`. A weight matrix is `(fan_in, fan_out)`, as in
`Z = X W + b`: a unit sums over `fan_in` inputs and its output goes to `fan_out` units. For a kernel
`(out_channels, in_channels, height, width)` both are counted over the window. Glorot suits linear layers and tanh, He
suits ReLU and its family; biases start at zero, weights never, because equal weights learn equal things.
`gain` multiplies the standard deviation; `calculate_gain` knows which suits an activation. What PyTorch calls xavier
and kaiming are Glorot and He, by their first names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from .. import autograd
from ..autograd import Tensor
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError

__all__ = [
    "Seed",
    "calculate_gain",
    "constant",
    "fans",
    "generator",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "spread_by_layer",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Seed: TypeAlias = int | np.random.Generator | None
"""What random numbers start from: a number, a generator to go on with, or `None` for other ones each time."""

Shape: TypeAlias = tuple[int, ...]


def generator(seed: Seed) -> np.random.Generator:
    """Where random numbers come from: the generator that is given, or a new one from a seed.

    Raises `KindError` for what is no seed.

    >>> from chainrule.nn import init
    >>> float(init.generator(0).random()) == float(init.generator(0).random())
    True
    """
    try:
        return np.random.default_rng(seed)
    except (TypeError, ValueError):
        raise KindError(
            f"a seed is a whole number from 0 on, or a generator of NumPy's, or None for other numbers each time; "
            f"given {describe(seed)}"
        ) from None


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


def ones(shape: Shape, *, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Ones of the given shape: for the scales of a normalisation.

    >>> from chainrule.nn import init
    >>> init.ones((3,))
    array([1., 1., 1.])
    """
    return np.ones(shape, dtype)


def constant(shape: Shape, value: float, *, dtype: DTypeLike = np.float64) -> np.ndarray:
    """The same number everywhere: for biases, such as a small positive one before a ReLU.

    >>> from chainrule.nn import init
    >>> init.constant((3,), 0.1)
    array([0.1, 0.1, 0.1])
    """
    return np.full(shape, value, dtype)


def normal(shape: Shape, *, std: float = 0.1, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Normal numbers with mean 0 and standard deviation `std`.

    >>> from chainrule.nn import init
    >>> init.normal((2, 2), std=0.1, seed=0).round(3)
    array([[ 0.013, -0.013],
           [ 0.064,  0.01 ]])
    """
    return (std * generator(seed).standard_normal(shape)).astype(dtype, copy=False)


def uniform(shape: Shape, *, std: float, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Uniform numbers with mean 0 and standard deviation `std`: between `-sqrt(3) std` and `sqrt(3) std`.

    >>> from chainrule.nn import init
    >>> bool(abs(init.uniform((100, 100), std=1.0, seed=0)).max() <= 3**0.5)
    True
    """
    bound = math.sqrt(3) * std
    return generator(seed).uniform(-bound, bound, shape).astype(dtype, copy=False)


def _glorot(shape: Shape, gain: float) -> float:
    fan_in, fan_out = fans(shape)
    return gain * math.sqrt(2 / max(fan_in + fan_out, 1))


def _by_fan(shape: Shape, gain: float, mode: str = "fan_in") -> float:
    """The standard deviation `gain / sqrt(fan)`."""
    if mode not in ("fan_in", "fan_out"):
        raise RangeError(
            f"mode is 'fan_in', which keeps the variance of activations, or 'fan_out', which keeps that of gradients; "
            f"given {mode!r}"
        )
    return gain / math.sqrt(max(fans(shape)[mode == "fan_out"], 1))


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
    shape: Shape, *, gain: float = 1.0, mode: str = "fan_in", seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(6 / fan_in)` (He et al., 2015); with `mode="fan_out"` that fan counts.

    >>> from chainrule.nn import init
    >>> bool(abs(init.he_uniform((100, 50), seed=0)).max() <= (6 / 100) ** 0.5)
    True
    """
    return uniform(shape, std=_by_fan(shape, math.sqrt(2) * gain, mode), seed=seed, dtype=dtype)


def he_normal(
    shape: Shape, *, gain: float = 1.0, mode: str = "fan_in", seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `2 / fan_in` (He et al., 2015); with `mode="fan_out"` that fan counts.

    >>> from chainrule.nn import init
    >>> float(init.he_normal((300, 100), seed=0).var().round(3)), round(2 / 300, 3)
    (0.007, 0.007)
    """
    return normal(shape, std=_by_fan(shape, math.sqrt(2) * gain, mode), seed=seed, dtype=dtype)


def lecun_uniform(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Uniform numbers between `+- sqrt(3 / fan_in)` (LeCun et al., 1998).

    >>> from chainrule.nn import init
    >>> bool(abs(init.lecun_uniform((100, 50), seed=0)).max() <= (3 / 100) ** 0.5)
    True
    """
    return uniform(shape, std=_by_fan(shape, gain), seed=seed, dtype=dtype)


def lecun_normal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Normal numbers with variance `1 / fan_in` (LeCun et al., 1998).

    With the `gain` of an activation it is He's for that activation.

    >>> from chainrule.nn import init
    >>> gain = init.calculate_gain("relu")
    >>> bool(np.allclose(init.lecun_normal((3, 4), gain=gain, seed=0), init.he_normal((3, 4), seed=0)))
    True
    """
    return normal(shape, std=_by_fan(shape, gain), seed=seed, dtype=dtype)


def orthogonal(
    shape: Shape, *, gain: float = 1.0, seed: Seed = None, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """A random matrix whose columns, or rows if these are fewer, have length `gain` and are at right angles.

    It keeps lengths (Saxe et al., 2014). A kernel `(out_channels, in_channels, height, width)` is seen as a matrix
    with a row for each output.

    >>> from chainrule.nn import init
    >>> w = init.orthogonal((4, 2), seed=0)
    >>> bool(np.allclose(w.T @ w, np.eye(2)))
    True
    """
    fans(shape)  # which refuses shapes that are no weights
    rows, columns = shape[0], math.prod(shape[1:])
    drawn = generator(seed).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diagonal(r) < 0, -1, 1)  # so that every such matrix is as likely
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype, copy=False)


xavier_uniform, xavier_normal = glorot_uniform, glorot_normal
kaiming_uniform, kaiming_normal = he_uniform, he_normal


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain that makes up for what an activation takes from the variance, as PyTorch recommends it.

    1 for linear layers and sigmoid, 5/3 for tanh, `sqrt(2)` for relu, `sqrt(2 / (1 + slope**2))` for leaky_relu with
    the slope `param` (0.01), 3/4 for selu. Give it to Glorot's, LeCun's or `orthogonal` weights; He's have that of
    relu already.

    Raises `RangeError` for other names.

    >>> from chainrule.nn import init
    >>> round(init.calculate_gain("leaky_relu", 0.2), 4)
    1.3868
    """
    slope = 0.01 if param is None else param
    gains = {
        "linear": 1.0,
        "conv1d": 1.0,
        "conv2d": 1.0,
        "conv3d": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
        "selu": 3 / 4,
    }
    if nonlinearity not in gains:
        raise RangeError(f"no gain is known for {nonlinearity!r}; there are {', '.join(gains)}")
    return gains[nonlinearity]


def spread_by_layer(
    weight_init: Callable[..., np.ndarray],
    activation: str = "relu",
    *,
    layers: int = 50,
    width: int = 100,
    samples: int = 50,
    input_std: float = 1.0,
    seed: Seed = 0,
    **options: Any,
) -> dict[str, list[float]]:
    """How a signal and its gradient fare in a deep network at its start: their mean squares, layer by layer.

    `layers` linear layers of `width` units, each with weights from `weight_init(shape, **options)` and followed by
    the activation of this name (or "linear"), are given normal numbers with deviation `input_std`, and at their end
    a gradient of normal numbers. Returns the mean square of the output of each layer, "activations", and of the
    gradient there, "gradients", both from the first layer to the last: flat where the initialiser suits the activation.

    He's weights keep both with ReLU, Glorot's with linear layers, and with tanh as long as the signal is small, where
    tanh is a line. Of signals near 1 tanh takes something in each layer, the less the smaller they have become.

    >>> from chainrule.nn import init
    >>> kept = init.spread_by_layer(init.he_normal, "relu")["activations"]
    >>> lost = init.spread_by_layer(init.normal, "relu", std=0.1)["activations"]
    >>> 0.1 < kept[-1] / kept[0] < 10, lost[-1] / lost[0] < 1e-5
    (True, True)
    """
    if not callable(weight_init):
        raise KindError(
            f"spread_by_layer takes an initialiser, such as nn.init.he_normal; given {weight_init!r:.40}"
        )
    rng = generator(seed)
    apply = getattr(autograd, activation, None) if activation != "linear" else lambda x: x
    if not callable(apply):
        raise RangeError(f"there is no activation {activation!r}")
    x, outputs = Tensor(input_std * rng.standard_normal((samples, width))), []
    for _ in range(layers):
        weight = weight_init((width, width), seed=rng, **options)
        x = apply(x @ weight)
        outputs.append(x)
    x.backward(rng.standard_normal(x.shape))
    return {
        "activations": [float(np.square(y.data).mean()) for y in outputs],
        "gradients": [float(np.square(y.grad).mean()) for y in outputs],
    }
