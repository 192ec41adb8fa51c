"""The Kullback-Leibler divergence."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import TABLE, KindError, RangeError, Value, exp, log, where
from ...autograd.extending import of_kind
from ..base.arguments import constants, flag
from ..base.half import in_float32
from .pairs import check, flat, is_node, paired
from .probabilities import refuse_positive
from .reduction import checked_reduction, reduced

__all__ = ["kl_div"]

greater = TABLE["greater"]


@in_float32
@of_kind
def kl_div(log_probabilities: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """The Kullback-Leibler divergence between targets and log-probabilities: `y (log y - log p)`.

    "mean" is over all elements, as in PyTorch; `reduction="batchmean"` divides the sum by the number of
    samples, which is the divergence as textbooks define it. Elements with `y = 0` add nothing. With `log_target` the
    targets are logarithms, too, and `-inf` stands for 0.

    Raises `ShapeError` where the shapes differ, `RangeError` for negative targets.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import kl_div
    >>> kl_div(Tensor(np.log([[0.5, 0.5]])), [[1.0, 0.0]], "batchmean").item()
    0.6931471805599453
    """
    if isinstance(log_probabilities, (list, tuple)) and not any(map(is_node, flat(log_probabilities))):
        log_probabilities = constants(log_probabilities, "the first argument of kl_div").astype(np.float64)
    x, y = paired(log_probabilities, target, "kl_div")
    if isinstance(x, (Value, list)):
        raise KindError("kl_div works on Tensors: one row of log-probabilities for each sample")
    refuse_positive(x, "kl_div")
    # a row, so that a replay compares again
    possible = greater(y, -math.inf if flag("log_target", log_target) else 0)
    x = where(possible, x, 0)
    if log_target:
        log_y = where(possible, y, 0)
        losses = exp(log_y) * (log_y - x)
    else:
        check(y, _refuse_negative)
        losses = y * (log(where(possible, y, 1)) - x)
    if reduction != "batchmean":
        return reduced(losses, reduction)
    n = len(x) if x.ndim else 1
    checked_reduction("mean", n)
    return reduced(losses, "sum") / n


def _refuse_negative(y: np.ndarray) -> None:
    if y.size and not y.min() >= 0:
        raise RangeError(f"kl_div was given a target of {y.min():g}; write log_target=True for logarithms")
