"""Activations as modules are the engine's functions, under the names that networks are given."""

import numpy as np
import pytest

from chainrule import autograd, nn
from chainrule.autograd import RangeError, Tensor, Value
from chainrule.nn.layers.activations import ACTIVATIONS, Activation, activation

X = np.array([-2.0, -0.5, 0.25, 3.0])
EXPECTED = {  # NumPy formulas, and the hand-made table of the normal distribution for GELU
    nn.Identity: X,
    nn.ReLU: np.maximum(X, 0),
    nn.Heaviside: np.array([0.0, 0.0, 1.0, 1.0]),
    nn.LeakyReLU: np.where(X > 0, X, 0.01 * X),
    nn.ELU: np.where(X > 0, X, np.exp(X) - 1),
    nn.Sigmoid: 1 / (1 + np.exp(-X)),
    nn.Tanh: np.tanh(X),
    nn.Softplus: np.log1p(np.exp(X)),
    nn.GELU: X * np.array([0.022750131948179, 0.308537538725987, 0.598706325682924, 0.998650101968370]),
    nn.SiLU: X / (1 + np.exp(-X)),
    nn.Softmax: np.exp(X) / np.exp(X).sum(),
    nn.LogSoftmax: X - np.log(np.exp(X).sum()),
}
OVER_AXES = (nn.Softmax, nn.LogSoftmax)


def test_every_activation_is_tested():
    classes = {c for c in vars(nn).values() if isinstance(c, type) and issubclass(c, Activation)}
    assert classes == {*EXPECTED, Activation}


@pytest.mark.parametrize("cls", EXPECTED, ids=lambda cls: cls.__name__)
def test_values_and_gradients(cls):
    module = cls()
    np.testing.assert_allclose(module(Tensor(X)).data, EXPECTED[cls], rtol=1e-12)
    assert module(Tensor(X.astype(np.float32))).dtype == np.float32
    assert module.parameters() == []
    if cls is not nn.Identity:
        autograd.check_gradients(module, Tensor(X))
    if cls not in OVER_AXES:
        assert float(module(Value(0.25))) == pytest.approx(EXPECTED[cls][2], rel=1e-12)


def test_the_step_fires_at_0_and_has_no_gradient():
    x = Tensor([-1.0, -0.0, 0.0, 2.0])
    y = nn.Heaviside()(x)
    assert y.data.tolist() == [0, 1, 1, 1]  # as the lectures' perceptron: 1 where x . w >= 0
    y.sum().backward()
    assert x.grad.tolist()[0] == x.grad.tolist()[3] == 0


def test_options_are_shown_and_used():
    assert repr(nn.LeakyReLU(0.1)) == "LeakyReLU(negative_slope=0.1)"
    assert repr(nn.Softmax(dim=0)) == "Softmax(dim=0)"
    assert nn.LeakyReLU(0.1)(-2.0) == -0.2
    assert nn.ELU(alpha=2.0)(-1.0) == pytest.approx(2 * np.expm1(-1))
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(nn.Softmax(dim=0)(Tensor(x)).data.sum(0), 1)
    np.testing.assert_allclose(nn.Softmax()(Tensor(x)).data.sum(1), 1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_network_takes_it_by_name(name):
    cls, weights = activation(name)
    assert isinstance(nn.MLP(2, [3, 1], activation=name).layers[1], cls)
    assert weights((2, 3)).shape == (2, 3)
    assert isinstance(nn.scalar.MLP(2, [2, 1], activation=name)([1.0, 2.0]), Value)


@pytest.mark.parametrize("network", [nn.MLP, nn.scalar.MLP])
def test_an_unknown_name_lists_the_known(network):
    with pytest.raises(RangeError, match="no activation 'relo' here; there are relu, leaky_relu"):
        network(2, [3, 1], activation="relo")
