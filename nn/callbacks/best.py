"""The best epoch: its parameters are kept, and a training without improvement ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import describe, spelt
from ..base.arguments import flag, whole_number
from ..optim.options import number
from .callback import Callback

if TYPE_CHECKING:
    from ..training.run import Run

__all__ = ["EarlyStopping", "KeepBest"]


class KeepBest(Callback):
    """Keeps the parameters of the epoch with the best `monitor`, and restores them at the end.

    `monitor` is a column of the history: by default `val_loss`, or `loss` where there is no validation. `mode` says
    whether lower (`"min"`) or higher values (`"max"`) are better; it is known for losses, errors and accuracies.
    With `restore_best=False` the model keeps the parameters of the last epoch. Each `fit` starts again.

    >>> from chainrule import nn
    >>> nn.callbacks.KeepBest("val_accuracy")
    KeepBest(monitor='val_accuracy', mode='max')
    """

    @spelt
    def __init__(
        self, monitor: str | None = None, mode: str | None = None, restore_best: bool = True
    ) -> None:
        if not isinstance(mode, (str, type(None))) or mode not in (None, "min", "max"):
            raise RangeError(f"mode is 'min' where lower is better, or 'max'; given {mode!r}")
        if not isinstance(monitor, (str, type(None))):
            raise KindError(f"monitor is the name of a column, such as 'val_loss'; given {describe(monitor)}")
        self.monitor, self.mode = monitor, mode
        self.restore_best = flag("restore_best", restore_best)
        if monitor is not None and mode is None:
            self.mode = _mode(monitor)
        self._begin()

    def _begin(self, column: str = "loss") -> None:
        """Reset: nothing is kept yet; `column` is monitored if `monitor` is `None`."""
        self.column, self.direction = self.monitor or column, self.mode or "min"
        self.value, self.epoch = math.nan, 0
        self.parameters: dict[str, Any] | None = None

    def on_fit_begin(self, run: Run) -> None:
        """Delete the results of an earlier training, and choose the monitored column."""
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
        """Keep the parameters if this epoch is the best so far."""
        value = self.measured(run)
        if self.better(value, self.value):
            self.value, self.epoch, self.parameters = value, run.epoch, run.model.state_dict()

    def restore(self, run: Run) -> None:
        """Restore the best parameters, if an epoch has been completed."""
        if self.parameters is not None:
            run.model.load_state_dict(self.parameters)
            run.history.best = self.epoch

    def on_train_end(self, run: Run) -> None:
        """Restore the best parameters."""
        if self.restore_best:
            self.restore(run)

    def state_dict(self) -> dict[str, Any]:
        """The best value and its parameters."""
        return {"value": self.value, "epoch": self.epoch, "parameters": self.parameters}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()`. Raises `KindError` for another state; then nothing is loaded."""
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
    """Ends the training when `monitor` has not improved for `patience` epochs, and restores the best parameters.

    An improvement has to be larger than `min_delta`; the kept parameters are the best ones, also where the improvement
    was smaller. `monitor`, `mode` and `restore_best` are as in `KeepBest`.

    >>> from chainrule import nn
    >>> X, y = nn.datasets.moons(200, noise=0.3, seed=0)
    >>> X, X_val, y, y_val = nn.split(X, y, test_size=0.5, seed=0)
    >>> model = nn.MLP(2, [32, 2], seed=0)
    >>> history = nn.fit(model, nn.cross_entropy, (X, y), validation=(X_val, y_val), epochs=1000, progress=False,
    ...                  optimizer=nn.Adam(model.parameters(), lr=0.05), early_stopping=nn.EarlyStopping(patience=5))
    >>> history.ended, len(history) - history.best
    ('no better val_loss for 5 epochs', 5)
    """

    @spelt
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
        """The best value and its parameters, and the number of epochs without improvement."""
        return {**super().state_dict(), "waited": self.waited, "reference": self.reference}


def _fits(name: str, value: Any, own: Mapping[str, Any]) -> bool:
    """Whether a value is possible under this name in a state; names that subclasses add are not checked."""
    if name in ("epoch", "waited"):
        return type(value) is int and value >= 0
    if name in ("value", "reference"):
        return isinstance(value, (float, np.number)) or (type(value) is int and abs(value) < 2**1000)
    if name == "parameters":
        arrays = value.values() if isinstance(value, dict) else [value]
        return value is None or all(isinstance(array, np.ndarray) for array in arrays)
    return name in own


def _mode(monitor: str) -> str:
    """Whether lower or higher values of a column are better, from its name."""
    for mode, endings in {"min": ("loss", "error"), "max": ("accuracy", "score", "r2")}.items():
        if monitor.endswith(endings):
            return mode
    raise RangeError(f"is a higher {monitor!r} better, or a lower one? Write mode='max' or mode='min'")
