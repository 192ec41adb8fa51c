"""Replays of tensor graphs: the same bits as recording anew, for every row and for random graphs."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import numpy as np
import pytest
import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from table_cases import CASES, Case
from tensor_replays import check, same_bits

import chainrule.autograd as ag
from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    conv,
    log_softmax,
    max_pool,
    relu,
    tanh,
)
from chainrule.autograd.replay.compiling import REPEATED
from chainrule.autograd.replay.tensor_replay import TensorReplay
from chainrule.nn import cross_entropy
from chainrule.nn.optim import SGD, Adam

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
