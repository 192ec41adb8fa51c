"""Along one axis: running sums and products, differences, spectra, sorting, and selection by positions."""

from __future__ import annotations

import builtins
from typing import Any, NamedTuple

import numpy as np

from .. import primitives as p
from ..engine.node import describe
from ..engine.operators import Operators
from ..errors import RangeError, ShapeError
from ..errors.spelling import spelt
from ..kinds import of_kind
from .arguments import (
    arrays_only,
    flag_of,
    integer_of,
    on_axis,
    on_shape,
    one_axis,
    part_of,
    plain,
    positions_of,
    through_float32,
)
from .elementwise import astype, in_dtype
from .joining import concatenate
from .shapes import broadcast_to, moveaxis

__all__ = ["TopK", "cumsum", "cumprod", "diff", "irfft", "rfft", "sort", "take", "take_along_axis", "topk"]


@of_kind
def cumsum(x: Any, axis: int | None = None, *, dtype: Any = None) -> Any:
    """The running sums along `axis`: of the first 1, 2, 3, ... elements; with `None` of the flattened tensor.

    `dtype` converts the elements first.

    >>> from chainrule.autograd import Tensor, cumsum
    >>> cumsum(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 3., 6.])
    """
    x, k = one_axis(x, axis, "cumsum", of_numbers=True)
    return p.cumsum(in_dtype(x, "cumsum", dtype), axis=k)


@of_kind
def cumprod(x: Any, axis: int | None = None, *, dtype: Any = None) -> Any:
    """The running products along `axis`. Its derivatives are exact, also where elements are zero.

    `dtype` converts the elements first.

    >>> from chainrule.autograd import Tensor, cumprod
    >>> cumprod(Tensor([1.0, 2.0, 3.0]))
    Tensor([1., 2., 6.])
    """
    x, k = one_axis(x, axis, "cumprod", of_numbers=True)
    return p.cumprod(in_dtype(x, "cumprod", dtype), axis=k)


