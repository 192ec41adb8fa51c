"""Elementwise functions of NumPy made of rows: rounding, NaN and infinity, interpolation."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import functions as f
from .. import primitives as p
from ..functions.arguments import arrays_only, plain

__all__ = ["ELEMENTWISE"]


def _round(a: Any, decimals: int = 0) -> Any:
    return p.rint(a * 10.0**decimals) / 10.0**decimals if decimals else p.rint(a)


def _nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    data = plain(x)
    return f.where(np.isfinite(data), x, np.nan_to_num(data, nan=nan, posinf=posinf, neginf=neginf))


def _ignoring_nan(choose: Any) -> Callable[[Any, Any], Any]:
    def chosen(x1: Any, x2: Any) -> Any:
        a, b = np.isnan(plain(x1)), np.isnan(plain(x2))
        return choose(f.where(a & ~b, x2, x1), f.where(b & ~a, x1, x2))

    return chosen


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None) -> Any:
    """Linear between the points, which differentiates by all three; constant beyond the first and the last."""
    x, xp, fp = (arrays_only(a, "interp") for a in (x, xp, fp))
    at, known = plain(x), plain(xp)
    i = np.clip(np.searchsorted(known, at, side="right") - 1, 0, builtins.max(len(known) - 2, 0))
    j = np.minimum(i + 1, len(known) - 1)
    width = f.where(known[j] > known[i], xp[j] - xp[i], 1.0)
    y = fp[i] + f.clip((x - xp[i]) / width, 0, 1) * (fp[j] - fp[i])
    y = y if left is None else f.where(at < known[0], left, y)
    return y if right is None else f.where(at > known[-1], right, y)


ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "round": _round,
    "around": _round,
    "reciprocal": lambda x: 1.0 / x,
    "fabs": p.absolute,
    "float_power": p.power,
    "exp2": lambda x: 2.0**x,
    "logaddexp2": lambda x1, x2: p.logaddexp(x1 * math.log(2), x2 * math.log(2)) / math.log(2),
    "ceil": lambda x: -p.floor(-x),
    "trunc": lambda x: p.sign(x) * p.floor(p.absolute(x)),
    "fix": lambda x: p.sign(x) * p.floor(p.absolute(x)),
    **dict.fromkeys(["deg2rad", "radians"], lambda x: x * (math.pi / 180)),
    **dict.fromkeys(["rad2deg", "degrees"], lambda x: x * (180 / math.pi)),
    "fmax": _ignoring_nan(p.maximum),
    "fmin": _ignoring_nan(p.minimum),
    "copysign": lambda x1, x2: p.absolute(x1) * np.copysign(1, plain(x2)),
    "heaviside": lambda x1, x2: f.where(np.asarray(plain(x1)) == 0, x2, (p.sign(x1) + 1) / 2),
    "nan_to_num": _nan_to_num,
    "interp": _interp,
    "copy": lambda a: p.positive(a),
    "real": lambda val: p.positive(val),
    "conjugate": lambda x: p.positive(x),
    "imag": lambda val: np.zeros_like(plain(val)),
    "unwrap": lambda p, discont=None, axis=-1: p + (np.unwrap(plain(p), discont, axis) - plain(p)),
}
