"""Convolution and pooling over any number of axes, with arguments in all usual forms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engine.node import describe
from ..errors import KindError, RangeError, ShapeError
from ..errors.spelling import spelt
from ..kinds import of_kind
from ..primitives.structural.conv import Pads, _lengths, avg_pool_, conv_, largest_places, max_pool_
from .arguments import arrays_only, integer_of, plain

__all__ = ["avg_pool", "conv", "max_pool"]


Ints = int | tuple[int, ...]
Padding = int | str | tuple[int | tuple[int, int], ...]


def _one_each(value: Any, count: int, what: str, least: int) -> tuple[int, ...]:
    """A number for each axis in space, from one number for all or from several."""
    numbers = value if isinstance(value, (tuple, list)) else (value,) * count
    numbers = [integer_of(n, what, "an integer, or a tuple with one for each axis in space") for n in numbers]
    if len(numbers) != count:
        raise ShapeError(f"{what}={value!r} has {len(numbers)} numbers; there are {count} axes in space")
    if any(n < least for n in numbers):
        raise RangeError(f"{what} is at least {least} along each axis; given {value!r}")
    if any(n > 1 << 31 for n in numbers):
        raise RangeError(f"{what} is given in elements of an array; given {value!r:.100}")
    return tuple(numbers)


def _pads(
    what: str,
    x: Any,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Padding,
    dilation: tuple[int, ...],
) -> Pads:
    """The number of padded elements before and after each axis; raises if windows would not fit."""
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    space = x.shape[2:]
    if isinstance(padding, str) and padding == "same":
        missing = [max((-(-n // s) - 1) * s + e - n, 0) for n, s, e in zip(space, stride, extents)]
        return tuple((m // 2, m - m // 2) for m in missing)
    if isinstance(padding, str) and padding != "valid":
        raise KindError(f"{what} takes padding as numbers, 'valid' or 'same'; given {padding!r}")
    given: Any = 0 if isinstance(padding, str) else padding
    each = given if isinstance(given, (tuple, list)) else (given,) * len(kernel)
    pairs = [p if isinstance(p, (tuple, list)) else (p, p) for p in each]
    if any(len(p) != 2 for p in pairs):
        raise ShapeError(
            f"{what} takes padding as a number or a pair (before, after) for each axis; given {padding!r}"
        )
    before, after = (_one_each([p[side] for p in pairs], len(kernel), "padding", 0) for side in (0, 1))
    for axis, (n, b, a, e) in enumerate(zip(space, before, after, extents)):
        if n + b + a < e:
            raise ShapeError(
                f"{what} was given {describe(x)} and a kernel of {kernel} with dilation {dilation}. Along axis "
                f"{axis + 2} the kernel reaches over {e} elements and there are {n + b + a}, padding included. "
                f"Take a smaller kernel, or more padding"
            )
    return tuple(zip(before, after))


def _in_space(x: Any, what: str) -> tuple[Any, int]:
    """`x` as an array with axes in space, and their number."""
    x = arrays_only(x, what)
    if x.ndim < 3:
        raise ShapeError(
            f"{what} takes an array of shape (batch, channels, *space), with at least one axis in space; given "
            f"{describe(x)}. For one sample with one channel write x[None, None]"
        )
    return x, x.ndim - 2


@of_kind
def conv(x: Any, w: Any, stride: Ints = 1, padding: Padding = 0, dilation: Ints = 1, groups: int = 1) -> Any:
    """The cross-correlation of `x` with the kernels `w`, which networks call convolution (no kernel is flipped).

    `x` has the shape `(batch, channels, *space)` with any number of axes in space, `w`
    `(outputs, channels // groups, *kernel)`; the result `(batch, outputs, *windows)`. `stride`, `padding` and
    `dilation` are integers, or tuples with one for each axis in space. Padding is with zeros: a number for both
    sides, a pair `(before, after)` in the tuple, "valid" for none, or "same" for as many windows as
    there are elements (divided by the stride and rounded up). With `groups`, channels and outputs are
    divided into that many groups, which are convolved separately.

    Raises `ShapeError` for channels or a kernel of the wrong size, `RangeError` for a stride below 1 and the like.

    >>> from chainrule.autograd import Tensor, conv
    >>> x = Tensor([[[1.0, 2.0, 4.0, 8.0]]])
    >>> conv(x, [[[-1.0, 1.0]]])
    Tensor([[[1., 2., 4.]]])
    """
    x, space = _in_space(x, "conv")
    w = arrays_only(w, "conv")
    (groups,) = _one_each(groups, 1, "groups", 1)
    if w.ndim != x.ndim or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ShapeError(
            f"conv was given {describe(x)} and kernels in {describe(w)} in {groups} group{'s' * (groups > 1)}. "
            f"Kernels for it have the shape (outputs, {x.shape[1]}{f' / {groups}' * (groups > 1)}"
            f"{', k' * space}){f', with outputs a multiple of {groups}' * (groups > 1)}"
        )
    if 0 in w.shape[2:]:
        raise ShapeError(
            f"conv was given kernels in {describe(w)}, without elements; a kernel has at least one"
        )
    stride, dilation = _one_each(stride, space, "stride", 1), _one_each(dilation, space, "dilation", 1)
    pads = _pads("conv", x, w.shape[2:], stride, padding, dilation)
    return conv_(x, w, stride=stride, padding=pads, dilation=dilation, groups=groups)


@spelt
def max_pool(
    x: Any,
    kernel: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    dilation: Ints = 1,
    *,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The largest element of each window of `x`, which has the shape `(batch, channels, *space)`.

    `kernel` is the window's size, an integer or one for each axis in space; windows lie `stride` apart, by default
    side by side. `padding` is as in `conv`, but padded elements are never the largest. Equal largest
    elements of a window share its gradient evenly; a window with a NaN is NaN. With `ceil_mode` a last window that
    reaches beyond the end counts, too, if it begins in front of it. With `return_indices` the result is a pair: the
    second are the positions of the first largest elements in the flattened axes in space, as plain integers.

    Raises `ShapeError` for a kernel that does not fit or windows of nothing but padding.

    >>> from chainrule.autograd import Tensor, max_pool
    >>> max_pool(Tensor([[[1.0, 2.0, 4.0, 3.0]]]), 2)
    Tensor([[[2., 4.]]])
    """
    x, space = _in_space(x, "max_pool")
    sizes = _one_each(kernel, space, "kernel", 1)
    steps = _one_each(sizes if stride is None else stride, space, "stride", 1)
    dilation = _one_each(dilation, space, "dilation", 1)
    pads = _pads("max_pool", x, sizes, steps, padding, dilation)
    pads = _wider(x, sizes, steps, pads, dilation) if ceil_mode else pads
    lengths = _lengths(x.shape[2:], sizes, steps, pads, dilation)
    for n, k, s, (before, _), d, count in zip(x.shape[2:], sizes, steps, pads, dilation, lengths):
        at = np.add.outer(s * np.arange(count), d * np.arange(k)) - before
        if not ((at >= 0) & (at < n)).any(1).all():
            raise _only_padding("max_pool", x, sizes, padding, "largest element")
    y = max_pool_(x, kernel=sizes, stride=steps, padding=pads, dilation=dilation)
    if not return_indices:
        return y
    return y, largest_places(plain(x), kernel=sizes, stride=steps, padding=pads, dilation=dilation)


