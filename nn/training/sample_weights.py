"""Weights of samples: a loss and scores that count each sample by its weight.

The target of a batch is then a dict with the targets, `"y"`, and the weights, `"weight"`. A weight is a number of
copies: the loss of a batch is the mean over the copies, so that a weight of 2 has the effect of a repeated sample, and
a weight of 0 that of a sample that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ...autograd import mean, sum

__all__ = ["r2", "right_shares", "weighted_loss", "weighted_score"]


def weighted_loss(loss: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """`sum w l / sum w` over the samples of a batch, where `l` is the loss of a sample, the mean over its outputs."""

    @wraps(loss)
    def weighted(prediction: Any, target: dict[str, Any]) -> Any:
        losses, weight = loss(prediction, target["y"], reduction="none"), target["weight"]
        if losses.ndim > 1:
            losses = mean(losses, axis=1)
        return sum(losses * weight) / sum(weight)

    return weighted


def weighted_score(score: Callable[..., float]) -> Callable[[Any, Any], float]:
    """`score(prediction, y, weight)` as a metric; without weights it is called with `None`."""

    def metric(prediction: Any, target: Any) -> float:
        y, weight = (target["y"], target["weight"]) if isinstance(target, dict) else (target, None)
        return score(prediction.data, y, weight)

    return metric


def right_shares(scores: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
    """The accuracy: the weighted share of samples whose highest score is that of their class."""
    return float(np.average(scores.argmax(1) == y, weights=weight))


def r2(prediction: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
    """The coefficient of determination over all outputs together; 0 where the targets are all equal."""
    w = np.ones((len(y), 1)) if weight is None else weight[:, None]
    residual = (w * (prediction - y) ** 2).sum()
    spread = (w * (y - np.average(y, axis=0, weights=w[:, 0])) ** 2).sum()
    return float(1 - residual / spread) if spread else 0.0
