"""Replays of tensor graphs: the same bits as recording anew, for every row, for random graphs, over training."""

from __future__ import annotations

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    NonfiniteError,
    RangeError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    conv,
    detect_nonfinite,
    log_softmax,
    max_pool,
    relu,
    sqrt,
    structural,
    tanh,
    where,
)
from chainrule.autograd.replay.compiling import REPEATED
from chainrule.autograd.replay.tensor_replay import TensorReplay, redrawn
from chainrule.nn import cross_entropy
from chainrule.nn.optim import SGD, Adam


def same_bits(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes(), f"{a} is not {b}"


def check(record: Callable[..., Tensor], *starts: Any, rounds: int = 3, move: float = 0.05) -> TensorReplay:
    """Replay with leaves that change, in place and by assignment, next to recording anew: value and gradients."""
    rng = np.random.default_rng(3)
    leaves = [Tensor(x) for x in starts]
    y = record(*leaves)
    upstream = None if y.size == 1 else np.asarray(rng.normal(size=y.shape), y.dtype)
    replay = TensorReplay(Tape(y))
    for k in range(rounds):
        for x in leaves:
            if x.dtype.kind == "f":
                change = np.asarray(rng.uniform(-move, move, x.shape) * (x.data != np.round(x.data)), x.dtype)
                if k % 2:
                    x.data[...] += change
                else:
                    x.data = x.data + change
        fresh = [Tensor(x.data) for x in leaves]
        z = record(*fresh)
        same_bits(replay.forward(), z.data)
        for x in (*leaves, *fresh):
            x.zero_grad()
        replay.backward(upstream)
        if z.requires_grad:
            z.backward(upstream)
        for x, f in zip(leaves, fresh):
            if f.grad is None:
                assert x.grad is None
            else:
                same_bits(x.grad, f.grad)
    return replay


# ---------------------------------------------------------------------- every row


def replayed(case: Case, dtype: type) -> None:
    params = {**case.params, "dtype": np.dtype(dtype)} if case.row == "astype" else case.params
    starts = [np.asarray(x, dtype) for x in case.inputs]
    check(lambda *xs: TABLE[case.row](*xs, **params), *starts)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row(case: Case, dtype: type) -> None:
    replayed(case, dtype)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row_whose_rules_cannot_be_traced(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def through(self: Any, function: Any, args: Any, kwargs: Any) -> Any:
        return self.call(function, *args, **kwargs)

    monkeypatch.setattr("chainrule.autograd.replay.tracing.Trace.through", through)
    replayed(case, np.float64)


def test_rules_are_traced() -> None:
    whole = set()
    for case in CASES:
        x = [Tensor(x) for x in case.inputs]
        y = TABLE[case.row](*x, **case.params)
        replay = TensorReplay(Tape(y.sum()))
        replay.forward()
        rules = TABLE[case.row].rules
        if not callable(rules) and not replay.program.functions.isdisjoint(rules):
            whole.add(case.row)
    assert not whole


# ---------------------------------------------------------------------- whole graphs


@pytest.mark.parametrize("name", random_graphs.OPERATIONS)
def test_each_operation_in_a_random_graph(name: str) -> None:
    rng = np.random.default_rng(1)
    program = [(name, 0, 1), ("multiply", 0, 1), (name, 0, 2)]
    starts = rng.normal(size=(2, 3, 3))
    move = 0.0 if name == "where" else 0.05  # its condition is a plain array, made once
    check(lambda x, y: random_graphs.run(program, ag, x, y), *starts, rounds=2, move=move)


@given(random_graphs.programs, st.sampled_from([np.float64, np.float32]))
@settings(max_examples=25)
def test_random_graphs(program: random_graphs.Program, dtype: type) -> None:
    starts = np.random.default_rng(4).normal(size=(2, 3, 3)).astype(dtype)
    check(lambda x, y: random_graphs.run([op for op in program if op[0] != "where"], ag, x, y), *starts)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_operation_in_one_graph(dtype: type) -> None:
    rng = np.random.default_rng(2)
    starts = [rng.normal(size=(3, 3)).astype(dtype) for _ in range(2)]
    check(lambda x, y: random_graphs.run(random_graphs.LONG, ag, x, y), *starts)


def mlp(x: Any, y: Any, *weights: Any, activation: Any = relu) -> Any:
    h = x
    for k in range(0, len(weights), 2):
        h = h @ weights[k] + weights[k + 1]
        h = activation(h) if k + 2 < len(weights) else h
    return cross_entropy(h, y)


def convolutional(x: Any, y: Any, kernel: Any, bias: Any, w: Any) -> Any:
    h = max_pool(relu(conv(x, kernel, padding=1) + bias.reshape(1, -1, 1, 1)), 2)
    return -(log_softmax(h.reshape(len(x), -1) @ w)[np.arange(len(y)), y]).mean()


def attention(x: Any, y: Any, q: Any, k: Any) -> Any:
    scores = (x @ q) @ (x @ k).T / 2.0
    weights = ag.softmax(scores)
    h = (weights @ x - x.mean(axis=0)) / (x.std(axis=0) + 1e-3)
    return (h[:, y[:2]] ** 2).sum() + ag.norm(h) + h.max(axis=1).sum() + (ag.concatenate([h, x]) ** 3).mean()


GRAPHS: dict[str, tuple[Any, list[tuple[int, ...]], tuple[int, ...]]] = {
    "relu": (mlp, [(2, 8), (8,), (8, 3), (3,)], (20, 2)),
    "tanh": (lambda *a: mlp(*a, activation=tanh), [(2, 8), (8,), (8, 8), (8,), (8, 2), (2,)], (11, 2)),
    "gelu": (lambda *a: mlp(*a, activation=ag.gelu), [(2, 4), (4,), (4, 2), (2,)], (11, 2)),
    "convolution": (convolutional, [(3, 1, 3, 3), (3,), (27, 4)], (5, 1, 6, 6)),
    "attention": (attention, [(4, 4), (4, 4)], (5, 4)),
}  # fmt: skip


@pytest.mark.parametrize("optimiser", [SGD, Adam])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", GRAPHS)
def test_a_hundred_steps_of_training(name: str, dtype: type, optimiser: Any) -> None:
    record, shapes, batch = GRAPHS[name]
    rng = np.random.default_rng(5)
    starts = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    mine, theirs = [Tensor(w) for w in starts], [Tensor(w) for w in starts]
    x = Tensor(np.zeros(batch, dtype), name="x", requires_grad=name == "attention")
    y = Tensor(np.zeros(batch[0], int), name="y") if name != "attention" and name != "convolution" else None
    fixed = rng.integers(0, 2, batch[0])
    replay = TensorReplay(Tape(record(x, fixed if y is None else y, *mine)))
    one, other = optimiser(mine, lr=0.01), optimiser(theirs, lr=0.01)
    for _ in range(100):
        data = rng.normal(size=batch).astype(dtype)
        targets = rng.integers(0, 2, batch[0])
        value = replay.forward(x=data) if y is None else replay.forward(x=data, y=targets)
        one.zero_grad()
        replay.backward()
        one.step()
        loss = record(Tensor(data, requires_grad=False), fixed if y is None else targets, *theirs)
        other.zero_grad()
        loss.backward()
        other.step()
        same_bits(value, loss.data)
    for p, q in zip(mine, theirs):
        same_bits(p.grad, q.grad)
        same_bits(p.data, q.data)


# ---------------------------------------------------------------------- bookkeeping


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


# ---------------------------------------------------------------------- integers, constants and both kinds of nodes


def replayed_gradients(tape: Tape, *leaves: Tensor) -> list[Any]:
    for leaf in leaves:
        leaf.zero_grad()
    tape.backward()
    return [leaf.grad for leaf in leaves]


def test_an_index_is_replayed_with_other_integers() -> None:
    C, x = Tensor(np.arange(6.0).reshape(3, 2)), Tensor([0, 2], name="x")
    u = np.array([1.0, 10.0])
    for pick in (
        lambda x: C[x],
        lambda x: C[x.reshape(2, 1)[:, 0]],
        lambda x: C[x + 1 - 1],
        lambda x: C[(x, slice(None))],
        lambda x: ag.take(C, x, 0),
        lambda x: ag.take_along_axis(C, ag.reshape(x, (2, 1)) * np.ones((1, 2), int), 0),
    ):
        x.data = [0, 2]
        tape = Tape((pick(x) * u).sum())
        assert tape.forward() == 0 + 10 + 4 + 50
        assert tape.forward(x=np.array([1, 1])) == 2 * (2 + 30)
        (found,) = replayed_gradients(tape, C)
        assert found.tolist() == [[0, 0], [2, 20], [0, 0]]
        assert tape.forward(x=[-1, 0]) == 4 + 50 + 0 + 10
        with pytest.raises(ShapeError, match="index"):
            tape.forward(x=[0, 3])


def test_elements_are_set_and_added_at_other_integers() -> None:
    t, v, i = Tensor([1.0, 2.0, 3.0]), Tensor([10.0, 20.0]), Tensor([0, 1], name="i")
    for change, expected in (("set", [1, 20, 10]), ("add", [1, 22, 13]), ("multiply", [1, 40, 30])):
        i.data = [0, 1]
        tape = Tape(getattr(t.at[i], change)(v))
        assert tape.forward(i=[2, 1]).tolist() == expected
        t.zero_grad()
        v.zero_grad()
        tape.backward(np.array([1.0, 2.0, 3.0]))
        fresh_t, fresh_v = Tensor([1.0, 2.0, 3.0]), Tensor([10.0, 20.0])
        getattr(fresh_t.at[[2, 1]], change)(fresh_v).backward(np.array([1.0, 2.0, 3.0]))
        assert (t.grad.tolist(), v.grad.tolist()) == (fresh_t.grad.tolist(), fresh_v.grad.tolist())


def test_integers_have_no_gradient_and_derivatives_of_higher_order_pass_them() -> None:
    x = Tensor([0, 2, 0])
    hessian = ag.hessian(lambda c: (c[x] ** 2).sum())(np.array([1.0, 2.0, 3.0]))
    assert hessian.tolist() == [[4, 0, 0], [0, 0, 0], [0, 0, 2]]
    value, tangent = ag.jvp(lambda c: (c[x] ** 2).sum(), np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 0.0]))
    assert (value, tangent) == (11.0, 4.0)
    y = Tensor([1.0, 2.0, 3.0])[x]
    assert [node.requires_grad for node in y.inputs] == [True, False]


