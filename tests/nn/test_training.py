"""The training loop: what it computes, records, shows and refuses; and real data, learnt to a stated accuracy."""

import math
import sys

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, NonfiniteError, RangeError, ShapeError, Tensor, Value, log, sqrt
from chainrule.nn import datasets

MOONS = datasets.moons(90, seed=0)


def small(seed=0, **options):
    return nn.MLP(2, [8, 2], seed=seed, **options)


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


# ---------------------------------------------------------------------- what fit adds


def test_several_inputs():
    class Sum(nn.Module):
        def __init__(self):
            self.a, self.b = nn.Linear(2, 2, seed=0), nn.Linear(3, 2, seed=1)

        def forward(self, a, b):
            return self.a(a) + self.b(b)

    X, y = MOONS
    data = (X, np.ones((90, 3)), y)
    assert len(nn.fit(Sum(), nn.cross_entropy, data, validation=data, epochs=2, progress=False)) == 2
    with pytest.raises(KindError, match="has one array"):
        nn.fit(small(), nn.cross_entropy, nn.DataLoader(X))


@pytest.mark.parametrize("compound", [False, True])
def test_networks_of_values(compound):
    X, y = datasets.moons(24, seed=0)
    data = X, 2 * y - 1
    model = nn.scalar.MLP(2, [4, 1], activation="tanh", seed=0, compound=compound)
    same = nn.MLP(2, [4, 1], activation="tanh")
    for neurons, layer in zip(model.layers, (same.layers[0], same.layers[2]), strict=True):
        layer.weight.data = np.array([[w.data for w in neuron.w] for neuron in neurons.neurons]).T

    def column(loss):
        return lambda scores, target: loss(scores, target.reshape(-1, 1))

    rows = [
        nn.fit(
            each,
            loss,
            data,
            optimizer=nn.Adam(each.parameters(), lr=0.1),
            epochs=3,
            validation=data,
            metrics=[nn.accuracy],
            clip_norm=0.5,
            early_stopping=2,
            progress=False,
        ).to_dict()
        for each, loss in ((model, nn.hinge_loss), (same, column(nn.hinge_loss)))
    ]
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(rows[0][name], rows[1][name], rtol=1e-9)
    assert rows[0]["loss"][-1] < rows[0]["loss"][0]


def test_a_penalty_is_added_to_the_loss_and_told_apart():
    def lasso(model):
        return 0.5 * (model.weight * model.weight).sum()

    data = np.ones((4, 1)), np.ones((4, 1))
    model = nn.Linear(1, 1, seed=0)
    w, b = model.weight.data.item(), 0.0
    optimizer = nn.SGD(model.parameters(), lr=0.1)
    history = nn.fit(
        model,
        nn.mse_loss,
        data,
        optimizer=optimizer,
        penalty=lasso,
        epochs=1,
        validation=data,
        progress=False,
    )
    assert history["loss"] == [pytest.approx((w + b - 1) ** 2)]
    assert history["penalty"] == [pytest.approx(0.5 * w * w)]
    assert model.weight.data.item() == pytest.approx(w - 0.1 * (2 * (w + b - 1) + w))
    assert "val_penalty" not in history.to_dict()


def test_gradients_are_clipped_before_the_step():
    def step(**options):
        model = nn.Linear(1, 1, bias=False, seed=0)
        before = model.weight.data.item()
        optimizer = nn.SGD(model.parameters(), lr=1)
        data = np.full((4, 1), 100.0), np.zeros((4, 1))
        nn.fit(model, nn.mse_loss, data, optimizer=optimizer, epochs=1, progress=False, **options)
        return abs(model.weight.data.item() - before)

    assert step() > 100
    assert step(clip_norm=0.25) == pytest.approx(0.25, rel=1e-5)
    assert step(clip_value=0.5) == pytest.approx(0.5)


