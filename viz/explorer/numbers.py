"""The elements of arrays for a page: all of an array that is not too large, of a larger one means of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Numbers", "numbers_of"]

MOST = 4096  # elements of an array that a page holds
SIDE = 48  # rows and columns of means for a larger array
DIGITS = 5  # significant ones


@dataclass(frozen=True)
class Numbers:
    """The elements of an array as rows; axes before the last are flattened to rows.

    Attributes:
        shape: of the array.
        elements: two axes; means of blocks of neighbours, if there are too many elements.
        whole: whether it has all elements.
    """

    shape: tuple[int, ...]
    elements: np.ndarray
    whole: bool

    def limited(self, most: int) -> Numbers:
        """The same with at most so many elements."""
        if self.elements.size <= most:
            return self
        side = int(most**0.5)
        return Numbers(self.shape, _means(_means(self.elements, 0, side), 1, side), False)

    def data(self) -> dict[str, Any]:
        """As data for JSON, with five significant digits; NaN and infinity are texts."""
        rows = [[_rounded(x) for x in row] for row in self.elements.tolist()]
        return {"shape": list(self.shape), "rows": rows, "whole": self.whole}


def numbers_of(arrays: Sequence[Any], room: int) -> Numbers | None:
    """The elements of an array, or of several of one shape as rows; `None` for a number, and if there is no room.

    >>> numbers_of([np.array([1.0, 2.0]), np.array([3.0, 4.0])], 100).elements.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    numbers = all(type(each) is float for each in arrays)  # of a stack of Values, of which there may be many
    if not numbers and (
        any(each is None for each in arrays) or len({np.shape(each) for each in arrays}) != 1
    ):
        return None
    size = len(arrays) * np.size(arrays[0])
    if size < 2 or min(size, SIDE * SIDE) > room:
        return None
    together = np.asarray(arrays[0] if len(arrays) == 1 else arrays)
    rows = together.reshape(-1, together.shape[-1])
    if size <= min(MOST, room):
        return Numbers(together.shape, rows.copy(), True)
    return Numbers(together.shape, _means(_means(rows, 0, SIDE), 1, SIDE), False)


def _means(rows: np.ndarray, axis: int, most: int) -> np.ndarray:
    """At most so many elements along `axis`, each the mean of a block of neighbours."""
    n = rows.shape[axis]
    if n <= most:
        return rows
    starts = np.arange(most) * n // most
    counts = np.diff(starts, append=n)
    with np.errstate(all="ignore"):
        return np.add.reduceat(rows, starts, axis, np.float64) / (counts[:, None] if axis == 0 else counts)


def _rounded(x: Any) -> Any:
    if isinstance(x, (bool, int)):
        return int(x)
    return float(f"{x:.{DIGITS}g}") if np.isfinite(x) else str(x)
