"""Metrics: numbers to be read beside the loss; they are not differentiated.

`accuracy.py` and `confusion.py` compare predicted with true classes. `thresholds.py` decides what a single score for
each sample means: a probability, or a logit. Read it first. This folder imports `base` and `losses`.
"""

from ...autograd.extending import named_in as _named_in
from .accuracy import accuracy
from .confusion import ConfusionMatrix, confusion_matrix
from .thresholds import decision_threshold

__all__ = ["ConfusionMatrix", "accuracy", "confusion_matrix", "decision_threshold"]

__getattr__ = _named_in(globals(), "metrics")
