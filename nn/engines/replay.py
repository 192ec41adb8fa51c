"""The replay engine: a step is recorded once for each shape of batch, and computed anew by its recording."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ...autograd import Node, RecordingError
from ...autograd.extending import Following, GivenUp, Recorded, backend_for
from .batch import Batch
from .eager import Found, Nonfinite, Task, checked_losses, differentiate, refuse_nonfinite

__all__ = ["Replay", "compared_step", "recorded_step", "state_of"]


class Unkept(RecordingError):
    """A recording of a step that no replay can use, though the step itself was computed.

    `changed` are the names of what the step has changed.
    """

    def __init__(self, message: str, losses: Any, found: Any, changed: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.losses, self.found, self.changed = losses, found, list(changed)


class Sources:
    """The states of all random numbers and of running statistics."""

    def __init__(self, task: Task) -> None:
        self.before = task.before()
        self.others = random.getstate(), np.random.get_state()  # noqa: NPY002 - which others draw from

    def restore(self) -> None:
        """Set them back."""
        self.before.restore()
        random.setstate(self.others[0])
        np.random.set_state(self.others[1])  # noqa: NPY002


def why(error: Exception) -> str:
    """The reason why a step is not replayed."""
    if isinstance(error, RecordingError):
        return str(error)
    return f"with nodes in the place of the arrays of a batch it raises {type(error).__name__}: {error}"


def refuse_another(found: Found, recorded: Found) -> None:
    """Raise `RecordingError` if a batch of nodes has not given the loss that its arrays give."""
    one, two = [np.array([x.loss, x.penalty or 0.0]) for x in (found, recorded)]
    if not np.array_equal(one, two, equal_nan=True):
        raise RecordingError(
            f"with nodes in the place of the arrays of a batch the loss is {recorded.loss!r}, and {found.loss!r} with "
            f"arrays: the model or the loss does something else with them, or NumPy adds in another order"
        )


def compared_step(task: Task, batch: Batch, want_output: bool) -> tuple[Recorded, Any, Found]:
    """`recorded_step`, after the same batch in eager mode, which has to give the same loss."""
    start = Sources(task)
    found = checked_losses(task, task.losses(batch.parts))
    start.restore()
    recorded, losses, other = recorded_step(task, batch, want_output)
    refuse_another(found, other)
    return recorded, losses, other


class Kept:
    """A recording of a step that is replayed; `read()` gives the output of the model."""

    __slots__ = ("read", "replay", "want_output")

    def __init__(self, replay: Any, output: Any, want_output: bool) -> None:
        self.replay, self.want_output = replay, want_output
        self.read = lambda: output


class Replay:
    """The engine that replays.

    The first step is an eager one, and its batch is recorded besides, which has to give the same bits: code that does
    something else with nodes than with arrays is noticed. With `verify`, the second batch of a shape is recorded as
    well, and has to give the same recording; then a state that changes from step to step, which a replay would not see,
    is noticed, and what cannot be replayed is a step like any other: `refused` says why.
    """

    name = "replay"

    def __init__(self, task: Task, verify: bool = False) -> None:
        self.task, self.verify = task, verify
        # several for a shape, where the numbers of a batch choose, as samples do that are to be ignored
        self.recordings: dict[Hashable, list[Kept]] = {}
        self.latest: Kept | None = None  # the one of the latest step
        self.once: dict[Hashable, list[Recorded]] = {}  # recorded, and to be verified
        self.backend = backend_for("numpy")
        self.changed: set[Hashable] = set()
        self.state: Hashable = None  # what recordings hold for, beside the batch
        self.compared = False  # whether a recording has given the bits of eager mode
        self.refused = ""  # why no step can be replayed; found after a step
        self.steps = self.renewed = 0  # steps, and recordings that were made because something had changed

    def step(self, parts: Sequence[Any], want_output: bool, look: bool = True) -> Found:
        """One step on a batch. Raises `RecordingError` if it cannot be replayed.

        Without `look`, no code of the user's has run since the step before, so that what a recording reads is the same.
        """
        task = self.task
        if look:
            task.optimizer.zero_grad()
        else:  # the replay writes to the arrays of the old gradients again, if nothing else refers to them
            for p in task.optimizer.parameters:
                p._grad = None
        self.steps += 1
        found, latest = None, self.latest
        if (
            latest is not None
            and want_output is latest.want_output
            and (not look or (latest.replay.recorded.is_current and state_of(task) == self.state))
            and latest.replay.takes(parts)
        ):
            found = self._replayed(latest)
        if found is None:
            found = self._chosen(Batch(parts), want_output, look)
        task.clip()
        task.optimizer.step()
        return found

    def _chosen(self, batch: Batch, want_output: bool, look: bool) -> Found:
        """Both passes by the recording that holds for a batch, or by a new one."""
        self.latest = None
        if look or self.state is None:
            self.state = state_of(self.task)
        key = batch.key, self.state, want_output
        kept = self.recordings.get(key, [])
        for each in kept:
            if look and not each.replay.recorded.is_current:
                kept.remove(each)
                self._renew(each.replay.recorded)
                break
            found = self._replayed(each, batch.arrays)
            if found is not None:
                self.latest = each
                return found
        record = self._record if self.compared else self._first
        losses, found = record(key, batch, want_output)
        differentiate(self.task, losses[3])
        return found

    def _replayed(self, kept: Kept, arrays: Sequence[Any] = ()) -> Found | None:
        """Both passes by a replay; `None` if it does not hold for these numbers. Raises `Nonfinite`."""
        replay = kept.replay
        try:
            results = replay.forward(arrays)
        except GivenUp as error:
            if error.late:
                raise
            return None
        total = results[1].item()
        if not math.isfinite(total):
            raise Nonfinite("the loss", total)
        if not replay.backward():
            refuse_nonfinite(self.task)
        penalty = None if self.task.penalty is None else results[2].item()
        return Found(results[0].item(), penalty, kept.read)

    def _first(self, key: Hashable, batch: Batch, want_output: bool) -> tuple[Any, Found]:
        """The losses of a batch in eager mode; then record it, unless the step has changed what it reads."""
        task, start = self.task, Sources(self.task)
        state = task.state()
        losses = task.losses(batch.parts)
        found = checked_losses(task, losses)
        end = Sources(task)
        try:
            state.settle()
            if state.changed:
                self._note_changed(key, state.changed)
                return losses, found
            start.restore()
            recorded, again, other = recorded_step(task, batch, want_output)
            refuse_another(found, other)
            self._keep(key, batch, recorded, again[0])
            self.compared = True
        except GivenUp:  # this batch cannot be recorded; another may be
            pass
        except Exception as error:
            if not self.verify:
                start.restore()
                raise
            self.refused = why(error)
        end.restore()
        return losses, found

    def _note_changed(self, key: Hashable, names: list[str]) -> None:
        """The step has changed what it reads; this may be a cache that is filled, if it is the first time."""
        if key in self.changed:
            raise RecordingError(
                f"the model or the loss changes {', '.join(names)} in a step; a replay would not"
            )
        self.changed.add(key)

    def _record(self, key: Hashable, batch: Batch, want_output: bool) -> tuple[Any, Found]:
        """Record the losses of a batch, and keep the recording for later ones."""
        start = Sources(self.task)
        try:
            recorded, losses, found = recorded_step(self.task, batch, want_output)
        except Unkept as error:
            losses, found = error.losses, error.found
            try:
                if error.changed:
                    self._note_changed(key, error.changed)
                else:
                    raise error
            except RecordingError as refusal:
                if not self.verify:
                    raise
                self.refused = str(refusal)
        except RecordingError:
            start.restore()
            raise
        else:
            self._keep(key, batch, recorded, losses[0])
        return losses, found

    def _keep(self, key: Any, batch: Batch, recorded: Recorded, output: Any) -> None:
        """Keep a recording; with `verify`, if a second one is like it."""
        made, once = self.recordings.setdefault(key, []), self.once.setdefault(key, [])
        before = next((each for each in once if each.holds_for(batch.arrays)), None)
        if before is not None:
            once.remove(before)
            if not before.is_current:
                self._renew(before)
                before = None
        if self.verify and before is None:
            once.append(recorded)
        elif before is not None and not before.is_like(recorded):
            self.refused = (
                "two batches of one shape gave different recordings: something changes from step to step that a replay "
                "would not see, such as a number that the loss computes by itself"
            )
        else:
            made.append(Kept(self.backend(recorded), output, want_output=key[-1]))

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
        recorded.borrows = True  # both passes run in one step
    except RecordingError as error:
        raise Unkept(str(error), losses, found) from None
    if watch.state.changed:
        names = ", ".join(watch.state.changed)
        message = f"the model or the loss changes {names} in a step; a replay would not"
        raise Unkept(message, losses, found, watch.state.changed)
    return recorded, losses, found


def nodes_in(output: Any) -> list[Node]:
    """The nodes in what a model returns: a node, or a list, tuple or dict of them."""
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        return [x for each in output for x in nodes_in(each)]
    return [output] if isinstance(output, Node) else []
