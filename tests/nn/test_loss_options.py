"""Penalties, the losses of the lectures, options of cross-entropy of Values, three axes and float16."""

import math

import numpy as np
import pytest
from loss_cases import CLASSES, LOGITS, LOSSES

from chainrule import nn
from chainrule.autograd import (
    ChainruleWarning,
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    Value,
    moveaxis,
    sigmoid,
    softmax,
)

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
