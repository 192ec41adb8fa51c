"""The length of vectors and the norm of matrices: `norm`, with all of NumPy's orders."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as p
from ..engine.node import describe
from ..errors import KindError, ShapeError
from ..kinds import of_kind
from .arguments import Axis, arrays_only, axes_of, flag_of, number_of, through_float32
from .elementwise import of_floats
from .linalg import svd

__all__ = ["norm"]


@of_kind
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """The length of vectors, or the norm of matrices, with the meaning of `numpy.linalg.norm`.

    `axis` is one axis for vectors, two for matrices. `None` means all axes of a tensor with one or two axes, and with
    `ord=None` any tensor as one long vector. Orders of vectors: `None` and 2 (the root of the sum of squares), `inf`
    and `-inf` (the largest and smallest absolute value), 0 (the number of elements that are not zero), and every other
    number (the root of the sum of powers). Orders of matrices: `None` and `"fro"` (the root of the sum of squares), 1
    and -1 (the largest and smallest sum of a column), `inf` and `-inf` (of a row), 2 and -2 (the largest and smallest
    singular value), `"nuc"` (their sum). The gradient at the vector 0 is 0.

    Raises `KindError` for another order, `ShapeError` for a wrong number of axes.

    >>> from chainrule.autograd import Tensor, norm
    >>> t = Tensor([3.0, -4.0])
    >>> norm(t).backward()
    >>> t.grad
    array([ 0.6, -0.8])
    >>> norm(t, 1), norm(t, float("inf"))
    (Tensor(7.), Tensor(4.))
    """
    x, keepdims = of_floats(arrays_only(x, "norm")), flag_of(keepdims, "norm", "keepdims")
    axes = axes_of(x, axis, "norm")
    _refuse_no_order(ord)
    if (ord is None and (axis is None or len(axes) == 2)) or (ord == "fro" and len(axes) == 2):
        return p.norm(x, ord=2, axis=axes, keepdims=keepdims)
    if len(axes) not in (1, 2):
        raise ShapeError(
            f"norm of order {ord!r} was asked of {describe(x)} over {len(axes)} axes. Name one axis for vectors "
            f"or two for matrices, as in axis=-1 or axis=(0, 1)"
        )
    vectors = len(axes) == 1
    number = isinstance(ord, (int, float, np.number)) and ord == ord
    if not (ord is None or number if vectors else (number and abs(ord) in (1, 2, math.inf)) or ord == "nuc"):
        raise KindError(
            f"norm of {'vectors' if vectors else 'matrices'} has no order {ord!r}; "
            f"see help(norm) for the orders there are"
        )
    order = 2.0 if ord is None else ord if ord == "nuc" else float(ord)
    if vectors:
        return _norm_of_vectors(x, order, axes, keepdims)
    return through_float32(lambda x: _norm_of_matrices(x, order, axes, keepdims), x)


def _norm_of_matrices(x: Any, order: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    if order in (2, -2, "nuc"):
        return _norm_of_singular_values(x, order, axes, keepdims)
    down, along = axes if abs(order) == 1 else axes[::-1]  # sum down the columns, or along the rows
    sums = p.sum_(p.absolute(x), axis=(down,), keepdims=True)
    y = _largest(sums, along, True) if order > 0 else f.min(sums, along, keepdims=True)
    return y if keepdims else f.squeeze(y, axes)


def vector_norm(x: Any, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The length of vectors, along one axis or several; `numpy.linalg.vector_norm`."""
    x, keepdims = of_floats(arrays_only(x, "norm")), flag_of(keepdims, "vector_norm", "keepdims")
    _refuse_no_order(ord)
    if isinstance(ord, str) or ord != ord:
        raise KindError(f"norm of vectors has no order {ord!r}; see help(norm) for the orders there are")
    order = 2.0 if ord is None else float(ord)
    return _norm_of_vectors(x, order, axes_of(x, axis, "vector_norm"), keepdims)


def _refuse_no_order(ord: Any) -> None:
    if ord is not None and not isinstance(ord, str):
        number_of(ord, "norm", "an order")


def _largest(x: Any, axis: Axis, keepdims: bool) -> Any:
    """The largest of non-negative numbers; 0 if there are none."""
    return f.max(x, axis, keepdims) if x.size else f.sum(x, axis, keepdims)


def _norm_of_vectors(x: Any, ord: float, axis: tuple[int, ...], keepdims: bool) -> Any:
    if ord == 0:
        count = p.nan_to_num(p.absolute(p.sign(x)), nan=1.0, posinf=1.0, neginf=1.0)  # NaN is not 0
        return p.sum_(count, axis=axis, keepdims=keepdims)
    if ord == 1:
        return p.sum_(p.absolute(x), axis=axis, keepdims=keepdims)
    if math.isinf(ord):
        return (_largest if ord > 0 else f.min)(p.absolute(x), axis, keepdims)
    return p.norm(x, ord=ord, axis=axis, keepdims=keepdims)


def _norm_of_singular_values(x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    s = svd(f.moveaxis(x, axes, (-2, -1)), compute_uv=False)
    y = f.sum(s, -1) if ord == "nuc" else _largest(s, -1, False) if ord > 0 else f.min(s, -1)
    return f.reshape(y, p.kept_shape(x.shape, axes)) if keepdims else y
