"""Replays of scalar tapes: what `forward()` and `backward()` give is what recording anew would give."""

from __future__ import annotations

import copy
import functools
import gc
import itertools
import linecache
import math
import operator
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from table_cases import ELEMENTWISE, Case

from chainrule import nn
from chainrule.autograd import (
    TABLE,
    GradientError,
    KindError,
    NonfiniteError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    checkpoint,
    detect_nonfinite,
    dot,
    elementwise,
    exp,
    log,
    maximum,
    sin,
    sqrt,
    tanh,
    total,
    where,
)
from chainrule.nn import scalar

Function = Callable[..., Any]


def numbers(root: Any) -> list[Any]:
    """Everything that a graph holds, node by node."""
    nodes: list[Any] = Tape(root).nodes
    return [[x.data for x in nodes], [x.grad for x in nodes], *zip(*(x.local_gradients() for x in nodes))]


def assert_same(found: Any, expected: Any, scale: float = 0.0) -> None:
    """Equal to 1e-12, relative to each number, or to `scale` where numbers come from sums that cancel."""
    for a, b in itertools.zip_longest(found, expected):
        a, b = (np.array(x, dtype=float) for x in (a, b))  # None becomes nan
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * scale)


def assert_replays(f: Function, recorded_at: Any, replayed_at: Any) -> Tape:
    """That a graph recorded with some numbers and replayed with others is as if recorded with those others."""
    leaves, fresh = [[Value(float(x)) for x in at] for at in (recorded_at, replayed_at)]
    tape, expected = Tape(f(*leaves)), f(*fresh)
    for leaf, x in zip(leaves, replayed_at, strict=True):
        leaf.data = float(x)
    assert tape.forward() == pytest.approx(expected.data, rel=1e-12, nan_ok=True)
    tape.backward()
    expected.backward()
    assert_same(numbers(tape.outputs), numbers(expected))
    return tape


# ---------------------------------------------------------------------- training


@pytest.mark.parametrize(
    ("optimizer", "compound", "activation"),
    [(nn.SGD, False, "relu"), (nn.Adam, False, "tanh"), (nn.SGD, True, "tanh"), (nn.Adam, True, "relu")],
)
def test_a_hundred_steps_give_what_a_hundred_recordings_give(
    optimizer: Any, compound: bool, activation: str
) -> None:
    X, labels = nn.datasets.moons(6, noise=0.1, seed=1)

    def loss_of(model: Any) -> Value:
        losses = [(1 + (1 - 2 * int(y)) * model(x)).relu() for x, y in zip(X.tolist(), labels)]
        return sum(losses) / len(losses) + 1e-3 * sum(p * p for p in model.parameters())

    fresh, replayed = (scalar.MLP(2, [5, 3, 1], activation, seed=0, compound=compound) for _ in range(2))
    steppers = [optimizer(model.parameters(), lr=0.05) for model in (fresh, replayed)]
    tape = Tape(loss_of(replayed))
    first = tape.outputs[0].data
    for step in range(100):
        for stepper in steppers:
            stepper.zero_grad()
        loss = loss_of(fresh)
        loss.backward()
        assert tape.forward() == pytest.approx(loss.data, rel=1e-12)
        tape.backward()
        found, expected = ([p.grad for p in model.parameters()] for model in (replayed, fresh))
        assert_same([found], [expected], scale=max(map(abs, expected)))
        if activation == "relu" and not compound:  # nothing but arithmetic, in the same order
            assert found == expected
        if step % 10 == 9:
            assert_same(numbers(tape.outputs), numbers(loss), scale=max(map(abs, expected)))
        for stepper in steppers:
            stepper.step()
    assert loss.data < 0.7 * first


def test_leaves_accumulate_and_nodes_between_do_not() -> None:
    x = Value(3.0)
    y = x * x
    tape = Tape(y * x)
    for expected in (27.0, 54.0):  # before any forward
        tape.backward()
        assert (x.grad, y.grad) == (expected, 3.0)
    x.data = 2.0
    assert tape.forward() == 8.0
    assert (x.grad, y.grad) == (54.0, 3.0)
    tape.backward()
    assert (x.grad, y.grad) == (66.0, 2.0)
    tape.backward(0.5)
    assert (x.grad, y.grad) == (72.0, 1.0)


