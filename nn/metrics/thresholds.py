"""What a single score for each sample means: above which number it predicts class 1.

The threshold is 0 for logits and for scores of the classes -1 and +1, and 1/2 for probabilities and for estimates of
the targets 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Node, Tensor, Value, no_grad, sigmoid
from ..base.arguments import array_of, numeric

__all__ = ["decision_threshold", "plain", "threshold_of_loss"]

# operations that pass numbers on unchanged
MOVING = {"concatenate", "flip", "index", "reshape", "stack", "transpose"}


def decision_threshold(scores: Any, target: Any = None) -> float:
    """The number above which a score predicts class 1, found from single scores and their targets: 0.0 or 0.5.

    It is 0.5 where a sigmoid has computed the scores, and where all are from 0 to 1: they are probabilities. It is 0
    for targets -1 and +1. Of other scores for the targets 0 and 1, it is 0.5 where the scores are estimates of the
    targets, as `mse_loss` trains them, and 0 where they are logits: whichever is closer to the targets, the scores or
    their sigmoids, by the mean squared difference.

    >>> from chainrule.nn.metrics import decision_threshold
    >>> decision_threshold([0.2, 0.9], [0, 1]), decision_threshold([-3.1, 2.5], [0, 1])
    (0.5, 0.0)
    >>> decision_threshold([-0.1, 1.05], [0, 1])
    0.5
    """
    if _from_sigmoid(scores):
        return 0.5
    s = numeric(plain(scores), "scores").ravel().astype(np.float64)
    t = None if target is None else numeric(plain(target), "target").ravel()
    if t is not None and t.size and t.min() < 0:
        return 0.0
    known = np.isfinite(s)
    if not known.any():
        return 0.0
    if s[known].min() >= 0 and s[known].max() <= 1:
        return 0.5
    if t is None or t.shape != s.shape:
        return 0.0
    s, t = s[known], t[known]
    with np.errstate(over="ignore"):
        p = 1 / (1 + np.exp(-s))
        return 0.5 if np.square(s - t).mean() < np.square(p - t).mean() else 0.0


def threshold_of_loss(loss: Callable[[Any, Any], Any], scores: Any, target: Any) -> float | None:
    """The threshold of single scores that are trained with this loss; `None` if the loss does not say it.

    It is the score for which the targets 0 and 1 have the same loss: 0 for logits, 1/2 for probabilities and squared
    differences. The loss is called with made-up scores of the same form. Targets -1 and +1 have the threshold 0.
    """
    s, t = plain(scores), plain(target)
    if (s.ndim > 1 and s.shape[-1] > 1) or not t.size:
        return None
    if t.min() < 0:
        return 0.0
    with no_grad(), np.errstate(all="ignore"):
        for threshold in (0.5, 0.0):
            made_up = _filled(scores, threshold)
            try:
                no, yes = (float(loss(made_up, np.full_like(t, k))) for k in (0, 1))
            except Exception:  # a loss for other targets: what it raises, it raises in the training, too
                return None
            if np.isfinite(no) and no > 0 and abs(no - yes) <= 1e-5 * no:
                return threshold
    return None


def plain(x: Any) -> np.ndarray:
    """The numbers in a Tensor, a list of Values, or an array, as an array."""
    return array_of([plain(each) for each in x] if isinstance(x, (list, tuple)) else x)


def _filled(scores: Any, number: float) -> Any:
    """Scores of the same form, all equal to `number`."""
    if isinstance(scores, (list, tuple)):
        return [_filled(each, number) for each in scores]
    if isinstance(scores, Tensor):
        return Tensor(np.full_like(scores.data, number))
    return Value(number) if isinstance(scores, Value) else np.full_like(scores, number)


def _from_sigmoid(scores: Any) -> bool:
    """Whether all scores were computed by a recorded sigmoid, and only moved since."""
    waiting, found = [scores], False
    while waiting:
        x = waiting.pop()
        if isinstance(x, (list, tuple)):
            waiting += x
        elif not isinstance(x, Node) or x.op is None:
            return False
        elif x.op is sigmoid:
            found = True
        elif x.op.name in MOVING:
            waiting += x.inputs
        else:
            return False
    return found
