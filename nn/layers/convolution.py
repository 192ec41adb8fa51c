"""Convolution and pooling over images: `Conv2d`, `MaxPool2d`, `AvgPool2d`.

A batch of images is `(n, channels, height, width)`. Every output of a convolution depends on a small window of the
image, and all windows share the same weights: a shifted image gives a shifted output, with far fewer weights than in a
linear layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, RangeError, ShapeError, avg_pool, conv, max_pool
from ...autograd.extending import describe
from .. import init
from ..base.arguments import flag, initial_weights, whole_number
from ..base.inputs import as_input
from ..base.module import Module
from ..base.parameter import Parameter

__all__ = ["AvgPool2d", "Conv2d", "MaxPool2d"]

Pair = int | tuple[int, int]
Padding = int | str | tuple[int | tuple[int, int], int | tuple[int, int]]


class Conv2d(Module):
    """`y[o, i, j] = b[o] + sum over c, m, n of w[o, c, m, n] x[c, i + m, j + n]`: a small window slides over the image.

    `(n, in_channels, height, width)` becomes `(n, out_channels, height', width')`, where a side of `L` pixels has
    `(L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1` windows. `weight` is
    `(out_channels, in_channels // groups, *kernel_size)`, `bias` is `(out_channels,)`, or `None` with `bias=False`.
    `kernel_size`, `stride`, `padding` and `dilation` are numbers, or pairs for height and width; padding with zeros
    may also be "valid", none, or "same", as many windows as pixels (divided by the stride). With `groups`, channels
    are divided into independent groups.

    Raises `ShapeError` for images with other channels or smaller than the kernel.

    >>> import numpy as np
    >>> from chainrule.nn import Conv2d
    >>> layer = Conv2d(1, 8, 3, padding=1, seed=0)
    >>> layer, layer.weight.shape
    (Conv2d(1 -> 8, kernel_size=3, padding=1), (8, 1, 3, 3))
    >>> layer(np.ones((4, 1, 28, 28))).shape
    (4, 8, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Padding = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        weight_init: Callable[..., np.ndarray] = init.he_uniform,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.in_channels = whole_number(in_channels, "in_channels")
        self.out_channels = whole_number(out_channels, "out_channels")
        self.groups, bias = whole_number(groups, "groups"), flag("bias", bias)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise RangeError(
                f"{in_channels} channels in and {out_channels} out cannot be divided evenly among {groups} groups: "
                f"both have to be multiples of groups"
            )
        self.kernel_size = _pair(kernel_size, "kernel_size")
        self.stride = _pair(stride, "stride")
        self.padding = _checked_padding(padding)
        self.dilation = _pair(dilation, "dilation")
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        self.weight = Parameter(initial_weights(weight_init, shape, seed=seed, dtype=dtype))
        self.bias = Parameter(init.zeros((self.out_channels,), dtype=dtype)) if bias else None

    def forward(self, x: Any) -> Any:
        """The convolution; plain arrays are converted to the dtype of the weights."""
        x = _images(as_input(x, self.weight.dtype, self), self, self.in_channels)
        z = conv(x, self.weight, self.stride, self.padding, self.dilation, self.groups)
        return z if self.bias is None else z + self.bias.reshape((-1, 1, 1))

    def extra_repr(self) -> str:
        """`1 -> 8, kernel_size=3, padding=1`: and options that are not the default."""
        options = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        shown = [f"{self.in_channels} -> {self.out_channels}", f"kernel_size={_short(self.kernel_size)}"]
        shown += [
            f"{k}={_short(getattr(self, k))}" for k, usual in options.items() if getattr(self, k) != usual
        ]
        return ", ".join(shown + ["bias=False"] * (self.bias is None))


class _Pool2d(Module):
    """The base class of pooling layers: windows without weights."""

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Padding = 0) -> None:
        self.kernel_size = _pair(kernel_size, "kernel_size")
        self.stride = self.kernel_size if stride is None else _pair(stride, "stride")
        self.padding = _checked_padding(padding)

    def extra_repr(self) -> str:
        """`2` or `3, stride=2, padding=1`."""
        options = {
            "stride": self.kernel_size,
            "padding": (0, 0),
            "dilation": (1, 1),
            "return_indices": False,
            "ceil_mode": False,
            "count_include_pad": True,
        }
        shown = [
            f"{k}={_short(getattr(self, k))}"
            for k, usual in options.items()
            if getattr(self, k, usual) != usual
        ]
        return ", ".join([str(_short(self.kernel_size)), *shown])


