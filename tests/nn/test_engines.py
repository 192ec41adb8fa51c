"""Training engines: a replayed training has the bits of an eager one; what cannot be replayed is trained eagerly."""

from __future__ import annotations

import inspect
import logging
import math
import os
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    KindError,
    NonfiniteError,
    RangeError,
    RecordingError,
    Tensor,
    checkpoint,
    detect_nonfinite,
    grad,
    record_lines,
    tanh,
)

R = np.random.default_rng(0)


def bits(x: Any) -> Any:
    """Numbers in a form in which equal means equal to the last bit."""
    if isinstance(x, (list, tuple)):
        return [bits(part) for part in x]
    if isinstance(x, dict):
        return {key: bits(part) for key, part in x.items()}
    if x is None or isinstance(x, (bool, str)):
        return x
    array = np.asarray(x.data if isinstance(x, Tensor) else x)
    return array.shape, array.dtype.str, array.tobytes()


def trained(
    make: Callable[[], Any], loss: Any, batches: list[Any], engine: str, optimizer: Any = None, **options: Any
) -> Any:
    """All that a training leaves behind, as bits; and the step."""
    model = make()
    chosen = nn.Adam(model.parameters(), lr=0.02) if optimizer is None else optimizer(model.parameters())
    step = nn.Step(model, loss, chosen, engine=engine, **options)
    losses = [step(*batch) for batch in batches]
    gradients = [p.grad for p in model.parameters()]
    memory = [list(chosen.state.get(p, {}).items()) for p in model.parameters()]
    left = {"losses": losses, "model": model.state_dict(), "gradients": gradients, "memory": memory}
    left["drawn"] = [g.bit_generator.state for g in step.task.generators]
    return {k: bits(v) if k != "drawn" else v for k, v in left.items()}, step


def same_as_eager(make: Any, loss: Any, batches: list[Any], what: str = "", **options: Any) -> None:
    eager, _ = trained(make, loss, batches, "eager", **options)
    for engine in ("replay", "auto"):
        found, step = trained(make, loss, batches, engine, **options)
        for part, expected in eager.items():
            assert found[part] == expected, f"{what}: {part} of {engine}"
        assert (step.engine, step.reason) == ("replay", ""), what
        assert step.runs.recordings, what


