"""Arrays of one number: zeros and ones for biases and scales, or another constant.

They take a `seed`, which changes nothing, so that each of them can be a layer's `weight_init`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from ...autograd.extending import spelt
from ..base.arguments import floating, one_number
from .seeds import Seed, Shape, checked_shape

__all__ = ["constant", "ones", "zeros"]


@spelt
def zeros(shape: Shape, *, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Zeros of the given shape: for biases only.

    >>> from chainrule.nn import init
    >>> init.zeros((3,))
    array([0., 0., 0.])
    """
    return np.zeros(checked_shape(shape), floating(dtype))


@spelt
def ones(shape: Shape, *, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Ones of the given shape: for the scales of a normalisation.

    >>> from chainrule.nn import init
    >>> init.ones((3,))
    array([1., 1., 1.])
    """
    return np.ones(checked_shape(shape), floating(dtype))


@spelt
def constant(shape: Shape, value: float, *, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """The same number everywhere: for biases, such as a small positive one before a ReLU.

    `nn.schedules.Constant` is a schedule of learning rates.

    >>> from chainrule.nn import init
    >>> init.constant((3,), 0.1)
    array([0.1, 0.1, 0.1])
    """
    return np.full(checked_shape(shape), one_number(value, "the constant"), floating(dtype))
