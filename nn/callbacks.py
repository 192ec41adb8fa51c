"""Callbacks: what else happens while `fit` trains, at the moments that it names.

A callback is an object with any of these methods, each of which is given the training as it stands:

    on_fit_begin(run)     at the start of each `fit`, before a checkpoint is loaded: forget what an earlier `fit` left
    on_train_begin(run)   before the first epoch, also of a training that goes on from a checkpoint
    on_epoch_begin(run)   before the first batch
    on_batch_end(run)     after each step of the optimiser
    on_epoch_end(run)     after validation, with the epoch's numbers in `run.row`
    on_train_end(run)     at the end, also after Ctrl-C

`run` has `model`, `optimizer`, `loader`, `history`, `epoch` (counted from 1), `epochs`, `batch`, `row`, and
`run.stop(reason)`, which ends the training after this epoch. A function is called as `on_epoch_end`. What a callback
has to remember over a checkpoint, it gives from `state_dict()` and takes back in `load_state_dict(state)`.

Each `fit` begins anew: one callback can be given to several, if all that it counts or keeps is set in `on_fit_begin`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd.errors import KindError, RangeError
from .module import whole_number
from .optimizer import number

if TYPE_CHECKING:
    from .training import Run

__all__ = ["Callback", "EarlyStopping", "KeepBest", "PrintEpochs"]


class Callback:
    """What callbacks have in common: all methods, which do nothing.

    >>> from chainrule import nn
    >>> class Count(nn.callbacks.Callback):
    ...     def on_fit_begin(self, run):
    ...         self.batches = 0
    ...
    ...     def on_batch_end(self, run):
    ...         self.batches += 1
    >>> count, model, data = Count(), nn.MLP(2, [2], seed=0), nn.datasets.moons(64, seed=0)
    >>> history = nn.fit(model, nn.cross_entropy, data, epochs=3, callbacks=[count], progress=False)
    >>> count.batches
    6
    """

    def on_fit_begin(self, run: Run) -> None:
        """At the start of each `fit`, before a checkpoint is loaded: the place to begin anew."""

    def on_train_begin(self, run: Run) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, run: Run) -> None:
        """Before the first batch of an epoch."""

    def on_batch_end(self, run: Run) -> None:
        """After each step of the optimiser."""

    def on_epoch_end(self, run: Run) -> None:
        """After validation."""

    def on_train_end(self, run: Run) -> None:
        """At the end."""

    def state_dict(self) -> dict[str, Any]:
        """What to remember over a checkpoint: numbers, texts, arrays, and lists and dicts of them."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave."""


