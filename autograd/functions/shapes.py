"""The same elements in another shape or order; only `broadcast_to` repeats elements."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe
from ..errors import KindError, ShapeError
from ..kinds import of_kind
from .arguments import Axis, arrays_only, axes_of, integer_of, integers_of, shape_of

__all__ = [
    "reshape",
    "ravel",
    "transpose",
    "swapaxes",
    "moveaxis",
    "expand_dims",
    "squeeze",
    "broadcast_to",
    "flip",
    "roll",
]


@of_kind
def reshape(x: Any, shape: Any, order: str = "C") -> Any:
    """The same elements in another shape; one length may be -1.

    They are read and written row by row, or with `order="F"`, as in Fortran, column by column.

    Raises `ShapeError` if the number of elements would change, `KindError` for another order.

    >>> from chainrule.autograd import Tensor, reshape
    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, -1)).shape
    (2, 2)
    >>> reshape(Tensor([1.0, 2.0, 3.0, 4.0]), (2, 2), order="F")
    Tensor([[1., 3.],
            [2., 4.]])
    """
    x, lengths = arrays_only(x, "reshape"), shape_of(shape, "reshape")
    if isinstance(order, str) and order == "C":
        return p.reshape(x, shape=lengths)
    _refuse_other_orders(order, "reshape")
    return transpose(p.reshape(transpose(x), shape=lengths[::-1]))


@of_kind
def ravel(x: Any, order: str = "C") -> Any:
    """All elements in one axis, row by row, or with `order="F"` column by column.

    >>> from chainrule.autograd import Tensor, ravel
    >>> ravel(Tensor([[1.0, 2.0]]))
    Tensor([1., 2.])
    """
    return reshape(x, -1, order)


def _refuse_other_orders(order: Any, what: str) -> None:
    if not isinstance(order, str) or order != "F":
        raise KindError(
            f"{what} reads elements row by row, order='C', or column by column, order='F'; given {order!r}. How arrays "
            f"lie in memory, which the orders A and K mean, is not part of a recorded graph"
        )


@of_kind
def transpose(x: Any, axes: Any = None) -> Any:
    """The axes in another order; reversed when `axes` is `None`.

    `swapaxes` exchanges two axes, and `moveaxis` moves one.

    Raises `ShapeError` unless each axis is named once.

    >>> from chainrule.autograd import Tensor, transpose
    >>> transpose(Tensor([[1.0, 2.0, 3.0]])).shape
    (3, 1)
    """
    x = arrays_only(x, "transpose")
    if axes is None:
        return p.transpose(x, axes=tuple(range(x.ndim - 1, -1, -1)))
    order = axes_of(x, shape_of(axes, "transpose", "axes as integers"), "transpose")
    if len(order) != x.ndim:
        two = f". To exchange two axes write t.swapaxes{tuple(axes)}" if len(order) == 2 else ""
        raise ShapeError(
            f"transpose of {describe(x)} was given axes={axes!r}; it needs each of its axes once{two}"
        )
    return p.transpose(x, axes=order)


@of_kind
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    `transpose` takes all axes in a new order.

    >>> from chainrule.autograd import Tensor, swapaxes
    >>> swapaxes(Tensor([[[1.0, 2.0]]]), 0, -1).shape
    (2, 1, 1)
    """
    x = arrays_only(x, "swapaxes")
    i, j = (
        axes_of(x, integer_of(k, "swapaxes", "an axis as an integer"), "swapaxes")[0] for k in (axis1, axis2)
    )
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return p.transpose(x, axes=tuple(order))


@of_kind
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """The axes `source` moved to the positions `destination`; the others keep their order.

    `swapaxes` exchanges two, and `transpose` takes all in a new order.

    Raises `ShapeError` for more or fewer positions than axes.

    >>> from chainrule.autograd import Tensor, moveaxis
    >>> moveaxis(Tensor([[[1.0, 2.0]]]), -1, 0).shape
    (2, 1, 1)
    """
    x = arrays_only(x, "moveaxis")
    old, new = (
        axes_of(x, tuple(integers_of(axes, "moveaxis", "axes").ravel().tolist()), "moveaxis")
        for axes in (source, destination)
    )
    if len(old) != len(new):
        raise ShapeError(f"moveaxis was given {len(old)} axes to move and {len(new)} positions")
    order = [k for k in range(x.ndim) if k not in old]
    for position, k in sorted(zip(new, old)):
        order.insert(position, k)
    return p.transpose(x, axes=tuple(order))