@pytest.mark.parametrize(
    "make", [Value, lambda x, **options: Tensor([x], **options)], ids=["Value", "Tensor"]
)
def test_a_constant_that_an_unrecorded_result_depends_on_is_not_replayed(make: Any) -> None:
    w, x = make(2.0), make(3.0, name="x", requires_grad=False)
    y = w * (x * 2.0) + w * x
    tape = Tape(y)
    for run in (lambda: tape.forward(x=5.0 if make is Value else [5.0]), lambda: assigned(x, tape)):
        with pytest.raises(GradientError, match="constants alone is not recorded"):
            run()
    x.data = 3.0 if make is Value else [3.0]


@pytest.mark.parametrize("way", [lambda x: x, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
@pytest.mark.parametrize(
    "make", [Value, lambda x, **options: Tensor([x], **options)], ids=["Value", "Tensor"]
)
def test_a_thawed_constant_that_an_unrecorded_result_depends_on_is_not_replayed(make: Any, way: Any) -> None:
    """The gradient of the loss with respect to it would lack the part that was not recorded."""
    w, x = make(2.0), make(3.0, requires_grad=False)
    y = w * (x * 2.0) + w * x
    x.requires_grad = True
    tape = Tape(way(y))
    for _ in range(2):
        with pytest.raises(GradientError, match="was a constant, and what is computed from constants alone"):
            tape.forward()
        x.data = 3.0 if make is Value else [3.0]
    complete = Tape(way(w * (x * 2.0) + w * x))
    complete.forward()


def assigned(x: Any, tape: Tape) -> Any:
    x.data = 5.0 if isinstance(x, Value) else [5.0]
    return tape.forward()


def test_a_tape_of_both_kinds_of_nodes_says_so_and_leaves_them_alone() -> None:
    v, t = Value(2.0), Tensor([1.0])
    y, z = v * v, t * 2.0
    for outputs in ([y, z], [z, y]):
        with pytest.raises(KindError, match="for Values, or for Tensors"):
            Tape(outputs).forward()
    assert (y.data, v.data, z.data) == (4.0, 2.0, 2.0)


def test_a_gradient_that_is_an_array_of_the_forward_pass() -> None:
    x = Tensor(1.0)
    tape = Tape(ag.exp(x))
    for number in (1.0, 2.0):
        x.data = number
        assert tape.forward() == np.exp(number)
        assert replayed_gradients(tape, x) == [np.exp(number)]


@pytest.mark.parametrize("shapes", [[(0, 3)], [(0,), (0, 2)], [(0, 3), (3,)], [(3,), (0, 3)]])
def test_gradients_of_empty_arrays(shapes: Any) -> None:
    leaves = [Tensor(np.ones(shape)) for shape in shapes]
    tape = Tape(sum((x * 2.0).sum() for x in leaves))
    for _ in range(2):
        assert tape.forward() == 2.0 * sum(x.size for x in leaves)
        for g, shape in zip(replayed_gradients(tape, *leaves), shapes, strict=True):
            np.testing.assert_array_equal(g, np.full(shape, 2.0))


def test_the_traceback_of_a_replay_shows_the_line_that_failed() -> None:
    x = Tensor([1.0, 2.0], name="x")
    tape = Tape((ag.log(x) * x).sum())
    tape.forward(x=[1.0, 2.0])
    tape.forward(x=[1.0, 3.0])
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError) as caught:
        tape.forward(x=[0.0, 1.0])
    last = traceback.extract_tb(caught.tb)[-1]
    assert last.line is not None
    assert "log" in last.line


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", [0.0, -0.0, 1.0])
def test_numpy_repeats_a_number_as_compiled_replays_do(dtype: Any, number: float) -> None:
    """A replay may write an array in the place of a number; the two have to agree down to the signs of zeros."""
    x = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan] * 9, dtype)
    for ufunc in REPEATED:
        assert ufunc(x, dtype(number)).tobytes() == ufunc(x, np.full(x.shape, number, dtype)).tobytes()
