"""Functions with NumPy's names and arguments, on Values, Tensors, plain numbers and arrays alike.

Rows without parameters are functions as they stand, `exp` and `tanh` for example; here are those that
take an `axis` in every form, `keepdims`, options with defaults, or a list.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import primitives as p
from .errors import KindError, ShapeError
from .operators import Operators

Axis = int | tuple[int, ...] | None

__all__ = [
    "astype",
    "broadcast_to",
    "clip",
    "concatenate",
    "dot",
    "elu",
    "expand_dims",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "max",
    "mean",
    "min",
    "ravel",
    "reshape",
    "softmax",
    "squeeze",
    "stack",
    "sum",
    "total",
    "transpose",
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


def _shape_text(x: Any) -> str:
    from .node import describe

    return describe(x)


def _arrays_only(x: Any, what: str) -> Any:
    """`x` as something with axes: a Tensor or an array. A Value is one number and has none."""
    if isinstance(x, Operators) and not hasattr(x, "shape"):
        raise KindError(
            f"{what} works along the axes of an array; {_shape_text(x)} is one number. "
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
    n = math.prod(x.shape[k] for k in axes)
    if n <= ddof:
        raise ShapeError(
            f"var over axis={axis!r} of {_shape_text(x)} has {n} elements, too few for ddof={ddof}"
        )
    squares = p.square(x - p.mean(x, axis=axes, keepdims=True))
    return p.sum_(squares, axis=axes, keepdims=builtins.bool(keepdims)) / (n - ddof)


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element along `axis`. Equal largest elements share the gradient evenly.

    >>> from chainrule.autograd import Tensor, max
    >>> t = Tensor([1.0, 5.0, 5.0])
    >>> max(t).backward()
    >>> t.grad
    array([0. , 0.5, 0.5])
    """
    x = _arrays_only(x, "max")
    return p.max_(x, axis=axes_of(x, axis, "max"), keepdims=builtins.bool(keepdims))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element along `axis`. Equal smallest elements share the gradient evenly.

    >>> from chainrule.autograd import Tensor, min
    >>> min(Tensor([[3.0, 1.0], [2.0, 4.0]]), axis=1)
    Tensor([1., 2.])
    """
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


def astype(x: Any, dtype: Any) -> Any:
    """`x` in another dtype. The gradient comes back in the dtype of `x`.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, astype
    >>> astype(Tensor([1.0]), np.float32).dtype
    dtype('float32')
    """
    return p.astype(_arrays_only(x, "astype"), dtype=np.dtype(dtype))