@of_kind
def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences between neighbours along `axis`, `n` times in succession.

    `prepend` and `append`, numbers or arrays, are put before and after `x` along the axis first.

    Raises `RangeError` for a negative `n`.

    >>> from chainrule.autograd import Tensor, diff
    >>> diff(Tensor([1.0, 4.0, 9.0, 16.0]), n=2)
    Tensor([2., 2.])
    >>> diff(Tensor([1.0, 4.0, 9.0]), prepend=0.0)
    Tensor([1., 3., 5.])
    """
    n = integer_of(n, "diff", "n as an integer")
    if n < 0:
        raise RangeError(f"diff takes differences n times; given n={n!r}")
    if n == 0:
        return arrays_only(x, "diff")
    x, k = one_axis(x, axis, "diff", flat=False)
    if prepend is not None or append is not None:
        x = concatenate([_beside(part, x, k) for part in (prepend, x, append) if part is not None], k)
    if x.dtype.kind == "b":  # for booleans: whether neighbours differ
        return astype(p.remainder(diff(astype(x, int), n, k), 2), bool)
    return through_float32(lambda x: _differences(x, builtins.min(n, x.shape[k]), k), x)


def _differences(x: Any, n: int, k: int) -> Any:
    for _ in range(n):
        x = part_of(x, k, 1) - part_of(x, k, None, builtins.max(x.shape[k] - 1, 0))
    return x


def _beside(part: Any, x: Any, k: int) -> Any:
    """An array to join to `x` along the axis `k`; a number is repeated along the other axes."""
    part = arrays_only(part, "diff")
    return part if part.ndim else broadcast_to(part, on_shape(x.shape, k, 1))


@of_kind
def sort(x: Any, axis: int | None = -1) -> Any:
    """The elements along `axis` in ascending order. Equal elements share their gradients evenly.

    >>> from chainrule.autograd import Tensor, sort
    >>> sort(Tensor([3.0, 1.0, 2.0]))
    Tensor([1., 2., 3.])
    """
    x, k = one_axis(x, axis, "sort")
    return p.sort(x, axis=k)


@of_kind
def rfft(x: Any, axis: int = -1) -> Any:
    """The discrete Fourier transform of real numbers along `axis`: real parts and imaginary parts, each an array.

    Tensors hold real numbers, so the result of `x` with n elements along `axis` has a first axis of length 2 before
    those of `x`, and n // 2 + 1 elements along `axis`: the parts of what `np.fft.rfft` computes. The other frequencies
    of the full transform, `np.fft.fft`, are the conjugates of these.

    Raises `ShapeError` for an axis without elements.

    >>> from chainrule.autograd import Tensor, rfft
    >>> re, im = rfft(Tensor([1.0, 0.0, -1.0, 0.0]))
    >>> re, im
    (Tensor([0., 2., 0.]), Tensor([0., 0., 0.]))
    >>> power = re**2 + im**2
    """
    x, k = one_axis(x, axis, "rfft", flat=False)
    if not x.shape[k]:
        raise ShapeError(f"rfft takes one element or more along the axis; given {describe(x)}, axis {k}")
    return moveaxis(p.rfft(moveaxis(x, k, -1)), -1, k + 1)


@of_kind
def irfft(spectrum: Any, n: int | None = None, axis: int = -1) -> Any:
    """The inverse of `rfft`: n real numbers along `axis`, from real parts and imaginary parts in the first axis.

    `n` is 2 (m - 1) by default, where m is the number of frequencies; an odd n has to be given. `axis` counts without
    the first axis. The imaginary parts of the frequencies 0 and, for an even n, n / 2 mean nothing and have gradient 0.

    Raises `ShapeError` if there are not two parts or not n // 2 + 1 frequencies.

    >>> from chainrule.autograd import Tensor, irfft, rfft, stack
    >>> re, im = rfft(Tensor([1.0, 2.0, 3.0]))
    >>> irfft(stack([re, im]), n=3)
    Tensor([1., 2., 3.])
    """
    spectrum = arrays_only(spectrum, "irfft")
    if spectrum.ndim < 2 or spectrum.shape[0] != 2:
        raise ShapeError(
            f"irfft takes real and imaginary parts in the first axis, as rfft gives them; given {describe(spectrum)}. "
            f"Write stack([re, im])"
        )
    _, k = one_axis(np.broadcast_to(0.0, spectrum.shape[1:]), axis, "irfft", flat=False)
    count = spectrum.shape[k + 1]
    n = 2 * (count - 1) if n is None else integer_of(n, "irfft", "n as an integer")
    if n < 1 or count != n // 2 + 1:
        raise ShapeError(
            f"{n} numbers have {builtins.max(n, 0) // 2 + 1} frequencies; irfft was given {count}, in "
            f"{describe(spectrum)} along axis {k} of each part. Give n, which is {2 * count - 2} or {2 * count - 1}"
        )
    return moveaxis(p.irfft(moveaxis(spectrum, k + 1, -1), n=n), -1, k)


class TopK(NamedTuple):
    """What `topk` returns: the largest elements, and their positions as plain integers."""

    values: Any
    indices: Any


@spelt
def topk(x: Any, k: int, axis: int = -1, largest: bool = True) -> TopK:
    """The `k` largest elements along `axis`, the largest first, and their positions; the smallest with `largest=False`.

    Of equal elements the first are taken; NaN counts as the largest. Each of the chosen elements gets its gradient, the
    others none.

    Raises `RangeError` for more elements than there are.

    >>> from chainrule.autograd import Tensor, topk
    >>> topk(Tensor([1.0, 5.0, 3.0]), 2)
    TopK(values=Tensor([5., 3.]), indices=array([1, 2]))
    """
    x, at = one_axis(x, axis, "topk", flat=False)
    k = integer_of(k, "topk", "k as an integer")
    if not 0 <= k <= x.shape[at]:
        raise RangeError(
            f"topk takes k from 0 to {x.shape[at]}, the length of axis {at} of {describe(x)}; given {k}"
        )
    if flag_of(largest, "topk", "largest"):  # from the end: -x is no order of unsigned integers and booleans
        order = x.shape[at] - 1 - np.flip(np.argsort(np.flip(plain(x), at), at, kind="stable"), at)
    else:
        order = np.argsort(plain(x), at, kind="stable")
    indices = np.take(order, np.arange(k), at)
    return TopK(take_along_axis(x, indices, at), indices)


@of_kind
def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements at `indices` along `axis`, or of the flattened tensor; an index may be repeated.

    Indices out of bounds raise an error, wrap around (`mode="wrap"`) or go to the nearest end (`"clip"`).
    `take_along_axis` takes other positions in each row.

    Raises `KindError` for indices that are not integers, `RangeError` for one that is out of bounds.

    >>> from chainrule.autograd import Tensor, take
    >>> take(Tensor([[1.0, 2.0, 3.0]]), [2, 0, 2], axis=1)
    Tensor([[3., 1., 3.]])
    """
    x, k = one_axis(x, axis, "take", of_numbers=True)
    return _selected(x, on_axis(k, positions_of(indices, x.shape[k], "take", mode)))


@of_kind
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    """The elements at `indices` along `axis`, with separate indices for each position on the other axes.

    `indices` has as many axes as `x` and broadcasts with it on the others; `np.argsort` gives such indices.
    `take` takes the same positions everywhere.

    Raises `ShapeError` for indices of another shape, `RangeError` for one that is out of bounds.

    >>> from chainrule.autograd import Tensor, take_along_axis
    >>> take_along_axis(Tensor([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1)
    Tensor([[2.],
            [3.]])
    """
    x, k = one_axis(x, axis, "take_along_axis")
    at = positions_of(indices, x.shape[k], "take_along_axis")
    pairs = list(zip(at.shape, x.shape))
    if at.ndim != x.ndim or builtins.any(1 not in (m, n) and m != n for m, n in pairs[:k] + pairs[k + 1 :]):
        raise ShapeError(
            f"take_along_axis takes indices of the shape of the tensor, but for axis {k}; "
            f"given indices of shape {at.shape} for {describe(x)}"
        )
    places = list(np.ogrid[tuple(slice(n) for n in x.shape)])
    places[k] = at
    return _selected(x, tuple(places))


def _selected(x: Any, at: tuple[Any, ...]) -> Any:
    """`x[at]`; a tensor among the indices is an input of the row."""
    nodes = [i for i in at if isinstance(i, Operators)]
    return p.index(x, *nodes, at=tuple(p.Gap(0) if isinstance(i, Operators) else i for i in at))
