"""PyTorch as an oracle: the same losses, gradients and optimiser steps, where it is installed."""

from functools import partial

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor, log_softmax

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")

RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((6, 4)) * 3
CLASSES = RNG.integers(0, 4, 6)
SOFT = RNG.dirichlet(np.ones(4), 6)
YES = RNG.integers(0, 2, (6, 4)).astype(float)
EXTREME = RNG.choice([-1e4, -700.0, -40.0, 0.0, 40.0, 1e4], (6, 4))
WEIGHT, SMOOTH = np.array([1.0, 0.5, 2.0, 0.0]), {"label_smoothing": 0.2}
IGNORED = np.where(np.arange(6) % 3, CLASSES, -100)
F = torch.nn.functional
LOSSES = {
    "mse_loss": (F.mse_loss, LOGITS, SOFT),
    "l1_loss": (F.l1_loss, LOGITS, SOFT),
    "binary_cross_entropy": (F.binary_cross_entropy, SOFT, YES),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, LOGITS, YES),
    "cross_entropy": (F.cross_entropy, LOGITS, CLASSES),
    "cross_entropy, soft": (F.cross_entropy, LOGITS, SOFT),
    "nll_loss": (F.nll_loss, np.log(SOFT), CLASSES),
    "huber_loss": (partial(F.huber_loss, delta=0.7), LOGITS, SOFT, {"delta": 0.7}),
    "smooth_l1_loss": (partial(F.smooth_l1_loss, beta=0.7), LOGITS, SOFT, {"beta": 0.7}),
    "smooth_l1_loss, 0": (partial(F.smooth_l1_loss, beta=0), LOGITS, SOFT, {"beta": 0}),
    "kl_div": (F.kl_div, np.log(SOFT), SOFT[::-1].copy()),
    "kl_div, zeros": (F.kl_div, np.log(SOFT), YES),
    "kl_div, log": (partial(F.kl_div, log_target=True), np.log(SOFT), LOGITS, {"log_target": True}),
    "binary_cross_entropy, nearly certain": (F.binary_cross_entropy, abs(YES - 1e-9), YES[::-1].copy()),
    "binary_cross_entropy_with_logits, extreme": (F.binary_cross_entropy_with_logits, EXTREME, YES),
    "binary_cross_entropy_with_logits, pos_weight": (
        partial(F.binary_cross_entropy_with_logits, pos_weight=torch.tensor(WEIGHT)),
        EXTREME,
        YES,
        {"pos_weight": WEIGHT},
    ),
    "cross_entropy, extreme": (F.cross_entropy, EXTREME, CLASSES),
    "cross_entropy, extreme, soft": (F.cross_entropy, EXTREME, SOFT),
    "cross_entropy, smooth": (partial(F.cross_entropy, **SMOOTH), EXTREME, CLASSES, SMOOTH),
    "cross_entropy, ignored": (F.cross_entropy, LOGITS, IGNORED),
    "cross_entropy, all options": (
        partial(F.cross_entropy, weight=torch.tensor(WEIGHT), ignore_index=0, **SMOOTH),
        LOGITS,
        CLASSES,
        {"weight": WEIGHT, "ignore_index": 0, **SMOOTH},
    ),
    "cross_entropy, soft, options": (
        partial(F.cross_entropy, weight=torch.tensor(WEIGHT), **SMOOTH),
        LOGITS,
        SOFT,
        {"weight": WEIGHT, **SMOOTH},
    ),
    "nll_loss, options": (
        partial(F.nll_loss, weight=torch.tensor(WEIGHT)),
        np.log(SOFT),
        IGNORED,
        {"weight": WEIGHT},
    ),
}


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss:UserWarning")
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_losses(name, reduction):
    theirs, x, y, *options = LOSSES[name]
    a, b = Tensor(x), torch.tensor(x, requires_grad=True)
    got = getattr(nn, name.partition(",")[0])(a, y, reduction=reduction, **dict(*options))
    want = theirs(b, torch.tensor(y), reduction=reduction)
    np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=1e-10, atol=1e-15)
    got.sum().backward()
    want.sum().backward()
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_the_loss_of_certain_probabilities():
    for y in (YES, 1 - YES, SOFT):
        got = nn.binary_cross_entropy(Tensor(YES), y, "none").data
        want = F.binary_cross_entropy(torch.tensor(YES), torch.tensor(y), reduction="none")
        np.testing.assert_allclose(got, want.numpy(), rtol=1e-10)


OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.2}),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "options"), OPTIMISERS)
def test_training_a_network_step_by_step(name, options, dtype):
    ours = nn.MLP(4, [8, 4], "tanh", seed=0, dtype=dtype)
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4))
    theirs = theirs.to(torch.float32 if dtype == np.float32 else torch.float64)
    for layer, linear in zip((ours.layers[0], ours.layers[2]), (theirs[0], theirs[2]), strict=True):
        linear.weight.data = torch.tensor(layer.weight.data.T.copy())
        linear.bias.data = torch.tensor(layer.bias.data.copy())
    mine = getattr(nn, name)(ours.parameters(), **options)
    other = getattr(torch.optim, name)(theirs.parameters(), **options)
    x = LOGITS.astype(dtype)
    for _ in range(10):
        mine.zero_grad()
        other.zero_grad()
        nn.cross_entropy(ours(x), CLASSES).backward()
        F.cross_entropy(theirs(torch.tensor(x)), torch.tensor(CLASSES)).backward()
        mine.step()
        other.step()
    tolerance = {"rtol": 2e-3, "atol": 2e-5} if dtype == np.float32 else {"rtol": 1e-8, "atol": 1e-11}
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        want = q.detach().numpy()
        np.testing.assert_allclose(p.data, want.T if want.ndim > 1 else want, **tolerance)
        assert p.dtype == dtype


PAIRS = ["ReLU", "LeakyReLU", "ELU", "Sigmoid", "Tanh", "Softplus", "GELU", "SiLU"]


@pytest.mark.parametrize("name", PAIRS)
def test_activations(name):
    a, b = Tensor(LOGITS), torch.tensor(LOGITS, requires_grad=True)
    got, want = getattr(nn, name)()(a), getattr(torch.nn, name)()(b)
    np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=1e-8, atol=1e-12)
    got.sum().backward()
    want.sum().backward()
    np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-8, atol=1e-12)


def test_softmax_then_negative_log_likelihood_is_cross_entropy():
    a = nn.nll_loss(log_softmax(Tensor(LOGITS)), CLASSES).item()
    assert a == pytest.approx(F.cross_entropy(torch.tensor(LOGITS), torch.tensor(CLASSES)).item(), rel=1e-12)
