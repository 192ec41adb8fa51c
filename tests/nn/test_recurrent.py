"""Recurrent networks against numbers worked out by hand; PyTorch's word is in test_pytorch_sequences.py."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.autograd import KindError, RangeError, ShapeError, Tape, Tensor, check_gradients, no_grad

LAYERS = ["RNN", "LSTM", "GRU"]


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def set_all(module, **numbers):
    for name, array in numbers.items():
        getattr(module, name).data = np.array(array, float)


def test_a_step_of_an_rnn_cell():
    cell = nn.RNNCell(2, 1)
    set_all(cell, weight_ih=[[2.0], [1.0]], weight_hh=[[-1.0]], bias_ih=[0.3], bias_hh=[0.1])
    h = cell([0.5, 0.25], [0.1])
    assert h.data.tolist() == pytest.approx([math.tanh(1 + 0.25 - 0.1 + 0.4)])
    h.backward()
    slope = 1 - math.tanh(1.55) ** 2
    assert cell.weight_ih.grad.ravel().tolist() == pytest.approx([0.5 * slope, 0.25 * slope])
    assert cell.weight_hh.grad.item() == pytest.approx(0.1 * slope)
    assert cell.bias_hh.grad.item() == pytest.approx(slope)


def test_a_relu_cell_is_positive():
    cell = nn.RNNCell(1, 2, nonlinearity="relu")
    set_all(cell, weight_ih=[[1.0, -1.0]], weight_hh=np.zeros((2, 2)))
    assert cell([3.0]).data.tolist() == [3.0, 0.0]


def test_a_step_of_an_lstm_cell_with_another_number_in_each_gate():
    cell = nn.LSTMCell(1, 1)
    set_all(
        cell,
        weight_ih=[[0.5, -0.4, 0.3, 0.9]],
        weight_hh=[[0.2, 0.1, -0.7, -0.3]],
        bias_ih=[0.1, 0.2, 0.3, 0.4],
    )
    h, c = cell([2.0], ([0.6], [-0.8]))
    i, f = sigmoid(1 + 0.12 + 0.1), sigmoid(-0.8 + 0.06 + 0.2)
    g, o = math.tanh(0.6 - 0.42 + 0.3), sigmoid(1.8 - 0.18 + 0.4)
    assert c.item() == pytest.approx(f * -0.8 + i * g)
    assert h.item() == pytest.approx(o * math.tanh(f * -0.8 + i * g))


def test_an_open_forget_gate_remembers_and_a_closed_one_forgets():
    lstm = nn.LSTM(1, 2, seed=0)
    for bias, kept in ((50.0, 3.0), (-50.0, 0.0)):
        lstm.cells[0].bias_ih.data[...] = [-50, -50, bias, bias, 0, 0, 0, 0]  # nothing comes in
        _, (_, c) = lstm(np.ones((30, 1)), (np.zeros((1, 2)), np.full((1, 2), 3.0)))
        np.testing.assert_allclose(c.data, kept, atol=1e-12)


def test_states_belong_to_layers_and_directions_by_turns(rng):
    lstm = nn.LSTM(1, 2, num_layers=2, bidirectional=True, seed=0)
    cells = [lstm.cells[0], lstm.reverse_cells[0], lstm.cells[1], lstm.reverse_cells[1]]
    for k, cell in enumerate(cells):
        cell.bias_ih.data[...] = [-50, -50, 50, 50, 0, 0, 0, 0]  # nothing comes in, and nothing is forgotten,
        cell.bias_ih.data[2:4] -= 100 * (k == 2)  # but for the upper layer, forwards
    c = rng.uniform(1, 2, (4, 3, 2))
    _, (_, found) = lstm(np.ones((9, 3, 1)), (np.zeros((4, 3, 2)), c))
    c[2] = 0
    np.testing.assert_allclose(found.data, c, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_backwards_is_forwards_on_the_reversed_sequence(name, rng):
    both, one = getattr(nn, name)(3, 4, bidirectional=True, seed=0), getattr(nn, name)(3, 4)
    x = rng.standard_normal((5, 2, 3))
    output, last = both(x)
    for cell, columns, turn in ((both.cells[0], slice(4), 1), (both.reverse_cells[0], slice(4, 8), -1)):
        one.cells[0].load_state_dict(cell.state_dict())
        alone, end = one(x[::turn])
        np.testing.assert_array_equal(output.data[..., columns], alone.data[::turn])
        for a, b in zip(flat(last), flat(end)):
            np.testing.assert_array_equal(a.data[(turn - 1) // 2], b.data[0])


def test_a_step_of_a_gru_cell_with_another_number_in_each_gate():
    cell = nn.GRUCell(1, 1)
    set_all(
        cell,
        weight_ih=[[0.5, -0.4, 0.3]],
        weight_hh=[[0.2, 0.1, -0.7]],
        bias_ih=[0.1, 0.2, 0.3],
        bias_hh=[0, 0, 0.4],
    )
    h = cell([2.0], [0.6])
    r, z = sigmoid(1 + 0.12 + 0.1), sigmoid(-0.8 + 0.06 + 0.2)
    n = math.tanh(0.6 + 0.3 + r * (-0.42 + 0.4))
    assert h.item() == pytest.approx((1 - z) * n + z * 0.6)


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_calls_its_cell_item_by_item(name, rng):
    layer = getattr(nn, name)(3, 4, seed=1)
    x = rng.standard_normal((5, 2, 3))
    output, last = layer(x)
    state = None
    for t in range(5):
        state = layer.cells[0](x[t], state)
        np.testing.assert_array_equal(output.data[t], (state[0] if name == "LSTM" else state).data)
    np.testing.assert_array_equal(
        *(np.asarray([s.data for s in pair]).ravel() for pair in (flat(last), flat(state)))
    )


def flat(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("name", LAYERS)
def test_batch_first_is_a_matter_of_axes_and_one_sequence_a_batch_of_one(name, rng):
    x = rng.standard_normal((2, 12, 3))
    options = {"num_layers": 2, "bidirectional": True, "seed": 3}
    first, last = getattr(nn, name)(3, 4, batch_first=True, **options), getattr(nn, name)(3, 4, **options)
    output, _ = first(x)
    np.testing.assert_allclose(output.data.swapaxes(0, 1), last(x.swapaxes(0, 1))[0].data, rtol=1e-13)
    np.testing.assert_allclose(output.data[1], first(x[1])[0].data, rtol=1e-13)
    assert output.shape == (2, 12, 8)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(name, bidirectional, rng):
    layer = getattr(nn, name)(3, 4, num_layers=2, bidirectional=bidirectional, batch_first=True, seed=0)
    sequences = [rng.standard_normal((n, 3)) for n in (3, 6, 1)]
    padded = np.full((3, 6, 3), 7.0)
    for row, sequence in zip(padded, sequences):
        row[: len(sequence)] = sequence
    x = Tensor(padded, requires_grad=True)
    output, last = layer(x, lengths=[3, 6, 1])
    for k, sequence in enumerate(sequences):
        alone, end = layer(sequence)
        np.testing.assert_allclose(output.data[k, : len(sequence)], alone.data, rtol=1e-12)
        assert not output.data[k, len(sequence) :].any()
        for a, b in zip(flat(last), flat(end)):
            np.testing.assert_allclose(a.data[:, k], b.data, rtol=1e-12)
    (output.sum() + sum(s.sum() for s in flat(last))).backward()
    assert [len(np.flatnonzero(g.any(1))) for g in x.grad] == [3, 6, 1]


@pytest.mark.parametrize("name", LAYERS)
def test_first_and_second_derivatives(name, rng):
    cell = getattr(nn, f"{name}Cell")(2, 2, seed=0)

    def loss(x, h, w):
        vars(cell)["weight_hh"] = w  # past the module, which keeps its parameters
        new = cell(x, (h, 0.5 * h) if name == "LSTM" else h)
        return sum((s * s).sum() for s in flat(new))

    check_gradients(
        loss, rng.standard_normal((1, 2)), rng.standard_normal((1, 2)), cell.weight_hh.data, order=2
    )


def test_a_long_sequence_gets_the_gradient_of_each_item(rng):
    rnn, x = nn.RNN(2, 3, seed=0), Tensor(rng.standard_normal((37, 2)), requires_grad=True)
    output, _ = rnn(x)
    np.testing.assert_array_equal(output.data, rnn(x.data)[0].data)
    output[20].sum().backward()
    assert np.flatnonzero(x.grad.any(1)).tolist() == list(range(21))
    step, total = 1e-6, {}
    for sign in (1, -1):
        moved = x.data.copy()
        moved[17, 1] += sign * step
        total[sign] = rnn(moved)[0].data[20].sum()
    assert x.grad[17, 1] == pytest.approx((total[1] - total[-1]) / (2 * step), rel=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_float32_stays_float32(name, rng):
    layer = getattr(nn, name)(3, 4, num_layers=2, bidirectional=True, dropout=0.5, seed=0, dtype=np.float32)
    x = Tensor(rng.standard_normal((5, 2, 3)).astype(np.float32), requires_grad=True)
    output, last = layer(x, lengths=[5, 2])
    assert {output.dtype, *(s.dtype for s in flat(last))} == {np.dtype(np.float32)}
    output.sum().backward()
    assert {p.grad.dtype for p in layer.parameters()} == {np.dtype(np.float32)} == {x.grad.dtype}
    assert layer(x.data.astype(np.float64))[0].dtype == np.float32  # plain arrays follow the layer


def test_a_replay_is_a_fresh_recording(rng):
    lstm, x = nn.LSTM(3, 4, seed=0), rng.standard_normal((6, 2, 3))
    tape = Tape((lstm(x)[0] ** 2).sum())
    for p in lstm.parameters():
        p.data = p.data + 0.1
    tape.forward()
    tape.backward()
    replayed = [p.grad for p in lstm.parameters()]
    lstm.zero_grad()
    (lstm(x)[0] ** 2).sum().backward()
    for p, g in zip(lstm.parameters(), replayed):
        np.testing.assert_array_equal(p.grad, g)


def test_dropout_stands_between_layers_and_only_in_training(rng):
    x = rng.standard_normal((4, 2, 3))
    single, double = (nn.GRU(3, 4, n, dropout=0.9, seed=0) for n in (1, 2))
    assert (single(x)[0].data == single(x)[0].data).all()
    assert not (double(x)[0].data == double(x)[0].data).all()
    double.eval()
    assert (double(x)[0].data == double(x)[0].data).all()


def test_seeds_names_and_initial_weights():
    a, b, c = nn.LSTM(3, 16, 2, seed=0), nn.LSTM(3, 16, 2, seed=0), nn.LSTM(3, 16, 2, seed=1)
    for p, q, r in zip(a.parameters(), b.parameters(), c.parameters()):
        assert (p.data == q.data).all()
        if "weight" in p.name:
            assert (p.data != r.data).all()
            assert 0.2 < abs(p.data).max() <= 0.25
            assert len(np.unique(p.data)) == p.size
        else:
            assert not p.data.any()
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert [p.name for p in a.parameters()] == [f"cells.{k}.{name}" for k in (0, 1) for name in names]
    assert [p.shape for p in a.parameters()] == [
        (3, 64),
        (16, 64),
        (64,),
        (64,),
        (16, 64),
        (16, 64),
        (64,),
        (64,),
    ]


def test_each_step_and_each_gate_is_a_scope():
    output, _ = nn.LSTM(1, 1, seed=0)(np.ones((2, 1)))
    scopes = {node.scope for node in Tape(output).nodes if node.op is not None}
    assert ("LSTM(1 -> 1)", "cells.0, t = 1", "forget gate") in scopes
    with no_grad():
        assert not nn.LSTM(1, 1)(np.ones((2, 1)))[0].requires_grad


def test_what_does_not_fit_is_said():
    lstm, cell = nn.LSTM(3, 4), nn.RNNCell(3, 4)
    with pytest.raises(
        ShapeError, match=r"takes sequences of 3 numbers an item, \(length, batch, 3\) or \(length, 3\)"
    ):
        lstm(np.ones((5, 2, 4)))
    with pytest.raises(ShapeError, match="given a Tensor of shape .0, 2, 3."):
        lstm(np.ones((0, 2, 3)))
    with pytest.raises(KindError, match=r"the state of LSTM\(3 -> 4\) is a pair \(h, c\)"):
        lstm(np.ones((5, 2, 3)), np.ones((1, 2, 4)))
    with pytest.raises(ShapeError, match=r"a state of LSTM\(3 -> 4\) has shape \(1, 2, 4\) for this input"):
        lstm(np.ones((5, 2, 3)), (np.ones((2, 4)), np.ones((2, 4))))
    with pytest.raises(
        ShapeError, match=r"takes one item of a sequence, \(batch, 3\) or \(3,\).* are for RNN$"
    ):
        cell(np.ones((5, 2, 3)))
    with pytest.raises(RangeError, match="'tanh' or 'relu'; given 'sigmoid'"):
        nn.RNN(3, 4, nonlinearity="sigmoid")
    with pytest.raises(RangeError, match="num_layers is 1 or more; given 0"):
        nn.GRU(3, 4, 0)
    with pytest.raises(ShapeError, match="one for each sequence of a batch, here of shape .2,."):
        lstm(np.ones((5, 2, 3)), lengths=[5, 2, 1])
    with pytest.raises(RangeError, match=r"are 1 to 5; given \[6, 2\]"):
        lstm(np.ones((5, 2, 3)), lengths=[6, 2])
    with pytest.raises(ShapeError, match="lengths are whole numbers"):
        lstm(np.ones((5, 2, 3)), lengths=[2.0, 2.0])
