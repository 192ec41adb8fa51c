"""Data on its way to a network: batches, splits, scalers, one-hot codes.

A data set is a pair of arrays, `X` with one sample in each row and `y` with a target for each. What is measured
(means, ranges) is measured on the training part, with `fit`, and applied to every part, with `transform`. The data
sets themselves are in `chainrule.nn.datasets`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from ..autograd.errors import ChainruleError, KindError, RangeError, ShapeError
from .init import Seed

__all__ = ["DataLoader", "MinMaxScaler", "Standardizer", "one_hot", "split"]

Self = TypeVar("Self", bound="Scaler")
Arrays = tuple[np.ndarray, np.ndarray]


def _samples(X: Any, y: Any, what: str) -> Arrays:
    X, y = np.asarray(X), np.asarray(y)
    if not X.ndim or not y.ndim or len(X) != len(y):
        raise ShapeError(
            f"{what} takes one target for each sample; given X of shape {X.shape} and y of shape {y.shape}. "
            f"The first axes have to be of one length"
        )
    return X, y


class DataLoader:
    """Batches of samples, in a new random order each time it is iterated over.

    Yields `(X, y)` pairs of arrays with `batch_size` samples each; the last has what is left, or is
    left out with `drop_last`. With `shuffle=False` batches come in order, as views. The order depends on `seed` and
    on `epoch` alone, the number of times that it was iterated over: set `epoch` to go on where another run
    stopped.

    Raises `ShapeError` where `X` and `y` do not belong together, `RangeError` where no batch would come.

    >>> import numpy as np
    >>> from chainrule.nn import DataLoader
    >>> loader = DataLoader(np.arange(10).reshape(5, 2), np.arange(5), batch_size=2, seed=0)
    >>> [y.tolist() for X, y in loader]
    [[2, 4], [3, 0], [1]]
    >>> [y.tolist() for X, y in loader]
    [[1, 4], [3, 0], [2]]
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
    ) -> None:
        self.X, self.y = _samples(X, y, "DataLoader")
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            raise KindError(f"batch_size is a whole number of samples; given {batch_size!r}")
        if batch_size < 1:
            raise RangeError(f"a batch has 1 sample or more; given batch_size={batch_size}")
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        # without a seed, one is drawn now, so that `epoch` means something all the same
        self.seed = seed if seed is not None else int(np.random.default_rng().integers(2**32))
        self.epoch = 0
        if len(self) == 0:
            raise RangeError(
                f"no batch comes from {len(self.X)} samples with batch_size={batch_size}, drop_last={drop_last}"
            )

    def __len__(self) -> int:
        """The number of batches."""
        n = len(self.X) if self.drop_last else len(self.X) + self.batch_size - 1
        return n // self.batch_size

    def __iter__(self) -> Iterator[Arrays]:
        n = len(self.X)
        order = np.random.default_rng([self.seed, self.epoch]).permutation(n) if self.shuffle else None
        self.epoch += 1
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = slice(start, start + self.batch_size)
            chosen = batch if order is None else order[batch]
            yield self.X[chosen], self.y[chosen]


