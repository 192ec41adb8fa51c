"""The playground while it trains as fast as it can: 500 points, half of them for training, 2-8-8-1 with tanh.

"With a page" is a session whose page takes every frame at once: 25 times a second it computes losses, the gradients of
the next batch, and a picture of every unit, and packs them as the server sends them. "Without a page" is the same
training alone, with the losses and the moments that are kept at the ends of epochs. "NumPy by hand" takes batches of
the same sizes and does backpropagation, and nothing else. One turn is an epoch of 25 batches of 10.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from harness import Case, Goal, Missing, Prepared, Program, Question, share_of_time

RATE = 0.1


def recipe() -> Any:
    try:
        from chainrule.viz.playground.lab.settings import Recipe, Settings
    except ImportError as error:
        raise Missing(f"the playground is not installed: {error}") from None
    return Recipe(Settings(data="circles", layers=(8, 8), rate=RATE))


def alone() -> Prepared:
    from chainrule.viz.playground.lab.run import Run

    run = Run(recipe())
    return lambda: run.train(run.per_epoch), list


def with_a_page() -> Prepared:
    start = recipe()
    try:
        from chainrule.viz.playground.serving.server import packed
    except ImportError as error:
        raise Missing(f"the playground's server needs {error.name}") from None
    from chainrule.viz.playground.serving.session import Session

    session = Session(packed)  # not started: its thread is this one
    session._begin(start)
    session.page_ready = True

    def step() -> None:
        for _ in range(session.run.per_epoch):
            session._advance()
        if time.monotonic() >= session.next_frame:
            session._frame()
            session.page_ready = True

    return step, list


def by_hand() -> Prepared:
    from chainrule.viz.playground.lab.run import Run

    run = Run(recipe())
    X, y = run.inputs, run.data.y
    parameters = [p.data.copy() for p in run.model.parameters()]
    epoch = 0

    def step() -> None:
        nonlocal epoch
        order = np.random.default_rng([0, epoch]).permutation(len(X))
        epoch += 1
        w1, b1, w2, b2, w3, b3 = parameters
        for i in range(0, len(X), 10):
            x, t = X[order[i : i + 10]], y[order[i : i + 10]]
            h1 = np.tanh(x @ w1 + b1)
            h2 = np.tanh(h1 @ w2 + b2)
            d3 = (1 / (1 + np.exp(-(h2 @ w3 + b3))) - t) / len(x)
            d2 = d3 @ w3.T * (1 - h2 * h2)
            d1 = d2 @ w2.T * (1 - h1 * h1)
            for p, g in zip(
                parameters, (x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)), strict=True
            ):
                p -= RATE * g

    return step, list


QUESTIONS = [
    Question(
        name="playground",
        title="The playground",
        note=__doc__,
        programs={
            "NumPy by hand": Program(by_hand),
            "without a page": Program(alone),
            "with a page": Program(with_a_page),
        },
        cases=lambda quick: [
            Case(
                "500 points, 2-8-8-1",
                {},
                [
                    share_of_time("with a page", "without a page", None),
                    share_of_time("without a page", "NumPy by hand", None),
                    Goal("epochs a second with a page", lambda t: 1 / t["with a page"], 100, at_least=True),
                ],
            )
        ],
        module=__name__,
    )
]
