"""Random graphs of more than fifty operations mixed: derivatives of both orders against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
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
