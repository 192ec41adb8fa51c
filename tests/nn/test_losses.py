"""Losses of two and of many classes against hand numbers, NumPy's formulas and differences; extreme inputs."""

import inspect
import math

import numpy as np
import pytest
from loss_cases import CLASSES, LOGITS, LOSSES, Y01, P, Z

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
    sigmoid,
)
from chainrule.autograd.graph.rules import rule_text

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
