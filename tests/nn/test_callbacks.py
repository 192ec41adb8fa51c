"""Callbacks in a second training: each `fit` begins anew, before a checkpoint is loaded."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError
from chainrule.viz import Recorder

MOONS = nn.datasets.moons(60, noise=0.3, seed=0)


def train(seed=0, epochs=6, lr=0.3, **options):
    model = nn.MLP(2, [4, 2], seed=seed)
    optimizer = nn.SGD(model.parameters(), lr=lr)
    data = {"batch_size": 20, "progress": False, **options}
    history = nn.fit(model, nn.cross_entropy, MOONS, optimizer=optimizer, epochs=epochs, **data)
    return model, history


def numbers(model):
    return {name: array.tolist() for name, array in model.state_dict().items()}


def test_early_stopping_used_twice_is_as_two_of_them():
    stopping = nn.EarlyStopping(patience=2)
    train(
        seed=5, validation=MOONS, early_stopping=stopping
    )  # its losses are lower than any of the next training
    again, history = train(lr=1e-3, validation=MOONS, early_stopping=stopping)
    fresh, expected = train(lr=1e-3, validation=MOONS, early_stopping=nn.EarlyStopping(patience=2))
    assert numbers(again) == numbers(fresh)
    assert history["val_loss"] == expected["val_loss"]
    assert (history.best, history.ended) == (expected.best, expected.ended) == (6, None)


@pytest.mark.parametrize("kind", [nn.callbacks.KeepBest, nn.EarlyStopping])
def test_the_best_model_of_one_training_is_not_put_into_the_next(kind):
    keep = kind()
    train(seed=5, callbacks=[keep])
    shapes = nn.MLP(2, [3, 2], seed=0)  # which the first one's parameters do not fit
    nn.fit(shapes, nn.cross_entropy, MOONS, epochs=1, callbacks=[keep], progress=False)
    assert keep.epoch == 1
    assert {name: a.tolist() for name, a in keep.parameters.items()} == numbers(shapes)


def test_a_monitor_that_is_left_open_is_chosen_for_each_training():
    stopping = nn.EarlyStopping(patience=2)
    _, history = train(lr=1e-6, epochs=9, validation=MOONS, early_stopping=stopping)
    assert history.ended is None
    assert (stopping.monitor, stopping.mode) == (None, None)
    _, history = train(lr=0.0, epochs=9, early_stopping=stopping)  # no validation here
    assert history.ended == "no better loss for 2 epochs"
    assert repr(stopping) == "EarlyStopping(monitor=None, mode=None)"
    _, history = train(lr=0.0, epochs=9, validation=MOONS, early_stopping=stopping)
    assert history.ended == "no better val_loss for 2 epochs"


def test_callbacks_begin_anew_before_a_checkpoint_is_loaded(tmp_path):
    path, told = tmp_path / "run.npz", []

    class Count(nn.callbacks.Callback):
        def on_fit_begin(self, run):
            self.batches = 0
            told.append(("fit", run.epoch))

        def on_train_begin(self, run):
            told.append(("train", run.epoch))

        def on_batch_end(self, run):
            self.batches += 1

        def state_dict(self):
            return {"batches": self.batches}

        def load_state_dict(self, state):
            self.batches = state["batches"]

    count, stopping = Count(), nn.EarlyStopping(patience=9)
    options = {"callbacks": [count], "early_stopping": stopping}
    train(seed=3, epochs=4, **options)  # another training between
    assert count.batches == 12
    train(epochs=2, checkpoint=path, **options)
    train(seed=3, epochs=5, **options)
    told.clear()
    resumed, history = train(epochs=4, checkpoint=path, **options)
    assert told == [("fit", 0), ("train", 2)]
    assert count.batches == 12
    straight, expected = train(epochs=4, early_stopping=nn.EarlyStopping(patience=9))
    assert numbers(resumed) == numbers(straight)
    assert (history["loss"], history.best) == (expected["loss"], expected.best)


@pytest.mark.parametrize("every", ["batch", "epoch"])
def test_a_recorder_used_twice_has_the_second_training(every):
    recorder, fresh = Recorder(every=every), Recorder(every=every)
    train(seed=3, epochs=4, callbacks=[recorder])
    train(epochs=2, callbacks=[recorder])
    train(epochs=2, callbacks=[fresh])
    assert recorder.rows == fresh.rows
    np.testing.assert_array_equal(recorder.path, fresh.path)
    other = nn.MLP(2, [3, 2], seed=0)  # of other shapes
    nn.fit(other, nn.cross_entropy, MOONS, epochs=1, callbacks=[recorder], progress=False)
    assert recorder.path.shape[1] == 17


def test_a_recorder_that_goes_on_has_each_place_once(tmp_path):
    straight, resumed = Recorder(), Recorder()
    train(epochs=4, callbacks=[straight])
    train(epochs=2, callbacks=[resumed], checkpoint=tmp_path / "run.npz")
    train(epochs=4, callbacks=[resumed], checkpoint=tmp_path / "run.npz")
    np.testing.assert_array_equal(resumed.path, straight.path)


def test_lines_are_printed_alike_each_time(capsys):
    printing = nn.callbacks.PrintEpochs(2)
    train(epochs=3, callbacks=[printing])
    first = capsys.readouterr().out
    train(epochs=3, callbacks=[printing])
    assert capsys.readouterr().out == first
    assert first.count("\n") == 2


def test_a_callback_that_is_given_twice_is_told_once():
    stopping = nn.EarlyStopping(patience=2)
    _, history = train(lr=0.0, epochs=9, early_stopping=stopping, callbacks=[stopping, stopping])
    assert len(history) == 3


def test_a_second_training_goes_on_with_the_model_its_optimiser_and_its_schedule():
    def run(*parts):
        model = nn.MLP(2, [4, 2], seed=0)
        optimizer = nn.Adam(model.parameters(), lr=0.1)
        schedule, loader = (
            nn.schedules.ExponentialDecay(optimizer, 0.5),
            nn.DataLoader(*MOONS, batch_size=20, seed=0),
        )
        losses = []
        for epochs in parts:
            options = {"optimizer": optimizer, "schedule": schedule, "epochs": epochs, "progress": False}
            losses += nn.fit(model, nn.cross_entropy, loader, **options)["loss"]
        return losses, optimizer.lr, numbers(model)

    assert run(4) == run(2, 2)


def test_evaluation_leaves_each_module_in_its_mode():
    model = nn.Sequential(nn.Linear(2, 2, seed=0), nn.BatchNorm1d(2), nn.Dropout(0.5, seed=0))
    model[1].eval()
    nn.evaluate(model, nn.cross_entropy, MOONS)
    assert [module.training for module in model.modules()] == [True, True, False, True]


# ---------------------------------------------------------------------- metrics of every kind


@pytest.mark.parametrize(
    ("values", "ended", "best"),
    [
        ([-1.0, -2.0, -2.0, -2.0, -9.0], 4, 2),
        ([0.0, -0.0, 0.0, -1.0], 3, 1),
        ([math.inf, 3.0, math.inf, math.inf, 1.0], 4, 2),
        ([-math.inf, -math.inf, 0.0], 3, 1),
        ([math.nan, math.inf, math.nan, math.nan, 1.0], 4, 2),
    ],
)
def test_early_stopping_of_metrics_of_every_kind(monkeypatch, values, ended, best):
    found = iter(values)
    monkeypatch.setattr("chainrule.nn.training.run.evaluate", lambda *_: {"loss": next(found)})
    _, history = train(epochs=len(values), validation=MOONS, early_stopping=2)
    assert (len(history), history.best) == (ended, best)


def test_improvements_that_cannot_be_are_refused():
    for wrong in (math.nan, math.inf, -0.1):
        with pytest.raises(RangeError, match="min_delta"):
            nn.EarlyStopping(min_delta=wrong)
    for wrong in ("small", True, None):
        with pytest.raises(KindError, match="min_delta"):
            nn.EarlyStopping(min_delta=wrong)


def test_a_state_of_another_callback_is_refused_whole():
    stopping = nn.EarlyStopping()
    state = stopping.state_dict()
    for wrong in (
        {},
        {**state, "more": 1},
        {**state, "value": "low"},
        {**state, "epoch": 1.5},
        {**state, "waited": -1},
        {**state, "parameters": {"weight": 3}},
        {**state, "reference": 10**400},
    ):
        with pytest.raises(KindError, match="nothing of it was loaded"):
            stopping.load_state_dict(wrong)
    assert repr(stopping.state_dict()) == repr(state)
    stopping.load_state_dict({**state, "waited": 3, "value": np.float32(0.5)})
    assert (stopping.waited, stopping.value) == (3, 0.5)
