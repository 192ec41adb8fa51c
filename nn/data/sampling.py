"""Classes drawn at random from probabilities, as a language model draws its next letter."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.extending import describe, numbers, spelt
from ..base.arguments import array_of
from ..init.seeds import Seed, generator

__all__ = ["sample"]


@spelt
def sample(probabilities: Any, seed: Seed = None) -> Any:
    """Draw one class for each row of probabilities: `(..., classes)` become `(...)` whole numbers.

    A single row `(classes,)` gives an int. The classes are along the last axis, and a class with probability 0 is never
    drawn. `seed` is a number or a generator of NumPy's, to go on drawing from; nothing is differentiated.

    Raises `RangeError` for numbers that are no probabilities, `ShapeError` for no class.

    >>> import numpy as np
    >>> from chainrule.autograd import softmax
    >>> from chainrule.nn import sample
    >>> sample(softmax(np.array([0.0, 50.0, 0.0])), seed=0)
    1
    >>> sample([[1.0, 0.0], [0.0, 1.0]], seed=0)
    array([0, 1])
    """
    p = array_of(numbers(probabilities))
    if p.dtype.kind not in "fiub":
        raise KindError(f"sample takes probabilities of classes; given {describe(probabilities)}")
    if not p.ndim or not p.shape[-1]:
        raise ShapeError(
            f"sample takes a probability for each class, along the last axis; given shape {p.shape}"
        )
    ends = np.cumsum(p, -1, dtype=np.float64)
    totals = ends[..., -1]
    if p.size and not (p.min() >= 0 and np.abs(totals - 1).max() < 1e-3):
        given = f"one of {p.min():g}" if p.min() < 0 else f"a row with the sum {_worst(totals):g}"
        raise RangeError(
            f"sample takes probabilities, none below 0 and with the sum 1 along the last axis; given {given}. Of "
            f"logits, write sample(softmax(logits))"
        )
    drawn = generator(seed).random(totals.shape) * totals
    classes = (ends > drawn[..., None]).argmax(-1)
    return int(classes) if p.ndim == 1 else classes


def _worst(totals: np.ndarray) -> float:
    return float(totals.flat[np.abs(totals - 1).argmax()])
