"""The cross-entropy with options: class weights, ignored samples, smoothed targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ...autograd import ChainruleWarning, RangeError, structural
from ..data.codes import one_hot_array
from .class_rows import nll_row, per_sample, picked
from .pairs import check, weights_for
from .reduction import checked_reduction, reduced, reduced_array

__all__ = ["checked_count", "class_weights", "shares_of_classes", "smoothed", "weighted"]


def weighted(
    log_p: Any, target: Any, reduction: str, weight: Any, ignore_index: int, label_smoothing: float
) -> Any:
    """The cross-entropy of log-probabilities and targets, with class weights, ignored samples and smoothing."""
    weights = class_weights(weight, log_p, label_smoothing)
    if target.ndim == log_p.ndim:
        return reduced(
            nll_row(log_p, smoothed(target, weights, label_smoothing), reduction="none"), reduction
        )
    options: dict[str, Any] = {"weights": weights, "ignored": ignore_index, "smoothing": label_smoothing}

    def refuse(t: np.ndarray) -> None:
        checked_count(reduction, shares_of_classes(t, **options)[1], t.size)

    check(target, refuse)
    return _weighted_nll(log_p, target, reduction=reduction, **options)


def class_weights(weight: Any, x: Any, smoothing: float) -> np.ndarray:
    """One weight for each class; also checks `smoothing`."""
    if not 0 <= smoothing <= 1:
        raise RangeError(f"label_smoothing is a share of the target, from 0 to 1; given {smoothing}")
    return np.broadcast_to(weights_for("weight", 1 if weight is None else weight, x), x.shape[-1:])


def smoothed(y: Any, weights: np.ndarray, smoothing: float) -> Any:
    """Probabilities of classes, a share of them spread evenly over all classes, times the weights."""
    return (y * (1 - smoothing) + smoothing / len(weights)) * weights


def shares_of_classes(
    t: np.ndarray, weights: np.ndarray, ignored: int, smoothing: float, mean: bool = False
) -> tuple[np.ndarray, Any]:
    """The weight of each class in each sample, and the sum of the weights of all samples.

    With `mean` the weights are divided by that sum.
    """
    kept = (t != ignored).astype(weights.dtype)
    classes = np.where(kept, t, 0)
    count = (weights[classes] * kept).sum()
    divisor = count + (count == 0)  # where no sample counts, the mean is 0
    y = one_hot_array(classes, len(weights)).astype(weights.dtype)
    shares = smoothed(y, weights, smoothing) * kept[..., None]
    return shares / divisor if mean else shares, count


def _weighted_nlls(log_p: np.ndarray, t: np.ndarray, reduction: str, **options: Any) -> Any:
    shares, count = shares_of_classes(t, **options)
    losses = -picked(log_p, shares)
    return losses.sum() / (count + (count == 0)) if reduction == "mean" else reduced_array(losses, reduction)


def _class_shares(t: np.ndarray, **options: Any) -> Any:
    shares, _ = shares_of_classes(t, **options)
    return shares


# the inputs are whole numbers, so nothing is differentiated
class_shares = structural(
    "class_shares",
    _class_shares,
    [lambda g, y, t, weights, ignored, smoothing, mean: None],
)

_weighted_nll = structural(
    "weighted_nll",
    _weighted_nlls,
    [
        lambda g, y, x, t, reduction, weights, ignored, smoothing: (
            class_shares(t, weights=weights, ignored=ignored, smoothing=smoothing, mean=reduction == "mean")
            * -per_sample(g, x, "none" if reduction == "none" else "sum")
        ),
        lambda g, y, x, t, reduction, weights, ignored, smoothing: None,
    ],
)


def checked_count(reduction: str, count: float, n: int) -> str:
    """The reduction of `n` samples whose weights have the sum `count`; warns where none of them counts."""
    if n and count == 0 and reduction == "mean":
        warnings.warn(
            f"no sample of this batch of {n} counts in the loss, which is 0: each is of the class ignore_index, or of "
            f"one whose weight is 0",
            ChainruleWarning,
            stacklevel=2,
        )
    return checked_reduction(reduction, n)
