"""What replays of Tensors do with arrays: whose memory they are in, and what is read, shared and released."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tensor_replays import check, same_bits

from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    NonfiniteError,
    RangeError,
    ShapeError,
    Tape,
    Tensor,
    checkpoint,
    detect_nonfinite,
    sqrt,
    structural,
    tanh,
    where,
)
from chainrule.autograd.replay.tensor_replay import TensorReplay, redrawn
from chainrule.nn import cross_entropy


def test_leaves_accumulate_and_kept_gradients_keep_their_values() -> None:
    w = Tensor([1.0, 2.0])
    replay = TensorReplay(Tape((w * w).sum()))
    replay.forward()
    replay.backward()
    first = w.grad
    view = first[1:]
    replay.backward()
    np.testing.assert_array_equal(w.grad, [4.0, 8.0])
    np.testing.assert_array_equal(first, [2.0, 4.0])
    w.zero_grad()
    assert w.grad is None
    w.data = [5.0, 6.0]
    replay.forward()
    replay.backward()
    np.testing.assert_array_equal(w.grad, [10.0, 12.0])
    np.testing.assert_array_equal(first, [2.0, 4.0])
    del first
    w.zero_grad()
    replay.backward()
    np.testing.assert_array_equal(view, [4.0])


def test_gradients_share_no_memory() -> None:
    a, b = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    replay = TensorReplay(Tape(a + b))
    replay.forward()
    replay.backward([1.0, 1.0])
    kept = a.grad, b.grad
    assert not np.shares_memory(*kept)
    replay.backward([5.0, 5.0])
    np.testing.assert_array_equal(kept, np.ones((2, 2)))


@pytest.mark.parametrize("sizes", [(3, 2, 4), (3, 40_000, 2, 30_000)])
@pytest.mark.parametrize("keep", [lambda g: g, lambda g: g[1:], lambda g: g.reshape(1, -1).T, memoryview])
def test_a_gradient_is_kept_by_what_refers_to_it_or_to_a_view_of_it(
    keep: Callable[[Any], Any], sizes: tuple[int, ...]
) -> None:
    """Small gradients of a replay have their memory together: one that is kept has to keep all of it."""
    rng = np.random.default_rng(0)
    leaves = [Tensor(rng.normal(size=n), dtype=d) for n in sizes for d in (np.float64, np.float32)]
    tape = Tape(sum((x * x).sum() for x in leaves))
    for kept in leaves:
        tape.forward()
        tape.backward()
        mine = keep(kept.grad)
        before = np.array(mine)
        for _ in range(2):
            for x in leaves:
                x.zero_grad()
                x.data += 1
            tape.forward()
            tape.backward()
            for x in leaves:
                np.testing.assert_array_equal(x.grad, 2 * x.data)
        np.testing.assert_array_equal(mine, before)
        del mine


def test_the_value_returned_is_the_users() -> None:
    w = Tensor([1.0, 2.0])
    y = w.exp().sum()
    replay = TensorReplay(Tape(y))
    first = replay.forward()
    w.data[...] = 0
    assert replay.forward() == 2.0
    assert first == np.exp([1.0, 2.0]).sum()
    assert y.data == 2.0


def test_arrays_that_were_assigned_are_not_written_to() -> None:
    w = Tensor([1.0, 2.0])
    old = w.data
    replay = TensorReplay(Tape((w * 3).sum()))
    replay.forward()
    w.data = mine = np.array([5.0, 7.0])
    assert replay.forward() == 36.0
    w.data[0] = 6.0  # in place
    assert replay.forward() == 39.0
    w.data = [0.0, 0.0]
    assert replay.forward() == 0.0
    np.testing.assert_array_equal(old, [1.0, 2.0])
    np.testing.assert_array_equal(mine, [5.0, 7.0])


def test_the_layout_of_what_is_assigned_counts() -> None:
    rng = np.random.default_rng(0)
    w = Tensor(rng.normal(size=(7, 5)))
    m = rng.normal(size=(6, 7))
    replay = TensorReplay(Tape((m @ w).exp().sum()))
    for data in (rng.normal(size=(7, 5)), rng.normal(size=(5, 7)).T, rng.normal(size=(14, 10))[::2, ::-2]):
        w.data = data
        fresh = Tensor(0 * data)
        fresh.data = data
        loss = (m @ fresh).exp().sum()
        same_bits(replay.forward(), loss.data)
        w.zero_grad()
        replay.backward()
        loss.backward()
        same_bits(w.grad, fresh.grad)


def test_after_a_replay_the_graph_is_that_of_the_new_numbers() -> None:
    w = Tensor([0.5, 2.0])
    h = w.exp()
    y = (h * h).sum()
    outside = h * 3
    tape = Tape(y)
    replay = TensorReplay(tape)
    w.data = [1.0, 3.0]
    with pytest.raises(GradientError, match="assigned new .data"):
        replay.backward()
    replay.forward()
    same_bits(h.data, np.exp([1.0, 3.0]))
    y.backward()  # consistent again
    np.testing.assert_allclose(w.grad, 2 * np.exp([2.0, 6.0]))
    assert [step.value for step in tape.steps() if step.kind == "forward"][-1] == y.data
    assert h.grad is not None
    w.zero_grad()
    replay.backward()
    np.testing.assert_allclose(w.grad, 2 * np.exp([2.0, 6.0]))
    with pytest.raises(GradientError, match="assigned new .data"):
        outside.sum().backward()  # computed from the old numbers of h
    w.data = [0.0, 0.0]
    with pytest.raises(GradientError, match="changed after the latest forward"):
        replay.backward()
    with pytest.raises(GradientError, match="assigned new .data"):
        y.backward()


def test_gradients_of_computed_nodes_are_none_after_a_replay() -> None:
    w = Tensor([0.5, 2.0])
    h = w.exp()
    y = h.sum()
    y.backward()
    assert h.grad is not None
    replay = TensorReplay(Tape(y))
    replay.forward()
    assert h.grad is None


def test_two_tapes_share_nodes() -> None:
    w = Tensor([0.5, 2.0])
    h = w.exp()
    y = (h * h).sum()
    one, two = TensorReplay(Tape(h)), TensorReplay(Tape(y))
    two.forward()
    one.forward()
    w.data[...] = 1.0
    one.forward()
    same_bits(h.data, np.exp([1.0, 1.0]))
    w.data[...] = 2.0
    two.forward()
    same_bits(h.data, np.exp([2.0, 2.0]))


def test_zero_times_infinity_is_zero() -> None:
    x = Tensor([1.0, 4.0])
    replay = TensorReplay(Tape((where(np.array([False, True]), sqrt(x), 0.0)).sum()))
    replay.forward()
    x.data[0] = 0.0
    replay.forward()
    replay.backward()
    np.testing.assert_array_equal(x.grad, [0.0, 0.25])
    x.data[1] = np.nan
    replay.forward()
    x.zero_grad()
    replay.backward()
    assert np.isnan(x.grad[1])


def test_hooks_and_watches_see_replays() -> None:
    x = Tensor([1.0, 4.0])
    h = sqrt(x)
    replay = TensorReplay(Tape(h.sum()))
    replay.forward()
    handle = h.register_hook(lambda g: 8 * g)
    replay.backward()
    np.testing.assert_array_equal(x.grad, [4.0, 2.0])
    handle.remove()
    x.data[0] = -1.0
    with (
        detect_nonfinite(),
        np.errstate(invalid="ignore"),
        pytest.raises(NonfiniteError, match="sqrt gave nan"),
    ):
        replay.forward()


def test_random_numbers_are_drawn_again() -> None:
    def dropout(x: Any, rng: np.random.Generator) -> Any:
        return x * redrawn(lambda: (rng.random(x.shape) >= 0.5) / 0.5)

    one, two = np.random.default_rng(4), np.random.default_rng(4)
    x = Tensor(np.ones(8))
    replay = TensorReplay(Tape(dropout(dropout(x, one), one).sum()))
    dropout(dropout(x, two), two)
    values = set()
    for _ in range(5):
        y = dropout(dropout(x, two), two).sum()
        same_bits(replay.forward(), y.data)
        values.add(float(y))
    assert len(values) > 1


def test_a_copy_keeps_the_numbers_that_were_drawn() -> None:
    rng = np.random.default_rng(5)
    y = Tensor(np.ones(8)) * redrawn(lambda: rng.random(8))
    copies = [copy.deepcopy(y), pickle.loads(pickle.dumps(y))]  # noqa: S301 (our own pickle)
    for twin in copies:
        same_bits(Tape(twin).forward(), y.data)
    assert not np.array_equal(Tape(y).forward(), copies[0].data)


def test_a_batch_sums_into_shared_leaves() -> None:
    rng = np.random.default_rng(0)
    w, b = Tensor(rng.normal(size=(3, 2))), Tensor(rng.normal(size=2))
    x = Tensor(np.zeros(3), name="x")
    y = Tensor(0, name="y")
    batch, targets = rng.normal(size=(6, 3)), rng.integers(0, 2, 6)
    replay = TensorReplay(Tape(cross_entropy(tanh(x @ w + b), y)))
    losses = replay.forward(x=batch, y=targets)
    own = replay.backward()
    total = 0
    for i in range(6):
        sample = Tensor(batch[i])
        v, c = Tensor(w.data), Tensor(b.data)
        loss = cross_entropy(tanh(sample @ v + c), targets[i])
        same_bits(losses[i], loss.data)
        loss.backward()
        same_bits(own["x"][i], sample.grad)
        total = total + v.grad
    same_bits(w.grad, total)
    w.zero_grad()
    replay.backward(1 / 6)
    np.testing.assert_allclose(w.grad, total / 6, rtol=1e-12)
    replay.backward(np.zeros(6))
    np.testing.assert_allclose(w.grad, total / 6, rtol=1e-12)
    with pytest.raises(ShapeError, match="batch of 6"):
        replay.backward(np.zeros(5))
    assert x.grad is None
    np.testing.assert_array_equal(x.data, np.zeros(3))
    assert replay.forward(x=batch[:0], y=targets[:0]).shape == (0,)
    whole = replay.forward(x=batch[0], y=1)
    assert whole.shape == ()


def test_several_outputs() -> None:
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    both = TensorReplay(Tape([x * w, (x + w).sum()]))
    w.data = [5.0, 7.0]
    y, z = both.forward()
    np.testing.assert_array_equal(y, [5, 14])
    assert z == 15
    both.backward([[1.0, 10.0], 2.0])
    np.testing.assert_array_equal(x.grad, [7.0, 72.0])
    with pytest.raises(GradientError, match="list with the gradient at each"):
        both.backward()


def test_a_gradient_may_be_given() -> None:
    x = Tensor(3.0)
    replay = TensorReplay(Tape(x * x))
    replay.backward(10)  # of what was recorded
    assert x.grad == 60
    replay.forward()
    for gradient, total in ((None, 66), (2.0, 78), (None, 84), (Tensor(1.0), 90)):
        replay.backward(gradient)
        assert x.grad == total
    with pytest.raises(ShapeError, match="has to have its shape"):
        replay.backward([1.0, 2.0])


def test_lessons() -> None:
    x, w = Tensor(np.zeros(3), name="x"), Tensor(np.ones(3), name="w")
    replay = TensorReplay(Tape(x * w))
    with pytest.raises(KindError, match="no leaf of this tape is named 'z'.*w, x"):
        replay.forward(z=1)
    with pytest.raises(ShapeError, match="one more axis in front"):
        replay.forward(x=np.zeros(4))
    with pytest.raises(ShapeError, match="5 of x, 4 of w"):
        replay.forward(x=np.zeros((5, 3)), w=np.zeros((4, 3)))
    for wrong in ("abc", [[1, 2, 3], [1]], None):
        with pytest.raises(KindError, match="takes numbers"):
            replay.forward(x=wrong)
    replay.forward()
    with pytest.raises(ShapeError, match="only a single number"):
        replay.backward()
    with pytest.raises(ShapeError, match="keeps its shape"):
        w.data = np.zeros(2)
    with pytest.raises(GradientError, match="checkpoint runs Python"):
        TensorReplay(Tape(checkpoint(tanh, w)))


def test_what_was_computed_from_a_constant_alone_is_not_replayed() -> None:
    x, w = Tensor(np.ones(3), name="x", requires_grad=False), Tensor(np.ones(3))
    replay = TensorReplay(Tape((x / 2 * w).sum()))  # x / 2 is a constant
    with pytest.raises(KindError, match="no leaf of .* named 'x'.*constants alone is not recorded"):
        replay.forward(x=np.ones(3))
    replay = TensorReplay(Tape((x / 2 * w + x).sum()))
    assert replay.forward() == 4.5
    with pytest.raises(GradientError, match="requires_grad=True"):
        replay.forward(x=np.zeros(3))


def test_an_error_in_a_replay_names_the_operation() -> None:
    logits, y = Tensor(np.zeros((4, 2))), Tensor(np.zeros(4, int), name="y")
    replay = TensorReplay(Tape(cross_entropy(logits, y)))
    replay.forward()
    with pytest.raises(RangeError, match="cross_entropy"):
        replay.forward(y=[0, 1, 2, 0])


def test_a_rule_that_branches_on_numbers_is_called_as_it_is() -> None:
    def back(g: Any, y: Any, x: Any) -> Any:
        return g * 2 if x.sum() > 0 else g * 3

    row = structural("branching", lambda x: 2 * x if x.sum() > 0 else 3 * x, [back])
    try:
        x = Tensor([1.0, 2.0], name="x")
        tape = Tape(row(x).sum())
        assert tape.forward(x=[-1.0, -2.0]) == -9
        tape.backward()
        np.testing.assert_array_equal(x.grad, [3.0, 3.0])
        assert tape.forward(x=[1.0, -0.5]) == 1
    finally:
        del TABLE["branching"]


@pytest.mark.parametrize("n", [2, 3])
def test_a_reduction_by_a_ufunc_is_over_the_axes_that_numpy_takes(n: int) -> None:
    """By default that is the first axis, unlike in `np.sum`."""

    def forward(x: Any) -> Any:
        return np.add.reduce(x) + np.maximum.reduce(x, axis=-1) * np.fmin.reduce(x, (0, 1), keepdims=True)

    row = structural("reducing", forward, [lambda g, y, x: g * x])
    try:
        replay = check(row, np.random.default_rng(0).normal(size=(n, n)))
        assert forward not in replay.program.functions  # it was traced
    finally:
        del TABLE["reducing"]