def test_schedules_step_by_epoch_by_batch_and_on_a_plateau():
    def rates(make, **options):
        model = small()
        optimizer = nn.SGD(model.parameters(), lr=1e-3)
        seen = []
        history = nn.fit(
            model,
            nn.cross_entropy,
            MOONS,
            optimizer=optimizer,
            schedule=make(optimizer),
            epochs=3,
            callbacks=[lambda run: seen.append(run.optimizer.lr)],
            progress=False,
            **options,
        )
        assert history["lr"] == seen  # the rate that the epoch ended with
        return np.array([*seen, optimizer.lr]) / 1e-3

    assert rates(lambda o: nn.schedules.ExponentialDecay(o, gamma=0.5)).tolist() == [1, 0.5, 0.25, 0.125]
    by_batch = rates(lambda o: nn.schedules.ExponentialDecay(o, gamma=0.5, every="batch"), batch_size=45)
    np.testing.assert_allclose(by_batch, [2**-2, 2**-4, 2**-6, 2**-6])
    flat = rates(
        lambda o: nn.schedules.ReduceOnPlateau(o, factor=0.1, patience=0), validation=MOONS,
        metrics={"flat": lambda p, t: 1.0}, early_stopping=nn.EarlyStopping(9, monitor="val_flat", mode="min"),
    )  # fmt: skip
    np.testing.assert_allclose(flat, [1, 1, 0.1, 0.01])
    model = small()
    schedule = nn.schedules.ExponentialDecay(nn.SGD(model.parameters(), lr=0.1), gamma=0.5)
    nn.fit(model, nn.cross_entropy, MOONS, schedule=schedule, epochs=1, progress=False)  # with its optimiser
    assert schedule.optimizer.lr == 0.05
    with pytest.raises(KindError, match="another optimizer"):
        nn.fit(model, nn.cross_entropy, MOONS, optimizer=nn.Adam(model.parameters()), schedule=schedule)


def stopped(losses, monkeypatch, **options):
    """The history and the epoch whose parameters the model ended with, where validation gives these losses."""
    model, kept, found = small(), [], iter(losses)
    monkeypatch.setattr("chainrule.nn.training.run.evaluate", lambda *_: {"loss": next(found), "r": 0.0})
    history = nn.fit(
        model,
        nn.cross_entropy,
        MOONS,
        validation=MOONS,
        epochs=len(losses),
        callbacks=[lambda run: kept.append(run.model.state_dict())],
        progress=False,
        **options,
    )
    state = model.state_dict()
    same = [all((state[k] == v).all() for k, v in each.items()) for each in kept]
    return history, same.index(True) + 1


def test_early_stopping_waits_and_keeps_the_best(monkeypatch):
    losses = [5, 3, 4, 2, 2.5, 2, 2.2, 1, 1]
    history, kept = stopped(losses, monkeypatch, early_stopping=3)
    assert (len(history), history.best, kept) == (7, 4, 4)
    assert history.ended == "no better val_loss for 3 epochs"
    assert repr(history).endswith("no better val_loss for 3 epochs; the best model is that of epoch 4")
    history, kept = stopped(losses, monkeypatch, early_stopping=4)
    assert (len(history), history.best, kept, history.ended) == (9, 8, 8, None)
    history, kept = stopped(losses, monkeypatch, early_stopping=nn.EarlyStopping(3, restore_best=False))
    assert (len(history), history.best, kept) == (7, None, 7)
    history, kept = stopped(losses, monkeypatch)
    assert (len(history), history.best, kept) == (9, None, 9)


def test_small_improvements_do_not_count_but_are_kept(monkeypatch):
    history, kept = stopped(
        [5, 4.9, 4.8, 4.7, 4], monkeypatch, early_stopping=nn.EarlyStopping(3, min_delta=0.5)
    )
    assert (len(history), kept) == (4, 4)
    history, kept = stopped(
        [5, 4.7, 4.4, 4.1], monkeypatch, early_stopping=nn.EarlyStopping(2, min_delta=0.5)
    )
    assert (len(history), kept) == (4, 4)


def test_nan_is_never_the_best(monkeypatch):
    history, kept = stopped([math.nan, 3, math.nan, math.nan], monkeypatch, early_stopping=2)
    assert (len(history), kept) == (4, 2)
    history, kept = stopped([math.nan] * 9, monkeypatch, early_stopping=3)
    assert (len(history), history.best, kept) == (3, None, 3)


def test_higher_may_be_better(monkeypatch):
    history, kept = stopped(
        [1, 3, 2, 2], monkeypatch, early_stopping=nn.EarlyStopping(2, monitor="val_loss", mode="max")
    )
    assert (len(history), kept) == (4, 2)
    assert nn.EarlyStopping(monitor="val_accuracy").mode == "max"
    assert nn.EarlyStopping(monitor="loss").mode == "min"
    with pytest.raises(RangeError, match="Write mode='max' or mode='min'"):
        nn.EarlyStopping(monitor="val_beauty")
    with pytest.raises(
        RangeError, match=r"monitors 'val_loss', which is not measured.*Give fit a validation set"
    ):
        nn.fit(
            small(),
            nn.cross_entropy,
            MOONS,
            early_stopping=nn.EarlyStopping(monitor="val_loss"),
            progress=False,
        )
    for wrong in ({"patience": 0}, {"min_delta": -1}, {"mode": "lower"}):
        with pytest.raises(RangeError):
            nn.EarlyStopping(**wrong)