def split(
    X: Any, y: Any, test_size: float = 0.2, *, seed: Seed = None, stratify: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Samples at random in two parts that share none: `X_train, X_test, y_train, y_test`.

    `test_size` is a share (a float below 1) or a number of samples (an int). With `stratify` each class of
    `y` has the same share in both parts, to within one sample. Split the training part again for a validation set.

    Raises `RangeError` where a part would be empty, or a class too small for both.

    >>> import numpy as np
    >>> from chainrule.nn import split
    >>> X, y = np.arange(20).reshape(10, 2), np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    >>> X_train, X_test, y_train, y_test = split(X, y, 0.5, seed=0, stratify=True)
    >>> X_train.shape, int(y_train.sum()), int(y_test.sum())
    ((5, 2), 1, 1)
    """
    X, y = _samples(X, y, "split")
    n = len(X)
    n_test = test_size if isinstance(test_size, (int, np.integer)) else round(n * test_size)
    if not 0 < n_test < n:
        raise RangeError(
            f"test_size={test_size} of {n} samples leaves {n - n_test} to train on and {n_test} to test with; "
            f"both parts need one at least"
        )
    rng = np.random.default_rng(seed)
    order = rng.permutation(n)
    chosen = np.arange(n) < n_test
    if stratify:
        classes, counts = np.unique(y, return_counts=True)
        if y.ndim != 1 or counts.min() < 2:
            raise RangeError(
                f"stratify wants one class for each sample, and two samples of each class at least; given y of shape "
                f"{y.shape}, in which {classes[counts.argmin()]} occurs {counts.min()} times"
            )
        order = order[np.argsort(y[order], kind="stable")]  # one class after the other, each in random order,
        at = (np.arange(n_test) + rng.random()) * n / n_test  # and evenly spaced samples of that
        chosen[:] = False
        chosen[at.astype(int)] = True
    train, test = rng.permutation(order[~chosen]), rng.permutation(order[chosen])
    return X[train], X[test], y[train], y[test]


class Scaler:
    """What both scalers do: measure each column with `fit`, then shift and divide it."""

    low = 0.0  # what the smallest value, or the mean, becomes

    def __init__(self) -> None:
        self.shift: np.ndarray | None = None
        self.scale: np.ndarray | None = None

    def _measure(self, X: np.ndarray) -> Arrays:
        """What is subtracted from each column, and what it is divided by then."""
        raise NotImplementedError

    def fit(self: Self, X: Any) -> Self:
        """Measure the columns of `X`, the training part; returns the scaler."""
        X = _numbers(X, "fit")
        if not X.ndim or not len(X):
            raise ShapeError(f"{type(self).__name__}.fit wants one sample at least; given shape {X.shape}")
        shift, scale = self._measure(X.astype(np.float64, copy=False))
        constant = X.max(0) == X.min(0)  # such a column is only shifted, to exactly 0
        self.shift, self.scale = np.where(constant, X[0], shift), np.where(constant, 1.0, scale)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """`X` scaled by what `fit` measured; float32 stays float32."""
        X, shift, scale = self._checked(X, "transform")
        return ((X - shift) / scale + self.low).astype(X.dtype, copy=False)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """What `transform` was given, back from what it returned."""
        X, shift, scale = self._checked(X, "inverse_transform")
        return ((X - self.low) * scale + shift).astype(X.dtype, copy=False)

    def fit_transform(self, X: Any) -> np.ndarray:
        """`fit` and `transform` in one; for the training part alone."""
        return self.fit(X).transform(X)

    def _checked(self, X: Any, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.shift is None or self.scale is None:
            raise ChainruleError(
                f"{type(self).__name__}.{what} was called before fit: it has measured nothing yet. "
                f"Write scaler.fit(X_train) first"
            )
        X = _numbers(X, what)
        if X.shape[1:] != self.shift.shape:
            raise ShapeError(
                f"{type(self).__name__} was fitted on samples of shape {self.shift.shape} and is given samples of "
                f"shape {X.shape[1:]}"
            )
        return X, self.shift, self.scale


def _numbers(X: Any, what: str) -> np.ndarray:
    X = np.asarray(X)
    if X.dtype.kind not in "fiub":
        raise KindError(f"{what} takes numbers; given an array of dtype {X.dtype}")
    return X if X.dtype.kind == "f" else X.astype(np.float64)


class Standardizer(Scaler):
    """Columns to mean 0 and standard deviation 1, as measured on the training part.

    A constant column becomes 0. Raises `ShapeError` for samples of another width than those it was fitted on.

    >>> from chainrule.nn import Standardizer
    >>> scaler = Standardizer().fit([[0.0, 5.0], [2.0, 5.0]])
    >>> scaler.transform([[0.0, 5.0], [4.0, 6.0]])
    array([[-1.,  0.],
           [ 3.,  1.]])
    """

    def _measure(self, X: np.ndarray) -> Arrays:
        return X.mean(0), X.std(0)


class MinMaxScaler(Scaler):
    """Columns to the range from `low` to `high`, as measured on the training part.

    A constant column becomes `low`. Raises `ShapeError` as `Standardizer` does, `RangeError` for an empty range.

    >>> from chainrule.nn import MinMaxScaler
    >>> scaler = MinMaxScaler(-1, 1).fit([[0.0], [4.0]])
    >>> scaler.transform([[1.0], [8.0]])
    array([[-0.5],
           [ 3. ]])
    """

    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        if not low < high:
            raise RangeError(f"the range goes from low to high, and {low} is not below {high}")
        self.low, self.high = float(low), float(high)

    def _measure(self, X: np.ndarray) -> Arrays:
        return X.min(0), (X.max(0) - X.min(0)) / (self.high - self.low)


def one_hot(labels: Any, n_classes: int | None = None, dtype: DTypeLike = np.float64) -> np.ndarray:
    """Classes as rows of zeros with a single one: `(n,)` whole numbers become `(n, n_classes)`.

    `n_classes` is one more than the largest label unless it is given.

    Raises `KindError` for labels that are not whole numbers, `RangeError` for one outside of the classes.

    >>> from chainrule.nn import one_hot
    >>> one_hot([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise KindError(f"one_hot takes whole numbers; given dtype {labels.dtype}. Write labels.astype(int)")
    if n_classes is None:
        n_classes = int(labels.max(initial=-1)) + 1
    if labels.size and not (labels.min() >= 0 and labels.max() < n_classes):
        raise RangeError(
            f"with {n_classes} classes labels are 0 to {n_classes - 1}; given {labels.min()} to {labels.max()}"
        )
    return one_hot_array(labels, n_classes).astype(dtype)


def one_hot_array(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """The same of what is known to be right, as booleans."""
    if n_classes > 64:
        return labels[..., None] == np.arange(n_classes)
    return np.take(_rows(n_classes), labels, 0)


@cache
def _rows(n_classes: int) -> np.ndarray:
    return np.eye(n_classes, dtype=bool)
