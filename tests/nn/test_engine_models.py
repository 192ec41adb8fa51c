"""Models of users under every engine: masks, caches, tied weights, batches of strings, and changes between batches."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engines import BATCHES, TOKENS, First, X, Y, bits, network, same_as_eager, trained

from chainrule import nn
from chainrule.autograd import (
    RangeError,
    RecordingError,
    Tensor,
    checkpoint,
    grad,
    tanh,
)

R = np.random.default_rng(0)


# ---------------------------------------------------------------------- models of users


class Attending(nn.Module):
    """Attention with masks that come with the batch."""

    def __init__(self, causal: bool = True) -> None:
        self.causal = causal
        self.attend, self.out = nn.MultiHeadAttention(4, 2, batch_first=True, seed=0), nn.Linear(4, 4, seed=1)

    def forward(self, x: Any, padding: Any) -> Any:
        y = self.attend(x, key_padding_mask=padding, is_causal=self.causal)
        return self.out(y.mean(axis=1))


class Padded(nn.Module):
    """A recurrent network with the lengths of its sequences."""

    def __init__(self, kind: Any) -> None:
        self.walk = kind(4, 4, bidirectional=True, batch_first=True, seed=0)

    def forward(self, x: Any, lengths: Any) -> Any:
        return self.walk(x, lengths=lengths)[0].sum(axis=1)


class Cached(nn.Module):
    """A model that fills a cache in its first step."""

    def __init__(self) -> None:
        self.layer, self.shift = nn.Linear(3, 4, seed=0), None

    def forward(self, x: Any) -> Any:
        if self.shift is None:
            self.shift = np.arange(4.0)
        return self.layer(x) + self.shift


class Tied(nn.Module):
    """One weight in two places, a parameter in a list, and a checkpoint."""

    def __init__(self) -> None:
        self.first = nn.Linear(3, 3, seed=0)
        self.again, self.more = self.first, [nn.Parameter(np.ones(3)), nn.Linear(3, 4, seed=1)]

    def forward(self, x: Any) -> Any:
        y = checkpoint(
            lambda v: tanh(self.again(tanh(self.first(v)))), x if isinstance(x, Tensor) else Tensor(x)
        )
        return self.more[1](y * self.more[0])


class Punished:
    """A loss with the gradient of the model with respect to its inputs."""

    def __init__(self, model: Any) -> None:
        self.model, self.share = model, 0.1

    def __call__(self, y: Any, t: Any) -> Any:
        slope = grad(lambda x: self.model(x).sum())(np.ones((2, 3)))
        return nn.cross_entropy(y, t) + self.share * (slope**2).sum()


def test_models_of_all_kinds() -> None:
    sequences, padding = R.normal(size=(5, 6, 3, 4)), R.random((5, 6, 3)) < 0.3
    padding[:, :, 0] = False
    same_as_eager(
        Attending, nn.cross_entropy, [*zip(sequences, padding, R.integers(0, 4, (5, 6)))], "attention"
    )
    same_as_eager(
        partial(Attending, False), nn.cross_entropy, [*zip(sequences, padding, R.integers(0, 4, (5, 6)))]
    )
    added = np.where(padding, -np.inf, R.normal(size=padding.shape))
    added[2, 1] = -np.inf  # no key is allowed
    padding[3, 2] = True
    same_as_eager(Attending, nn.cross_entropy, [*zip(sequences, added, R.integers(0, 4, (5, 6)))], "added")
    same_as_eager(
        Attending, nn.cross_entropy, [*zip(sequences, padding, R.integers(0, 4, (5, 6)))], "nowhere"
    )
    lengths = np.array([[3, 1, 2, 3, 3, 1], [3, 3, 3, 3, 3, 3], [1, 1, 2, 2, 3, 1]] * 2)[:5]
    for kind in (nn.RNN, nn.LSTM, nn.GRU):
        same_as_eager(
            partial(Padded, kind), nn.cross_entropy, [*zip(sequences, lengths, R.integers(0, 4, (5, 6)))]
        )
    step = nn.Step(
        model := Padded(nn.GRU), nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine="replay"
    )
    for _ in range(2):
        step(sequences[0], lengths[0], np.zeros(6, int))
        with pytest.raises(RangeError, match="1 to 3"):
            step(sequences[0], lengths[0] + 1, np.zeros(6, int))
    same_as_eager(Cached, nn.cross_entropy, BATCHES, "a cache")
    same_as_eager(Tied, nn.cross_entropy, BATCHES, "shared weights")
    same_as_eager(network, lambda y, t: nn.cross_entropy(y, t).reshape(1), BATCHES, "a loss with an axis")
    same_as_eager(network, partial(nn.cross_entropy, weight=np.arange(1.0, 5.0)), BATCHES, "a partial")
    same_as_eager(
        network, lambda y, t: (y[np.arange(len(t)), t] - y.max(axis=1)).sum() * -1, BATCHES, "an index"
    )
    same_as_eager(network, lambda y, t: ((y - one_hot_of(t)) ** 2).sum(), BATCHES, "codes")
    same_as_eager(
        lambda: nn.Sequential(nn.Embedding(5, 4, seed=0), First(nn.GRU(4, 4, batch_first=True, seed=0))),
        lambda y, t: nn.cross_entropy(y, t), [((TOKENS + k) % 5, (TOKENS + 2 * k) % 4) for k in range(5)], "words",
    )  # fmt: skip

    def run(engine: str) -> Any:
        model = network()
        step = nn.Step(model, Punished(model), nn.SGD(model.parameters(), lr=0.1), engine=engine)
        return bits([step(*batch) for batch in BATCHES] + [model.state_dict()]), step.engine

    (eager, _), (replayed, _), (auto, engine) = run("eager"), run("replay"), run("auto")
    assert eager == replayed == auto
    assert engine == "replay"


def one_hot_of(t: Any) -> Any:
    return (t.reshape(-1, 1) == np.arange(4)) * 1.0


class Words(nn.Module):
    """A model of texts."""

    def __init__(self) -> None:
        self.table = nn.Embedding(3, 4, seed=0)

    def forward(self, words: Any) -> Any:
        return self.table(np.array([["a", "b", "c"].index(word) for word in words]))


def test_batches_that_are_no_arrays_of_numbers() -> None:
    batches: list[Any] = [
        (np.array(["a", "b", "a"]), np.array([0, 1, 2])),
        (["c", "b", "a"], np.array([3, 1, 0])),
    ] * 2
    eager, _ = trained(Words, nn.cross_entropy, batches, "eager")
    found, step = trained(Words, nn.cross_entropy, batches, "auto")
    assert found == eager
    assert "arrays of numbers" in step.reason
    wanted = []
    for engine in ("eager", "auto"):
        X_node = Tensor(X[:12])
        trained(network, nn.cross_entropy, [(X_node, Y[:12])] * 3, engine)
        wanted.append(bits(X_node.grad))
    assert wanted[0] == wanted[1]
    with pytest.raises(RecordingError, match="arrays of numbers"):
        trained(Words, nn.cross_entropy, batches, "replay")


def test_reports() -> None:
    model = network()
    step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1))
    assert step.output is None
    step(*BATCHES[0])
    assert (repr(step), step.report()) == ("Step(engine='replay', steps=1)", "replay")
    assert isinstance(step(*BATCHES[0]), float)


def test_fit_sees_changes_between_batches() -> None:
    """Code of the user's may run in metrics, callbacks, loaders and schedules."""

    def run(engine: str, how: str) -> Any:
        model, settings = network(), SimpleNamespace(share=0.0)

        def change(*_: Any) -> float:
            settings.share += 0.01
            return settings.share

        class Loader(nn.DataLoader):
            def __iter__(self) -> Any:
                for batch in super().__iter__():
                    change()
                    yield batch

        class Changing(nn.callbacks.Callback):
            def on_batch_end(self, run: Any) -> None:
                change()

        class Rate(nn.schedules.StepDecay):
            def step(self, *measured: Any) -> None:
                change()
                super().step(*measured)

        optimizer = nn.SGD(model.parameters(), lr=0.1)
        options: dict[str, Any] = {
            "metric": {"metrics": {"share": change}},
            "loader": {},
            "callback": {"callbacks": [Changing()]},
            "schedule": {"schedule": Rate(optimizer, 2, every="batch")},
        }[how]
        loader = (Loader if how == "loader" else nn.DataLoader)(X, Y, batch_size=8, seed=0)

        def loss(y: Any, t: Any) -> Any:
            return nn.cross_entropy(y, t, label_smoothing=settings.share)

        history = nn.fit(
            model, loss, loader, optimizer=optimizer, epochs=3, engine=engine, progress=False, **options
        )
        return bits([history["loss"], model.state_dict()])

    for how in ("metric", "loader", "callback", "schedule"):
        eager = run("eager", how)
        assert run("replay", how) == eager, how
        assert run("auto", how) == eager, how
