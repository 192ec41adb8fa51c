"""Arrays, and dicts of them, whose first axes count the same samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...autograd import ShapeError

__all__ = ["as_samples", "taken", "taker"]


def as_samples(arrays: tuple[Any, ...], what: str) -> tuple[list[Any], int]:
    """Arrays, and dicts of arrays, and the number of samples, which is the same in all of them."""
    try:
        made: list[Any] = [
            {key: np.asarray(each) for key, each in x.items()} if isinstance(x, Mapping) else np.asarray(x)
            for x in arrays
        ]
    except ValueError:
        raise ShapeError(
            f"{what} takes arrays, one argument each, as in {what}(X, y); given a list or tuple whose entries are of "
            f"different shapes, or arrays in one tuple"
        ) from None
    shapes = [each.shape for x in made for each in (x.values() if isinstance(x, dict) else [x])]
    if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
        raise ShapeError(
            f"{what} takes arrays with one entry for each sample, such as one target for each row of X; given "
            f"{'nothing' if not shapes else 'the shapes ' + ', '.join(map(str, shapes))}. "
            f"The first axes have to be of one length"
        )
    return made, shapes[0][0]


def taken(x: Any, chosen: Any) -> Any:
    """The chosen samples of an array, or of all arrays in a dict."""
    if isinstance(x, dict):
        return {key: taken(each, chosen) for key, each in x.items()}
    return taker(x)(chosen, 0) if chosen.__class__ is np.ndarray else x[chosen]


def taker(x: Any) -> Callable[[np.ndarray, int], Any]:
    """A function `(chosen, 0)` that gives the samples of `x` with these numbers, to be called many times."""
    if isinstance(x, dict):
        return lambda chosen, axis: {key: taken(each, chosen) for key, each in x.items()}
    # of 32 rows of 64 numbers in 0.3 us, where x[chosen] takes 1.1 us
    return x.take if x.flags.c_contiguous else lambda chosen, axis: x[chosen]