class MaxPool2d(_Pool2d):
    """The largest number of each window, channel by channel.

    `(n, channels, height, width)` becomes `(n, channels, height', width')`, with the windows of `Conv2d`; they are side
    by side unless a `stride` is given. Padding is never the largest. Equal largest numbers share the gradient.

    >>> import numpy as np
    >>> from chainrule.nn import MaxPool2d
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        dilation: Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.dilation = _pair(dilation, "dilation")
        self.return_indices = flag("return_indices", return_indices)
        self.ceil_mode = flag("ceil_mode", ceil_mode)

    def forward(self, x: Any) -> Any:
        """The largest of each window; with `return_indices` a pair, the positions in the flattened image as well."""
        return max_pool(
            _images(x, self),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )


class AvgPool2d(_Pool2d):
    """The mean of each window, channel by channel. Shapes are as in `MaxPool2d`; zeros of the padding are included,
    unless `count_include_pad=False`.

    >>> import numpy as np
    >>> from chainrule.nn import AvgPool2d
    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.ceil_mode = flag("ceil_mode", ceil_mode)
        self.count_include_pad = flag("count_include_pad", count_include_pad)

    def forward(self, x: Any) -> Any:
        """The mean of each window."""
        return avg_pool(
            _images(x, self),
            self.kernel_size,
            self.stride,
            self.padding,
            ceil_mode=self.ceil_mode,
            count_include_pad=self.count_include_pad,
        )


def _pair(n: Any, what: str) -> tuple[int, int]:
    """A pair of numbers for height and width, from one number or a pair."""
    if isinstance(n, (tuple, list)):
        if len(n) != 2:
            raise ShapeError(f"{what} is one number, or a pair for height and width; given {n!r}")
        return whole_number(n[0], what), whole_number(n[1], what)
    return (whole_number(n, what),) * 2


def _checked_padding(padding: Any) -> Any:
    """ "same", or a pair for height and width, each a number or a pair of numbers, before and after."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0)
        if padding == "same":
            return padding
        raise KindError(
            f"padding is a number, a pair for height and width, 'valid' or 'same'; given {padding!r}"
        )
    sides = padding if isinstance(padding, (tuple, list)) else (padding, padding)
    if len(sides) != 2:
        raise ShapeError(f"padding is one number, or a pair for height and width; given {padding!r}")
    for side in sides:
        ends = side if isinstance(side, (tuple, list)) else (side,) * 2
        if len(ends) != 2:
            raise ShapeError(
                f"the padding of an axis is a number, or a pair, before and after; given {side!r}"
            )
        for n in ends:
            whole_number(n, "padding", least=0)
    return tuple(sides)


def _short(pair: Any) -> Any:
    return pair[0] if isinstance(pair, tuple) and pair[0] == pair[1] else pair


def _images(x: Any, layer: Module, channels: int | None = None) -> Any:
    """`x`; raises `ShapeError` if it is not a batch of images with this number of channels."""
    x = as_input(x, np.dtype(np.float64), layer) if isinstance(x, (list, tuple)) else x
    shape = getattr(x, "shape", None)
    if shape is None or len(shape) != 4 or channels not in (None, shape[1]):
        wanted = "channels" if channels is None else channels
        raise ShapeError(
            f"{layer._described()}, takes images in an array of shape "
            f"(n, {wanted}, height, width); given {describe(x)}. One image x of shape (channels, height, width) is "
            f"x[None], grey images of shape (n, height, width) are x[:, None], and channels that come last are moved "
            f"with x.transpose(0, 3, 1, 2)"
        )
    return x
