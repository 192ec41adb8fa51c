"""The arguments of `fit` and `evaluate`, checked and completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ...autograd import KindError, RangeError
from ...autograd.extending import describe
from ..base.module import Module
from ..callbacks.best import EarlyStopping
from ..callbacks.callback import Callback
from ..data.loader import DataLoader
from ..engines.eager import name_of
from ..optim.adam import Adam
from ..optim.optimizer import Optimizer
from ..schedules.warmup import Warmup

__all__ = [
    "MOMENTS",
    "check_schedules",
    "Data",
    "Loss",
    "Metrics",
    "as_callback",
    "as_loader",
    "as_stopping",
    "check_function",
    "check_model_and_loss",
    "chosen_optimizer",
    "each_once",
    "listed",
    "n_samples_in",
    "named_metrics",
]

COLUMNS = ("epoch", "loss", "penalty", "lr", "seconds")  # of a history, beside those of metrics

Loss = Callable[[Any, Any], Any]
Metrics = Mapping[str, Callable[[Any, Any], float]] | Iterable[Callable[[Any, Any], float]] | None
Data = DataLoader | tuple[Any, ...]


def as_callback(given: Any) -> Any:
    """A callback object; a function becomes one that is called after each epoch."""
    if isinstance(given, type) or not (callable(given) or any(hasattr(given, name) for name in MOMENTS)):
        raise KindError(
            f"a callback is an object with a method {', '.join(MOMENTS)}, or a function; given {describe(given)}"
        )
    if any(hasattr(given, name) for name in MOMENTS):
        return given
    callback = Callback()
    callback.on_epoch_end = given  # type: ignore[method-assign]
    return callback


def each_once(callbacks: list[Any]) -> list[Any]:
    """The callbacks without duplicates: a callback that is given twice is called once."""
    return list({id(callback): callback for callback in callbacks}.values())


MOMENTS = [name for name in vars(Callback) if name.startswith("on_")]


def chosen_optimizer(given: Any, schedules: list[Any], model: Module) -> Optimizer:
    """The optimiser that was given, or that of the schedules, or Adam; it has to hold parameters of the model."""
    for each in schedules:
        if isinstance(each, type) or not (hasattr(each, "optimizer") and hasattr(each, "step")):
            raise KindError(
                f"a schedule is made with an optimizer, as in nn.schedules.Cosine(optimizer, T_max=10); "
                f"given {describe(each)}"
            )
    found = schedules[0].optimizer if given is None and schedules else given
    if found is None:
        found = Adam(model.parameters())
    if not isinstance(found, Optimizer):
        raise KindError(
            f"the optimizer is made with the model's parameters, as in nn.SGD(model.parameters(), lr=0.1); "
            f"given {describe(found)}"
        )
    if any(each.optimizer is not found for each in schedules):
        raise KindError("a schedule was made for another optimizer than the one that fit was given")
    if set(found.parameters).isdisjoint(model.parameters()):
        raise KindError(
            f"the optimizer changes none of the model's parameters: was it made for another model? Write "
            f"{type(found).__name__}(model.parameters(), ...)"
        )
    return found


def as_stopping(given: Any) -> EarlyStopping | None:
    """Early stopping, from an `EarlyStopping` or its patience."""
    if given is None or isinstance(given, EarlyStopping):
        return given
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)):
        raise KindError(
            f"early_stopping is an EarlyStopping, or its patience, such as 10; given {describe(given)}"
        )
    return EarlyStopping(int(given))


def check_function(given: Any, what: str) -> None:
    """Raise `KindError` for what cannot be called."""
    if not callable(given):
        raise KindError(f"{what}; given {describe(given)}")


def check_model_and_loss(model: Any, loss: Any, what: str, does: str) -> None:
    """Raise `KindError` for what is no module, and for a loss that cannot be called."""
    if not isinstance(model, Module):
        raise KindError(f"{what} {does} a module, such as nn.MLP(2, [16, 2]); given {describe(model)}")
    check_function(
        loss,
        f"{what} takes the model, the loss and the data, as in {what}(model, nn.mse_loss, (X, y)); the loss is a "
        f"function of prediction and target, such as nn.mse_loss",
    )


def listed(given: Any) -> list[Any]:
    """A list of one thing, of several in a list or tuple, or of nothing for `None`."""
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def n_samples_in(y: Any) -> int:
    """The number of samples in the targets of a batch."""
    return len(next(iter(y.values())) if isinstance(y, dict) else y)


def as_loader(data: Data, batch_size: int, shuffle: bool, seed: int | None) -> DataLoader:
    """A loader of inputs and targets, from a loader or a tuple of arrays."""
    if not isinstance(data, DataLoader):
        if not isinstance(data, tuple) or len(data) < 2:
            raise KindError(f"data are a pair (X, y) or a DataLoader; given {describe(data)}")
        data = DataLoader(*data, batch_size=batch_size, shuffle=shuffle, seed=seed)
    if len(data.arrays) < 2:
        raise KindError(
            "a model is trained on inputs and targets; this DataLoader has one array. Write DataLoader(X, y)"
        )
    return data


def named_metrics(metrics: Metrics) -> dict[str, Callable[[Any, Any], float]]:
    """The metrics with their names, from a list or a dict of them."""
    if callable(metrics) or isinstance(metrics, str) or not isinstance(metrics, (Iterable, type(None))):
        raise KindError(
            f"metrics are a list or a dict of functions; given {describe(metrics)}. Write metrics=[nn.accuracy]"
        )
    given = [*metrics.items()] if isinstance(metrics, Mapping) else [(name_of(m), m) for m in metrics or ()]
    named: dict[str, Callable[[Any, Any], float]] = {}
    for name, metric in given:
        check_function(metric, "a metric is a function of prediction and target, such as nn.accuracy")
        if name in COLUMNS or str(name).startswith("val_"):
            raise RangeError(
                f"the history has a column {name!r} of its own, or may have one; give the metric another name, as in "
                f"metrics={{'share': nn.accuracy}}"
            )
        if named.setdefault(name, metric) is not metric:
            raise RangeError(
                f"two metrics are called {name!r}, and have one column; give a dict with a name for each"
            )
    return named


def check_schedules(schedules: list[Any], column: str, direction: str) -> None:
    """Raise `RangeError` for schedules that contradict each other, or the metric that they will be given.

    `column` is the name of that metric, and `direction` says whether lower (`"min"`) or higher values are better.
    """
    used = [*schedules, *(each.after for each in schedules if isinstance(each, Warmup) and each.after)]
    if len({id(each) for each in used}) < len(used):
        raise RangeError(
            f"a schedule is given twice, or both in a Warmup and beside it, and would take two steps at a time; "
            f"given {schedules}"
        )
    for each in schedules:
        mode, name = getattr(each, "mode", None), type(each).__name__
        if mode is not None and each.every == "batch":
            raise RangeError(
                f"a {name} that looks at a metric takes one step each epoch, when {column} is measured; given one "
                f"with every='batch'. For a warm-up by batches give two schedules, Warmup(optimizer, ..., "
                f"every='batch') and ReduceOnPlateau(optimizer)"
            )
        if mode not in (None, direction):
            raise RangeError(
                f"{name} has mode={mode!r} and is given {column}, which is better when it is "
                f"{'lower' if direction == 'min' else 'higher'}. Write mode={direction!r}, or have early stopping "
                f"monitor another quantity, as in early_stopping=nn.EarlyStopping(monitor='val_accuracy')"
            )
