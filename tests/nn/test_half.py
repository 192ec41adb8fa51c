"""Layers in every dtype: what comes out has the dtype of what goes in, and float16 is computed in float32."""

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import Tensor

h = np.float16
DTYPES = [np.float64, np.float32, h]


def shape(*sizes):
    return lambda rng, dtype: rng.standard_normal(sizes).astype(dtype)


LAYERS = {  # how it is made of a dtype, and its input
    "Linear": (lambda dtype: nn.Linear(4, 3, seed=0, dtype=dtype), shape(5, 4)),
    "Linear, no bias": (lambda dtype: nn.Linear(4, 3, bias=False, seed=0, dtype=dtype), shape(5, 4)),
    "MLP": (lambda dtype: nn.MLP(4, [3, 2], "gelu", seed=0, dtype=dtype), shape(5, 4)),
    "Maxout": (lambda dtype: nn.Maxout(4, 2, seed=0, dtype=dtype), shape(5, 4)),
    "Dropout": (lambda dtype: nn.Dropout(0.5, seed=0), shape(5, 4)),
    "Flatten": (lambda dtype: nn.Flatten(), shape(5, 4, 2)),
    "Conv2d": (lambda dtype: nn.Conv2d(2, 3, 3, seed=0, dtype=dtype), shape(5, 2, 4, 4)),
    "MaxPool2d": (lambda dtype: nn.MaxPool2d(2), shape(5, 2, 4, 4)),
    "AvgPool2d": (lambda dtype: nn.AvgPool2d(2), shape(5, 2, 4, 4)),
    "BatchNorm1d": (lambda dtype: nn.BatchNorm1d(4, dtype=dtype), shape(5, 4)),
    "BatchNorm1d, not affine": (lambda dtype: nn.BatchNorm1d(4, affine=False), shape(5, 4)),
    "BatchNorm1d, no statistics": (
        lambda dtype: nn.BatchNorm1d(4, track_running_stats=False, dtype=dtype),
        shape(5, 4),
    ),
    "BatchNorm1d, neither": (
        lambda dtype: nn.BatchNorm1d(4, affine=False, track_running_stats=False),
        shape(5, 4, 2),
    ),
    "BatchNorm1d, of float64": (lambda dtype: nn.BatchNorm1d(4), shape(5, 4)),
    "BatchNorm2d": (lambda dtype: nn.BatchNorm2d(2, dtype=dtype), shape(5, 2, 4, 4)),
    "BatchNorm2d, not affine": (lambda dtype: nn.BatchNorm2d(2, affine=False), shape(5, 2, 4, 4)),
    "LayerNorm": (lambda dtype: nn.LayerNorm(4, dtype=dtype), shape(5, 4)),
    "LayerNorm, no bias": (lambda dtype: nn.LayerNorm((3, 4), bias=False, dtype=dtype), shape(5, 3, 4)),
    "LayerNorm, not affine": (lambda dtype: nn.LayerNorm(4, elementwise_affine=False), shape(5, 4)),
    "LayerNorm, of float64": (lambda dtype: nn.LayerNorm(4), shape(5, 4)),
    "Embedding": (
        lambda dtype: nn.Embedding(4, 3, seed=0, dtype=dtype),
        lambda rng, dtype: rng.integers(0, 4, (5, 2)),
    ),
    "RNN": (lambda dtype: nn.RNN(4, 3, seed=0, dtype=dtype), shape(6, 5, 4)),
    "LSTM": (
        lambda dtype: nn.LSTM(4, 3, num_layers=2, bidirectional=True, seed=0, dtype=dtype),
        shape(6, 5, 4),
    ),
    "GRU": (lambda dtype: nn.GRU(4, 3, seed=0, dtype=dtype), shape(6, 5, 4)),
    "RNNCell": (lambda dtype: nn.RNNCell(4, 3, seed=0, dtype=dtype), shape(5, 4)),
    "LSTMCell": (lambda dtype: nn.LSTMCell(4, 3, seed=0, dtype=dtype), shape(5, 4)),
    "GRUCell": (lambda dtype: nn.GRUCell(4, 3, seed=0, dtype=dtype), shape(5, 4)),
    "MultiHeadAttention": (lambda dtype: nn.MultiHeadAttention(4, 2, seed=0, dtype=dtype), shape(6, 5, 4)),
    "PositionalEncoding": (lambda dtype: nn.PositionalEncoding(4), shape(6, 5, 4)),
    "TransformerEncoderLayer": (
        lambda dtype: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, seed=0, dtype=dtype),
        shape(6, 5, 4),
    ),
}


