"""What `fit` adds to the loop: penalties, clipping, schedules, early stopping, callbacks; and its history."""

import math
import sys

import numpy as np
import pytest
from trainings import MOONS, small

from chainrule import nn
from chainrule.autograd import KindError, RangeError
from chainrule.nn import datasets

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
