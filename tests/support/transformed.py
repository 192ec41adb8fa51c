"""Functions that the tests of transforms differentiate."""

from __future__ import annotations

import numpy as np

RANDOM = np.random.default_rng(7)


X = np.array([1.0, 2.0])
