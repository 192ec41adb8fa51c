"""The sizes of a signal and of its gradient in a deep network before training, for any initialiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ... import autograd
from ...autograd import KindError, RangeError, Tensor
from ...autograd.extending import spelt
from ..base.arguments import checked_factor, whole_number
from .seeds import Seed, generator

__all__ = ["spread_by_layer"]


@spelt
def spread_by_layer(
    weight_init: Callable[..., np.ndarray],
    activation: str = "relu",
    *,
    layers: int = 50,
    width: int | Sequence[int] = 100,
    samples: int = 50,
    input_std: float = 1.0,
    seed: Seed = 0,
    **options: Any,
) -> dict[str, list[float]]:
    """The mean squares of a signal and of its gradient in a deep network before training, layer by layer.

    The network has `layers` linear layers of `width` units, each with weights from `weight_init(shape, **options)` and
    followed by the activation of this name (or "linear"). A sequence `width` has the number of inputs and then that of
    the units of each layer, and `layers` is its length less 1. The input are normal numbers with standard deviation
    `input_std`; the gradient at the output are normal numbers. Returns the mean square of the output of each layer,
    "activations", and of the gradient with respect to it, "gradients", from the first layer to the last. Both are
    constant where the initialiser suits the activation.

    Forward, a linear layer multiplies the mean square by `fan_in` times the variance of its weights, backward by
    `fan_out` times it. Where the two differ no variance keeps both, and Glorot's is a compromise.

    He's weights keep both with ReLU, Glorot's with linear layers, and with tanh while the signal is small, where tanh
    is linear. Signals near 1 become smaller in each layer of tanh.

    >>> from chainrule.nn import init
    >>> kept = init.spread_by_layer(init.he_normal, "relu")["activations"]
    >>> grown = init.spread_by_layer(init.normal, "relu", std=0.1**0.5)["activations"]  # a variance of 0.1
    >>> 0.1 < kept[-1] / kept[0] < 10, grown[-1] / grown[0] > 1e30
    (True, True)
    """
    if not callable(weight_init):
        raise KindError(
            f"spread_by_layer takes an initialiser, such as nn.init.he_normal; given {weight_init!r:.40}"
        )
    rng = generator(seed)
    apply = None
    if isinstance(activation, str):
        apply = getattr(autograd, activation, None) if activation != "linear" else lambda x: x
    if not callable(apply):
        raise RangeError(
            f"there is no activation {activation!r}; take a name such as 'relu', 'tanh' or 'linear'"
        )
    given = (
        list(width) if isinstance(width, (list, tuple)) else [width] * (whole_number(layers, "layers") + 1)
    )
    widths = [whole_number(each, "the width of a layer") for each in given]
    samples, input_std = whole_number(samples, "samples"), checked_factor("input_std", input_std)
    x, outputs = Tensor(input_std * rng.standard_normal((samples, widths[0]))), []
    for shape in pairwise(widths):
        weight = weight_init(shape, seed=rng, **options)
        x = apply(x @ weight)
        outputs.append(x)
    x.backward(rng.standard_normal(x.shape))
    return {
        "activations": [float(np.square(y.data).mean()) for y in outputs],
        "gradients": [float(np.square(y.grad).mean()) for y in outputs],
    }
