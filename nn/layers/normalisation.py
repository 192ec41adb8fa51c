"""Normalisation: mean 0 and variance 1 inside a network, over a batch (`BatchNorm`) or a sample (`LayerNorm`).

Both compute `(x - mean) / sqrt(var + eps) * weight + bias`; they differ in the axes of the mean. The gradient passes
through mean and variance as well. The variance is the biased one, a sum divided by the count. The output has the dtype
of the input; float16 is computed in float32. With `eps=0`, constant numbers become 0.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, RangeError, ShapeError, mean, sign, sqrt, square, std
from ...autograd.extending import describe, each_time, read_anew, recomputing
from ..base.arguments import flag, floating, probability, whole_number
from ..base.half import widened
from ..base.inputs import as_input
from ..base.module import Module
from ..base.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "LayerNorm"]


class _BatchNorm(Module):
    """Normalisation of each channel (axis 1) over all other axes."""

    _buffers: ClassVar = ("running_mean", "running_var", "num_batches_tracked")
    _shapes: ClassVar[dict[int, str]]  # the shapes of inputs, by the number of axes

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.num_features = whole_number(num_features, "num_features")
        self.eps = _small(eps)
        self.momentum = None if momentum is None else probability(momentum, "momentum")
        affine = flag("affine", affine)
        self.weight = Parameter(np.ones(num_features), dtype=dtype) if affine else None
        self.bias = Parameter(np.zeros(num_features), dtype=dtype) if affine else None
        self.track_running_stats = flag("track_running_stats", track_running_stats)
        if track_running_stats:
            kept = np.result_type(floating(dtype), np.float32)  # squares overflow in float16
            self.running_mean, self.running_var = np.zeros(num_features, kept), np.ones(num_features, kept)
            self.num_batches_tracked = np.array(0)
        else:
            vars(self)["_buffers"] = ()

    def forward(self, x: Any) -> Any:
        """`x`, normalised by the statistics of the batch; in evaluation by the running statistics."""
        x = _as_input(x, self)
        if x.ndim not in self._shapes or x.shape[1] != self.num_features:
            raise ShapeError(
                f"{self._described()}, takes arrays of shape "
                f"{' or '.join(self._shapes.values()).replace('C', str(self.num_features))}; given {describe(x)}"
            )
        if not x.size and not self.training:
            return x
        axes = (0, *range(2, x.ndim))
        column = (-1, *(1,) * (x.ndim - 2))  # one number for each channel, in a shape that broadcasts
        if self.training or not self.track_running_stats:
            count = math.prod(x.shape[k] for k in axes)
            if self.training and count < 2:
                raise ShapeError(
                    f"{self._described()}, normalises each channel over the batch, and "
                    f"was given {describe(x)}: {count} number{'s' * (count != 1)} in a channel, which "
                    f"{'has' if count else 'have'} no deviation. Train on batches of 2 samples or more "
                    f"(DataLoader(..., drop_last=True) leaves out a short last one), or call model.eval() first"
                )
            y, centre, variance = _normalised(widened(x), axes, self.eps)
            if self.training and self.track_running_stats and not recomputing():
                each_time(partial(self._track, count), centre, variance)
        else:
            y = widened(x)
            y = (y - read_anew(lambda: self._running_mean(column, y.dtype))) / read_anew(
                lambda: self._running_deviation(column, y.dtype)
            )
        if self.weight is not None:
            y = y * self.weight.reshape(column)
        if self.bias is not None:
            y = y + self.bias.reshape(column)
        return _in_dtype(y, x)

    def _running_mean(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return self.running_mean.astype(dtype).reshape(shape)

    def _running_deviation(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        spread = np.sqrt(self.running_var + self.eps)
        return np.where(spread == 0, 1, spread).astype(dtype).reshape(shape)

    def _track(self, samples: int, centre: np.ndarray, variance: np.ndarray) -> None:
        """Update the running statistics by those of a batch of `samples` numbers for each channel.

        Without momentum they are the mean over all batches.
        """
        count = self.num_batches_tracked + 1
        share = 1 / max(int(count), 1) if self.momentum is None else probability(self.momentum, "momentum")
        unbiased = np.asarray(variance) * (samples / (samples - 1))
        for name, found in (("running_mean", np.asarray(centre)), ("running_var", unbiased)):
            running = getattr(self, name)
            vars(self)[name] = running + share * (found.reshape(-1).astype(running.dtype) - running)
        vars(self)["num_batches_tracked"] = np.asarray(count)

    def extra_repr(self) -> str:
        """The number of channels, and options that are not the default."""
        usual = {"eps": 1e-5, "momentum": 0.1, "track_running_stats": True}
        shown = [f"{k}={getattr(self, k)}" for k, value in usual.items() if getattr(self, k) != value]
        return ", ".join([str(self.num_features), *shown, *["affine=False"] * (self.weight is None)])


class BatchNorm1d(_BatchNorm):
    """Each feature with mean 0 and variance 1 over the batch, then multiplied by `weight` and shifted by `bias`.

    `(n, num_features)` or `(n, num_features, length)` keeps its shape; `weight` and `bias` are `(num_features,)`. In
    training it uses the mean and the biased variance of the batch, and updates `running_mean` and `running_var` (the
    unbiased one) by the share `momentum`; with `momentum=None` these are means over all batches. In evaluation it uses
    the running statistics, 0 and 1 before any training; they are float32 for float16.

    Raises `ShapeError` for other shapes, and in training for a single sample, which has no variance.

    >>> import numpy as np
    >>> from chainrule.nn import BatchNorm1d
    >>> layer = BatchNorm1d(2, eps=0)
    >>> layer(np.array([[1.0, 10.0], [3.0, 30.0]])).data
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> layer.running_mean, layer.running_var
    (array([0.2, 2. ]), array([ 1.1, 20.9]))
    """

    _shapes: ClassVar = {2: "(n, C)", 3: "(n, C, length)"}


class BatchNorm2d(_BatchNorm):
    """Each channel with mean 0 and variance 1 over all pixels of the batch; all else is as in `BatchNorm1d`.

    `(n, num_features, height, width)` keeps its shape.

    >>> import numpy as np
    >>> from chainrule.nn import BatchNorm2d
    >>> y = BatchNorm2d(3)(np.random.default_rng(0).random((4, 3, 5, 5)))
    >>> y.shape, bool(abs(y.data.mean((0, 2, 3))).max() < 1e-12)
    ((4, 3, 5, 5), True)
    """

    _shapes: ClassVar = {4: "(n, C, height, width)"}


class LayerNorm(Module):
    """Each sample with mean 0 and variance 1 over its last axes, then multiplied by `weight` and shifted by `bias`.

    `normalized_shape` is the length of the last axis, or the lengths of several; `(..., *normalized_shape)` keeps its
    shape, and `weight` and `bias` are `normalized_shape`. Samples are independent of each other, so training and
    evaluation are the same.

    Raises `ShapeError` for an input that does not end in `normalized_shape`.

    >>> import numpy as np
    >>> from chainrule.nn import LayerNorm
    >>> LayerNorm(2, eps=0)(np.array([[1.0, 3.0], [10.0, 30.0]])).data
    array([[-1.,  1.],
           [-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike = np.float64,
    ) -> None:
        lengths = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        if not lengths:
            raise ShapeError("normalized_shape is the length of the last axis, or of several; given none")
        self.normalized_shape = tuple(whole_number(n, "a length in normalized_shape") for n in lengths)
        self.eps = _small(eps)
        affine = flag("elementwise_affine", elementwise_affine)
        bias = flag("bias", bias) and affine
        self.weight = Parameter(np.ones(self.normalized_shape), dtype=dtype) if affine else None
        self.bias = Parameter(np.zeros(self.normalized_shape), dtype=dtype) if bias else None

    def forward(self, x: Any) -> Any:
        """`x`, normalised sample by sample."""
        x = _as_input(x, self)
        count = len(self.normalized_shape)
        if x.shape[-count:] != self.normalized_shape:
            raise ShapeError(
                f"{self._described()}, takes arrays whose last axes are "
                f"{self.normalized_shape}; given {describe(x)}"
            )
        y, _, _ = _normalised(widened(x), tuple(range(x.ndim - count, x.ndim)), self.eps)
        if self.weight is not None:
            y = y * self.weight
        return _in_dtype(y if self.bias is None else y + self.bias, x)

    def extra_repr(self) -> str:
        """The lengths, and options that are not the default."""
        lengths = self.normalized_shape
        shown = [str(lengths[0] if len(lengths) == 1 else lengths)]
        shown += [f"eps={self.eps}"] * (self.eps != 1e-5)
        if self.weight is None:
            shown.append("elementwise_affine=False")
        elif self.bias is None:
            shown.append("bias=False")
        return ", ".join(shown)


def _as_input(x: Any, layer: Any) -> Any:
    """The input of a layer as a Tensor; without weights, plain floating numbers keep their dtype."""
    if layer.weight is not None:
        return as_input(x, layer.weight.dtype, layer)
    own = np.asarray(x).dtype if isinstance(x, (np.ndarray, np.generic)) else np.dtype(np.float64)
    return as_input(x, own if own.kind == "f" else np.dtype(np.float64), layer)


def _in_dtype(y: Any, x: Any) -> Any:
    """`y` in the dtype of `x`."""
    if y.dtype == x.dtype:
        return y
    with np.errstate(over="ignore"):  # numbers too large for float16 become infinite
        return y.astype(x.dtype)


def _normalised(x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """`x` with mean 0 and variance 1 over `axes`; the mean and the variance, with the axes kept."""
    centre = mean(x, axis=axes, keepdims=True)
    away = x - centre
    variance = mean(square(away), axis=axes, keepdims=True)
    if eps > NO_EPS:
        return away / sqrt(variance + eps), centre, variance
    spread = std(x, axis=axes, keepdims=True)  # exactly 0 for constant numbers
    return away / (spread + (1 - sign(spread))), centre, variance


NO_EPS = 1e-30  # smaller numbers can be 0 in float32


def _small(eps: Any) -> float:
    if isinstance(eps, bool) or not isinstance(eps, (int, float, np.floating)):
        raise KindError(f"eps is a small number that keeps the division from 0; given {describe(eps)}")
    if not 0 <= eps < math.inf:
        raise RangeError(f"eps is 0 or more; given {eps}")
    return float(eps)
