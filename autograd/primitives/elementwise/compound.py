"""Compound scalar nodes: one row for a whole sum, product or extreme of many numbers.

A rule for any number of inputs has the position of the input as its first argument. It may have an attribute `every`,
which gives all local gradients at once: n rules that each read n inputs would take n * n steps.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ...engine.operators import where
from ...engine.table import elementwise
from .choosing import equal, maximum, ties
from .elementary import exp
from .shifted import _logsumexp

INF = math.inf


def _inner_product(*inputs: Any) -> Any:
    half = len(inputs) // 2
    return sum(map(operator.mul, inputs[:half], inputs[half:]))


def _other_factors(y: Any, *inputs: Any) -> Any:
    half = len(inputs) // 2
    return [*inputs[half:], *inputs[:half]]


def _other_factor(i: int, y: Any, *inputs: Any) -> Any:
    half = len(inputs) // 2
    return inputs[i + half] if i < half else inputs[i - half]


_other_factor.every = _other_factors  # type: ignore[attr-defined]
dot_ = elementwise("dot", _inner_product, _inner_product, _other_factor)


def _largest_of(*xs: float) -> float:
    return next((x for x in xs if x != x), max(xs))  # NaN if one of them is NaN


def _smallest_of(*xs: float) -> float:
    return next((x for x in xs if x != x), min(xs))


def _largest_of_arrays(*xs: Any) -> Any:
    return np.stack(np.broadcast_arrays(*xs)).max(0)


def _smallest_of_arrays(*xs: Any) -> Any:
    return np.stack(np.broadcast_arrays(*xs)).min(0)


def _even_shares(y: Any, *xs: Any) -> Any:
    count = maximum(ties(y, *xs), 1)  # 0 beside NaN
    return [equal(x, y) / count for x in xs]


def _even_share(i: int, y: Any, *xs: Any) -> Any:
    return equal(xs[i], y) / maximum(ties(y, *xs), 1)


_even_share.every = _even_shares  # type: ignore[attr-defined]
largest = elementwise("largest", _largest_of, _largest_of_arrays, _even_share)
smallest = elementwise("smallest", _smallest_of, _smallest_of_arrays, _even_share)


def _one(i: int, y: Any, *xs: Any) -> Any:
    return 1


def _total(*xs: Any) -> Any:
    return sum(xs)


_one.every = lambda y, *xs: [1] * len(xs)  # type: ignore[attr-defined]
total = elementwise("total", _total, _total, _one)


def _log_total_exp(*xs: float) -> float:
    top = _largest_of(*xs)
    return top + math.log(sum(math.exp(x - top) for x in xs)) if math.isfinite(top) else top


def _log_total_exp_of_arrays(*xs: Any) -> Any:
    return _logsumexp(np.stack(np.broadcast_arrays(*xs)), (0,), keepdims=False)


def _softmax_share(i: int, y: Any, *xs: Any) -> Any:
    return exp(xs[i] - where(equal(y, -INF), 0, y))


def _softmax_shares(y: Any, *xs: Any) -> Any:
    finite = where(equal(y, -INF), 0, y)
    return [exp(x - finite) for x in xs]


_softmax_share.every = _softmax_shares  # type: ignore[attr-defined]
logtotalexp = elementwise("logtotalexp", _log_total_exp, _log_total_exp_of_arrays, _softmax_share)
