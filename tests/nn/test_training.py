"""The training loop: what it computes, records, shows and refuses; and real data, learnt to a stated accuracy."""

import math

import numpy as np
import pytest
from trainings import MOONS, small

from chainrule import nn
from chainrule.autograd import KindError, NonfiniteError, RangeError, ShapeError, Tensor, Value, log, sqrt
from chainrule.nn import datasets


class Moody(nn.Module):
    """Says in which mode it was called, and whether it recorded."""

    def __init__(self):
        self.inner = small()
        self.seen = []

    def forward(self, x):
        out = self.inner(x)
        self.seen.append((self.training, self.inner.training, out.requires_grad, len(x)))
        return out


def test_fit_is_the_manual_loop():
    X, y = MOONS
    model, by_hand = small(), small()
    history = nn.fit(
        model, nn.cross_entropy, MOONS, optimizer=nn.SGD(model.parameters(), lr=0.1), epochs=3, progress=False
    )
    optimizer, losses = nn.SGD(by_hand.parameters(), lr=0.1), []
    loader = nn.DataLoader(X, y, batch_size=32, seed=0)
    for _ in range(3):
        total = 0.0
        for xs, ys in loader:
            optimizer.zero_grad()
            loss = nn.cross_entropy(by_hand(xs), ys)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xs)
        losses.append(total / 90)
    for p, q in zip(model.parameters(), by_hand.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)
    assert history["loss"] == losses


def test_same_seed_same_numbers():
    def run(seed):
        model = small()
        return nn.fit(model, nn.cross_entropy, MOONS, epochs=2, seed=seed, progress=False)["loss"]

    assert run(0) == run(0) != run(1)


def test_modes_and_the_last_short_batch():
    model = Moody()
    nn.fit(model, nn.cross_entropy, MOONS, epochs=1, batch_size=40, validation=MOONS, progress=False)
    assert model.seen == [(True, True, True, n) for n in (40, 40, 10)] + [
        (False, False, False, n) for n in (40, 40, 10)
    ]
    assert not model.training
    model.train()
    nn.evaluate(model, nn.cross_entropy, MOONS)
    assert model.training


def test_history_has_all_columns():
    history = nn.fit(
        small(), nn.cross_entropy, MOONS, epochs=3, validation=MOONS, metrics=[nn.accuracy], progress=False
    )
    assert list(history.to_dict()) == [
        "epoch",
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "lr",
        "seconds",
    ]
    assert history["epoch"] == [1, 2, 3]
    assert len(history) == 3
    lines = repr(history).splitlines()
    assert lines[0].split() == list(history.to_dict())
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    with pytest.raises(RangeError, match="no column 'acc'; it has epoch, loss, accuracy"):
        history["acc"]
    assert repr(nn.History()) == "History of no epochs"


def test_a_long_history_is_shortened():
    history = nn.History()
    for epoch in range(1, 101):
        history.append({"epoch": epoch, "loss": 1 / epoch})
    lines = repr(history).splitlines()
    assert len(lines) == 22
    assert lines[-1].split()[0] == "100"


def test_a_late_column_has_gaps():
    history = nn.History()
    history.append({"epoch": 1})
    history.append({"epoch": 2, "val_loss": 0.5})
    assert math.isnan(history["val_loss"][0])


def test_means_count_every_sample_alike():
    X, y = np.arange(5.0).reshape(-1, 1), np.zeros((5, 1))
    model = nn.Identity()
    found = nn.evaluate(model, nn.mse_loss, (X, y), {"worst": lambda p, t: float(np.max(p))}, batch_size=3)
    assert found["loss"] == pytest.approx((X**2).mean())
    assert found["worst"] == (2 * 3 + 4 * 2) / 5


def test_nan_stops_and_says_where():
    X, y = MOONS
    X = X.copy()
    X[:] = 1e200
    model = small()
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    with (
        np.errstate(all="ignore"),
        pytest.raises(NonfiniteError, match=r"became (nan|inf) in epoch 1, batch 1.*learning rate, 0\.1"),
    ):
        nn.fit(model, lambda p, t: (p * p).mean(), (X, y), optimizer=optimizer, progress=False)
    assert all(np.isfinite(p.data).all() for p in model.parameters())


