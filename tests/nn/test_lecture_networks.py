"""Networks that the lectures describe, with what they say about them: regression as one layer, boxes of ReLUs, rings,
layers that collapse, and convolution that follows a shift."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import RangeError, ShapeError, Tape, Tensor, gradients

# ---------------------------------------------------------------------- one layer


def test_logistic_regression_is_a_one_unit_network(rng):
    X, y = rng.standard_normal((30, 3)), rng.integers(0, 2, 30)
    model = nn.Linear(3, 1, seed=0)
    nn.binary_cross_entropy_with_logits(model(X), y[:, None].astype(float)).backward()
    error = 1 / (1 + np.exp(-(X @ model.weight.data + model.bias.data)[:, 0])) - y  # (yhat - y) x
    np.testing.assert_allclose(model.weight.grad[:, 0], error @ X / 30, rtol=1e-12)
    np.testing.assert_allclose(model.bias.grad, [error.mean()], rtol=1e-12)


def test_softmax_regression_is_a_linear_layer_with_cross_entropy(rng):
    X, y = rng.standard_normal((30, 3)), rng.integers(0, 4, 30)
    model = nn.Linear(3, 4, seed=0)
    nn.cross_entropy(model(X), y).backward()
    e = np.exp(X @ model.weight.data)
    error = e / e.sum(1, keepdims=True) - np.eye(4)[y]
    np.testing.assert_allclose(model.weight.grad, X.T @ error / 30, rtol=1e-10)


def test_linear_layers_collapse_into_one_and_others_do_not(rng):
    X = rng.standard_normal((5, 3))
    deep, bent = nn.MLP(3, [8, 8, 2], "linear", seed=0), nn.MLP(3, [8, 8, 2], "tanh", seed=0)
    product = np.linalg.multi_dot([p.data for p in deep.parameters()[::2]])
    np.testing.assert_allclose(deep(X).data, X @ product, rtol=1e-12)
    assert abs(bent(2 * X).data - 2 * bent(X).data).max() > 0.1


def test_a_neuron_by_hand_is_the_same_as_a_layer():
    layer, neuron = nn.Linear(2, 1), nn.scalar.Neuron(2, activation="linear", weights=[2.0, -1.0])
    layer.weight.data = np.array([[2.0], [-1.0]])
    assert layer(np.array([3.0, 4.0])).data.tolist() == [neuron([3.0, 4.0]).data]


# ---------------------------------------------------------------------- universal approximation


def test_a_box_of_four_relus():
    a, b, e = 0.5, 1.5, 0.25
    x = np.linspace(-1, 3, 401)
    relu = partial(np.maximum, 0)
    slide = (relu(x - a) - relu(x - a - e) - relu(x - b) + relu(x - b - e)) / e
    y = nn.box_network([a, b], [1.0], e)(x[:, None]).data[:, 0]
    np.testing.assert_allclose(y, slide, atol=1e-12)
    np.testing.assert_allclose(y[(x <= a) | (x >= b + e)], 0, atol=1e-12)
    np.testing.assert_allclose(y[(x >= a + e) & (x <= b)], 1, atol=1e-12)


def test_sums_of_boxes_approximate_a_function():
    x = np.linspace(0, 2 * np.pi, 2000)[1:-1, None]
    errors = []
    for boxes in (10, 20, 40, 80):
        edges = np.linspace(0, 2 * np.pi, boxes + 1)
        model = nn.box_network(edges, np.sin, e=edges[1] / 100)
        inner = (x > edges[1]) & (x < edges[-1])
        errors.append(abs(model(x).data - np.sin(x))[inner].max())
        assert len(model[0].bias.data) == 4 * boxes
    assert errors[0] < 0.4
    for coarse, fine in pairwise(errors):
        assert fine == pytest.approx(coarse / 2, rel=0.1)  # half as wide, half as wrong


def test_boxes_that_cannot_be():
    with pytest.raises(RangeError, match="narrowest box of 0.5"):
        nn.box_network([0.0, 0.5, 2.0], [1.0, 1.0], e=1.0)
    with pytest.raises(ShapeError, match="2 boxes have as many heights"):
        nn.box_network([0.0, 1.0, 2.0], [1.0], e=0.1)
    with pytest.raises(ShapeError, match="between two edges"):
        nn.box_network([0.0], [], e=0.1)


# ---------------------------------------------------------------------- hidden units


def accuracy_on_rings(units, seed):
    """A tanh network with one hidden layer, trained on a ring around a ring."""
    X, y = nn.datasets.circles(200, seed=0)
    model = nn.MLP(2, [units, 1], "tanh", seed=seed)
    optimizer = nn.Adam(model.parameters(), lr=0.1)
    tape = Tape(nn.binary_cross_entropy_with_logits(model(X), y[:, None].astype(float)))
    for _ in range(300):
        optimizer.zero_grad()
        tape.forward()
        tape.backward()
        optimizer.step()
    return ((model(X).data[:, 0] > 0) == y).mean()


def test_two_hidden_units_fail_on_a_ring_and_four_succeed():
    seeds = range(10)
    assert max(accuracy_on_rings(2, seed) for seed in seeds) < 0.9  # two lines enclose nothing
    assert min(accuracy_on_rings(4, seed) for seed in seeds) >= 0.97


def test_squares_as_features_make_a_ring_separable_by_a_line():
    X, y = nn.datasets.circles(200, noise=0.0, seed=0)
    assert not nn.Perceptron(2).fit(X, y, epochs=50).converged
    assert nn.Perceptron(4).fit(np.column_stack([X, X**2]), y, epochs=500).converged


# ---------------------------------------------------------------------- convolution


def test_stacked_convolutions_follow_a_shift_in_values_and_gradients(rng):
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding="same", seed=0), nn.Tanh(), nn.Conv2d(4, 1, 3, padding="same", seed=1)
    )
    image = np.zeros((1, 1, 16, 16))
    image[..., 4:7, 5:8] = rng.standard_normal((3, 3))

    def moved(a):
        return np.roll(a, (3, 2), (2, 3))

    upstream = np.zeros_like(image)
    upstream[..., 5, 6] = 1
    here, there = Tensor(image), Tensor(moved(image))
    y, z = model(here), model(there)
    np.testing.assert_allclose(z.data, moved(y.data), atol=1e-14)
    (by_here,), (by_there,) = gradients(y, [here], upstream), gradients(z, [there], moved(upstream))
    np.testing.assert_allclose(by_there, moved(by_here), atol=1e-14)