@pytest.mark.parametrize("make", [Value, Tensor])
def test_backward_says_that_a_leaf_was_assigned_since_the_last_forward(make: Any) -> None:
    x = make(2.0, name="x")
    tape = Tape(x * x)
    x.data = 3.0
    with pytest.raises(GradientError, match="'?x'?.* was assigned new .data after multiply"):
        tape.backward()
    tape.forward()
    tape.outputs[0].backward()
    assert x.grad == 6.0
    x.data = 10.0
    with pytest.raises(GradientError, match="'?x'?.* was changed after the latest forward pass"):
        tape.backward()
    with pytest.raises(GradientError, match="'?x'?.* was assigned new .data after multiply"):
        tape.outputs[0].backward()
    assert x.grad == 6.0
    tape.forward()
    tape.backward()
    assert x.grad == 26.0


# ---------------------------------------------------------------------- every row

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 2.0, 3.0, 1e-320, 1e-200, 1e200, -1e200, 710.0, -750.0, math.pi)
SPECIAL = (*SPECIAL, -0.7, 1.1, math.inf, -math.inf, math.nan)


def scalar_params(case: Case) -> list[dict[str, Any]]:
    if case.row == "where":
        return [{"condition": True}, {"condition": False}]
    return [case.params]


@pytest.mark.parametrize("case", ELEMENTWISE, ids=str)
def test_every_row_at_ordinary_and_special_numbers(case: Case) -> None:
    row, n = TABLE[case.row], len(case.inputs)
    points = [tuple(map(float, at)) for at in zip(*(x.ravel() for x in case.inputs))]
    shifted = [
        SPECIAL[k:] for k in (0, 4, 9, 2)
    ]  # sums that do not cancel, which newer Pythons' sum() adds up better
    points += itertools.product(SPECIAL, repeat=n) if n < 3 else zip(*shifted[:n])
    for params in scalar_params(case):
        replayed, fresh = ([[Value(x) for x in at] for at in points] for _ in range(2))
        for at in replayed:
            for x in at:
                x.data = 0.9
        outputs = [row(*at, **params) for at in replayed]
        tape = Tape(outputs)
        for at, point in zip(replayed, points):
            for x, number in zip(at, point):
                x.data = number
        expected = [row(*at, **params) for at in fresh]
        found = tape.forward()
        for y in expected:
            y.backward(1.5)
        tape.backward([1.5] * len(points))
        assert_same([found], [[y.data for y in expected]])
        assert_same([[y.data for y in outputs]], [[y.data for y in expected]])
        for i in range(n):
            assert_same([[at[i].grad for at in replayed]], [[at[i].grad for at in fresh]])


def test_a_row_of_your_own() -> None:
    cube = elementwise("cube", lambda x: x**3, lambda x: x**3, [lambda y, x: 3 * x * x])
    try:
        assert_replays(lambda a, b: cube(a * b) + cube(a), (1, 2), (3, -1))
    finally:
        del TABLE["cube"]


# ---------------------------------------------------------------------- shapes of graphs


def partial_sums_shared(a: Any, b: Any) -> Any:
    s = a + b
    t = s + a * b
    return t * s + (t + b + a)


