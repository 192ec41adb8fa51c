"""Activations of networks, and the logarithm of a sum of exponentials, of which they are made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import elementwise
from .choosing import _maximum, equal, greater, minimum
from .elementary import exp
from .float16 import float32_rule

INF = math.inf
PI = math.pi


def _logaddexp(a: float, b: float) -> float:
    return _maximum(a, b) + (math.log1p(math.exp(-abs(a - b))) if math.isfinite(a - b) else 0.0)


def _share_of_exp(y: Any, more: Any) -> Any:
    """exp(a - y) as sigmoid(a - b), which does not magnify the rounding of y; 0 where both inputs are -inf."""
    return where(equal(y, -INF), 0, sigmoid(more))


logaddexp = elementwise(
    "logaddexp",
    _logaddexp,
    np.logaddexp,
    [
        float32_rule("logaddexp", lambda y, a, b: _share_of_exp(y, a - b)),
        float32_rule("logaddexp", lambda y, a, b: _share_of_exp(y, b - a)),
    ],
)


def _logaddexp2(a: float, b: float) -> float:
    return _maximum(a, b) + (math.log1p(2.0 ** -abs(a - b)) / math.log(2) if math.isfinite(a - b) else 0.0)


logaddexp2 = elementwise(
    "logaddexp2",
    _logaddexp2,
    np.logaddexp2,
    [
        float32_rule("logaddexp2", lambda y, a, b: _share_of_exp(y, (a - b) * math.log(2))),
        float32_rule("logaddexp2", lambda y, a, b: _share_of_exp(y, (b - a) * math.log(2))),
    ],
)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _sigmoid_of_arrays(x: Any) -> Any:
    e = np.exp(-np.absolute(x))  # at most 1, so it never overflows
    return np.maximum(e, x >= 0) / (1 + e)


def _relu(x: float) -> float:
    return x if x > 0 or x != x else 0.0


def _relu_of_arrays(x: Any) -> Any:
    return np.maximum(x, 0)


def _leaky_relu(x: float, slope: float) -> float:
    return x if x > 0 else slope * x


def _leaky_relu_of_arrays(x: Any, slope: float) -> Any:
    return np.where(x > 0, x, slope * x)


def _elu(x: float, alpha: float) -> float:
    return x if x > 0 else alpha * math.expm1(x)


def _elu_of_arrays(x: Any, alpha: float) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _softplus_of_arrays(x: Any) -> Any:
    return np.logaddexp(x, 0)


def _silu(x: float) -> float:
    return x * _sigmoid(x)


def _silu_of_arrays(x: Any) -> Any:
    return x * _sigmoid_of_arrays(x)


def _erf_of_arrays(x: Any) -> Any:
    dtype = np.result_type(x, np.float16)
    return np.frompyfunc(math.erf, 1, 1)(x).astype(dtype) if np.ndim(x) else dtype.type(math.erf(x))


def _normal_cdf(x: Any) -> Any:
    return 0.5 * (1 + erf(x / math.sqrt(2)))


def _normal_pdf(x: Any) -> Any:
    return exp(-0.5 * x * x) / math.sqrt(2 * PI)


def _gelu(x: Any) -> Any:
    return _normal_cdf(x) * x


sigmoid = elementwise("sigmoid", _sigmoid, _sigmoid_of_arrays, [lambda y, x: y * (1 - y)])
relu = elementwise("relu", _relu, _relu_of_arrays, [lambda y, x: greater(x, 0)])
leaky_relu = elementwise(
    "leaky_relu",
    _leaky_relu,
    _leaky_relu_of_arrays,
    [lambda y, x, slope: where(greater(x, 0), 1, slope)],
)
elu = elementwise(
    "elu",
    _elu,
    _elu_of_arrays,
    [lambda y, x, alpha: where(greater(x, 0), 1, alpha * exp(minimum(x, 0)))],
)
softplus = elementwise("softplus", _softplus, _softplus_of_arrays, [lambda y, x: sigmoid(x)])
silu = elementwise("silu", _silu, _silu_of_arrays, [lambda y, x: sigmoid(x) * (1 + x * (1 - sigmoid(x)))])
erf = elementwise("erf", math.erf, _erf_of_arrays, [lambda y, x: 2 / math.sqrt(PI) * exp(-x * x)])
gelu = elementwise("gelu", _gelu, _gelu, [lambda y, x: _normal_cdf(x) + x * _normal_pdf(x)])
