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
        return x.reshape(-1).take(_places(t, x.shape[-1]), 0).reshape(t.shape)
    return (t * np.where(t == 0, 0, x)).sum(
        -1
    )  # a class of probability 0 adds nothing, even where x is infinite


def _places(t: np.ndarray, n_classes: int) -> Any:
    """The place of the class of each sample among all scores, row by row."""
    try:  # in a replay this is the first check of the classes
        return np.ravel_multi_index((np.arange(t.size), t.ravel()), (t.size, n_classes))
    except ValueError:
        raise RangeError(
            f"the classes of this cross_entropy are 0 to {n_classes - 1}; given {t.min()} to {t.max()}. "
            f"Samples that are ignored have to be present when the loss is recorded"
        ) from None


def _cross_entropies(x: np.ndarray, t: np.ndarray, reduction: str) -> Any:
    e, z, _ = shifted_exp(x, (x.ndim - 1,))
    return reduced_array(np.log(np.add.reduce(e, -1)) - picked(z, t), reduction)


def _with_exponentials(x: np.ndarray, t: np.ndarray, reduction: str) -> tuple[Any, Any]:
    """The same; and the exponentials, their sums, and the places of the classes, from which `_to_scores` starts."""
    if t.ndim == x.ndim or not x.flags.c_contiguous:
        return _cross_entropies(x, t, reduction), None
    e, z, _ = shifted_exp(x, (x.ndim - 1,))
    sums, places = np.add.reduce(e, -1), _places(t, x.shape[-1])
    losses = np.log(sums) - z.reshape(-1).take(places, 0).reshape(t.shape)
    return reduced_array(losses, reduction), (e, sums[..., None], places)


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


def _to_scores(g: Any, y: Any, x: Any, t: Any, reduction: str, kept: Any = None) -> Any:
    if kept is None:
        return (softmax(x, axis=(x.ndim - 1,)) - _distribution(t, x)) * per_sample(g, x, reduction)
    e, sums, places = kept
    c = e / sums
    c.reshape(-1)[places] -= 1
    c *= per_sample(g, x, reduction)
    return c


cross_entropy_row = structural(
    "cross_entropy",
    _cross_entropies,
    [
        _to_scores,
        lambda g, y, x, t, reduction, kept=None: -log_softmax(x) * per_sample(g, x, reduction),
    ],
    keeping=_with_exponentials,
)

nll_row = structural(
    "nll",
    _nlls,
    [
        lambda g, y, x, t, reduction: _distribution(t, x) * -per_sample(g, x, reduction),
        lambda g, y, x, t, reduction: x * -per_sample(g, x, reduction),
    ],
)
