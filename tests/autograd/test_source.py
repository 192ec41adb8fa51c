"""Printed programs, run on their own in a fresh interpreter: the engine's numbers, bit for bit, for every row."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from printed_programs import Programs, run_here
from random_graphs import LONG, OPERATIONS
from random_graphs import run as random_graph
from table_cases import CASES, ELEMENTWISE

import chainrule.autograd as ag
from chainrule import nn
from chainrule.autograd import TABLE, Tape, Tensor, Value, exp, gradients, tanh, total, where

# ---------------------------------------------------------------------- every row, random graphs


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_every_row_on_arrays(
    programs: Programs, dtype: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    for case in CASES:
        leaves = [Tensor(x, dtype=dtype) for x in case.inputs]
        y = TABLE[case.row](*leaves, **case.params)
        programs.add(y, leaves, rng.normal(size=y.shape).astype(y.dtype))
        one = [Tensor(leaves[0].data), *(x.data for x in leaves[1:])]
        y = TABLE[case.row](*one, **case.params)
        programs.add(y, one[:1], rng.normal(size=y.shape).astype(y.dtype))
    programs.check(tmp_path)


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_every_row_broadcasting(
    programs: Programs, dtype: Any, rng: np.random.Generator, tmp_path: Path
) -> None:
    for case in ELEMENTWISE:
        if len(case.inputs) < 2:
            continue
        first, *others = case.inputs
        for small in (first[0, 0], first[:1, :1], first[0], first[:, :1]):
            for given in ([small, *others], [*others[:1], small, *others[1:]]):
                leaves = [Tensor(x, dtype=dtype) for x in given]
                y = TABLE[case.row](*leaves, **case.params)
                programs.add(y, leaves, rng.normal(size=y.shape).astype(y.dtype))
        y = TABLE[case.row](
            *(scalars := [Tensor(x[0, 0], dtype=dtype) for x in case.inputs]), **_params(case)
        )
        programs.add(y, scalars)
    programs.check(tmp_path)


def _params(case: Any) -> dict[str, Any]:
    return {k: bool(v.flat[0]) if isinstance(v, np.ndarray) else v for k, v in case.params.items()}


SPECIAL = (0.0, -0.0, 1.0, -1.5, 800.0, -800.0, 1e300, math.inf, -math.inf, math.nan)


def test_every_row_on_floats_also_at_poles_and_beyond(programs: Programs, tmp_path: Path) -> None:
    for case in ELEMENTWISE:
        at = [[float(x[0, 0]) for x in case.inputs], [float(x[1, 2]) for x in case.inputs]]
        for k, a in enumerate(SPECIAL):
            others = SPECIAL[k % 3 :: 3] if len(case.inputs) > 1 else (a,)
            at += [[(a, b)[i % 2] for i in range(len(case.inputs))] for b in others]
        for numbers in at:
            leaves = [Value(x) for x in numbers]
            programs.add(TABLE[case.row](*leaves, **_params(case)), leaves, 0.7)
    for a in SPECIAL:
        leaves = [Value(a)]
        programs.add(exp(leaves[0]) * 0.0 + leaves[0] ** 0.5 * 0.0, leaves)
    programs.check(tmp_path)
    assert any("import math\n" in source and "numpy" not in source for source in programs.sources)


@pytest.mark.parametrize("dtype", [float, np.float32])
def test_arrays_with_poles_and_a_zero_gradient_that_stays_zero(
    programs: Programs, dtype: Any, tmp_path: Path
) -> None:
    for case in ELEMENTWISE:
        with np.errstate(all="ignore"):
            leaves = [Tensor(np.roll(SPECIAL, 3 * i), dtype=dtype) for i in range(len(case.inputs))]
            y = TABLE[case.row](*leaves, **_params(case))
        programs.add(y, leaves, np.array([0.0, -0.0, 1, -1, 0, 2, 0, 3, -0.0, 0], dtype))
    x = Tensor([0.0, 4.0])
    text = programs.add(where(x.data > 0, ag.sqrt(x), 0.0).sum(), [x])
    assert "times(" in text
    assert x.grad.tolist() == [0.0, 0.25]
    programs.check(tmp_path)


def test_random_graphs(programs: Programs, rng: np.random.Generator, tmp_path: Path) -> None:
    names = sorted(OPERATIONS)
    for k in range(40):
        size = int(rng.integers(3, 25))
        operations = [
            (names[rng.integers(len(names))], *map(int, rng.integers(0, 50, 2))) for _ in range(size)
        ]
        dtypes = [(float, float), (np.float32, np.float32), (np.float16, np.float16), (float, np.float32)][
            k % 4
        ]
        order = "CF"[k // 2 % 2]
        leaves = [Tensor(np.asarray(rng.normal(size=(3, 3)), dtype, order=order)) for dtype in dtypes]
        programs.add(random_graph(LONG if k < 4 else operations, ag, *leaves), leaves)
    programs.check(tmp_path)


def test_random_graphs_of_values(programs: Programs, rng: np.random.Generator, tmp_path: Path) -> None:
    rows = [TABLE[case.row] for case in ELEMENTWISE if not case.params and TABLE[case.row].arity]
    for _ in range(16):
        leaves = [Value(x) for x in rng.normal(size=3)]
        nodes: list[Value] = [*leaves]
        for _ in range(40):
            row = rows[rng.integers(len(rows))]
            chosen = [nodes[-1 - int(i)] for i in rng.integers(0, min(len(nodes), 6), row.arity)]
            nodes.append(tanh(row(*chosen)) * 1.5 + chosen[0] * 0.25)
        programs.add(ag.dot(nodes[-8:-4], nodes[-4:]) + total(nodes), leaves)
    programs.check(tmp_path)


def test_every_order_in_memory(programs: Programs, tmp_path: Path) -> None:
    """NumPy adds an array up in the order in which it lies; programs lay their leaves out alike."""
    for k in range(24):
        rng = np.random.default_rng(k)
        steps = tuple(slice(None, None, int(s)) for s in rng.choice([1, 2, -1, -2], 3))
        x, w = Tensor(np.zeros((1, 1, 1))), None
        view = rng.normal(size=(11, 10, 9)).transpose(rng.permutation(3))[steps]
        x = Tensor(np.zeros(view.shape))
        x.data = view
        w = Tensor(rng.normal(size=view.shape[-1]))
        z = x * w
        y = (z.T.sum(0) ** 2).sum() + (x @ w).sum() + z.std() + (z.transpose(1, 0, 2) * z.mean()).sum(0).sum()
        programs.add(y, [x, w])
    programs.check(tmp_path)


def test_networks(programs: Programs, rng: np.random.Generator, tmp_path: Path) -> None:
    x, labels = rng.normal(size=(20, 8)), rng.integers(0, 3, 20)
    for dtype in (float, np.float32):
        model = nn.MLP(8, [16, 3], seed=0, dtype=dtype)
        loss = nn.cross_entropy(model(x.astype(dtype)), labels) + 0.01 * sum(
            (w**2).sum() for w in model.parameters()
        )
        text = programs.add(loss, list(model.parameters()))
        assert text.count("softmax(") == 2  # one definition, one call
    scalar = nn.scalar.MLP(2, [4, 1], seed=0)
    for activation in (lambda y: y, lambda y: nn.hinge_loss(y, 1.0)):
        programs.add(activation(scalar([0.3, -0.2])), scalar.parameters())
    for loss_function in (nn.binary_cross_entropy_with_logits, nn.mse_loss, nn.l1_loss):
        w = Tensor(rng.normal(size=(8, 1)))
        programs.add(loss_function(x @ w, (labels > 0).astype(float)[:, None]), [w])
    programs.check(tmp_path)


# ---------------------------------------------------------------------- integers, zeros, and other dtypes


def test_integers_stay_integers_in_a_program() -> None:
    x = Tensor(np.ones((12, 3)), name="x")
    loss = nn.cross_entropy(x, np.zeros(12, int))
    found = run_here(Tape(loss).source())
    np.testing.assert_array_equal(found["d_x"], gradients(loss, x))
    many = Tensor(np.arange(20.0), name="many")
    for at in (
        np.zeros(10, int),
        np.full(10, 3),
        np.zeros(20, bool),
        np.full(20, True),
        np.zeros(9, np.int32),
    ):
        y = (many[at] * 2.0).sum()
        names = run_here(Tape(y).source())
        np.testing.assert_array_equal(names["d_many"], gradients(y, many))


def test_a_constant_zero_divides_as_arrays_do() -> None:
    x, u = Tensor([1.0, 0.0], name="x"), np.ones(2)
    with np.errstate(all="ignore"):
        for y in (x / 0.0, 1.0 / (x * 0.0), x**-1.0, (x * 0.0) ** 0.0):
            y.name = "y"
            found = run_here(Tape(y).source(gradient=u))
            np.testing.assert_array_equal(found["y"], y.data)
            np.testing.assert_array_equal(found["d_x"], gradients(y, x, u))


def test_zeros_have_the_signs_of_the_engine() -> None:
    x, y = Tensor([-0.5], name="x"), Tensor(-0.25, name="y")
    out = (ag.minimum(x, y) * -1.0).sum()
    expected = gradients(out, [x, y])
    recorded = [g.data for g in gradients(out, [x, y], create_graph=True)]
    names = run_here(Tape(out).source())
    tape = Tape(out)
    tape.forward()
    tape.backward()
    for found in (recorded, [names["d_x"], names["d_y"]], [x.grad, y.grad]):
        for a, b in zip(found, expected, strict=True):
            assert np.asarray(a).tobytes() == b.tobytes()


def test_a_program_of_an_embedding_reads_its_integers() -> None:
    C, x = Tensor(np.arange(6.0).reshape(3, 2), name="C"), Tensor([0, 2], name="x")
    source = Tape(C[x].sum()).source()
    assert "v1 = C[x]" in source
    assert "at=x" in source
    np.testing.assert_array_equal(run_here(source)["d_C"], [[1, 1], [0, 0], [1, 1]])


def test_float16_is_added_up_in_float32_in_a_program() -> None:
    x = Tensor(np.ones(2), dtype=np.float16, name="x")
    y = sum((x * 1.0 for _ in range(2100)), x * 0.0).astype(np.float32).sum()
    found = run_here(Tape(y).source())
    assert found["d_x"].dtype == np.float16
    np.testing.assert_array_equal(found["d_x"], gradients(y, x))


@pytest.mark.skipif(
    np.finfo(np.longdouble).eps == np.finfo(float).eps, reason="longdouble is float64 on this machine"
)
@pytest.mark.parametrize("number", ["1e4000", "0.1", "-1e-4000", "0.5", "inf"])
def test_options_in_long_double_keep_all_their_digits(number: str) -> None:
    x = Tensor(np.array([1.0, np.nan], np.longdouble), name="x")
    y = np.nan_to_num(x, nan=np.longdouble(number))
    y.name = "y"
    found = run_here(Tape(y).source(gradient=np.ones(2)))["y"]
    assert found.dtype == np.longdouble
    assert found[1] == np.longdouble(number)


@pytest.mark.parametrize("shape", [(), (1,), (2,)])
@pytest.mark.parametrize("upstream", [-3.0, 2.7, 0.75])
def test_slopes_in_float16_are_those_of_the_engine(shape: tuple[int, ...], upstream: float) -> None:
    """0.1 in float16 times 3 is 0.2998, and 0.1 times 3 in float16 is 0.3."""
    x, u = Tensor(np.full(shape, -1.0, np.float16), name="x"), np.full(shape, upstream, np.float16)
    tape = Tape(ag.leaky_relu(x, 0.1))
    expected = (0.1 * u.astype(float)).astype(np.float16)
    assert ag.gradients(tape.nodes[-1], x, u) == pytest.approx(expected, rel=0, abs=0)
    assert run_here(tape.source(gradient=u))["d_x"] == pytest.approx(expected, rel=0, abs=0)
    tape.forward()
    tape.backward(u)
    assert x.grad == pytest.approx(expected, rel=0, abs=0)


def test_a_replayed_graph_of_values_is_written_with_the_numbers_of_recording() -> None:
    """A replay may take NumPy's tanh, whose last bit differs from Python's."""
    xs = [0.1 * k for k in range(1, 20)]
    leaf = Value(0.0, name="x")
    y = ag.tanh(leaf) ** 2 + ag.exp(leaf) * leaf
    y.name = "y"
    for x in xs:
        leaf.data = x
        tape = Tape(y)
        tape.forward()
        names = run_here(tape.source())
        fresh = Value(x)
        expected = ag.tanh(fresh) ** 2 + ag.exp(fresh) * fresh
        expected.backward()
        assert (names["y"], names["d_x"]) == (expected.data, fresh.grad)
