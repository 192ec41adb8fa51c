"""Elementwise functions of NumPy made of rows: rounding, NaN and infinity, interpolation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.node import describe, numbers
from ..engine.table import TABLE
from ..errors import KindError, RangeError, ShapeError
from ..functions.arguments import arrays_only, integer_of, number_of, one_axis, word_of

__all__ = ["ELEMENTWISE"]


def _round(a: Any, decimals: int = 0) -> Any:
    decimals = integer_of(decimals, "round", "decimals as an integer")
    if decimals < 0:
        return p.rint(a / 10.0**-decimals) * 10.0**-decimals
    return p.rint(a * 10.0**decimals) / 10.0**decimals if decimals else p.rint(a)


def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    if not copy:
        raise KindError("nan_to_num with copy=False would change its argument, and a tensor never changes")
    largest = np.finfo(getattr(x, "dtype", float)).max
    ends = {"nan": (nan, 0.0), "posinf": (posinf, largest), "neginf": (neginf, -largest)}
    options = {
        k: default if given is None else number_of(given, "nan_to_num", k)
        for k, (given, default) in ends.items()
    }
    return p.nan_to_num(x, **{k: np.asarray(number).item() for k, number in options.items()})


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Linear interpolation, differentiable in all three inputs; constant beyond the first and the last point."""
    x, xp, fp = (arrays_only(a, "interp") for a in (x, xp, fp))
    if xp.ndim != 1 or xp.shape != fp.shape or not xp.size:
        raise ShapeError(
            f"interp takes points as two vectors of one length, at least 1; given {describe(xp)} and {describe(fp)}"
        )
    ends = [None if y is None else number_of(y, "interp", "left and right") for y in (left, right)]
    if period is not None:
        period = abs(float(number_of(period, "interp", "period")))
        if not period:
            raise RangeError("interp takes a period other than 0")
    return p.interp(x, xp, fp, left=ends[0], right=ends[1], period=period)


def _unwrap(x: Any, discont: Any = None, axis: int = -1, period: Any = 2 * math.pi) -> Any:
    x, k = one_axis(x, axis, "unwrap", flat=False)
    jump = None if discont is None else float(number_of(discont, "unwrap", "discont"))
    return p.unwrap(x, discont=jump, axis=k, period=float(number_of(period, "unwrap", "period")))


def _copy(a: Any, order: str = "K") -> Any:
    word_of(order, ("C", "F", "A", "K"), "copy", "orders")
    return p.positive(a)


def _imag(val: Any) -> Any:
    return np.zeros_like(numbers(val))


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "round": _round,
    "around": _round,
    "reciprocal": lambda x: 1.0 / x,
    "fabs": p.absolute,
    "float_power": p.power,
    "exp2": lambda x: 2.0**x,
    "ceil": lambda x: -p.floor(-x),
    "fix": p.trunc,
    **dict.fromkeys(["deg2rad", "radians"], lambda x: x * (math.pi / 180)),
    **dict.fromkeys(["rad2deg", "degrees"], lambda x: x * (180 / math.pi)),
    **{name: TABLE[name] for name in ("copysign", "fmax", "fmin", "heaviside", "logaddexp2", "trunc")},
    "nan_to_num": _nan_to_num,
    "interp": _interp,
    "copy": _copy,
    "real": lambda val: p.positive(val),
    "conjugate": lambda x: p.positive(x),
    "imag": _imag,
    "unwrap": _unwrap,
}
