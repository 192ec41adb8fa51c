"""Initial weights: their variances are the lectures', every weight has its own number, signals survive."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError
from chainrule.nn import init

SHAPE = (400, 200)
RANDOM = {  # name: (variance, bound of the uniform ones)
    "glorot_uniform": (2 / 600, (6 / 600) ** 0.5),
    "glorot_normal": (2 / 600, None),
    "he_uniform": (2 / 400, (6 / 400) ** 0.5),
    "he_normal": (2 / 400, None),
    "lecun_uniform": (1 / 400, (3 / 400) ** 0.5),
    "lecun_normal": (1 / 400, None),
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


@pytest.mark.parametrize("name", ["he_normal", "he_uniform"])
def test_he_s_mode(name):
    make = getattr(init, name)
    assert make(SHAPE, mode="fan_out", seed=0).var() == pytest.approx(2 / 200, rel=0.02)
    assert make((32, 16, 3, 3), mode="fan_in", seed=0).var() == pytest.approx(2 / (16 * 9), rel=0.05)
    assert make((32, 16, 3, 3), mode="fan_out", seed=0).var() == pytest.approx(2 / (32 * 9), rel=0.05)
    with pytest.raises(
        RangeError, match="'fan_in', which keeps the variance of activations.*given 'fan_avg'"
    ):
        make((2, 3), mode="fan_avg")


def test_glorot_of_a_kernel():
    assert init.glorot_normal((32, 16, 3, 3), seed=0).var() == pytest.approx(2 / (48 * 9), rel=0.05)


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (4, 2, 3, 3)])
def test_orthogonal(shape):
    w = init.orthogonal(shape, gain=2.0, seed=0).reshape(shape[0], -1)
    short = w.T if len(w) >= w.shape[1] else w
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-14)
    assert len(np.unique(w)) == w.size
    assert init.orthogonal(shape, dtype=np.float32).dtype == np.float32


def test_orthogonal_matrices_have_no_favourite_sign():
    corners = [init.orthogonal((2, 2), seed=seed)[0, 0] for seed in range(200)]
    assert 70 < sum(c > 0 for c in corners) < 130


def test_ones_and_constants():
    assert init.ones((2,), dtype=np.float32).tolist() == [1, 1]
    assert init.constant((2, 1), 0.5).tolist() == [[0.5], [0.5]]
    assert init.constant((2,), 0.5, dtype=np.float32).dtype == np.float32


def test_gains():
    assert [init.calculate_gain(name) for name in ("linear", "sigmoid", "tanh", "relu", "selu")] == [
        1, 1, 5 / 3, 2**0.5, 0.75,
    ]  # fmt: skip
    assert init.calculate_gain("leaky_relu", 1.0) == 1
    with pytest.raises(RangeError, match="'swish'; there are linear"):
        init.calculate_gain("swish")


def test_the_names_of_pytorch():
    assert init.kaiming_normal is init.he_normal
    assert init.xavier_uniform is init.glorot_uniform


KEPT = [  # initialiser, its options, activation
    ("he_normal", {}, "relu"),
    ("he_uniform", {}, "relu"),
    ("glorot_normal", {}, "linear"),
    ("glorot_uniform", {}, "linear"),
    ("glorot_normal", {"input_std": 0.01}, "tanh"),
    ("glorot_uniform", {"input_std": 0.01}, "tanh"),
]
LOST = [  # initialiser, its options, activation, what happens to the activations and to the gradients
    ("glorot_normal", {}, "relu", "vanish", "vanish"),
    ("normal", {"std": 0.1}, "relu", "vanish", "vanish"),
    ("normal", {"std": 0.01}, "tanh", "vanish", "vanish"),
    ("normal", {"std": 1.0}, "relu", "explode", "explode"),
    ("normal", {"std": 1.0}, "tanh", "saturate", "explode"),
    ("he_normal", {}, "sigmoid", "saturate", "vanish"),
]


@pytest.mark.parametrize(("name", "options", "activation"), KEPT)
def test_the_variance_survives_fifty_layers(name, options, activation):
    for values in init.spread_by_layer(getattr(init, name), activation, width=300, **options).values():
        assert len(values) == 50
        assert 0.1 < values[-1] / values[0] < 10


@pytest.mark.parametrize("name", ["glorot_normal", "glorot_uniform"])
def test_tanh_wears_a_large_signal_down_slowly(name):
    # tanh(z)^2 is z^2 - 2/3 z^4 + ..., with z normal of variance q that is q - 2 q^2, and so q is 1 / (2 layer)
    found = init.spread_by_layer(getattr(init, name), "tanh", width=300)
    a, g = found["activations"], found["gradients"]
    assert a[-1] == pytest.approx(1 / 100, rel=0.25)
    assert a[24] / a[-1] == pytest.approx(2, rel=0.25)
    assert 0.01 < g[0] / g[-1] < 0.1


def test_the_gain_of_tanh_keeps_the_signal_and_not_the_gradient():
    gain = init.calculate_gain("tanh")
    found = init.spread_by_layer(init.glorot_normal, "tanh", width=300, gain=gain)
    a, g = found["activations"], found["gradients"]
    assert 0.5 < a[-1] / a[0] < 2
    assert 1e3 < g[0] / g[-1] < 1e5


@pytest.mark.parametrize(("name", "options", "activation", "forward", "backward"), LOST)
def test_other_weights_lose_it(name, options, activation, forward, backward):
    found = init.spread_by_layer(getattr(init, name), activation, **options)
    a, g = found["activations"], found["gradients"]
    growth = {"vanish": lambda r: r < 1e-8, "explode": lambda r: r > 1e8, "saturate": lambda r: 0.1 < r < 10}
    assert growth[forward](a[-1] / a[0])
    assert growth[backward](g[0] / g[-1])


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


def test_where_fan_in_and_fan_out_differ_no_variance_keeps_both_and_glorots_is_between():
    widths = [1024, 512, 256, 128, 64, 32]  # each layer has half as many outputs as inputs
    by_fan_in, by_fan_out, glorot = (
        init.spread_by_layer(weights, "linear", width=widths, samples=400, **options)
        for weights, options in [
            (init.lecun_normal, {}),
            (init.he_normal, {"gain": 0.5**0.5, "mode": "fan_out"}),
            (init.glorot_normal, {}),
        ]
    )

    def per_layer(found):
        a, g = found["activations"], found["gradients"]
        assert len(a) == len(g) == 5
        return (a[-1] / a[0]) ** (1 / 4), (g[0] / g[-1]) ** (1 / 4)

    # forward fan_in x variance, backward fan_out x variance
    assert per_layer(by_fan_in) == pytest.approx((1, 1 / 2), rel=0.15)
    assert per_layer(by_fan_out) == pytest.approx((2, 1), rel=0.15)
    assert per_layer(glorot) == pytest.approx((4 / 3, 2 / 3), rel=0.15)


def test_spread_wants_an_initialiser() -> None:
    with pytest.raises(KindError, match="such as nn.init.he_normal"):
        init.spread_by_layer("he_normal")


IN_PLACE = [name for name in init.__all__ if name.endswith("_")]


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_each_writes_what_it_would_return(name):
    layer = nn.Linear(4, 3, dtype=np.float32)
    options = (
        {"value": 0.1} if name == "constant_" else {"std": 0.2} if name in ("normal_", "uniform_") else {}
    )
    assert getattr(init, name)(layer.weight, seed=3, **options) is layer.weight
    expected = getattr(init, name[:-1])((4, 3), seed=3, **options).astype(np.float32)
    np.testing.assert_array_equal(layer.weight.data, expected)
    assert layer.weight.dtype == np.float32
    assert layer.weight.name == "weight"
    with pytest.raises(KindError, match=r"_ writes into a parameter.*given tuple \(4, 3\)"):
        getattr(init, name)((4, 3), **options)


def test_in_place_there_are_all_names():
    apart = {"Seed", "calculate_gain", "fans", "generator", "spread_by_layer"}
    assert {f"{name}_" for name in init.__all__ if name not in apart | set(IN_PLACE)} == set(IN_PLACE)
    assert init.kaiming_normal_ is init.he_normal_


def test_the_initial_weights_of_an_mlp():
    model = nn.MLP(2, [3, 1], "tanh", weight_init=init.ones)
    assert [p.data.mean() for p in model.parameters()] == [1, 0, 1, 0]
    normal = nn.MLP(2, [3, 1], weight_init=init.he_normal, seed=0)
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(normal.layers[0].weight.data, init.he_normal((2, 3), seed=rng))
    np.testing.assert_array_equal(normal.layers[2].weight.data, init.he_normal((3, 1), seed=rng))
    for make in (nn.Linear, nn.Embedding, lambda *sizes, **o: nn.MLP(sizes[0], [sizes[1]], **o)):
        with pytest.raises(KindError, match="weight_init is a function of a shape.*given str 'he_normal'"):
            make(2, 3, weight_init="he_normal")
