"""Reductions of many elements to one: sums, means, extremes, over any axes; and softmax."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, KeysView, Sequence, ValuesView
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from .. import primitives as p
from ..engine.node import describe, numbers
from ..engine.operators import Operators
from ..errors import KindError, RangeError, ShapeError
from ..errors.spelling import in_place_of
from ..kinds import of_kind
from ..primitives.structural.reductions import count_of
from .arguments import (
    Axis,
    arrays_only,
    axes_of,
    flag_of,
    is_iterable,
    mask_of,
    number_of,
    of_values,
    through_float32,
)
from .compound import total_of_values
from .elementwise import astype, in_dtype, of_floats

F = TypeVar("F", bound=Callable[..., Any])

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


def or_builtin(builtin: Callable[..., Any]) -> Callable[[F], F]:
    """The decorator of `max`, `min` and `sum`: arguments that only Python's function of this name takes go to that one.

    `max(1, 2)`, `sum(x for x in xs)` and `max(words, key=len)` keep their meaning after
    `from chainrule.autograd import *`.
    """
    chosen = _chosen

    def decorated(function: F) -> F:
        def call(*args: Any, **options: Any) -> Any:
            return chosen(function, builtin, args, options)

        return in_place_of(function, call)

    return decorated


def _chosen(function: Any, builtin: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    x = args[0] if args else None
    if hasattr(x.__class__, "shape"):  # the usual case: an array or a Tensor
        return function(*args, **options)
    if hasattr(x.__class__, "__next__"):  # an iterator, which can be read once
        x = list(args[0])
        args = (x, *args[1:])
        of_python = builtin is not builtins.sum or not of_values(x)
    elif x.__class__ in (int, float, str) or of_values((x,)):
        of_python = len(args) > 1  # several numbers, words or Values
    elif isinstance(x, (list, tuple)):  # words, or single numbers as Tensors
        of_python = bool(x) and (isinstance(x[0], str) or (builtin is builtins.sum and _are_single(x)))
    else:
        of_python = isinstance(x, (set, frozenset, dict, KeysView, ValuesView))
    if options.keys() <= {"key", "default", "start"} and (of_python or options):
        return builtin(*args, **options)
    return function(*args, **options)


def _are_single(xs: Sequence[Any]) -> bool:
    return all(
        isinstance(x, Operators) and numbers(x).__class__ is np.ndarray and not numbers(x).ndim for x in xs
    )


@of_kind
def total(xs: Sequence[Any]) -> Any:
    """The sum of a list of Values as one node; Python's `sum(xs)` records one addition for each.

    `sum` does the same, and takes Tensors, an axis and numbers as well.

    Raises `KindError` for anything else than a list.

    >>> from chainrule.autograd import Value, total
    >>> total([Value(1.0), Value(2.0), 3.0])
    Value(6.0)
    """
    if not is_iterable(xs):
        raise KindError(f"total takes a list of Values; given {describe(xs)}")
    return total_of_values(list(xs))


@or_builtin(builtins.sum)
@of_kind
def sum(
    x: Any,
    axis: Axis = None,
    keepdims: bool = False,
    *,
    dtype: Any = None,
    initial: float | None = 0,
    where: Any = True,
) -> Any:
    """The sum of the elements over `axis` (an axis, several, or all with `None`).

    A reduced axis is removed, or kept with length 1 if `keepdims`. Every element gets the same gradient. As in
    NumPy, `dtype` converts the elements first, `initial` is a number to start from, and `where` is an array of
    booleans: elements for which it is False are left out and have gradient 0.
    Of a list of Values it is one node, as `total` is.

    Raises `ShapeError` for an axis that `x` does not have, `KindError` for options of a list of Values.

    >>> from chainrule.autograd import Tensor, sum
    >>> sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    >>> sum(Tensor([1.0, 2.0, 4.0]), where=[True, False, True])
    Tensor(5.)
    """
    if of_values(x):
        return total(_listed(x, "sum", axis, keepdims, dtype=dtype, initial=initial or None, where=where))
    x = in_dtype(x, "sum", dtype)
    x = x if where is True else _masked(x, "sum", where, 0)
    axes, keepdims = axes_of(x, axis, "sum", of_numbers=True), flag_of(keepdims, "sum", "keepdims")
    y = p.sum_(x, axis=axes, keepdims=keepdims)
    if initial.__class__ is int and initial == 0:
        return y
    return y if _is_left_out(initial, 0, x, axes, where, "sum") else p.add(y, _start(initial, y, "sum"))


@of_kind
def mean(x: Any, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None, where: Any = True) -> Any:
    """The mean of the elements over `axis`; each gets 1/n of the gradient. `dtype` and `where` are those of `sum`.

    >>> from chainrule.autograd import Tensor, mean
    >>> mean(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5])
    """
    if of_values(x):
        return total(_listed(x, "mean", axis, keepdims, dtype=dtype, where=where)) / len(x)
    x = in_dtype(x, "mean", dtype, floating=True)
    axes, keepdims = axes_of(x, axis, "mean"), flag_of(keepdims, "mean", "keepdims")
    mask = mask_of(where, x, "mean")
    if mask is None:
        return p.mean(x, axis=axes, keepdims=keepdims)
    return through_float32(lambda x: _mean_of(x, axes, keepdims, mask), of_floats(x))


def _mean_of(x: Any, axes: tuple[int, ...], keepdims: bool, mask: Any) -> Any:
    """The mean of the elements that the mask selects."""
    if mask is None:
        return p.mean(x, axis=axes, keepdims=keepdims)
    count = mask.sum(axes, keepdims=keepdims).astype(x.dtype)
    return p.sum_(p.where(mask, x, 0), axis=axes, keepdims=keepdims) / count


@of_kind
def var(
    x: Any,
    axis: Axis = None,
    keepdims: bool = False,
    ddof: float = 0,
    *,
    dtype: Any = None,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """The variance over `axis`: the mean squared distance from the mean, with `n - ddof` in the denominator.

    It is computed from the differences to the mean, so that a large mean costs no precision. `ddof` is 0 by default, as
    in NumPy (in PyTorch it is 1); `correction` is its other name. `mean` may be given if it is known, with its axes
    kept. `dtype` and `where` are those of `sum`.

    Raises `ShapeError` if there are not more than `ddof` elements.

    >>> from chainrule.autograd import Tensor, var
    >>> var(Tensor([1.0, 2.0, 3.0, 4.0]), ddof=1).item()
    1.6666666666666667
    """
    x, axes, n, mask = _sample(x, "var", axis, ddof, correction, dtype, where)
    keepdims = flag_of(keepdims, "var", "keepdims")

    def variance(x: Any) -> Any:
        squares = p.square(_away(x, axes, mask, mean))
        return p.sum_(squares, axis=axes, keepdims=keepdims) / _fitting(n, axes, keepdims)

    return through_float32(variance, x)


@of_kind
def std(
    x: Any,
    axis: Axis = None,
    keepdims: bool = False,
    ddof: float = 0,
    *,
    dtype: Any = None,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    """The standard deviation over `axis`, the root of `var`, with its options.

    If all elements are equal, its gradient is 0.

    Raises `ShapeError` if there are not more than `ddof` elements.

    >>> from chainrule.autograd import Tensor, std
    >>> std(Tensor([1.0, 1.0, 5.0, 5.0]))
    Tensor(2.)
    >>> std(Tensor([1.0, 2.0, 4.0, 5.0]), correction=1).item()  # PyTorch's default
    1.8257418583505538
    """
    x, axes, n, mask = _sample(x, "std", axis, ddof, correction, dtype, where)
    keepdims = flag_of(keepdims, "std", "keepdims")
    if mask is None and mean is None:
        return p.std(x, axis=axes, ddof=count_of(x, axes) - n, keepdims=keepdims)

    def deviation(x: Any) -> Any:
        length = p.norm(_away(x, axes, mask, mean), ord=2, axis=axes, keepdims=keepdims)
        return length / _fitting(n**0.5, axes, keepdims)

    return through_float32(deviation, x)


def _sample(
    x: Any, what: str, axis: Axis, ddof: float, correction: float | None, dtype: Any, where: Any
) -> tuple[Any, tuple[int, ...], Any, Any]:
    """The parts of a variance: the elements, the axes, the denominator (an array if the mask varies), the mask."""
    x = of_floats(in_dtype(x, what, dtype, floating=True))
    axes, mask = axes_of(x, axis, what), mask_of(where, x, what)
    ddof = degrees_of(ddof, correction, what)
    n: Any = count_of(x, axes) if mask is None else mask.sum(axes, keepdims=True)
    least = n if mask is None else n.min().item() if n.size else math.inf
    if least <= ddof:
        raise ShapeError(
            f"{what} over axis={axes!r} of {describe(x)} has {least} element{'s' * (least != 1)}, too few for "
            f"ddof={ddof}"
        )
    return x, axes, n - ddof if mask is None else (n - ddof).astype(x.dtype), mask


def degrees_of(ddof: float, correction: float | None, what: str) -> float:
    """The number that is subtracted from the number of elements, `ddof` or `correction`."""
    if ddof.__class__ not in (int, float):
        ddof = float(number_of(ddof, what, "ddof"))
    if correction is None:
        return ddof
    if ddof:
        raise KindError(
            f"{what} was given ddof={ddof!r} and correction={correction!r}, two names of one number"
        )
    return float(number_of(correction, what, "correction"))


def _away(x: Any, axes: tuple[int, ...], mask: Any, mean: Any) -> Any:
    """The difference of each element from the mean; 0 for elements that the mask excludes."""
    away = x - (_mean_of(x, axes, True, mask) if mean is None else given_mean(mean, x, "a variance"))
    return away if mask is None else p.where(mask, away, 0)


def given_mean(mean: Any, x: Any, what: str) -> Any:
    """A given mean, with its axes kept."""
    mean = astype(mean, x.dtype)
    try:
        fits = np.broadcast_shapes(mean.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{what} of {describe(x)} was given {describe(mean)} for its mean. Keep its axes: mean(t, 0, keepdims=True)"
        )
    return mean


def _fitting(n: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return np.squeeze(n, axes) if isinstance(n, np.ndarray) and not keepdims else n


@of_kind
def prod(
    x: Any,
    axis: Axis = None,
    keepdims: bool = False,
    *,
    dtype: Any = None,
    initial: float | None = 1,
    where: Any = True,
) -> Any:
    """The product of the elements over `axis`; of a list of Values, too. The options are those of `sum`.

    The gradient of an element is the product of the others, computed without a division, so that zeros are
    correct in derivatives of any order.

    >>> from chainrule.autograd import Tensor, prod
    >>> t = Tensor([0.0, 2.0, 3.0])
    >>> prod(t).backward()
    >>> t.grad
    array([6., 0., 0.])
    """
    if of_values(x):
        left_out = None if initial is None or initial == 1 else initial
        return reduce(
            p.multiply, _listed(x, "prod", axis, keepdims, dtype=dtype, initial=left_out, where=where)
        )
    x = _masked(in_dtype(x, "prod", dtype), "prod", where, 1)
    axes, keepdims = axes_of(x, axis, "prod", of_numbers=True), flag_of(keepdims, "prod", "keepdims")
    y = p.prod(x, axis=axes, keepdims=keepdims)
    return (
        y if _is_left_out(initial, 1, x, axes, where, "prod") else p.multiply(y, _start(initial, y, "prod"))
    )


@of_kind
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The middle element in sorted order over `axis`; of an even number, the mean of the two middle ones.

    Elements equal to a middle one share its gradient evenly. Raises `ShapeError` if there are no elements.

    >>> from chainrule.autograd import Tensor, median
    >>> t = Tensor([7.0, 1.0, 2.0, 4.0])
    >>> median(t).backward()
    >>> t.grad
    array([0. , 0. , 0.5, 0.5])
    """
    x = arrays_only(x, "median")
    axes = axes_of(x, axis, "median")
    if not count_of(x, axes):
        raise ShapeError(f"median over axis={axis!r} of {describe(x)} has no elements to choose from")
    shape = p.kept_shape(x.shape, axes)
    if len(axes) != 1:  # merge them into one
        kept = [k for k in range(x.ndim) if k not in axes]
        x = p.transpose(x, axes=(*kept, *axes))
        x, axes = p.reshape(x, shape=(*x.shape[: len(kept)], -1)), (len(kept),)
    y = p.median(x, axis=axes[0])
    return p.reshape(y, shape=shape) if flag_of(keepdims, "median", "keepdims") else y


