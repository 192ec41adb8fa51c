"""Losses against hand numbers, NumPy formulas and finite differences; the lectures' gradients; extreme inputs."""

import inspect
import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    ChainruleWarning,
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    Value,
    check_gradients,
    gradients,
    log_softmax,
    moveaxis,
    sigmoid,
    softmax,
)
from chainrule.autograd.graph.rules import rule_text

P = np.array([[0.2, 0.9], [0.5, 0.4]])
Z = np.array([[2.0, -1.0], [0.5, 3.0]])
Y01 = np.array([[0.0, 1.0], [1.0, 0.0]])
LOSSES = {  # name: (prediction, target, one loss per element)
    "mse_loss": (Z, Y01, (Z - Y01) ** 2),
    "half_squared_error": (Z, Y01, (Z - Y01) ** 2 / 2),
    "l1_loss": (Z, Y01, abs(Z - Y01)),
    "huber_loss": (Z, Y01, [[1.5, 1.5], [0.125, 2.5]]),  # errors of 2, -2, -0.5 and 3
    "smooth_l1_loss": (Z, Y01, [[1.5, 1.5], [0.125, 2.5]]),
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
    prediction, target, expected = map(np.array, LOSSES[name])
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


@pytest.mark.parametrize("dtype", ["float16", "float64"])
@pytest.mark.parametrize("name", LOSSES)
def test_arguments_may_be_named(name, dtype):
    prediction, target, _ = LOSSES[name]
    loss, x = getattr(nn, name), Tensor(prediction, dtype=dtype)
    first, second, *_ = inspect.signature(loss).parameters
    named = loss(**{second: target, first: x})
    assert named.dtype == dtype
    np.testing.assert_array_equal(named.data, loss(x, target).data)
    with pytest.raises(KindError, match=f"without {second}"):
        loss(**{first: x})


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


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 3), (2, 4, 5), (3,), (4, 100)])
def test_what_the_cross_entropy_keeps_changes_no_bit_of_its_gradient(shape, dtype, reduction):
    """With a hook, the softmax is computed again; logits column by column in memory do so, too."""
    rng = np.random.default_rng(0)
    logits, classes = rng.normal(size=shape, scale=30).astype(dtype), rng.integers(shape[-1], size=shape[:-1])
    upstream = rng.normal(size=shape[:-1]).astype(dtype) if reduction == "none" else None
    p = np.exp(logits - logits.max(-1, keepdims=True))
    expected = p / p.sum(-1, keepdims=True) - np.eye(shape[-1])[classes]
    expected /= classes.size if reduction == "mean" else 1
    expected *= 1 if upstream is None else upstream[..., None]
    for array in (logits, np.asfortranarray(logits)):
        x, hooked = Tensor(array), Tensor(array)
        hooked.register_hook(lambda g: g)
        for leaf in (x, hooked):
            loss = nn.cross_entropy(leaf, classes, reduction)
            loss.backward(upstream)
        assert x.grad.tobytes() == hooked.grad.tobytes()
        np.testing.assert_allclose(x.grad, expected, rtol=1e-4, atol=1e-6)
        loss.backward(upstream)
        assert hooked.grad.tobytes() == (2 * x.grad).tobytes()
        x.zero_grad()
        again = nn.cross_entropy(x, classes, reduction)
        again.backward(upstream)
        again.backward(upstream)  # what is kept is not changed by a pass
        assert x.grad.tobytes() == hooked.grad.tobytes()


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
    if loss is nn.nll_loss:
        with pytest.raises(KindError, match="logsumexp"):
            loss([[Value(1.0), Value(2.0)]], [0])
    with pytest.raises(ShapeError, match="the batch is empty"):
        loss(Tensor(np.ones((0, 3))), np.ones(0, int))
    assert loss(Tensor(np.ones((0, 3))), np.ones(0, int), "sum").item() == 0
    with pytest.raises(RangeError, match="reduction"):
        loss(Tensor(LOGITS - 5), CLASSES, "avg")


