"""Losses: the error of a prediction as one number, the start of the backward pass.

Each takes `(prediction, target)` and a `reduction`: "mean", "sum" or "none" (one loss for each element, or for each
sample where a loss is about a whole row). Predictions are Tensors; the losses that compare element by element also
take a `Value`, or a list of them. Targets are plain arrays or numbers, or nodes. All are stable for extreme inputs.

Read `regression.py`, `two_classes.py` and `many_classes.py`; `reduction.py`, `pairs.py`, `probabilities.py` and
`targets.py` are what they share, `class_rows.py` and `weighted.py` the rows of the table behind the cross-entropy.
`divergence.py` and `penalties.py` are independent; `modules.py` has the losses as modules. It imports `base` and
`data`.
"""

from ...autograd.extending import named_in as _named_in
from .divergence import kl_div
from .many_classes import cross_entropy, nll_loss
from .modules import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from .regression import half_squared_error, huber_loss, l1_loss, mse_loss, smooth_l1_loss
from .two_classes import binary_cross_entropy, binary_cross_entropy_with_logits, hinge_loss

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "half_squared_error",
    "hinge_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]

__getattr__ = _named_in(globals(), "losses")