@of_kind
def expand_dims(x: Any, axis: Axis) -> Any:
    """`x` with new axes of length 1 at the positions `axis` of the result.

    Raises `ShapeError` for a position that the result does not have.

    >>> from chainrule.autograd import Tensor, expand_dims
    >>> expand_dims(Tensor([1.0, 2.0]), -1).shape
    (2, 1)
    """
    x = arrays_only(x, "expand_dims")
    axes = shape_of(axis, "expand_dims", "an axis as an integer or several")
    ndim, rest = x.ndim + len(axes), iter(x.shape)
    new = axes_of(np.zeros((1,) * ndim), axes, "expand_dims", described="the result")
    return p.reshape(x, shape=tuple(1 if k in new else next(rest) for k in range(ndim)))


@of_kind
def squeeze(x: Any, axis: Axis = None) -> Any:
    """`x` without its axes of length 1, or without those in `axis`.

    Raises `ShapeError` for an axis of another length.

    >>> from chainrule.autograd import Tensor, squeeze
    >>> squeeze(Tensor([[1.0, 2.0]])).shape
    (2,)
    """
    x = arrays_only(x, "squeeze")
    gone = (
        {k for k, n in enumerate(x.shape) if n == 1}
        if axis is None
        else set(axes_of(x, axis, "squeeze", of_numbers=True))
    )
    if builtins.any(x.shape[k] != 1 for k in gone):
        raise ShapeError(f"squeeze was given axis={axis!r} of {describe(x)}; only axes of length 1 can go")
    return p.reshape(x, shape=tuple(n for k, n in enumerate(x.shape) if k not in gone))


@of_kind
def broadcast_to(x: Any, shape: Any) -> Any:
    """`x` repeated to `shape` by NumPy's rules; the gradient is summed over the repeated axes.

    Raises `ShapeError` for a shape to which it does not broadcast.

    >>> from chainrule.autograd import Tensor, broadcast_to
    >>> broadcast_to(Tensor([1.0, 2.0]), (3, 2)).shape
    (3, 2)
    """
    return p.broadcast_to(arrays_only(x, "broadcast_to"), shape=shape_of(shape, "broadcast_to"))


@of_kind
def flip(x: Any, axis: Axis = None) -> Any:
    """The elements in reverse order along `axis`; with `None` along every axis.

    >>> from chainrule.autograd import Tensor, flip
    >>> flip(Tensor([1.0, 2.0, 3.0]))
    Tensor([3., 2., 1.])
    """
    x = arrays_only(x, "flip")
    return p.flip(x, axis=axes_of(x, axis, "flip"))


@of_kind
def roll(x: Any, shift: int | tuple[int, ...], axis: Axis = None) -> Any:
    """The elements shifted by `shift` positions along `axis`; those beyond the end move to the start.

    With `axis=None` the flattened tensor is rolled. For several axes, `shift` is one number or one for each.

    Raises `ShapeError` for another number of shifts than of axes.

    >>> from chainrule.autograd import Tensor, roll
    >>> roll(Tensor([1.0, 2.0, 3.0]), 1)
    Tensor([3., 1., 2.])
    """
    x = arrays_only(x, "roll")
    shifts = tuple(integers_of(shift, "roll", "a shift").ravel().tolist())
    if axis is None:
        return p.reshape(p.roll(ravel(x), shift=(builtins.sum(shifts),), axis=(0,)), shape=x.shape)
    axes = [k for each in (axis if isinstance(axis, tuple) else (axis,)) for k in axes_of(x, (each,), "roll")]
    if len(axes) == 1:
        shifts = (builtins.sum(shifts),)
    elif len(shifts) == 1:
        shifts *= len(axes)
    if len(shifts) != len(axes):
        raise ShapeError(f"roll was given {len(shifts)} shifts for {len(axes)} axes; each axis takes one")
    each_axis: dict[int, int] = {}
    for k, n in zip(axes, shifts):
        each_axis[k] = each_axis.get(k, 0) + n
    return p.roll(x, shift=tuple(each_axis.values()), axis=tuple(each_axis))
