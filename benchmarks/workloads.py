"""Training steps of chainrule for a `Workload`: a model, its loss, its optimiser, and its batches.

A file of measurements makes the workload in one function; the rows of chainrule are the functions here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from harness import Missing, Prepared, Program


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


def rows(workload: Callable[..., Workload]) -> dict[str, Program]:
    """The rows of `nn.Step`, which replays or compiles; `workload(**options)` makes the workload of a case."""

    def row(engine: str) -> Callable[..., Prepared]:
        return lambda **options: with_engine(partial(workload, **options), engine)

    return {
        "chainrule, jit": Program(row("replay")),
        "chainrule, XLA": Program(row("xla"), ["jax"], compiles=True),
    }


def with_engine(make: Callable[[], Workload], engine: str, **options: Any) -> Prepared:
    """The same steps by `nn.Step` with an engine; `make()` makes the workload."""
    from chainrule import nn

    if not hasattr(nn, "Step"):
        raise Missing("nn.Step is not there yet")
    model, loss, optimizer, batches, gradients = make()
    run, turns = nn.Step(model, loss, optimizer, engine=engine, **options), itertools.cycle(batches)

    def step() -> None:
        run(*next(turns))

    def compiled() -> list[np.ndarray]:
        """A compiled step keeps no gradients. Those of the second step are what it subtracts at the rate 1."""
        model, loss, optimizer, batches, gradients = make()
        first = nn.Step(model, loss, optimizer, engine=engine, **options)
        first(*batches[0])
        first.close()
        before = [p.data.copy() for p in model.parameters()]
        second = nn.Step(model, loss, nn.SGD(model.parameters(), lr=1.0), engine=engine, **options)
        second(*batches[1 % len(batches)])
        second.close()
        for p, old in zip(model.parameters(), before):
            p.grad = old - p.data
        return gradients()

    return step, compiled if engine == "xla" else gradients
