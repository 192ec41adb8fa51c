"""Many elements to one: sums, means, extremes, over any axes; and softmax, which shares one sum out."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from .. import primitives as p
from ..errors import ShapeError
from ..node import describe
from .arguments import Axis, arrays_only, axes_of, of_values

__all__ = [
    "total",
    "sum",
    "mean",
    "var",
    "std",
    "prod",
    "median",
    "max",
    "min",
    "logsumexp",
    "softmax",
    "log_softmax",
]


def total(xs: Sequence[Any]) -> Any:
    """The sum of a list of Values as one node, where `sum(xs)` would record one addition each.

    >>> from chainrule.autograd import Value, total
    >>> total([Value(1.0), Value(2.0), 3.0])
    Value(6.0)
    """
    return p.total(*xs)


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of the elements over `axis` (an axis, several, or all with `None`).

    A reduced axis disappears, or stays with length 1 if `keepdims`. The gradient goes to every element alike.

    >>> from chainrule.autograd import Tensor, sum
    >>> sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    """
    if of_values(x):
        return total(x)
    x = arrays_only(x, "sum")
    return p.sum_(x, axis=axes_of(x, axis, "sum"), keepdims=builtins.bool(keepdims))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the elements over `axis`; each gets an n-th of the gradient.

    >>> from chainrule.autograd import Tensor, mean
    >>> mean(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5])
    """
    if of_values(x):
        return total(x) / len(x)
    x = arrays_only(x, "mean")
    return p.mean(x, axis=axes_of(x, axis, "mean"), keepdims=builtins.bool(keepdims))


def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """The variance over `axis`: the mean squared distance from the mean, with `n - ddof` in the denominator.

    Computed from the differences, so that a large mean costs no digits.

    >>> from chainrule.autograd import Tensor, var
    >>> var(Tensor([1.0, 2.0, 3.0, 4.0]), ddof=1).item()
    1.6666666666666667
    """
    x = arrays_only(x, "var")
    if x.dtype == np.float16:  # the sum of the squares could be too large
        return p.astype(var(p.astype(x, dtype=np.dtype("f4")), axis, keepdims, ddof), dtype=x.dtype)
    axes = axes_of(x, axis, "var")
    n = _degrees(x, axes, ddof, "var")
    squares = p.square(x - p.mean(x, axis=axes, keepdims=True))
    return p.sum_(squares, axis=axes, keepdims=builtins.bool(keepdims)) / n


def std(x: Any, axis: Axis = None, keepdims: bool = False, ddof: float = 0) -> Any:
    """The standard deviation over `axis`, the root of `var`. Where all elements are equal it has gradient 0.

    >>> from chainrule.autograd import Tensor, std
    >>> std(Tensor([1.0, 1.0, 5.0, 5.0]))
    Tensor(2.)
    """
    x = arrays_only(x, "std")
    axes = axes_of(x, axis, "std")
    _degrees(x, axes, ddof, "std")
    return p.std(x, axis=axes, ddof=ddof, keepdims=builtins.bool(keepdims))


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product of the elements over `axis`; of a list of Values, too.

    The gradient of an element is the product of the others, computed without a division: zeros are no
    exception, in derivatives of any order.

    >>> from chainrule.autograd import Tensor, prod
    >>> t = Tensor([0.0, 2.0, 3.0])
    >>> prod(t).backward()
    >>> t.grad
    array([6., 0., 0.])
    """
    if of_values(x):
        return reduce(p.multiply, x)
    x = arrays_only(x, "prod")
    return p.prod(x, axis=axes_of(x, axis, "prod"), keepdims=builtins.bool(keepdims))


def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle element in sorted order over `axis`, the mean of the two middle ones of an even number.

    Elements equal to a middle one share its gradient evenly. Raises `ShapeError` where there are no elements.

    >>> from chainrule.autograd import Tensor, median
    >>> t = Tensor([7.0, 1.0, 2.0, 4.0])
    >>> median(t).backward()
    >>> t.grad
    array([0. , 0. , 0.5, 0.5])
    """
    x = arrays_only(x, "median")
    axes = axes_of(x, axis, "median")
    if not math.prod(x.shape[k] for k in axes):
        raise ShapeError(f"median over axis={axis!r} of {describe(x)} has no elements to choose from")
    shape = p.kept_shape(x.shape, axes)
    if len(axes) != 1:  # merge them into one
        kept = [k for k in range(x.ndim) if k not in axes]
        x = p.transpose(x, axes=(*kept, *axes))
        x, axes = p.reshape(x, shape=(*x.shape[: len(kept)], -1)), (len(kept),)
    y = p.median(x, axis=axes[0])
    return p.reshape(y, shape=shape) if keepdims else y


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element along `axis`. Equal largest elements share the gradient evenly.

    >>> from chainrule.autograd import Tensor, max
    >>> t = Tensor([1.0, 5.0, 5.0])
    >>> max(t).backward()
    >>> t.grad
    array([0. , 0.5, 0.5])
    """
    if of_values(x):
        return p.largest(*x)
    x = arrays_only(x, "max")
    return p.max_(x, axis=axes_of(x, axis, "max"), keepdims=builtins.bool(keepdims))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element along `axis`. Equal smallest elements share the gradient evenly.

    >>> from chainrule.autograd import Tensor, min
    >>> min(Tensor([[3.0, 1.0], [2.0, 4.0]]), axis=1)
    Tensor([1., 2.])
    """
    if of_values(x):
        return p.smallest(*x)
    x = arrays_only(x, "min")
    return p.min_(x, axis=axes_of(x, axis, "min"), keepdims=builtins.bool(keepdims))


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` over `axis`, without overflow; also of a list of Values.

    >>> from chainrule.autograd import Tensor, logsumexp
    >>> logsumexp(Tensor([1000.0, 1000.0])).item()
    1000.6931471805599
    """
    if of_values(x):
        top = builtins.max(float(v) for v in x)
        top = top if math.isfinite(top) else 0.0
        return p.log(total([p.exp(v - top) for v in x])) + top
    x = arrays_only(x, "logsumexp")
    return p.logsumexp(x, axis=axes_of(x, axis, "logsumexp"), keepdims=builtins.bool(keepdims))


def softmax(x: Any, axis: Axis = -1) -> Any:
    """`exp(x) / sum(exp(x))` along `axis`: positive numbers that sum to 1. Of a list of Values, a list.

    >>> from chainrule.autograd import Tensor, softmax
    >>> softmax(Tensor([1e4, 1e4]))
    Tensor([0.5, 0.5])
    """
    if of_values(x):
        whole = logsumexp(x)
        return [p.exp(v - whole) for v in x]
    x = arrays_only(x, "softmax")
    return p.softmax(x, axis=axes_of(x, axis, "softmax"))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """`log(softmax(x))` along `axis`, computed so that it stays finite for extreme logits.

    >>> from chainrule.autograd import Tensor, log_softmax
    >>> log_softmax(Tensor([0.0, -1e4]))
    Tensor([     0., -10000.])
    """
    if of_values(x):
        whole = logsumexp(x)
        return [v - whole for v in x]
    x = arrays_only(x, "log_softmax")
    return p.log_softmax(x, axis=axes_of(x, axis, "log_softmax"))


def _degrees(x: Any, axes: tuple[int, ...], ddof: float, what: str) -> float:
    """The denominator of a variance: the number of elements, less `ddof`."""
    n = math.prod(x.shape[k] for k in axes)
    if n <= ddof:
        raise ShapeError(
            f"{what} over axis={axes!r} of {describe(x)} has {n} elements, too few for ddof={ddof}"
        )
    return n - ddof
