"""Named lowerings of sliding windows: convolutions, pooling, and their gradients."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..engine.table import TABLE
from ..primitives.structural.conv import _lengths, _lowest
from .lowered import LOWERINGS, RULES, cast, common, lift, plain
from .lowerings import Lowering, of_the_engine

Pads = tuple[tuple[int, int], ...]


def _padded(x: Any, padding: Pads, fill: Any = 0) -> Any:
    if not any(map(any, padding)):
        return jnp.asarray(x)
    return lax.pad(x, np.asarray(fill, x.dtype), [(0, 0, 0), (0, 0, 0), *((*pad, 0) for pad in padding)])


def _parts(x: Any, fill: Any, padding: Pads, kernel: Any, stride: Any, dilation: Any) -> list[Any]:
    """For each position of the kernel, the elements of `x` at that position of their windows."""
    lengths = _lengths(x.shape[2:], kernel, stride, padding, dilation)
    wide, parts = _padded(x, padding, fill), []
    for at in np.ndindex(*kernel):
        start = [int(k * d) for k, d in zip(at, dilation)]
        end = [a + s * (n - 1) + 1 for a, s, n in zip(start, stride, lengths)]
        parts.append(lax.slice(wide, (0, 0, *start), (*x.shape[:2], *end), (1, 1, *stride)))
    return parts


@of_the_engine("windows")
def _windows(x: Any, kernel: Any, fill: Any, **how: Any) -> Any:
    parts = _parts(x, fill, kernel=kernel, **how)
    return jnp.stack(parts, 2).reshape(*x.shape[:2], *kernel, *parts[0].shape[2:])


@of_the_engine("fold")
def _fold(x: Any, kernel: Any, **how: Any) -> Any:
    return _folded([x[(slice(None), slice(None), *at)] for at in np.ndindex(*kernel)], kernel=kernel, **how)


def _folded(parts: list[Any], shape: Any, kernel: Any, stride: Any, padding: Pads, dilation: Any) -> Any:
    """The sum of the elements at each position of the windows, at their places in an array of this shape in space."""
    lengths, total = parts[0].shape[2:], None
    for part, at in zip(parts, np.ndindex(*kernel)):
        before = [int(k * d) - low for k, d, (low, _) in zip(at, dilation, padding)]
        reach = [s * (n - 1) + 1 for s, n in zip(stride, lengths)]
        after = [n - b - r for n, b, r in zip(shape, before, reach)]  # negative: it is cut off
        pads = [(b, a, s - 1) for b, a, s in zip(before, after, stride)]
        wide = lax.pad(part, np.zeros((), part.dtype), [(0, 0, 0), (0, 0, 0), *pads])
        total = wide if total is None else total + wide
    return total


@of_the_engine("max_pool")
def _max_pool(x: Any, **how: Any) -> Any:
    return reduce(jnp.maximum, _parts(x, _lowest(x.dtype), **how))


def _max_pool_back(i: int, g: Any, y: Any, x: Any, **how: Any) -> Any:
    if x.dtype.itemsize < 4:
        return TABLE["max_pool"].rule(i, g, y, x, **how)
    g, y, x = (
        plain(g),
        plain(y),
        jnp.asarray(plain(x)),
    )  # position by position, without an array of all windows
    won = [cast(part == y, x.dtype) for part in _parts(x, np.nan, **how)]
    share = 1 / jnp.maximum(reduce(jnp.add, won), 1)
    return lift(_folded([g * (each * share) for each in won], shape=x.shape[2:], **how))


RULES["max_pool"] = _max_pool_back


@of_the_engine("avg_pool")
def _avg_pool(x: Any, kernel: Any, **how: Any) -> Any:
    return reduce(jnp.add, _parts(x, 0, kernel=kernel, **how)) / math.prod(kernel)


# A convolution is one of XLA. On processors XLA's are slow for small windows and for groups, and in some geometries up
# to 200 times (measured with jax 0.10). There the windows become the columns of matrices, as in the functions of the
# rows.


def _matrices(w: Any, groups: int, batch: int) -> Any:
    """The kernels as a matrix for each sample and group: (batch, groups, outputs, elements of a window).

    A product of matrices for each sample needs no transposed copies of the columns, which XLA makes otherwise.
    """
    shape = (groups, w.shape[0] // groups, math.prod(w.shape[1:]))
    return jnp.broadcast_to(w.reshape(shape), (batch, *shape))


def _columns(x: Any, groups: int, **how: Any) -> Any:
    """The windows as columns: (batch, groups, elements of a window, windows)."""
    columns = jnp.stack(_parts(x, 0, **how), 2)
    return columns.reshape(
        len(x), groups, columns.shape[1] * columns.shape[2] // groups, math.prod(columns.shape[3:])
    )


def _chosen(columns: Lowering, library: Lowering, better: bool, *arrays: Any) -> Any:
    """By columns on processors, if that is better; otherwise by XLA's convolution."""
    if not better:
        return library(*arrays)
    return lax.platform_dependent(*arrays, cpu=columns, default=library)


