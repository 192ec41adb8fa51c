"""Training: the loop over epochs and batches, with a progress bar and a record of what happened.

The loop itself is three lines, and `fit` adds only what goes around them:

    for X, y in loader:
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tqdm import tqdm

from ..autograd import no_grad
from ..autograd.errors import KindError, NonfiniteError, RangeError
from ..autograd.node import describe
from .data import DataLoader
from .module import Module
from .optim import Adam, Optimizer

__all__ = ["History", "evaluate", "fit"]

Loss = Callable[[Any, Any], Any]
Metrics = Mapping[str, Callable[[Any, Any], float]] | Iterable[Callable[[Any, Any], float]] | None
Data = DataLoader | tuple[Any, Any]


def fit(
    model: Module,
    loss: Loss,
    data: Data,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int = 32,
    validation: Data | None = None,
    metrics: Metrics = None,
    seed: int | None = 0,
    progress: bool = True,
) -> History:
    """Train a model and say how it went.

    `loss(prediction, target)` gives one number for a batch, its mean. `data` is `(X, y)`, which is cut into
    batches of `batch_size` in an order that depends on `seed`, or a `DataLoader`. The optimiser is Adam unless one is
    given. `metrics` are functions such as `accuracy`, in a list, or in a dict with their names. `validation` is data
    to measure loss and metrics on after each epoch, in evaluation mode and with nothing recorded; its columns
    in the history start with `val_`. The loss and metrics of training are means over the epoch, while the model
    changes. Ctrl-C ends the training and returns the history so far. Afterwards the model is in evaluation mode.

    Raises `NonfiniteError` when the loss becomes NaN or infinite, naming epoch and batch; the parameters
    are as they were before that batch.

    >>> from chainrule.nn import MLP, accuracy, cross_entropy, datasets, fit
    >>> model = MLP(2, [16, 2], seed=0)
    >>> history = fit(model, cross_entropy, datasets.moons(100, seed=0), epochs=3, metrics=[accuracy], progress=False)
    >>> len(history["loss"]), history["loss"][0] > history["loss"][-1]
    (3, True)
    """
    loader = _loader(data, batch_size, True, seed)
    checks = None if validation is None else _loader(validation, batch_size, False, seed)
    measures = _measures(metrics)
    if epochs < 0:
        raise RangeError(f"epochs is how often all data are seen, 0 or more; given {epochs}")
    if optimizer is None:
        optimizer = Adam(model.parameters())
    history = History()
    with tqdm(total=epochs * len(loader), unit="batch", disable=not progress) as bar:
        try:
            for epoch in range(1, epochs + 1):
                start = time.perf_counter()
                bar.set_description(f"epoch {epoch}/{epochs}", refresh=False)
                means = _Means()
                model.train()
                for batch, (X, y) in enumerate(loader, 1):
                    optimizer.zero_grad()
                    output = model(X)
                    wrong = loss(output, y)
                    _check_loss(wrong, f"epoch {epoch}, batch {batch}", optimizer)
                    wrong.backward()
                    optimizer.step()
                    means.add(len(X), wrong, measures, output, y)
                    bar.set_postfix(means.texts(), refresh=False)
                    bar.update()
                row = means.values()
                if checks is not None:
                    row |= {f"val_{name}": v for name, v in evaluate(model, loss, checks, measures).items()}
                history.append({"epoch": epoch, **row, "seconds": time.perf_counter() - start})
                bar.set_postfix({k: f"{v:.4g}" for k, v in row.items()}, refresh=False)
        except KeyboardInterrupt:
            history.interrupted = True
    model.eval()
    return history


def evaluate(
    model: Module, loss: Loss, data: Data, metrics: Metrics = None, batch_size: int = 256
) -> dict[str, float]:
    """The mean loss and metrics of a model on data, in evaluation mode and with nothing recorded.

    Arguments are those of `fit`. The model is in the mode that it was in, afterwards.

    >>> from chainrule.nn import MLP, accuracy, cross_entropy, datasets, evaluate
    >>> model = MLP(2, [2], seed=0)
    >>> sorted(evaluate(model, cross_entropy, datasets.moons(100, seed=0), [accuracy]))
    ['accuracy', 'loss']
    """
    measures, means, training = _measures(metrics), _Means(), model.training
    model.eval()
    try:
        with no_grad():
            for X, y in _loader(data, batch_size, False, 0):
                output = model(X)
                means.add(len(X), loss(output, y), measures, output, y)
    finally:
        model.train(training)
    return means.values()


class History:
    """What happened in each epoch of a training: one row of numbers per epoch.

    `history["loss"]` is a column as a list, `to_dict()` all of them; printing it shows a table.
    `interrupted` says whether Ctrl-C ended it.

    >>> from chainrule.nn import History
    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.75})
    >>> history.append({"epoch": 2, "loss": 0.5})
    >>> history
     epoch    loss
         1    0.75
         2     0.5
    >>> history["loss"]
    [0.75, 0.5]
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.interrupted = False

    def append(self, row: Mapping[str, float]) -> None:
        """Add the numbers of one epoch."""
        self.rows.append(dict(row))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> list[float]:
        columns = self.to_dict()
        if name not in columns:
            raise RangeError(
                f"this history has no column {name!r}; it has {', '.join(columns) or 'none yet'}"
            )
        return columns[name]

    def to_dict(self) -> dict[str, list[float]]:
        """The columns by their names; `pandas.DataFrame` takes it."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        return {name: [row.get(name, math.nan) for row in self.rows] for name in names}

    def __repr__(self) -> str:
        columns = self.to_dict()
        if not columns:
            return "History of no epochs"
        texts = [[name, *(f"{v:.4g}" for v in column)] for name, column in columns.items()]
        widths = [max(6, *map(len, column)) for column in texts]
        lines = ["  ".join(text.rjust(width) for text, width in zip(row, widths)) for row in zip(*texts)]
        if len(lines) > 25:
            lines = [*lines[:11], f"{'...':>6}", *lines[-10:]]
        return "\n".join(lines) + ("\ninterrupted" if self.interrupted else "")


class _Means:
    """Running means of the loss and the metrics, each batch counted with its number of samples."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.samples = 0

    def add(self, n: int, loss: Any, measures: Mapping[str, Any], output: Any, y: Any) -> None:
        self.samples += n
        found = {"loss": loss, **{name: measure(output, y) for name, measure in measures.items()}}
        for name, value in found.items():
            self.sums[name] = self.sums.get(name, 0.0) + n * float(value)

    def values(self) -> dict[str, float]:
        return {name: total / self.samples for name, total in self.sums.items()}

    def texts(self) -> dict[str, str]:
        return {name: f"{value:.4g}" for name, value in self.values().items()}


def _loader(data: Data, batch_size: int, shuffle: bool, seed: int | None) -> DataLoader:
    if isinstance(data, DataLoader):
        return data
    if not isinstance(data, tuple) or len(data) != 2:
        raise KindError(f"data are a pair (X, y) or a DataLoader; given {describe(data)}")
    return DataLoader(*data, batch_size=batch_size, shuffle=shuffle, seed=seed)


def _measures(metrics: Metrics) -> dict[str, Callable[[Any, Any], float]]:
    if isinstance(metrics, Mapping):
        return dict(metrics)
    if callable(metrics):
        raise KindError(
            f"metrics are a list or a dict of functions; given one. Write metrics=[{_name(metrics)}]"
        )
    return {_name(metric): metric for metric in metrics or ()}


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _check_loss(loss: Any, where: str, optimizer: Optimizer) -> None:
    value = float(loss)
    if not math.isfinite(value):
        raise NonfiniteError(
            f"the loss became {value} in {where}, and training has stopped there. "
            f"Is the learning rate, {optimizer.lr}, too high, does the data hold NaN, or does a logarithm or a "
            f"division meet 0?"
        )