class KeepBest(Callback):
    """Keeps the parameters of the epoch with the best `monitor`, and puts them back at the end.

    `monitor` is a column of the history: by default `val_loss`, or `loss` where there is no validation. `mode` says
    whether lower (`"min"`) or higher values (`"max"`) are better; it is known for losses, errors and accuracies.
    With `restore_best=False` the model stays as the last epoch left it. Each `fit` begins anew.

    >>> from chainrule import nn
    >>> nn.callbacks.KeepBest("val_accuracy")
    KeepBest(monitor='val_accuracy', mode='max')
    """

    def __init__(
        self, monitor: str | None = None, mode: str | None = None, restore_best: bool = True
    ) -> None:
        if mode not in (None, "min", "max"):
            raise RangeError(f"mode is 'min' where lower is better, or 'max'; given {mode!r}")
        self.monitor, self.mode, self.restore_best = monitor, mode, restore_best
        if monitor is not None and mode is None:
            self.mode = _mode(monitor)
        self._begin()

    def _begin(self, column: str = "loss") -> None:
        """Nothing is kept yet, and `column` is what is looked at if `monitor` leaves that open."""
        self.column, self.direction = self.monitor or column, self.mode or "min"
        self.value, self.epoch = math.nan, 0
        self.parameters: dict[str, Any] | None = None

    def on_fit_begin(self, run: Run) -> None:
        """Forget what an earlier training left, and choose what to look at."""
        self._begin("val_loss" if run.validation is not None else "loss")

    def measured(self, run: Run) -> float:
        """The monitored number of this epoch."""
        if self.column not in run.row:
            raise RangeError(
                f"{type(self).__name__} monitors {self.column!r}, which is not measured; the columns are "
                f"{', '.join(run.row)}"
                + ("" if run.validation is not None else ". Give fit a validation set")
            )
        return run.row[self.column]

    def better(self, value: float, than: float, by: float = 0.0) -> bool:
        """Whether a value is better than another, by more than `by`; any number is better than NaN."""
        if math.isnan(value) or math.isnan(than):
            return not math.isnan(value)
        return value < than - by if self.direction == "min" else value > than + by

    def on_epoch_end(self, run: Run) -> None:
        """Keep the parameters if they are better than those kept."""
        value = self.measured(run)
        if self.better(value, self.value):
            self.value, self.epoch, self.parameters = value, run.epoch, run.model.state_dict()

    def restore(self, run: Run) -> None:
        """Put the best parameters back, if an epoch has come to its end."""
        if self.parameters is not None:
            run.model.load_state_dict(self.parameters)
            run.history.best = self.epoch

    def on_train_end(self, run: Run) -> None:
        """Put the best parameters back."""
        if self.restore_best:
            self.restore(run)

    def state_dict(self) -> dict[str, Any]:
        """The best value and its parameters."""
        return {"value": self.value, "epoch": self.epoch, "parameters": self.parameters}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. Raises `KindError` for a state of something else; nothing is loaded then."""
        own = self.state_dict()
        wrong = [f"{name!r} is missing" for name in own if name not in state]
        wrong += [
            f"{name!r} is {value!r:.40}" for name, value in state.items() if not _fits(name, value, own)
        ]
        if wrong:
            raise KindError(
                f"this is no state of {type(self).__name__}, and nothing of it was loaded: {'; '.join(wrong)}"
            )
        vars(self).update(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(monitor={self.monitor!r}, mode={self.mode!r})"


class EarlyStopping(KeepBest):
    """Ends the training once `monitor` has not improved for `patience` epochs, and puts the best parameters back.

    An improvement is one by more than `min_delta`; the parameters that are kept are the best, however
    little better they are. `monitor`, `mode` and `restore_best` as in `KeepBest`.

    >>> from chainrule import nn
    >>> X, y = nn.datasets.moons(200, noise=0.3, seed=0)
    >>> X, X_val, y, y_val = nn.split(X, y, test_size=0.5, seed=0)
    >>> model = nn.MLP(2, [32, 2], seed=0)
    >>> history = nn.fit(model, nn.cross_entropy, (X, y), validation=(X_val, y_val), epochs=1000, progress=False,
    ...                  optimizer=nn.Adam(model.parameters(), lr=0.05), early_stopping=nn.EarlyStopping(patience=5))
    >>> history.ended, len(history) - history.best
    ('no better val_loss for 5 epochs', 5)
    """

    def __init__(
        self,
        patience: int = 10,
        min_delta: float = 0.0,
        monitor: str | None = None,
        mode: str | None = None,
        restore_best: bool = True,
    ) -> None:
        self.patience, self.min_delta = whole_number(patience, "patience"), number("min_delta", min_delta)
        super().__init__(monitor, mode, restore_best)

    def _begin(self, column: str = "loss") -> None:
        super()._begin(column)
        self.waited, self.reference = 0, math.nan

    def on_epoch_end(self, run: Run) -> None:
        """Keep the best, and count the epochs since the last improvement."""
        super().on_epoch_end(run)
        value = self.measured(run)
        if self.better(value, self.reference, self.min_delta):
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
            if self.waited >= self.patience:
                run.stop(f"no better {self.column} for {self.patience} epoch{'s' * (self.patience > 1)}")

    def state_dict(self) -> dict[str, Any]:
        """What is kept, and how long it has waited."""
        return {**super().state_dict(), "waited": self.waited, "reference": self.reference}


class PrintEpochs(Callback):
    """Prints a line of numbers every so many epochs: a progress bar for logs.

    >>> from chainrule import nn
    >>> model, data = nn.MLP(2, [2], seed=0), nn.datasets.moons(64, seed=0)
    >>> printing = nn.callbacks.PrintEpochs(10)
    >>> history = nn.fit(model, nn.cross_entropy, data, epochs=20, callbacks=[printing], progress=False)
    epoch 10/20: loss 0.9743, lr 0.001
    epoch 20/20: loss 0.9464, lr 0.001
    """

    def __init__(self, every: int = 1) -> None:
        self.every = whole_number(every, "the number of epochs from line to line")

    def on_epoch_end(self, run: Run) -> None:
        """Print, if it is time."""
        if run.epoch % self.every == 0 or run.epoch == run.epochs:
            numbers = (
                f"{name} {value:.4g}" for name, value in run.row.items() if name not in ("epoch", "seconds")
            )
            print(f"epoch {run.epoch}/{run.epochs}: {', '.join(numbers)}")


def _fits(name: str, value: Any, own: Mapping[str, Any]) -> bool:
    """Whether a value can stand under this name in a state; what subclasses add is theirs to look at."""
    if name in ("epoch", "waited"):
        return type(value) is int and value >= 0
    if name in ("value", "reference"):
        return isinstance(value, (float, np.number)) or (type(value) is int and abs(value) < 2**1000)
    if name == "parameters":
        arrays = value.values() if isinstance(value, dict) else [value]
        return value is None or all(isinstance(array, np.ndarray) for array in arrays)
    return name in own


def _mode(monitor: str) -> str:
    for mode, endings in {"min": ("loss", "error"), "max": ("accuracy", "score", "r2")}.items():
        if monitor.endswith(endings):
            return mode
    raise RangeError(f"is a higher {monitor!r} better, or a lower one? Write mode='max' or mode='min'")