def _is_slow(x: Any, dilation: Any) -> bool:
    """Whether XLA's convolution on processors is a plain loop: in float64, unless it is a simple one of images."""
    return bool(x.dtype.itemsize > 4 and (len(dilation) > 2 or max(dilation) > 1))


def _is_point(kernel: Any) -> bool:
    """Whether a window is one pixel: its columns are the images as they are."""
    return math.prod(kernel) == 1


FEW, MANY = 80, 8  # elements of a window, groups


def _each_group(compute: Lowering, groups: int, axis: int, a: Any, b: Any, axis_b: int, **how: Any) -> Any:
    """A convolution in a few groups as one for each; XLA's in groups is slow on processors."""
    parts = zip(jnp.split(a, groups, 1), jnp.split(b, groups, axis_b))
    return jnp.concatenate([compute(*part, groups=1, **how) for part in parts], axis)


@of_the_engine("conv")
def _conv(x: Any, w: Any, stride: Any, padding: Pads, dilation: Any, groups: int) -> Any:
    x, w = common(x, w)
    how = {"stride": stride, "padding": padding, "dilation": dilation, "kernel": w.shape[2:]}
    lengths = _lengths(x.shape[2:], **how)

    def by_columns(x: Any, w: Any) -> Any:
        y = jnp.matmul(_matrices(w, groups, len(x)), _columns(x, groups, **how))
        return y.reshape(len(x), len(w), *lengths)

    def by_library(x: Any, w: Any) -> Any:
        return _convolved(x, w, lengths, stride, padding, dilation, feature_group_count=groups)

    def by_groups(x: Any, w: Any) -> Any:
        return _each_group(_conv, groups, 1, x, w, 0, stride=stride, padding=padding, dilation=dilation)

    few = math.prod(w.shape[1:]) <= FEW
    if 1 < groups <= MANY and not few:
        return _chosen(by_groups, by_library, True, x, w)
    better = (
        _is_slow(x, dilation) or _is_point(w.shape[2:]) or (few and (groups <= MANY or x.dtype.itemsize <= 4))
    )
    return _chosen(by_columns, by_library, better, x, w)