def flat(y):
    return [each for part in y for each in flat(part)] if isinstance(y, tuple) else [y]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", LAYERS)
def test_what_comes_out_has_the_dtype_of_what_goes_in(name, mode, dtype, rng):
    make, data = LAYERS[name]
    layer, x = make(dtype), data(rng, dtype)
    getattr(layer, mode)()
    for given in (x, Tensor(x)) if "of float64" not in name else (Tensor(x),):
        outputs = flat(layer(given))
        assert {np.dtype(y.dtype) for y in outputs} == {np.dtype(dtype)}
    if outputs[0].requires_grad:
        sum(y.sum() for y in outputs).backward()
        assert {p.grad.dtype for p in layer.parameters()} <= {p.dtype for p in layer.parameters()}
        if given.dtype.kind == "f":
            assert given.grad.dtype == dtype
    assert {p.dtype for p in layer.parameters()} <= {
        np.dtype(dtype if "of float64" not in name else np.float64)
    }


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_float16_is_near_what_float64_gives(name, mode, rng):
    make, data = LAYERS[name]
    half, full = make(h), make(np.float64)
    x = data(rng, h)
    getattr(half, mode)()
    getattr(full, mode)()
    full.load_state_dict(half.state_dict())
    for y, want in zip(
        flat(half(Tensor(x))), flat(full(Tensor(x.astype(float) if x.dtype == h else x))), strict=True
    ):
        np.testing.assert_allclose(y.data.astype(float), want.data, atol=1e-2)


# ---------------------------------------------------------------------- what has no place in float16


def test_normalisation_of_large_and_of_small_numbers():
    for layer in (nn.LayerNorm(2, dtype=h), nn.LayerNorm(2, elementwise_affine=False)):
        assert layer(np.array([[300, -300]], h)).data.tolist() == [[1, -1]]
        assert layer(np.array([[60_000, -60_000]], h)).data.tolist() == [[1, -1]]
    batch = nn.BatchNorm1d(1, momentum=None, dtype=h)
    x = np.array([[300], [-300]], h)
    assert batch(x).data.tolist() == [[1], [-1]]
    assert batch.running_var.tolist() == [180_000]
    assert {a.dtype for a in batch.state_dict().values() if a.dtype.kind == "f"} == {
        np.dtype(h),
        np.dtype(np.float32),
    }
    assert batch.eval()(x).data.tolist() == [
        [pytest.approx(0.5**0.5, rel=1e-3)],
        [pytest.approx(-(0.5**0.5), rel=1e-3)],
    ]
    small = nn.LayerNorm(2, eps=1e-15, dtype=h)
    assert small(np.array([[3e-5, -3e-5]], h)).data.tolist() == [[1, -1]]


def test_the_gradient_of_a_normalisation_in_float16():
    x = Tensor(np.array([[300, 100, -400]], h))
    wide = Tensor(x.data.astype(float))
    g = np.array([[100.0, -50.0, 25.0]])
    for each in (x, wide):
        nn.LayerNorm(3, dtype=each.dtype)(each).backward(g)
    np.testing.assert_allclose(x.grad, wide.grad, rtol=2e-3)


def test_statistics_of_many_batches_do_not_stand_still():
    batch = nn.BatchNorm1d(1, momentum=0.01, dtype=h)
    for _ in range(1000):
        batch(np.array([[1000], [1001]], h))
    assert batch.running_mean[0] == pytest.approx(1000.5, abs=0.1)


def test_a_model_that_is_changed_to_float16_keeps_its_statistics_in_float32():
    model = nn.Sequential(nn.Linear(2, 2, seed=0), nn.BatchNorm1d(2)).to(h)
    assert model[1].running_var.dtype == np.float32
    assert model(np.ones((3, 2), h)).dtype == h
    model.load_state_dict(model.state_dict())
    assert model[1].running_var.dtype == np.float32
    assert model.to(np.float64)[1].running_var.dtype == np.float64


