"""Training: the loop over epochs and batches, and what goes around it.

The loop itself is three lines, which you can write yourself:

    for X, y in loader:
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()

`fit` adds validation, a progress bar, a history, and what callbacks do (`callbacks.py`); it sees to it that a training
that is killed can go on to the same bits (`checkpoints.py`), that Ctrl-C leaves a good model, and that NaN is noticed
before it reaches the parameters. The steps are in `Run`.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

from ..autograd import Node, detect_nonfinite, no_grad
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, NonfiniteError, RangeError, ShapeError
from . import saving
from .callbacks import Callback, EarlyStopping, KeepBest
from .checkpoints import generators_in, pack, unpack
from .data import DataLoader
from .history import History
from .module import Module, ScalarParameter, one_number, whole_number
from .optim import Adam, Optimizer, clip_grad_norm_, clip_grad_value_
from .schedules import Warmup

__all__ = ["Run", "evaluate", "fit"]

Loss = Callable[[Any, Any], Any]
Metrics = Mapping[str, Callable[[Any, Any], float]] | Iterable[Callable[[Any, Any], float]] | None
Data = DataLoader | tuple[Any, ...]


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
    schedule: Any = None,
    penalty: Callable[[Module], Any] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    early_stopping: EarlyStopping | int | None = None,
    callbacks: Sequence[Any] = (),
    checkpoint: str | os.PathLike[str] | None = None,
    seed: int | None = 0,
    progress: bool = True,
) -> History:
    """Train a model and say how it went.

    `loss(prediction, target)` gives one number for a batch, its mean. `data` is `(X, y)`, or several inputs and
    the target, which are cut into batches of `batch_size` in an order that depends on `seed`; or a `DataLoader`. A
    network of Values is called with one row at a time, and the loss gets the list of what it returned.

    - `optimizer` is Adam unless one is given; `schedule` is one of `nn.schedules`, or a list of them, whose factors
      multiply. Those that look at a metric are given the validation loss (or what early stopping monitors).
    - `validation` is data to measure loss and metrics on after each epoch, in evaluation mode and with nothing
      recorded; its columns in the history start with `val_`.
    - `metrics` are functions such as `accuracy`, in a list, or in a dict with their names. The loss and metrics of
      training are means over the epoch, while the model changes.
    - `penalty(model)` is added to the loss of each batch, and has a column of its own.
    - `clip_norm` and `clip_value` limit the gradients before each step.
    - `early_stopping` is an `EarlyStopping`, or its patience: the best model is put back at the end.
    - `callbacks` are objects as in `nn.callbacks`, or functions that are called after each epoch.
    - `checkpoint` is a file, `.npz` or `.safetensors`, that is written after each epoch. If it is there already, the
      training goes on from it, and ends with the bits that it would have had; delete it to start anew.

    A second `fit` goes on from where the model, its optimiser, schedules and a loader stand; callbacks begin anew.

    Ctrl-C ends the training after the batch at hand (pressed twice: at once), puts the best model so far back (by
    validation loss, or by loss), and returns the history. Afterwards the model is in evaluation mode.

    Raises `NonfiniteError` when the loss or a gradient becomes NaN or infinite, naming epoch, batch, and the layer and
    the operation where it began; the model is as it was before that batch, and `error.history` is the history.

    >>> from chainrule.nn import MLP, accuracy, cross_entropy, datasets, fit
    >>> model = MLP(2, [16, 2], seed=0)
    >>> history = fit(model, cross_entropy, datasets.moons(100, seed=0), epochs=3, metrics=[accuracy], progress=False)
    >>> len(history["loss"]), history["loss"][0] > history["loss"][-1]
    (3, True)
    """
    if not isinstance(model, Module):
        raise KindError(f"fit trains a module, such as nn.MLP(2, [16, 2]); given {describe(model)}")
    _function(loss, "the loss is a function of prediction and target, such as nn.mse_loss")
    if penalty is not None:
        _function(
            penalty,
            "the penalty is a function of the model, such as lambda model: nn.l2_penalty(model, 0.01)",
        )
    epochs = whole_number(epochs, "epochs", least=0)
    schedules = _listed(schedule)
    optimizer = _optimizer(optimizer, schedules, model)
    run = Run(
        model,
        loss,
        _loader(data, batch_size, True, seed),
        optimizer,
        None if validation is None else _loader(validation, batch_size, False, seed),
        _measures(metrics),
        schedules,
        penalty,
        (clip_norm, clip_value),
        # without early stopping the best model is kept all the same, in case of Ctrl-C
        _each_once(
            [_stopping(early_stopping) or KeepBest(restore_best=False), *map(_callback, _listed(callbacks))]
        ),
        epochs,
    )
    there = checkpoint is not None and saving.check_path(checkpoint)[0].exists()
    run.tell("on_fit_begin")
    run.check_schedules()
    if checkpoint is not None and there:
        run.load(checkpoint)
    bar = tqdm(
        total=epochs * len(run.loader),
        initial=run.epoch * len(run.loader),
        desc=f"epoch {min(run.epoch + 1, epochs)}/{epochs}",
        unit="batch",
        # short, so that the numbers have room in a terminal of 80 columns
        bar_format="{desc}|{bar:10}| {percentage:.0f}% [{elapsed}<{remaining}{postfix}, {rate_fmt}]",
        disable=not progress,
    )
    with bar, _ctrl_c() as asked_to_end:
        try:
            run.tell("on_train_begin")
            while run.epoch < epochs and run.history.ended is None:
                bar.set_description(f"epoch {run.epoch + 1}/{epochs}", refresh=False)
                for _ in run.batches():
                    if progress:
                        bar.set_postfix(run.texts(), refresh=False)
                        bar.update()
                    if asked_to_end():
                        raise KeyboardInterrupt
                run.end_epoch()
                if checkpoint is not None:
                    run.save(checkpoint)
                bar.set_postfix(run.texts(), refresh=False)
                if asked_to_end():
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            run.history.ended = "interrupted"
            run.keeper.restore(run)
        except NonfiniteError as error:
            error.history = run.history  # type: ignore[attr-defined]
            raise
        finally:
            model.eval()
        run.tell("on_train_end")
    return run.history


class Run:
    """A training as it stands: what callbacks see, and what a checkpoint holds.

    Made by `fit`. `epoch` counts from 1; `row` has the numbers of the latest epoch, `latest` loss and metrics of the
    latest batch.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        loader: DataLoader,
        optimizer: Optimizer,
        validation: DataLoader | None,
        metrics: Mapping[str, Callable[[Any, Any], float]],
        schedules: list[Any],
        penalty: Callable[[Module], Any] | None,
        limits: tuple[float | None, float | None],
        callbacks: list[Any],
        epochs: int,
    ) -> None:
        self.model, self.loss, self.loader, self.optimizer = model, loss, loader, optimizer
        self.validation, self.metrics, self.schedules, self.penalty = validation, metrics, schedules, penalty
        self.clip_norm, self.clip_value = limits
        self.callbacks, self.epochs = callbacks, epochs
        self.keeper: KeepBest = callbacks[0]
        self.history = History()
        self.epoch = self.batch = 0
        self.row: dict[str, float] = {}
        self.latest: dict[str, float] = {}
        self.means = _Means()
        self.predict = _on_batches(model)
        self.generators = generators_in(model, *callbacks)
        self.buffers = [(module, name) for module in model.modules() for name in module._buffers]

    def stop(self, reason: str = "stopped") -> None:
        """End the training after this epoch, for a reason that the history will name."""
        self.history.ended = str(reason)

    def tell(self, moment: str) -> None:
        """Call the callbacks that wait for this moment."""
        for callback in self.callbacks:
            getattr(callback, moment, _nothing)(self)

    def check_schedules(self) -> None:
        """Refuse schedules that contradict each other, or what they are to look at."""
        listed = [
            *self.schedules,
            *(each.after for each in self.schedules if isinstance(each, Warmup) and each.after),
        ]
        if len({id(each) for each in listed}) < len(listed):
            raise RangeError(
                f"a schedule is given twice, or both in a Warmup and beside it, and would take two steps at a time; "
                f"given {self.schedules}"
            )
        column, direction = self.keeper.column, self.keeper.direction
        for each in self.schedules:
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

    # ------------------------------------------------------------------ one epoch

    def batches(self) -> Iterator[int]:
        """Train on all batches; yields their numbers."""
        self.started = time.perf_counter()
        self.epoch += 1
        self.batch = 0
        self.means = _Means()
        self.model.train()
        self.tell("on_epoch_begin")
        for *inputs, y in self.loader:
            self.batch += 1
            self.step(inputs, y)
            for schedule in self.schedules:
                if schedule.every == "batch":
                    schedule.step()
            self.tell("on_batch_end")
            yield self.batch

    def step(self, inputs: Sequence[Any], y: Any) -> None:
        """One step of the optimiser: the loop of the manual, and a look at whether all is finite."""
        before = _Before(self.generators, self.buffers)
        self.optimizer.zero_grad()
        output = self.predict(*inputs)
        wrong = total = self.loss(output, y)
        found = {"loss": _number(f"the loss, {_name(self.loss)},", wrong)}
        if not isinstance(wrong, Node):
            raise KindError(
                f"the loss, {_name(self.loss)}, gave {describe(wrong)}, from which no gradient comes. Compute it "
                f"from the prediction by functions of chainrule, without float(), .item() and .data"
            )
        for name, measure in self.metrics.items():
            found[name] = _number(f"the metric {name}", measure(output, y))
        if self.penalty is not None:
            extra = self.penalty(self.model)
            found["penalty"] = _number("the penalty", extra)
            total = wrong + extra
        if not math.isfinite(float(total)):
            self.blame("the loss", float(total), inputs, y, before)
        total.backward()
        for p in self.optimizer.parameters:
            if p.grad is not None and not np.isfinite(p.grad).all():
                self.blame(f"the gradient of {p.name or 'a parameter'}", p.grad, inputs, y, before)
        if self.clip_value is not None:
            clip_grad_value_(self.optimizer.parameters, self.clip_value)
        if self.clip_norm is not None:
            clip_grad_norm_(self.optimizer.parameters, self.clip_norm)
        self.optimizer.step()
        self.latest = found
        self.means.add(_length(y), found)

    def end_epoch(self) -> None:
        """Validate, write the epoch's row, and tell everyone."""
        row = self.means.values()
        if self.validation is not None:
            found = evaluate(self.model, self.loss, self.validation, self.metrics)
            row |= {f"val_{name}": value for name, value in found.items()}
        row |= {"lr": self.optimizer.lr, "seconds": time.perf_counter() - self.started}
        self.row = {"epoch": self.epoch, **row}
        self.history.append(self.row)
        self.tell("on_epoch_end")
        for schedule in self.schedules:
            if schedule.every == "epoch":
                schedule.step(self.keeper.measured(self))

    def texts(self) -> dict[str, str]:
        """Loss, rate and metrics as texts."""
        row = (
            self.row
            if self.row.get("epoch") == self.epoch
            else {**self.means.values(), "lr": self.optimizer.lr}
        )
        names = dict.fromkeys(["loss", "lr", *row])
        return {name: f"{row[name]:.4g}" for name in names if name in row.keys() - {"epoch", "seconds"}}

    def blame(self, what: str, value: Any, inputs: Sequence[Any], y: Any, before: _Before) -> None:
        """Run a batch once more to find where it stops being finite, and raise the error that says so."""
        before.restore()
        found = ""
        try:
            with np.errstate(all="ignore"), detect_nonfinite():
                total = self.loss(self.predict(*inputs), y)
                if self.penalty is not None:
                    total = total + self.penalty(self.model)
                total.backward()
        except NonfiniteError as error:
            found = str(error)
        finally:
            before.restore()
            self.optimizer.zero_grad()
        bad = np.asarray(value)[~np.isfinite(value)].ravel()[0]
        places = [line.split(" / ")[-1] for line in found.splitlines() if line.startswith("  scope: ")]
        layer = f", in {places[0].removeprefix('  scope: ')}" if places else ""
        raise NonfiniteError(
            f"{what} became {bad} in epoch {self.epoch}, batch {self.batch}{layer}; training has stopped, and the "
            f"model is as it was before that batch. Is the learning rate, {self.optimizer.lr}, too high, does the data "
            f"hold NaN, or does a logarithm or a division meet 0?" + (f"\n{found}" if found else "")
        )

    # ------------------------------------------------------------------ checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that the rest of the training depends on."""
        text, arrays = pack(self.state_dict())
        saving.write_marked(path, arrays, {"format": "chainrule training", "version": "1", "state": text})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from what `save` wrote. Raises `FileError` or `ShapeError` for a file of another training."""
        arrays, marks, _ = saving.read_marked(path)
        if marks.get("format") != "chainrule training" or marks.get("version") != "1":
            raise saving.FileError(
                f"{path} is no checkpoint of a training, or one of another version; to start anew give another name"
            )
        before = self.state_dict()
        try:
            state = unpack(marks["state"], arrays)
            if state.keys() != before.keys():
                raise KindError(f"it has {', '.join(state)} in place of {', '.join(before)}")
            found, mine = state["training"], self.signature()
            other = [
                f"{name} {found.get(name)!r}, and {mine.get(name)!r} here"
                for name in {**mine, **found}
                if found.get(name) != mine.get(name)
            ]
            if not other:
                self.load_state_dict(state)
        except BaseException as error:
            self.load_state_dict(before)
            if not isinstance(error, Exception):
                raise
            raise saving.FileError(
                f"{path} does not fit this training, and nothing of it was loaded: {type(error).__name__}: {error}"
            ) from None
        if other:
            raise ShapeError(
                f"{path} is the checkpoint of another training, and nothing of it was loaded: it had "
                f"{'; '.join(other)}. Delete the file, or give another one, to start anew"
            )

    def signature(self) -> dict[str, Any]:
        """What has to be the same for a training to go on."""
        return {
            "model": repr(self.model),
            "loss": _name(self.loss),
            "data": repr(self.loader),
            "optimizer": type(self.optimizer).__name__,
            "schedules": [type(each).__name__ for each in self.schedules],
            "callbacks": [type(each).__name__ for each in self.callbacks],
            "validation": repr(self.validation),
            "metrics": list(self.metrics),
            "limits": [self.clip_norm, self.clip_value],
        }

    def parts(self) -> dict[str, Any]:
        """What has a state of its own."""
        named = {
            "model": self.model,
            "optimizer": self.optimizer,
            "loader": self.loader,
            "history": self.history,
        }
        named |= {f"schedule {i}": each for i, each in enumerate(self.schedules)}
        named |= {
            f"callback {i}": each for i, each in enumerate(self.callbacks) if hasattr(each, "state_dict")
        }
        return named if self.validation is None else {**named, "validation": self.validation}

    def state_dict(self) -> dict[str, Any]:
        """All of it, as nested dicts."""
        return {
            "training": self.signature(),
            "epoch": self.epoch,
            "generators": [generator.bit_generator.state for generator in self.generators],
            "parts": {name: part.state_dict() for name, part in self.parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict()` gave."""
        parts = self.parts()
        if state["parts"].keys() != parts.keys():
            raise KindError(
                f"it holds the states of {', '.join(state['parts'])}, and not of {', '.join(parts)}"
            )
        self.epoch = whole_number(state["epoch"], "the epoch", least=0)
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        for generator, found in zip(self.generators, state["generators"], strict=True):
            generator.bit_generator.state = found
        for callback in self.callbacks:
            if isinstance(callback, KeepBest) and callback.parameters is not None:
                self.model._checked_state(callback.parameters)  # which it puts back at the end
                if callback.epoch > self.epoch:
                    raise RangeError(f"the best epoch is {callback.epoch}, of {self.epoch}")


