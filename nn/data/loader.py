"""Batches of samples, in a new random order in each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import Answering, describe, spelt
from ..base.arguments import whole_number
from ..init.seeds import generator
from .samples import as_samples, taken, taker

__all__ = ["DataLoader"]


class DataLoader(Answering):
    """Batches of samples, in a new random order in each iteration.

    Takes `X, y`, or any number of arrays and dicts of arrays, and yields tuples of the same with `batch_size`
    samples each; the last batch has the remaining samples, or is left out with `drop_last`. With `shuffle=False` the
    batches are in order, as views. The order depends only on `seed` and on `epoch`, the number of iterations so far:
    set `epoch` to continue another run, or use `state_dict()`, which also has the number of batches that the present
    epoch has yielded.

    With `shard=(i, n)`, for process i of n that train one model, it yields the i-th of n equal slices of each batch:
    `batch_size` counts the samples of all processes, the order is the same in all of them, and the mean of the n
    gradients is the gradient of the whole batch. The arrays are whole in each process; of arrays that are mapped from a
    file, as by `np.load(file, mmap_mode="r")`, a process reads its slices alone. A state has no shard in it, and is
    continued by any number of processes.

    Raises `ShapeError` for arrays of different lengths, `RangeError` if there is no batch, or one that `n` processes
    cannot divide into equal slices, the last one included: slices of different sizes would give samples different
    weights.

    >>> import numpy as np
    >>> from chainrule.nn import DataLoader
    >>> loader = DataLoader(np.arange(10).reshape(5, 2), np.arange(5), batch_size=2, seed=0)
    >>> [y.tolist() for X, y in loader]
    [[2, 4], [3, 0], [1]]
    >>> [y.tolist() for X, y in loader]
    [[1, 4], [3, 0], [2]]
    >>> parts = [DataLoader(np.arange(4), batch_size=4, shuffle=False, shard=(i, 2)) for i in range(2)]
    >>> [x.tolist() for part in parts for x, in part]
    [[0, 1], [2, 3]]
    """

    @spelt
    def __init__(
        self,
        *arrays: Any,
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        drop_last: bool = False,
        shard: tuple[int, int] | None = None,
    ) -> None:
        for x in arrays:
            if isinstance(x, (int, float, str)):
                raise KindError(
                    f"DataLoader takes arrays; given {x!r}. Options have names, as in batch_size=32"
                )
        self.arrays, self.n_samples = as_samples(arrays, "DataLoader")
        self.batch_size = whole_number(batch_size, "batch_size")
        self.shuffle = shuffle
        self.drop_last = drop_last
        # without a seed one is drawn now, so that the order depends on `epoch` in this case, too
        self.seed = (
            int(generator(None).integers(2**32)) if seed is None else whole_number(seed, "seed", least=0)
        )
        self.epoch = 0
        self._given = 0  # batches of the present epoch; 0 between epochs
        self._start = 0  # batches to skip at the start of the next epoch
        if len(self) == 0:
            raise RangeError(
                f"no batch comes from {self.n_samples} samples with batch_size={batch_size}, drop_last={drop_last}"
            )
        self.shard = None if shard is None else self._checked_shard(shard, seed)

    def _checked_shard(self, shard: Any, seed: int | None) -> tuple[int, int]:
        if not isinstance(shard, (tuple, list)) or len(shard) != 2:
            raise KindError(
                f"shard is a pair of whole numbers, the process and the number of processes, as in shard=(0, 2); given "
                f"{describe(shard)}"
            )
        i, n = (
            whole_number(shard[0], "the first number of shard", least=0),
            whole_number(shard[1], "the second"),
        )
        if i >= n:
            raise RangeError(f"{n} processes have the numbers 0 to {n - 1}; given shard=({i}, {n})")
        if self.shuffle and seed is None and n > 1:
            raise RangeError(
                f"{n} processes that share batches shuffle in one order, which a seed gives them: write seed=0, or "
                f"shuffle=False"
            )
        if self.batch_size % n:
            raise RangeError(
                f"batch_size counts the samples of all processes, and {self.batch_size} samples are not divided "
                f"into {n} equal slices. Write batch_size={n * max(1, round(self.batch_size / n))}"
            )
        last = 0 if self.drop_last else self.n_samples % self.batch_size
        if last % n:
            raise RangeError(
                f"the last batch of {self.n_samples} samples has {last}, which are not divided into {n} equal slices. "
                f"Leave it out with drop_last=True, or leave {last % n} of the samples out"
            )
        return i, n

    def __len__(self) -> int:
        """The number of batches."""
        n = self.n_samples if self.drop_last else self.n_samples + self.batch_size - 1
        return n // self.batch_size

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        n, size, count = self.n_samples, self.batch_size, len(self)
        process, processes = self.shard or (0, 1)
        order = np.random.default_rng([self.seed, self.epoch]).permutation(n) if self.shuffle else None
        self.epoch += 1
        first, self._start = self._start, 0
        takers = [] if order is None else [taker(x) for x in self.arrays]
        for i in range(first, count):
            start = i * size
            share = min(size, n - start) // processes
            start += process * share
            self._given = (i + 1) % count
            if order is None:
                yield tuple([taken(x, slice(start, start + share)) for x in self.arrays])
            else:
                chosen = order[start : start + share]
                yield tuple([take(chosen, 0) for take in takers])

    def state_dict(self) -> dict[str, int]:
        """The position of the loader, after the latest batch that it has yielded.

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
        """Continue from a `state_dict()`: the next iteration yields the remaining batches."""
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
        options += f", shard={self.shard}" if self.shard else ""
        return f"DataLoader({self.n_samples} samples, {len(self)} batches, {options})"
