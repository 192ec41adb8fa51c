"""The state of a training: the steps of `fit`, what callbacks see, and what a checkpoint holds."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...autograd import KindError, RangeError, ShapeError
from ..base.arguments import whole_number
from ..base.module import Module
from ..callbacks.best import KeepBest
from ..callbacks.callback import Callback
from ..data.loader import DataLoader
from ..engines.before import generators_in
from ..engines.eager import name_of, number_for_batch
from ..engines.step import Step
from ..optim.optimizer import Optimizer
from ..saving.arrays import read_marked, write_marked
from ..saving.rules import FileError
from .arguments import MOMENTS, Loss, n_samples_in
from .checkpoints import pack, unpack
from .evaluation import Means, bound_to_loss, evaluate
from .history import History

__all__ = ["Run"]


class Run:
    """The state of a training: what callbacks see, and what a checkpoint holds.

    `fit` makes it. `epoch` counts from 1; `row` has the numbers of the latest epoch, `latest` the loss and metrics of
    the latest batch.
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
        stepper: Step,
    ) -> None:
        self.stepper = stepper
        self.model, self.loss, self.loader, self.optimizer = model, loss, loader, optimizer
        self.bound = False  # whether the metrics have the threshold of the loss
        self.validation, self.metrics, self.schedules, self.penalty = validation, metrics, schedules, penalty
        self.clip_norm, self.clip_value = limits  # what callbacks see; the stepper clips
        self.callbacks, self.epochs = callbacks, epochs
        self.keeper: KeepBest = callbacks[0]
        self.history = History()
        self.epoch = self.batch = 0
        self.row: dict[str, float] = {}
        self.latest: dict[str, float] = {}
        self.means = Means()
        # whether code of the user's runs between two batches, which may change what a recording holds for
        between = [*metrics.values(), type(loader), *map(type, schedules)]
        own = [f for f in between if not (getattr(f, "__module__", None) or "").startswith("chainrule.")]
        self.told = {moment: [x for x in callbacks if _is_told(x, moment)] for moment in MOMENTS}
        self.looks = bool(own or self.told["on_batch_end"])
        self.generators = generators_in(model, *callbacks)

    def stop(self, reason: str = "stopped") -> None:
        """End the training after this epoch; the history keeps the reason."""
        self.history.ended = str(reason)

    def tell(self, moment: str) -> None:
        """Call the method `moment` of all callbacks that have it."""
        for callback in self.told[moment]:
            self.stepper.synchronise()
            getattr(callback, moment)(self)

    # ------------------------------------------------------------------ one epoch

    def batches(self) -> Iterator[int]:
        """Train on all batches; yields their numbers."""
        self.started = time.perf_counter()
        self.epoch += 1
        self.batch = 0
        self.means = Means()
        self.model.train()
        self.tell("on_epoch_begin")
        each_batch = [schedule for schedule in self.schedules if schedule.every == "batch"]
        for batch in self.loader:
            self.batch += 1
            self.step(batch)
            for schedule in each_batch:
                schedule.step()
            self.tell("on_batch_end")
            yield self.batch

    def step(self, batch: Sequence[Any]) -> None:
        """One step of the optimiser; raises `NonfiniteError` if the loss or a gradient is NaN or infinite."""
        done = self.stepper.run(batch, bool(self.metrics), self.looks or self.batch == 1, self.place)
        found, y = {"loss": done.loss}, batch[-1]
        if self.metrics:
            if not self.bound:
                self.metrics, self.bound = bound_to_loss(self.metrics, self.loss, done.output, y), True
            measured = {
                name: number_for_batch(f"the metric {name}", measure(done.output, y))
                for name, measure in self.metrics.items()
            }
            found |= self.stepper.means(measured)
        if done.penalty is not None:
            found["penalty"] = done.penalty
        self.latest = found
        self.means.add(n_samples_in(y), found)

    def place(self) -> str:
        """Which step this is, for an error."""
        return f"epoch {self.epoch}, batch {self.batch}"

    def end_epoch(self) -> None:
        """Validate, add the row of the epoch to the history, and call callbacks and schedules."""
        row = self.means.values()
        if self.validation is not None:
            self.stepper.synchronise()
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
        """Loss, learning rate and metrics as texts, for the progress bar."""
        row = (
            self.row
            if self.row.get("epoch") == self.epoch
            else {**self.means.values(), "lr": self.optimizer.lr}
        )
        names = dict.fromkeys(["loss", "lr", *row])
        return {name: f"{row[name]:.4g}" for name in names if name in row.keys() - {"epoch", "seconds"}}

    # ------------------------------------------------------------------ checkpoints

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything on which the rest of the training depends; of several processes, the first does."""
        self.stepper.synchronise()
        if not self.stepper.is_main:
            return
        text, arrays = pack(self.state_dict())
        write_marked(path, arrays, {"format": "chainrule training", "version": "1", "state": text})

    def load(self, path: str | os.PathLike[str]) -> None:
        """Continue from a file that `save` wrote. Raises `FileError` or `ShapeError` for a file of another training."""
        arrays, marks, _ = read_marked(path)
        if marks.get("format") != "chainrule training" or marks.get("version") != "1":
            raise FileError(
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
            raise FileError(
                f"{path} does not fit this training, and nothing of it was loaded: {type(error).__name__}: {error}"
            ) from None
        if other:
            raise ShapeError(
                f"{path} is the checkpoint of another training, and nothing of it was loaded: it had "
                f"{'; '.join(other)}. Delete the file, or give another one, to start anew"
            )

    def signature(self) -> dict[str, Any]:
        """What has to be the same for a training to be continued."""
        return {
            "model": repr(self.model),
            "loss": name_of(self.loss),
            "data": re.sub(r", shard=\(.*?\)", "", repr(self.loader)),  # whose number may be another
            "optimizer": type(self.optimizer).__name__,
            "schedules": [type(each).__name__ for each in self.schedules],
            "callbacks": [type(each).__name__ for each in self.callbacks],
            "validation": repr(self.validation),
            "metrics": list(self.metrics),
            "limits": [self.clip_norm, self.clip_value],
        }

    def parts(self) -> dict[str, Any]:
        """The parts that have a state of their own."""
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
        """The whole state, as nested dicts."""
        return {
            "training": self.signature(),
            "epoch": self.epoch,
            "generators": [generator.bit_generator.state for generator in self.generators],
            "parts": {name: part.state_dict() for name, part in self.parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a `state_dict()`."""
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
                self.model._checked_state(callback.parameters)  # they are restored at the end
                if callback.epoch > self.epoch:
                    raise RangeError(f"the best epoch is {callback.epoch}, of {self.epoch}")


def _is_told(callback: Any, moment: str) -> bool:
    """Whether a callback does something at this moment."""
    call = getattr(callback, moment, None)
    return call is not None and getattr(call, "__func__", None) is not getattr(Callback, moment, None)