def evaluate(
    model: Module, loss: Loss, data: Data, metrics: Metrics = None, batch_size: int = 256
) -> dict[str, float]:
    """The mean loss and metrics of a model on data, in evaluation mode and with nothing recorded.

    Arguments are those of `fit`. Afterwards each module is in the mode that it was in.

    >>> from chainrule.nn import MLP, accuracy, cross_entropy, datasets, evaluate
    >>> model = MLP(2, [2], seed=0)
    >>> sorted(evaluate(model, cross_entropy, datasets.moons(100, seed=0), [accuracy]))
    ['accuracy', 'loss']
    """
    measures, means, predict = _measures(metrics), _Means(), _on_batches(model)
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            for *inputs, y in _loader(data, batch_size, False, 0):
                output = predict(*inputs)
                found = {"loss": _number(f"the loss, {_name(loss)},", loss(output, y))}
                for name, measure in measures.items():
                    found[name] = _number(f"the metric {name}", measure(output, y))
                means.add(_length(y), found)
    finally:
        for module, training in modes:
            module.training = training
    return means.values()


def _on_batches(model: Module) -> Callable[..., Any]:
    """The model, as a function of batches: one of Values is given the rows one by one."""
    if isinstance(next(model.named_parameters(), ("", None))[1], ScalarParameter):
        return lambda *inputs: [model(*row) for row in zip(*(np.asarray(x).tolist() for x in inputs))]
    return model