class First(nn.Module):
    """A layer that returns several things, of which the first is used."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def forward(self, *inputs: Any) -> Any:
        y = self.layer(*inputs)
        return y[0] if isinstance(y, tuple) else y


class Around(nn.Module):
    """A layer between weights, so that gradients pass through it."""

    def __init__(self, layer: nn.Module, width: int = 4, dtype: Any = np.float64) -> None:
        self.layer, self.first = First(layer), nn.Parameter(np.linspace(0.5, 1.5, width).astype(dtype))

    def forward(self, x: Any) -> Any:
        return self.layer(x * self.first) * 0.5


FLAT, SEQUENCES, IMAGES = (6, 4), (5, 3, 4), (4, 2, 6, 6)
TOKENS = np.array([[1, 2, 0], [4, 1, 1], [3, 3, 3], [0, 4, 2]])


def layers(dtype: Any) -> dict[str, tuple[Callable[[], Any], tuple[int, ...]]]:
    """A network for each layer of `nn`, and the shape of its input."""
    kw: dict[str, Any] = {"seed": 0, "dtype": dtype}
    plain = (
        nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.GELU, nn.SiLU, nn.Softmax,
        nn.LogSoftmax, nn.Flatten, nn.Heaviside,
    )  # fmt: skip
    made: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
        kind.__name__: (lambda kind=kind: Around(kind(), dtype=dtype), FLAT) for kind in plain
    }
    on_flat = {
        "Linear": lambda: nn.Linear(4, 3, **kw),
        "Linear without bias": lambda: nn.Linear(4, 3, bias=False, **kw),
        "MLP": lambda: nn.MLP(4, [5, 3], "tanh", **kw),
        "Sequential": lambda: nn.Sequential(nn.Linear(4, 3, **kw), nn.Tanh()),
        "Maxout": lambda: nn.Maxout(4, 3, 2, **kw),
        "Dropout": lambda: Around(nn.Dropout(0.4, seed=1), dtype=dtype),
        "BatchNorm1d": lambda: Around(nn.BatchNorm1d(4, dtype=dtype), dtype=dtype),
        "BatchNorm1d of means": lambda: Around(nn.BatchNorm1d(4, momentum=None, dtype=dtype), dtype=dtype),
        "BatchNorm1d untracked": lambda: Around(
            nn.BatchNorm1d(4, track_running_stats=False, dtype=dtype), dtype=dtype
        ),
        "LayerNorm": lambda: Around(nn.LayerNorm(4, dtype=dtype), dtype=dtype),
        "RNNCell": lambda: First(nn.RNNCell(4, 3, **kw)),
        "LSTMCell": lambda: First(nn.LSTMCell(4, 3, **kw)),
        "GRUCell": lambda: First(nn.GRUCell(4, 3, **kw)),
    }
    on_sequences = {
        "RNN": lambda: First(nn.RNN(4, 3, 2, dropout=0.2, **kw)),
        "LSTM": lambda: First(nn.LSTM(4, 3, 1, bidirectional=True, **kw)),
        "GRU": lambda: First(nn.GRU(4, 3, 2, batch_first=True, **kw)),
        "MultiHeadAttention": lambda: First(nn.MultiHeadAttention(4, 2, 0.2, **kw)),
        "PositionalEncoding": lambda: Around(nn.PositionalEncoding(4, 0.1, seed=0), dtype=dtype),
        "TransformerEncoderLayer": lambda: nn.TransformerEncoderLayer(4, 2, 8, 0.1, **kw),
        "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, **kw), 2),
    }
    on_images = {
        "Conv2d": lambda: nn.Conv2d(2, 3, 3, padding=1, **kw),
        "Conv2d in groups": lambda: nn.Conv2d(2, 4, 2, stride=2, dilation=2, groups=2, **kw),
        "MaxPool2d": lambda: Around(nn.MaxPool2d(2), 6, dtype),
        "AvgPool2d": lambda: Around(nn.AvgPool2d(3, 2, 1), 6, dtype),
        "MaxPool2d to the end": lambda: Around(nn.MaxPool2d(4, ceil_mode=True), 6, dtype),
        "AvgPool2d without padding": lambda: Around(nn.AvgPool2d(3, 2, 1, count_include_pad=False), 6, dtype),
        "BatchNorm2d": lambda: Around(nn.BatchNorm2d(2, dtype=dtype), 6, dtype),
    }
    made |= {name: (make, FLAT) for name, make in on_flat.items()}
    made |= {name: (make, SEQUENCES) for name, make in on_sequences.items()}
    made |= {name: (make, IMAGES) for name, make in on_images.items()}
    made["Embedding"] = (lambda: nn.Embedding(5, 3, padding_idx=0, **kw), TOKENS.shape)
    return made


def squares(y: Any, target: Any) -> Any:
    return ((y - target.reshape(-1)[0]) ** 2).mean()


def test_every_layer_is_there() -> None:
    have = {name.partition(" ")[0] for name in layers(np.float64)}
    every = {
        name
        for name in nn.__all__
        if inspect.isclass(k := getattr(nn, name)) and issubclass(k, nn.Module) and not issubclass(k, nn.Loss)
    }
    assert every - have == {"Module", "Activation"}


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_every_layer_trains_as_in_eager_mode(dtype: Any) -> None:
    for name, (make, shape) in layers(dtype).items():
        batches = []
        for k in range(5):
            x = R.normal(size=shape).astype(dtype) if name != "Embedding" else (TOKENS + k) % 5
            batches.append((x, R.normal(size=2).astype(dtype)))
        same_as_eager(make, squares, batches, name)


X, Y = R.normal(size=(40, 3)), R.integers(0, 4, 40)
BATCHES = [(X[i : i + 12], Y[i : i + 12]) for i in (0, 12, 24, 36)] * 2  # the last one is short


def network() -> Any:
    return nn.MLP(3, [5, 4], "tanh", seed=0)


OPTIMIZERS: dict[str, Any] = {
    "SGD": lambda p: nn.SGD(p, lr=0.1),
    "momentum": lambda p: nn.SGD(p, lr=0.1, momentum=0.9),
    "Nesterov": lambda p: nn.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adagrad": lambda p: nn.Adagrad(p, lr=0.1),
    "Adadelta": nn.Adadelta,
    "RMSprop": lambda p: nn.RMSprop(p, lr=0.01),
    "Adam": lambda p: nn.Adam(p, lr=0.01),
    "AdamW": lambda p: nn.AdamW(p, lr=0.01, weight_decay=0.1),
    "groups": lambda p: nn.SGD([{"params": p[:2], "lr": 0.5}, {"params": p[2:]}], lr=0.1),
    "a part of the parameters": lambda p: nn.SGD(p[:2], lr=0.5),
}


def test_optimisers_clipping_and_penalties() -> None:
    for name, make in OPTIMIZERS.items():
        same_as_eager(network, nn.cross_entropy, BATCHES, name, optimizer=make)
    for options in (
        {"clip_norm": 0.1}, {"clip_value": 0.01}, {"clip_norm": 0.1, "clip_value": 0.01},
        {"penalty": lambda model: nn.l2_penalty(model, 0.1) + nn.l1_penalty(model, 0.01)},
    ):  # fmt: skip
        same_as_eager(network, nn.cross_entropy, BATCHES, str(options), **options)


class Paired(nn.Module):
    def __init__(self) -> None:
        self.left, self.right = nn.Linear(3, 4, seed=0), nn.Linear(2, 4, seed=1)

    def forward(self, a: Any, b: Any) -> Any:
        return tanh(self.left(a)) + self.right(b)


class OfEqualShapes(nn.Module):
    def __init__(self) -> None:
        self.left, self.right = nn.Linear(3, 4, seed=0), nn.Linear(3, 4, seed=1)

    def forward(self, parts: Any) -> Any:
        return tanh(self.left(parts["a"])) + self.right(parts["b"])


class OfDict(Paired):
    def forward(self, parts: Any) -> Any:
        return super().forward(parts["a"], parts["b"])


def test_batches_of_any_form() -> None:
    a, b = R.normal(size=(6, 8, 3)), R.normal(size=(6, 8, 2))
    classes = R.integers(0, 4, (6, 8))
    same_as_eager(Paired, nn.cross_entropy, [*zip(a, b, classes)])
    same_as_eager(OfDict, nn.cross_entropy, [({"a": p, "b": q}, c) for p, q, c in zip(a, b, classes)])
    square = R.normal(size=(6, 8, 3))
    turned = [
        ({"a": p, "b": q}, c) if k % 2 else ({"b": q, "a": p}, c)
        for k, (p, q, c) in enumerate(zip(a, square, classes))
    ]
    same_as_eager(OfEqualShapes, nn.cross_entropy, turned * 2)  # in another order
    lists = [(p.tolist(), c.tolist()) for p, c in zip(a, classes)]
    same_as_eager(network, nn.cross_entropy, lists)
    nodes = [(Tensor(p, requires_grad=False), Tensor(c)) for p, c in zip(a, classes)]
    same_as_eager(network, nn.cross_entropy, nodes)
    layouts = [(np.asfortranarray(p), c[::-1]) for p, c in zip(a, classes)] + [
        (p[::2], c[::2]) for p, c in zip(a, classes)
    ]
    same_as_eager(network, nn.cross_entropy, layouts)
    narrow = partial(nn.MLP, 3, [5, 4], seed=0, dtype=np.float32)
    same_as_eager(narrow, nn.cross_entropy, [*zip(a, classes)])
    same_as_eager(network, nn.cross_entropy, [*zip(a.astype(np.float32), classes.astype(np.int16))])
    same_as_eager(partial(nn.MLP, 3, [1], seed=0), nn.mse_loss, [(p, c[:, None]) for p, c in zip(a, classes)])
    ignored = np.where(classes == 0, -100, classes)
    ignored[1] = np.abs(classes[1])  # none is ignored in this batch
    same_as_eager(network, nn.cross_entropy, [*zip(a, ignored)])


@pytest.mark.parametrize("engine", ["replay", "xla"])
def test_batches_in_every_place_of_memory(engine: str) -> None:
    """Batches are read where they are; one in another memory layout, or in another byte order, is copied."""
    if engine == "xla":
        pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")
    wide = np.random.default_rng(0).standard_normal((6, 8, 10))
    classes = np.arange(48).reshape(6, 8) % 3
    one, two, rows = wide[0, :, :4], wide[1, :, :4], wide[:, :, :4].copy()
    swapped = rows[2].astype(">f8")
    batches = [
        *zip([rows[0], rows[1], one, two, rows[3][:, ::-1], swapped], classes),
        (np.asfortranarray(rows[4]), classes[:, 1::2][:, 0:1].repeat(2)[:8]),
        (rows[0], np.repeat(classes[0], 2)[::2]),
    ]
    losses = {}
    for each in ("eager", engine):
        model = nn.MLP(4, [5, 3], seed=0)
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine=each)
        losses[each] = [step(*batch) for _ in range(2) for batch in batches]
        changing = rows[5].copy()
        for _ in range(3):  # the same array with other numbers
            losses[each].append(step(changing, classes[5]))
            changing += 1
    if engine == "replay":
        assert bits(losses[engine]) == bits(losses["eager"])
    np.testing.assert_allclose(losses[engine], losses["eager"], rtol=1e-10)


def test_changes_between_steps() -> None:
    """Modes, frozen and replaced layers, loaded states, rates, options of a loss, arrays in place: as in eager mode."""
    weights = np.ones(4)
    options = SimpleNamespace(share=0.1)

    class Loss:
        def __init__(self) -> None:
            self.scale = 1.0

        def __call__(self, y: Any, t: Any) -> Any:
            return nn.cross_entropy(y, t, weight=weights, label_smoothing=options.share) * self.scale

    def changes(model: Any, loss: Any, optimizer: Any) -> list[Callable[[], Any]]:
        first = model.layers[0]
        return [
            model.eval, model.train, lambda: setattr(optimizer, "lr", 0.5), lambda: setattr(loss, "scale", 3.0),
            lambda: setattr(options, "share", 0.3), lambda: weights.__setitem__(1, 5.0),
            lambda: [setattr(p, "requires_grad", False) for p in first.parameters()],
            lambda: [setattr(p, "requires_grad", True) for p in first.parameters()],
            lambda: model.load_state_dict({k: v[...] * v.dtype.type(2) for k, v in model.state_dict().items()}),
            lambda: model.layers.__setitem__(1, nn.Sigmoid()), lambda: setattr(model.layers[3], "p", 0.7),
            lambda: first.weight.data.__imul__(2), lambda: setattr(first.weight, "data", first.weight.data + 1),
        ]  # fmt: skip

    class Deep(nn.Module):
        def __init__(self) -> None:
            self.layers = [
                nn.Linear(3, 5, seed=0), nn.Tanh(), nn.BatchNorm1d(5), nn.Dropout(0.2, seed=3), nn.Linear(5, 4, seed=1),
            ]  # fmt: skip

        def forward(self, x: Any) -> Any:
            for layer in self.layers:
                x = layer(x)
            return x

    def run(engine: str) -> Any:
        weights[:] = 1.0
        options.share = 0.1
        model, loss = Deep(), Loss()
        step = nn.Step(
            model, loss, optimizer := nn.SGD(model.parameters(), lr=0.1, momentum=0.5), engine=engine
        )
        found = [step(*BATCHES[k % 3]) for k in range(4)]
        for change in changes(model, loss, optimizer):
            change()
            found += [step(*BATCHES[k % 3]) for k in range(3)]
        return bits(found), bits(model.state_dict()), step

    *eager, _ = run("eager")
    for engine in ("replay", "auto"):
        *found, step = run(engine)
        assert found == eager
        assert (step.engine, step.reason) == ("replay", "")


SHARED = np.random.default_rng(4)
COUNT = 0


class Counting(nn.Module):
    def __init__(self) -> None:
        self.layer, self.calls, self.seen = nn.Linear(3, 4, seed=0), 0, []  # type: ignore[var-annotated]
        self.rng = np.random.default_rng(0)


class ByCount(Counting):
    def forward(self, x: Any) -> Any:
        self.calls += 1
        return self.layer(x) * self.calls


class ByBranch(Counting):
    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return y * 2 if y.max() > 0.5 else y


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


def test_errors_are_those_of_eager_mode() -> None:
    """A mistake of the user's is no reason to be eager."""
    for engine in ("eager", "auto", "replay"):
        model = network()
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine=engine)
        for count in range(3):
            before = bits(model.state_dict())
            with pytest.raises(RangeError, match="classes are 0 to 3"):
                step(X[:12], np.full(12, 4))
            assert bits(model.state_dict()) == before
            step(*BATCHES[count])
        assert step.engine == ("eager" if engine == "eager" else "replay")
        with pytest.raises(Exception, match="3"):
            step(X[:12, :2], Y[:12])
        with pytest.raises(KindError, match=r"step\(X, y\)"):
            step(X)
        assert step.engine == ("eager" if engine == "eager" else "replay")
    with pytest.raises(RangeError, match="'auto'"):
        nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine="torch")
    with pytest.raises(RangeError, match="engine='xla'"):
        nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), device="gpu")
    with pytest.raises(KindError, match="no gradient comes"):
        nn.Step(model, lambda y, t: 1.0, nn.SGD(model.parameters(), lr=0.1))(*BATCHES[0])


