"""The pattern of an array as a small heat map: where its large and its small elements are, and on which side of 0."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

__all__ = ["LEVELS", "Heat", "heat"]

Heat: TypeAlias = tuple[tuple[int | None, ...], ...]

SIDE = 16  # rows and columns at most; in a larger array a cell stands for a block of neighbours
LEVELS = 8


def heat(array: Any) -> Heat | None:
    """Rows of shades from `-LEVELS` to `LEVELS`: `LEVELS` for the largest magnitude, with the sign of the element.

    The shade is proportional to the element, and rounded away from 0, so that only 0 has the shade 0; `None` stands
    for an element that is not finite. A cell of a larger array has the shade of the element of its block with the
    largest magnitude, so that the shades have the range of the elements. An array of three or more axes is flattened
    to rows along its last axis. `None` for a single number, and for an array without different finite elements.

    >>> heat(np.array([-2.0, -0.1, 0.0, 1.0, np.nan]))
    ((-8, -1, 0, 4, None),)
    """
    if array is None or np.ndim(array) == 0 or np.size(array) < 2:
        return None
    rows = np.asarray(array, dtype=np.float64).reshape(-1, np.shape(array)[-1])
    rows = _largest(_largest(rows, 0), 1)
    finite = np.isfinite(rows)
    some = rows[finite]
    most = np.abs(some).max(initial=0.0)
    if most == 0 or (some == some[0]).all():
        return None
    part = np.where(finite, rows, 0.0) / most
    levels = np.sign(part) * np.ceil(np.abs(part) * LEVELS * (1 - 1e-12))
    return tuple(
        tuple(int(x) if ok else None for x, ok in zip(*row)) for row in zip(levels.tolist(), finite.tolist())
    )


def _largest(rows: Any, axis: int) -> Any:
    """At most `SIDE` elements along `axis`, each of its block the one farthest from 0; NaN if one is not finite."""
    n = rows.shape[axis]
    if n <= SIDE:
        return rows
    starts = np.arange(SIDE) * n // SIDE
    clean = np.where(np.isfinite(rows), rows, np.nan)
    high, low = np.maximum.reduceat(clean, starts, axis), np.minimum.reduceat(clean, starts, axis)
    return np.where(high >= -low, high, low)
