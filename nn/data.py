"""Data on its way to a network: batches, splits, folds, one-hot codes.

A data set is arrays whose first axes count the same samples, the targets last: usually `X` with one sample in each
row and `y` with a target for each. The scalers are in `scalers.py`, the data sets in `chainrule.nn.datasets`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError
from .init import Seed, generator
from .module import whole_number
from .scalers import MinMaxScaler, Standardizer

__all__ = ["DataLoader", "MinMaxScaler", "Standardizer", "k_fold", "one_hot", "split"]


def _samples(arrays: tuple[Any, ...], what: str) -> tuple[list[Any], int]:
    """Arrays, and dicts of them, as given, and the number of samples that all of them have."""
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


def _take(x: Any, chosen: Any) -> Any:
    return {key: each[chosen] for key, each in x.items()} if isinstance(x, dict) else x[chosen]


class DataLoader:
    """Batches of samples, in a new random order each time it is iterated over.

    Takes `X, y`, or any number of arrays and dicts of arrays, and yields tuples of the same with `batch_size`
    samples each; the last batch has what is left, or is left out with `drop_last`. With `shuffle=False` batches come
    in order, as views. The order depends on `seed` and on `epoch` alone, the number of times that it was iterated
    over: set `epoch` to go on where another run stopped, or take `state_dict()`, which also knows how
    many batches of the present epoch have been given.

    Raises `ShapeError` where the arrays do not belong together, `RangeError` where no batch would come.

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
        *arrays: Any,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
    ) -> None:
        for x in arrays:
            if isinstance(x, (int, float, str)):
                raise KindError(
                    f"DataLoader takes arrays; given {x!r}. Options have names, as in batch_size=32"
                )
        self.arrays, self.n_samples = _samples(arrays, "DataLoader")
        self.batch_size = whole_number(batch_size, "batch_size")
        self.shuffle = shuffle
        self.drop_last = drop_last
        # without a seed, one is drawn now, so that `epoch` means something all the same
        self.seed = (
            int(generator(None).integers(2**32)) if seed is None else whole_number(seed, "seed", least=0)
        )
        self.epoch = 0
        self._given = 0  # batches of the present epoch; 0 between epochs
        self._start = 0  # batches to pass over at the start of the next one
        if len(self) == 0:
            raise RangeError(
                f"no batch comes from {self.n_samples} samples with batch_size={batch_size}, drop_last={drop_last}"
            )

    def __len__(self) -> int:
        """The number of batches."""
        n = self.n_samples if self.drop_last else self.n_samples + self.batch_size - 1
        return n // self.batch_size

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        n = self.n_samples
        order = np.random.default_rng([self.seed, self.epoch]).permutation(n) if self.shuffle else None
        self.epoch += 1
        first, self._start = self._start, 0
        for i in range(first, len(self)):
            batch = slice(i * self.batch_size, (i + 1) * self.batch_size)
            chosen = batch if order is None else order[batch]
            self._given = (i + 1) % len(self)
            yield tuple(_take(x, chosen) for x in self.arrays)

    def state_dict(self) -> dict[str, int]:
        """Where the loader stands, after the latest batch that it gave.

        >>> import numpy as np
        >>> from chainrule.nn import DataLoader
        >>> loader, other = (DataLoader(np.arange(6), batch_size=2, seed=0) for _ in range(2))
        >>> batches = iter(loader)
        >>> first = next(batches)
        >>> loader.state_dict()
        {'seed': 0, 'epoch': 0, 'batch': 1}
        >>> other.load_state_dict(loader.state_dict())
        >>> [x.tolist() for x, in other] == [x.tolist() for x, in batches]
        True
        """
        return {
            "seed": self.seed,
            "epoch": self.epoch - bool(self._given),
            "batch": self._given or self._start,
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on from what `state_dict()` gave: the next iteration gives the batches that were still to come."""
        numbers = {name: state.get(name, -1) for name in ("seed", "epoch", "batch")}
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers.values())
        if not whole or numbers["batch"] >= len(self) or len(state) > len(numbers):
            raise RangeError(
                f"a loader's state has a seed, an epoch, and a batch below {len(self)}, the number of its batches; "
                f"given {dict(state)}"
            )
        self.seed, self.epoch, self._start = numbers.values()
        self._given = 0

    def __repr__(self) -> str:
        options = f"batch_size={self.batch_size}, shuffle={self.shuffle}, drop_last={self.drop_last}"
        return f"DataLoader({self.n_samples} samples, {len(self)} batches, {options})"


# ---------------------------------------------------------------------- parts of a data set


def split(
    *arrays: Any,
    test_size: float = 0.2,
    validation_size: float = 0,
    seed: Seed = None,
    stratify: bool = False,
) -> tuple[Any, ...]:
    """Samples at random in parts that share none: `X_train, X_test, y_train, y_test`.

    `test_size` is a share of all samples (a float below 1) or their number (an int). With `validation_size`, the
    same, there are three parts: `X_train, X_validation, X_test, y_train, y_validation, y_test`. With
    `stratify` each class of the last array has the same share in all parts, to within one sample. More arrays than
    two, and dicts of arrays, are split alike.

    Raises `RangeError` where a part would be empty, or a class too small for all.

    >>> import numpy as np
    >>> from chainrule.nn import split
    >>> X, y = np.arange(20).reshape(10, 2), np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
    >>> X_train, X_test, y_train, y_test = split(X, y, test_size=0.5, seed=0, stratify=True)
    >>> X_train.shape, int(y_train.sum()), int(y_test.sum())
    ((5, 2), 1, 1)
    >>> [len(part) for part in split(X, test_size=0.2, validation_size=3, seed=0)]
    [5, 3, 2]
    """
    made, n = _samples(arrays, "split")
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
    for size in list(sizes.values())[:0:-1]:  # test, then validation: evenly spaced samples of what is left
        at = (np.arange(size) + rng.random()) * len(order) / size if stratify else np.arange(size)
        chosen = np.zeros(len(order), bool)
        chosen[at.astype(int)] = True
        parts.append(rng.permutation(order[chosen]))
        order = order[~chosen]
    parts.append(rng.permutation(order))
    return tuple(_take(x, part) for x in made for part in reversed(parts))


def k_fold(*arrays: Any, k: int = 5, seed: Seed = None, stratify: bool = False) -> Iterator[tuple[Any, ...]]:
    """The `k` splits of cross-validation: each sample is in the test part of exactly one of them.

    Yields `X_train, X_test, y_train, y_test`, as `split` returns it. The sizes of the test parts differ by one
    sample at most, and with `stratify` so does the number of samples of each class of the last array in them.
    Fit scalers anew in each split, on its training part.

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
    made, n = _samples(arrays, "k_fold")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 2 <= k <= n:
        raise RangeError(f"cross-validation of {n} samples takes from 2 to {n} folds; given k={k!r}")
    order = generator(seed).permutation(n)
    if stratify:
        order = _by_class(order, made[-1], k)
    fold = np.arange(n) % k
    return (tuple(_take(x, order[part]) for x in made for part in (fold != i, fold == i)) for i in range(k))


def _count(size: float, n: int, what: str) -> int:
    if isinstance(size, bool) or not isinstance(size, (int, float, np.number)):
        raise KindError(
            f"{what} is a share of all samples, such as 0.2, or their number; given {describe(size)}"
        )
    return int(size) if isinstance(size, (int, np.integer)) else round(n * size)


def _by_class(order: np.ndarray, y: Any, parts: int) -> np.ndarray:
    """One class after the other, each in the random order that it had."""
    if not isinstance(y, np.ndarray) or y.ndim != 1:
        raise ShapeError(f"stratify wants one class for each sample in the last array; given {describe(y)}")
    classes, counts = np.unique(y, return_counts=True)
    if counts.min() < parts:
        raise RangeError(
            f"stratify wants a sample of each class in each of the {parts} parts, and class "
            f"{classes[counts.argmin()]} has {counts.min()} in all"
        )
    return order[np.argsort(y[order], kind="stable")]


# ---------------------------------------------------------------------- codes


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