def test_networks_of_values() -> None:
    def make() -> Any:
        return nn.scalar.MLP(3, [3, 1], seed=0)

    def loss(outputs: Any, t: Any) -> Any:
        return sum((y - float(k)) ** 2 for y, k in zip(outputs, t)) / len(t)

    sgd = partial(nn.SGD, lr=0.01)
    eager, _ = trained(make, loss, BATCHES[:3], "eager", optimizer=sgd)
    found, step = trained(make, loss, BATCHES[:3], "auto", optimizer=sgd)
    assert found == eager
    assert "Values" in step.reason
    with pytest.raises(RecordingError, match="engine='eager'.*nn.MLP"):
        trained(make, loss, BATCHES, "replay", optimizer=sgd)


def test_nan_is_reported_with_the_layer() -> None:
    class Root(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.sqrt()

    def run(engine: str) -> str:
        model = nn.Sequential(nn.Linear(3, 4, seed=0), nn.BatchNorm1d(4), nn.Sigmoid(), Root())
        step = nn.Step(model, nn.cross_entropy, nn.Adam(model.parameters(), lr=0.1), engine=engine)
        for batch in BATCHES[:3] * 2:
            step(*batch)
        before = bits(model.state_dict())
        bad = X[:12].copy()
        bad[0, 0] = np.nan
        with pytest.raises(NonfiniteError, match="(?s)step 7.*Linear") as caught:
            step(bad, Y[:12])
        assert bits(model.state_dict()) == before
        assert all(p.grad is None for p in model.parameters())
        step(*BATCHES[0])
        return str(caught.value)

    eager = run("eager")
    assert run("replay").partition("\n")[0] == run("auto").partition("\n")[0] == eager.partition("\n")[0]

    class Kinked(nn.Module):  # a finite loss with a gradient that is not
        def __init__(self) -> None:
            self.w = nn.Parameter(np.array([1.0, 1.0]))

        def forward(self, x: Any) -> Any:
            return (self.w - x).sqrt()

    for engine in ("eager", "replay", "auto"):
        model = Kinked()
        step = nn.Step(model, lambda y, t: (y * t).sum(), nn.SGD(model.parameters(), lr=0.0), engine=engine)
        for _ in range(3):
            step(np.zeros(2), np.ones(2))
        before = bits(model.state_dict())
        with (
            np.errstate(all="ignore"),
            pytest.raises(NonfiniteError, match="gradient of w became inf in step 4"),
        ):
            step(np.array([0.0, 1.0]), np.ones(2))
        assert bits(model.state_dict()) == before


def test_hooks_and_watches_are_those_of_eager_mode() -> None:
    results = []
    for engine in ("eager", "replay", "auto"):
        model = network()
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.1), engine=engine)
        seen: list[Any] = []
        for batch in BATCHES[:3]:
            step(*batch)
        weight = model.parameters()[0]
        handle = weight.register_hook(lambda g, seen=seen: seen.append(bits(g)) or g * 0.5)
        for batch in BATCHES[:3]:
            step(*batch)
        handle.remove()
        with record_lines(), detect_nonfinite():
            step(*BATCHES[0])
        shapes: list[Any] = []
        layer = model.layers[0]
        handle = layer.register_forward_hook(lambda m, i, o, shapes=shapes: shapes.append(o.shape))
        try:
            step(*BATCHES[0])
        except RecordingError as error:
            assert engine == "replay"
            assert "forward hook" in str(error)  # noqa: PT017
        else:
            assert len(shapes) == 1
        handle.remove()
        if engine != "replay":
            results.append((seen, bits(model.state_dict())))
        assert len(seen) == 3
    assert results[0] == results[1]


def test_outputs_of_steps_are_the_callers() -> None:
    for engine in ("eager", "replay", "auto"):
        model = network()
        step = nn.Step(model, nn.cross_entropy, nn.SGD(model.parameters(), lr=0.0), engine=engine)
        outputs = []
        for batch in BATCHES[:3]:
            step(*batch)
            outputs.append(step.output)
        for batch, output in zip(BATCHES, outputs):
            assert bits(output) == bits(model(batch[0])), engine


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
