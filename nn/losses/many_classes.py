"""Losses of many classes: the cross-entropy of logits, of Tensors and of Values, and of log-probabilities."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import KindError, Node, ShapeError, Tensor, Value, log_softmax, logsumexp, where
from ...autograd import sum as sum_of
from ...autograd.extending import of_kind
from ..base.half import in_float32
from .class_rows import cross_entropy_row, nll_row, softmax
from .pairs import flat, plain
from .probabilities import refuse_positive, refuse_probabilities
from .reduction import checked_reduction, reduced
from .targets import matching_classes
from .weighted import checked_count, class_weights, shares_of_classes, smoothed, weighted

__all__ = ["cross_entropy", "nll_loss"]


@in_float32
@of_kind
def cross_entropy(
    logits: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Any:
    """The cross-entropy of the softmax of logits, as one node: its gradient is `(softmax(x) - y) / n`.

    `logits` are `(..., classes)`. `target` is either `(...)`, a whole number for each row, the class; or
    `(..., classes)`, a probability for each class, such as `one_hot` returns. The loss of each row is
    `-sum y log softmax(x)`. `logits` may also be a list with the logits of one sample as Values, or one such list for
    each sample. The classes are along the last axis; in PyTorch they are along the second one: for logits
    `(n, classes, length)` write `cross_entropy(moveaxis(x, 1, -1), y)`. Where both fit, as for `(n, 5, 5)`, the classes
    are along the last axis.
    For log-probabilities use `nll_loss`.

    `weight` is the weight of each class; the mean is then a weighted mean of the samples. Samples of the class
    `ignore_index` are ignored; where all are, the loss is 0, with a `ChainruleWarning`. `label_smoothing` is the share
    of each target that is spread evenly over the classes.

    Raises `KindError` for classes that are not whole numbers, `RangeError` for an impossible class or probability,
    `ShapeError` for targets of another shape.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import cross_entropy
    >>> logits = Tensor([[0.0, 0.0], [1000.0, 0.0]])
    >>> loss = cross_entropy(logits, [1, 0])
    >>> loss.backward()
    >>> round(loss.item(), 4), logits.grad
    (0.3466, array([[ 0.25, -0.25],
           [ 0.  ,  0.  ]]))
    """
    refuse_probabilities(logits, softmax, "cross_entropy", "nll_loss(log(p), y) for probabilities")
    if isinstance(logits, (list, tuple)) and any(isinstance(v, Value) for v in flat(logits)):
        return _cross_entropy_of_values(logits, target, reduction, weight, ignore_index, label_smoothing)
    unweighted = weight is None and not label_smoothing
    x, target, ignored = matching_classes(logits, target, "cross_entropy", ignore_index, repeated=unweighted)
    if unweighted and not ignored:
        return cross_entropy_row(x, target, reduction=checked_reduction(reduction, math.prod(x.shape[:-1])))
    return weighted(log_softmax(x), target, reduction, weight, ignore_index, label_smoothing)


@in_float32
@of_kind
def nll_loss(
    log_probabilities: Any,
    target: Any,
    reduction: str = "mean",
    *,
    weight: Any = None,
    ignore_index: int = -100,
) -> Any:
    """The negative log-likelihood of log-probabilities, such as the output of `log_softmax`.

    All else, with the errors, is as in `cross_entropy`.
    For logits use `cross_entropy`, which is one node.

    >>> from chainrule.autograd import Tensor, log_softmax
    >>> from chainrule.nn import nll_loss
    >>> nll_loss(log_softmax(Tensor([[0.0, 0.0]])), [1]).item()
    0.6931471805599453
    """
    x, target, ignored = matching_classes(
        log_probabilities, target, "nll_loss", ignore_index, repeated=weight is None
    )
    refuse_positive(x, "nll_loss")
    if weight is None and not ignored:
        return nll_row(x, target, reduction=checked_reduction(reduction, math.prod(x.shape[:-1])))
    return weighted(x, target, reduction, weight, ignore_index, 0.0)


def _cross_entropy_of_values(
    logits: Any, target: Any, reduction: str, weight: Any, ignore_index: int, label_smoothing: float
) -> Any:
    """The cross-entropy of a list of Values, the logits of one sample, or of a list of such lists."""
    one = not isinstance(logits[0], (list, tuple))
    rows = [list(row) for row in ([logits] if one else logits)]
    if any(isinstance(v, (list, tuple)) for row in rows for v in row) or len({len(row) for row in rows}) > 1:
        raise ShapeError(
            "of Values, cross_entropy takes one list of logits for each sample, all of one length"
        )
    if isinstance(target, Tensor) and target.requires_grad:
        raise KindError(f"{target.describe()} stands beside Values, which do not mix. Write y.data")
    t = np.asarray(plain(target) if isinstance(target, Node) else target)
    x, t, _ = matching_classes(
        np.array([plain(row) for row in rows]), t[None] if one else t, "cross_entropy", ignore_index
    )
    weights = class_weights(weight, x, label_smoothing)
    if t.ndim == x.ndim:
        shares, count = smoothed(t, weights, label_smoothing), float(len(rows))
    else:
        shares, total = shares_of_classes(t, weights, ignore_index, label_smoothing)
        count = float(total)
    losses = [_cross_entropy_of_row(row, each) for row, each in zip(rows, shares.tolist())]
    checked_count(reduction, count, len(losses))
    count = count or 1.0
    if one:
        return losses[0] / count if reduction == "mean" and count != 1 else losses[0]
    if reduction == "mean" and count != len(losses):
        return sum_of(losses) / count
    return reduced(losses, reduction)


def _cross_entropy_of_row(row: list[Any], shares: list[float]) -> Any:
    """`-sum share log softmax(x)` of the logits of one sample."""
    some = [(share, v) for share, v in zip(shares, row) if share]
    if not some:
        return where(False, row[0], 0.0)  # an ignored sample
    normaliser = logsumexp(row)
    terms = [normaliser - v if share == 1 else share * (normaliser - v) for share, v in some]
    return terms[0] if len(terms) == 1 else sum_of(terms)
