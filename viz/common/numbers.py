"""How numbers are written: short, the same everywhere, NaN and infinity always visible.

Pictures, logs and pages all use these functions, so that a number is written in one way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Summary", "brief", "number", "summarise"]

DIGITS = 4  # significant ones that are shown by default
FEW, SIDE = 6, 4  # an array of at most so many elements, or a matrix of at most 4 by 4, is written out
ALL_DIGITS = 17  # enough to distinguish any two floats


def number(x: Any, digits: int = DIGITS) -> str:
    """One number with about `digits` significant digits; whole numbers below ten million in full.

    The sign of a zero is written only with 17 digits or more.

    >>> [number(x) for x in (0.88137, -6.0, 138.8338, 12345.678, 1e10, 1e-300)]
    ['0.8814', '-6', '138.8', '12346', '1e10', '1e-300']
    >>> [number(x) for x in (0.0, -0.0, float("nan"), float("-inf"), True)]
    ['0', '0', 'nan', '-inf', 'True']
    """
    if isinstance(x, (bool, np.bool_)):
        return str(bool(x))
    x = float(x)
    if not math.isfinite(x):
        return str(x)
    if x == 0:
        return "-0" if digits >= ALL_DIGITS and math.copysign(1, x) < 0 else "0"
    if x.is_integer() and abs(x) < 1e7:
        return str(int(x))
    mantissa, exponent = f"{x:.{max(digits, 1) - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < 6:
        return _trimmed(f"{x:.{max(digits - 1 - power, 0)}f}")
    return f"{_trimmed(mantissa)}e{power}"


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class Summary:
    """Statistics of an array, shown in place of its elements; computed from the finite ones only.

    Attributes:
        shape, dtype: of the array.
        mean, deviation, low, high: of its finite elements; `None` if it has none.
        nans, infinities: how many elements are NaN, how many are infinite.
        elements: the elements of a small array; otherwise `None`.
    """

    shape: tuple[int, ...]
    dtype: str
    mean: float | None
    deviation: float | None
    low: float | None
    high: float | None
    nans: int
    infinities: int
    elements: Any = None

    def centre(self, digits: int = DIGITS) -> str:
        """Mean and standard deviation, as in `mean 0.1 ± 0.9`, or `all 0.5`.

        A mean below the rounding error of the elements is written 0: gradients that cancel leave 1e-20, which is noise.
        """
        if self.mean is None or self.deviation is None:
            return "no finite element" if self.nans or self.infinities else "empty"
        if self.low == self.high:
            return f"all {number(self.low, digits)}"
        if self.dtype == "bool":
            size = math.prod(self.shape)
            return f"{round(self.mean * size):,} of {size:,} true"
        if not self.is_measured:
            return f"{number(self.low, digits)} … {number(self.high, digits)}"
        mean = 0.0 if abs(self.mean) < self.rounding() else self.mean
        return f"mean {number(mean, digits)} ± {number(self.deviation, digits)}"

    @property
    def is_measured(self) -> bool:
        """Whether the elements are floating numbers: of labels and indices a mean says nothing."""
        return np.dtype(self.dtype).kind not in "iub"

    def rounding(self) -> float:
        """The rounding error of the largest element, from its dtype."""
        dtype = np.dtype(self.dtype)
        eps = float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0
        return eps * max(abs(self.low or 0.0), abs(self.high or 0.0))

    def range(self, digits: int = DIGITS) -> str:
        """The smallest and the largest element, as in `-1.5 … 2`; empty if they are equal or no floating numbers."""
        if self.low is None or self.high is None or self.low == self.high or not self.is_measured:
            return ""
        return f"{number(self.low, digits)} … {number(self.high, digits)}"

    def trouble(self) -> str:
        """How many elements are not finite, as in `3 nan, 1 inf`; empty if all are finite."""
        counts = [(self.nans, "nan"), (self.infinities, "inf")]
        return ", ".join(f"{count:,} {what}" for count, what in counts if count)

    def text(self, digits: int = DIGITS) -> str:
        """The whole summary in one line; for a small array its elements."""
        if self.elements is not None and math.prod(self.shape) <= FEW:
            return nested(self.elements, digits)
        parts = [self.centre(digits), self.range(digits), self.trouble()]
        return f"{self.shape} {', '.join(part for part in parts if part)}"


def summarise(array: Any) -> Summary:
    """The summary of an array of any dtype, computed in float64 from its finite elements.

    >>> s = summarise(np.arange(8.0))
    >>> s.shape, s.dtype, s.low, s.high
    ((8,), 'float64', 0.0, 7.0)
    >>> print(s.text())
    (8,) mean 3.5 ± 2.291, 0 … 7
    """
    array = np.asarray(array)
    finite = np.isfinite(array)
    some = array[finite].astype(np.float64)
    is_small = array.size <= FEW or (array.ndim == 2 and max(array.shape) <= SIDE)
    few = array.tolist() if is_small and array.ndim <= 2 else None
    nans = int(np.isnan(array).sum())
    infinities = array.size - int(finite.sum()) - nans
    if not some.size:
        return Summary(array.shape, str(array.dtype), None, None, None, None, nans, infinities, few)
    with np.errstate(all="ignore"):
        mean, deviation = float(some.mean()), float(some.std())
    low, high = float(some.min()), float(some.max())
    return Summary(array.shape, str(array.dtype), mean, deviation, low, high, nans, infinities, few)


def brief(x: Any, digits: int = DIGITS) -> str:
    """A number, a short array written out, or the summary of a long one, in one line.

    >>> brief(0.5), brief(np.array([0.5, -1.0])), brief(np.zeros((2, 8)))
    ('0.5', '[0.5, -1]', '(2, 8) all 0')
    """
    return number(x, digits) if np.ndim(x) == 0 else summarise(x).text(digits)


def nested(elements: Any, digits: int = DIGITS) -> str:
    """Nested lists of numbers as text, `[[1, 0.5], [2, 3]]`."""
    if isinstance(elements, list):
        return f"[{', '.join(nested(x, digits) for x in elements)}]"
    return number(elements, digits)
