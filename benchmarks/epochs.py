"""Whole trainings of a multi-layer perceptron in float32 with SGD: `nn.fit`, against a loop over batches in NumPy.

Everything between batches counts: a new random order in each epoch, taking the samples of a batch, and what `fit` adds
(means of the loss, the look for NaN, the history, the copy of the best model; no progress bar). The loop by hand takes
the same batches in the same order, does the step of "A network of arrays" by hand, and nothing else. A timing is of all
the epochs that are named; making the model and the loader is not in it.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import tensor_step
from harness import Case, Missing, Prepared, Program, Question, share_of_time
from tensor_step import RATE

# batches in an epoch, epochs; the sizes are those of tensor_step
LENGTHS = {
    "100x2-16-16-2": (40, 5),
    "32x64-32-10": (40, 5),
    "128x784-256-128-10": (10, 2),
    "512x784-1024-1024-10": (4, 1),
}
Widths = tuple[int, ...]


def data(batch: int, widths: Widths, batches: int) -> Any:
    X, y, parameters = tensor_step.data(batch * batches, widths)
    return X, y, [p.copy() for p in parameters]


def by_hand(batch: int, widths: Widths, batches: int, epochs: int) -> Prepared:
    X, y, parameters = data(batch, widths, batches)
    update, rows = tensor_step.written_out(batch, parameters), np.arange(batch) * widths[-1]
    epoch = 0
    found: list[Any] = []

    def step() -> None:
        nonlocal epoch
        for _ in range(epochs):
            order = np.random.default_rng([0, epoch]).permutation(len(X))
            epoch += 1
            for i in range(0, len(X), batch):
                chosen = order[i : i + batch]
                found[:] = [update(X[chosen], rows + y[chosen])]

    return step, lambda: [g / RATE for g in found[0]]


def fit_with(engine: str) -> Any:
    """A program that trains by `nn.fit` with an engine."""

    def prepare(batch: int, widths: Widths, batches: int, epochs: int) -> Prepared:
        from chainrule import nn

        X, y, parameters = data(batch, widths, batches)
        options = {"engine": engine} if "engine" in inspect.signature(nn.fit).parameters else {}
        if engine != "eager" and not options:
            raise Missing(f"nn.fit has no engine={engine!r} yet")
        model = nn.MLP(widths[0], widths[1:], dtype=np.float32)
        for p, array in zip(model.parameters(), parameters, strict=True):
            p.data = array
        optimizer = nn.SGD(model.parameters(), lr=RATE)
        loader = nn.DataLoader(X, y, batch_size=batch, seed=0)

        def step() -> None:
            nn.fit(
                model, nn.cross_entropy, loader, optimizer=optimizer, epochs=epochs, progress=False, **options
            )

        def gradients() -> list[Any]:
            return [p.grad for p in model.parameters() if p.grad is not None]

        return step, gradients

    return prepare


def cases(quick: bool) -> list[Case]:
    found = []
    for name, (batches, epochs) in LENGTHS.items():
        batch, widths, *_ = tensor_step.SIZES[name]
        if quick and batch > 100:
            continue
        options = {"batch": batch, "widths": widths, "batches": batches, "epochs": epochs}
        goals = [share_of_time("chainrule, fit", "NumPy by hand", None)]
        length = f"{batches} batches an epoch, {epochs} epoch{'s' * (epochs > 1)}"
        found.append(Case(f"{name}, {length}", options, goals, tolerance=1e-4))
    return found


QUESTIONS = [
    Question(
        name="epochs",
        title="Whole trainings",
        note=__doc__,
        programs={
            "NumPy by hand": Program(by_hand),
            "chainrule, fit": Program(fit_with("eager")),
        },
        cases=cases,
        module=__name__,
    )
]
