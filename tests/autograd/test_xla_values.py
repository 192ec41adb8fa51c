"""Graphs of Values compiled by XLA against the engine."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from table_cases import ELEMENTWISE

from chainrule.autograd import TABLE, GradientError, KindError, ShapeError, Value, dot, gradients, relu, total

jax = pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")

from chainrule.autograd.xla import Compiled, ScalarProgram, program_of  # noqa: E402
from chainrule.nn import hinge_loss  # noqa: E402
from chainrule.nn.scalar import MLP  # noqa: E402


def check(outputs: list[Value], leaves: list[Value], rtol: float = 1e-12) -> Compiled:
    """Values and gradients of the sum of the outputs times 1, 2, ..., all compiled as one program."""
    upstream = np.arange(1.0, len(outputs) + 1)
    compiled = Compiled(program_of(outputs, leaves), device="cpu")
    (values,), (found,) = compiled.passes([np.array([x.data for x in leaves])], [upstream])
    np.testing.assert_allclose(values, [y.data for y in outputs], rtol=rtol, atol=1e-300)
    wanted = [x for x in leaves if x.requires_grad]
    expected = gradients(sum(u * y for u, y in zip(upstream, outputs)), wanted)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-15)
    return compiled


def test_every_row_that_values_have() -> None:
    outputs, leaves = [], []
    for case in ELEMENTWISE:
        params = {k: bool(v.flat[0]) if isinstance(v, np.ndarray) else v for k, v in case.params.items()}
        for at in ((0, 0), (1, 2)):
            xs = [Value(float(x[at])) for x in case.inputs]
            leaves += xs
            outputs.append(TABLE[case.row](*xs, **params))
    check(outputs, leaves)


@pytest.mark.parametrize("compound", [False, True])
def test_a_network(compound: bool) -> None:
    rng = np.random.default_rng(0)
    model = MLP(2, [5, 4, 1], activation="tanh", compound=compound, seed=0)
    inputs = [[Value(float(x), requires_grad=False) for x in row] for row in rng.normal(size=(7, 2))]
    scores = [model(row) for row in inputs]
    parameters = model.parameters()
    loss = hinge_loss(scores, [1, -1, 1, -1, 1, 1, -1]) + 1e-4 * dot(parameters, parameters)
    compiled = check([loss], [*parameters, *(x for row in inputs for x in row)])
    # other numbers
    new = rng.normal(size=len(compiled.program.leaves))
    (value,), _ = compiled.passes([new])
    for leaf, x in zip(compiled.program.leaves, new, strict=True):
        leaf.data = float(x)
    scores = [model(row) for row in inputs]
    again = hinge_loss(scores, [1, -1, 1, -1, 1, 1, -1]) + 1e-4 * dot(parameters, parameters)
    np.testing.assert_allclose(value, [again.data], rtol=1e-13)


def test_sums_chains_and_repeated_inputs() -> None:
    xs = [Value(0.3 * k - 1) for k in range(7)]
    chain = xs[0]
    for x in xs[1:]:
        chain = chain * x + x
    tie = relu(xs[0] + 1) + xs[3] * 0.0
    check([chain, sum(xs[1:], xs[0]), total(xs) * total(xs[:3]), xs[2] * xs[2] * xs[2], xs[4], tie], xs)


def test_contributions_in_many_different_numbers() -> None:
    xs = [Value(0.1 * k + 0.5) for k in range(12)]
    y = total([xs[k] * xs[j] for k in range(12) for j in range(k + 1)])
    check([y], xs)


def test_leaves_that_get_no_gradient_or_are_constants() -> None:
    x, c, unused = Value(2.0), Value(3.0, requires_grad=False), Value(5.0)
    compiled = check([x * c + 1], [x, c, unused])
    assert compiled.passes([np.array([2.0, 3.0, 5.0])])[1][0].tolist() == [3.0, 0.0]
    assert program_of([x * c]).leaves == [x, c]
    assert Compiled(ScalarProgram([x * c], [x])).passes([np.array([4.0])])[0][0].tolist() == [12.0]


def test_zero_stays_zero_beside_infinity() -> None:
    x = Value(0.0)
    y = x**0.5 * 0.0
    assert gradients(y, x) == 0.0
    compiled = Compiled(program_of([y], [x]))
    assert compiled.passes([np.array([0.0])])[1][0].tolist() == [0.0]
    assert compiled.report().programs == 2


def test_65_thousand_nodes_compile_in_seconds() -> None:
    """micrograd's demonstration: 100 points, 2-16-16-1 units, hinge loss and L2."""
    rng = np.random.default_rng(0)
    model = MLP(2, [16, 16, 1], seed=0)
    parameters = model.parameters()
    points = [[Value(float(x), requires_grad=False) for x in row] for row in rng.normal(size=(100, 2))]
    losses = [(1 + -float(np.sign(row[0].data)) * model(row)).relu() for row in points]
    loss: Any = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)
    start = time.perf_counter()
    program = program_of([loss], parameters)
    assert len(program.nodes) > 65_000
    compiled = Compiled(program, device="cpu")
    (value,), (found,) = compiled.passes([np.array([p.data for p in parameters])])
    assert time.perf_counter() - start < 20
    assert compiled.report().operations < 200
    loss.backward()
    np.testing.assert_allclose(value, [loss.data], rtol=1e-13)
    np.testing.assert_allclose(found, [p.grad for p in parameters], rtol=1e-11, atol=1e-15)


def test_wrong_arrays_and_graphs_are_refused() -> None:
    x = Value(2.0, name="x")
    compiled = Compiled(program_of([x * x], [x]))
    with pytest.raises(
        ShapeError, match=r"the numbers of 1 leaves, of shape \(1,\); given an array of shape \(2,\)"
    ):
        compiled.passes([np.ones(2)])
    with pytest.raises(KindError, match="float64"):
        compiled.passes([np.ones(1, int)])
    from chainrule.autograd import checkpoint

    with pytest.raises(GradientError, match="replay"):
        program_of([checkpoint(lambda x: x * x, x)], [x])
