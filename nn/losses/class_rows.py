"""The rows of the table behind the cross-entropy of many classes: one node for the whole loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import TABLE, RangeError, log_softmax, reshape, structural
from ...autograd.extending import shifted_exp
from ..data.codes import one_hot_array
from .reduction import reduced_array

__all__ = ["cross_entropy_row", "nll_row", "per_sample", "picked", "softmax"]

softmax = TABLE["softmax"]  # the row; the function of this name takes NumPy's arguments


def picked(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The entry of each row of `x` for its class in `t`; for probabilities in `t`, the mean that they weight."""
    if t.dtype.kind in "iu":
        rows = (t.size, x.shape[-1])
        try:  # in a replay this is the first check of the classes
            at = np.ravel_multi_index((np.arange(t.size), t.ravel()), rows)
            return x.reshape(-1).take(at, 0).reshape(t.shape)
        except ValueError:
            raise RangeError(
                f"the classes of this cross_entropy are 0 to {x.shape[-1] - 1}; given {t.min()} to {t.max()}. "
                f"Samples that are ignored have to be present when the loss is recorded"
            ) from None
    return (t * np.where(t == 0, 0, x)).sum(
        -1
    )  # a class of probability 0 adds nothing, even where x is infinite


def _cross_entropies(x: np.ndarray, t: np.ndarray, reduction: str) -> Any:
    e, z, _ = shifted_exp(x, (x.ndim - 1,))
    return reduced_array(np.log(np.add.reduce(e, -1)) - picked(z, t), reduction)


def _nlls(x: np.ndarray, t: np.ndarray, reduction: str) -> Any:
    return reduced_array(-picked(x, t), reduction)


def per_sample(g: Any, x: Any, reduction: str) -> Any:
    """The gradient with respect to the loss of each sample, as a column."""
    if reduction == "none":
        return reshape(g, shape=(*x.shape[:-1], 1))
    return g / math.prod(x.shape[:-1]) if reduction == "mean" else g


def _distribution(t: Any, x: Any) -> Any:
    """The targets as a probability for each class."""
    return one_hot(t, n_classes=x.shape[-1]) if t.ndim < x.ndim else t


# rows of zeros with a single one; the inputs are whole numbers, so nothing is differentiated
one_hot = structural("one_hot", one_hot_array, [lambda g, y, t, n_classes: None])

cross_entropy_row = structural(
    "cross_entropy",
    _cross_entropies,
    [
        lambda g, y, x, t, reduction: (
            (softmax(x, axis=(x.ndim - 1,)) - _distribution(t, x)) * per_sample(g, x, reduction)
        ),
        lambda g, y, x, t, reduction: -log_softmax(x) * per_sample(g, x, reduction),
    ],
)

nll_row = structural(
    "nll",
    _nlls,
    [
        lambda g, y, x, t, reduction: _distribution(t, x) * -per_sample(g, x, reduction),
        lambda g, y, x, t, reduction: x * -per_sample(g, x, reduction),
    ],
)