GRAPHS: dict[str, Function] = {
    "one input twice": lambda a, b: a * a + a / a + a**a + maximum(a, a) + (b + b),
    "a diamond": lambda a, b: (lambda c: tanh(c) * c + exp(c))(a * b),
    "a chain of additions": lambda a, b: sum([a * b, a, b, a, 2.0, b * b], start=Value(0.5)) * a,
    "a chain continued on the right": lambda a, b: b * (a + (b + (a * b + (a + 1.0)))),
    "two chains that meet": lambda a, b: ((a + b) + a * a) + ((b + 1.0) + a * b),
    "sums with several consumers": partial_sums_shared,
    "a difference of a sum": lambda a, b: (a + b + a) - (b + 1.0) - a * b,
    "total over chains": lambda a, b: total([a + b + a, b, a * b + 1.0, a]) * b,
    "total of one": lambda a, b: total([a]) * b,
    "dot": lambda a, b: (
        dot([a, b, a], [b, b, Value(3.0, requires_grad=False)]) + dot([a], [b]) * dot([b], [2.0])
    ),
    "dot of constants and a variable": lambda a, b: (
        a * b * dot([Value(2.0, requires_grad=False), a], [3.0, 1.0])
    ),
    "constants only here and there": lambda a, b: (1.0 - a) * 2.0 - (3.0 / b) ** 2,
    "thirty diamonds": lambda a, b: [a := a + a for _ in range(30)][-1] * b,
    "a long product": lambda a, b: [a := a * b for _ in range(200)][-1],
    "kinks taken elsewhere": lambda a, b: maximum(a, b) * (a - b).relu() + abs(a),
    "a leaf and a node": lambda a, b: +a,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_of_every_shape(name: str) -> None:
    assert_replays(GRAPHS[name], (1.5, -0.3), (0.7, 1.1))
    assert_replays(GRAPHS[name], (0.2, 0.9), (1.2, 0.4))


def test_sums_are_added_in_their_order() -> None:
    rng = np.random.default_rng(0)
    for n in (2, 9, 100):
        leaves = [Value(0.0) for _ in range(2 * n)]
        xs, ys = leaves[:n], leaves[n:]
        outputs = [sum(xs[1:], start=xs[0]) + sum(ys[1:], start=ys[0]), sum(xs) * sum(ys)]
        tape = Tape(outputs)
        for x in leaves:
            x.data = rng.normal() * 10 ** rng.uniform(-8, 8)
        left, right = (functools.reduce(operator.add, [x.data for x in half]) for half in (xs, ys))
        assert tape.forward() == [left + right, left * right]


def test_a_partial_sum_may_be_an_output() -> None:
    a, b, c = Value(1.0), Value(2.0), Value(3.0)
    s = a + b
    tape = Tape([s, s + c])
    a.data = 10.0
    assert tape.forward() == [12.0, 15.0]
    tape.backward([1.0, 10.0])
    assert (a.grad, b.grad, c.grad, s.grad) == (11.0, 11.0, 10.0, 11.0)


def test_nodes_of_one_row_with_different_options() -> None:
    def ours(*coefficients: float) -> Function:
        return lambda x: polynomial(x, coefficients=list(coefficients))  # a list cannot be hashed

    def value(x: Any, coefficients: list[float]) -> Any:
        return sum(c * x**k for k, c in enumerate(coefficients))

    def slope(y: Any, x: Any, coefficients: list[float]) -> Any:
        return sum(k * c * x ** (k - 1) for k, c in enumerate(coefficients) if k)

    polynomial = elementwise("polynomial", value, value, [slope])
    try:
        assert_replays(lambda a, b: ours(1.0, 2.0)(a) * ours(0.5, 0.0, 3.0)(b), (1, 2), (0.3, -1.2))
    finally:
        del TABLE["polynomial"]
    leaky, choose = TABLE["leaky_relu"], TABLE["where"]
    assert_replays(lambda a, b: leaky(a, slope=0.1) * leaky(b, slope=0.2), (1, 2), (-0.3, -1.2))
    assert_replays(
        lambda a, b: choose(a, b, condition=True) / choose(a, b, condition=False), (1, 2), (-0.3, -1.2)
    )


OPERATIONS: list[Function] = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: sin(a), lambda a, b: tanh(a) * 2.0,
    lambda a, b: a.relu() - b, lambda a, b: a / (2 + tanh(b)), lambda a, b: a + 0.5, lambda a, b: dot([a, b], [b, a]),
    lambda a, b: a + b, lambda a, b: total([a, b, a]), lambda a, b: maximum(a, b), lambda a, b: exp(-a * a),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs(seed: int) -> None:
    def program(*leaves: Any) -> Any:
        rng, nodes = np.random.default_rng(seed), list(leaves)
        for _ in range(60):
            i, j = rng.integers(len(nodes), size=2) if rng.random() < 0.5 else (-1, rng.integers(len(nodes)))
            nodes.append(tanh(OPERATIONS[rng.integers(len(OPERATIONS))](nodes[i], nodes[j])))
            if rng.random() < 0.3:
                nodes.append(nodes[-1] + nodes[i] + nodes[j])
        return total(nodes)

    rng = np.random.default_rng(100 + seed)
    leaves, at = [Value(x) for x in rng.normal(size=5)], rng.normal(size=5).tolist()
    tape = Tape(program(*leaves))
    for leaf, x in zip(leaves, at):
        leaf.data = x
    fresh = [Value(x) for x in at]
    expected = program(*fresh)
    assert tape.forward() == pytest.approx(expected.data, rel=1e-12)
    tape.backward()
    expected.backward()
    grads = [x.grad for x in Tape(expected).nodes if x.grad is not None]
    assert_same(numbers(tape.outputs), numbers(expected), scale=max(map(abs, grads)))
    assert_same([[x.grad for x in leaves]], [[x.grad for x in fresh]], scale=max(map(abs, grads)))


def test_a_long_chain_of_additions_takes_one_step_and_no_recursion() -> None:
    x = Value(1.0)
    y = x
    for _ in range(10_000):
        y = y + x
    tape = Tape(y)
    x.data = 2.0
    assert tape.forward() == 20_002.0
    tape.backward()
    assert x.grad == 10_001.0
    assert tape.nodes[5_000].data == 2.0 * 5_001
    assert tape.nodes[5_000].grad == 1.0


def test_several_outputs_leaves_and_repetitions_among_them() -> None:
    x, y = Value(2.0), Value(3.0)
    p, q = x * y, x + y
    tape = Tape([p, x, q, p])
    x.data = 5.0
    assert tape.forward() == [15.0, 5.0, 8.0, 15.0]
    tape.backward([1.0, 10.0, 100.0, 1000.0])
    assert (x.grad, y.grad) == (10 + 100 + 1001 * 3, 100 + 1001 * 5)
    assert (p.grad, q.grad) == (1001.0, 100.0)
    leaf = Tape(x)
    assert leaf.forward() == 5.0
    x.zero_grad()
    leaf.backward(3.0)
    assert x.grad == 3.0


def test_constants_and_leaves_without_a_gradient_are_read_anew() -> None:
    w, x = Value(2.0), Value(3.0, requires_grad=False)
    one = Value(1.0, requires_grad=False)
    tape = Tape(w * x + one)
    x.data, one.data = 5.0, 0.5
    assert tape.forward() == 10.5
    tape.backward()
    assert w.grad == 5.0
    assert x.grad is one.grad is None
    assert tape.labels == ["v1", "5", "0.5", "v2", "v3"]


# ---------------------------------------------------------------------- zero, infinity, NaN


def test_a_zero_gradient_stays_zero() -> None:
    tape = assert_replays(lambda x: where(False, sqrt(x), 0.0) + x, (1.0,), (0.0,))
    assert tape.leaves[0].grad == 1.0
    assert_replays(lambda x: sqrt(x * x) * 0.0, (1.0,), (0.0,))
    assert_replays(lambda x, y: 0.0 * log(x) * y, (1.0, 2.0), (0.0, 2.0))
    assert_replays(lambda x, y: log(x) * y, (1.0, 2.0), (0.0, 0.0))
    assert_replays(lambda x, y: x * y, (1.0, 2.0), (math.nan, 0.0))


def test_the_condition_of_where_is_part_of_the_record() -> None:
    a, b = Value(1.0), Value(2.0)
    tape = Tape(where(a > 0, a * b, b))
    a.data = -1.0
    assert tape.forward() == -2.0  # as an `if` would, it goes the recorded way


# ---------------------------------------------------------------------- batches


def model_of(w: Any, v: Any, x: Any, y: Any) -> Any:
    h = tanh(w * x + v)
    return (h * w + x - y) ** 2


def test_a_batch_is_a_loop_over_its_samples() -> None:
    rng = np.random.default_rng(0)
    xs, ys, gs = rng.normal(size=(3, 7))
    w, v, x = Value(0.5), Value(-0.2), Value(0.0, name="x")
    y = Value(0.0, name="y", requires_grad=False)
    tape = Tape(model_of(w, v, x, y))
    found = tape.forward(x=xs, y=ys)
    by_name = tape.backward(gs)
    assert (x.data, x.grad, y.data) == (0.0, None, 0.0)  # one number each: not the batch's
    assert list(by_name) == ["x"]
    w2, v2 = Value(0.5), Value(-0.2)
    losses, slopes = [], []
    for x_k, y_k, g in zip(xs, ys, gs):
        leaf = Value(x_k)
        loss = model_of(w2, v2, leaf, float(y_k))
        loss.backward(g)
        losses.append(loss.data)
        slopes.append(leaf.grad)
    assert_same([found, by_name["x"], [w.grad, v.grad]], [losses, slopes, [w2.grad, v2.grad]])
    # numbers beside arrays, more than one axis, and a gradient of one for each
    w.zero_grad()
    tape.forward(x=xs.reshape(7, 1), y=2.0)
    assert y.data == 2.0
    assert tape.backward()["x"].shape == (7, 1)
    fresh = Value(0.5)
    for x_k in xs:
        model_of(fresh, Value(-0.2), Value(x_k), 2.0).backward()
    assert w.grad == pytest.approx(fresh.grad, rel=1e-12)


def test_a_network_written_for_one_sample_trains_on_many() -> None:
    X, labels = nn.datasets.moons(40, noise=0.1, seed=0)
    signs = np.where(labels == 1, 1.0, -1.0)
    one, many = (scalar.MLP(2, [8, 1], "tanh", seed=0) for _ in range(2))
    sample = [Value(0.0, name=name, requires_grad=False) for name in ("x1", "x2", "sign")]
    tape = Tape((1 - sample[2] * one(sample[:2])).relu())
    eager = nn.SGD(many.parameters(), lr=0.5)
    replayed = nn.SGD(one.parameters(), lr=0.5)
    for _ in range(5):
        losses = tape.forward(x1=X[:, 0], x2=X[:, 1], sign=signs)
        replayed.zero_grad()
        assert tape.backward(1 / len(X)) is None
        replayed.step()
        loss = sum((1 - s * many(x)).relu() for x, s in zip(X.tolist(), signs.tolist())) / len(X)
        eager.zero_grad()
        loss.backward()
        eager.step()
        assert losses.mean() == pytest.approx(loss.data, rel=1e-12)
    assert_same([[p.data for p in one.parameters()]], [[p.data for p in many.parameters()]], scale=1.0)


def test_batches_of_one_of_none_and_of_constants() -> None:
    x = Value(1.0, name="x")
    y = x * x
    tape = Tape([y, Value(4.0), x])
    assert [a.tolist() for a in tape.forward(x=[3])] == [[9.0], [4.0], [3.0]]
    assert tape.backward([1.0, 1.0, 2.0]) == {"x": np.array([8.0])}
    assert [a.shape for a in tape.forward(x=np.empty(0))] == [(0,)] * 3
    assert tape.backward([1.0] * 3)["x"].shape == (0,)
    assert y.data == 1.0
    assert tape.forward() == [1.0, 4.0, 1.0]
    tape.backward([1.0] * 3)
    assert x.grad == 3.0


# ---------------------------------------------------------------------- what the nodes show


def replayed_example() -> tuple[Value, Value, Value, Tape]:
    x = Value(2.0, name="x")
    y = x * x
    z = exp(-y) + y
    tape = Tape(z)
    x.data = 1.0
    tape.forward()
    tape.backward()
    return x, y, z, tape


def test_every_way_of_looking_shows_the_new_numbers() -> None:
    x, y, _, _ = replayed_example()
    assert repr(y) == f"Value(1.0, grad={1 - math.exp(-1)!r})"
    _, y, _, _ = replayed_example()
    assert y.local_gradients() == y.locals == (1.0, 1.0)
    _, y, z, tape = replayed_example()
    assert [step.value for step in tape.steps() if step.kind == "forward"] == [1, -1, math.exp(-1), z.data]
    assert list(tape.steps())[-1].total == pytest.approx(2 - 2 * math.exp(-1))
    _, _, z, _ = replayed_example()
    from chainrule.viz import draw, step

    assert "0.3679" in draw(z).dot
    _, _, z, _ = replayed_example()
    assert "= exp(-1) = 0.3679" in str(step(z))
    x, y, z, tape = replayed_example()
    w = y * 3.0 + z  # eager code goes on from there
    w.backward()
    assert x.grad == pytest.approx((2 - 2 / math.e) + 6 + (2 - 2 / math.e))
    x, y, z, _ = replayed_example()
    z.backward()
    assert (y.grad, x.grad) == (1 - math.exp(-1), pytest.approx(4 - 4 / math.e))
    x, y, _, tape = replayed_example()
    with pytest.raises(KindError, match="computed by multiply; only the data of a leaf"):
        y.data = 7.0
    assert (y.data, y.grad) == (1.0, 1 - math.exp(-1))
    y.zero_grad()
    assert y.grad is None
    assert tape.forward() == 1 + math.exp(-1)
    assert (y.data, y.grad) == (1.0, None)  # no backward pass since
    assert (y.locals, y.grad) == ((1.0, 1.0), None)


def test_copies_and_pickles_of_replayed_graphs() -> None:
    pickled = pickle.dumps(replayed_example()[2])
    for twin in (copy.deepcopy(replayed_example()[2]), pickle.loads(pickled)):  # noqa: S301 (our own pickle)
        assert type(twin) is Value
        assert (twin.data, twin.grad) == (1 + math.exp(-1), 1.0)
        assert [x.data for x in Tape(twin).nodes] == [1.0, 1.0, -1.0, math.exp(-1), twin.data]
        twin.backward()


def test_a_copied_tape_replays_its_own_nodes() -> None:
    x, y, z, tape = replayed_example()
    for twin in (copy.deepcopy(tape), pickle.loads(pickle.dumps(tape))):  # noqa: S301 (our own pickle)
        twin.leaves[0].data = 2.0
        assert twin.forward() == pytest.approx(4 + math.exp(-4))
        assert twin.nodes[1].data == 4.0
        assert (x.data, y.data, z.data) == (1.0, 1.0, 1 + math.exp(-1))


def test_the_report_on_memory_counts_the_same_nodes_after_a_replay() -> None:
    _, _, _, tape = replayed_example()
    held = tape.memory().total
    assert (held.nodes, held.data, held.gradients) == (5, 5 * 24, 5 * 24)


def test_nodes_outlive_their_tape() -> None:
    _, y, z, tape = replayed_example()
    del tape
    assert (y.data, y.grad, z.data, y.locals) == (1.0, 1 - math.exp(-1), 1 + math.exp(-1), (1.0, 1.0))


def test_tapes_may_share_nodes() -> None:
    x, y, z, tape = replayed_example()
    inner = Tape(y)
    x.data = 3.0
    assert inner.forward() == 9.0
    assert (y.data, z.data) == (9.0, 1 + math.exp(-1))  # what each was computed as last
    inner.backward(2.0)
    assert y.grad == 2.0
    assert tape.forward() == 9 + math.exp(-9)
    assert (y.data, y.grad) == (9.0, 2.0)
    tape.backward()
    assert y.grad == 1 - math.exp(-9)


def test_replays_leave_nothing_behind() -> None:
    gc.collect()
    gc.disable()
    try:
        x, y, z, tape = replayed_example()
        gone = [weakref.ref(thing) for thing in (x, y, z, tape)]
        del x, y, z, tape
        assert [ref() for ref in gone] == [None] * 4
    finally:
        gc.enable()


# ---------------------------------------------------------------------- what stays as in eager mode


def test_hooks_are_called() -> None:
    x, y, _, tape = replayed_example()
    handle = y.register_hook(lambda g: 10 * g)
    x.zero_grad()
    tape.backward()
    assert x.grad == pytest.approx(10 * (2 - 2 / math.e))
    tape.forward(x=[1.0, 2.0])
    with pytest.raises(GradientError, match="hook"):
        tape.backward()
    handle.remove()
    assert len(tape.backward()["x"]) == 2


def test_detect_nonfinite_names_operation_and_line() -> None:
    x = Value(1.0, name="x")
    with detect_nonfinite():
        y = log(x)  # here
    tape = Tape(y * 2.0)
    x.data = 0.0
    assert tape.forward() == -math.inf
    with detect_nonfinite(), pytest.raises(NonfiniteError, match=r"log gave -inf\n.*x = 0\n.*# here"):
        tape.forward()
    with detect_nonfinite(), pytest.raises(NonfiniteError, match=r"log gave -inf for sample 1 of the batch"):
        tape.forward(x=[1.0, 0.0])
    tape = Tape(sqrt(x))
    tape.forward()
    with detect_nonfinite(), pytest.raises(NonfiniteError, match="sqrt passed back a gradient with inf"):
        tape.backward()
    tape.forward(x=[1.0, 0.0])
    with detect_nonfinite(), pytest.raises(NonfiniteError, match="x.* is inf for sample 1"):
        tape.backward()


def test_a_leaf_that_was_frozen_after_recording_gets_no_gradient() -> None:
    for kind in (Value, Tensor):
        w, x = kind(2.0, name="w"), kind(3.0, name="x")
        tape = Tape(w * x)
        tape.forward()
        w.requires_grad = False
        for given in ({}, {"x": np.array([4.0, 5.0])}):
            tape.forward(**given)
            tape.backward()
            assert w.grad is None
        assert x.grad == 2.0


def test_any_name_can_be_given() -> None:
    for kind in (Value, Tensor):
        tape = Tape(kind(1.0, name="self") * kind(3.0, name="a b"))
        assert tape.forward(self=2.0) == 6.0
        assert tape.forward(**{"a b": 1.0}) == 2.0


# ---------------------------------------------------------------------- lessons


def test_lessons() -> None:
    x, twin = Value(1.0, name="x"), Value(1.0, name="x")
    w = Value(2.0, name="w")
    z = x * w
    z.name = "z"
    tape = Tape(z)
    with pytest.raises(
        KindError, match=r"no leaf of this tape is named 'u'; those that have names are: w, x"
    ):
        tape.forward(u=1.0)
    with pytest.raises(KindError, match="'z' is computed in this tape"):
        tape.forward(z=1.0)
    for wrong in ("3", w, None, [1, "a"], 1j, [[1], [2, 3]]):
        with pytest.raises(KindError, match="number, or an array for a batch"):
            tape.forward(x=wrong)
    with pytest.raises(ShapeError, match=r"w of shape \(2,\), x of shape \(3,\)"):
        tape.forward(w=[1, 2], x=[1, 2, 3])
    assert (w.data, x.data) == (2.0, 1.0)
    tape.forward(x=[1, 2])
    with pytest.raises(ShapeError, match=r"batch of shape \(2,\)"):
        tape.backward(np.ones(3))
    with pytest.raises(KindError, match="2 leaves of this tape are named 'x'"):
        Tape(x * twin).forward(x=1.0)
    tape.forward()
    with pytest.raises(ShapeError):
        tape.backward(np.ones(2))
    both = Tape([z, x])
    both.forward()
    for wrong in (None, 1.0, [1.0]):
        with pytest.raises(GradientError, match="2 outputs"):
            both.backward(wrong)
    constant = Tape(Value(1.0, requires_grad=False))
    assert constant.forward() == 1.0
    with pytest.raises(GradientError, match="constant"):
        constant.backward()
    x.data = np.float32(0.5)
    assert tape.forward() == 1.0
    with pytest.raises(GradientError, match="checkpoint, which a replay cannot compute"):
        Tape(checkpoint(lambda x: x * w, x)).forward()
    with pytest.raises(GradientError, match="a node that a replay would not see change"):
        Tape(TABLE["leaky_relu"](x, slope=w.detach())).forward()


def test_a_replay_that_is_freed_leaves_the_cache_of_lines_as_it_is() -> None:
    """Python goes through that cache to write tracebacks, and the collector may run meanwhile."""

    def replayed() -> None:
        x = Tensor([1.0, 2.0])
        tape = Tape((x * x).sum())
        for _ in range(3):
            tape.forward()
            tape.backward()

    def files() -> set[str]:
        return {name for name in linecache.cache if name.startswith("<chainrule replay")}

    replayed()
    gc.collect()
    before = files()
    for _ in range(20):
        replayed()
        present = files()
        gc.collect()
        assert files() == present
    assert len(files()) <= len(before) + 2  # and does not grow
