"""Arguments as callers give them, checked and converted: numbers, shares, arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import KindError, Node, RangeError, ShapeError
from ...autograd.extending import describe

__all__ = [
    "are_below",
    "array_of",
    "checked_factor",
    "constants",
    "dtype_of",
    "flag",
    "floating",
    "initial_weights",
    "numbers_of",
    "numeric",
    "one_number",
    "probability",
    "whole_number",
]


def numbers_of(x: Any) -> Any:
    """The data of a node; anything else as it is."""
    return x.data if isinstance(x, Node) else x


def numeric(value: Any, what: str) -> np.ndarray:
    """The real numbers in a value, as an array; `what` is the description of their holder for the error message."""
    array = array_of(value)
    if array.dtype.kind not in "fiub":
        raise KindError(f"{what} holds real numbers; given {describe(value)}")
    return array


def constants(value: Any, what: str) -> np.ndarray:
    """The real numbers in a value that is not differentiated; raises `KindError` for a node with a gradient."""
    return np.asarray(value) if isinstance(value, Node) else numeric(value, what)


def array_of(value: Any) -> np.ndarray:
    """The numbers in a value, as an array; for a ragged list an array of objects.

    Raises `KindError` for an array with a mask, whose masked elements would be taken for numbers.
    """
    if isinstance(value, np.ma.MaskedArray):
        raise KindError(
            f"given {describe(value)} with a mask, whose masked elements would be taken for numbers. Write m.filled(0) "
            f"for an array in which they are 0, or leave out their samples"
        )
    try:
        return np.asarray(numbers_of(value))
    except ValueError:
        return np.array(None)


def whole_number(n: Any, what: str, least: int = 1) -> int:
    """`n` as an int, if it is a whole number that is not too small."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise KindError(f"{what} is a whole number; given {describe(n)}")
    if n < least:
        raise RangeError(f"{what} is {least} or more; given {n}")
    return int(n)


def initial_weights(weight_init: Any, shape: tuple[int, ...], **options: Any) -> np.ndarray:
    """The numbers of `weight_init(shape, **options)`; the options are a `seed` and a `dtype`."""
    if not callable(weight_init):
        raise KindError(
            f"weight_init is a function of a shape, such as nn.init.he_normal, without brackets; given "
            f"{describe(weight_init)}"
        )
    try:
        made = weight_init(shape, **options)
    except TypeError as error:
        if getattr(error.__traceback__, "tb_next", None) is not None:
            raise  # from inside of the function
        raise KindError(
            f"weight_init is called with a shape, a seed and a dtype, which it does not take: {error}. Write it as "
            f"def weight_init(shape, *, seed=None, dtype=np.float64)"
        ) from None
    weights = numeric(made, "the result of weight_init")
    if weights.shape != shape:
        raise ShapeError(f"weight_init was called for the shape {shape}, and returned shape {weights.shape}")
    return weights


def flag(name: str, value: Any) -> bool:
    """An option that is True or False; 1 and 0 mean the same."""
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value[()]
    if not isinstance(value, (bool, np.bool_, int, np.integer)) or value not in (0, 1):
        raise KindError(f"{name} is True or False; given {describe(value)}")
    return bool(value)


def dtype_of(dtype: Any) -> np.dtype:
    """A dtype, from what NumPy takes for one."""
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError):
        raise KindError(f"a dtype is np.float32 or np.float64; given {describe(dtype)}") from None


def floating(dtype: Any, what: str = "a parameter") -> np.dtype:
    """A dtype of floating numbers. Raises `KindError` for another dtype, and for what is none."""
    found = dtype_of(dtype)
    if found.kind != "f":
        raise KindError(
            f"{what} cannot be held in {found}: weights change a little at a time, which takes a floating dtype. "
            f"Write np.float32 or np.float64"
        )
    return found


def checked_factor(name: str, value: Any) -> float:
    """A number, 0 or more, as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise KindError(f"{name} is a number; given {describe(value)}")
    if not 0 <= value < math.inf:
        raise RangeError(f"{name} is 0 or more; given {value}")
    return float(value)


def one_number(x: Any, what: str) -> float:
    """`x` as a float: a number, or a node or an array of one element."""
    data = array_of(x)
    if data.size != 1 or data.dtype.kind not in "biuf":
        raise KindError(f"{what} is one number; given {describe(x)}")
    return float(data.item())


def probability(p: Any, what: str) -> float:
    """`p` as a float, if it is a number from 0 to 1."""
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)):
        raise KindError(f"{what} is a number from 0 to 1; given {describe(p)}")
    if not 0 <= p <= 1:
        raise RangeError(f"{what} is a number from 0 to 1; given {p}")
    return float(p)


UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def are_below(t: np.ndarray, n: int) -> bool:
    """Whether all of these integers are from 0 to n - 1.

    >>> import numpy as np
    >>> from chainrule.nn.base.arguments import are_below
    >>> are_below(np.array([0, 2]), 3), are_below(np.array([-1, 2]), 3), are_below(np.array([0, 3]), 3)
    (True, False, False)
    """
    if not t.size:
        return True
    if t.dtype.kind == "i" and t.flags.c_contiguous:
        t = t.view(UNSIGNED[t.itemsize])  # numbers below 0 are large ones
        return bool(t.item(t.argmax()) < n)  # of 100 in 0.2 us; np.maximum.reduce takes 0.7 us
    return bool(t.min() >= 0 and t.max() < n)
