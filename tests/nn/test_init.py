"""Initial weights: their variances are the lectures', every weight has its own number, signals survive."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import ShapeError
from chainrule.nn import init

SHAPE = (400, 200)
RANDOM = {  # name: (variance, bound of the uniform ones)
    "glorot_uniform": (2 / 600, (6 / 600) ** 0.5),
    "glorot_normal": (2 / 600, None),
    "he_uniform": (2 / 400, (6 / 400) ** 0.5),
    "he_normal": (2 / 400, None),
}


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("gain", [1.0, 2.0])
def test_mean_variance_and_bound(name, gain):
    variance, bound = RANDOM[name]
    w = getattr(init, name)(SHAPE, gain=gain, seed=0)
    n = w.size
    assert abs(w.mean()) < 5 * gain * (variance / n) ** 0.5
    assert w.var() == pytest.approx(gain**2 * variance, rel=0.02)
    if bound is not None:
        assert gain * bound * 0.999 < abs(w).max() <= gain * bound
    assert len(np.unique(w)) == n  # every weight has its own number


@pytest.mark.parametrize("name", RANDOM)
def test_seeds_and_dtypes(name):
    make = getattr(init, name)
    np.testing.assert_array_equal(make((3, 4), seed=1), make((3, 4), seed=1))
    assert not np.array_equal(make((3, 4), seed=1), make((3, 4), seed=2))
    assert not np.array_equal(make((3, 4)), make((3, 4)))
    rng = np.random.default_rng(1)
    assert not np.array_equal(make((3, 4), seed=rng), make((3, 4), seed=rng))  # a generator goes on
    assert make((3, 4), dtype=np.float32).dtype == np.float32
    with pytest.raises(ShapeError, match=r"init\.normal\(\(3,\)"):
        make((3,))


def test_normal_and_zeros():
    w = init.normal((300, 300), std=0.1, seed=0)
    assert w.std() == pytest.approx(0.1, rel=0.02)
    assert init.normal((5,)).shape == (5,)
    assert not init.zeros((2, 3)).any()
    assert init.zeros((2,), dtype=np.float32).dtype == init.normal((2,), dtype=np.float32).dtype == np.float32


def test_fans_of_matrices_and_kernels():
    assert init.fans((3, 5)) == (3, 5)
    assert init.fans((8, 3, 5, 5)) == (75, 200)
    assert init.fans((8, 3, 7)) == (21, 56)


@pytest.mark.parametrize(("activation", "floor"), [("relu", 0.1), ("tanh", 0.02)])
def test_signals_survive_twenty_layers(activation, floor):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 100))
    model = nn.MLP(100, [100] * 20, activation, seed=rng)
    assert floor < model(x).data.std() < 10
    for layer in model.layers:
        if isinstance(layer, nn.Linear):
            layer.weight.data = init.normal((100, 100), std=0.01, seed=rng)
    assert model(x).data.std() < 1e-6
