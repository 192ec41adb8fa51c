"""`fit` by replays: all its options, interruptions, and what is changed between batches."""

from __future__ import annotations

import logging
import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engines import ByBranch, X, Y, bits

from chainrule import nn

R = np.random.default_rng(0)


# ---------------------------------------------------------------------- fit


MOONS = nn.datasets.moons(90, seed=0)


def fitted(engine: str, tmp: Path | None = None, epochs: int = 4, **options: Any) -> Any:
    model = nn.Sequential(
        nn.Linear(2, 6, seed=0),
        nn.BatchNorm1d(6),
        nn.Tanh(),
        nn.Dropout(0.2, seed=1),
        nn.Linear(6, 2, seed=2),
    )
    chosen: dict[str, Any] = {
        "optimizer": nn.AdamW(model.parameters(), lr=0.02), "batch_size": 40, "validation": MOONS,
        "metrics": [nn.accuracy], "penalty": lambda m: nn.l2_penalty(m, 0.01), "clip_norm": 1.0, "progress": False,
    }  # fmt: skip
    chosen |= {
        k: v(chosen["optimizer"], model) if k in ("schedule", "callbacks") else v for k, v in options.items()
    }
    history = nn.fit(model, nn.cross_entropy, MOONS, epochs=epochs, engine=engine, **chosen)
    columns = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    memory = [list(chosen["optimizer"].state.get(p, {}).items()) for p in model.parameters()]
    return bits([columns, model.state_dict(), memory]), history


def test_fit_with_all_its_options(tmp_path: Path) -> None:
    read: list[Any] = []

    class Meddling(nn.callbacks.Callback):
        def on_batch_end(self, run: Any) -> None:
            read.append(float(np.abs(run.model.parameters()[-1].grad).sum()))

        def on_epoch_end(self, run: Any) -> None:
            if run.epoch == 1:
                for p in (
                    run.model.layers[0].parameters()
                    if hasattr(run.model, "layers")
                    else run.model.parameters()[:2]
                ):
                    p.requires_grad = False
            if run.epoch == 2:
                run.optimizer.lr = 0.1
                run.model.load_state_dict({k: v * 1 for k, v in run.model.state_dict().items()})

    for options in (
        {},
        {"schedule": lambda o, m: nn.schedules.Warmup(o, 5)},
        {"schedule": lambda o, m: nn.schedules.ExponentialDecay(o, 0.5)},
        {"early_stopping": 1, "epochs": 6},
        {"callbacks": lambda o, m: [Meddling()], "clip_norm": None},
        {"clip_value": 0.01, "seed": 5},
    ):
        read.clear()
        eager, history = fitted("eager", **options)
        gradients = read[:]
        assert (history.engine, history.reason) == ("eager", "")
        for engine in ("replay", "auto"):
            read.clear()
            found, history = fitted(engine, **options)
            assert found == eager, options
            assert read == gradients
            assert (history.engine, history.reason) == ("replay", "")
    for engine in ("eager", "replay", "auto"):
        whole, _ = fitted(engine, epochs=4)
        path = tmp_path / f"{engine}.npz"
        fitted(engine, epochs=2, checkpoint=path)
        resumed, _ = fitted(engine, epochs=4, checkpoint=path)
        assert resumed == whole == fitted("eager", epochs=4)[0]


def test_fit_that_is_interrupted() -> None:
    def interrupting(o: Any, m: Any) -> Any:
        class Ends(nn.callbacks.Callback):
            def on_batch_end(self, run: Any) -> None:
                if run.epoch == 3:
                    os.kill(os.getpid(), signal.SIGINT)

        return [Ends()]

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        found = [fitted(engine, epochs=6, callbacks=interrupting) for engine in ("eager", "replay", "auto")]
    finally:
        signal.signal(signal.SIGINT, before)
    assert found[0][0] == found[1][0] == found[2][0]
    assert {history.ended for _, history in found} == {"interrupted"}


def test_fit_says_why_it_is_eager(caplog: pytest.LogCaptureFixture) -> None:
    model = ByBranch()
    with caplog.at_level(logging.WARNING):
        history = nn.fit(model, nn.cross_entropy, (X, Y), epochs=2, progress=False)
    assert history.engine == "eager"
    assert "bool" in history.reason
    assert "y.max() > 0.5" in history.reason
    assert len(caplog.records) == 1
    assert math.isfinite(history["loss"][-1])
