"""What users of such libraries ask for: buffers, frozen parameters, samplers, options of pooling and losses."""

from __future__ import annotations

import math
import warnings

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
    avg_pool,
    check_gradients,
    max_pool,
    softmax,
    topk,
)

X, Y = nn.datasets.moons(60, noise=0.1, seed=0)


# ---------------------------------------------------------------------- modules


class Masked(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(3, 2, seed=0)
        self.register_buffer("mask", [1, 0, 1])

    def forward(self, x):
        return self.layer(x * self.mask)


def test_a_registered_buffer_is_part_of_the_state(tmp_path):
    model, other = Masked(), Masked()
    assert [name for name, _ in model.named_buffers()] == ["mask"]
    assert len(model.parameters()) == 2
    assert model(np.ones((1, 3))).data == pytest.approx(model.layer.weight.data[[0, 2]].sum(0)[None])
    other.mask = [0, 0, 1]
    nn.save(other, tmp_path / "model.npz")
    nn.load(tmp_path / "model.npz", model)
    assert model.mask.tolist() == [0, 0, 1]
    model.load_state_dict(Masked().state_dict())
    assert model.mask.tolist() == [1, 0, 1]
    with pytest.raises(ShapeError, match=r"mask of the module, .*has shape \(3,\)"):
        model.mask = [1, 0]
    with pytest.raises(KindError, match="stays with it"):
        del model.mask
    assert "mask" not in dict(nn.Linear(2, 3).named_buffers())  # of this module, not of its class


def test_buffers_that_cannot_be():
    model = Masked()
    with pytest.raises(KindError, match="the name of a buffer is a word"):
        model.register_buffer("a b", [1.0])
    with pytest.raises(KindError, match="has an attribute 'layer' already"):
        model.register_buffer("layer", [1.0])
    with pytest.raises(KindError, match="the buffer words holds real numbers"):
        model.register_buffer("words", ["a"])
    buffer = np.ones(2, np.float32)
    model.register_buffer("scale", buffer)
    buffer += 1
    assert model.scale.tolist() == [1, 1]
    assert model.to(np.float64).scale.dtype == np.float64


def test_apply_calls_the_parts_before_the_whole():
    seen = []
    model = nn.MLP(2, [3, 1], seed=0)
    assert model.apply(lambda module: seen.append(type(module).__name__)) is model
    assert seen[-1] == "MLP"
    assert sorted(seen) == ["Linear", "Linear", "MLP", "ReLU"]
    with pytest.raises(KindError, match="apply takes a function of a module; given int 3"):
        model.apply(3)


@pytest.mark.parametrize("engine", ["eager", "replay"])
def test_frozen_parameters_stay_and_the_others_learn(engine):
    def trained(engine):
        model = nn.MLP(2, [8, 2], seed=0)
        for p in model.layers[0].parameters():
            p.requires_grad = False
        before = {name: p.data.copy() for name, p in model.named_parameters()}
        nn.fit(model, nn.cross_entropy, (X, Y), epochs=2, optimizer=nn.AdamW(model.parameters(), lr=0.05),
               engine=engine, progress=False)  # fmt: skip
        return before, {name: p.data for name, p in model.named_parameters()}

    before, after = trained(engine)
    for name in before:
        assert np.array_equal(before[name], after[name]) is name.startswith("layers.0"), name
    for name, data in trained("eager")[1].items():
        np.testing.assert_array_equal(data, after[name])


def test_a_parameter_that_is_freed_later_learns_from_then_on():
    layer = nn.Linear(2, 1, seed=0)
    layer.bias.requires_grad = False
    optimizer = nn.SGD(layer.parameters(), lr=0.1)
    for free in (False, True):
        layer.bias.requires_grad = free
        optimizer.zero_grad()
        (layer(np.ones((4, 2))) ** 2).mean().backward()
        optimizer.step()
        assert bool(layer.bias.data[0]) is free
    for p in layer.parameters():
        p.requires_grad = False
    with pytest.raises(KindError, match="given 2 parameters, all of them frozen"):
        nn.SGD(layer.parameters(), lr=0.1)
    with pytest.raises(KindError, match="a constant: make it with requires_grad=True"):
        nn.SGD([Value(1.0, requires_grad=False)], lr=0.1)


# ---------------------------------------------------------------------- data


def test_one_hot_keeps_the_dtype_of_training():
    codes = nn.one_hot([2, 0])
    assert codes.dtype == np.float32
    assert (np.ones((2, 3)) * codes).dtype == np.float64
    model = nn.Linear(2, 3, seed=0, dtype=np.float32)
    loss = nn.mse_loss(model(np.ones((2, 2))), codes)
    loss.backward()
    assert loss.dtype == model.weight.grad.dtype == np.float32
    assert nn.one_hot([1], dtype=bool).tolist() == [[False, True]]


def test_samples_have_the_frequencies_of_their_probabilities():
    p = np.array([[0.2, 0.5, 0.3, 0.0], [0.0, 0.0, 0.1, 0.9]])
    drawn = nn.sample(np.broadcast_to(p, (20_000, 2, 4)), seed=0)
    assert drawn.shape == (20_000, 2)
    for k, row in enumerate(p):
        counts = np.bincount(drawn[:, k], minlength=4) / len(drawn)
        assert np.abs(counts - row).max() < 4 * math.sqrt(0.25 / len(drawn))
        assert (counts[row == 0] == 0).all()
    assert type(nn.sample([0.0, 1.0], seed=1)) is int
    generator = np.random.default_rng(3)
    assert len({nn.sample(np.full(50, 0.02), seed=generator) for _ in range(20)}) > 5
    assert nn.sample(p, seed=5).tolist() == nn.sample(Tensor(p), seed=5).tolist()
    assert nn.sample(np.zeros((0, 3)), seed=0).shape == (0,)


def test_what_cannot_be_sampled():
    with pytest.raises(RangeError, match=r"a row with the sum 5.*sample\(softmax\(logits\)\)"):
        nn.sample([2.0, 3.0])
    with pytest.raises(RangeError, match="one of -0.5"):
        nn.sample([-0.5, 1.5])
    with pytest.raises(ShapeError, match=r"along the last axis; given shape \(\)"):
        nn.sample(1.0)
    with pytest.raises(KindError, match="probabilities of classes; given list"):
        nn.sample(["a"])


# ---------------------------------------------------------------------- losses, metrics, clipping


def test_ignored_samples_in_the_accuracy():
    scores = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    assert nn.accuracy(scores, [0, 0, -100]) == 0.5
    assert nn.accuracy(scores, [0, 7, 1], ignore_index=7) == 0.5
    with pytest.warns(ChainruleWarning, match="each of the 3 targets is of the class ignore_index=-100"):
        assert nn.accuracy(scores, [-100] * 3) == 0
    with pytest.raises(RangeError, match="the targets have -1 to 0"):
        nn.accuracy(scores, [0, -1, 0])


@pytest.mark.parametrize("options", [{}, {"weight": [1.0, 2.0, 3.0]}, {"label_smoothing": 0.1}])
def test_a_batch_in_which_all_is_ignored_has_the_loss_0(options):
    x = Tensor([[0.5, 1.0, -1.0], [0.0, 2.0, 1.0]])
    with pytest.warns(ChainruleWarning, match="no sample of this batch of 2 counts in the loss, which is 0"):
        loss = nn.cross_entropy(x, [-100, -100], **options)
    loss.backward()
    assert loss.item() == 0
    assert x.grad.tolist() == [[0, 0, 0], [0, 0, 0]]
    values = [Value(0.5), Value(1.0), Value(2.0)]
    with pytest.warns(ChainruleWarning):
        loss = nn.cross_entropy([values], [-100], **options)
    assert loss.data == 0


def test_clipping_at_infinity_measures():
    w = Tensor([3.0, 4.0])
    (w * w).sum().backward()
    assert nn.clip_grad_norm_([w], math.inf) == 10
    assert w.grad.tolist() == [6, 8]
    w.grad = [math.nan, 1.0]
    assert math.isnan(nn.clip_grad_norm_([w], np.inf))
    assert w.grad[1] == 1.0
    with pytest.raises(RangeError):
        nn.clip_grad_norm_([w], -math.inf)


PROBABILITIES = np.array([[0.2, 0.7, 0.1], [0.3, 0.3, 0.4]])
MODULES = [
    ("MSELoss", {}, "numbers"), ("L1Loss", {"reduction": "sum"}, "numbers"), ("HuberLoss", {"delta": 0.3}, "numbers"),
    ("SmoothL1Loss", {"beta": 0.3}, "numbers"), ("CrossEntropyLoss", {"label_smoothing": 0.2}, "classes"),
    ("CrossEntropyLoss", {"weight": [1.0, 2.0, 3.0], "ignore_index": 1}, "classes"), ("NLLLoss", {}, "log"),
    ("BCELoss", {}, "shares"), ("BCEWithLogitsLoss", {"pos_weight": 2.0}, "shares"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "kind"), MODULES)
def test_losses_as_modules_beside_pytorch(name, options, kind, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    x = {"log": np.log(PROBABILITIES), "shares": PROBABILITIES}.get(kind, rng.normal(size=(2, 3)))
    y = {"numbers": rng.normal(size=(2, 3)), "shares": np.array([[1.0, 0, 1], [0, 1, 1]])}.get(
        kind, np.array([2, 1])
    )
    theirs = {
        k: torch.tensor(v, dtype=torch.float64) if k.endswith("weight") else v for k, v in options.items()
    }
    t, u = Tensor(x), torch.tensor(x, requires_grad=True)
    loss = getattr(nn, name)(**options)(t, y)
    expected = getattr(torch.nn, name)(**theirs)(u, torch.tensor(y))
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(t.grad, u.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_losses_as_modules_have_the_options_of_their_functions():
    assert repr(nn.MSELoss(reduction="sum")) == "MSELoss(reduction='sum')"
    with pytest.raises(KindError, match="MSELoss has no argument 'reducton'; did you mean 'reduction'"):
        nn.MSELoss(reducton="sum")
    history = nn.fit(nn.MLP(2, [8, 2], seed=0), nn.CrossEntropyLoss(), (X, Y), epochs=2, metrics=[nn.accuracy],
                     progress=False)  # fmt: skip
    alone = nn.fit(
        nn.MLP(2, [8, 2], seed=0), nn.cross_entropy, (X, Y), epochs=2, metrics=[nn.accuracy], progress=False
    )
    assert history["loss"] == alone["loss"]
    assert history["accuracy"] == alone["accuracy"]


# ---------------------------------------------------------------------- topk


def test_topk_and_its_gradient(rng):
    x = rng.normal(size=(3, 6))
    for axis, largest in ((-1, True), (1, False), (0, True)):
        k = 2
        found = topk(Tensor(x), k, axis, largest)
        expected = np.sort(x, axis)
        expected = np.flip(expected, axis) if largest else expected
        np.testing.assert_array_equal(found.values.data, np.take(expected, range(k), axis))
        np.testing.assert_array_equal(np.take_along_axis(x, found.indices, axis), found.values.data)
        check_gradients(lambda t, a=axis, b=largest: topk(t, 2, a, b).values, x)
    assert topk(Tensor([1.0, 1.0, 0.0]), 1).indices.tolist() == [0]
    assert Tensor(x).topk(2, dim=0).values.shape == (2, 6)
    with pytest.raises(RangeError, match="k from 0 to 6"):
        topk(Tensor(x), 7)


# ---------------------------------------------------------------------- beside PyTorch

POOLS = [
    (size, kernel, stride, padding, ceil_mode)
    for size in ((5, 5), (7, 6))
    for kernel, stride, padding in ((2, None, 0), (3, 2, 1), ((3, 2), (2, 3), (1, 0)), (2, 3, 1))
    for ceil_mode in (False, True)
]


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "ceil_mode"), POOLS)
def test_pooling_beside_pytorch(size, kernel, stride, padding, ceil_mode, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    F = torch.nn.functional
    x = rng.normal(size=(2, 3, *size))
    weights = None
    for include in (True, False):
        t, u = Tensor(x), torch.tensor(x, requires_grad=True)
        y = avg_pool(t, kernel, stride, padding, ceil_mode=ceil_mode, count_include_pad=include)
        z = F.avg_pool2d(u, kernel, stride, padding, ceil_mode, include)
        assert y.shape == z.shape
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12)
        weights = rng.normal(size=y.shape)
        y.backward(weights)
        z.backward(torch.tensor(weights))
        np.testing.assert_allclose(t.grad, u.grad.numpy(), rtol=1e-12, atol=1e-15)
    t, u = Tensor(x), torch.tensor(x, requires_grad=True)
    y, at = max_pool(t, kernel, stride, padding, ceil_mode=ceil_mode, return_indices=True)
    z, expected = F.max_pool2d(u, kernel, stride, padding, 1, ceil_mode, return_indices=True)
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    np.testing.assert_array_equal(at, expected.numpy())
    y.backward(weights)
    z.backward(torch.tensor(weights))
    np.testing.assert_allclose(t.grad, u.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_pooling_layers_take_the_options():
    layer = nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False)
    assert repr(layer) == "AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)"
    assert layer(np.ones((1, 1, 4, 4))).tolist() == np.ones((1, 1, 3, 3)).tolist()
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    y, at = nn.MaxPool2d(2, return_indices=True)(x)
    assert y.ravel().tolist() == [5, 7, 13, 15]
    assert at.ravel().tolist() == [5, 7, 13, 15]
    assert nn.MaxPool2d(2, ceil_mode=True)(np.ones((1, 1, 5, 5))).shape == (1, 1, 3, 3)


def test_sampled_classes_train_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = Tensor([0.1, 0.9])
        nn.sample(softmax(x), seed=0)
        assert x.grad is None
