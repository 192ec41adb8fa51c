"""Several seeds: the result of one training is random; mean and deviation over seeds say what to expect."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError
from .history import History

__all__ = ["Repeats", "repeat"]


def repeat(experiment: Callable[[int], Any], seeds: Iterable[int] = range(5)) -> Repeats:
    """Run an experiment once for each seed; returns a table of the results with means and deviations.

    `experiment(seed)` makes everything from the seed (the split, the model, the order of the batches) and returns
    a number, a dict of numbers, or a `History`, whose row of the best epoch, or else the last row, is used.

    Raises `KindError` for other results, `RangeError` for no seeds or duplicate seeds.

    >>> from chainrule import nn
    >>> def experiment(seed):
    ...     X, X_test, y, y_test = nn.split(*nn.datasets.moons(200, seed=seed), test_size=0.5, seed=seed)
    ...     model = nn.MLP(2, [16, 2], seed=seed)
    ...     optimizer = nn.Adam(model.parameters(), lr=0.05)
    ...     nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, epochs=60, seed=seed, progress=False)
    ...     return {"test accuracy": nn.accuracy(model(X_test), y_test)}
    >>> results = nn.repeat(experiment, seeds=range(3))
    >>> results
      seed  test accuracy
         0           0.98
         1           0.99
         2              1
      mean           0.99
       std           0.01
    >>> round(results.mean["test accuracy"], 4)
    0.99
    """
    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise RangeError(f"an experiment is repeated with one seed or more, each of its own; given {seeds}")
    return Repeats(seeds, [_numbers(experiment(seed)) for seed in seeds])


class Repeats:
    """The results of an experiment for each of its seeds: `mean` and `std` by name, and a table when printed.

    `std` is the standard deviation of the sample, with the divisor n - 1, and NaN for a single seed. `to_dict()` has
    all columns, `results["name"]` is one column.
    """

    def __init__(self, seeds: list[int], rows: list[dict[str, float]]) -> None:
        self.seeds = seeds
        self.rows = rows

    def to_dict(self) -> dict[str, list[float]]:
        """The columns by their names, the seeds first, for example for `pandas.DataFrame`."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        return {
            "seed": list(self.seeds),
            **{name: [row.get(name, math.nan) for row in self.rows] for name in names},
        }

    def __getitem__(self, name: str) -> list[float]:
        columns = self.to_dict()
        if name not in columns:
            raise RangeError(f"these results have no column {name!r}; they have {', '.join(columns)}")
        return columns[name]

    @property
    def mean(self) -> dict[str, float]:
        """The mean of each column."""
        return {name: float(np.mean(column)) for name, column in self.to_dict().items() if name != "seed"}

    @property
    def std(self) -> dict[str, float]:
        """The deviation of each column over the seeds."""
        return {
            name: float(np.std(column, ddof=1)) if len(column) > 1 else math.nan
            for name, column in self.to_dict().items()
            if name != "seed"
        }

    def __repr__(self) -> str:
        columns = self.to_dict()
        lines = [list(columns)]
        lines += [
            [str(seed), *(f"{row.get(name, math.nan):.4g}" for name in lines[0][1:])]
            for seed, row in zip(self.seeds, self.rows)
        ]
        for title, found in (("mean", self.mean), ("std", self.std)):
            lines.append([title, *(f"{value:.4g}" for value in found.values())])
        widths = [max(6, *map(len, column)) for column in zip(*lines)]
        return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths)) for line in lines)


def _numbers(result: Any) -> dict[str, float]:
    if isinstance(result, History) and len(result):
        row = result.rows[result.best - 1 if result.best else -1]
        return {name: value for name, value in row.items() if name not in ("epoch", "seconds")}
    if isinstance(result, Mapping) and all(isinstance(v, (int, float, np.number)) for v in result.values()):
        return {str(name): float(value) for name, value in result.items()}
    if isinstance(result, (int, float, np.number)):
        return {"result": float(result)}
    raise KindError(
        f"an experiment returns a number, a dict of numbers with their names, or a History; given "
        f"{type(result).__name__}: {result!r}"
    )