@or_builtin(builtins.max)
@of_kind
def max(
    x: Any, axis: Axis = None, keepdims: bool = False, *, initial: float | None = None, where: Any = True
) -> Any:
    """The largest element along `axis`. Equal largest elements share the gradient evenly.

    As in NumPy, the result is at least `initial`, if that is given, and elements for which `where` is False are left
    out; then `initial` is required, for the case that no element is left.
    Of two tensors, element by element, it is `maximum(a, b)`.

    Raises `ShapeError` if there are no elements and no `initial`, `KindError` for `where` without `initial`.

    >>> from chainrule.autograd import Tensor, max
    >>> t = Tensor([1.0, 5.0, 5.0])
    >>> max(t).backward()
    >>> t.grad
    array([0. , 0.5, 0.5])
    """
    if of_values(x):
        return p.largest(*_listed(x, "max", axis, keepdims, initial=initial, where=where))
    return extreme(p.max_, p.maximum, x, "max", axis, keepdims, initial, where)


@or_builtin(builtins.min)
@of_kind
def min(
    x: Any, axis: Axis = None, keepdims: bool = False, *, initial: float | None = None, where: Any = True
) -> Any:
    """The smallest element along `axis`. Equal smallest elements share the gradient evenly.

    The options are those of `max`.
    Of two tensors, element by element, it is `minimum(a, b)`.

    >>> from chainrule.autograd import Tensor, min
    >>> min(Tensor([[3.0, 1.0], [2.0, 4.0]]), axis=1)
    Tensor([1., 2.])
    """
    if of_values(x):
        return p.smallest(*_listed(x, "min", axis, keepdims, initial=initial, where=where))
    return extreme(p.min_, p.minimum, x, "min", axis, keepdims, initial, where)


