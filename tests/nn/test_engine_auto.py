"""The engine "auto" is eager where a replay would repeat something wrongly, and says so."""

from __future__ import annotations

import logging
import os
import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engines import BATCHES, ByBranch, Counting, bits, network, trained

from chainrule import nn
from chainrule.autograd import (
    KindError,
    RecordingError,
    Tensor,
)

R = np.random.default_rng(0)


SHARED = np.random.default_rng(4)
COUNT = 0


# ---------------------------------------------------------------------- what a replay would repeat wrongly


class ByCount(Counting):
    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.layer(x) * self.calls


class ByData(Counting):
    def forward(self, x: Any) -> Any:
        return self.layer(x) * float(np.abs(x[0, 0].item() if isinstance(x, Tensor) else x[0, 0]))


class ByGenerator(Counting):
    def forward(self, x: Any) -> Any:
        return self.layer(x) + self.rng.normal(size=(len(x), 4))


class ByList(Counting):
    def forward(self, x: Any) -> Any:
        self.seen.append(x.shape)
        return self.layer(x) * len(self.seen)


def noisy(y: Any, t: Any) -> Any:
    return nn.cross_entropy(y + SHARED.normal(size=y.shape), t)


def seeded(y: Any, t: Any) -> Any:
    return nn.cross_entropy(y * random.random(), t)


def counted(y: Any, t: Any) -> Any:
    global COUNT
    COUNT += 1
    return nn.cross_entropy(y, t) * COUNT


def selecting(y: Any, t: Any) -> Any:
    return -sum(y[k, int(c)] - (y[k] * y[k]).sum() for k, c in enumerate(t)) / len(t)


def in_place(y: Any, t: Any) -> Any:
    t = t.copy()
    t[0] = 1
    return nn.cross_entropy(y, t)


def by_numpy(y: Any, t: Any) -> Any:
    return (y * np.eye(4)[t]).sum() + np.bincount(t).max() * (y * y).mean()


def of_environment(y: Any, t: Any) -> Any:
    return nn.cross_entropy(y, t) * float(os.environ["A_NUMBER_OF_A_TEST"])


def of_time(steps: Any) -> Any:
    return lambda y, t: nn.cross_entropy(y, t) * (1 + next(steps) % 7)


class ByKind(Counting):
    """A model that does something else with plain arrays."""

    def forward(self, x: Any) -> Any:
        return self.layer(x if isinstance(x, Tensor) else x / 2)


class ByArray(Counting):
    def __init__(self) -> None:
        super().__init__()
        self.seen = np.zeros(2)

    def forward(self, x: Any) -> Any:
        self.seen[0] += len(x)
        return self.layer(x)


class Sampling(Counting):
    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return y if float(y.max()) > self.rng.random() else y * 2


def printing(y: Any, t: Any) -> Any:
    SEEN.append(len(t))
    return nn.cross_entropy(y, t) if y.mean() > -100 else y.sum()


SEEN: list[int] = []

FALLING_BACK: dict[str, tuple[Any, Any, str]] = {
    "a count in the model": (ByCount, nn.cross_entropy, "ByCount.calls"),
    "a branch": (ByBranch, nn.cross_entropy, "bool"),
    "a plain number": (ByData, nn.cross_entropy, r"\.item\(\)"),
    "an array that counts": (ByArray, nn.cross_entropy, "an array of shape"),
    "a kind": (ByKind, nn.cross_entropy, "with nodes in the place of"),
    "a generator and a branch": (Sampling, nn.cross_entropy, "float|item"),
    "a list of the loss": (network, printing, "list"),
    "a generator": (ByGenerator, nn.cross_entropy, "random numbers"),
    "a list": (ByList, nn.cross_entropy, "list"),
    "a generator of the loss": (network, noisy, "random numbers"),
    "Python's random numbers": (network, seeded, "random numbers"),
    "a count of the loss": (network, counted, "COUNT"),
    "indices as ints": (network, selecting, r"int\(|\.item\(\)"),
    "an assignment": (network, in_place, "KindError"),
    "NumPy of targets": (network, by_numpy, "an argument"),
}


@pytest.mark.parametrize("name", FALLING_BACK)
def test_auto_is_eager_where_a_replay_would_differ(name: str, caplog: pytest.LogCaptureFixture) -> None:
    global COUNT
    make, loss, reason = FALLING_BACK[name]
    results = []
    for engine in ("eager", "auto"):
        random.seed(0)
        SHARED.bit_generator.state = np.random.default_rng(4).bit_generator.state
        COUNT = 0
        SEEN.clear()
        with caplog.at_level(logging.WARNING):
            left, step = trained(make, loss, BATCHES, engine)
            left["counts"] = [
                COUNT,
                SEEN[:],
                getattr(step.task.model, "calls", 0),
                SHARED.random(),
                random.random(),
            ]
            left["seen"] = list(getattr(step.task.model, "seen", []))
            results.append((left, step))
    (eager, _), (found, step) = results
    for part, expected in eager.items():
        assert found[part] == expected, part
    assert step.engine == "eager"
    with pytest.raises(AssertionError):
        assert not __import__("re").search(reason, step.reason)
    assert len(caplog.records) == 1
    assert step.reason in caplog.text
    assert step.reason in step.report()
    with pytest.raises((RecordingError, KindError)):
        trained(make, loss, BATCHES, "replay")


def test_auto_notices_what_changes_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    eager, _ = trained(network, of_time(iter(range(100))), BATCHES, "eager")
    found, step = trained(network, of_time(iter(range(100))), BATCHES, "auto")
    assert found == eager
    assert "iterator" in step.reason
    with pytest.raises(RecordingError, match="iterator"):
        trained(network, of_time(iter(range(100))), BATCHES, "replay")

    def hidden(engine: str) -> Any:
        model = network()
        step = nn.Step(model, of_environment, nn.SGD(model.parameters(), lr=0.1), engine=engine)
        losses = []
        for k in range(6):
            os.environ["A_NUMBER_OF_A_TEST"] = str(k)  # of a module of Python, which is not looked into
            losses.append(step(*BATCHES[0]))
        del os.environ["A_NUMBER_OF_A_TEST"]
        return bits(losses), step

    (expected, _), (found, step) = hidden("eager"), hidden("auto")
    assert found == expected
    assert "two batches of one shape gave different recordings" in step.reason
    settings = SimpleNamespace(k=0)

    def run(engine: str) -> Any:
        model = network()
        step = nn.Step(
            model,
            lambda y, t: nn.cross_entropy(y, t) * settings.k,
            nn.SGD(model.parameters(), lr=0.1),
            engine=engine,
        )
        losses = []
        for settings.k in range(40):
            losses.append(step(*BATCHES[0]))
        return bits(losses), step

    (expected, _), (found, step), (again, other) = run("eager"), run("auto"), run("replay")
    assert found == again == expected
    assert (step.engine, other.engine) == ("eager", "replay")
    assert "SimpleNamespace.k" in step.reason
