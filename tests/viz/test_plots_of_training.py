"""Plots of a training: its losses and rates, what a recorder noted, the surface that it went over."""

from __future__ import annotations

import json

import numpy as np
import pytest
from plotted import SIGNS, X, Y, bce, history, tensors, trained, values

from chainrule import nn, viz
from chainrule.autograd import Value
from chainrule.autograd.errors import KindError, RangeError, ShapeError
from chainrule.nn import MLP, scalar
from chainrule.viz import Recorder

matplotlib = pytest.importorskip("matplotlib", reason="plots are drawn by matplotlib")


# ---------------------------------------------------------------------- curves


def test_losses_are_those_of_the_history_and_the_title_sees_memorising():
    assert viz.plot_loss_data(history()) == {
        "training": ([1, 2, 3, 4, 5], [0.9, 0.5, 0.2, 0.1, 0.05]),
        "validation": ([1, 2, 3, 4, 5], [0.8, 0.4, 0.5, 0.6, 0.7]),
    }
    ax = viz.plot_loss(history())
    assert ax.get_title(loc="left") == "Validation is best at epoch 2; after that the model overfits"
    assert ax.lines[0].get_ydata().tolist() == [0.9, 0.5, 0.2, 0.1, 0.05]
    assert ax.lines[2].get_xydata().tolist() == [[2.0, 0.4]]
    with pytest.raises(RangeError, match="no column 'acuracy' to plot; there are epoch, loss, val_loss"):
        viz.plot_loss_data(history(), "acuracy")


def test_a_long_record_of_steps_is_drawn_with_its_running_mean():
    recorder = Recorder(path=False)
    losses = np.exp(-np.arange(100) / 30)
    for loss in losses:
        recorder.record(tensors(), loss)
    raw, mean = viz.plot_loss(recorder).lines
    np.testing.assert_allclose(raw.get_ydata(), losses)
    np.testing.assert_allclose(mean.get_ydata(), [losses[k - 4 : k + 1].mean() for k in range(4, 100)])
    assert mean.get_xdata()[0] == 5


def test_a_schedule_is_asked_for_its_rates_and_put_back():
    from chainrule.nn.schedules import Cosine, ReduceOnPlateau

    optimizer = nn.SGD([Value(1.0)], lr=0.2)
    schedule = Cosine(optimizer, T_max=10)
    schedule.step()
    before = optimizer.lr
    rates = viz.plot_learning_rate_data(schedule, steps=9)
    np.testing.assert_allclose(rates, 0.1 * (1 + np.cos(np.pi * np.arange(1, 10) / 10)))
    assert optimizer.lr == before
    assert schedule.t == 1
    np.testing.assert_allclose(viz.plot_learning_rate(schedule, steps=9).lines[0].get_ydata(), rates)
    with pytest.raises(KindError, match="changes its rate by what it measures"):
        viz.plot_learning_rate_data(ReduceOnPlateau(nn.SGD([Value(1.0)], lr=0.2)))


# ---------------------------------------------------------------------- the recorder


def test_a_recorder_notes_gradients_updates_and_path():
    model = MLP(2, [1], seed=0)
    weight, bias = model.layers[0].weight, model.layers[0].bias
    recorder = Recorder(model)
    start = np.append(weight.data.ravel(), bias.data)
    weight.grad, bias.grad = np.array([[3.0], [0.0]]), np.array([4.0])
    weight.data, bias.data = weight.data + 0.3, bias.data + 0.4
    recorder.record(model, Value(0.7), accuracy=0.5)
    (row,) = recorder.rows
    assert (row["step"], row["loss"], row["accuracy"]) == (1, 0.7, 0.5)
    assert row["gradient_norms"] == {"layers.0": pytest.approx(5.0)}
    moved = np.linalg.norm([0.3, 0.3, 0.4]) / np.linalg.norm(start)
    assert row["update_ratios"] == {"layers.0": pytest.approx(moved)}
    np.testing.assert_allclose(recorder.path, [start, start + [0.3, 0.3, 0.4]])
    steps, ratios = viz.plot_update_ratios_data(recorder)["layers.0"]
    assert (steps, ratios) == ([1], [pytest.approx(moved)])
    np.testing.assert_allclose(viz.plot_update_ratios(recorder).lines[0].get_ydata(), ratios)
    with pytest.raises(ShapeError, match="Make one Recorder for each model"):
        recorder.record(tensors())


def test_a_recorder_goes_through_json():
    _, recorder = trained(4)
    other = Recorder()
    other.load_state_dict(json.loads(json.dumps(recorder.state_dict())))
    assert other.rows == recorder.rows
    np.testing.assert_array_equal(other.path, recorder.path)


