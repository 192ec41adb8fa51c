"""PyTorch as an oracle: values, gradients and second gradients of random graphs in float64, to 1e-8 relative."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from random_graphs import LONG, OPERATIONS, Program, mixtures, programs, run

import chainrule.autograd as ag
from chainrule.autograd import Tensor, gradients

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")

F = torch.nn.functional
NAMES = (
    "square sqrt exp expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh "
    "arccosh arctanh hypot logaddexp maximum minimum where absolute clip sigmoid relu erf sinc sum mean softmax "
    "log_softmax logsumexp concatenate stack"
)
M = SimpleNamespace(
    **{name: getattr(torch, name) for name in NAMES.split()},
    softplus=lambda x: F.softplus(x, threshold=1e6),
    silu=F.silu,
    gelu=F.gelu,
    max=torch.amax,
    min=torch.amin,
)
X = np.random.default_rng(5).normal(size=(3, 3))
Y = np.random.default_rng(6).normal(size=(3, 3))
U = np.random.default_rng(7).normal(size=(3, 3))


def same(found: np.ndarray, expected: Any) -> None:
    """To 1e-8 of each element; where numbers cancelled, of the largest element."""
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * float(abs(expected).max()))


def compare(program: Program) -> None:
    tx, ty = (torch.tensor(v, requires_grad=True) for v in (X, Y))
    expected = run(program, M, tx, ty)
    first = torch.autograd.grad(expected, (tx, ty), create_graph=True, materialize_grads=True)
    along = sum((torch.tensor(U) * g).sum() for g in first)
    second = (
        torch.autograd.grad(along, (tx, ty), materialize_grads=True)
        if along.requires_grad
        else [torch.zeros(3, 3), torch.zeros(3, 3)]
    )
    x, y = Tensor(X), Tensor(Y)
    root = run(program, ag, x, y)
    np.testing.assert_allclose(root.data, expected.detach(), rtol=1e-8)
    ours = gradients(root, (x, y), create_graph=True)
    for g, t in zip(ours, first):
        same(g.data, t.detach())
    for h, t in zip(gradients(sum((U * g).sum() for g in ours), (x, y)), second):
        same(h, t)


@given(programs)
@settings(max_examples=60)
def test_random_graphs(program: Program) -> None:
    compare(program)


@given(mixtures)
@settings(max_examples=20)
def test_twenty_rows_and_more_mixed(program: Program) -> None:
    compare(program)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation(name: str) -> None:
    compare([(name, 0, 1), ("multiply", 0, 1), (name, 0, 2)])


def test_every_operation_in_one_graph() -> None:
    compare(LONG)
