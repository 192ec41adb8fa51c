"""Epochs of the training of a multi-layer perceptron in float32 with SGD: `nn.fit`, against a loop in NumPy.

Everything between batches counts: a new random order in each epoch, taking the samples of a batch, and what `fit` adds
(means of the loss, the look for NaN, the history, the copy of the best model; no progress bar). The loop by hand takes
the same batches in the same order, does the step of "A network of arrays" by hand, and nothing else. "Replayed" is
`fit` with `engine="replay"`, which "auto", the default, comes to as well. The first epoch of a `fit`, in which a replay
is recorded, has a row of its own.
"""

from __future__ import annotations

import inspect
import statistics
from typing import Any

import numpy as np
import tensor_step
from harness import Case, Missing, Prepared, Program, Question, clock, share_of_time
from tensor_step import RATE

# batches in an epoch, epochs of a fit, and the goal of a replay; the sizes are those of tensor_step
LENGTHS = {
    "100x2-16-16-2": (40, 8, 1.1),
    "32x64-32-10": (40, 8, 1.1),
    "128x784-256-128-10": (10, 5, 1.02),
    "512x784-1024-1024-10": (4, 4, 1.02),
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
        order = np.random.default_rng([0, epoch]).permutation(len(X))
        epoch += 1
        for i in range(0, len(X), batch):
            chosen = order[i : i + batch]
            found[:] = [update(X[chosen], rows + y[chosen])]

    return step, lambda: [g / RATE for g in found[0]]


def fit_with(engine: str) -> Any:
    """A program that trains by `nn.fit` with an engine, and times its epochs itself."""

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

        class Clock(nn.callbacks.Callback):
            """When each epoch began."""

            def on_fit_begin(self, run: Any) -> None:
                self.times: list[float] = []

            def on_epoch_begin(self, run: Any) -> None:
                self.times.append(clock())

        began = Clock()

        def train(epochs: int) -> None:
            nn.fit(
                model, nn.cross_entropy, loader,
                optimizer=optimizer, epochs=epochs, callbacks=[began], progress=False, **options,
            )  # fmt: skip

        def step() -> dict[str, tuple[float, str]]:
            train(epochs + 1)
            first, *others = np.diff(began.times)
            return {"": (statistics.median(others), "s"), "first epoch": (float(first), "s")}

        train(2)  # as often as a step of the loop by hand is taken before its gradients are compared
        gradients = [p.grad.copy() for p in model.parameters()]
        return step, lambda: gradients

    return prepare


def cases(quick: bool) -> list[Case]:
    found = []
    for name, (batches, epochs, goal) in LENGTHS.items():
        batch, widths, *_ = tensor_step.SIZES[name]
        if quick and batch > 100:
            continue
        options = {"batch": batch, "widths": widths, "batches": batches, "epochs": 2 if quick else epochs}
        goals = [
            share_of_time("chainrule, fit", "NumPy by hand", None),
            share_of_time("chainrule, fit, replayed", "NumPy by hand", goal),
        ]
        found.append(Case(f"{name}, {batches} batches an epoch", options, goals, tolerance=1e-4))
    return found


QUESTIONS = [
    Question(
        name="epochs",
        title="Whole epochs",
        note=__doc__,
        programs={
            "NumPy by hand": Program(by_hand),
            "chainrule, fit": Program(fit_with("eager"), timed=False),
            "chainrule, fit, replayed": Program(fit_with("replay"), timed=False),
        },
        cases=cases,
        module=__name__,
    )
]
