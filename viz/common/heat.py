"""The pattern of an array as a small heat map: where its large and its small elements are."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["Heat", "heat"]

Heat: TypeAlias = tuple[tuple[int, ...], ...]

SIDE = 16  # rows and columns at most; larger arrays are averaged over blocks
LEVELS = 8


def heat(array: Any) -> Heat | None:
    """Rows of shades from 0, the smallest element, to `LEVELS - 1`, the largest; -1 for an element that is not finite.

    An array of three or more axes is flattened to rows along its last axis. `None` for a single number, and for an
    array without different finite elements.

    >>> heat(np.arange(8.0))
    ((0, 1, 2, 3, 4, 5, 6, 7),)
    """
    if array is None or np.ndim(array) == 0 or np.size(array) < 2:
        return None
    rows = np.asarray(array, dtype=np.float64).reshape(-1, np.shape(array)[-1])
    rows = _blocks(_blocks(rows, 0), 1)
    finite = np.isfinite(rows)
    if not finite.any():
        return None
    low, high = rows[finite].min(), rows[finite].max()
    with np.errstate(all="ignore"):
        spread = high - low
        scaled = (rows - low) / spread * LEVELS
    if not 0 < spread < np.inf:
        return None
    levels = np.where(finite, np.clip(scaled, 0, LEVELS - 1), -1).astype(int)
    return tuple(map(tuple, levels.tolist()))


def _blocks(rows: Any, axis: int) -> Any:
    """At most `SIDE` elements along `axis`, each the mean of a block of neighbours."""
    n = rows.shape[axis]
    if n <= SIDE:
        return rows
    starts = np.arange(SIDE) * n // SIDE
    counts = np.diff(np.append(starts, n))
    with np.errstate(all="ignore"):
        return np.add.reduceat(rows, starts, axis) / (counts[:, None] if axis == 0 else counts)