@of_the_engine("conv_input_gradient")
def _conv_input_gradient(
    g: Any, w: Any, shape: Any, stride: Any, padding: Pads, dilation: Any, groups: int
) -> Any:
    g, w = common(g, w)
    outputs, channels, *kernel = w.shape

    def by_columns(g: Any, w: Any) -> Any:
        flat = g.reshape(len(g), groups, outputs // groups, math.prod(g.shape[2:]))
        columns = jnp.matmul(_matrices(w, groups, len(g)).swapaxes(2, 3), flat)
        columns = columns.reshape(len(g), channels * groups, *kernel, *g.shape[2:])
        return LOWERINGS["fold"](
            columns, shape=shape, kernel=tuple(kernel), stride=stride, padding=padding, dilation=dilation
        )

    def by_library(g: Any, w: Any) -> Any:
        w = jnp.reshape(w, (groups, outputs // groups, channels, *kernel)).swapaxes(1, 2)
        w = jnp.flip(w.reshape(groups * channels, outputs // groups, *kernel), range(2, w.ndim - 1))
        reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
        before = [r - low for r, (low, _) in zip(reach, padding)]
        pads = [
            (b, n + r - (s * (m - 1) + 1) - b)
            for n, r, s, m, b in zip(shape, reach, stride, g.shape[2:], before)
        ]
        ones = (1,) * len(kernel)
        return _convolved(g, w, shape, ones, pads, dilation, apart=stride, feature_group_count=groups)

    def by_groups(g: Any, w: Any) -> Any:
        how = {"shape": shape, "stride": stride, "padding": padding, "dilation": dilation}
        return _each_group(_conv_input_gradient, groups, 1, g, w, 0, **how)

    few = math.prod(w.shape[1:]) <= FEW
    if 1 < groups <= MANY and not few:
        return _chosen(by_groups, by_library, True, g, w)
    better = few or _is_slow(g, dilation) or _is_point(kernel) or (g.dtype.itemsize > 4 and max(stride) > 1)
    return _chosen(by_columns, by_library, better, g, w)


@of_the_engine("conv_weight_gradient")
def _conv_weight_gradient(
    x: Any, g: Any, shape: Any, stride: Any, padding: Pads, dilation: Any, groups: int
) -> Any:
    x, g = common(x, g)
    outputs, channels = g.shape[1], x.shape[1] // groups

    def by_columns(x: Any, g: Any) -> Any:
        columns = _columns(x, groups, kernel=shape, stride=stride, padding=padding, dilation=dilation)
        flat = g.reshape(len(g), groups, outputs // groups, math.prod(g.shape[2:]))
        return jnp.einsum("ngop,ngkp->gok", flat, columns).reshape(outputs, channels, *shape)

    def by_library(x: Any, g: Any) -> Any:
        pads = [
            (low, s * (m - 1) + 1 + d * (k - 1) - n - low)
            for s, m, d, k, n, (low, _) in zip(stride, g.shape[2:], dilation, shape, x.shape[2:], padding)
        ]
        x, g = x.swapaxes(0, 1), g.swapaxes(0, 1)  # a sum over the batch: samples in the place of channels
        return _convolved(x, g, shape, dilation, pads, stride, batch_group_count=groups).swapaxes(0, 1)

    def by_groups(x: Any, g: Any) -> Any:
        how = {"shape": shape, "stride": stride, "padding": padding, "dilation": dilation}
        return _each_group(_conv_weight_gradient, groups, 0, x, g, 1, **how)

    if 1 < groups <= MANY:
        return _chosen(by_groups, by_library, True, x, g)
    better = _is_slow(x, dilation) or _is_point(shape)
    if groups > MANY and x.dtype.itemsize <= 4:
        better = better or max(channels, outputs // groups) > 1
    return _chosen(by_columns, by_library, better, x, g)


def _convolved(
    x: Any, w: Any, lengths: Any, stride: Any, pads: Any, dilation: Any, apart: Any = None, **groups: int
) -> Any:
    """XLA's convolution; `apart` are the distances between the elements of `x`."""
    apart = (1,) * len(stride) if apart is None else apart
    if len(stride) == 1:  # as images of one row, whose convolution is the fast one
        x, w = x[:, :, None], w[:, :, None]
        stride, pads, dilation, apart = (1, *stride), [(0, 0), *pads], (1, *dilation), (1, *apart)
    y = lax.conv_general_dilated(x, w, stride, pads, lhs_dilation=apart, rhs_dilation=dilation, **groups)
    return y.reshape(*y.shape[:2], *lengths)
