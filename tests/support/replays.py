"""Numbers compared to 1e-12, for the tests of replays of Values."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np


def assert_same(found: Any, expected: Any, scale: float = 0.0) -> None:
    """Equal to 1e-12, relative to each number, or to `scale` where numbers come from sums that cancel."""
    for a, b in itertools.zip_longest(found, expected):
        a, b = (np.array(x, dtype=float) for x in (a, b))  # None becomes nan
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * scale)
