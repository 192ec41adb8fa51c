"""Parts of a data set that share no sample: training and test, and the folds of cross-validation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.extending import describe, spelt
from ..base.arguments import flag
from ..init.seeds import Seed, generator
from .samples import as_samples, taken

__all__ = ["k_fold", "split"]


@spelt
def split(
    *arrays: Any,
    test_size: float = 0.2,
    validation_size: float = 0,
    seed: Seed = None,
    stratify: bool = False,
) -> tuple[Any, ...]:
    """Split samples at random into parts without common samples: `X_train, X_test, y_train, y_test`.

    `test_size` is a share of all samples (a float below 1) or their number (an int). With `validation_size`, the
    same, there are three parts: `X_train, X_validation, X_test, y_train, y_validation, y_test`. With
    `stratify` each class of the last array has the same share in all parts, to within one sample. More than
    two arrays, and dicts of arrays, are split in the same way.
    `chainrule.autograd.split` is another function: it divides a tensor along an axis.

    Raises `RangeError` if a part is empty, or a class has too few samples for all parts.

    >>> import numpy as np
    >>> from chainrule.nn import split
    >>> X, y = np.arange(20).reshape(10, 2), np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    >>> X_train, X_test, y_train, y_test = split(X, y, test_size=0.5, seed=0, stratify=True)
    >>> X_train.shape, int(y_train.sum()), int(y_test.sum())
    ((5, 2), 1, 1)
    >>> [len(part) for part in split(X, test_size=0.2, validation_size=3, seed=0)]
    [5, 3, 2]
    """
    made, n = as_samples(arrays, "split")
    stratify = _stratify(stratify)
    sizes = {
        "train": 0,
        "validation": _count(validation_size, n, "validation_size"),
        "test": _count(test_size, n, "test_size"),
    }
    sizes["train"] = n - sum(sizes.values())
    if not validation_size:
        del sizes["validation"]
    if min(sizes.values()) < 1:
        raise RangeError(
            f"test_size={test_size} and validation_size={validation_size} of {n} samples leave "
            f"{', '.join(f'{size} for {name}' for name, size in sizes.items())}; each part needs one at least"
        )
    rng = generator(seed)
    order = rng.permutation(n)
    if stratify:
        order = _by_class(order, made[-1], len(sizes))
    parts = []
    for size in list(sizes.values())[:0:-1]:  # test, then validation: evenly spaced samples of the rest
        at = (np.arange(size) + rng.random()) * len(order) / size if stratify else np.arange(size)
        chosen = np.zeros(len(order), bool)
        chosen[at.astype(int)] = True
        parts.append(rng.permutation(order[chosen]))
        order = order[~chosen]
    parts.append(rng.permutation(order))
    return tuple(taken(x, part) for x in made for part in reversed(parts))


@spelt
def k_fold(*arrays: Any, k: int = 5, seed: Seed = None, stratify: bool = False) -> Iterator[tuple[Any, ...]]:
    """The `k` splits of cross-validation: each sample is in the test part of exactly one of them.

    Yields `X_train, X_test, y_train, y_test`, as `split` returns them. The sizes of the test parts differ by one
    sample at most, and with `stratify` so does the number of samples of each class of the last array in them.
    Fit new scalers in each split, on its training part.

    Raises `RangeError` for fewer than 2 folds, or more than there are samples (of a class, with `stratify`).

    >>> import numpy as np
    >>> from chainrule.nn import k_fold
    >>> X, y = np.arange(20).reshape(10, 2), np.array([0, 1] * 5)
    >>> for X_train, X_test, y_train, y_test in k_fold(X, y, k=3, seed=0):
    ...     print(len(X_train), X_test[:, 0].tolist())
    6 [8, 14, 18, 2]
    7 [12, 6, 0]
    7 [4, 10, 16]
    """
    made, n = as_samples(arrays, "k_fold")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 2 <= k <= n:
        raise RangeError(f"cross-validation of {n} samples takes from 2 to {n} folds; given k={k!r}")
    order = generator(seed).permutation(n)
    if _stratify(stratify):
        order = _by_class(order, made[-1], k)
    fold = np.arange(n) % k
    return (tuple(taken(x, order[part]) for x in made for part in (fold != i, fold == i)) for i in range(k))


def _count(size: float, n: int, what: str) -> int:
    if isinstance(size, bool) or not isinstance(size, (int, float, np.number)):
        raise KindError(
            f"{what} is a share of all samples, such as 0.2, or their number; given {describe(size)}"
        )
    if not math.isfinite(size):
        raise RangeError(f"{what} is a share of all samples, such as 0.2, or their number; given {size}")
    return int(size) if isinstance(size, (int, np.integer)) else round(n * size)


def _stratify(given: Any) -> bool:
    if np.ndim(given):
        raise KindError(
            f"stratify is True or False; given {describe(given)}. With True the classes are those of the last array, "
            f"as in split(X, y, stratify=True)"
        )
    return flag("stratify", given)


def _by_class(order: np.ndarray, y: Any, parts: int) -> np.ndarray:
    """The samples one class after the other; each class keeps its random order."""
    if not isinstance(y, np.ndarray) or y.ndim != 1:
        raise ShapeError(f"stratify needs one class for each sample in the last array; given {describe(y)}")
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < parts:
        raise RangeError(
            f"stratify needs a sample of each class in each of the {parts} parts, and class "
            f"{classes[counts.argmin()]} has {counts.min()} in all"
        )
    return order[np.argsort(y[order], kind="stable")]