def extreme(
    row: Any, of_two: Any, x: Any, what: str, axis: Axis, keepdims: bool, initial: float | None, where: Any
) -> Any:
    """A maximum or minimum by its row; `of_two` is the row for two numbers."""
    x = arrays_only(x, what)
    axes, keepdims = axes_of(x, axis, what, of_numbers=True), flag_of(keepdims, what, "keepdims")
    mask = mask_of(where, x, what)
    if initial is None:
        if mask is not None:
            raise KindError(
                f"{what} was given where and no initial, which is the result where no element is left. Write "
                f"{what}(t, where=mask, initial=...)"
            )
        return row(x, axis=axes, keepdims=keepdims)
    start = _start(initial, x, what)
    x = x if mask is None else p.where(mask, x, start)
    if not axes:
        return of_two(x, start)
    if not count_of(x, axes):
        return p.add(p.sum_(x, axis=axes, keepdims=keepdims), start)
    shape = tuple(1 if k == axes[0] else n for k, n in enumerate(x.shape))
    return row(p.concatenate(x, np.full(shape, start), axis=axes[0]), axis=axes, keepdims=keepdims)


@of_kind
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` over `axis`, without overflow; also of a list of Values.

    >>> from chainrule.autograd import Tensor, logsumexp
    >>> logsumexp(Tensor([1000.0, 1000.0])).item()
    1000.6931471805599
    """
    if of_values(x):
        return p.logtotalexp(*_listed(x, "logsumexp", axis, keepdims))
    x = arrays_only(x, "logsumexp")
    axes = axes_of(x, axis, "logsumexp", of_numbers=True)
    return p.logsumexp(x, axis=axes, keepdims=flag_of(keepdims, "logsumexp", "keepdims"))


@of_kind
def softmax(x: Any, axis: Axis = -1) -> Any:
    """`exp(x) / sum(exp(x))` along `axis`: positive numbers that sum to 1. Of a list of Values, a list.

    >>> from chainrule.autograd import Tensor, softmax
    >>> softmax(Tensor([1e4, 1e4]))
    Tensor([0.5, 0.5])
    """
    if of_values(x):
        whole = logsumexp(_listed(x, "softmax", axis))
        return [p.exp(v - whole) for v in x]
    x = arrays_only(x, "softmax")
    return p.softmax(x, axis=axes_of(x, axis, "softmax", of_numbers=True))


@of_kind
def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """`log(softmax(x))` along `axis`, computed so that it is finite for extreme logits.

    >>> from chainrule.autograd import Tensor, log_softmax
    >>> log_softmax(Tensor([0.0, -1e4]))
    Tensor([     0., -10000.])
    """
    if of_values(x):
        whole = logsumexp(_listed(x, "log_softmax", axis))
        return [v - whole for v in x]
    x = arrays_only(x, "log_softmax")
    return p.log_softmax(x, axis=axes_of(x, axis, "log_softmax", of_numbers=True))


# ---------------------------------------------------------------------- options


def _listed(x: Any, what: str, axis: Axis = None, keepdims: bool = False, **options: Any) -> Any:
    """A list of Values, which has one axis and no options; raises otherwise."""
    given = [name for name, value in options.items() if value is not None and value is not True]
    given += ["keepdims"] * flag_of(keepdims, what, "keepdims")
    if given or not (axis is None or (type(axis) is int and axis in (0, -1))):
        raise KindError(
            f"{what} of a list of Values is over all of them and takes no {given[0] if given else f'axis={axis!r}'}. "
            f"Choose from the list in Python, or use a Tensor"
        )
    return x


def _masked(x: Any, what: str, where: Any, fill: float) -> Any:
    """`x` with `fill` for the elements that are left out."""
    mask = mask_of(where, x, what)
    return x if mask is None else p.where(mask, x, np.asarray(fill, x.dtype))


def _is_left_out(initial: Any, neutral: float, x: Any, axes: tuple[int, ...], where: Any, what: str) -> bool:
    """Whether a reduction starts from its neutral element, or with `None` from the first element."""
    if initial is None and (where is not True or not count_of(x, axes)):
        raise RangeError(
            f"{what} with initial=None starts from the first element; given none, or a mask that may be empty"
        )
    return initial is None or (
        not isinstance(initial, Operators) and number_of(initial, what, "initial") == neutral
    )


def _start(initial: Any, x: Any, what: str) -> Any:
    """The number that a reduction starts from, in the dtype of `x`."""
    number = number_of(initial, what, "initial")
    if x.dtype.kind == "f":
        return np.asarray(number, x.dtype)
    try:
        start = np.asarray(int(number), x.dtype)
    except (OverflowError, ValueError):
        start = None
    if start is None or start != number:
        raise KindError(
            f"{what} of {describe(x)} starts from a number of its dtype; given initial={initial!r}"
        )
    return start