def test_attention_of_large_queries():
    attention = nn.MultiHeadAttention(2, 1, seed=0, dtype=h)
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
        projection.weight.data = np.eye(2)
    x = np.array([[300, 0], [0, 300]], h)  # scores of 90,000
    y, weights = attention(x, need_weights=True)
    assert y.data.tolist() == [[300, 0], [0, 300]]
    assert weights.data.tolist() == [[1, 0], [0, 1]]
    masked = attention(x, attn_mask=np.array([[-1e9, 0], [0, -1e9]]))
    assert masked.data.tolist() == [[0, 300], [300, 0]]


def test_a_cell_state_is_added_up_in_float32():
    lstm = nn.LSTM(1, 1, dtype=h)
    cell = lstm.cells[0]
    for p in cell.parameters():
        p.data = np.zeros(p.shape)
    cell.bias_ih.data = np.array([100, 100, 0.5, 100])  # adds tanh(0.5) each time, and forgets nothing
    _, (_, c) = lstm(np.zeros((8000, 1, 1), h))
    assert c.item() == pytest.approx(8000 * np.tanh(0.5), rel=1e-3)


@pytest.mark.parametrize("make", [nn.RNN, nn.LSTM, nn.GRU, nn.RNNCell, nn.LSTMCell, nn.GRUCell])
@pytest.mark.parametrize(("layer", "data"), [(h, np.float32), (np.float32, h)])
def test_where_two_dtypes_meet_the_wider_one_comes_out(make, layer, data):
    x = Tensor(np.ones((3, 2), data))
    assert {np.dtype(y.dtype) for y in flat(make(2, 2, seed=0, dtype=layer)(x))} == {np.dtype(np.float32)}


def test_a_word_that_is_used_5000_times_has_the_sum_of_its_gradients():
    words = nn.Embedding(2, 1, seed=0, dtype=h)
    words(np.zeros(5000, int)).sum().backward()
    assert words.weight.grad.tolist() == [[5000], [0]]


def test_scalers_of_float16():
    X = np.array([[0], [60_000]], h)
    for scaler in (nn.Standardizer(), nn.MinMaxScaler(-1, 1)):
        y = scaler.fit_transform(X)
        assert y.dtype == h
        assert y.tolist() == [[-1], [1]]
        assert scaler.inverse_transform(y).tolist() == X.tolist()
    many = nn.Standardizer().fit(np.repeat(np.array([[1], [3]], h), 5000, 0))
    assert (many.shift.item(), many.scale.item()) == (2, 1)
    fine = nn.MinMaxScaler(-1, 1).fit(np.array([[0.0], [1000.0]]))
    assert fine.inverse_transform(np.array([[0.0005]], h)).item() == 500.25


def test_statistics_of_outputs_in_float16():
    model = nn.Sequential(nn.Linear(1, 1, bias=False, dtype=h))
    model[0].weight.data = np.ones((1, 1))
    (row,) = nn.diagnostics.statistics(model, np.array([[400], [-400]], h))
    assert (row.mean, row.std) == (0, 400)


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "lecun_normal", "orthogonal"])
def test_initial_weights_of_float16_are_those_of_float64_rounded(name):
    make = getattr(nn.init, name)
    half, full = make((300, 200), seed=0, dtype=h), make((300, 200), seed=0)
    assert half.dtype == h
    np.testing.assert_array_equal(half, full.astype(h))


def test_a_network_of_float16_learns():
    X, y = nn.datasets.moons(200, seed=0)
    model = nn.Sequential(
        nn.Linear(2, 16, seed=0, dtype=h),
        nn.BatchNorm1d(16, dtype=h),
        nn.ReLU(),
        nn.Linear(16, 2, seed=1, dtype=h),
    )
    optimizer = nn.Adam(model.parameters(), lr=0.02)
    nn.fit(
        model,
        nn.cross_entropy,
        (X.astype(h), y),
        optimizer=optimizer,
        epochs=20,
        clip_norm=5.0,
        progress=False,
    )
    assert {p.dtype for p in model.parameters()} == {np.dtype(h)}
    assert nn.accuracy(model(X.astype(h)), y) > 0.95