def test_weights_smoothing_and_ignored_classes_by_hand():
    w, log_p = np.array([1.0, 2.0, 5.0]), np.log(PROBABILITIES)
    each = w[CLASSES] * CROSS_ENTROPIES
    for loss, x in ((nn.cross_entropy, LOGITS), (nn.nll_loss, log_p)):
        for reduction, want in {"none": each, "sum": each.sum(), "mean": each.sum() / 7}.items():
            np.testing.assert_allclose(loss(Tensor(x), CLASSES, reduction, weight=w).data, want, rtol=1e-12)
        kept = loss(Tensor(x), [1, -100], weight=w)
        assert kept.item() == pytest.approx(CROSS_ENTROPIES[0], rel=1e-12)
        assert loss(x, [0, 2], "none", ignore_index=0).tolist() == pytest.approx([0, CROSS_ENTROPIES[1]])
        with pytest.warns(ChainruleWarning, match="each is of the class ignore_index"):
            assert float(loss(x, [-100, -100])) == 0
        with pytest.raises(RangeError, match="2 to 7"):
            loss(x, [2, 7], ignore_index=1)
        with pytest.raises(ShapeError, match=r"shape \(3,\)"):
            loss(x, CLASSES, weight=[1, 2])
        with pytest.raises(RangeError, match="-1"):
            loss(x, CLASSES, weight=[1, 2, -1])
    smooth = nn.cross_entropy(Tensor(LOGITS), CLASSES, label_smoothing=0.3)
    assert smooth.item() == pytest.approx(0.7 * CROSS_ENTROPIES.mean() - 0.1 * log_p.sum() / 2, rel=1e-12)
    with pytest.raises(RangeError, match="label_smoothing"):
        nn.cross_entropy(LOGITS, CLASSES, label_smoothing=1.5)


def test_samples_that_do_not_count_get_no_gradient():
    x = Tensor(LOGITS)
    nn.cross_entropy(x, [1, -100]).backward()
    np.testing.assert_allclose(x.grad, [PROBABILITIES[0] - [0, 1, 0], [0, 0, 0]], atol=1e-15)


def test_options_in_float32():
    x = Tensor(LOGITS.astype(np.float32))
    loss = nn.cross_entropy(x, [1, -100], weight=[1.0, 2.0, 3.0], label_smoothing=0.1)
    loss.backward()
    assert loss.dtype == x.grad.dtype == np.float32
    z = Tensor(Z.astype(np.float32))
    loss = nn.binary_cross_entropy_with_logits(z, Y01, pos_weight=[1.0, 3.0])
    loss.backward()
    assert loss.dtype == z.grad.dtype == np.float32


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_of_values(reduction):
    rows = [[Value(v) for v in row] for row in LOGITS]
    x = Tensor(LOGITS)
    got, want = nn.cross_entropy(rows, CLASSES, reduction), nn.cross_entropy(x, CLASSES, reduction)
    np.testing.assert_allclose(
        [v.data for v in got] if reduction == "none" else got.data, want.data, rtol=1e-12
    )
    for loss in got if reduction == "none" else [got]:
        loss.backward()
    want.sum().backward()
    np.testing.assert_allclose([[v.grad for v in row] for row in rows], x.grad, rtol=1e-12)
    one = nn.cross_entropy(rows[0], 1)
    assert one.data == pytest.approx(CROSS_ENTROPIES[0], rel=1e-12)
    for target, error in (([0, 3], RangeError), ([0], ShapeError), ([0.5, 1.0], KindError)):
        with pytest.raises(error):
            nn.cross_entropy(rows, target)


def test_pos_weight_on_values_and_at_extremes():
    z = [Value(-1e4), Value(1e4), Value(0.0)]
    losses = nn.binary_cross_entropy_with_logits(z, [1, 0, 1], "none", pos_weight=3.0)
    assert [v.data for v in losses] == pytest.approx([3e4, 1e4, 3 * math.log(2)])
    t = Tensor([-40.0, 40.0])
    nn.binary_cross_entropy_with_logits(t, [0, 1], "none", pos_weight=3.0).sum().backward()
    np.testing.assert_allclose(t.grad, [np.exp(-40), -3 * np.exp(-40)], rtol=1e-9)
    with pytest.raises(ShapeError, match="one number for all"):
        nn.binary_cross_entropy_with_logits(z, [1, 0, 1], pos_weight=[1, 2, 3])


def test_divergence_is_cross_entropy_less_entropy():
    y = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0]])
    entropy = -(y[0] * np.log(y[0])).sum()
    x = log_softmax(Tensor(LOGITS))
    want = nn.cross_entropy(LOGITS, y, "sum") - entropy
    assert nn.kl_div(x, y, "sum").item() == pytest.approx(want, rel=1e-12)
    assert nn.kl_div(x, y, "batchmean").item() == pytest.approx(want / 2, rel=1e-12)
    assert nn.kl_div(x, y).item() == pytest.approx(want / 6, rel=1e-12)
    check_gradients(lambda a: nn.kl_div(a, y), Tensor(LOGITS - 5))
    check_gradients(lambda b: nn.kl_div(LOGITS - 5, b), Tensor([[0.2, 0.3, 0.5]] * 2))
    with pytest.raises(RangeError, match="log_target"):
        nn.kl_div(x, np.log(y[:1]) - x.data * 0)


