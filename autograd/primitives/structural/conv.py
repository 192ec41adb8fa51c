"""Sliding windows: convolution and pooling over any number of axes.

Inputs are `(batch, channels, *space)`. The three rows of a convolution are derivatives of one sum of products of `x`,
`w` and `g` (an array with the shape of the output). The rule of each is one of the others, so all their derivatives are
these rows again. Pooling is made of `windows`, which copies windows to separate axes, and `fold`, which adds them up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ...engine.table import Primitive, structural
from ..elementwise.float16 import in_float32
from .reductions import winners
from .shapes import broadcast_to, reshape

Pads = tuple[tuple[int, int], ...]

# In the rows, `stride`, `dilation` and `kernel` have one number for each axis in space, `padding` has a pair.


# ---------------------------------------------------------------------- windows of plain arrays


def _lengths(
    space: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...],
) -> tuple[int, ...]:
    """The number of windows along each axis."""
    return tuple(
        (n + sum(pad) - d * (k - 1) - 1) // s + 1
        for n, k, s, pad, d in zip(space, kernel, stride, padding, dilation)
    )


def _padded(x: Any, padding: Pads, fill: float = 0) -> Any:
    if not any(map(any, padding)):
        return x
    shape = tuple(n + sum(pad) for n, pad in zip(x.shape[2:], padding))
    wide = np.full((*x.shape[:2], *shape), fill, x.dtype)
    wide[_inside(x.shape[2:], padding)] = x
    return wide


def _cropped(wide: Any, space: tuple[int, ...], padding: Pads) -> Any:
    return wide[_inside(space, padding)].copy() if any(map(any, padding)) else wide


def _inside(space: tuple[int, ...], padding: Pads) -> Any:
    return (..., *(slice(before, before + n) for n, (before, _) in zip(space, padding)))


def _views(x: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
    """Every window of a padded `x`, as a view: (batch, channels, *kernel, *windows)."""
    lengths = _lengths(x.shape[2:], kernel, stride, ((0, 0),) * len(kernel), dilation)
    steps = x.strides[2:]
    strides = [n * step for by in (dilation, stride) for n, step in zip(by, steps)]
    return as_strided(x, (*x.shape[:2], *kernel, *lengths), (*x.strides[:2], *strides))


def _each_offset(*views: Any, kernel: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """The elements at one position of their windows, for each position in turn."""
    for at in np.ndindex(*kernel):
        yield tuple(view[(slice(None), slice(None), *at)] for view in views)


def _windows(
    x: Any,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Pads,
    dilation: tuple[int, ...],
    fill: float,
) -> Any:
    return _views(
        _padded(x, padding, fill), kernel, stride, dilation
    ).copy()  # in the order of the axes: faster to use


def _fold(
    x: Any, shape: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: Pads,
    dilation: tuple[int, ...],
) -> Any:  # fmt: skip
    wide = np.zeros((*x.shape[:2], *(n + sum(pad) for n, pad in zip(shape, padding))), x.dtype)
    for total, part in _each_offset(_views(wide, kernel, stride, dilation), x, kernel=kernel):
        total += part
    return _cropped(wide, shape, padding)


windows: Primitive = structural(
    "windows",
    _windows,
    [lambda g, y, x, fill, **how: fold(g, shape=x.shape[2:], **how)],
)
fold: Primitive = structural(
    "fold",
    in_float32(_fold),
    [lambda g, y, x, shape, **how: windows(g, fill=0, **how)],
    linear="each",
)


# ---------------------------------------------------------------------- convolution

# The windows of a few samples at a time are copied to the columns of matrices. Their memory is used again for the next
# samples, and stays in the processor's cache. Then there is one product of matrices for each sample.
CACHE = 1 << 20  # bytes of columns at a time


def _memory(
    batch: int, channels: int, space: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], padding: Pads,
    dilation: tuple[int, ...], groups: int, dtype: Any,
) -> tuple[list[slice], Any, Any, Any, Any, Any]:  # fmt: skip
    """The number of samples at a time, and memory for them: the padded samples, a view without the padding, the windows
    as a view and as an array, and that array as matrices (samples, groups, positions in a window, windows)."""
    lengths = _lengths(space, kernel, stride, padding, dilation)
    size = channels * math.prod(kernel) * math.prod(lengths) * dtype.itemsize
    step = min(max(1, CACHE // max(1, size)), max(1, batch))
    few = [slice(start, min(start + step, batch)) for start in range(0, batch, step)]
    wide = np.zeros((step, channels, *(n + sum(pad) for n, pad in zip(space, padding))), dtype)
    views = _views(wide, kernel, stride, dilation)
    columns = np.empty(views.shape, dtype)
    matrices = columns.reshape(step, groups, channels // groups * math.prod(kernel), math.prod(lengths))
    return few, wide, wide[_inside(space, padding)], views, columns, matrices


def _columns_of(x: Any, groups: int, **how: Any) -> Iterator[tuple[slice, Any]]:
    """A few samples of `x` at a time: their slice, and their columns."""
    batch, channels, *space = x.shape
    every, _, inside, views, columns, matrices = _memory(
        batch, channels, tuple(space), groups=groups, dtype=x.dtype, **how
    )
    for few in every:
        n = few.stop - few.start
        inside[:n] = x[few]
        columns[:n] = views[:n]
        yield few, matrices[:n]


def _conv(
    x: Any, w: Any, stride: tuple[int, ...], padding: Pads, dilation: tuple[int, ...], groups: int
) -> Any:
    how = {"kernel": w.shape[2:], "stride": stride, "padding": padding, "dilation": dilation}
    lengths = _lengths(x.shape[2:], **how)
    rows = w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:]))
    y = np.empty((len(x), *rows.shape[:2], math.prod(lengths)), np.result_type(x, w))
    for few, columns in _columns_of(x, groups, **how):
        np.matmul(rows, columns, out=y[few])
    return y.reshape(len(x), w.shape[0], *lengths)


def _conv_weight_gradient(
    x: Any, g: Any, shape: tuple[int, ...], stride: tuple[int, ...], padding: Pads, dilation: tuple[int, ...],
    groups: int,
) -> Any:  # fmt: skip
    how = {"kernel": shape, "stride": stride, "padding": padding, "dilation": dilation}
    outputs, channels = g.shape[1], x.shape[1] // groups
    g = g.reshape(len(g), groups, outputs // groups, math.prod(g.shape[2:])).swapaxes(-1, -2)
    total = np.zeros((groups, channels * math.prod(shape), outputs // groups), np.result_type(x, g))
    for few, columns in _columns_of(x, groups, **how):
        total += (columns @ g[few]).sum(0)
    return total.swapaxes(-1, -2).reshape(outputs, channels, *shape)


def _conv_input_gradient(
    g: Any, w: Any, shape: tuple[int, ...], stride: tuple[int, ...], padding: Pads, dilation: tuple[int, ...],
    groups: int,
) -> Any:  # fmt: skip
    kernel, channels, dtype = w.shape[2:], w.shape[1] * groups, np.result_type(g, w)
    rows = w.reshape(groups, w.shape[0] // groups, math.prod(w.shape[1:])).swapaxes(-1, -2)
    every, wide, inside, views, columns, matrices = _memory(
        len(g), channels, shape, kernel, stride, padding, dilation, groups, dtype
    )
    g = g.reshape(len(g), groups, w.shape[0] // groups, math.prod(g.shape[2:]))
    x = np.empty((len(g), channels, *shape), dtype)
    for few in every:
        n = few.stop - few.start
        np.matmul(rows, g[few], out=matrices[:n])
        wide[:n] = 0
        for total, part in _each_offset(views[:n], columns[:n], kernel=kernel):
            total += part
        x[few] = inside[:n]
    return x


conv_: Primitive = structural(
    "conv",
    in_float32(_conv),
    [
        lambda g, y, x, w, **how: conv_input_gradient(g, w, shape=x.shape[2:], **how),
        lambda g, y, x, w, **how: conv_weight_gradient(x, g, shape=w.shape[2:], **how),
    ],
    linear="each",
)
conv_input_gradient: Primitive = structural(
    "conv_input_gradient",
    in_float32(_conv_input_gradient),
    [
        lambda h, x, g, w, shape, **how: conv_(h, w, **how),
        lambda h, x, g, w, shape, **how: conv_weight_gradient(h, g, shape=w.shape[2:], **how),
    ],
    linear="each",
)
conv_weight_gradient: Primitive = structural(
    "conv_weight_gradient",
    in_float32(_conv_weight_gradient),
    [
        lambda h, w, x, g, shape, **how: conv_input_gradient(g, h, shape=x.shape[2:], **how),
        lambda h, w, x, g, shape, **how: conv_(x, h, **how),
    ],
    linear="each",
)


# ---------------------------------------------------------------------- pooling


def _parts(x: Any, fill: Any, padding: Pads, kernel: tuple[int, ...], **how: Any) -> Iterator[Any]:
    """For each position of the kernel, the elements of `x` at that position of their windows."""
    views = _views(_padded(x, padding, fill), kernel, **how)
    return (part for (part,) in _each_offset(views, kernel=kernel))


def _lowest(dtype: Any) -> Any:
    return -np.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _max_pool(x: Any, **how: Any) -> Any:
    parts = _parts(x, _lowest(x.dtype), **how)
    y = next(parts).copy()
    for part in parts:
        np.maximum(y, part, out=y)
    return y


def largest_places(x: Any, kernel: tuple[int, ...], padding: Pads, **how: Any) -> Any:
    """The positions of the first largest elements of all windows in the flattened axes in space, of a plain array."""
    space = x.shape[2:]
    order = np.broadcast_to(np.arange(math.prod(space)).reshape(1, 1, *space), x.shape)
    parts = zip(
        _parts(x, _lowest(x.dtype), padding, kernel, **how), _parts(order, -1, padding, kernel, **how)
    )
    best, place = (first.copy() for first in next(parts))
    for part, at in parts:
        better = ((part > best) | ((part != part) & (best == best)) | (place < 0)) & (at >= 0)
        best[better], place[better] = part[better], at[better]
    return place


def _avg_pool(x: Any, **how: Any) -> Any:
    return sum(_parts(x, 0, **how)) / math.prod(how["kernel"])


def _beside_windows(g: Any, kernel: tuple[int, ...]) -> Any:
    """One number for each window as a window of one element, which broadcasts."""
    return reshape(g, shape=(*g.shape[:2], *(1,) * len(kernel), *g.shape[2:]))


def _max_pool_back(g: Any, y: Any, x: Any, kernel: tuple[int, ...], **how: Any) -> Any:
    inside = windows(x, kernel=kernel, fill=math.nan, **how)  # NaN is never the largest: no gradient
    won = winners(y, inside, axis=tuple(range(2, 2 + len(kernel))))
    return fold(_beside_windows(g, kernel) * won, shape=x.shape[2:], kernel=kernel, **how)


def _avg_pool_back(g: Any, y: Any, x: Any, kernel: tuple[int, ...], **how: Any) -> Any:
    share = _beside_windows(g / math.prod(kernel), kernel)
    everywhere = broadcast_to(share, shape=(*g.shape[:2], *kernel, *g.shape[2:]))
    return fold(everywhere, shape=x.shape[2:], kernel=kernel, **how)


max_pool_ = structural("max_pool", _max_pool, [_max_pool_back])
avg_pool_ = structural("avg_pool", in_float32(_avg_pool), [_avg_pool_back], linear="each")