@pytest.mark.parametrize(("every", "n"), [("batch", 6), ("epoch", 3)])
def test_fit_calls_a_recorder(every, n):
    model, recorder = tensors(), Recorder(every=every)
    found = nn.fit(model, bce, (X, Y), epochs=3, batch_size=20, callbacks=[recorder], progress=False)
    assert len(recorder) == n
    assert recorder.path.shape == (n + 1, sum(p.size for p in model.parameters()))
    losses = np.reshape(recorder.columns()["loss"], (3, -1)).mean(axis=1)
    np.testing.assert_allclose(losses, found["loss"])


def test_a_long_path_is_thinned_evenly():
    model, recorder = scalar.Neuron(1, seed=0), Recorder()
    for step in range(1, 1001):
        model.b.data = float(step)
        recorder.record(model)
    steps = recorder.path[:, 1]
    assert 200 <= len(steps) <= 400
    assert np.ptp(np.diff(steps)) == 0


# ---------------------------------------------------------------------- the loss surface


@pytest.mark.parametrize("of_values", [True, False])
def test_the_loss_surface_between_chosen_directions_is_that_by_hand(of_values):
    scalars, of_tensors = values(widths=(3, 1))
    model = scalars if of_values else of_tensors
    n = sum(np.size(p.data) for p in model.parameters())
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, n))
    target = SIGNS if of_values else SIGNS[:, None]
    before = [np.copy(p.data) for p in model.parameters()]
    found = viz.plot_loss_surface_data(
        model, X, target, nn.mse_loss, directions=(u, v), reach=0.5, resolution=3
    )
    for now, then in zip(model.parameters(), before):
        np.testing.assert_array_equal(now.data, then)
    at = np.concatenate([np.ravel(p) for p in before]) + 0.5 * u - 0.5 * v
    if of_values:  # neuron by neuron: two weights and a bias
        W, b = at[:9].reshape(3, 3)[:, :2].T, at[:9].reshape(3, 3)[:, 2]
        w, c = at[9:12], at[12]
    else:
        W, b, w, c = at[:6].reshape(2, 3), at[6:9], at[9:12], at[12]
    loss = ((np.tanh(X @ W + b) @ w + c - SIGNS) ** 2).mean()
    assert found.loss[0, 2] == pytest.approx(loss, rel=1e-10)
    assert found.loss.shape == (3, 3)


@pytest.mark.parametrize("of_values", [True, False])
def test_random_directions_have_the_length_of_each_filter(of_values):
    scalars, of_tensors = values(widths=(3, 1))
    model = scalars if of_values else of_tensors
    target = SIGNS if of_values else SIGNS[:, None]
    found = viz.plot_loss_surface_data(model, X, target, nn.mse_loss, resolution=3)
    for direction in found.directions:
        if of_values:
            parts = direction[:9].reshape(3, 3)
            lengths, biases = np.linalg.norm(parts[:, :2], axis=1), parts[:, 2]
        else:
            lengths, biases = np.linalg.norm(direction[:6].reshape(2, 3), axis=0), direction[6:9]
        np.testing.assert_allclose(lengths, np.linalg.norm(of_tensors.layers[0].weight.data, axis=0))
        assert (biases == 0).all()
        assert np.linalg.norm(direction[9:12]) == pytest.approx(
            np.linalg.norm(of_tensors.layers[2].weight.data)
        )
    assert abs(np.dot(*found.directions)) < 0.99 * np.prod(np.linalg.norm(found.directions, axis=1))


def test_the_path_is_where_the_training_was():
    model, recorder = trained()
    found = viz.plot_loss_surface_data(model, X, Y, bce, path=recorder, resolution=3)
    moved = recorder.path - recorder.path[-1]
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(found.path, moved @ found.directions.T, atol=1e-10)
    np.testing.assert_allclose(found.path[-1], 0, atol=1e-12)
    for axis, positions in ((found.a, found.path[:, 0]), (found.b, found.path[:, 1])):
        assert positions.min() - axis[0] == pytest.approx(
            axis[-1] - positions.max()
        )  # in the middle of the picture
        assert positions.min() > axis[0]
    energies = np.linalg.svd(moved, compute_uv=False) ** 2
    assert found.explained == pytest.approx(energies[:2].sum() / energies.sum())
    ax = viz.plot_loss_surface(found)
    np.testing.assert_allclose(ax.lines[0].get_xydata(), found.path)
    with pytest.raises(ShapeError, match="a path has two snapshots"):
        viz.plot_loss_surface_data(model, X, Y, bce, path=np.zeros((3, 2)))
    with pytest.raises(RangeError, match="'random', 'path' or two vectors"):
        viz.plot_loss_surface_data(model, X, Y, bce, directions="downhill")
