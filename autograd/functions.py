"""Functions with NumPy's names and arguments, on Values, Tensors, plain numbers and arrays alike.

Rows without parameters are functions as they stand, `exp` and `tanh` for example; here are those that
take an `axis` in every form, `keepdims`, options with defaults, or a list.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from . import primitives as p
from .errors import KindError, RangeError, ShapeError
from .operators import Operators

Axis = int | tuple[int, ...] | None

__all__ = [
    "array_split",
    "astype",
    "broadcast_to",
    "clip",
    "concatenate",
    "cumprod",
    "cumsum",
    "diagonal",
    "diff",
    "dot",
    "elu",
    "expand_dims",
    "flip",
    "inner",
    "kron",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "moveaxis",
    "norm",
    "outer",
    "pad",
    "prod",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "softmax",
    "sort",
    "split",
    "squeeze",
    "stack",
    "std",
    "sum",
    "swapaxes",
    "take",
    "take_along_axis",
    "tile",
    "total",
    "trace",
    "transpose",
    "tril",
    "triu",
    "var",
    "where",
]


# ---------------------------------------------------------------------- arguments


def axes_of(x: Any, axis: Axis, what: str) -> tuple[int, ...]:
    """`axis` as a tuple of non-negative axes of `x`; `None` is all of them."""
    ndim = np.ndim(x.data if isinstance(x, Operators) else x)
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    try:
        found = tuple(int(k) + (ndim if k < 0 else 0) for k in axes)
    except (TypeError, ValueError):
        raise KindError(
            f"{what} takes an axis as an integer, a tuple of integers or None; given {axis!r}"
        ) from None
    if builtins.any(not 0 <= k < ndim for k in found):
        raise ShapeError(
            f"{what} was given axis={axis!r}, but {_shape_text(x)} has {ndim} axes, numbered from 0"
        )
    if len(set(found)) != len(found):
        raise ShapeError(f"{what} was given axis={axis!r}, which names an axis twice")
    return found


def _one_axis(x: Any, axis: int | None, what: str) -> tuple[Any, int]:
    """`x` and its only axis in question, which is non-negative; `x` flattened if that is `None`."""
    x = _arrays_only(x, what)
    if axis is None:
        return ravel(x), 0
    if isinstance(axis, tuple):
        raise KindError(f"{what} takes one axis, or None for all elements in a row; given {axis!r}")
    return x, axes_of(x, axis, what)[0]


def _integers(given: Any, what: str, name: str) -> Any:
    """Plain integers from an array, a list, or a Tensor of integers."""
    array = np.asarray(given.data if isinstance(given, Operators) else given)
    if array.dtype.kind not in "iu" and array.size:
        raise KindError(f"{what} takes {name} in integers; given {given!r}")
    return array.astype(int)


def _counts(given: Any, what: str) -> Any:
    counts = _integers(given, what, "counts")
    if (counts < 0).any():
        raise RangeError(f"{what} takes counts of 0 and more; given {int(counts.min())}")
    return counts


def _positions(indices: Any, n: int, what: str, mode: str = "raise") -> Any:
    """Integer indices into an axis of length `n`, all within it."""
    at = _integers(indices, what, "indices")
    if mode not in ("raise", "wrap", "clip"):
        raise KindError(f"{what} has the modes raise, wrap and clip; given {mode!r}")
    if mode != "raise" and n:
        return at % n if mode == "wrap" else np.clip(at, 0, n - 1)
    beyond = at[(at < -n) | (at >= n)]
    if beyond.size:
        raise RangeError(f"{what} was given the index {int(beyond[0])} for an axis of length {n}")
    return at


def _pick(x: Any, k: int, at: Any) -> Any:
    """The elements at the positions `at` along the axis `k`."""
    return p.index(x, at=(slice(None),) * k + (at,))


def _cut(x: Any, k: int, start: int | None, end: int | None) -> Any:
    """The elements from `start` to before `end` along the axis `k`."""
    return p.index(x, at=(slice(None),) * k + (slice(start, end),))


def _degrees(x: Any, axes: tuple[int, ...], ddof: float, what: str) -> float:
    """The denominator of a variance: the number of elements, less `ddof`."""
    n = math.prod(x.shape[k] for k in axes)
    if n <= ddof:
        raise ShapeError(
            f"{what} over axis={axes!r} of {_shape_text(x)} has {n} elements, too few for ddof={ddof}"
        )
    return n - ddof


def _shape_text(x: Any) -> str:
    from .node import describe

    return describe(x)


def _arrays_only(x: Any, what: str) -> Any:
    """`x` as something with axes: a Tensor or an array. A Value is one number and has none."""
    if _values([x]) or _values(x):
        given = f"{_shape_text(x)} is one number" if isinstance(x, Operators) else "Values are single numbers"
        raise KindError(
            f"{what} works along the axes of an array; {given}. "
            f"Pass a list of Values where {what} takes one, or use a Tensor"
        )
    return x if isinstance(x, Operators) else np.asarray(x)


def _values(x: Any) -> bool:
    """Whether `x` is a list of Values, possibly with numbers among them."""
    return isinstance(x, (list, tuple)) and builtins.any(
        isinstance(v, Operators) and not hasattr(v, "shape") for v in x
    )


# ---------------------------------------------------------------------- elementwise, with options


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
        condition = np.asarray(condition, dtype=bool)
        if not condition.ndim:
            condition = bool(condition)
    if not isinstance(a, Operators) and not isinstance(b, Operators):
        return np.where(condition, a, b)
    return p.where(condition, a, b)


def clip(x: Any, low: float | None = None, high: float | None = None) -> Any:
    """`x` limited to `low <= x <= high`; `None` is no limit. The gradient is 1 on both bounds, 0 outside.

    >>> from chainrule.autograd import Value, clip
    >>> clip(Value(7.0), -1, 5)
    Value(5.0)
    """
    low, high = -math.inf if low is None else low, math.inf if high is None else high
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


def total(xs: Sequence[Any]) -> Any:
    """The sum of a list of Values as one node, where `sum(xs)` would record one addition each.

    >>> from chainrule.autograd import Value, total
    >>> total([Value(1.0), Value(2.0), 3.0])
    Value(6.0)
    """
    return p.total(*xs)


def dot(a: Any, b: Any) -> Any:
    """The inner product. Of two lists of Values it is one node; of arrays and Tensors it is NumPy's `dot`.

    Raises `ShapeError` for lists of different lengths.

    >>> from chainrule.autograd import Value, dot
    >>> w = [Value(1.0), Value(-2.0)]
    >>> dot(w, [3.0, 4.0])
    Value(-5.0)
    """
    if _values(a) or _values(b):
        a, b = list(a), list(b)
        if len(a) != len(b):
            raise ShapeError(f"dot takes two lists of the same length; given {len(a)} and {len(b)} entries")
        return p.dot_(*a, *b)
    a, b = _arrays_only(a, "dot"), _arrays_only(b, "dot")
    if a.ndim == 0 or b.ndim == 0:
        return p.multiply(a, b)
    if b.ndim > 2:
        raise ShapeError("dot of stacks of matrices is not offered; write matmul (the operator @), or einsum")
    return p.matmul(a, b)


# ---------------------------------------------------------------------- reductions


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum of the elements over `axis` (an axis, several, or all with `None`).

    A reduced axis disappears, or stays with length 1 if `keepdims`. The gradient goes to every element alike.

    >>> from chainrule.autograd import Tensor, sum
    >>> sum(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    Tensor([4., 6.])
    """
    if _values(x):
        return total(x)
    x = _arrays_only(x, "sum")
    return p.sum_(x, axis=axes_of(x, axis, "sum"), keepdims=builtins.bool(keepdims))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The mean of the elements over `axis`; each gets an n-th of the gradient.

    >>> from chainrule.autograd import Tensor, mean
    >>> mean(Tensor([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    Tensor([1.5, 3.5])
    """
    if _values(x):
        return total(x) / len(x)
    x = _arrays_only(x, "mean")
    return p.mean(x, axis=axes_of(x, axis, "mean"), keepdims=builtins.bool(keepdims))


def var(x: Any, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """The variance over `axis`: the mean squared distance from the mean, with `n - ddof` in the denominator.

    Computed from the differences, so that a large mean costs no digits.

    >>> from chainrule.autograd import Tensor, var
    >>> var(Tensor([1.0, 2.0, 3.0, 4.0]), ddof=1).item()
    1.6666666666666667
    """
    x = _arrays_only(x, "var")
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
    x = _arrays_only(x, "std")
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
    if _values(x):
        return reduce(p.multiply, x)
    x = _arrays_only(x, "prod")
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
    x = _arrays_only(x, "median")
    axes = axes_of(x, axis, "median")
    if not math.prod(x.shape[k] for k in axes):
        raise ShapeError(f"median over axis={axis!r} of {_shape_text(x)} has no elements to choose from")
    shape = p.kept_shape(x.shape, axes)
    if len(axes) != 1:  # merge them into one
        kept = [k for k in range(x.ndim) if k not in axes]
        x = p.transpose(x, axes=(*kept, *axes))
        x, axes = p.reshape(x, shape=(*x.shape[: len(kept)], -1)), (len(kept),)
    y = p.median(x, axis=axes[0])
    return p.reshape(y, shape=shape) if keepdims else y


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length of vectors, or the norm of matrices, with the meaning of `numpy.linalg.norm`.

    `axis` is one axis for vectors, two for matrices; with `None` a tensor of one or two axes is meant as a
    whole, and with `ord=None` any tensor as one long vector. Orders of vectors: `None` and 2 (the root of the sum of
    squares), `inf` and `-inf` (the largest and smallest size), 0 (how many are not zero), and every other
    number (the root of the sum of powers). Orders of matrices: `None` and `"fro"` (the root of the sum
    of squares), 1 and -1 (the largest and smallest sum of a column), `inf` and `-inf` (of a row). The gradient
    is 0 at the vector 0.

    Raises `KindError` for an order that is not among them, `ShapeError` for axes that do not fit.

    >>> from chainrule.autograd import Tensor, norm
    >>> t = Tensor([3.0, -4.0])
    >>> norm(t).backward()
    >>> t.grad
    array([ 0.6, -0.8])
    >>> norm(t, 1), norm(t, float("inf"))
    (Tensor(7.), Tensor(4.))
    """
    x, keepdims = _arrays_only(x, "norm"), builtins.bool(keepdims)
    axes = axes_of(x, axis, "norm")
    if (ord is None and (axis is None or len(axes) == 2)) or (ord == "fro" and len(axes) == 2):
        return p.norm(x, ord=2, axis=axes, keepdims=keepdims)
    if len(axes) not in (1, 2):
        raise ShapeError(
            f"norm of order {ord!r} was asked of {_shape_text(x)} over {len(axes)} axes. Name one axis for vectors "
            f"or two for matrices, as in axis=-1 or axis=(0, 1)"
        )
    if not (ord is None or isinstance(ord, (int, float, np.number))) or ord != ord:
        raise KindError(
            f"norm of {'vectors' if len(axes) == 1 else 'matrices'} has no order {ord!r}; "
            f"see help(norm) for the orders there are"
        )
    order = 2.0 if ord is None else float(ord)
    if len(axes) == 1:
        return _norm_of_vectors(x, order, axes, keepdims)
    if abs(order) not in (1, math.inf):
        raise KindError(
            f"norm of matrices of order {ord!r} needs singular values, which have no rule here. "
            f'Orders of matrices are None, "fro", 1, -1, inf and -inf; axis=-1 takes the norms of rows'
        )
    down, along = axes if abs(order) == 1 else axes[::-1]  # sum down the columns, or along the rows
    sums = p.sum_(p.absolute(x), axis=(down,), keepdims=True)
    y = (max if order > 0 else min)(sums, along, keepdims=True)
    return y if keepdims else squeeze(y, axes)


def _norm_of_vectors(x: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    if ord == 0:
        return p.sum_(p.absolute(p.sign(x)), axis=axis, keepdims=keepdims)
    if ord == 1:
        return p.sum_(p.absolute(x), axis=axis, keepdims=keepdims)
    if math.isinf(ord):
        return (max if ord > 0 else min)(p.absolute(x), axis, keepdims)
    return p.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element along `axis`. Equal largest elements share the gradient evenly.

    >>> from chainrule.autograd import Tensor, max
    >>> t = Tensor([1.0, 5.0, 5.0])
    >>> max(t).backward()
    >>> t.grad
    array([0. , 0.5, 0.5])
    """
    if _values(x):
        return reduce(p.maximum, x)
    x = _arrays_only(x, "max")
    return p.max_(x, axis=axes_of(x, axis, "max"), keepdims=builtins.bool(keepdims))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element along `axis`. Equal smallest elements share the gradient evenly.

    >>> from chainrule.autograd import Tensor, min
    >>> min(Tensor([[3.0, 1.0], [2.0, 4.0]]), axis=1)
    Tensor([1., 2.])
    """
    if _values(x):
        return reduce(p.minimum, x)
    x = _arrays_only(x, "min")
    return p.min_(x, axis=axes_of(x, axis, "min"), keepdims=builtins.bool(keepdims))


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """`log(sum(exp(x)))` over `axis`, without overflow; also of a list of Values.

    >>> from chainrule.autograd import Tensor, logsumexp
    >>> logsumexp(Tensor([1000.0, 1000.0])).item()
    1000.6931471805599
    """
    if _values(x):
        top = builtins.max(float(v) for v in x)
        top = top if math.isfinite(top) else 0.0
        return p.log(total([p.exp(v - top) for v in x])) + top
    x = _arrays_only(x, "logsumexp")
    return p.logsumexp(x, axis=axes_of(x, axis, "logsumexp"), keepdims=builtins.bool(keepdims))


def softmax(x: Any, axis: Axis = -1) -> Any:
    """`exp(x) / sum(exp(x))` along `axis`: positive numbers that sum to 1. Of a list of Values, a list.

    >>> from chainrule.autograd import Tensor, softmax
    >>> softmax(Tensor([1e4, 1e4]))
    Tensor([0.5, 0.5])
    """
    if _values(x):
        whole = logsumexp(x)
        return [p.exp(v - whole) for v in x]
    x = _arrays_only(x, "softmax")
    return p.softmax(x, axis=axes_of(x, axis, "softmax"))


def log_softmax(x: Any, axis: Axis = -1) -> Any:
    """`log(softmax(x))` along `axis`, computed so that it stays finite for extreme logits.

    >>> from chainrule.autograd import Tensor, log_softmax
    >>> log_softmax(Tensor([0.0, -1e4]))
    Tensor([     0., -10000.])
    """
    if _values(x):
        whole = logsumexp(x)
        return [v - whole for v in x]
    x = _arrays_only(x, "log_softmax")
    return p.log_softmax(x, axis=axes_of(x, axis, "log_softmax"))


# ---------------------------------------------------------------------- running sums, products, order


def cumsum(x: Any, axis: int | None = None) -> Any:
    """The sums of the first elements along `axis`: 1, 2, 3, ... of them; of all elements with `None`.

    >>> from chainrule.autograd import Tensor, cumsum
    >>> cumsum(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.])
    """
    x, k = _one_axis(x, axis, "cumsum")
    return p.cumsum(x, axis=k)


def cumprod(x: Any, axis: int | None = None) -> Any:
    """The products of the first elements along `axis`. Its derivatives are exact also where elements are zero.

    >>> from chainrule.autograd import Tensor, cumprod
    >>> cumprod(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.])
    """
    x, k = _one_axis(x, axis, "cumprod")
    return p.cumprod(x, axis=k)


def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences between neighbours along `axis`, `n` times over.

    >>> from chainrule.autograd import Tensor, diff
    >>> diff(Tensor([1.0, 4.0, 9.0, 16.0]), n=2)
    Tensor([2., 2.])
    """
    x, k = _one_axis(x, axis, "diff")
    if n < 0:
        raise RangeError(f"diff takes differences n times; given n={n!r}")
    for _ in range(n):
        x = _cut(x, k, 1, None) - _cut(x, k, None, builtins.max(x.shape[k] - 1, 0))
    return x


def sort(x: Any, axis: int | None = -1) -> Any:
    """The elements along `axis` in ascending order. Equal elements share their gradients evenly.

    >>> from chainrule.autograd import Tensor, sort
    >>> sort(Tensor([3.0, 1.0, 2.0]))
    Tensor([1., 2., 3.])
    """
    x, k = _one_axis(x, axis, "sort")
    return p.sort(x, axis=k)


def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements at `indices` along `axis`, or of the flattened tensor; an index may come repeatedly.

    Indices beyond the end are an error, wrap around (`mode="wrap"`) or go to the nearest end (`"clip"`).

    Raises `KindError` for indices that are not integers, `RangeError` for one that is out of bounds.

    >>> from chainrule.autograd import Tensor, take
    >>> take(Tensor([[1.0, 2.0, 3.0]]), [2, 0, 2], axis=1)
    Tensor([[3., 1., 3.]])
    """
    x, k = _one_axis(x, axis, "take")
    return _pick(x, k, _positions(indices, x.shape[k], "take", mode))


def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """The elements at `indices` along `axis`, other indices for each place on the other axes.

    `indices` has as many axes as `x` and broadcasts with it on the others; `np.argsort` makes such.

    >>> from chainrule.autograd import Tensor, take_along_axis
    >>> take_along_axis(Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1)
    Tensor([[2.],
            [3.]])
    """
    x, k = _one_axis(x, axis, "take_along_axis")
    at = _positions(indices, x.shape[k], "take_along_axis")
    pairs = list(zip(at.shape, x.shape))
    if at.ndim != x.ndim or builtins.any(1 not in (m, n) and m != n for m, n in pairs[:k] + pairs[k + 1 :]):
        raise ShapeError(
            f"take_along_axis takes indices of the shape of the tensor, but for axis {k}; "
            f"given indices of shape {at.shape} for {_shape_text(x)}"
        )
    places = list(np.ogrid[tuple(slice(n) for n in x.shape)])
    places[k] = at
    return p.index(x, at=tuple(places))


# ---------------------------------------------------------------------- shape


def reshape(x: Any, shape: Any) -> Any:
    """The same elements in another shape, read row by row; one length may be -1.

    >>> from chainrule.autograd import Tensor, reshape
    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    """
    x = _arrays_only(x, "reshape")
    shape = tuple(map(int, shape)) if isinstance(shape, (tuple, list)) else (int(shape),)
    return p.reshape(x, shape=shape)


def ravel(x: Any) -> Any:
    """All elements in one axis.

    >>> from chainrule.autograd import Tensor, ravel
    >>> ravel(Tensor([[1.0, 2.0]]))
    Tensor([1., 2.])
    """
    return reshape(x, -1)


def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order; reversed when `axes` is `None`.

    >>> from chainrule.autograd import Tensor, transpose
    >>> transpose(Tensor([[1.0, 2.0, 3.0]])).shape
    (3, 1)
    """
    x = _arrays_only(x, "transpose")
    order = tuple(reversed(range(x.ndim))) if axes is None else axes_of(x, tuple(axes), "transpose")
    if len(order) != x.ndim:
        raise ShapeError(
            f"transpose of {_shape_text(x)} was given axes={axes!r}; it needs each of its axes once"
        )
    return p.transpose(x, axes=order)


def expand_dims(x: Any, axis: Axis) -> Any:
    """With new axes of length 1 at the positions `axis` of the result.

    >>> from chainrule.autograd import Tensor, expand_dims
    >>> expand_dims(Tensor([1.0, 2.0]), -1).shape
    (2, 1)
    """
    x = _arrays_only(x, "expand_dims")
    shape = np.expand_dims(np.broadcast_to(np.False_, x.shape), axis if axis is not None else ()).shape
    return p.reshape(x, shape=shape)


def squeeze(x: Any, axis: Axis = None) -> Any:
    """Without its axes of length 1, or without those named by `axis`.

    >>> from chainrule.autograd import Tensor, squeeze
    >>> squeeze(Tensor([[1.0, 2.0]])).shape
    (2,)
    """
    x = _arrays_only(x, "squeeze")
    gone = {k for k, n in enumerate(x.shape) if n == 1} if axis is None else set(axes_of(x, axis, "squeeze"))
    if builtins.any(x.shape[k] != 1 for k in gone):
        raise ShapeError(f"squeeze was given axis={axis!r} of {_shape_text(x)}; only axes of length 1 can go")
    return p.reshape(x, shape=tuple(n for k, n in enumerate(x.shape) if k not in gone))


def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to `shape` by NumPy's rules; the gradient is summed back.

    >>> from chainrule.autograd import Tensor, broadcast_to
    >>> broadcast_to(Tensor([1.0, 2.0]), (3, 2)).shape
    (3, 2)
    """
    return p.broadcast_to(_arrays_only(x, "broadcast_to"), shape=tuple(shape))


def concatenate(xs: Sequence[Any], axis: int | None = 0) -> Any:
    """The arrays one after the other along `axis`; flattened first if that is `None`.

    >>> from chainrule.autograd import Tensor, concatenate
    >>> concatenate([Tensor([1.0]), Tensor([2.0, 3.0])])
    Tensor([1., 2., 3.])
    """
    xs = [_arrays_only(x, "concatenate") for x in xs]
    if axis is None:
        xs, axis = [ravel(x) for x in xs], 0
    return p.concatenate(*xs, axis=int(axis))


def stack(xs: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape put side by side along a new axis.

    >>> from chainrule.autograd import Tensor, stack
    >>> stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])], axis=1).shape
    (2, 2)
    """
    return p.stack(*(_arrays_only(x, "stack") for x in xs), axis=int(axis))


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> from chainrule.autograd import Tensor, swapaxes
    >>> swapaxes(Tensor([[[1.0, 2.0]]]), 0, -1).shape
    (2, 1, 1)
    """
    x = _arrays_only(x, "swapaxes")
    (i,), (j,) = axes_of(x, int(axis1), "swapaxes"), axes_of(x, int(axis2), "swapaxes")
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return p.transpose(x, axes=tuple(order))


def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """The axes `source` moved to the positions `destination`; the others keep their order.

    >>> from chainrule.autograd import Tensor, moveaxis
    >>> moveaxis(Tensor([[[1.0, 2.0]]]), -1, 0).shape
    (2, 1, 1)
    """
    x = _arrays_only(x, "moveaxis")
    old = axes_of(x, tuple(np.ravel(source).tolist()), "moveaxis")
    new = axes_of(x, tuple(np.ravel(destination).tolist()), "moveaxis")
    if len(old) != len(new):
        raise ShapeError(f"moveaxis was given {len(old)} axes to move and {len(new)} positions")
    order = [k for k in range(x.ndim) if k not in old]
    for position, k in sorted(zip(new, old)):
        order.insert(position, k)
    return p.transpose(x, axes=tuple(order))


def flip(x: Any, axis: Axis = None) -> Any:
    """The elements in reverse along `axis`, along every axis with `None`.

    >>> from chainrule.autograd import Tensor, flip
    >>> flip(Tensor([1.0, 2.0, 3.0]))
    Tensor([3., 2., 1.])
    """
    x = _arrays_only(x, "flip")
    return p.flip(x, axis=axes_of(x, axis, "flip"))


def roll(x: Any, shift: int | tuple[int, ...], axis: Axis = None) -> Any:
    """The elements `shift` places further along `axis`; those that leave at the end come in at the start.

    With `axis=None` the tensor is rolled as if it were flat. Several axes take a shift each, or share one.

    >>> from chainrule.autograd import Tensor, roll
    >>> roll(Tensor([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.])
    """
    x = _arrays_only(x, "roll")
    shifts = tuple(_integers(shift, "roll", "a shift").ravel().tolist())
    if axis is None:
        return p.reshape(p.roll(ravel(x), shift=(builtins.sum(shifts),), axis=(0,)), shape=x.shape)
    axes = axes_of(x, axis, "roll")
    if len(axes) == 1:
        shifts = (builtins.sum(shifts),)
    elif len(shifts) == 1:
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll was given {len(shifts)} shifts for {len(axes)} axes; each axis takes one")
    return p.roll(x, shift=shifts, axis=axes)


def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """A list of the parts of `x` along `axis`: so many of equal length, or cut before the given indices.

    Raises `ShapeError` where the length cannot be divided equally; `array_split` allows for that.

    >>> from chainrule.autograd import Tensor, split
    >>> split(Tensor([1.0, 2.0, 3.0, 4.0]), 2)
    [Tensor([1., 2.]), Tensor([3., 4.])]
    >>> split(Tensor([1.0, 2.0, 3.0, 4.0]), [1])
    [Tensor([1.]), Tensor([2., 3., 4.])]
    """
    x, k = _one_axis(x, axis, "split")
    parts = array_split(x, indices_or_sections, k)
    if np.ndim(indices_or_sections) == 0 and x.shape[k] % len(parts):
        raise ShapeError(
            f"split cannot cut {_shape_text(x)} into {len(parts)} equal parts along axis {k}. Give the indices to "
            f"cut at, or write array_split, whose parts may differ by one"
        )
    return parts


def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Like `split`, but where so many parts cannot be of equal length, the first ones get one element more.

    >>> from chainrule.autograd import Tensor, array_split
    >>> array_split(Tensor([1.0, 2.0, 3.0]), 2)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    x, k = _one_axis(x, axis, "split")
    cuts = _integers(indices_or_sections, "split", "indices or a number of sections")
    n = x.shape[k]
    if cuts.ndim == 0:
        sections = int(cuts)
        if sections < 1:
            raise RangeError(f"split makes one section or more; given {sections}")
        ends = [(i + 1) * (n // sections) + builtins.min(i + 1, n % sections) for i in range(sections)]
    else:
        ends = [*cuts.tolist(), n]
    return [_cut(x, k, start, end) for start, end in zip([0, *ends], ends)]


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """`x` with more elements around it.

    `pad_width` is a number for all sides, a pair `(before, after)` for all axes, or a pair for each. `mode` says
    what stands there: `constant_values` (`"constant"`), the nearest element (`"edge"`), or the elements
    mirrored (`"reflect"`, without repeating the last; `"symmetric"`) or repeated from the other end (`"wrap"`).

    Raises `RangeError` for a negative width, `KindError` for another mode.

    >>> from chainrule.autograd import Tensor, pad
    >>> pad(Tensor([1.0, 2.0, 3.0]), (1, 2))
    Tensor([0., 1., 2., 3., 0., 0.])
    >>> pad(Tensor([1.0, 2.0, 3.0]), 2, mode="reflect")
    Tensor([3., 2., 1., 2., 3., 2., 1.])
    """
    x = _arrays_only(x, "pad")
    widths = _integers(pad_width, "pad", "a width")
    if widths.shape not in {(), (1,), (2,), (1, 1), (1, 2), (x.ndim, 1), (x.ndim, 2)}:
        raise ShapeError(
            f"pad of {_shape_text(x)} was given widths of shape {widths.shape}; it takes one number, a pair "
            f"(before, after), or {x.ndim} pairs"
        )
    if (widths < 0).any():
        raise RangeError(f"pad adds elements; given the negative width {int(widths.min())}. Cut with x[1:-1]")
    sides = [(int(before), int(after)) for before, after in np.broadcast_to(widths, (x.ndim, 2))]
    if mode == "constant":
        return _pad_with(x, sides, constant_values)
    if mode not in ("edge", "reflect", "symmetric", "wrap"):
        raise KindError(
            f"pad has the modes constant, edge, reflect, symmetric and wrap; given {mode!r}. "
            f"Compute other borders and join them with concatenate"
        )
    if 0 in x.shape:
        raise ShapeError(f"pad with mode={mode!r} repeats elements and {_shape_text(x)} has none")
    positions: list[Any] = [np.pad(np.arange(n), side, mode) for n, side in zip(x.shape, sides)]  # type: ignore[call-overload]
    return p.index(x, at=np.ix_(*positions))


def _pad_with(x: Any, sides: list[tuple[int, int]], constant: Any) -> Any:
    if isinstance(constant, Operators):
        raise KindError("pad takes plain numbers as constant_values; join nodes with concatenate")
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, sides))
    shape = tuple(before + n + after for n, (before, after) in zip(x.shape, sides))
    y = p.scatter(x, shape=shape, at=inside)
    if not np.any(constant):
        return y
    try:
        frame = np.pad(np.zeros(x.shape, x.dtype), sides, constant_values=constant)
    except ValueError:
        raise ShapeError(
            f"pad of {_shape_text(x)} was given constant_values of shape {np.shape(constant)}; it takes one number, "
            f"a pair (before, after), or {x.ndim} pairs"
        ) from None
    mask = np.zeros(shape, bool)
    mask[inside] = True
    return p.where(mask, y, frame)


def tile(x: Any, reps: Any) -> Any:
    """`x` as a tile, laid `reps` times along each axis; more numbers than axes add axes in front.

    >>> from chainrule.autograd import Tensor, tile
    >>> tile(Tensor([1.0, 2.0]), (2, 2))
    Tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    x = _arrays_only(x, "tile")
    counts = tuple(_counts(reps, "tile").ravel().tolist())
    ndim = builtins.max(x.ndim, len(counts))
    lengths = (1,) * (ndim - x.ndim) + x.shape
    counts = (1,) * (ndim - len(counts)) + counts
    # each axis of length n becomes (1, n), is repeated to (count, n), and is read as one
    y = p.reshape(x, shape=tuple(m for n in lengths for m in (1, n)))
    y = p.broadcast_to(y, shape=tuple(m for pair in zip(counts, lengths) for m in pair))
    return p.reshape(y, shape=tuple(count * n for count, n in zip(counts, lengths)))


def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element along `axis`, or of the flattened tensor, `repeats` times: one number, or one for each.

    >>> from chainrule.autograd import Tensor, repeat
    >>> repeat(Tensor([1.0, 2.0]), [1, 3])
    Tensor([1., 2., 2., 2.])
    """
    x, k = _one_axis(x, axis, "repeat")
    counts, n = _counts(repeats, "repeat"), x.shape[k]
    if counts.ndim > 1 or counts.size not in (1, n):
        raise ShapeError(
            f"repeat was given {counts.size} counts for the {n} elements along axis {k} of {_shape_text(x)}; "
            f"it takes one for all, or one for each"
        )
    return _pick(x, k, np.repeat(np.arange(n), counts))


# ---------------------------------------------------------------------- matrices


def tril(x: Any, k: int = 0) -> Any:
    """The lower triangle of the last two axes, up to the `k`-th diagonal; zero above it.

    >>> from chainrule.autograd import Tensor, tril
    >>> tril(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 0.],
            [3., 4.]])
    """
    x = _arrays_only(x, "tril")
    return p.where(_triangle(x, k, "tril"), x, 0)


def triu(x: Any, k: int = 0) -> Any:
    """The upper triangle of the last two axes, from the `k`-th diagonal on; zero below it.

    >>> from chainrule.autograd import Tensor, triu
    >>> triu(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[1., 2.],
            [0., 4.]])
    """
    x = _arrays_only(x, "triu")
    return p.where(_triangle(x, k - 1, "triu"), 0, x)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose index along `axis2` is `offset` more than along `axis1`, as the last axis.

    >>> from chainrule.autograd import Tensor, diagonal
    >>> diagonal(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([1., 4.])
    """
    x = _arrays_only(x, "diagonal")
    x = moveaxis(x, _matrix_axes(x, axis1, axis2, "diagonal"), (-2, -1))
    down, along = x.shape[-2:]
    rows, columns = np.nonzero(np.eye(down, along, offset, bool))
    return p.index(x, at=(..., rows, columns))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of the diagonal; see `diagonal`.

    >>> from chainrule.autograd import Tensor, trace
    >>> trace(Tensor([[1.0, 2.0], [3.0, 4.0]]))
    Tensor(5.)
    """
    return sum(diagonal(x, offset, axis1, axis2), -1)


def inner(a: Any, b: Any) -> Any:
    """The sums of products over the last axis of both: a number for vectors, `a @ b.T` for matrices.

    >>> from chainrule.autograd import Tensor, inner
    >>> inner(Tensor([1.0, 2.0]), [3.0, 4.0])
    Tensor(11.)
    """
    if _values(a) or _values(b):
        return dot(a, b)
    a, b = _arrays_only(a, "inner"), _arrays_only(b, "inner")
    if a.ndim == 0 or b.ndim == 0:
        return p.multiply(a, b)
    n = a.shape[-1]
    if b.shape[-1] != n:
        raise ShapeError(
            f"inner was given {_shape_text(a)} and {_shape_text(b)}; their last axes have to be of one length"
        )
    left = p.reshape(a, shape=(math.prod(a.shape[:-1]), n))
    right = p.reshape(b, shape=(math.prod(b.shape[:-1]), n))
    return p.reshape(p.matmul(left, transpose(right)), shape=(*a.shape[:-1], *b.shape[:-1]))


def outer(a: Any, b: Any) -> Any:
    """Every element of `a` times every element of `b`: a matrix with a row for each element of `a`.

    >>> from chainrule.autograd import Tensor, outer
    >>> outer(Tensor([1.0, 2.0]), [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    a, b = _arrays_only(a, "outer"), _arrays_only(b, "outer")
    return p.multiply(p.reshape(a, shape=(a.size, 1)), p.reshape(b, shape=(1, b.size)))


def kron(a: Any, b: Any) -> Any:
    """The Kronecker product: every element of `a` replaced by that element times `b`.

    >>> from chainrule.autograd import Tensor, kron
    >>> kron(Tensor([[1.0, 10.0]]), [[1.0, 2.0]])
    Tensor([[ 1.,  2., 10., 20.]])
    """
    a, b = _arrays_only(a, "kron"), _arrays_only(b, "kron")
    ndim = builtins.max(a.ndim, b.ndim)
    blocks = (1,) * (ndim - a.ndim) + a.shape
    within = (1,) * (ndim - b.ndim) + b.shape
    y = p.multiply(
        p.reshape(a, shape=tuple(m for n in blocks for m in (n, 1))),
        p.reshape(b, shape=tuple(m for n in within for m in (1, n))),
    )
    return p.reshape(y, shape=tuple(m * n for m, n in zip(blocks, within)))


def _triangle(x: Any, k: int, what: str) -> Any:
    if x.ndim == 0:
        raise ShapeError(f"{what} takes a matrix or a stack of them; given {_shape_text(x)}")
    rows, columns = (*x.shape[-1:], *x.shape)[-2:]
    return np.tri(rows, columns, int(k), bool)


def _matrix_axes(x: Any, axis1: int, axis2: int, what: str) -> tuple[int, ...]:
    if x.ndim < 2:
        raise ShapeError(f"{what} takes a matrix or a stack of them; given {_shape_text(x)}")
    return axes_of(x, (axis1, axis2), what)


def astype(x: Any, dtype: Any) -> Any:
    """`x` in another dtype. The gradient comes back in the dtype of `x`.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, astype
    >>> astype(Tensor([1.0]), np.float32).dtype
    dtype('float32')
    """
    return p.astype(_arrays_only(x, "astype"), dtype=np.dtype(dtype))
