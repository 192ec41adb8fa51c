"""One training: batches, changes on the way, and what is kept of it, so that it can be looked at and continued.

`Run(recipe)` starts at step 0; `advance()` trains on one batch and makes the changes of the recipe when their step has
come. At the ends of epochs the losses and a `Moment` (all that a continuation needs) are kept. When there are too many,
every second one is dropped, so that a training of any length takes the same memory.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....autograd import ChainruleError, no_grad
from ....nn import Module, Step
from ...common.errors import OptionError
from .calls import found
from .data import Data, with_features
from .network import LOSSES, loader_call, model_call, optimizer_call, penalty_name, schedule_call
from .settings import MOST_CHANGES, Change, Recipe, Settings

__all__ = ["Moment", "Run"]

MOST_MOMENTS = 200
MOST_LOSSES = 400


@dataclass(frozen=True, eq=False)
class Moment:
    """The state of a training after `steps` batches."""

    steps: int
    parameters: tuple[np.ndarray, ...]
    optimizer: dict[str, Any]
    schedule: dict[str, Any] | None
    loader: dict[str, int]
    random: dict[str, Any]
    changes: int  # how many of the recipe's have been made


class Run:
    """A training that can be advanced batch by batch.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> run = Run(Recipe(Settings(data="xor", samples=100, batch=10)))
    >>> run.train(50)
    >>> run.steps, run.epoch, run.recipe().address()
    (50, 10, 'data=xor&samples=100&steps=50')
    """

    def __init__(self, recipe: Recipe) -> None:
        self.settings = settings = recipe.settings
        self.data = data = Data.of(settings)
        self.rng = np.random.default_rng(settings.seed)
        self.inputs = with_features(data.X, settings.inputs)
        self.inputs_test = with_features(data.X_test, settings.inputs)
        self.loss = found(LOSSES[settings.problem], {})
        self.model: Any = model_call(settings).made({"rng": self.rng})
        self.viewer_rng = np.random.default_rng(0)
        self.viewer: Any = model_call(settings).made({"rng": self.viewer_rng}).eval()
        names: dict[str, Any] = {"model": self.model, "inputs": self.inputs, "y": data.y}
        self.optimizer = names["optimizer"] = optimizer_call(settings).made(names)
        schedule = schedule_call(settings)
        self.schedule = None if schedule is None else schedule.made(names)
        self.loader = loader_call(settings).made(names)
        self.penalty = _penalty(settings)
        self.step = self._stepper()
        self.changes = list(recipe.changes)
        for change in self.changes:
            self._check(change)
        self.made = 0
        self.steps = 0
        self.batches = self._endless()
        self.losses: list[tuple[float, float, float]] = []  # epoch, of the training data, of the test data
        self.moments: list[Moment] = []
        self.every = {"losses": 1, "moments": 1}  # epochs
        self._make_changes()
        self._keep()

    def _stepper(self) -> Step:
        return Step(self.model, self.loss, self.optimizer, engine="auto", penalty=self.penalty)

    def _endless(self) -> Iterator[Any]:
        """The batches of all epochs from here on; the schedule steps before the first batch of the next epoch."""
        while True:
            if self.schedule is not None and self.schedule.t < self.loader.epoch:
                self.schedule.step()
            yield from self.loader

    # ------------------------------------------------------------------ where the training is

    @property
    def per_epoch(self) -> int:
        """The number of batches of an epoch."""
        return len(self.loader)

    @property
    def epoch(self) -> int:
        """The number of epochs that have been completed."""
        return self.steps // self.per_epoch

    def recipe(self, moment: Moment | None = None) -> Recipe:
        """All that leads to the present numbers, or to those of a moment."""
        made, steps = (self.made, self.steps) if moment is None else (moment.changes, moment.steps)
        return Recipe(self.settings, tuple(self.changes[:made]), steps)

    # ------------------------------------------------------------------ training

    def train(self, steps: int) -> None:
        """Train on so many batches."""
        for _ in range(steps):
            self.advance()

    def advance(self) -> None:
        """Train on the next batch. Raises `NonfiniteError` if a number is not finite; then nothing has changed."""
        before, schedule, rate = self.loader.state_dict(), self._schedule_state(), self.optimizer.lr
        batch = next(self.batches)
        try:
            with np.errstate(all="ignore"):  # numbers that are not finite are an error of the step
                self.step(*batch)
        except ChainruleError:
            if self.schedule is not None:
                self.schedule.load_state_dict(schedule)
                self.optimizer.lr = rate
            self._seek(before)
            raise
        self.steps += 1
        self._make_changes()
        if self.steps % self.per_epoch == 0:
            self._keep()

    def _make_changes(self) -> None:
        while self.made < len(self.changes) and self.changes[self.made].step <= self.steps:
            self._apply(self.changes[self.made])
            self.made += 1

    # ------------------------------------------------------------------ changes

    def change(self, name: str, index: tuple[int, ...], value: float) -> None:
        """Set the rate, `"rate"`, or an element of a parameter, as in `("0.weight", (1, 0), -2.5)`; from now on."""
        if self.made >= MOST_CHANGES:
            raise OptionError(f"{MOST_CHANGES} changes by hand are the limit of a training; reset it first")
        change = Change(self.steps, name, index, value)
        self._check(change)
        last = self.changes[self.made - 1] if self.made else None
        self._apply(change)
        if last is not None and (last.step, last.name, last.index) == (change.step, name, index):
            self.made -= 1  # the same number again, as while it is dragged
        self.changes[self.made :] = [change]
        self.made += 1
        if self.moments and self.moments[-1].steps == self.steps:
            self.moments[-1] = self.moment()
        if self.losses and self.losses[-1][0] * self.per_epoch == self.steps:
            self.losses[-1] = self._losses()

    def _check(self, change: Change) -> None:
        if not np.isfinite(change.value):
            raise OptionError(f"a number is finite; given {change.value}")
        if change.name == "rate":
            if change.index or not 0 < change.value <= 100:
                raise OptionError(f"a learning rate is more than 0, and 100 at most; given {change.value}")
            return
        arrays = dict(self.model.named_parameters())
        if change.name not in arrays:
            raise OptionError(f"there is no parameter {change.name!r:.60}; there are {', '.join(arrays)}")
        shape = arrays[change.name].shape
        if len(change.index) != len(shape) or not all(0 <= i < n for i, n in zip(change.index, shape)):
            raise OptionError(f"{change.name} has shape {shape}, and no element {change.index}")

    def _apply(self, change: Change) -> None:
        if change.name == "rate":
            self.optimizer.lr = change.value
        else:
            dict(self.model.named_parameters())[change.name].data[change.index] = change.value

    # ------------------------------------------------------------------ what is kept

    def moment(self) -> Moment:
        """All that the training needs to continue from here."""
        return Moment(
            self.steps,
            tuple(p.data.copy() for p in self.model.parameters()),
            copy.deepcopy(self.optimizer.state_dict()),
            self._schedule_state(),
            self.loader.state_dict(),
            copy.deepcopy(dict(self.rng.bit_generator.state)),
            self.made,
        )

    def restore(self, moment: Moment) -> None:
        """Continue from a moment: what came after it is dropped."""
        for p, array in zip(self.model.parameters(), moment.parameters):
            p.data = array.copy()
        if self.schedule is not None and moment.schedule is not None:
            self.schedule.load_state_dict(moment.schedule)
        # after the schedule: the rate may have been changed by hand
        self.optimizer.load_state_dict(moment.optimizer)
        self.rng.bit_generator.state = copy.deepcopy(moment.random)
        self.steps, self.made = moment.steps, moment.changes
        del self.changes[self.made :]
        self._seek(moment.loader)
        self.step = self._stepper()
        epoch = moment.steps / self.per_epoch
        self.losses = [each for each in self.losses if each[0] <= epoch]
        self.moments = [each for each in self.moments if each.steps <= moment.steps]

    def _schedule_state(self) -> Any:
        return None if self.schedule is None else self.schedule.state_dict()

    def _seek(self, state: dict[str, int]) -> None:
        self.loader.load_state_dict(state)
        self.batches = self._endless()

    def _keep(self) -> None:
        if self.epoch % self.every["losses"] == 0:
            self.losses.append(self._losses())
            if len(self.losses) > MOST_LOSSES:
                self.every["losses"] *= 2
                self.losses = self.losses[::2]
        if self.epoch % self.every["moments"] == 0:
            self.moments.append(self.moment())
            if len(self.moments) > MOST_MOMENTS:
                self.every["moments"] *= 2
                self.moments = self.moments[::2]

    # ------------------------------------------------------------------ looking

    def view(self, moment: Moment | None = None) -> Any:
        """A second network with the present parameters, or with those of a moment; looking at it changes nothing.

        It is in evaluation mode. In training mode its dropout draws what the next step of the training will draw.
        """
        now = [p.data for p in self.model.parameters()] if moment is None else moment.parameters
        for q, array in zip(self.viewer.parameters(), now):
            q.data = array.copy()
        state = self.rng.bit_generator.state if moment is None else moment.random
        self.viewer_rng.bit_generator.state = copy.deepcopy(state)
        return self.viewer.eval()

    def upcoming(self, moment: Moment | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The batch that is trained on next, or was trained on after a moment: its inputs and targets."""
        ahead = loader_call(self.settings).made({"inputs": self.inputs, "y": self.data.y})
        ahead.load_state_dict(self.loader.state_dict() if moment is None else moment.loader)
        batch: tuple[np.ndarray, np.ndarray] = next(iter(ahead))
        return batch

    def total(self, model: Any, inputs: np.ndarray, y: np.ndarray) -> Any:
        """What a step minimises: the loss of a batch, and the penalty."""
        loss = self.loss(model(inputs), y)
        return loss if self.penalty is None else loss + self.penalty(model)

    def _losses(self) -> tuple[float, float, float]:
        return (self.steps / self.per_epoch, *self.losses_of(self.view()))

    def losses_of(self, model: Module) -> tuple[float, float]:
        """The loss of a network on the training data and on the test data, without the penalty."""
        with no_grad(), np.errstate(all="ignore"):
            return (
                float(self.loss(model(self.inputs), self.data.y).data),
                float(self.loss(model(self.inputs_test), self.data.y_test).data),
            )


def _penalty(settings: Settings) -> Any:
    name = penalty_name(settings)
    if name is None:
        return None
    function, strength = found(name, {}), settings.strength
    return lambda model: function(model, strength)
