"""Seeds and random generators."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from ...autograd import KindError
from ...autograd.extending import describe
from ..base.arguments import whole_number

__all__ = ["Seed", "Shape", "checked_shape", "generator"]

Seed: TypeAlias = int | np.random.Generator | None
"""The start of random numbers: a number, a generator to continue with, or `None` for new ones each time."""

Shape: TypeAlias = tuple[int, ...]


def checked_shape(shape: Any) -> Shape:
    """The lengths of an array, from a tuple or list of them, or from one length."""
    lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(whole_number(n, "a length in a shape", least=0) for n in lengths)


def generator(seed: Seed) -> np.random.Generator:
    """A random generator: the given one, or a new one from a seed.

    Raises `KindError` for what is not a seed.

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
