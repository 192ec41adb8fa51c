"""Random numbers with a given standard deviation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike

from ...autograd.extending import spelt
from ..base.arguments import checked_factor, floating
from .seeds import Seed, Shape, checked_shape, generator

__all__ = ["normal", "uniform"]


@spelt
def normal(shape: Shape, *, std: float = 0.1, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Normal numbers with mean 0 and standard deviation `std`, which is the square root of their variance.

    For a variance of 0.1 write `std=0.1**0.5`.

    >>> from chainrule.nn import init
    >>> init.normal((2, 2), std=0.1, seed=0).round(3)
    array([[ 0.013, -0.013],
           [ 0.064,  0.01 ]])
    """
    std = checked_factor("std", std)
    return (std * generator(seed).standard_normal(checked_shape(shape))).astype(floating(dtype), copy=False)


@spelt
def uniform(shape: Shape, *, std: float, seed: Seed = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Uniform numbers with mean 0 and standard deviation `std`: between `-sqrt(3) std` and `sqrt(3) std`.

    >>> from chainrule.nn import init
    >>> bool(abs(init.uniform((100, 100), std=1.0, seed=0)).max() <= 3**0.5)
    True
    """
    bound = math.sqrt(3) * checked_factor("std", std)
    return generator(seed).uniform(-bound, bound, checked_shape(shape)).astype(floating(dtype), copy=False)
