"""Attention against numbers worked out by hand and what has to hold; for PyTorch see test_pytorch_sequences.py."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError, Tape, Tensor, check_gradients


def plain(embed_dim, num_heads=1, **options):
    """Attention whose projections change nothing."""
    attention = nn.MultiHeadAttention(embed_dim, num_heads, **options)
    for linear in (attention.q_proj, attention.k_proj, attention.v_proj, attention.out_proj):
        linear.weight.data = np.eye(embed_dim)
    return attention


def test_two_positions_by_hand():
    y, weights = plain(2)(np.eye(2), need_weights=True)
    e = math.exp(1 / math.sqrt(2))
    expected = [[e / (e + 1), 1 / (e + 1)], [1 / (e + 1), e / (e + 1)]]
    np.testing.assert_allclose(weights.data, expected, rtol=1e-14)
    np.testing.assert_allclose(y.data, expected, rtol=1e-14)  # the values are the unit vectors


def test_each_head_sees_its_own_columns():
    x = np.array([[1.0, 5.0], [-1.0, 5.0]])
    y, weights = plain(2, 2)(x, need_weights=True, average_attn_weights=False)
    share = 1 / (1 + math.exp(-2))  # exp(1) against exp(-1); in the second head all match alike
    np.testing.assert_allclose(
        weights.data, [[[share, 1 - share], [1 - share, share]], [[0.5, 0.5], [0.5, 0.5]]]
    )
    np.testing.assert_allclose(y.data[:, 0], [2 * share - 1, 1 - 2 * share])
    averaged = plain(2, 2)(x, need_weights=True)[1]
    np.testing.assert_allclose(averaged.data, weights.data.mean(0))


def test_queries_look_at_keys_and_find_values():
    query, key = np.array([[100.0, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    value = np.array([[7.0, 8.0], [1.0, 1.0], [2.0, 2.0]])
    np.testing.assert_allclose(plain(2)(query, key, value).data, [[7, 8]])


def test_positions_are_not_told_apart(rng):
    attention, x = nn.MultiHeadAttention(6, 2, seed=0), rng.standard_normal((5, 6))
    order = rng.permutation(5)
    np.testing.assert_allclose(attention(x[order]).data, attention(x).data[order], rtol=1e-12)
    encoding = nn.PositionalEncoding(6)
    assert abs(attention(encoding(x[order])).data - attention(encoding(x)).data[order]).max() > 0.01


def test_a_causal_query_looks_at_itself_and_back():
    _, weights = nn.MultiHeadAttention(2, 1, seed=0)(np.zeros((3, 2)), is_causal=True, need_weights=True)
    np.testing.assert_allclose(weights.data, [[1, 0, 0], [1 / 2, 1 / 2, 0], [1 / 3, 1 / 3, 1 / 3]])


@pytest.mark.parametrize("mask", ["is_causal", "boolean", "floating"])
def test_nobody_looks_ahead(mask, rng):
    layer = nn.TransformerEncoder(nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, seed=0), 2)
    ahead = np.triu(np.ones((5, 5), bool), 1)
    options = {
        "is_causal": {"is_causal": True}, "boolean": {"mask": ahead},
        "floating": {"mask": np.where(ahead, -np.inf, 0.0)},
    }[mask]  # fmt: skip
    x = Tensor(rng.standard_normal((5, 6)))
    layer(x, **options)[2, 0].backward()
    assert np.flatnonzero(abs(x.grad).max(1) > 1e-9).tolist() == [0, 1, 2]


def test_padding_is_not_seen(rng):
    layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True, seed=0)
    x = rng.standard_normal((2, 5, 6))
    padding = np.array([[False] * 5, [False, False, False, True, True]])
    y = layer(x, src_key_padding_mask=padding).data
    np.testing.assert_allclose(y[1, :3], layer(x[1, :3]).data, rtol=1e-12)
    np.testing.assert_allclose(y[0], layer(x[0]).data, rtol=1e-12)


def test_who_may_look_nowhere_finds_zeros_and_passes_nothing_back(rng):
    attention, x = plain(4, 2), Tensor(rng.standard_normal((3, 4)))
    mask = np.array([[False, False, True], [True, True, True], [True, False, True]])
    y, weights = attention(x, attn_mask=mask, need_weights=True)
    assert not y.data[1].any()
    np.testing.assert_allclose(weights.data.sum(-1), [1, 0, 1])
    y.sum().backward()
    assert np.isfinite(x.grad).all()
    assert not x.grad[2].any()  # nobody looks at it, and its query


def test_first_and_second_derivatives(rng):
    attention = nn.MultiHeadAttention(4, 2, seed=0)
    check_gradients(lambda x: (attention(x, is_causal=True) ** 2).sum(), rng.standard_normal((3, 4)), order=2)


def test_float32_stays_float32(rng):
    model = nn.Sequential(
        nn.PositionalEncoding(4),
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, seed=0, dtype=np.float32), 2),
    )
    x = Tensor(rng.standard_normal((3, 2, 4)).astype(np.float32))
    y = model(x)
    y.sum().backward()
    assert {y.dtype, x.grad.dtype, *(p.grad.dtype for p in model.parameters())} == {np.dtype(np.float32)}
    masked = nn.MultiHeadAttention(4, 2, dtype=np.float32)(x, is_causal=True, attn_mask=np.zeros((3, 3)))
    assert masked.dtype == np.float32


def test_the_waves_by_hand_and_their_distances():
    waves = nn.PositionalEncoding(6)(np.zeros((50, 6))).data
    assert waves[3].tolist() == pytest.approx(
        [f(3 / 10_000 ** (k / 6)) for k in (0, 2, 4) for f in (math.sin, math.cos)], rel=1e-12
    )
    products = waves @ waves.T  # depend on how far apart two positions are, and on nothing else
    for k in range(1, 5):
        assert np.ptp(np.diagonal(products, k)) < 1e-12
    odd = nn.PositionalEncoding(3)(np.zeros((2, 3))).data
    assert odd[1].tolist() == pytest.approx([math.sin(1), math.cos(1), math.sin(10_000 ** (-2 / 3))])


def test_the_waves_run_along_the_length(rng):
    x = rng.standard_normal((2, 5, 4))
    first = nn.PositionalEncoding(4, batch_first=True)(x).data
    np.testing.assert_array_equal(nn.PositionalEncoding(4)(x.swapaxes(0, 1)).data, first.swapaxes(0, 1))
    np.testing.assert_array_equal(nn.PositionalEncoding(4)(x[1]).data, first[1])
    assert first[0] - x[0] == pytest.approx(first[1] - x[1])
    assert abs(first - x).max() > 0.9


def test_layers_of_an_encoder_have_weights_of_their_own():
    layer = nn.TransformerEncoderLayer(4, 2, 8, norm_first=True, activation="gelu", seed=0)
    encoder = nn.TransformerEncoder(layer, 3, nn.LayerNorm(4))
    a, b, c = (each.self_attn.q_proj.weight.data for each in encoder.layers)
    assert not (a == b).any()
    assert not (b == c).any()
    assert all(each.norm_first and isinstance(each.activation, nn.GELU) for each in encoder.layers)
    assert len(encoder.parameters()) == 3 * 16 + 2
    own = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, activation=nn.ELU(2.0)), 2)
    assert "layers.1.activation" in dict(own.named_modules())
    assert own.layers[1].activation.options == {"alpha": 2.0}
    again = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, seed=0), 3, nn.LayerNorm(4))
    for p, q in zip(encoder.parameters(), again.parameters(), strict=True):
        assert (p.data == q.data).all()


def test_dropout_is_drawn_in_training_only(rng):
    x = rng.standard_normal((5, 4))
    for module in (
        nn.MultiHeadAttention(4, 2, dropout=0.5, seed=0), nn.PositionalEncoding(4, dropout=0.5, seed=0),
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.5, seed=0),
    ):  # fmt: skip
        assert (module(x).data != module(x).data).any()
        module.eval()
        assert (module(x).data == module(x).data).all()


def test_a_replay_is_a_fresh_recording(rng):
    layer, x = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, seed=0), rng.standard_normal((5, 2, 4))
    tape = Tape((layer(x, is_causal=True) ** 3).sum())
    for p in layer.parameters():
        p.data = p.data + 0.1
    tape.forward()
    tape.backward()
    replayed = [p.grad for p in layer.parameters()]
    layer.zero_grad()
    (layer(x, is_causal=True) ** 3).sum().backward()
    for p, g in zip(layer.parameters(), replayed):
        np.testing.assert_array_equal(p.grad, g)


def test_the_parts_of_attention_are_scopes():
    y = nn.TransformerEncoderLayer(2, 1, 2, dropout=0.0, seed=0)(np.ones((3, 2)))
    scopes = {node.scope[1:] for node in Tape(y).nodes if node.op is not None}
    inside = "self_attn: MultiHeadAttention(2, num_heads=1)"
    assert {(inside, "scores"), (inside, "weights"), (inside, "values")} < scopes


def test_what_does_not_fit_is_said(rng):
    attention, x = nn.MultiHeadAttention(4, 2), np.ones((3, 2, 4))
    with pytest.raises(RangeError, match="4 numbers cannot be divided evenly among 3 heads"):
        nn.MultiHeadAttention(4, 3)
    with pytest.raises(RangeError, match="num_heads is 1 or more; given 0"):
        nn.MultiHeadAttention(4, 0)
    with pytest.raises(ShapeError, match=r"takes sequences \(length, batch, 4\) or \(length, 4\); .* as key"):
        attention(x, np.ones((3, 2, 5)))
    with pytest.raises(ShapeError, match="one value for each key"):
        attention(x, x, np.ones((4, 2, 4)))
    with pytest.raises(ShapeError, match=r"key_padding_mask has shape \(2, 3\) here; given .*\(3, 2\)"):
        attention(x, key_padding_mask=np.zeros((3, 2), bool))
    with pytest.raises(ShapeError, match=r"attn_mask has shape \(3, 3\) or \(4, 3, 3\) here"):
        attention(x, attn_mask=np.zeros((2, 3, 3), bool))
    with pytest.raises(KindError, match="True at forbidden keys.* mask == 0 if 1 allows"):
        attention(x, attn_mask=np.ones((3, 3), int))
    with pytest.raises(ShapeError, match=r"takes sequences \(length, batch, 4\)"):
        nn.PositionalEncoding(4)(np.ones((3, 5)))
    with pytest.raises(KindError, match="built from a TransformerEncoderLayer; given"):
        nn.TransformerEncoder(nn.Linear(4, 4), 2)
    with pytest.raises(RangeError, match="there is no activation 'swish'"):
        nn.TransformerEncoderLayer(4, 2, activation="swish")
