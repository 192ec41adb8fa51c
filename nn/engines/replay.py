"""The replay engine: a step is recorded once for each shape of batch, and computed anew by its recording."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable
from typing import Any

import numpy as np

from ...autograd import Node, RecordingError
from ...autograd.extending import Following, GivenUp, Recorded, backend_for
from .batch import Batch
from .eager import Found, Nonfinite, Task, checked_losses, differentiate, refuse_nonfinite

__all__ = ["Replay", "recorded_step"]


class Unkept(RecordingError):
    """A recording of a step that no replay can use, though the step itself was computed."""

    def __init__(self, message: str, losses: Any, found: Any) -> None:
        super().__init__(message)
        self.losses, self.found = losses, found


class Changed(Unkept):
    """A step that changes what the model or the loss reads."""

    def __init__(self, names: str, losses: Any, found: Any) -> None:
        super().__init__(
            f"the model or the loss changes {names} in a step; a replay would not", losses, found
        )


class Replay:
    """The engine that replays.

    With `verify`, the second batch of a shape is recorded as well, and has to give the same recording; then a state
    that changes from step to step, which a replay would not see, is noticed.
    """

    name = "replay"

    def __init__(self, task: Task, verify: bool = False) -> None:
        self.task, self.verify = task, verify
        # several for a shape, where the numbers of a batch choose, as samples do that are to be ignored
        self.recordings: dict[Hashable, list[Any]] = {}
        self.once: dict[Hashable, list[Recorded]] = {}  # recorded, and to be verified
        self.backend = backend_for("numpy")
        self.changed: set[Hashable] = set()
        self.refused = ""  # why no step can be replayed; found after a step
        self.steps = self.renewed = 0  # steps, and recordings that were made because something had changed

    def step(self, batch: Batch, want_output: bool, look: bool = True) -> Found:
        """One step on a batch. Raises `RecordingError` if it cannot be replayed.

        Without `look`, no code of the user's has run since the step before, so that what a recording reads is the same.
        """
        task = self.task
        key = batch.key, state_of(task), want_output
        task.optimizer.zero_grad()
        self.steps += 1
        replayed = self._replayed(key, batch, look)
        if replayed is None:
            losses, found = self._record(key, batch, want_output)
            differentiate(task, losses[3])
        else:
            replay, results, output = replayed
            total = results[1].item()
            found = Found(results[0].item(), None if task.penalty is None else results[2].item(), output)
            if not math.isfinite(total):
                raise Nonfinite("the loss", total)
            if not replay.backward():
                refuse_nonfinite(task)
        task.clip()
        task.optimizer.step()
        return found

    def _replayed(self, key: Hashable, batch: Batch, look: bool) -> tuple[Any, Any, Any] | None:
        """The replay that holds for a batch, the results that it has computed, and the output of the model."""
        kept = self.recordings.get(key, [])
        for each in kept:
            replay, output = each
            if look and not replay.recorded.is_current:
                kept.remove(each)
                self._renew(replay.recorded)
                return None
            try:
                return replay, replay.forward(batch.arrays), output
            except GivenUp as error:
                if error.late:
                    raise
        return None

    def _record(self, key: Hashable, batch: Batch, want_output: bool) -> tuple[Any, Found]:
        """Record the losses of a batch, and keep the recording for later ones.

        With `verify`, a recording that cannot be kept is a step like any other; `refused` says why.
        """
        states = random.getstate(), np.random.get_state()  # noqa: NPY002 - which others draw from
        try:
            recorded, losses, found = recorded_step(self.task, batch, want_output)
        except Unkept as error:
            if isinstance(error, Changed) and key not in self.changed:  # the first time, it may fill a cache
                self.changed.add(key)
                return error.losses, error.found
            if not self.verify:
                raise
            self.refused = str(error)
            return error.losses, error.found
        except RecordingError:
            random.setstate(states[0])
            np.random.set_state(states[1])  # noqa: NPY002
            raise
        made = self.recordings.setdefault(key, []), self.once.setdefault(key, [])
        before = next((each for each in made[1] if each.holds_for(batch.arrays)), None)
        if before is not None:
            made[1].remove(before)
            if not before.is_current:
                self._renew(before)
                before = None
        if self.verify and before is None:
            made[1].append(recorded)
        elif before is not None and not before.is_like(recorded):
            self.refused = (
                "two batches of one shape gave different recordings: something changes from step to step that a replay "
                "would not see, such as a number that the loss computes by itself"
            )
        else:
            made[0].append((self.backend(recorded), losses[0]))
        return losses, found

    def _renew(self, recorded: Recorded) -> None:
        """Count a recording that does not hold any more; with `verify`, many of them are refused."""
        self.renewed += 1
        if self.verify and self.renewed >= 8 and 4 * self.renewed > self.steps:
            raise RecordingError(f"it would be recorded again and again, because of {recorded.changed()}")


def state_of(task: Task) -> Hashable:
    """What a recording holds for, beside the shapes: the modes of modules, and which parameters are frozen."""
    return (
        tuple([module.training for module in task.modules]),
        tuple([p._requires_grad for p in task.optimizer.parameters]),
    )


def recorded_step(task: Task, batch: Batch, want_output: bool) -> tuple[Recorded, Any, Found]:
    """Record the losses of a batch; the graph is that of an eager step.

    Its results are the loss, the sum of loss and penalty, the penalty if there is one, and the output if it is wanted.
    """
    if batch.key is None:
        raise RecordingError(f"a recording takes arrays of numbers; this batch has {batch.described()}")
    hooked = [module for module in task.modules if module._hooks]
    if hooked:
        raise RecordingError(f"{hooked[0]._described()} has a forward hook, which a replay would not call")
    leaves = batch.leaves()
    watch = Following("a replay of the training step", leaves, task.state(), plain=leaves)
    with watch.block():
        losses = task.losses(batch.filled(leaves))
    output, wrong, extra, total = losses
    found = checked_losses(task, losses)
    results = [wrong, total] if extra is None else [wrong, total, extra]
    if want_output:
        results += nodes_in(output)
    try:
        with watch.block():
            if not all(isinstance(y, Node) for y in results):
                watch.refuse("computes a penalty that is a plain number, which a replay would repeat")
        recorded = Recorded(watch, leaves, results, [total])
    except RecordingError as error:
        raise Unkept(str(error), losses, found) from None
    if watch.state.changed:
        raise Changed(", ".join(watch.state.changed), losses, found)
    return recorded, losses, found


def nodes_in(output: Any) -> list[Node]:
    """The nodes in what a model returns: a node, or a list, tuple or dict of them."""
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        return [x for each in output for x in nodes_in(each)]
    return [output] if isinstance(output, Node) else []
