"""Layers by hand: small cases computed on paper, dtypes, modes, seeds, names in drawings, and the lessons of errors."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import (
    KindError,
    RangeError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    check_gradients,
    no_grad,
)
from chainrule.nn.layers.embedding import rows

X = np.arange(8.0).reshape(1, 2, 2, 2)


# ---------------------------------------------------------------------- convolution and pooling


def test_a_convolution_by_hand():
    layer = nn.Conv2d(1, 1, 2, padding=((0, 0), (1, 0)))
    layer.weight.data, layer.bias.data = np.array([[[[1.0, 10.0], [100.0, 1000.0]]]]), np.array([0.5])
    x = Tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    y = layer(x)
    assert y.data.tolist() == [[[[10 + 3000 + 0.5, 1 + 20 + 300 + 4000 + 0.5]]]]
    y.backward([[[[1.0, 2.0]]]])
    assert x.grad.tolist() == [[[[10 + 2, 20], [1000 + 200, 2000]]]]
    assert layer.weight.grad.tolist() == [[[[2 * 1, 1 + 2 * 2], [2 * 3, 3 + 2 * 4]]]]
    assert layer.bias.grad.tolist() == [3]


def test_a_convolution_follows_a_shift_and_a_linear_layer_does_not(rng):
    image = np.zeros((1, 1, 12, 12))
    image[..., 3:6, 3:6] = rng.standard_normal((3, 3))
    shifted = np.roll(image, (2, 4), (2, 3))
    convolution, linear = nn.Conv2d(1, 3, 3, padding=1, seed=0), nn.Linear(144, 144, seed=0)
    y = convolution(image).data
    assert abs(y).max() > 0.1
    np.testing.assert_allclose(convolution(shifted).data, np.roll(y, (2, 4), (2, 3)), atol=1e-14)
    z = linear(image.reshape(1, 144)).data.reshape(12, 12)
    moved = linear(shifted.reshape(1, 144)).data.reshape(12, 12)
    assert abs(moved - np.roll(z, (2, 4), (0, 1))).max() > 0.1


def test_pooling_by_hand():
    x = Tensor([[[[1.0, 2.0], [4.0, 4.0]]]])
    y = nn.MaxPool2d(2)(x)
    y.backward([[[[1.0]]]])
    assert (y.data.item(), x.grad.tolist()) == (4, [[[[0, 0], [0.5, 0.5]]]])
    z = nn.AvgPool2d((2, 1), stride=1)(x)
    assert z.data.tolist() == [[[[2.5, 3]]]]


def test_what_a_convolution_and_a_pool_are_called():
    assert repr(nn.Conv2d(1, 8, (3, 5), 2, bias=False)) == (
        "Conv2d(1 -> 8, kernel_size=(3, 5), stride=2, bias=False)"
    )
    assert repr(nn.Conv2d(2, 4, 3, padding="same", groups=2)) == (
        "Conv2d(2 -> 4, kernel_size=3, padding=same, groups=2)"
    )
    assert repr(nn.MaxPool2d(3, 2, padding=1)) == "MaxPool2d(3, stride=2, padding=1)"
    assert repr(nn.AvgPool2d(2)) == "AvgPool2d(2)"


# ---------------------------------------------------------------------- normalisation


def test_batch_normalisation_by_hand():
    layer = nn.BatchNorm1d(1, eps=0, momentum=0.5)
    layer.weight.data, layer.bias.data = np.array([2.0]), np.array([1.0])
    x = Tensor([[0.0], [0.0], [3.0]])  # mean 1, biased variance 2, unbiased 3
    y = layer(x)
    np.testing.assert_allclose(y.data, 1 + 2 * np.array([[-1], [-1], [2]]) / 2**0.5)
    assert (layer.running_mean.tolist(), layer.running_var.tolist()) == ([0.5], [2.0])
    y.backward([[0.0], [0.0], [1.0]])
    # w / s (g - mean(g) - z mean(g z)), z = sqrt(2) at the last sample, -1/sqrt(2) at the others
    expected = 2 / 2**0.5 * (np.array([0, 0, 1]) - 1 / 3 - np.array([-1, -1, 2]) / 2**0.5 * (2**0.5 / 3))
    np.testing.assert_allclose(x.grad[:, 0], expected, atol=1e-15)
    np.testing.assert_allclose(layer.weight.grad, 2**0.5)
    layer.eval()
    np.testing.assert_allclose(layer(np.array([[0.5 + 2**0.5]])).data, [[3]])


def test_batch_normalisation_before_any_training_leaves_nearly_all_as_it_is(rng):
    x = rng.standard_normal((3, 2))
    np.testing.assert_allclose(nn.BatchNorm1d(2).eval()(x).data, x / np.sqrt(1 + 1e-5))


def test_normalisations_differentiate_twice(rng):
    x = rng.standard_normal((3, 2))
    for layer in (nn.BatchNorm1d(2, track_running_stats=False), nn.LayerNorm(2)):
        check_gradients(layer, Tensor(x), order=2)


def test_one_sample_is_a_lesson():
    with pytest.raises(ShapeError, match=r"1 number in a channel, which has no deviation.*drop_last=True"):
        nn.BatchNorm1d(2)(np.ones((1, 2)))
    with pytest.raises(ShapeError, match="0 numbers in a channel"):
        nn.BatchNorm1d(2)(np.ones((0, 2)))
    assert nn.BatchNorm2d(2)(X).shape == X.shape  # one image has many pixels
    assert nn.BatchNorm1d(2).eval()(np.ones((1, 2))).shape == (1, 2)
    batchnorm = nn.BatchNorm1d(2)
    with pytest.raises(ShapeError):
        batchnorm(np.ones((1, 2)))
    assert batchnorm.num_batches_tracked == 0


def test_running_statistics_belong_to_the_state():
    trained, fresh = nn.Sequential(nn.BatchNorm1d(2)), nn.Sequential(nn.BatchNorm1d(2))
    trained(np.array([[1.0, 2.0], [3.0, 5.0]]))
    state = trained.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0.running_mean", "0.running_var", "0.num_batches_tracked"]
    fresh.load_state_dict(state)
    np.testing.assert_allclose(fresh[0].running_mean, [0.2, 0.35], rtol=1e-14)
    assert fresh[0].num_batches_tracked == 1
    trained(np.ones((2, 2)))
    np.testing.assert_allclose(fresh[0].running_mean, [0.2, 0.35], rtol=1e-14)  # a copy
    half = fresh.to(np.float32)[0]
    assert (half.running_mean.dtype, half.num_batches_tracked.dtype.kind) == (np.float32, "i")
    with pytest.raises(ShapeError, match="'0.running_var' is missing"):
        fresh.load_state_dict({k: v for k, v in state.items() if k != "0.running_var"})


def test_layer_normalisation_by_hand():
    layer = nn.LayerNorm(3, eps=0)
    layer.weight.data, layer.bias.data = np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 10.0])
    np.testing.assert_allclose(
        layer(np.array([[0.0, 0.0, 3.0]])).data, [[-1 / 2**0.5, -2 / 2**0.5, 10 + 3 * 2**0.5]]
    )


# ---------------------------------------------------------------------- dropout


def test_dropout_keeps_the_expectation():
    layer = nn.Dropout(0.2, seed=0)
    y = layer(np.ones(100_000))
    assert set(np.unique(y)) == {0, 1.25}
    assert (y == 0).mean() == pytest.approx(0.2, abs=0.005)


def test_dropout_s_gradient_goes_through_what_was_kept():
    x = Tensor(np.arange(1.0, 9))
    y = nn.Dropout(0.5, seed=0)(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, y.data / x.data)
    assert set(x.grad) == {0, 2}


def test_dropout_off():
    x = Tensor(np.ones(5))
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0)(x) is x
    assert not nn.Dropout(1)(x).data.any()
    with no_grad():
        assert not nn.Dropout(1)(x).data.any()


def test_dropout_by_seed_alike_in_every_dtype():
    x = np.ones(50)
    first = nn.Dropout(0.5, seed=3)(x)
    np.testing.assert_array_equal(nn.Dropout(0.5, seed=3)(Tensor(x.astype(np.float32))).data, first)
    assert not np.array_equal(nn.Dropout(0.5, seed=4)(x), first)
    layer = nn.Dropout(0.5, seed=np.random.default_rng(3))
    np.testing.assert_array_equal(layer(x), first)
    assert not np.array_equal(layer(x), first)


def test_a_replay_draws_a_new_mask_and_recording_gives_the_same():
    model = nn.Sequential(nn.Linear(3, 20, seed=0), nn.Dropout(0.5, seed=1), nn.Linear(20, 1, seed=2))
    again = nn.Sequential(nn.Linear(3, 20, seed=0), nn.Dropout(0.5, seed=1), nn.Linear(20, 1, seed=2))
    x = np.ones((2, 3))
    tape = Tape(model(x).sum())
    again(x)
    seen = set()
    for _ in range(3):
        for parameter in (*model.parameters(), *again.parameters()):
            parameter.grad = None
        replayed, recorded = tape.forward(), again(x).sum()
        assert replayed == recorded.data
        tape.backward()
        recorded.backward()
        for a, b in zip(model.parameters(), again.parameters(), strict=True):
            np.testing.assert_array_equal(a.grad, b.grad)
        seen.add(float(replayed))
    assert len(seen) == 3


def test_dropout_on_values():
    layer, xs = nn.Dropout(0.5, seed=0), [Value(1.0), Value(2.0), Value(3.0), Value(4.0)]
    ys = layer(xs)
    assert {y.data / x.data for x, y in zip(xs, ys, strict=True)} == {0.0, 2.0}
    sum(ys).backward()
    assert [x.grad for x in xs] == [y.data / x.data for x, y in zip(xs, ys, strict=True)]
    assert nn.Dropout(1.0)(xs[0]).data == 0
    assert layer.eval()(xs) is xs


# ---------------------------------------------------------------------- embedding, maxout


def test_embedding_by_hand():
    layer = nn.Embedding(3, 2, padding_idx=0)
    layer.weight.data = np.array([[5.0, 6.0], [1.0, 2.0], [3.0, 4.0]])
    y = layer([[1, 1, 0]])
    assert y.data.tolist() == [[[1, 2], [1, 2], [5, 6]]]
    y.backward([[[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]]])
    assert layer.weight.grad.tolist() == [[0, 0], [3, 30], [0, 0]]  # repeats add, padding does not learn
    assert nn.Embedding(3, 2, padding_idx=-1).weight.data[2].tolist() == [0, 0]
    assert layer(np.zeros((2, 0), int)).shape == (2, 0, 2)


def test_embedding_differentiates_twice_and_equals_one_hot_times_weights(rng):
    tokens = rng.integers(0, 5, (2, 3))
    layer = nn.Embedding(5, 4, seed=0)
    np.testing.assert_array_equal(layer(tokens).data, np.eye(5)[tokens] @ layer.weight.data)

    def f(w):
        return (rows(w, tokens, padding=2) ** 3).sum()

    check_gradients(lambda w: (rows(w, tokens, padding=None) ** 3).sum(), Tensor(layer.weight.data), order=2)
    w = Tensor(layer.weight.data)
    f(w).backward()
    assert not w.grad[2].any()


def test_a_tape_takes_other_tokens():
    layer = nn.Embedding(4, 2, seed=0)
    tokens = Tensor(np.array([0, 1]), name="tokens")
    tape = Tape(layer(tokens).sum())
    assert tape.forward(tokens=np.array([3, 3])) == layer.weight.data[[3, 3]].sum()
    tape.backward()
    assert layer.weight.grad.tolist() == [[0, 0], [0, 0], [0, 0], [2, 2]]


def test_maxout_by_hand():
    layer = nn.Maxout(2, 2, num_pieces=2)
    layer.linear.weight.data = np.array([[1.0, -1.0, 2.0, 0.0], [0.0, 0.0, 1.0, 1.0]])
    layer.linear.bias.data = np.array([0.0, 0.0, 0.0, 5.0])
    x = Tensor([[3.0, 1.0], [-2.0, 1.0]])
    y = layer(x)
    assert y.data.tolist() == [[3, 7], [2, 6]]
    y.sum().backward()
    assert x.grad.tolist() == [[3, 1], [-1, 1]]
    assert repr(layer).splitlines()[0] == "Maxout(2 -> 2, num_pieces=2)"


def test_a_scalar_maxout_unit_equals_the_layer():
    unit, layer = nn.scalar.Maxout(3, 4, seed=0), nn.Maxout(3, 1, 4)
    layer.linear.weight.data = np.array([[w.data for w in piece.w] for piece in unit.pieces]).T
    x = [0.5, -1.0, 2.0]
    y = unit(x)
    assert y.data == pytest.approx(layer(np.array(x)).data.item(), rel=1e-14)
    y.backward()
    layer(np.array(x)).backward([1.0])
    got = [[0.0 if w.grad is None else w.grad for w in piece.w] for piece in unit.pieces]
    np.testing.assert_allclose(np.array(got).T, layer.linear.weight.grad)


# ---------------------------------------------------------------------- what all have in common

LAYERS = {
    "Conv2d": (lambda **k: nn.Conv2d(2, 3, 2, **k), X),
    "BatchNorm1d": (lambda **k: nn.BatchNorm1d(4, **k), X.reshape(2, 4)),
    "BatchNorm2d": (lambda **k: nn.BatchNorm2d(2, **k), X),
    "LayerNorm": (lambda **k: nn.LayerNorm(2, **k), X),
    "Embedding": (lambda **k: nn.Embedding(9, 3, **k), X.astype(int)),
    "Maxout": (lambda **k: nn.Maxout(2, 3, **k), X),
    "MaxPool2d": (lambda dtype: nn.MaxPool2d(2), X),
    "AvgPool2d": (lambda dtype: nn.AvgPool2d(2), X),
    "Dropout": (lambda dtype: nn.Dropout(0.5, seed=0), X),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_and_clusters(name, dtype):
    make, x = LAYERS[name]
    layer = make(dtype=dtype)
    model = nn.Sequential(layer)
    x = Tensor(x.astype(dtype)) if x.dtype.kind == "f" else x
    y = model(x)
    assert y.dtype == dtype
    assert y.scope[0] == "Sequential()"
    assert y.scope[1].startswith(f"0: {name}(")
    y.sum().backward()
    for leaf in (*layer.parameters(), *[x] * isinstance(x, Tensor)):
        assert leaf.grad.dtype == dtype
        assert leaf.grad.shape == leaf.shape
    with no_grad():
        assert model(x).dtype == dtype


ERRORS = [
    (lambda: nn.Conv2d(3, 4, 3)(np.ones((1, 2, 5, 5))), ShapeError, r"shape \(n, 3, height, width\); given a Tensor"),
    (lambda: nn.Conv2d(1, 4, 3)(np.ones((5, 5))), ShapeError, r"x\[:, None\]"),
    (lambda: nn.Conv2d(1, 4, 7)(np.ones((1, 1, 5, 5))), ShapeError, "Take a smaller kernel"),
    (lambda: nn.Conv2d(0, 4, 3), RangeError, "in_channels is 1 or more; given 0"),
    (lambda: nn.Conv2d(1, 4, -3), RangeError, "kernel_size is 1 or more; given -3"),
    (lambda: nn.Conv2d(1, 4, (3, 3, 3)), ShapeError, "kernel_size is one number, or a pair"),
    (lambda: nn.Conv2d(1, 4, 3.0), KindError, "kernel_size is a whole number"),
    (lambda: nn.Conv2d(1, 4, 3, stride=0), RangeError, "stride is 1 or more"),
    (lambda: nn.Conv2d(1, 4, 3, padding=-1), RangeError, "padding is 0 or more; given -1"),
    (lambda: nn.Conv2d(1, 4, 3, padding="full"), KindError, "'valid' or 'same'; given 'full'"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), RangeError, "3 channels in and 4 out cannot be divided evenly"),
    (lambda: nn.MaxPool2d(2)(np.ones((2, 2))), ShapeError, r"\(n, channels, height, width\)"),
    (lambda: nn.AvgPool2d(0), RangeError, "kernel_size is 1 or more"),
    (lambda: nn.BatchNorm1d(3)(np.ones((4, 2))), ShapeError, r"\(n, 3\) or \(n, 3, length\); given a Tensor"),
    (lambda: nn.BatchNorm2d(3)(np.ones((4, 3))), ShapeError, r"\(n, 3, height, width\)"),
    (lambda: nn.BatchNorm1d(3, momentum=2), RangeError, "momentum is a number from 0 to 1; given 2"),
    (lambda: nn.BatchNorm1d(3, eps=-1), RangeError, "eps is 0 or more"),
    (lambda: nn.LayerNorm(3)(np.ones((4, 2))), ShapeError, r"last axes are \(3,\)"),
    (lambda: nn.LayerNorm(()), ShapeError, "normalized_shape"),
    (lambda: nn.Dropout(1.5), RangeError, "from 0 to 1; given 1.5"),
    (lambda: nn.Dropout("half"), KindError, "from 0 to 1; given str 'half'"),
    (lambda: nn.Embedding(3, 2)(np.ones(2)), KindError, r"Write x\.astype\(int\)"),
    (lambda: nn.Embedding(3, 2)([1, 3]), RangeError, "has rows 0 to 2; given numbers from 1 to 3"),
    (lambda: nn.Embedding(3, 2)([-1]), RangeError, "rows 0 to 2"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), RangeError, "padding_idx=3 is no row of 3"),
    (lambda: nn.Maxout(2, 3, 0), RangeError, "the number of pieces is 1 or more"),
    (lambda: nn.Maxout(2, 3)(np.ones((4, 3))), ShapeError, "takes rows of 2 numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "lesson"), ERRORS)
def test_mistakes_are_lessons(mistake, error, lesson):
    with pytest.raises(error, match=lesson):
        mistake()


# ---------------------------------------------------------------------- quotients that rounding makes 0 / 0


@pytest.mark.parametrize("eps", [0, 1e-50])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("number", [5.0, 0.1, 0.0, -1e7])
@pytest.mark.parametrize("make", [lambda **o: nn.LayerNorm(3, **o), lambda **o: nn.BatchNorm1d(3, **o)])
def test_constant_numbers_are_normalised_to_zero_without_an_eps(make, number, dtype, eps):
    layer = make(eps=eps, dtype=dtype)
    x = Tensor(np.full((3, 3), number, dtype))
    y = layer(x)
    np.testing.assert_allclose(y.data, 0, atol=1e-6 * abs(number))
    y.sum().backward()
    assert np.isfinite(x.grad).all()
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(dtype)}
    if isinstance(layer, nn.BatchNorm1d):
        layer.running_var[:] = 0
        layer.running_mean[:] = number
        assert layer.eval()(x).data.max() == 0


def test_without_an_eps_a_replay_sees_whether_numbers_are_constant():
    layer = nn.LayerNorm(2, eps=0)
    x = Tensor([[5.0, 5.0]], name="x")
    tape = Tape(layer(x))
    assert tape.forward(x=np.array([[1.0, 3.0]])).tolist() == [[-1, 1]]
    assert tape.forward(x=np.array([[7.0, 7.0]])).tolist() == [[0, 0]]


def test_without_an_eps_the_gradient_is_that_of_differences(rng):
    check_gradients(nn.LayerNorm(4, eps=0), Tensor(rng.standard_normal((3, 4))), order=2)


@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}])
def test_a_batch_of_no_samples(options):
    assert nn.Flatten()(np.ones((0, 2, 4))).shape == nn.Flatten()(Tensor(np.ones((0, 2, 4)))).shape == (0, 8)
    layer = nn.BatchNorm1d(2, **options).eval()
    assert layer(np.ones((0, 2), np.float32)).shape == (0, 2)
    with pytest.raises(ShapeError, match="0 numbers in a channel, which have no deviation"):
        layer.train()(np.ones((0, 2)))
    assert nn.LayerNorm(2)(np.ones((0, 2))).shape == (0, 2)


# ---------------------------------------------------------------------- parts that were taken away, integers


@pytest.mark.parametrize("make", [nn.BatchNorm1d, nn.LayerNorm])
def test_a_normalisation_without_bias_keeps_its_weight(make):
    layer = make(2, eps=0)
    layer.weight, layer.bias = [3.0, 3.0], None
    assert layer(np.array([[1.0, -1.0], [-1.0, 1.0]])).data.tolist() == [[3.0, -3.0], [-3.0, 3.0]]


def test_a_normalisation_without_weight_keeps_its_bias():
    layer = nn.BatchNorm1d(1, eps=0)
    layer.weight, layer.bias = None, [5.0]
    assert layer(np.array([[2.0], [4.0]])).data.tolist() == [[4.0], [6.0]]


def test_dropout_of_whole_numbers_gives_floats():
    found = nn.Dropout(0.5, seed=0)(Tensor(np.ones(6, int)))
    assert (found.dtype, found.data.tolist()) == (np.float64, [2.0, 2.0, 2.0, 0.0, 0.0, 0.0])


def test_an_embedding_leaves_the_array_of_its_initial_weights_as_it_is():
    ready = np.ones((3, 2))
    words = nn.Embedding(3, 2, padding_idx=0, weight_init=lambda shape, seed, dtype: ready)
    assert (words.weight.data[0].tolist(), ready[0].tolist()) == ([0, 0], [1, 1])
