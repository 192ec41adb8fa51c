"""The neuron that fires, the perceptron and least squares: against solved equations, by hand, and where they fail."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError

# ---------------------------------------------------------------------- leaky integrate-and-fire


def test_the_voltage_solves_the_equation():
    neuron = nn.LeakyIntegrateAndFire(resistance=2.0, capacitance=3.0, threshold=10.0, dt=0.5)
    voltages, spikes = neuron(np.full(40, 4.0))
    time = 0.5 * np.arange(1, 41)
    np.testing.assert_allclose(voltages, 8 * (1 - np.exp(-time / 6)), rtol=1e-12)
    assert not spikes.any()
    fine = nn.LeakyIntegrateAndFire(resistance=2.0, capacitance=3.0, threshold=10.0, dt=1e-4)
    current = np.sin(np.arange(20_000) * 1e-4)
    found, _ = fine(current)
    slopes = np.diff(found, prepend=0.0) / 1e-4
    np.testing.assert_allclose(3.0 * slopes, current - found / 2.0, atol=1e-3)  # C dV/dt = I - V/R


def test_it_fires_at_the_threshold_and_starts_again():
    neuron = nn.LeakyIntegrateAndFire(
        resistance=1.0, capacitance=1.0, threshold=1.0, reset=-0.5, dt=np.log(2)
    )
    voltages, spikes = neuron([1.5, 1.5, 0.0])  # from -0.5 half of the way to 1.5 is 0.5, then 1
    assert spikes.tolist() == [False, True, False]
    np.testing.assert_allclose(voltages, [0.5, -0.5, -0.25])


def test_the_firing_rate_grows_with_the_current():
    neuron = nn.LeakyIntegrateAndFire(dt=0.01)
    currents = np.array([0.5, 1.0, 1.1, 1.5, 2.0, 4.0, 8.0])
    steps = 40_000
    _, spikes = neuron(np.broadcast_to(currents, (steps, 7)))
    measured = spikes.sum(0) / (steps * neuron.dt)
    assert measured[:2].tolist() == [0, 0]
    assert (np.diff(measured[1:]) > 0).all()
    np.testing.assert_allclose(measured, [neuron.firing_rate(i) for i in currents], atol=0.004)


@pytest.mark.parametrize("wrong", [{"dt": 0}, {"capacitance": -1}, {"resistance": 0}, {"reset": 1.0}])
def test_a_neuron_that_cannot_be(wrong):
    with pytest.raises(RangeError):
        nn.LeakyIntegrateAndFire(**wrong)
    with pytest.raises(ShapeError, match=r"np\.full\(100, 2\.0\)"):
        nn.LeakyIntegrateAndFire()(2.0)


# ---------------------------------------------------------------------- perceptron


def test_the_learning_rule_by_hand():
    perceptron = nn.Perceptron(2)
    perceptron.fit([[1.0, 2.0], [3.0, -1.0]], [0, 1], epochs=1)
    # at zero it fires, wrongly: w = -(1, 2), b = -1; then -3 + 2 - 1 does not fire, wrongly: w = (2, -3), b = 0
    assert perceptron.weight.tolist() == [2, -3]
    assert perceptron.bias == 0
    assert perceptron.mistakes == [2]
    assert not perceptron.converged
    assert perceptron.line(3.0) == 2.0


def test_it_fires_at_zero():
    assert nn.Perceptron(1)([0.0]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_it_converges_where_a_line_separates_within_novikoff_s_bound(seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (200, 2))
    normal = np.array([0.6, -0.8])
    distance = X @ normal - 0.1
    X, y = X[abs(distance) > 0.1], (distance > 0)[abs(distance) > 0.1].astype(int)
    perceptron = nn.Perceptron(2).fit(X, y, epochs=1000)
    assert perceptron.converged
    assert (perceptron(X) == y).all()
    above = X[:, 1] > perceptron.line(X[:, 0])
    assert (above == (perceptron(X) == (perceptron.weight[1] > 0))).all()  # one line
    extended = np.column_stack([X, np.ones(len(X))])
    margin = (abs(distance[abs(distance) > 0.1]) / np.hypot(1, 0.1)).min()
    assert sum(perceptron.mistakes) <= (np.linalg.norm(extended, axis=1).max() / margin) ** 2
    assert "separates the classes" in repr(perceptron)


def test_xor_is_never_learnt_and_it_says_so():
    perceptron = nn.Perceptron(2).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0], epochs=30)
    assert len(perceptron.mistakes) == 30
    assert min(perceptron.mistakes) > 0
    assert not perceptron.converged
    assert "in epoch 30: it may be that no line separates the classes" in repr(perceptron)


def test_a_perceptron_s_lessons():
    perceptron = nn.Perceptron(2)
    assert repr(perceptron) == "Perceptron(2)"
    with pytest.raises(ShapeError, match="has 2 weights"):
        perceptron([1.0, 2.0, 3.0])
    with pytest.raises(RangeError, match=r"\(y == 2\)\.astype\(int\)"):
        perceptron.fit([[1, 2], [3, 4]], [1, 2])
    with pytest.raises(ShapeError, match="one target for each"):
        perceptron.fit([[1, 2], [3, 4]], [1])
    with pytest.raises(RangeError, match="lr is a positive number"):
        perceptron.fit([[1, 2]], [1], lr=0)
    with pytest.raises(RangeError, match="has no x2"):
        perceptron.line(0.0)
    with pytest.raises(ShapeError, match="in two dimensions"):
        nn.Perceptron(3).line(0.0)


# ---------------------------------------------------------------------- regression


def test_least_squares_equals_numpy_s_and_descent_comes_to_it(rng):
    X = rng.standard_normal((50, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.standard_normal(50)
    closed = nn.least_squares(X, y)
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(50)]), y, rcond=None)[0]
    np.testing.assert_allclose([*closed.weight.data[:, 0], *closed.bias.data], expected, rtol=1e-10)
    by_descent = nn.Linear(3, 1, seed=0)
    optimizer = nn.SGD(by_descent.parameters(), lr=0.3)
    for _ in range(200):
        optimizer.zero_grad()
        nn.half_squared_error(by_descent(X), y[:, None], reduction="mean").backward()
        optimizer.step()
    for p, q in zip(by_descent.parameters(), closed.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, atol=1e-10)


def test_least_squares_of_several_targets_and_its_lessons(rng):
    X, Y = rng.standard_normal((20, 2)), rng.standard_normal((20, 3))
    layer = nn.least_squares(X, Y)
    np.testing.assert_allclose(layer.weight.data[:, 1], nn.least_squares(X, Y[:, 1]).weight.data[:, 0])
    with pytest.raises(RangeError, match="have no unique least squares"):
        nn.least_squares(X[:2], Y[:2])
    with pytest.raises(RangeError, match="leave out features"):
        nn.least_squares(np.column_stack([X, X[:, 0]]), Y)
    with pytest.raises(ShapeError):
        nn.least_squares(X, Y[:5])
    with pytest.raises(KindError):
        nn.least_squares("no", Y)


def test_a_neuron_that_starts_again_just_below_its_threshold_fires_very_fast_and_not_infinitely_so():
    near = math.nextafter(1.0, 0.0)
    neuron = nn.LeakyIntegrateAndFire(resistance=1.0, capacitance=1.0, threshold=1.0, reset=near)
    assert neuron.firing_rate(1e10) == pytest.approx(1e10 / (1 - near), rel=1e-6)


def test_boxes_as_wide_as_their_slopes():
    network = nn.box_network(np.linspace(0, 1, 11), np.arange(10.0), e=0.1)  # widths are 0.1 to rounding
    np.testing.assert_allclose(network([[0.2], [0.7], [1.0]]).data.ravel(), [1, 6, 9], atol=1e-9)
