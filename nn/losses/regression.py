"""Losses of predicted numbers: squared, absolute, and between the two."""

from __future__ import annotations

from typing import Any

from ...autograd import RangeError, absolute, minimum, square
from ...autograd.extending import of_kind
from ..base.arguments import one_number
from ..base.half import in_float32
from .pairs import compared, paired

__all__ = ["half_squared_error", "huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


@in_float32
@of_kind
def mse_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean squared error, `1/n sum (yhat - y)^2` over all elements.

    For derivations by hand use `half_squared_error`, whose gradient has no factor.

    Raises `ShapeError` where the shapes differ, even if they would broadcast.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import mse_loss
    >>> mse_loss(Tensor([1.0, 4.0]), [1.0, 2.0])
    Tensor(2.)
    """
    return compared(lambda p, t: square(p - t), paired(prediction, target, "mse_loss"), reduction)


@in_float32
@of_kind
def half_squared_error(prediction: Any, target: Any, reduction: str = "sum") -> Any:
    """Half the squared error, `1/2 sum (yhat - y)^2`: its gradient is `yhat - y`, without a factor 2.

    To train use `mse_loss`, whose size does not depend on the number of samples.

    Raises `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import half_squared_error
    >>> yhat = Tensor([1.0, 4.0])
    >>> half_squared_error(yhat, [0.0, 2.0]).backward()
    >>> yhat.grad
    array([1., 2.])
    """
    pair = paired(prediction, target, "half_squared_error")
    return compared(lambda p, t: 0.5 * square(p - t), pair, reduction)


@in_float32
@of_kind
def l1_loss(prediction: Any, target: Any, reduction: str = "mean") -> Any:
    """The mean absolute error, `1/n sum |yhat - y|`; its gradient is 0 where both are equal.

    Raises `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import l1_loss
    >>> l1_loss(Tensor([1.0, 4.0]), [2.0, 2.0])
    Tensor(1.5)
    """
    return compared(lambda p, t: absolute(p - t), paired(prediction, target, "l1_loss"), reduction)


@in_float32
@of_kind
def huber_loss(prediction: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """Half the squared error up to a distance of `delta`, its tangent beyond: outliers have less influence.

    `smooth_l1_loss` is the same curve divided by its `delta`.

    Raises `ShapeError` where the shapes differ, `RangeError` for a `delta` that is not positive.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import huber_loss
    >>> yhat = Tensor([1.0, 4.0])
    >>> loss = huber_loss(yhat, [0.5, 0.0], reduction="sum")
    >>> loss.backward()
    >>> loss.item(), yhat.grad
    (3.625, array([0.5, 1. ]))
    """
    return _huber(prediction, target, reduction, one_number(delta, "delta"), "huber_loss")


def _huber(prediction: Any, target: Any, reduction: str, delta: float, what: str) -> Any:
    if not delta > 0:
        name = "delta" if what == "huber_loss" else "beta"
        raise RangeError(f"{name} is the distance at which the squares end, above 0; given {delta}")

    def huber(p: Any, t: Any) -> Any:
        distance = absolute(p - t)
        near = minimum(distance, delta)
        return near * (distance - 0.5 * near)

    return compared(huber, paired(prediction, target, what), reduction)


@in_float32
@of_kind
def smooth_l1_loss(prediction: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """`huber_loss` with `delta=beta`, divided by `beta`: for large errors the absolute error, less `beta / 2`.

    With `beta=0` it is `l1_loss`. Raises the errors of `huber_loss`.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import smooth_l1_loss
    >>> smooth_l1_loss(Tensor([1.0, 4.0]), [0.5, 0.0], reduction="none", beta=0.5)
    Tensor([0.25, 3.75])
    """
    beta = one_number(beta, "beta")
    if beta == 0:
        return l1_loss(prediction, target, reduction)
    losses = _huber(prediction, target, reduction, beta, "smooth_l1_loss")
    return [loss / beta for loss in losses] if isinstance(losses, list) else losses / beta
