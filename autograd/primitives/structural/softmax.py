"""The logarithm of a sum of exponentials, along axes, and softmax, its gradient."""

from __future__ import annotations

import math
from typing import Any

from ...engine.operators import where
from ...engine.table import Primitive, structural
from ..elementwise.choosing import equal
from ..elementwise.elementary import exp
from ..elementwise.float16 import float32_rule, in_float32
from ..elementwise.shifted import _logsumexp, kept_shape, shifted_exp
from .reductions import spread, sum_
from .shapes import reshape

INF = math.inf


def _softmax(x: Any, axis: tuple[int, ...]) -> Any:
    e, _, _ = shifted_exp(x, axis)
    return e / e.sum(axis, keepdims=True)


def _log_softmax(x: Any, axis: tuple[int, ...]) -> Any:
    return x - _logsumexp(x, axis, keepdims=True)


def _logsumexp_back(g: Any, y: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    nothing = equal(
        reshape(y, shape=kept_shape(x.shape, axis)), -INF
    )  # all elements are -inf: the gradient is 0
    return spread(g, x, axis) * where(nothing, 0, softmax(x, axis=axis))


def _along(x: Any, axis: tuple[int, ...]) -> Any:
    return sum_(x, axis=axis, keepdims=True)


logsumexp = structural("logsumexp", in_float32(_logsumexp), [float32_rule("logsumexp", _logsumexp_back)])
softmax: Primitive = structural(
    "softmax",
    in_float32(_softmax),
    [float32_rule("softmax", lambda g, y, x, axis: y * (g - _along(g * y, axis)))],
)
log_softmax = structural(
    "log_softmax",
    in_float32(_log_softmax),
    [float32_rule("log_softmax", lambda g, y, x, axis: g - exp(y) * _along(g, axis))],
)
