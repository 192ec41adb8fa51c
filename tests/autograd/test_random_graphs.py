"""Random graphs of more than fifty operations mixed: derivatives of both orders against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from differences import trusted_slope
from hypothesis import assume, given, settings
from random_graphs import LONG, OPERATIONS, Program, mixtures, programs, run

import chainrule.autograd as ag
from chainrule.autograd import Tape, Tensor, check_gradients, gradients

X = np.random.default_rng(5).normal(size=(3, 3))
Y = np.random.default_rng(6).normal(size=(3, 3))


@given(programs)
@settings(max_examples=60)
def test_first_and_second_derivatives(program: Program) -> None:
    check_gradients(lambda x, y: run(program, ag, x, y), X, Y, rtol=1e-5, atol=1e-5)


@given(mixtures)
@settings(max_examples=10)
def test_twenty_rows_and_more_mixed(program: Program) -> None:
    assert len({node.op for node in Tape(run(program, ag, Tensor(X), Tensor(Y))).nodes if node.op}) >= 20
    check_gradients(lambda x, y: run(program, ag, x, y), X, Y, rtol=1e-5, atol=1e-5)


U, V, W, Z = np.random.default_rng(7).normal(size=(4, 3, 3))


@given(mixtures)
@settings(max_examples=25)
def test_twenty_rows_mixed_to_eight_digits(program: Program) -> None:
    def root(t: float, of: Any = lambda data: data) -> tuple[Any, Any, Any]:
        x, y = of(X + t * U), of(Y + t * V)
        return run(program, ag, x, y), x, y

    def gradient_along(t: float) -> Any:
        y, *leaves = root(t, Tensor)
        return sum(np.vdot(g, w) for g, w in zip(gradients(y, leaves), (W, Z), strict=True))

    first = trusted_slope(lambda t: root(t)[0])
    second = trusted_slope(gradient_along)
    assume(first is not None and second is not None)
    y, *leaves = root(0, Tensor)
    np.testing.assert_allclose(y.data, root(0)[0], rtol=1e-12)
    grads = gradients(y, leaves, create_graph=True)
    along = (grads[0] * W + grads[1] * Z).sum()
    sizes = [abs(g.data).max() for g in grads]
    np.testing.assert_allclose(
        sum(np.vdot(g.data, u) for g, u in zip(grads, (U, V), strict=True)),
        first,
        rtol=1e-8,
        atol=1e-8 * max(sizes),
    )
    curved = gradients(along, leaves)
    np.testing.assert_allclose(
        sum(np.vdot(g, u) for g, u in zip(curved, (U, V), strict=True)), second, rtol=1e-8,
        atol=1e-8 * max(abs(g).max() for g in curved),
    )  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_in_a_graph(name: str) -> None:
    program = [(name, 0, 1), ("multiply", 0, 1), (name, 0, 2)]
    check_gradients(lambda x, y: run(program, ag, x, y), X, Y, rtol=1e-5, atol=1e-5)


def test_every_operation_in_one_graph() -> None:
    x = Tensor(X)
    root = run(LONG, ag, Tensor(Y), x)
    assert len({node.op for node in Tape(root).nodes}) > 50
    check_gradients(lambda x: run(LONG, ag, Y, x), X, rtol=1e-5, atol=1e-5)


@given(programs)
@settings(max_examples=30)
def test_recorded_gradients_equal_plain_ones(program: Program) -> None:
    x, y = Tensor(X), Tensor(Y)
    root = run(program, ag, x, y)
    for plain, recorded in zip(gradients(root, (x, y)), gradients(root, (x, y), create_graph=True)):
        np.testing.assert_allclose(recorded.data, plain, rtol=1e-12, atol=1e-14)
