"""Several seeds: the result of one training is random; mean and deviation over seeds say what to expect."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, nullcontext
from functools import partial
from typing import Any

import numpy as np

from ...autograd import ChainruleError, KindError, RangeError
from ...autograd.extending import Answering, describe, spelt
from ..processes.workers import Failure, calls, in_this_process
from .arguments import check_function
from .history import History
from .interrupts import ctrl_c_raised
from .progress import progress_bar, without_bars

__all__ = ["Repeats", "repeat"]


@spelt
def repeat(
    experiment: Callable[[int], Any],
    seeds: Iterable[int] = range(5),
    n_jobs: int | None = None,
    progress: bool = True,
) -> Repeats:
    """Run an experiment once for each seed; returns a table of the results with means and deviations.

    `experiment(seed)` makes everything from the seed (the split, the model, the order of the batches) and returns
    a number, a dict of numbers, or a `History`, whose row of the best epoch, or else the last row, is used.
    `chainrule.autograd.repeat` is another function: it repeats elements.

    With `n_jobs` that many experiments run at a time in worker processes (-1: one for each core), over joblib (extra
    `jobs`). A `joblib.parallel_config` chooses another backend, such as `backend="dask"` for a cluster of Dask. The
    experiment may be a lambda or a closure. The results are in the order of the seeds, and have the bits that they have
    in this process. One thing changes bits: joblib divides the cores among the workers, and BLAS adds up large matrix
    products in another order with fewer threads. With `OPENBLAS_NUM_THREADS=1` in the environment it is one order
    everywhere.

    `progress` shows one bar for all seeds, with the means so far. The bars of `fit` in the experiment are not shown
    then, nor in workers, where they would overwrite each other.

    Ctrl-C ends the experiments; the table has the seeds that had finished, and `ended` is "interrupted". What already
    runs on a cluster ends by itself.

    Raises `ChainruleError` if an experiment raises: the message names the seed, `__cause__` is the original error, and
    `results` of the error has the seeds that had finished. Raises `KindError` for other results, `RangeError` for no
    seeds or duplicate seeds, `ExtraError` for `n_jobs` without joblib.

    >>> from chainrule import nn
    >>> def experiment(seed):
    ...     X, X_test, y, y_test = nn.split(*nn.datasets.moons(200, seed=seed), test_size=0.5, seed=seed)
    ...     model = nn.MLP(2, [16, 2], seed=seed)
    ...     optimizer = nn.Adam(model.parameters(), lr=0.05)
    ...     nn.fit(model, nn.cross_entropy, (X, y), optimizer=optimizer, epochs=60, seed=seed)
    ...     return {"test accuracy": nn.accuracy(model(X_test), y_test)}
    >>> results = nn.repeat(experiment, seeds=range(3), progress=False)
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
    check_function(experiment, "an experiment is a function of a seed, which returns its results")
    if isinstance(seeds, str) or not isinstance(seeds, Iterable):
        raise KindError(f"seeds are several whole numbers, such as range(5); given {describe(seeds)}")
    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise RangeError(f"an experiment is repeated with one seed or more, each of its own; given {seeds}")
    quiet = progress or not in_this_process(n_jobs)
    rows: dict[int, dict[str, float]] = {}

    def so_far(ended: str | None = None) -> Repeats:
        return Repeats([seeds[i] for i in sorted(rows)], [rows[i] for i in sorted(rows)], ended)

    bar = progress_bar(total=len(seeds), desc="seeds", unit="seed", disable=not progress)
    try:
        with (
            bar,
            ctrl_c_raised() as interrupted,
            closing(
                calls(partial(_result, experiment, quiet), seeds, n_jobs, partial(_move, bar))
            ) as outcomes,
        ):
            for i, outcome in outcomes:
                if interrupted():  # `fit` ended early, and the experiment went on with what it had
                    raise KeyboardInterrupt
                if isinstance(outcome, Failure):
                    raise _failed(seeds[i], outcome)
                if isinstance(outcome, str):
                    raise KindError(
                        f"an experiment returns a number, a dict of numbers with their names, or a History; for seed "
                        f"{seeds[i]} it returned {outcome}"
                    )
                rows[i] = outcome
                bar.set_postfix({name: f"{mean:.4g}" for name, mean in so_far().mean.items()})
    except KeyboardInterrupt:
        if not rows:
            raise
        return so_far("interrupted")
    except ChainruleError as error:
        error.results = so_far()  # type: ignore[attr-defined]
        raise
    except Exception as error:  # of joblib: a worker was killed, or the experiment cannot be sent to one
        missing = [seed for i, seed in enumerate(seeds) if i not in rows]
        failure = ChainruleError(
            f"joblib's workers ended without the results of the seeds {missing}: {type(error).__name__}: {error}"
        )
        failure.results = so_far()  # type: ignore[attr-defined]
        raise failure from error
    return so_far()


def _result(experiment: Callable[[int], Any], quiet: bool, seed: int) -> dict[str, float] | str:
    """What is kept of an experiment, or the description of a result of the wrong kind."""
    with without_bars() if quiet else nullcontext():
        result = experiment(seed)
    numbers = _numbers(result)
    return describe(result) if numbers is None else numbers


def _move(bar: Any, finished: int) -> None:
    bar.update(finished - bar.n)


def _failed(seed: int, failure: Failure) -> ChainruleError:
    error = ChainruleError(f"the experiment failed for seed {seed}: {failure.message}")
    error.__cause__ = failure.error
    return error


class Repeats(Answering):
    """The results of an experiment for each of its seeds: `mean` and `std` by name, and a table when printed.

    `std` is the standard deviation of the sample, with the divisor n - 1, and NaN for a single seed. `to_dict()` has
    all columns, `results["name"]` is one column. `ended` is "interrupted" after a Ctrl-C, otherwise `None`.
    """

    @spelt
    def __init__(self, seeds: list[int], rows: list[dict[str, float]], ended: str | None = None) -> None:
        self.seeds = seeds
        self.rows = rows
        self.ended = ended

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
        table = ["  ".join(text.rjust(width) for text, width in zip(line, widths)) for line in lines]
        return "\n".join([*table, self.ended] if self.ended else table)


def _numbers(result: Any) -> dict[str, float] | None:
    if isinstance(result, History) and len(result):
        row = result.rows[result.best - 1 if result.best else -1]
        return {name: value for name, value in row.items() if name not in ("epoch", "seconds")}
    if isinstance(result, Mapping) and all(isinstance(v, (int, float, np.number)) for v in result.values()):
        return {str(name): float(value) for name, value in result.items()}
    if isinstance(result, (int, float, np.number)):
        return {"result": float(result)}
    return None
