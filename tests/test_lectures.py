"""The worked examples of the lectures: gradients by the slides' formulas beside the engine's."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.autograd import Tensor, Value, dot, exp, gradients, log, log_softmax, sigmoid, tanh

X = np.array([[1, 0.5, -0.35], [1, -0.1, 0.1], [1, -1.2, 1]])
Y = np.array([0.0, 0.0, 1.0])
W = np.array([0.0, -1.0, 1.0])


def nll_loss(x, y, w):
    p = sigmoid(x @ w)
    return -(y * log(p) + (1 - y) * log(1 - p)).mean()


def test_logistic_regression_by_hand_and_automatically() -> None:
    manual = (1 / (1 + np.exp(-(X @ W))) - Y) @ X / 3
    w = Tensor(W, name="w")
    automatic = gradients(nll_loss(X, Y, w), w)
    np.testing.assert_allclose(automatic, manual, rtol=1e-12)
    before = nll_loss(X, Y, w).item()
    w.data -= 3 * automatic
    assert nll_loss(X, Y, w).item() < before


def test_logistic_regression_on_values_and_per_sample() -> None:
    w = [Value(v, name=f"w{i}") for i, v in enumerate(W)]
    for x, y in zip(X, Y):
        p = sigmoid(dot(w, list(x)))
        likelihood = y * log(p) + (1 - y) * log(1 - p)
        assert gradients(likelihood, w) == pytest.approx(list((y - p.data) * x), rel=1e-12)


def test_softmax_with_cross_entropy_gives_yhat_minus_y_over_n() -> None:
    z = Tensor(np.random.default_rng(0).normal(size=(5, 4)))
    classes = np.array([0, 3, 1, 1, 2])
    loss = -log_softmax(z)[np.arange(5), classes].mean()
    yhat = np.exp(z.data) / np.exp(z.data).sum(1, keepdims=True)
    np.testing.assert_allclose(gradients(loss, z), (yhat - np.eye(4)[classes]) / 5, rtol=1e-12)


def test_two_layers_with_every_gradient_of_the_slide() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(3, 1)), rng.normal(size=(2, 1))
    w1, b1, w2, b2 = (
        Tensor(rng.normal(size=s), name=n)
        for n, s in (("W1", (4, 3)), ("b1", (4, 1)), ("W2", (2, 4)), ("b2", (2, 1)))
    )
    a = w1 @ x + b1
    h = sigmoid(a)
    yhat = w2 @ h + b2
    loss = 0.5 * ((yhat - y) ** 2).sum()
    loss.backward()
    d_yhat = yhat.data - y
    d_h = w2.data.T @ d_yhat
    d_a = d_h * h.data * (1 - h.data)
    for node, expected in [
        (yhat, d_yhat), (w2, d_yhat @ h.data.T), (b2, d_yhat), (h, d_h), (a, d_a), (w1, d_a @ x.T), (b1, d_a),
    ]:  # fmt: skip
        np.testing.assert_allclose(node.grad, expected, rtol=1e-12)


def test_the_deltas_are_the_gradients_at_the_preactivations() -> None:
    rng = np.random.default_rng(2)
    x0, y = rng.normal(size=2), 0.3
    w1 = [[Value(v) for v in row] for row in rng.normal(size=(3, 2))]
    w2 = [Value(v) for v in rng.normal(size=3)]
    s1 = [dot(row, list(x0)) for row in w1]
    x1 = [tanh(s) for s in s1]
    s2 = dot(w2, x1)
    out = tanh(s2)
    ((out - y) ** 2).backward()
    delta = 2 * (out.data - y) * (1 - out.data**2)
    assert s2.grad == pytest.approx(delta, rel=1e-12)
    for i in range(3):
        delta_i = (1 - x1[i].data ** 2) * w2[i].data * delta
        assert s1[i].grad == pytest.approx(delta_i, rel=1e-12)
        assert w2[i].grad == pytest.approx(delta * x1[i].data, rel=1e-12)
        for j in range(2):
            assert w1[i][j].grad == pytest.approx(delta_i * x0[j], rel=1e-12)


def test_one_node_or_four_give_the_same_gradient() -> None:
    x = Value(0.7)
    one, four = sigmoid(x), 1 / (1 + exp(-x))
    assert one.data == pytest.approx(four.data, rel=1e-15)
    assert gradients(one, x) == pytest.approx(gradients(four, x), rel=1e-14)


def test_the_linear_layer() -> None:
    rng = np.random.default_rng(3)
    x, w, b = Tensor(rng.normal(size=(5, 3))), Tensor(rng.normal(size=(3, 2))), Tensor(rng.normal(size=2))
    z = x @ w + b
    g = rng.normal(size=(5, 2))
    dx, dw, db = gradients(z, (x, w, b), g)
    np.testing.assert_allclose(dx, g @ w.data.T)
    np.testing.assert_allclose(dw, x.data.T @ g)
    np.testing.assert_allclose(db, np.ones(5) @ g)
