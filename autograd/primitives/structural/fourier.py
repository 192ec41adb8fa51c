"""The discrete Fourier transform of real numbers along the last axis, and its inverse.

A spectrum is an array of real numbers: its first axis has the real parts, then the imaginary parts. The spectrum of n
real numbers is symmetric, so that n // 2 + 1 frequencies determine the others. Both rows are linear. The gradient of
each is the other row, in which a frequency that stands for two of the full spectrum counts twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...engine.table import Primitive, structural
from ..elementwise.float16 import in_float32


def _counts(n: int, dtype: Any) -> Any:
    """For how many of the n frequencies each of the n // 2 + 1 stands."""
    counts = np.full(n // 2 + 1, 2, dtype)
    counts[0] = 1
    counts[n // 2] -= n % 2 == 0
    return counts


def _rfft(x: Any) -> Any:
    spectrum = np.fft.rfft(x)
    return np.stack([spectrum.real, spectrum.imag])


def _irfft(spectrum: Any, n: int) -> Any:
    return np.fft.irfft(spectrum[0] + 1j * spectrum[1], n)


def _rfft_back(g: Any, y: Any, x: Any) -> Any:
    n = x.shape[-1]
    return irfft(g / _counts(n, g.dtype), n=n) * n


def _irfft_back(g: Any, y: Any, spectrum: Any, n: int) -> Any:
    return rfft(g) * (_counts(n, g.dtype) / n)


rfft: Primitive = structural("rfft", in_float32(_rfft), [_rfft_back], linear="together")
irfft: Primitive = structural("irfft", in_float32(_irfft), [_irfft_back], linear="together")
