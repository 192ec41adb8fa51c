"""The check of a whole model: detached parts are found, right models of every kind pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import CheckError, Tensor, Value, no_grad
from chainrule.nn.diagnostics import check_parameters

X = np.random.default_rng(0).standard_normal((6, 2))
Y = np.random.default_rng(1).standard_normal((6, 1))


def model() -> Any:
    return nn.Sequential(nn.Linear(2, 4, seed=0), nn.Tanh(), nn.Linear(4, 1, seed=1))


def message(net: Any, loss: Any) -> str:
    with pytest.raises(CheckError) as caught:
        check_parameters(net, loss)
    return str(caught.value)


def test_right_models_pass_and_are_restored() -> None:
    images = np.random.default_rng(2).standard_normal((4, 1, 6, 6))
    convolution = nn.Sequential(
        nn.Conv2d(1, 2, 3, seed=0), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 3, seed=1)
    )
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, seed=0)
    sequences = np.random.default_rng(3).standard_normal((2, 3, 8))
    lstm = nn.LSTM(8, 4, seed=0)
    plain = model()
    half = model().to(np.float32)
    for net, loss, layers in (
        (plain, lambda: nn.mse_loss(plain(X), Y), 2),
        (half, lambda: nn.mse_loss(half(X.astype("f4")), Y.astype("f4")), 2),
        (convolution, lambda: nn.cross_entropy(convolution(images), [0, 1, 2, 0]), 3),
        (encoder, lambda: (encoder(sequences) ** 2).mean(), 8),
        (lstm, lambda: (lstm(sequences)[0] ** 2).sum(), 1),
    ):
        for p in net.parameters():
            p.grad = np.ones(p.shape)
        before = net.state_dict()
        report = check_parameters(net, loss)
        assert report.compared == layers
        assert report.worst < (1e-2 if net is half else 1e-6)
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, before[name])
        assert all((p.grad == 1).all() for p in net.parameters())


def test_plain_data_in_an_expression_names_the_parameter_and_the_line() -> None:
    net = model()

    def loss() -> Any:
        hidden = net[1](net[0](X))
        return nn.mse_loss(net[2](hidden / hidden.data.max()), Y)

    text = message(net, loss)
    assert "with respect to '0." in text  # the layer before; that after it has its gradient
    assert "it takes a plain number (.data) from a Tensor of shape (6, 4)" in text
    assert "hidden / hidden.data.max()" in text


def test_functions_of_math_on_values() -> None:
    net = nn.scalar.MLP(2, [3, 1], seed=0)

    def loss() -> Any:
        y = net([Value(0.3), Value(-0.2)])
        return (y - 1) ** 2 * math.exp(y)

    text = message(net, loss)
    assert "it takes a plain number (float()) from a Value" in text
    assert check_parameters(net, lambda: (net([Value(0.3), Value(-0.2)]) - 1) ** 2).compared == 2


def detached(net: Any) -> Any:
    return net[0](X).detach()


def unrecorded(net: Any) -> Any:
    with no_grad():
        return net[0](X)


def made_anew(net: Any) -> Any:
    return Tensor(net[0](X).tolist())


@pytest.mark.parametrize("part", [detached, unrecorded, made_anew])
def test_what_cuts_the_graph_is_found(part: Any) -> None:
    net = model()
    text = message(net, lambda: nn.mse_loss(net[2](net[1](part(net))), Y))
    assert "with respect to '0." in text
    assert "there is none by the engine" in text
    net[0].requires_grad_(False)  # a frozen layer is not asked for
    assert check_parameters(net, lambda: nn.mse_loss(net[2](net[1](part(net))), Y)).compared == 1


def test_the_numbers_of_the_message_are_those_of_the_loss() -> None:
    net = nn.Linear(1, 1, bias=False, seed=0)
    net.weight.data = [[3.0]]
    text = message(net, lambda: (net.weight * net.weight.data).sum())
    # the slope of w^2 at 3 is 6, twice that of 3 w, along a direction of one number
    found, expected = (
        float(word) for word in (text.split("it is ")[1].split()[0], text.split(" and ")[1].split()[0])
    )
    assert expected == pytest.approx(2 * found, rel=1e-5)


def test_lessons() -> None:
    net = model()
    assert "one number; it returned float 3.0" in message(net, lambda: 3.0)
    assert "one number; it returned a Tensor of shape (6, 1)" in message(net, lambda: net(X))
    noisy = nn.Sequential(nn.Linear(2, 8, seed=0), nn.Dropout(0.5, seed=0))
    assert "differs from call to call" in message(noisy, lambda: (noisy(X) ** 2).mean())
    noisy.eval()
    assert check_parameters(noisy, lambda: (noisy(X) ** 2).mean()).compared == 1