class _Means:
    """Running means of the loss and the metrics, each batch counted with its number of samples."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.samples = 0

    def add(self, n: int, found: Mapping[str, float]) -> None:
        self.samples += n
        for name, value in found.items():
            self.sums[name] = self.sums.get(name, 0.0) + n * value

    def values(self) -> dict[str, float]:
        return {name: total / self.samples for name, total in self.sums.items()}


class _Before:
    """Random generators and running statistics as they were, so that a batch can be run a second time."""

    def __init__(
        self, generators: Sequence[np.random.Generator], buffers: Sequence[tuple[Module, str]]
    ) -> None:
        self.generators = [(generator, generator.bit_generator.state) for generator in generators]
        self.buffers = [(module, name, getattr(module, name).copy()) for module, name in buffers]

    def restore(self) -> None:
        for generator, state in self.generators:
            generator.bit_generator.state = state
        for module, name, before in self.buffers:
            setattr(module, name, before)


@contextmanager
def _ctrl_c() -> Iterator[Callable[[], bool]]:
    """A first Ctrl-C in the block only makes the function that it gives say so; a second one interrupts as always."""
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    # other threads cannot set it, and a handler of the user's has its own plans
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _nothing(run: Run) -> None:
    pass


def _callback(given: Any) -> Any:
    if isinstance(given, type) or not (callable(given) or any(hasattr(given, name) for name in MOMENTS)):
        raise KindError(
            f"a callback is an object with a method {', '.join(MOMENTS)}, or a function; given {describe(given)}"
        )
    if any(hasattr(given, name) for name in MOMENTS):
        return given
    callback = Callback()
    callback.on_epoch_end = given  # type: ignore[method-assign]
    return callback


def _each_once(callbacks: list[Any]) -> list[Any]:
    """Callbacks without those that are there already: one that is given twice is told once."""
    return list({id(callback): callback for callback in callbacks}.values())


MOMENTS = [name for name in vars(Callback) if name.startswith("on_")]


def _optimizer(given: Any, schedules: list[Any], model: Module) -> Optimizer:
    """The optimiser that was given, or that of the schedules, or Adam; it has to change the model."""
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


def _stopping(given: Any) -> EarlyStopping | None:
    if given is None or isinstance(given, EarlyStopping):
        return given
    if isinstance(given, bool) or not isinstance(given, (int, np.integer)):
        raise KindError(
            f"early_stopping is an EarlyStopping, or its patience, such as 10; given {describe(given)}"
        )
    return EarlyStopping(int(given))


def _function(given: Any, what: str) -> None:
    if not callable(given):
        raise KindError(f"{what}; given {describe(given)}")


def _number(what: str, found: Any) -> float:
    """What a loss or a metric found, as a float."""
    try:
        return one_number(found, what)
    except (KindError, TypeError, ValueError):
        raise KindError(
            f"{what} gave {describe(found)}, where one number for the batch is wanted, such as the mean over its "
            f"samples (reduction='mean')"
        ) from None


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _length(y: Any) -> int:
    return len(next(iter(y.values())) if isinstance(y, dict) else y)


def _loader(data: Data, batch_size: int, shuffle: bool, seed: int | None) -> DataLoader:
    if not isinstance(data, DataLoader):
        if not isinstance(data, tuple) or len(data) < 2:
            raise KindError(f"data are a pair (X, y) or a DataLoader; given {describe(data)}")
        data = DataLoader(*data, batch_size=batch_size, shuffle=shuffle, seed=seed)
    if len(data.arrays) < 2:
        raise KindError(
            "a model is trained on inputs and targets; this DataLoader has one array. Write DataLoader(X, y)"
        )
    return data


def _measures(metrics: Metrics) -> dict[str, Callable[[Any, Any], float]]:
    if callable(metrics) or isinstance(metrics, str):
        raise KindError(
            f"metrics are a list or a dict of functions; given one. Write metrics=[{_name(metrics)}]"
        )
    named = (
        dict(metrics) if isinstance(metrics, Mapping) else {_name(metric): metric for metric in metrics or ()}
    )
    for metric in named.values():
        _function(metric, "a metric is a function of prediction and target, such as nn.accuracy")
    return named


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
