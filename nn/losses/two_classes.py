"""Losses of two classes: hinge, and the cross-entropy of probabilities and of logits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import RangeError, elementwise, log, maximum, relu, sigmoid, softplus
from ...autograd.extending import of_kind
from ..base.half import in_float32
from .pairs import check, compared, paired, weights_for
from .probabilities import CALL_THEM_0_1, LOGITS_INSTEAD, check_probabilities, refuse_probabilities

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "hinge_loss"]


@in_float32
@of_kind
def hinge_loss(scores: Any, target: Any, reduction: str = "mean") -> Any:
    """The hinge loss of scores, `max(0, 1 - y s)`, for the classes -1 and +1.

    Raises `RangeError` for other targets, `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Value
    >>> from chainrule.nn import hinge_loss
    >>> hinge_loss([Value(0.5), Value(-2.0)], [1, -1])
    Value(0.25)
    """
    pair = paired(scores, target, "hinge_loss")

    def refuse(t: Any) -> None:
        if not (np.abs(t) == 1).all():
            raise RangeError(
                f"hinge_loss calls the two classes -1 and +1; given targets from {t.min():g} to {t.max():g}. "
                f"Write 2 * y - 1 for classes called 0 and 1"
            )

    check(pair[1], refuse)
    return compared(lambda s, t: relu(1 - t * s), pair, reduction)


SMALL = 1e-12  # smaller probabilities are replaced by this one in gradients, which are infinite at 0


def _bce(p: float, t: float) -> float:
    likely, unlikely = (math.log(p) if p > 0 else -100.0), (math.log1p(-p) if p < 1 else -100.0)
    return -t * max(likely, -100.0) - (1 - t) * max(unlikely, -100.0)


def _bce_of_arrays(p: Any, t: Any) -> Any:
    with np.errstate(divide="ignore"):
        return -t * np.maximum(np.log(p), -100) - (1 - t) * np.maximum(np.log1p(-p), -100)


_binary_cross_entropy = elementwise(
    "binary_cross_entropy",
    _bce,
    _bce_of_arrays,
    [
        lambda y, p, t: (1 - t) / maximum(1 - p, SMALL) - t / maximum(p, SMALL),
        lambda y, p, t: log(maximum(1 - p, SMALL)) - log(maximum(p, SMALL)),
    ],
)


def _bce_with_logits(z: float, t: float) -> float:
    return max(z, 0.0) - t * z + math.log1p(math.exp(-abs(z)))


def _bce_with_logits_of_arrays(z: Any, t: Any) -> Any:
    return np.maximum(z, 0) - t * z + np.log1p(np.exp(-np.abs(z)))


_binary_cross_entropy_with_logits = elementwise(
    "binary_cross_entropy_with_logits",
    _bce_with_logits,
    _bce_with_logits_of_arrays,
    [lambda y, z, t: sigmoid(z) - t, lambda y, z, t: -z],
)


@in_float32
@of_kind
def binary_cross_entropy(probabilities: Any, target: Any, reduction: str = "mean") -> Any:
    """The cross-entropy of probabilities of class 1, `-y log p - (1 - y) log(1 - p)`.

    Targets are 0 or 1, or probabilities. A logarithm is -100 at least, as in PyTorch: the loss of a wrong prediction
    with probability 1 is 100 and not infinity, and its gradient is 1e12. The gradient of a right prediction with
    probability 1 is the one-sided derivative, 1 in size; PyTorch's is 0. After a sigmoid, prefer
    `binary_cross_entropy_with_logits`.
    For logits use `binary_cross_entropy_with_logits`, which is exact for extreme ones.

    Raises `RangeError` for probabilities or targets outside of 0 to 1, `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import binary_cross_entropy
    >>> binary_cross_entropy(Tensor([0.5, 1.0]), [1, 1], reduction="none").data.round(4)
    array([0.6931, 0.    ])
    """
    pair = paired(probabilities, target, "binary_cross_entropy")
    check_probabilities(pair[0], "binary_cross_entropy was given predictions", LOGITS_INSTEAD)
    check_probabilities(pair[1], "binary_cross_entropy was given targets", CALL_THEM_0_1)
    return compared(_binary_cross_entropy, pair, reduction)


@in_float32
@of_kind
def binary_cross_entropy_with_logits(
    logits: Any, target: Any, reduction: str = "mean", *, pos_weight: Any = None
) -> Any:
    """The cross-entropy of logits, the numbers before the sigmoid, as one node: its local gradient is `sigmoid(z) - y`.

    `pos_weight` is the weight of class 1, a number, or one for each column, for data in which class 1 is rare.
    For probabilities use `binary_cross_entropy`.

    Raises `RangeError` for targets outside of 0 to 1, `ShapeError` where the shapes differ.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import binary_cross_entropy_with_logits
    >>> z = Tensor([0.0, 1000.0])
    >>> loss = binary_cross_entropy_with_logits(z, [1, 0], reduction="sum")
    >>> loss.backward()
    >>> round(loss.item(), 4), z.grad
    (1000.6931, array([-0.5,  1. ]))
    """
    refuse_probabilities(
        logits, sigmoid, "binary_cross_entropy_with_logits", "binary_cross_entropy for probabilities"
    )
    pair = paired(logits, target, "binary_cross_entropy_with_logits")
    check_probabilities(pair[1], "binary_cross_entropy_with_logits was given targets", CALL_THEM_0_1)
    if pos_weight is not None:
        weight = weights_for("pos_weight", pos_weight, pair[0])
        return compared(lambda z, t: weight * t * softplus(-z) + (1 - t) * softplus(z), pair, reduction)
    return compared(_binary_cross_entropy_with_logits, pair, reduction)