def test_huber_and_its_relatives():
    for bad in (0, -1, math.nan):
        with pytest.raises(RangeError, match="delta"):
            nn.huber_loss(Z, Y01, delta=bad)
    np.testing.assert_allclose(nn.smooth_l1_loss(Z, Y01, beta=0), nn.l1_loss(Z, Y01))
    values = [Value(2.0), Value(0.25)]
    assert [v.data for v in nn.smooth_l1_loss(values, [0, 0], "none", beta=0.5)] == [1.75, 0.0625]
    corner = Tensor([1.0, -1.0, 0.0])
    nn.huber_loss(corner, [0, 0, 0], "sum").backward()
    assert corner.grad.tolist() == [1, -1, 0]


# ---------------------------------------------------------------------- penalties


@pytest.mark.parametrize("make", [nn.MLP, nn.scalar.MLP])
def test_penalties_of_the_lecture(make):
    model = make(2, [3, 1], seed=0)
    for p in model.parameters():
        if p.name.endswith(("b", "bias")):
            p.data = p.data + 10.0
    weights = np.concatenate(
        [np.ravel(p.data) for p in model.parameters() if p.name[-1] != "b" and "bias" not in p.name]
    )
    everything = np.concatenate([np.ravel(p.data) for p in model.parameters()])
    for penalty, cost, slope in (
        (nn.l2_penalty, np.square, lambda w: 2 * w),
        (nn.l1_penalty, np.abs, np.sign),
    ):
        model.zero_grad()
        j = penalty(model, 0.01)
        j.backward()
        assert float(j) == pytest.approx(0.01 * cost(weights).sum(), rel=1e-12)
        for p in model.parameters():
            if p.name.endswith(("b", "bias")):
                assert p.grad is None
            else:
                np.testing.assert_allclose(p.grad, 0.01 * slope(p.data), rtol=1e-12)
        all_of_it = penalty(model.parameters(), 0.01, biases=True)
        assert float(all_of_it) == pytest.approx(0.01 * cost(everything).sum(), rel=1e-12)


def test_penalties_that_cannot_be():
    w = Tensor(np.ones(2, np.float32))
    assert nn.l2_penalty([w, w], 0.5).dtype == np.float32
    assert nn.l2_penalty([w, w], 0.5).item() == 1  # once
    for given, text in [
        (w, r"Write \[w\]"),
        ([1.0], "a list with"),
        ([], "no weights"),
        ([Tensor([1.0], name="bias")], "all of them biases"),
        ([w, Value(1.0)], "Values and Tensors together"),
    ]:
        with pytest.raises(KindError, match=text):
            nn.l1_penalty(given, 0.1)
    with pytest.raises(RangeError, match="strength"):
        nn.l1_penalty([w], -1)


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


# ---------------------------------------------------------------------- the options of cross_entropy, of Values

