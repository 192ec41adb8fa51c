"""The engines of training: every layer, optimiser and form of batch gives the bits of eager mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from engines import BATCHES, TOKENS, First, X, Y, bits, network, same_as_eager, trained

from chainrule import nn
from chainrule.autograd import (
    KindError,
    NonfiniteError,
    RangeError,
    RecordingError,
    Tensor,
    detect_nonfinite,
    record_lines,
    tanh,
)

R = np.random.default_rng(0)


class Around(nn.Module):
    """A layer between weights, so that gradients pass through it."""

    def __init__(self, layer: nn.Module, width: int = 4, dtype: Any = np.float64) -> None:
        self.layer, self.first = First(layer), nn.Parameter(np.linspace(0.5, 1.5, width).astype(dtype))

    def forward(self, x: Any) -> Any:
        return self.layer(x * self.first) * 0.5


FLAT, SEQUENCES, IMAGES = (6, 4), (5, 3, 4), (4, 2, 6, 6)


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


# ---------------------------------------------------------------------- as in eager mode


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
