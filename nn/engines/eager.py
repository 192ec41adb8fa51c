"""The eager engine: every step records its graph anew. Also what all engines share: a task, and what a step found."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import KindError, Node
from ...autograd.extending import State, describe
from ..base.arguments import one_number
from ..optim.clipping import clip_grad_norm_, clip_grad_value_
from .before import Before, generators_in

__all__ = ["Eager", "Found", "Nonfinite", "Task", "name_of", "number_for_batch"]


@dataclass
class Task:
    """What is minimised: `loss(predict(*inputs), y) + penalty(model)`; and how: clipping, and an optimiser."""

    model: Any
    predict: Callable[..., Any]
    loss: Callable[[Any, Any], Any]
    optimizer: Any
    penalty: Callable[[Any], Any] | None = None
    clip_norm: float | None = None
    clip_value: float | None = None

    def __post_init__(self) -> None:
        self.modules = list(self.model.modules())
        self.generators = list(dict.fromkeys([*generators_in(self.model), *self.state().generators]))
        self.buffers = [(module, name) for module in self.modules for name in module._buffers]
        # where nothing is drawn and there are no statistics, the state is the same before each batch
        self.stateless = None if self.generators or self.buffers else Before([], [])

    def before(self) -> Before:
        """The state before a batch."""
        return self.stateless or Before(self.generators, self.buffers)

    def state(self) -> State:
        """What the model, the loss and the penalty read, beside a batch."""
        return State(self.model, self.loss, self.penalty)

    def losses(self, parts: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
        """The output of the model, the loss, the penalty (or `None`), and their sum, for the parts of a batch."""
        *inputs, y = parts
        output = self.predict(*inputs)
        wrong = total = self.loss(output, y)
        extra = None
        if self.penalty is not None:
            extra = self.penalty(self.model)
            total = wrong + extra
        return output, wrong, extra, total

    def clip(self) -> None:
        """Clip the gradients, where the task says so."""
        if self.clip_value is not None:
            clip_grad_value_(self.optimizer.parameters, self.clip_value)
        if self.clip_norm is not None:
            clip_grad_norm_(self.optimizer.parameters, self.clip_norm)

    @property
    def name(self) -> str:
        """The name of the loss."""
        return name_of(self.loss)


class Found:
    """What a step has computed: the loss and the penalty as floats, and the output of the model before the update.

    The `output` is given as a function that is called when it is asked for: it may have to be read from a device.
    """

    __slots__ = ("_read", "loss", "penalty")

    def __init__(self, loss: float, penalty: float | None, read: Callable[[], Any]) -> None:
        self.loss, self.penalty, self._read = loss, penalty, read

    @property
    def output(self) -> Any:
        """The output of the model."""
        return self._read()


class Nonfinite(Exception):
    """The loss or a gradient of a step is NaN or infinite; nothing has been updated."""

    def __init__(self, what: str, value: Any) -> None:
        super().__init__(what)
        self.what, self.value = what, value


def name_of(function: Any) -> str:
    """The name of a function, or of the class of another callable."""
    return str(getattr(function, "__name__", type(function).__name__))


def number_for_batch(what: str, found: Any) -> float:
    """The value of a loss or a metric, as a float."""
    try:
        return one_number(found, what)
    except (KindError, TypeError, ValueError):
        raise KindError(
            f"{what} gave {describe(found)}, where one number for the batch is needed, such as the mean over its "
            f"samples (reduction='mean')"
        ) from None


def checked_losses(task: Task, losses: tuple[Any, Any, Any, Any]) -> Found:
    """The losses as numbers; raises `KindError` for a loss from which no gradient comes."""
    output, wrong, extra, _ = losses
    number = number_for_batch(f"the loss, {task.name},", wrong)
    if not isinstance(wrong, Node):
        raise KindError(
            f"the loss, {task.name}, gave {describe(wrong)}, from which no gradient comes. Compute it "
            f"from the prediction by functions of chainrule, without float(), .item() and .data"
        )
    return Found(number, None if extra is None else number_for_batch("the penalty", extra), lambda: output)


def differentiate(task: Task, total: Any) -> None:
    """The backward pass of a recorded loss; raises `Nonfinite`."""
    number = float(total)
    if not math.isfinite(number):
        raise Nonfinite("the loss", number)
    total.backward()
    refuse_nonfinite(task)


def refuse_nonfinite(task: Task) -> None:
    """Raise `Nonfinite` for a gradient that is not finite."""
    for p in task.optimizer.parameters:
        if p.grad is not None and not np.isfinite(p.grad).all():
            raise Nonfinite(f"the gradient of {p.name or 'a parameter'}", p.grad)


class Eager:
    """The engine that records every step."""

    name = "eager"
    refused = ""  # why its steps cannot go on; see `Replay`

    def __init__(self, task: Task) -> None:
        self.task = task

    def step(self, parts: Sequence[Any], want_output: bool, look: bool = True) -> Found:
        """One step on the parts of a batch."""
        task = self.task
        task.optimizer.zero_grad()
        losses = task.losses(parts)
        found = checked_losses(task, losses)
        differentiate(task, losses[3])
        task.clip()
        task.optimizer.step()
        return found