def _only_padding(what: str, x: Any, kernel: Any, padding: Padding, missing: str) -> ShapeError:
    return ShapeError(
        f"{what} of {describe(x)} with kernel={kernel} and padding={padding!r} has windows of nothing but padding, "
        f"which have no {missing}. Take less padding: half of the kernel at the most"
    )


def _wider(x: Any, kernel: Any, stride: Any, pads: Pads, dilation: Any) -> Pads:
    """The padding with room behind for a last window that begins in `x` or in the padding before it."""
    found = []
    for n, k, s, (before, after), d in zip(x.shape[2:], kernel, stride, pads, dilation):
        reach = d * (k - 1) + 1
        count = -(-(n + before + after - reach) // s) + 1
        if (count - 1) * s >= n + before:
            count -= 1
        found.append((before, max(after, (count - 1) * s + reach - n - before)))
    return tuple(found)


@of_kind
def avg_pool(
    x: Any,
    kernel: Ints,
    stride: Ints | None = None,
    padding: Padding = 0,
    *,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of `x`, which has the shape `(batch, channels, *space)`.

    Arguments are those of `max_pool`. Padding is with zeros, which count as elements unless `count_include_pad=False`.
    What a last window of `ceil_mode` has beyond the padding does not count.

    Raises `ShapeError` for a kernel that does not fit or windows without an element that counts.

    >>> from chainrule.autograd import Tensor, avg_pool
    >>> avg_pool(Tensor([[[1.0, 2.0, 4.0, 3.0]]]), 2)
    Tensor([[[1.5, 3.5]]])
    """
    x, space = _in_space(x, "avg_pool")
    sizes, once = _one_each(kernel, space, "kernel", 1), (1,) * space
    steps = _one_each(sizes if stride is None else stride, space, "stride", 1)
    pads = _pads("avg_pool", x, sizes, steps, padding, once)
    wide = _wider(x, sizes, steps, pads, once) if ceil_mode else pads
    y = avg_pool_(x, kernel=sizes, stride=steps, padding=wide, dilation=once)
    if wide == pads and (count_include_pad or not any(map(any, pads))):
        return y
    counted = pads if count_include_pad else ((0, 0),) * space
    inside = np.ones((1, 1, *(n + sum(side) for n, side in zip(x.shape[2:], counted))))
    rest = tuple((b - p, a - q) for (b, a), (p, q) in zip(wide, counted))
    shares = avg_pool_(inside, kernel=sizes, stride=steps, padding=rest, dilation=once)
    if not shares.all():
        raise _only_padding("avg_pool", x, sizes, padding, "mean")
    return y / shares.astype(y.dtype)
