"""Elementwise functions with options, and choosing between two arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import primitives as p
from ..errors import KindError
from ..node import describe
from ..operators import Operators
from .arguments import arrays_only

__all__ = ["where", "clip", "leaky_relu", "elu", "astype"]


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where `condition` holds and `b` elsewhere; shapes broadcast.

    The condition is a boolean or an array of them and is not differentiated. The branch not taken
    gets a gradient of 0, also where its own derivative is infinite or undefined.

    >>> from chainrule.autograd import Tensor, where, sqrt
    >>> x = Tensor([0.0, 4.0])
    >>> where(x > 0, sqrt(x), 0.0).sum().backward()
    >>> x.grad
    array([0.  , 0.25])
    """
    if isinstance(condition, Operators):
        condition = condition.data
    if not isinstance(condition, (bool, np.bool_)):
        condition = np.array(condition, dtype=bool)  # a copy: the gradient needs it as it is now
        if not condition.ndim:
            condition = bool(condition)
    if not isinstance(a, Operators) and not isinstance(b, Operators):
        return np.where(condition, a, b)
    return p.choose(a, b, condition=condition)


def clip(x: Any, low: float | None = None, high: float | None = None) -> Any:
    """`x` limited to `low <= x <= high`; `None` is no limit. The gradient is 1 on both bounds, 0 outside.

    >>> from chainrule.autograd import Value, clip
    >>> clip(Value(7.0), -1, 5)
    Value(5.0)
    """
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    low, high = (np.array(b) if isinstance(b, (np.ndarray, list)) else b for b in (low, high))  # as it is now
    if isinstance(low, Operators) or isinstance(high, Operators):
        return p.minimum(p.maximum(x, low), high)
    return p.clip(x, low=low, high=high)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """`x` where it is positive, `negative_slope * x` elsewhere (that slope at 0, too).

    >>> from chainrule.autograd import leaky_relu
    >>> leaky_relu(-2.0, 0.1)
    -0.2
    """
    return p.leaky_relu(x, slope=negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    >>> from chainrule.autograd import elu
    >>> elu(3.0)
    3.0
    """
    return p.elu(x, alpha=alpha)


def astype(x: Any, dtype: Any) -> Any:
    """`x` in another dtype. The gradient comes back in the dtype of `x`.

    Raises `KindError` for what is no dtype of real numbers.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, astype
    >>> astype(Tensor([1.0]), np.float32).dtype
    dtype('float32')
    """
    given = dtype
    try:
        dtype = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise KindError(
            f"astype takes a dtype of real numbers, such as np.float32, int or bool; given {describe(given)}"
        )
    return p.astype(arrays_only(x, "astype"), dtype=dtype)
