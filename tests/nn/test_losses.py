"""Losses against hand numbers, NumPy formulas and finite differences; the lectures' gradients; extreme inputs."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    Value,
    check_gradients,
    gradients,
    log_softmax,
    sigmoid,
)
from chainrule.autograd.tape import rule_text

P = np.array([[0.2, 0.9], [0.5, 0.4]])
Z = np.array([[2.0, -1.0], [0.5, 3.0]])
Y01 = np.array([[0.0, 1.0], [1.0, 0.0]])
LOSSES = {  # name: (prediction, target, one loss per element)
    "mse_loss": (Z, Y01, (Z - Y01) ** 2),
    "half_squared_error": (Z, Y01, (Z - Y01) ** 2 / 2),
    "l1_loss": (Z, Y01, abs(Z - Y01)),
    "hinge_loss": (Z, 2 * Y01 - 1, np.maximum(0, 1 - (2 * Y01 - 1) * Z)),
    "binary_cross_entropy": (P, Y01, -np.log(np.where(Y01 == 1, P, 1 - P))),
    "binary_cross_entropy_with_logits": (Z, Y01, np.log1p(np.exp(-(2 * Y01 - 1) * Z))),
}
LOGITS = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 0.25]])
CLASSES = np.array([1, 2])
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(1, keepdims=True)
CROSS_ENTROPIES = -np.log(PROBABILITIES[[0, 1], CLASSES])


@pytest.mark.parametrize("name", LOSSES)
def test_each_reduction(name):
    prediction, target, expected = LOSSES[name]
    loss = getattr(nn, name)
    default = "sum" if name == "half_squared_error" else "mean"
    for reduction, want in {"mean": expected.mean(), "sum": expected.sum(), "none": expected}.items():
        got = loss(Tensor(prediction), target, reduction=reduction)
        np.testing.assert_allclose(got.data, want, rtol=1e-12)
        np.testing.assert_allclose(loss(prediction, target, reduction), want, rtol=1e-12)  # plain arrays
        if reduction == default:
            np.testing.assert_allclose(loss(Tensor(prediction), target).data, want, rtol=1e-12)
    with pytest.raises(RangeError, match="'mean', 'sum' or 'none'"):
        loss(Tensor(prediction), target, reduction="avg")


@pytest.mark.parametrize("name", LOSSES)
def test_values_give_what_tensors_give(name):
    prediction, target, _ = LOSSES[name]
    loss = getattr(nn, name)
    t = Tensor(prediction)
    loss(t, target).backward()
    rows = [[Value(x) for x in row] for row in prediction]
    result = loss(rows, target.tolist())
    assert result.data == pytest.approx(loss(prediction, target), rel=1e-12)
    result.backward()
    np.testing.assert_allclose([[v.grad for v in row] for row in rows], t.grad, rtol=1e-12)
    one = loss(rows[0][0], float(target[0, 0]))
    assert one.op.name != "total"  # nothing to add up
    assert loss(rows[0][0], float(target[0, 0]), "none").data == one.data
    with pytest.raises(RangeError, match="reduction"):
        loss(rows[0][0], float(target[0, 0]), "avg")
    assert one.data == pytest.approx(loss(prediction[:1, :1], target[:1, :1]), rel=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_by_differences(name):
    prediction, target, _ = LOSSES[name]
    loss = getattr(nn, name)
    check_gradients(lambda p: loss(p, target), Tensor(prediction))
    if name.startswith("binary"):
        check_gradients(lambda t: loss(Tensor(prediction), t), Tensor([[0.3, 0.6], [0.2, 0.9]]))


@pytest.mark.parametrize("name", LOSSES)
def test_float32_stays(name):
    prediction, target, _ = LOSSES[name]
    t = Tensor(prediction.astype(np.float32))
    loss = getattr(nn, name)(t, target)  # the target is float64
    assert loss.dtype == np.float32
    loss.backward()
    assert t.grad.dtype == np.float32


@pytest.mark.parametrize("name", LOSSES)
def test_shapes_that_would_broadcast_are_refused(name):
    prediction, target, _ = LOSSES[name]
    with pytest.raises(ShapeError, match=r"y\.reshape\(-1, 1\)"):
        getattr(nn, name)(Tensor(prediction[:, :1]), target[:, 0])
    with pytest.raises(ShapeError, match="2 predictions and 1 targets"):
        getattr(nn, name)([Value(0.5), Value(0.5)], [1])


@pytest.mark.parametrize("name", [*LOSSES])
def test_an_empty_batch_has_no_mean(name):
    with pytest.raises(ShapeError, match="the batch is empty"):
        getattr(nn, name)(Tensor(np.ones((0, 2))), np.ones((0, 2)), reduction="mean")
    assert getattr(nn, name)(Tensor(np.ones((0, 2))), np.ones((0, 2)), reduction="sum").item() == 0


def test_hinge_classes_are_minus_one_and_one():
    with pytest.raises(RangeError, match="2 \\* y - 1"):
        nn.hinge_loss(Tensor(Z), Y01)


# ---------------------------------------------------------------------- two classes


def test_binary_cross_entropy_at_zero_and_one():
    p = Tensor([0.0, 1.0, 0.0, 1.0])
    losses = nn.binary_cross_entropy(p, [0, 1, 1, 0], reduction="none")
    assert losses.data.tolist() == [0, 0, 100, 100]  # PyTorch's convention
    losses.sum().backward()
    assert p.grad[:2].tolist() == [1, -1]
    assert np.isfinite(p.grad).all()
    values = [Value(v) for v in (0.0, 1.0, 0.0, 1.0)]
    assert nn.binary_cross_entropy(values, [0, 1, 1, 0], reduction="sum").data == 200


@pytest.mark.parametrize("z", [-1e4, -40.0, 0.0, 40.0, 1e4])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_binary_cross_entropy_of_extreme_logits(z, y):
    s = -z if y else z
    expected = s + math.log1p(math.exp(-s)) if s > 0 else math.log1p(math.exp(s))
    t, v = Tensor([z]), Value(z)
    for x in (t, v):
        loss = nn.binary_cross_entropy_with_logits(x, y if x is v else [y])
        loss.backward()
        assert float(loss) == pytest.approx(expected, rel=1e-12)
    assert v.grad == t.grad[0] == sigmoid(z) - y


def test_probabilities_are_checked():
    with pytest.raises(RangeError, match="from -1 to 3.*binary_cross_entropy_with_logits"):
        nn.binary_cross_entropy(Tensor(Z), Y01)
    for loss, x in ((nn.binary_cross_entropy, P), (nn.binary_cross_entropy_with_logits, Z)):
        with pytest.raises(RangeError, match=r"targets from -1 to 1.*\(y \+ 1\) / 2"):
            loss(Tensor(x), 2 * Y01 - 1)


# ---------------------------------------------------------------------- many classes


@pytest.mark.parametrize(
    "target", [CLASSES, nn.one_hot(CLASSES, 3), CLASSES.tolist(), Tensor(CLASSES)], ids=str
)
def test_cross_entropy(target):
    x = Tensor(LOGITS)
    loss = nn.cross_entropy(x, target)
    assert loss.item() == pytest.approx(CROSS_ENTROPIES.mean(), rel=1e-12)
    loss.backward()
    np.testing.assert_allclose(x.grad, (PROBABILITIES - np.eye(3)[CLASSES]) / 2, rtol=1e-12)
    np.testing.assert_allclose(nn.cross_entropy(x, target, "none").data, CROSS_ENTROPIES, rtol=1e-12)
    assert nn.cross_entropy(x, target, "sum").item() == pytest.approx(CROSS_ENTROPIES.sum(), rel=1e-12)
    np.testing.assert_allclose(nn.nll_loss(log_softmax(x), target, "none").data, CROSS_ENTROPIES, rtol=1e-12)
    assert float(nn.cross_entropy(LOGITS, target)) == pytest.approx(CROSS_ENTROPIES.mean(), rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_by_differences_to_second_order(reduction):
    soft = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    for target in (CLASSES, soft):
        check_gradients(lambda x, t=target: nn.cross_entropy(x, t, reduction), Tensor(LOGITS), order=2)
        check_gradients(
            lambda x, t=target: nn.nll_loss(log_softmax(x), t, reduction), Tensor(LOGITS), order=2
        )
    check_gradients(lambda x: nn.cross_entropy(x, CLASSES, "none"), Tensor(LOGITS), order=2)


def test_the_hessian_of_cross_entropy_is_that_of_logsumexp():
    x = Tensor(LOGITS[:1])
    slope = gradients(nn.cross_entropy(x, [0]), x, create_graph=True)
    p = PROBABILITIES[0]
    for k in range(3):
        row = gradients(slope[0, k], x)[0]
        np.testing.assert_allclose(row, p[k] * (np.eye(3)[k] - p), atol=1e-12)


def test_soft_targets_have_a_gradient_of_their_own():
    t = Tensor([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    nn.cross_entropy(Tensor(LOGITS), t).backward()
    np.testing.assert_allclose(t.grad, -np.log(PROBABILITIES) / 2, rtol=1e-12)
    t.zero_grad()
    nn.nll_loss(Tensor(np.log(PROBABILITIES)), t).backward()
    np.testing.assert_allclose(t.grad, -np.log(PROBABILITIES) / 2, rtol=1e-12)


def test_cross_entropy_is_one_node_with_the_lecture_s_rule():
    loss = nn.cross_entropy(Tensor(LOGITS), nn.one_hot(CLASSES, 3))
    assert loss.op.name == "cross_entropy"
    assert [x.op for x in loss.inputs] == [None, None]
    text = rule_text(loss, 0)
    assert "softmax(a" in text
    assert "- b" in text
    assert "g / 2" in text


def test_leading_axes_are_all_samples():
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    classes = np.arange(8).reshape(2, 4) % 3
    flat = nn.cross_entropy(x.reshape(8, 3), classes.ravel())
    assert nn.cross_entropy(Tensor(x), classes).item() == pytest.approx(float(flat), rel=1e-12)
    assert nn.cross_entropy(Tensor(x), classes, "none").shape == (2, 4)
    assert nn.cross_entropy(Tensor(x[0, 0]), 2).shape == ()
    check_gradients(lambda t: nn.cross_entropy(t, classes), Tensor(x))


def test_cross_entropy_of_extreme_logits():
    x = Tensor([[1e4, 0.0], [0.0, 1e4], [-1e4, 0.0]])
    losses = nn.cross_entropy(x, [0, 0, 0], reduction="none")
    assert losses.data.tolist() == [0, 1e4, 1e4]
    losses.sum().backward()
    assert x.grad.tolist() == [[0, 0], [-1, 1], [-1, 1]]
    forbidden = Tensor([[0.0, -np.inf]])
    loss = nn.cross_entropy(forbidden, [0])
    loss.backward()
    assert loss.item() == 0
    assert forbidden.grad.tolist() == [[0, 0]]
    assert nn.cross_entropy(forbidden, [[1.0, 0.0]]).item() == 0
    nn.nll_loss(forbidden, [[1.0, 0.0]]).backward()
    assert forbidden.grad.tolist() == [[-1, 0]]


def test_cross_entropy_of_float32_stays_float32():
    x = Tensor(LOGITS.astype(np.float32))
    for target in (CLASSES, nn.one_hot(CLASSES, 3)):
        x.zero_grad()
        loss = nn.cross_entropy(x, target)
        loss.backward()
        assert loss.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.nll_loss])
@pytest.mark.parametrize(
    ("target", "error", "text"),
    [
        (np.array([0.0, 1.0]), KindError, "astype"),
        ([0, 3], RangeError, "classes are 0 to 2; the targets have 0 to 3"),
        ([0, -1], RangeError, "the targets have -1 to 0"),
        ([[0], [1]], ShapeError, r"shape \(2, 1\)"),
        ([0, 1, 2], ShapeError, r"shape \(3,\)"),
        (np.ones((2, 3)), RangeError, "sums to 3"),
        ([[2.0, -1.0, 0.0], [1.0, 0.0, 0.0]], RangeError, "negative"),
    ],
)
def test_targets_that_cannot_be(loss, target, error, text):
    with pytest.raises(error, match=text):
        loss(Tensor(LOGITS), target)


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.nll_loss])
def test_other_mistakes(loss):
    with pytest.raises(KindError, match="logsumexp"):
        loss([[Value(1.0), Value(2.0)]], [0])
    with pytest.raises(ShapeError, match="the batch is empty"):
        loss(Tensor(np.ones((0, 3))), np.ones(0, int))
    assert loss(Tensor(np.ones((0, 3))), np.ones(0, int), "sum").item() == 0
    with pytest.raises(RangeError, match="reduction"):
        loss(Tensor(LOGITS), CLASSES, "avg")


# ---------------------------------------------------------------------- the lectures


def test_logistic_regression_of_the_lecture():
    X = np.array([[1, 0.5, -0.35], [1, -0.1, 0.1], [1, -1.2, 1]])
    y = np.array([0.0, 0.0, 1.0])
    w = Tensor([0.0, -1.0, 1.0])
    manual = (1 / (1 + np.exp(-X @ w.data)) - y) @ X / 3
    for loss in (
        nn.binary_cross_entropy_with_logits(X @ w, y),
        nn.binary_cross_entropy(sigmoid(X @ w), y),
    ):
        w.zero_grad()
        loss.backward()
        np.testing.assert_allclose(w.grad, manual, rtol=1e-12)
    nn.SGD([w], lr=3).step()
    np.testing.assert_allclose(w.data, [0, -1, 1] - 3 * manual)


def test_two_layers_of_the_lecture():
    rng = np.random.default_rng(0)
    W1, b1, W2, b2, x, y = (rng.standard_normal(s) for s in ((4, 3), 4, (2, 4), 2, 3, 2))
    nodes = [Tensor(a) for a in (W1, b1, W2, b2)]
    a = nodes[0] @ x + nodes[1]
    h = nn.Tanh()(a)
    yhat = nodes[2] @ h + nodes[3]
    nn.half_squared_error(yhat, y).backward()
    d = yhat.data - y
    da = W2.T @ d * (1 - np.tanh(W1 @ x + b1) ** 2)
    expected = [np.outer(da, x), da, np.outer(d, h.data), d]
    for node, gradient in zip([*nodes, yhat, a], [*expected, d, da], strict=True):
        np.testing.assert_allclose(node.grad, gradient, rtol=1e-12)
