"""The Kullback-Leibler divergence."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, Value, exp, log, where
from ...autograd.extending import of_kind
from ..base.half import in_float32
from .pairs import flat, is_node, paired, plain
from .probabilities import refuse_positive
from .reduction import checked_reduction, reduced

__all__ = ["kl_div"]


@in_float32
@of_kind
def kl_div(log_probabilities: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """The Kullback-Leibler divergence between targets and log-probabilities: `y (log y - log p)`.

    "mean" is over all elements, as in PyTorch; `reduction="batchmean"` divides the sum by the number of
    samples, which is the divergence as textbooks define it. Elements with `y = 0` add nothing. With `log_target` the
    targets are logarithms, too.

    Raises `ShapeError` where the shapes differ, `RangeError` for negative targets.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import kl_div
    >>> kl_div(Tensor(np.log([[0.5, 0.5]])), [[1.0, 0.0]], "batchmean").item()
    0.6931471805599453
    """
    if isinstance(log_probabilities, (list, tuple)) and not any(map(is_node, flat(log_probabilities))):
        log_probabilities = np.asarray(log_probabilities, np.float64)
    x, y = paired(log_probabilities, target, "kl_div")
    if isinstance(x, (Value, list)):
        raise KindError("kl_div works on Tensors: one row of log-probabilities for each sample")
    refuse_positive(plain(x), "kl_div")
    if log_target:
        losses = exp(y) * (y - x)
    else:
        if y.size and not plain(y).min() >= 0:
            raise RangeError(
                f"kl_div was given a target of {plain(y).min():g}; write log_target=True for logarithms"
            )
        possible = plain(y) > 0
        losses = where(possible, y * (log(where(possible, y, 1)) - x), 0)
    if reduction != "batchmean":
        return reduced(losses, reduction)
    n = len(x) if x.ndim else 1
    checked_reduction("mean", n)
    return reduced(losses, "sum") / n
