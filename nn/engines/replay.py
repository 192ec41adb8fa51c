"""The replay engine: a step is recorded once for each shape of batch, and computed anew by its recording."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

from ...autograd import Node, RecordingError
from ...autograd.extending import Following, Recorded, backend_for
from .batch import Batch
from .eager import Found, Nonfinite, Task, checked_losses, differentiate, refuse_nonfinite

__all__ = ["Replay", "recorded_step"]


class Replay:
    """The engine that replays.

    With `verify`, the second batch of a shape is recorded as well, and has to give the same recording; then a state
    that changes from step to step, which a replay would not see, is noticed.
    """

    name = "replay"

    def __init__(self, task: Task, verify: bool = False) -> None:
        self.task, self.verify = task, verify
        self.recordings: dict[Hashable, Any] = {}
        self.once: dict[Hashable, Recorded] = {}  # recorded, and to be verified
        self.backend = backend_for("numpy")

    def step(self, batch: Batch, want_output: bool) -> Found:
        """One step on a batch. Raises `RecordingError` if it cannot be replayed."""
        task = self.task
        key = batch.key, state_of(task), want_output
        replay, output = self.recordings.get(key, (None, None))
        task.optimizer.zero_grad()
        if replay is None or not replay.recorded.is_current:
            recorded, losses, found = recorded_step(task, batch, want_output)
            before = self.once.get(key)
            if self.verify and before is None:
                self.once[key] = recorded
            elif before is not None and not before.is_like(recorded):
                raise RecordingError(
                    "two batches of one shape gave different recordings: something changes from step to step that a "
                    "replay would not see, such as a number in a closure"
                )
            else:
                self.once.pop(key, None)
                self.recordings[key] = self.backend(recorded), losses[0]
            differentiate(task, losses[3])
        else:
            results = replay.forward(batch.arrays)
            total = float(results[1])
            found = Found(float(results[0]), None if task.penalty is None else float(results[2]), output)
            if not math.isfinite(total):
                raise Nonfinite("the loss", total)
            if not replay.backward():
                refuse_nonfinite(task)
        task.clip()
        task.optimizer.step()
        return found


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
    leaves = batch.leaves()
    watch = Following("a replay of the training step", leaves, task.generators, plain=leaves)
    with watch.block():
        losses = task.losses(batch.filled(leaves))
        if task.penalty is not None and not isinstance(losses[2], Node):
            watch.refuse("computes a penalty that is a plain number, which a replay would repeat")
    output, wrong, extra, total = losses
    found = checked_losses(task, losses)
    results = [wrong, total] if extra is None else [wrong, total, extra]
    if want_output:
        results += nodes_in(output)
    return Recorded(watch, leaves, results, [total]), losses, found


def nodes_in(output: Any) -> list[Node]:
    """The nodes in what a model returns: a node, or a list, tuple or dict of them."""
    if isinstance(output, dict):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        return [x for each in output for x in nodes_in(each)]
    return [output] if isinstance(output, Node) else []
