"""Losses as modules, with their options given once: `nn.CrossEntropyLoss(weight=w)(logits, target)`.

Each is the function of the same name, which has the options and the formula; see there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from ...autograd import Tensor
from ...autograd.extending import refuse_keywords
from ..base.module import Module
from .divergence import kl_div
from .many_classes import cross_entropy, nll_loss
from .regression import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from .two_classes import binary_cross_entropy, binary_cross_entropy_with_logits

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
]


class Loss(Module):
    """A module that applies one function of a prediction and a target, with `options`.

    Raises `KindError` for an option that the function does not have.

    >>> from chainrule.autograd import Tensor
    >>> from chainrule.nn import CrossEntropyLoss, MSELoss
    >>> MSELoss()(Tensor([1.0, 4.0]), [1.0, 2.0])
    Tensor(2.)
    >>> CrossEntropyLoss(label_smoothing=0.1)
    CrossEntropyLoss(label_smoothing=0.1)
    """

    function: ClassVar[Callable[..., Any]]

    def __init__(self, **options: Any) -> None:
        own = [*inspect.signature(type(self).function).parameters][2:]
        refuse_keywords(type(self).__name__, options.keys() - own, own)
        self.options = options

    if TYPE_CHECKING:

        def __call__(self, prediction: Any, target: Any) -> Tensor: ...

    def forward(self, prediction: Any, target: Any) -> Any:
        """The loss: one number, or one for each sample with `reduction="none"`."""
        return type(self).function(prediction, target, **self.options)

    def extra_repr(self) -> str:
        """The options."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class MSELoss(Loss):
    """The module of `mse_loss`."""

    function = staticmethod(mse_loss)


class L1Loss(Loss):
    """The module of `l1_loss`."""

    function = staticmethod(l1_loss)


class HuberLoss(Loss):
    """The module of `huber_loss`."""

    function = staticmethod(huber_loss)


class SmoothL1Loss(Loss):
    """The module of `smooth_l1_loss`."""

    function = staticmethod(smooth_l1_loss)


class CrossEntropyLoss(Loss):
    """The module of `cross_entropy`."""

    function = staticmethod(cross_entropy)


class NLLLoss(Loss):
    """The module of `nll_loss`."""

    function = staticmethod(nll_loss)


class KLDivLoss(Loss):
    """The module of `kl_div`."""

    function = staticmethod(kl_div)


class BCELoss(Loss):
    """The module of `binary_cross_entropy`."""

    function = staticmethod(binary_cross_entropy)


class BCEWithLogitsLoss(Loss):
    """The module of `binary_cross_entropy_with_logits`."""

    function = staticmethod(binary_cross_entropy_with_logits)