ROWS = np.array([[1.0, 2.0, -1.0], [0.0, 0.5, 0.25], [3.0, -2.0, 0.0]])
SOFT = np.array([[0.2, 0.3, 0.5], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
OPTIONS = {
    "ignored": ([1, -100, 2], {}),
    "another ignored": ([1, 0, 2], {"ignore_index": 0}),
    "weighted": ([1, 0, 2], {"weight": [1.0, 2.0, 5.0]}),
    "one weight": ([1, 0, 2], {"weight": 3.0}),
    "a class without weight": ([1, 0, 2], {"weight": [0.0, 2.0, 5.0]}),
    "smoothed": ([1, 0, 2], {"label_smoothing": 0.3}),
    "all at once": ([1, -7, 2], {"weight": [1.0, 2.0, 5.0], "label_smoothing": 0.3, "ignore_index": -7}),
    "soft": (SOFT, {}),
    "soft, smoothed and weighted": (SOFT, {"weight": [1.0, 2.0, 5.0], "label_smoothing": 0.3}),
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("given", ["list", "array", "tensor"])
def test_options_of_values_are_those_of_tensors(name, reduction, given):
    target, options = OPTIONS[name]
    t = {"list": lambda x: np.asarray(x).tolist(), "array": np.asarray}.get(
        given, lambda x: Tensor(x, requires_grad=False)
    )(target)
    rows, x = [[Value(v) for v in row] for row in ROWS], Tensor(ROWS)
    got, want = (nn.cross_entropy(logits, t, reduction, **options) for logits in (rows, x))
    each = got if reduction == "none" else [got]
    np.testing.assert_allclose([v.data for v in each], want.data.ravel(), rtol=1e-12)
    for loss in each:
        loss.backward()
    want.sum().backward()
    np.testing.assert_allclose([[v.grad or 0 for v in row] for row in rows], x.grad, rtol=1e-12, atol=1e-15)


def test_options_of_one_sample_of_values():
    row = [Value(v) for v in ROWS[0]]
    loss = -math.log(math.exp(2) / (math.exp(1) + math.exp(2) + math.exp(-1)))
    for reduction, want in {"mean": loss, "sum": 5 * loss, "none": 5 * loss}.items():
        assert nn.cross_entropy(row, 1, reduction, weight=[1, 5, 1]).data == pytest.approx(want, rel=1e-12)
    assert nn.cross_entropy(row, [0.0, 1.0, 0.0]).data == pytest.approx(loss, rel=1e-12)
    assert nn.cross_entropy(row, -100, "sum").data == 0
    with pytest.warns(ChainruleWarning, match="each is of the class ignore_index"):
        assert nn.cross_entropy(row, -100).data == 0


@pytest.mark.parametrize("kind", ["values", "array", "tensor"])
def test_where_no_sample_counts(kind):
    x = {"values": [[Value(v) for v in row] for row in LOGITS], "array": LOGITS, "tensor": Tensor(LOGITS)}[
        kind
    ]
    for options in ({"ignore_index": 1}, {"weight": [1.0, 0.0, 1.0]}):
        with pytest.warns(
            ChainruleWarning, match="each is of the class ignore_index, or of one whose weight is 0"
        ):
            assert float(nn.cross_entropy(x, [1, 1], **options)) == 0
        assert float(nn.cross_entropy(x, [1, 1], "sum", **options)) == 0
        each = nn.cross_entropy(x, [1, 1], "none", **options)
        assert [float(v) for v in each] == [0, 0]


def test_logits_of_values_that_cannot_be():
    rows = [[Value(v) for v in row] for row in LOGITS]
    for x, target, error, text in [
        ([rows[0], rows[1][:2]], [0, 1], ShapeError, "all of one length"),
        ([[[Value(1.0)], [Value(2.0)]]], [0], ShapeError, "one list of logits for each sample"),
        (rows, Tensor(SOFT[:2]), KindError, "Write y.data"),
        (rows, [7, 0], RangeError, "classes are 0 to 2"),
    ]:
        with pytest.raises(error, match=text):
            nn.cross_entropy(x, target)
    with pytest.raises(KindError, match=r"Write y\.data"):
        nn.mse_loss([Value(1.0)], Tensor([1.0]))
    assert nn.mse_loss([Value(1.0), Value(3.0)], Tensor([1, 1])).data == 2  # integers are constants
    assert nn.kl_div([[math.log(0.5), math.log(0.5)]], [[1.0, 0.0]], "batchmean") == pytest.approx(
        math.log(2)
    )


def test_whole_numbers_are_logits_too():
    x = np.array([[0, 3], [1, 0]])
    for options in ({}, {"weight": [0.5, 0.25]}, {"label_smoothing": 0.1}):
        want = nn.cross_entropy(x.astype(float), [0, 1], "none", **options)
        np.testing.assert_array_equal(nn.cross_entropy(x, [0, 1], "none", **options), want)


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.nll_loss])
def test_scores_of_no_or_of_one_class(loss):
    with pytest.raises(ShapeError, match="have no class"):
        loss(np.zeros((2, 0)), [0, 0])
    assert float(loss(np.zeros((2, 1)), [0, 0])) == 0
    assert float(loss(np.zeros((1, 1)), [0], label_smoothing=0.5) if loss is nn.cross_entropy else 0) == 0


# ---------------------------------------------------------------------- three axes


@pytest.mark.parametrize("loss", [nn.cross_entropy, nn.nll_loss])
def test_classes_along_the_second_axis_are_never_read_in_silence(loss):
    x = np.log(np.random.default_rng(0).dirichlet(np.ones(3), (4, 5)))  # (n, length, classes)
    y = np.random.default_rng(1).integers(0, 3, (4, 5))
    theirs = np.moveaxis(x, -1, 1)  # PyTorch's
    want = -np.take_along_axis(x, y[..., None], -1).mean()
    assert loss(Tensor(moveaxis(theirs, 1, -1)), y).item() == pytest.approx(want, rel=1e-12)
    for target in (y, np.moveaxis(nn.one_hot(y, 3), -1, 1)):
        with pytest.raises((ShapeError, RangeError), match=r"the last axis.*moveaxis\(x, 1, -1\)"):
            loss(Tensor(theirs), target)
    images = np.moveaxis(x.reshape(2, 2, 5, 3), -1, 1)  # (n, classes, height, width)
    with pytest.raises(ShapeError, match=r"moveaxis\(x, 1, -1\)"):
        loss(Tensor(images), y.reshape(2, 2, 5))
    with pytest.raises(ShapeError, match=r"moveaxis\(x, 1, -1\)"):
        nn.accuracy(theirs, y)


def test_where_both_axes_fit_the_last_one_has_the_classes():
    x, y = np.random.default_rng(0).standard_normal((2, 3, 3)), np.array([[0, 1, 2], [2, 2, 0]])
    log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))
    want = -np.take_along_axis(log_p, y[..., None], -1).mean()
    assert nn.cross_entropy(Tensor(x), y).item() == pytest.approx(want, rel=1e-12)