def test_ctrl_c_returns_what_there_is():
    calls = 0

    def loss(prediction, target):
        nonlocal calls
        calls += 1
        if calls == 8:
            raise KeyboardInterrupt
        return nn.cross_entropy(prediction, target)

    model = small()
    history = nn.fit(model, loss, MOONS, epochs=10, batch_size=30, progress=False)
    assert history.interrupted
    assert len(history) == 2
    assert repr(history).endswith("interrupted; the best model is that of epoch 2")
    assert not model.training


def test_the_bar_shows_epoch_loss_metric_and_rate(capsys):
    nn.fit(small(), nn.cross_entropy, MOONS, epochs=2, metrics=[nn.accuracy])
    shown = capsys.readouterr().err
    for part in ("epoch 2/2", "loss=", "accuracy=", "lr=0.001", "100%", "batch/s"):
        assert part in shown
    assert len(shown.splitlines()[-1].partition("accuracy")[0]) < 75  # what counts is seen in 80 columns
    nn.fit(small(), nn.cross_entropy, MOONS, epochs=1, progress=False)
    assert capsys.readouterr().err == ""


def test_a_loader_is_used_as_it_is():
    loader = nn.DataLoader(*MOONS, batch_size=45, seed=9)
    model = Moody()
    nn.fit(model, nn.cross_entropy, loader, epochs=2, progress=False)
    assert [n for *_, n in model.seen] == [45] * 4
    assert loader.epoch == 2


def test_no_epochs_is_no_training():
    assert len(nn.fit(small(), nn.cross_entropy, MOONS, epochs=0, progress=False)) == 0


def test_what_fit_refuses():
    with pytest.raises(KindError, match=r"a pair \(X, y\) or a DataLoader"):
        nn.fit(small(), nn.cross_entropy, MOONS[0])
    with pytest.raises(KindError, match=r"metrics=\[nn.accuracy\]"):
        nn.fit(small(), nn.cross_entropy, MOONS, metrics=nn.accuracy)
    with pytest.raises(RangeError, match="0 or more"):
        nn.fit(small(), nn.cross_entropy, MOONS, epochs=-1)


# ---------------------------------------------------------------------- NaN


def test_nan_names_the_layer_and_leaves_the_model_as_it_was():
    class Log(nn.Module):
        def forward(self, x):
            return log(x)

    X, y = np.random.default_rng(0).random((40, 2)), np.zeros((40, 1))
    X[37] = -5
    dropout = nn.Dropout(0.5, seed=0)
    model = nn.Sequential(nn.BatchNorm1d(2), dropout, nn.Linear(2, 2), Log(), nn.Linear(2, 1, seed=0))
    model[2].weight.data[:], model[2].bias.data[:] = [[0.18], [0.01]], 1
    seen = []

    class See(nn.callbacks.Callback):
        def on_batch_end(self, run):
            state = run.model.state_dict()
            seen.append((state, dropout.generator.bit_generator.state))

    loader = nn.DataLoader(X, y, batch_size=10, shuffle=False)
    with np.errstate(all="ignore"), pytest.raises(NonfiniteError) as caught:
        nn.fit(
            model,
            nn.mse_loss,
            loader,
            optimizer=nn.SGD(model.parameters(), lr=1e-6),
            callbacks=[See()],
            progress=False,
        )
    words = str(caught.value)
    assert words.startswith("the loss became nan in epoch 1, batch 4, in 3: Log(); training has stopped"), (
        words
    )
    assert "log gave nan" in words
    assert "line: " in words
    assert len(seen) == 3
    assert len(caught.value.history) == 0
    state, generator = seen[-1]
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert dropout.generator.bit_generator.state == generator
    assert not model.training


def test_a_gradient_that_is_not_finite_never_reaches_the_parameters():
    class Root(nn.Module):
        def __init__(self):
            self.w = nn.Parameter([0.0, 1.0])

        def forward(self, x):
            return sqrt(self.w) * x

    model = nn.Sequential(Root())
    data = np.ones((4, 2)), np.zeros((4, 2))
    words = r"the gradient of 0\.w became inf in epoch 1, batch 1, in 0: Root\(\).*\n.*sqrt passed back"
    with np.errstate(all="ignore"), pytest.raises(NonfiniteError, match=words):
        nn.fit(model, lambda p, t: p.mean(), data, progress=False)
    assert model[0].w.data.tolist() == [0, 1]
    assert model[0].w.grad is None


# ---------------------------------------------------------------------- accuracy


