"""Replays of scalar tapes: what `forward()` and `backward()` give is what recording anew would give."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from replays import assert_same
from table_cases import ELEMENTWISE, Case

from chainrule import nn
from chainrule.autograd import (
    TABLE,
    GradientError,
    Tape,
    Tensor,
    Value,
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