# ---------------------------------------------------------------------- float16

h = np.float16


def test_many_rows_of_float16():
    x = Tensor(np.zeros((70_000, 10), h))
    loss = nn.cross_entropy(x, np.zeros(70_000, int))
    assert loss.dtype == h
    assert loss.item() == h(2.302585)
    loss.backward()
    assert x.grad.dtype == h
    np.testing.assert_allclose(
        x.grad[0, :2], [-0.9 / 70_000, 0.1 / 70_000], atol=6e-8
    )  # float16's smallest step
    ones = np.ones(70_000, h)
    assert nn.mse_loss(Tensor(2 * ones), ones).item() == 1
    assert nn.l1_loss(Tensor(3 * ones), ones, "sum").item() == np.inf  # which has no place in float16
    assert nn.l1_loss(3 * ones[:5000], ones[:5000], "sum") == 10_000


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_float16_are_those_of_float32_rounded(name):
    prediction, target, _ = LOSSES[name]
    loss = getattr(nn, name)
    for reduction in ("mean", "sum", "none"):
        p = [Tensor(prediction.astype(h)), Tensor(prediction.astype(h).astype(np.float32))]
        half, single = (loss(x, target, reduction) for x in p)
        assert half.dtype == h
        np.testing.assert_array_equal(half.data, single.data.astype(h))
        for y in (half, single):
            y.sum().backward()
        assert p[0].grad.dtype == h
        np.testing.assert_array_equal(p[0].grad, p[1].grad.astype(h))
        np.testing.assert_array_equal(loss(p[0].data, target, reduction), half.data)


def test_squares_that_have_no_place_in_float16():
    p = Tensor(np.array([300, 0, 0, 0], h))  # 90,000 is too large, a quarter of it is not
    loss = nn.mse_loss(p, np.zeros(4))
    loss.backward()
    assert loss.item() == h(22_500)
    assert p.grad.tolist() == [150, 0, 0, 0]
    small = Tensor(np.full(4, 1e-3, h))
    assert nn.mse_loss(small, np.zeros(4), "sum").item() == pytest.approx(4e-6, rel=1e-2)
    w = Tensor(np.full(1000, 300, h))
    penalty = nn.l2_penalty([w], 1e-4)
    penalty.backward()
    assert (penalty.dtype, penalty.item()) == (h, 9000)
    assert w.grad[0] == h(0.06)
    tiny = Tensor(np.full(10_000, 1e-4, h))
    assert nn.l2_penalty([tiny], 1000.0).item() == pytest.approx(0.1, rel=1e-2)
    assert nn.l1_penalty([Tensor(np.ones(5000, h))], 1.0).item() == 5000
    assert nn.l2_penalty([tiny, Tensor(np.ones(2, np.float32))], 1.0).dtype == np.float32


def test_probabilities_are_noticed_in_every_dtype():
    x = Tensor(LOGITS.astype(h))
    for p in (softmax(x, -1), softmax(x, -1).astype(np.float32)):
        with pytest.raises(RangeError, match="takes the softmax itself"):
            nn.cross_entropy(p, CLASSES)


def test_many_probabilities_of_float16_sum_to_one():
    n = 3000
    soft = np.full((2, n), 1 / n, h)
    assert nn.cross_entropy(np.zeros((2, n), h), soft) == pytest.approx(math.log(n), rel=1e-2)
    assert nn.accuracy(np.eye(2, n), soft.astype(h)) == 0.5