def test_accuracy():
    scores = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert nn.accuracy(scores, [1, 0, 0]) == pytest.approx(2 / 3)
    assert nn.accuracy(Tensor(scores), np.eye(2)[[1, 0, 0]]) == pytest.approx(2 / 3)
    assert nn.accuracy(Tensor([[2.0], [-1.0]]), [1, 1]) == 0.5
    assert nn.accuracy([Value(2.0), Value(-1.0)], [1, -1]) == 1
    with pytest.raises(ShapeError, match="one target for each row"):
        nn.accuracy(scores, [1, 0])
    with pytest.raises(ShapeError, match="one row at least"):
        nn.accuracy(scores[:0], [])


# ---------------------------------------------------------------------- learning


def test_a_few_samples_are_memorised():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((20, 2)), rng.integers(0, 2, 20)
    model = nn.MLP(2, [64, 64, 2], seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.01)
    history = nn.fit(
        model, nn.cross_entropy, data, optimizer=optimizer, epochs=300, metrics=[nn.accuracy], progress=False
    )
    assert history["accuracy"][-1] == 1


def test_a_line_is_found_as_the_closed_form_finds_it():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 2))
    y = X @ [[2.0], [-1.0]] + 0.5 + 0.1 * rng.standard_normal((50, 1))
    model = nn.Linear(2, 1, seed=0)
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    nn.fit(model, nn.mse_loss, (X, y), optimizer=optimizer, epochs=300, batch_size=50, progress=False)
    ones = np.column_stack([X, np.ones(50)])
    best = np.linalg.solve(ones.T @ ones, ones.T @ y)
    np.testing.assert_allclose([*model.weight.data[:, 0], *model.bias.data], best[:, 0], rtol=1e-6)


def test_handwritten_digits_are_read_to_96_percent():
    digits = datasets.load_digits()
    X_train, X_test, y_train, y_test = nn.split(
        digits.data, digits.target, test_size=0.25, seed=0, stratify=True
    )
    scaler = nn.Standardizer().fit(X_train)
    model = nn.MLP(64, [128, 10], seed=0, dtype=np.float32)
    optimizer = nn.Adam(model.parameters(), lr=3e-3)
    train, test = (scaler.transform(X_train), y_train), (scaler.transform(X_test), y_test)
    nn.fit(model, nn.cross_entropy, train, optimizer=optimizer, epochs=20, progress=False)
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert nn.evaluate(model, nn.cross_entropy, test, [nn.accuracy])["accuracy"] >= 0.96


def test_iris_is_told_apart():
    iris, right = datasets.load_iris(), []
    for seed in range(3):
        X_train, X_test, y_train, y_test = nn.split(
            iris.data, iris.target, test_size=0.3, seed=seed, stratify=True
        )
        scaler = nn.Standardizer().fit(X_train)
        model = nn.MLP(4, [16, 3], activation="tanh", seed=seed)
        optimizer = nn.SGD(model.parameters(), lr=0.1, momentum=0.9)
        train = scaler.transform(X_train), y_train
        nn.fit(model, nn.cross_entropy, train, optimizer=optimizer, epochs=20, progress=False)
        right.append(nn.accuracy(model(scaler.transform(X_test)), y_test))
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize(
    ("name", "widths", "least"),
    [("circles", [8, 2], 0.95), ("xor", [8, 2], 0.9), ("spirals", [32, 32, 2], 0.95)],
)
def test_made_data_are_learnt(name, widths, least):
    data = getattr(datasets, name)(200, seed=0)
    model = nn.MLP(2, widths, activation="tanh", seed=0)
    optimizer = nn.Adam(model.parameters(), lr=0.02)
    nn.fit(model, nn.cross_entropy, data, optimizer=optimizer, epochs=100, progress=False)
    assert nn.evaluate(model, nn.cross_entropy, data, [nn.accuracy])["accuracy"] >= least


def test_two_moons_with_values():
    X, y = datasets.moons(40, seed=0)
    model = nn.scalar.MLP(2, [8, 1], activation="tanh", seed=0, compound=True)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    for _ in range(40):
        optimizer.zero_grad()
        scores = [model(x) for x in X.tolist()]
        nn.hinge_loss(scores, 2 * y - 1).backward()
        optimizer.step()
    assert nn.accuracy(scores, y) >= 0.9