def test_callbacks_are_told_in_order():
    told = []

    class Told:
        def __getattr__(self, name):
            if not name.startswith("on_"):
                raise AttributeError(name)
            return lambda run: told.append((name, run.epoch, run.batch))

    nn.fit(small(), nn.cross_entropy, MOONS, epochs=2, batch_size=45, callbacks=[Told()], progress=False)
    one = [("on_epoch_begin", 1, 0), ("on_batch_end", 1, 1), ("on_batch_end", 1, 2), ("on_epoch_end", 1, 2)]
    two = [(name, 2, batch) for name, _, batch in one]
    assert told == [("on_fit_begin", 0, 0), ("on_train_begin", 0, 0), *one, *two, ("on_train_end", 2, 2)]


def test_callbacks_can_be_functions_and_can_stop(capsys):
    history = nn.fit(
        small(),
        nn.cross_entropy,
        MOONS,
        epochs=9,
        callbacks=[lambda run: run.stop("enough") if run.epoch == 2 else None, nn.callbacks.PrintEpochs(2)],
        progress=False,
    )
    assert (len(history), history.ended) == (2, "enough")
    assert capsys.readouterr().out.startswith("epoch 2/9: loss ")
    for wrong in (3, nn.EarlyStopping):
        with pytest.raises(KindError, match="a callback is an object with a method on_fit_begin"):
            nn.fit(small(), nn.cross_entropy, MOONS, callbacks=[wrong])


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


# ---------------------------------------------------------------------- the history


def test_a_history_goes_to_json_and_back(tmp_path):
    history = nn.fit(small(), nn.cross_entropy, MOONS, epochs=3, early_stopping=1, progress=False)
    history.append({"epoch": 4, "loss": math.nan, "val_loss": math.inf})
    history.save(tmp_path / "h.json")
    found = nn.History.load(tmp_path / "h.json")
    assert repr(found) == repr(history)
    assert (found.best, found.ended) == (history.best, history.ended)
    assert found["loss"][:3] == history["loss"][:3]
    for text in ("", "{", "[]", '{"rows": 3}', '{"rows": [{"loss": [1]}], "best": null, "ended": null}'):
        (tmp_path / "h.json").write_text(text)
        with pytest.raises(KindError, match="no history of a training|no JSON file"):
            nn.History.load(tmp_path / "h.json")


def test_a_history_shows_itself_in_notebooks_and_plots():
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="the extra plot is not installed")
    history = nn.fit(
        small(), nn.cross_entropy, MOONS, validation=MOONS, epochs=2, early_stopping=5, progress=False
    )
    assert history._repr_html_().count("<tr>") == 3
    axes = history.plot()
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines["loss"] == history["loss"]
    assert lines["val_loss"] == history["val_loss"]
    assert history.plot("lr", ax=axes) is axes
    with pytest.raises(RangeError, match="no column 'beauty'"):
        history.plot("beauty", ax=axes)
    pyplot.close("all")


def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(
        ImportError, match=r"matplotlib, which is not installed.*pip install 'chainrule\[plot\]'"
    ):
        nn.History().plot()


def test_repeat():
    results = nn.repeat(lambda seed: {"a": seed, "b": 1.0}, seeds=[1, 2, 6])
    assert results["a"] == [1, 2, 6]
    assert results.mean == {"a": 3, "b": 1}
    assert results.std == {"a": pytest.approx(7**0.5), "b": 0}
    assert results.to_dict() == {"seed": [1, 2, 6], "a": [1, 2, 6], "b": [1, 1, 1]}
    assert [line.split() for line in repr(results).splitlines()][-2:] == [
        ["mean", "3", "1"],
        ["std", "2.646", "0"],
    ]
    assert math.isnan(nn.repeat(float, [3]).std["result"])
    history = nn.fit(small(), nn.cross_entropy, MOONS, epochs=2, progress=False)
    assert nn.repeat(lambda _: history, [0])["loss"] == history["loss"][-1:]
    history.best = 1
    assert nn.repeat(lambda _: history, [0])["loss"] == history["loss"][:1]
    for seeds in ([], [1, 1]):
        with pytest.raises(RangeError, match="each of its own"):
            nn.repeat(float, seeds)
    with pytest.raises(KindError, match="a number, a dict of numbers"):
        nn.repeat(lambda seed: "good")
    with pytest.raises(RangeError, match="no column 'c'"):
        results["c"]


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
