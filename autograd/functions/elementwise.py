"""Elementwise functions with options, and choosing between two arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe, numbers
from ..engine.operators import Operators
from ..engine.table import beside_numbers
from ..errors import KindError
from ..errors.spelling import spelt
from ..kinds import of_kind
from .arguments import arrays_only, as_array, is_value, number_of

__all__ = ["where", "clip", "leaky_relu", "elu", "astype"]


@spelt
def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where `condition` holds and `b` elsewhere; shapes broadcast.

    The condition is a boolean or an array of booleans and is not differentiated. The branch that is not taken
    gets a gradient of 0, also where its own derivative is infinite or undefined.

    Raises `KindError` for a condition in anything but booleans or numbers, and for shapes that do not broadcast.

    >>> from chainrule.autograd import Tensor, where, sqrt
    >>> x = Tensor([0.0, 4.0])
    >>> where(x > 0, sqrt(x), 0.0).sum().backward()
    >>> x.grad
    array([0.  , 0.25])
    """
    if isinstance(condition, Operators):
        return p.where_nonzero(condition, a, b)
    if not isinstance(condition, (bool, np.bool_)):
        condition = _booleans(condition)
        if isinstance(condition, np.ndarray):
            for x in filter(is_value, (a, b)):
                raise KindError(
                    f"where was given {describe(condition)} for {describe(x)}, which is one number"
                )
    if not isinstance(a, Operators) and not isinstance(b, Operators):
        arrays = [arrays_only(a, "where"), arrays_only(b, "where")]
        return p.choose(*beside_numbers((a, b), arrays), condition=condition)
    return p.choose(a, b, condition=condition)


def _booleans(condition: Any) -> Any:
    found = as_array(condition, "where")
    objects = found.dtype.kind == "O" and all(isinstance(x, (bool, np.bool_)) for x in found.flat)
    if found.dtype.kind not in "fiub" and not objects:
        raise KindError(f"where takes an array of booleans; given {describe(condition)}")
    found = found.astype(bool)  # a copy: the gradient needs it as it is now
    return found if found.ndim else bool(found)


@of_kind
def clip(x: Any, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """`x` limited to `low <= x <= high`; `None` is no limit. The gradient is 1 on both bounds, 0 outside.

    `min` and `max` are NumPy's other names for the bounds. A bound may be a node: it gets the gradient where it is the
    result, and half of the gradient where `x` equals it.

    Raises `KindError` for bounds that are no real numbers, or two for one side.

    >>> from chainrule.autograd import Value, clip
    >>> clip(Value(7.0), -1, 5)
    Value(5.0)
    """
    low, high = _either(low, min, "low and min"), _either(high, max, "high and max")
    x = x if isinstance(x, (Operators, int, float)) else arrays_only(x, "clip")
    if low is None and high is None:
        return p.positive(x)
    if isinstance(low, Operators) or isinstance(high, Operators) or not _is_floating(x):
        x = x if low is None else p.maximum(x, low)
        return x if high is None else p.minimum(x, high)
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    return p.clip(x, low=_option(low, x, "clip", "bounds"), high=_option(high, x, "clip", "bounds"))


def _either(bound: Any, other: Any, names: str) -> Any:
    if bound is not None and other is not None:
        raise KindError(f"clip was given both {names}, which are two names of one bound")
    return other if bound is None else bound


def _is_floating(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return (np.asarray(numbers(x)).dtype if dtype is None else dtype).kind == "f"


def _option(given: Any, x: Any, what: str, name: str) -> Any:
    """A plain number, or beside a Tensor a copy of an array, that is not differentiated."""
    if given.__class__ is float or isinstance(given, Operators):
        return given  # the row refuses a node that requires a gradient
    if isinstance(given, int):
        return number_of(given, what, name)
    array = as_array(given, what)
    if array.dtype.kind not in "fiub":
        raise KindError(f"{what} takes {name} in real numbers; given {describe(given)}")
    if array.ndim and is_value(x):
        raise KindError(f"{what} was given {describe(given)} for {describe(x)}, which is one number")
    return array.copy() if isinstance(given, (np.ndarray, list, tuple)) else given


@of_kind
def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """`x` where it is positive, `negative_slope * x` elsewhere (also that slope at 0).

    The slope is a number, or an array that broadcasts with `x`; it is not differentiated. Raises `KindError` for
    others.

    >>> from chainrule.autograd import leaky_relu
    >>> leaky_relu(-2.0, 0.1)
    -0.2
    """
    return p.leaky_relu(x, slope=_option(negative_slope, x, "leaky_relu", "a slope"))


@of_kind
def elu(x: Any, alpha: float = 1.0) -> Any:
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere.

    `alpha` is a number, or an array that broadcasts with `x`; it is not differentiated. Raises `KindError` for others.

    >>> from chainrule.autograd import elu
    >>> elu(3.0)
    3.0
    """
    return p.elu(x, alpha=_option(alpha, x, "elu", "alpha"))


@of_kind
def astype(x: Any, dtype: Any) -> Any:
    """`x` in another dtype. Its gradient has the dtype of `x`.

    Raises `KindError` for anything that is not a dtype of real numbers.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, astype
    >>> astype(Tensor([1.0]), np.float32).dtype
    dtype('float32')
    """
    return p.astype(arrays_only(x, "astype"), dtype=dtype_of(dtype, "astype"))


def dtype_of(given: Any, what: str) -> Any:
    """A dtype of real numbers; raises for others."""
    try:
        dtype = np.dtype(given).newbyteorder("=")
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise KindError(
            f"{what} takes a dtype of real numbers, such as np.float32, int or bool; given {describe(given)}"
        )
    return dtype


def in_dtype(x: Any, what: str, dtype: Any, floating: bool = False) -> Any:
    """An array in the dtype that an option gives, if it does; with `floating`, that has to be a floating one."""
    x = arrays_only(x, what)
    if dtype is None:
        return x
    y = astype(x, dtype)
    if floating and y.dtype.kind != "f":
        raise KindError(
            f"{what} is computed in floats; given dtype={dtype!r}. Write astype({what}(t), dtype)"
        )
    return y


def of_floats(x: Any) -> Any:
    """An array of floats as it is; another one in float64."""
    return x if x.dtype.kind == "f" else astype(x, float)
