"""Training steps of chainrule for a `Workload`: a model, its loss, its optimiser, and its batches.

A file of measurements makes the workload in one function; the rows of chainrule are the functions here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from harness import Missing, Prepared


class Workload(NamedTuple):
    """What a training step needs. A batch is the inputs and the targets; steps take one after the other, in turns."""

    model: Any
    loss: Callable[[Any, Any], Any]
    optimizer: Any
    batches: list[tuple[np.ndarray, np.ndarray]]
    gradients: Callable[[], list[np.ndarray]]  # in the order and the layout of the other programs


def eager(workload: Workload) -> Prepared:
    """The loop that users write."""
    model, loss, optimizer, batches, gradients = workload
    turns = itertools.cycle(batches)

    def step() -> None:
        X, y = next(turns)
        optimizer.zero_grad()
        loss(model(X), y).backward()
        optimizer.step()

    return step, gradients


def with_engine(workload: Workload, engine: str, **options: Any) -> Prepared:
    """The same steps by `nn.Step` with an engine; where it keeps no gradients, there are none to compare."""
    from chainrule import nn

    if not hasattr(nn, "Step"):
        raise Missing("nn.Step is not there yet")
    model, loss, optimizer, batches, gradients = workload
    one = nn.Step(model, loss, optimizer, engine=engine, **options)
    turns = itertools.cycle(batches)

    def step() -> Any:
        return one(*next(turns))

    def left() -> list[np.ndarray]:
        return gradients() if all(p.grad is not None for p in model.parameters()) else []

    return step, left
