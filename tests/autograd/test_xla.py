"""Every row of the table compiled by XLA, first and second order, against the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from table_cases import CASES, ELEMENTWISE, Case

from chainrule.autograd import (
    TABLE,
    ShapeError,
    Tape,
    Tensor,
    exp,
    gradients,
    log,
    maximum,
    stack,
)

jax = pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")

from compiled_graphs import Graph, check_first_order, check_second_order, graph_of  # noqa: E402

from chainrule.autograd.xla import (  # noqa: E402
    Compiled,
    Program,
    exact,
    has_nan,
    program_of,
)

PRECISION = {"float64": 1e-12, "float32": 1e-5, "float16": 5e-3}
PARTS = 7  # programs for all rows: compiling takes longer than running


def graphs_of(cases: list[Case], dtype: str) -> list[Graph]:
    found = []
    for case in cases:
        params = case.params | ({"dtype": np.dtype(dtype)} if case.row == "astype" else {})
        arrays = [x.astype(dtype) for x in case.inputs]
        found.append(graph_of(str(case)[:80], lambda *xs, c=case, p=params: TABLE[c.row](*xs, **p), *arrays))
    return found


# ---------------------------------------------------------------------- the table


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("dtype", PRECISION)
def test_each_row(part: int, dtype: str) -> None:
    graphs = graphs_of(CASES[part::PARTS], dtype)
    check_first_order(graphs, PRECISION[dtype], quick=dtype != "float64")
    if dtype != "float16":
        check_second_order(graphs, PRECISION[dtype], quick=True)


def test_broadcasting_is_undone() -> None:
    graphs = []
    for case in ELEMENTWISE:
        if len(case.inputs) == 2:
            a, b = case.inputs
            for small in (a[0], a[:, :1], a[0, 0]) if case.row != "where" else ():
                graphs.append(graph_of(f"{case.row}, {small.shape}", TABLE[case.row], small, b))
                graphs.append(graph_of(f"{case.row}, {small.shape} second", TABLE[case.row], b, small))
    check_first_order(graphs, 1e-12, quick=True)


SPECIAL = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 0.25, 1.1, -0.7, 20.0, -20.0, 1e-5, 7.3, -7.3,
    np.inf, -np.inf, np.nan, 1e17, 1e150, -1e300, 1e-150, 1e-300, 700.5, -700.5,
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_elementwise_rows_at_kinks_ties_poles_and_large_numbers(dtype: str) -> None:
    numbers = np.array(SPECIAL if dtype == "float64" else SPECIAL[:20], dtype)
    rng = np.random.default_rng(0)
    graphs = []
    for case in ELEMENTWISE:
        if case.row == "where":
            case = Case("where", case.inputs, case.reference, {"condition": numbers > 1})
        if len(case.inputs) == 2 and case.row != "where":
            arrays = [x.ravel() for x in np.meshgrid(numbers, numbers)]
        elif len(case.inputs) == 1 or case.row == "where":
            arrays = [numbers, numbers[::-1].copy()][: len(case.inputs)]
        else:
            arrays = [rng.choice(numbers, 200) for _ in case.inputs]
        graphs.append(graph_of(case.row, lambda *xs, c=case: TABLE[c.row](*xs, **c.params), *arrays))
    if (
        dtype == "float32"
    ):  # the sum of two products may be rounded once, so that one of them does not overflow
        graphs = [graph for graph in graphs if graph.name != "dot"]
    check_first_order(graphs, PRECISION[dtype], quick=dtype == "float32")
    if dtype == "float32":
        return
    twice = {g.name for g in graphs} - {
        "power",
        "logaddexp",
        "logaddexp2",
        "hypot",
        "arctan2",
        "logtotalexp",
    }
    check_second_order([g for g in graphs if g.name in twice], PRECISION[dtype], quick=True)


def test_signs_of_zero() -> None:
    x = Tensor([0.0, -0.0, -0.0, 2.0, -2.0])
    b = Tensor([1.0, 1.0, -1.0, -2.0, 2.0])
    outputs = [TABLE[name](x) for name in ("sign", "floor", "negative", "arctan")] + [x % b, x * b]
    (*found,) = Compiled(Program(outputs, [x, b])).forward([x.data, b.data])
    for y, node in zip(found, outputs, strict=True):
        np.testing.assert_array_equal(np.signbit(y), np.signbit(node.data), err_msg=node.op.name)


REDUCED = {"axis": (1,), "keepdims": False}
TIED = np.array([[1.0, 3.0, 3.0, 2.0], [5.0, 5.0, 5.0, 5.0], [-1.0, 0.0, -0.0, -2.0]])
HOLES = np.array([[1.0, np.nan, 3.0, 2.0], [np.nan, np.nan, np.nan, np.nan], [-1.0, np.inf, np.inf, 0.0]])
ENDLESS = np.array(
    [[0.0, -np.inf, 1.0], [-np.inf, -np.inf, -np.inf], [np.inf, 0.0, np.inf], [1e3, -1e3, 0.0]]
)
ZEROS = np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 4.0], [1.0, -2.0, 3.0]])
POOL: dict[str, Any] = {"kernel": (2, 2), "stride": (1, 2), "padding": ((1, 0), (0, 1)), "dilation": (1, 1)}


def special_graphs() -> list[Graph]:
    def row(name: str, *arrays: Any, **params: Any) -> Graph:
        return graph_of(f"{name} {params}", lambda *xs: TABLE[name](*xs, **params), *arrays)

    found = []
    for x in (TIED, HOLES, ENDLESS, ZEROS):
        names = ("max", "min", "nanmax", "nanmin", "sum", "mean", "prod", "logsumexp")
        found += [row(name, x, **REDUCED) for name in names]
        found += [row(name, x, axis=1) for name in ("sort", "median", "cumsum", "cumprod")]
        found += [row(name, x, axis=(1,)) for name in ("softmax", "log_softmax")]
        found += [row(name, x, x[::-1].copy(), axis=1) for name in ("arrange", "disarrange")]
        found.append(row("quantile", x, q=np.array([0.0, 0.4, 1.0])))
        found.append(row("largest", *x))
    found += [row("std", TIED, **REDUCED, ddof=0), row("norm", 0 * ZEROS, **REDUCED, ord=2)]
    found += [row("norm", ZEROS, **REDUCED, ord=3.0), row("recurrence", ZEROS, TIED[:, :3], axis=0)]
    image = np.round(np.random.default_rng(0).normal(size=(2, 2, 5, 5)))  # with ties
    found += [row("max_pool", image, **POOL), row("avg_pool", image, **POOL)]
    return found


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_structural_rows_at_ties_nan_infinity_and_zero() -> None:
    check_first_order(special_graphs(), 1e-12, quick=True)


def test_empty_arrays() -> None:
    graphs = [
        graph_of(c.row, lambda *xs, c=c: TABLE[c.row](*xs, **c.params), *(np.zeros((0, 3)) for _ in c.inputs))
        for c in ELEMENTWISE
        if c.row != "where"
    ]
    nothing = np.zeros((0, 3))
    graphs += [
        graph_of(name, lambda x, n=name: TABLE[n](x, axis=(0,), keepdims=False), nothing)
        for name in ("sum", "prod", "logsumexp")
    ]
    graphs.append(graph_of("softmax", lambda x: TABLE["softmax"](x, axis=(0,)), nothing))
    graphs.append(graph_of("sort", lambda x: TABLE["sort"](x, axis=0), nothing))
    graphs.append(graph_of("index", lambda x: x[np.array([], int)], np.ones(3)))
    graphs.append(graph_of("product", lambda a, b: a @ b, np.zeros((2, 0)), np.zeros((0, 3))))
    check_first_order(graphs, 1e-12)


INDICES = [
    1, -1, slice(1, None), slice(None, None, -2), (slice(None), 2), (..., None, 0), slice(2, 1),
    (None, slice(0, 3, 2), slice(3, 0, -1)), np.array([2, 0, -1, 2]), [0, 0, 1],
    (np.array([0, 1, 1]), np.array([3, -1, 3])), (slice(None), np.array([[1, 1], [0, 3]])),
    (np.array([0, 1, 1]), slice(1, 3)), np.arange(12).reshape(3, 4) % 2 == 0, (np.array([True, False, True]), 1),
    (1, ..., np.array([0, 2])),
]  # fmt: skip


def test_indices_of_every_kind() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    graphs = []
    for at in INDICES:
        v = np.random.default_rng(1).normal(size=x[at].shape)
        graphs.append(graph_of(f"x[{at}]", lambda x, at=at: x[at] * 1.5, x))
        graphs.append(graph_of(f"x.at[{at}].set(v)", lambda x, v, at=at: x.at[at].set(v), x, v))
        graphs.append(graph_of(f"x.at[{at}].add(v)", lambda x, v, at=at: x.at[at].add(v), x, v))
    rows = np.array([[2, 0, 2], [1, 1, -1]])
    graphs.append(graph_of("x[t]", lambda x, t: x[t] ** 2, x, rows))
    graphs.append(graph_of("x.at[t].set(v)", lambda x, t, v: x.at[t].set(v), x, rows, np.ones((2, 3, 4))))
    graphs.append(graph_of("x.at[t].set(v), each", lambda x, t, v: x.at[t].set(v), x, rows[0], x))
    graphs.append(
        graph_of("x.at[t].add(v)", lambda x, t, v: x.at[t, 1:3].add(v), x, rows, np.ones((2, 3, 2)))
    )
    check_first_order(graphs, 1e-12)
    check_second_order(graphs, 1e-12, quick=True)


def test_new_indices_take_effect() -> None:
    x, t = Tensor(np.arange(8.0).reshape(4, 2)), Tensor(np.array([0, 1]))
    compiled = Compiled(program_of([x[t].sum(), x.at[t].set(np.ones(2)).sum()], [x, t]))
    (taken, left), (g,) = compiled.passes([x.data, np.array([3, 3])])
    assert (taken, left) == (26.0, 28.0 - 13.0 + 2.0)
    np.testing.assert_array_equal(g, [[1, 1], [1, 1], [1, 1], [2, 2]])


def test_indices_beyond_the_end_are_refused() -> None:
    x, t = Tensor(np.ones((3, 4))), Tensor(np.array([0, 1]))
    compiled = Compiled(program_of([x[1:, None, t.reshape(2, 1)].sum()], [x, t]))
    compiled.forward([x.data, np.array([-4, 3])])
    for wrong in (4, -5):
        with pytest.raises(ShapeError, match=f"index {wrong} is out of bounds"):
            compiled.forward([x.data, np.array([0, wrong])])


WINDOWS = [  # shapes of x and w, stride, padding, dilation, groups
    ((2, 3, 7, 6), (4, 3, 3, 2), (2, 1), ((1, 2), (0, 1)), (1, 2), 1),
    ((2, 4, 5, 5), (6, 2, 3, 3), (1, 2), ((0, 0), (1, 1)), (2, 1), 2),
    ((3, 4, 6), (4, 1, 2), (3,), ((2, 0),), (1,), 4),
    ((1, 2, 3, 4, 3), (2, 2, 2, 2, 2), (1, 2, 1), ((1, 0),) * 3, (1,) * 3, 1),
    ((2, 3, 8, 8), (5, 3, 1, 1), (2, 2), ((0, 0),) * 2, (1, 1), 1),
    ((2, 3, 8, 8), (5, 3, 3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 1),
    # windows of many elements; those of one pixel; many groups, of one channel, of several in, and of several out
    ((2, 12, 5, 5), (2, 12, 3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 1),
    ((1, 24, 5, 5), (4, 12, 3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 2),
    ((2, 4, 5, 5), (6, 2, 1, 1), (1, 1), ((0, 0),) * 2, (1, 1), 2),
    ((2, 9, 5, 5), (9, 1, 3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 9),
    ((2, 18, 5, 5), (9, 2, 3, 3), (2, 1), ((1, 1),) * 2, (1, 1), 9),
    ((1, 9, 5, 5), (18, 1, 3, 3), (1, 1), ((1, 1),) * 2, (1, 1), 9),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_convolutions_of_every_geometry(dtype: str) -> None:
    rng = np.random.default_rng(0)
    graphs = []
    for shape, kernel, *numbers, groups in WINDOWS:
        x, w = rng.normal(size=shape).astype(dtype), rng.normal(size=kernel).astype(dtype)
        pool: dict[str, Any] = dict(zip(("stride", "padding", "dilation"), numbers))
        how = pool | {"groups": groups}
        pool["kernel"] = kernel[2:]
        graphs.append(graph_of(f"conv {shape} {how}", lambda x, w, how=how: TABLE["conv"](x, w, **how), x, w))
        graphs += [
            graph_of(f"{name} {shape} {pool}", lambda x, n=name, p=pool: TABLE[n](x, **p), x)
            for name in ("max_pool", "avg_pool")
        ]
    check_first_order(graphs, PRECISION[dtype] * 10, quick=True)
    check_second_order(graphs, PRECISION[dtype] * 10, quick=True)


# ---------------------------------------------------------------------- dtypes


def test_dtypes_are_those_of_numpy() -> None:
    half, single, double = (np.array([1.5, -0.5, 2.0], f"f{n}") for n in (2, 4, 8))
    small, whole, flag = np.array([1, 2, 3], np.int8), np.array([1, 2, 3]), np.array([True, False, True])
    arrays = [half, single, double, small, whole, flag]
    graphs = []
    for a in (half, single, double):
        for b in arrays:
            name = f"{a.dtype} {b.dtype}"
            graphs.append(graph_of(f"{name} *", lambda a, b: a * b, a, b))
            graphs.append(graph_of(f"{name} maximum", maximum, a, b))
            graphs.append(
                graph_of(f"{name} concatenate", lambda a, b: TABLE["concatenate"](a, b, axis=0), a, b)
            )
            graphs.append(graph_of(f"{name} @", lambda a, b: a @ b, a, b))
        graphs.append(graph_of(f"{a.dtype} * 2.5", lambda a: a * 2.5 + 1, a))
        graphs.append(graph_of(f"{a.dtype} * np.float64", lambda a: a * np.float64(2.5), a))
    check_first_order(graphs, 5e-3)


def test_float16_is_added_up_in_float32() -> None:
    ones = np.ones(5000, np.float16)
    x = Tensor(ones)
    (total,), (g,) = Compiled(Program([x.sum()], [x])).passes([ones])
    assert (total, total.dtype, g.dtype) == (5000, np.float16, np.float16)
    w = Tensor(np.float16(0.5))
    several = stack([(w * ones).sum() / 2 for _ in range(3)] + [w])  # the gradient is a sum of contributions
    (_,), (g,) = Compiled(Program([several], [w])).passes([w.data], [np.ones(4, np.float16)])
    assert (g, g.dtype) == (np.float16(7501), np.float16)


# ---------------------------------------------------------------------- zero stays zero


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_zero_stays_zero_beside_infinity() -> None:
    graphs = [
        graph_of("x log x", lambda x: x * 0.0 * log(x), np.array([0.0, 1.0])),
        graph_of("sqrt", lambda x: TABLE["sqrt"](x) * 0.0, np.array([0.0, 4.0])),
        graph_of("masked", lambda x: TABLE["where"](log(x), x, condition=x.data > 0), np.array([0.0, 2.0])),
    ]
    check_first_order(graphs, 1e-12)
    for graph in graphs:
        compiled = Compiled(Program([graph.output], graph.leaves))
        compiled.passes([x.data for x in graph.leaves], [np.ones(graph.output.shape)])
        assert compiled.report().programs == 2, "the pass is compiled again only where a gradient was NaN"


def test_the_second_program_is_not_compiled_without_nan() -> None:
    x = Tensor([1.0, 2.0])
    compiled = Compiled(Program([exp(x).sum()], [x]))
    compiled.passes([x.data])
    assert compiled.report().programs == 1


def test_a_tape_has_one_program_without_gradients_and_one_with_them() -> None:
    x = Tensor([1.0, 2.0])
    tape = Tape((x * x).sum()).compile("xla")
    for _ in range(3):
        x.grad = None
        assert tape.forward() == 5.0
        tape.backward()
        np.testing.assert_array_equal(x.grad, [2, 4])
    assert " 2 programs " in tape.report()


def test_an_output_that_others_are_computed_from() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    y = x @ x
    outputs = [y, (y * y).sum(), (y * x).sum(), y]
    upstream: list[Any] = [np.full((2, 2), 2.0), np.array(3.0), np.array(5.0), np.full((2, 2), 7.0)]
    found = Compiled(Program(outputs, [x])).passes([x.data], upstream)[1][0]
    expected = sum(gradients(z, x, u) for z, u in zip(outputs, upstream, strict=True))
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_a_weight_that_is_used_many_times_gets_its_gradient_by_one_product() -> None:
    w, x = Tensor(np.full((3, 3), 0.1)), np.arange(6.0).reshape(2, 3)
    h: Any = x
    for _ in range(10):
        h = TABLE["tanh"](h @ w + x)
    compiled = Compiled(Program([h.sum()], [w]), device="cpu")
    (_,), (g,) = compiled.passes([w.data])
    np.testing.assert_allclose(g, gradients(h.sum(), w), rtol=1e-12)
    (program,) = compiled.built.values()
    assert "f64[20,3]" in program.as_text()


@pytest.mark.parametrize(
    "parts",
    [
        [np.s_[:, :2], np.s_[:, 2:4], np.s_[:, 4:]],  # beside each other, as the gates of an LSTM
        [np.s_[2:], np.s_[:2]],
        [np.s_[:, :3], np.s_[:, 2:]],  # one column is in both
        [np.s_[:, 4:], np.s_[:, :2]],  # some are in none
        [np.s_[0], np.s_[1], np.s_[-1], np.s_[2]],
        [np.s_[:1, :2], np.s_[1:, 2:]],
        [np.s_[..., 1], np.s_[:, ::2], np.s_[::-1], np.s_[:]],
    ],
)
def test_gradients_of_slices_are_put_together(parts: list[Any]) -> None:
    rng = np.random.default_rng(0)
    w, expected = rng.standard_normal((4, 5)), np.zeros((4, 5))
    factors = [rng.standard_normal(w[part].shape) for part in parts]
    for part, factor in zip(parts, factors):
        expected[part] += 2 * factor
    x = Tensor(w)
    y = x * 2
    total = sum((y[part] * factor).sum() for part, factor in zip(parts, factors))
    _, (found,) = Compiled(Program([total], [x])).passes([w])
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(("dtype", "n"), [("float64", 16_385), ("float32", 32_769)])
def test_sums_of_products_are_right_where_jaxlib_has_computed_wrong_ones(dtype: str, n: int) -> None:
    numbers = np.zeros((n, 3, 1), dtype)  # https://github.com/jax-ml/jax/issues/39103
    numbers[:, 0, 0] = np.arange(n)
    x = Tensor(numbers)
    (found,) = Compiled(Program([((np.eye(3, dtype=dtype) @ x) ** 2).sum((1, 2))], [x])).forward([numbers])
    np.testing.assert_array_equal(found, numbers[:, 0, 0] ** 2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_sums_of_large_arrays(dtype: str) -> None:
    numbers = np.random.default_rng(0).normal(size=(8, 4, 32, 40)).astype(dtype)
    numbers[1, 2, 3, 4] = np.inf
    x = Tensor(numbers)
    axes: list[Any] = [None, 0, 1, 3, (0, 1), (1, 2), (2, 3), (0, 3), (0, 2, 3), (1, -1, 2), (0, 1, 2, 3)]
    sums = [x.sum(axis=axis, keepdims=keepdims) for axis in axes for keepdims in (False, True)]
    squares = (x * x).sum(axis=(0, 2, 3))
    found, (g,) = Compiled(program_of([*sums, squares], [x], [squares])).passes([numbers])
    exact_numbers = numbers.astype(float)
    expected = [exact_numbers.sum(axis=axis, keepdims=k) for axis in axes for k in (False, True)]
    for y, right in zip(found, [*expected, (exact_numbers**2).sum((0, 2, 3))]):
        assert (y.shape, y.dtype) == (right.shape, dtype)
        np.testing.assert_allclose(y, right, rtol=PRECISION[dtype], atol=PRECISION[dtype] * 100)
    np.testing.assert_array_equal(g, 2 * numbers)


def test_the_weight_of_many_rows_gets_its_gradient_by_one_product() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3, 5, 4), (4, 6))]
    x, w = map(Tensor, arrays)
    compiled = Compiled(program_of([((x @ w) ** 2).sum()], [x, w]))
    _, (by_x, by_w) = compiled.passes(arrays)
    rows, g = arrays[0].reshape(15, 4), 2 * (arrays[0] @ arrays[1]).reshape(15, 6)
    np.testing.assert_allclose(by_w, rows.T @ g, rtol=1e-12)
    np.testing.assert_allclose(by_x, (g @ arrays[1].T).reshape(3, 5, 4), rtol=1e-12)
    (program,) = compiled.built.values()
    assert "[3,4,6]" not in program.as_text(), "a product for each of the three samples"


def test_passes_compose_with_an_update_in_one_program() -> None:
    w, x = Tensor([[1.0, 2.0]], name="w"), Tensor([3.0, 4.0], requires_grad=False)
    program = Program([((w @ x) ** 2).sum()], [w, x])

    @jax.jit
    def step(w: Any, x: Any) -> Any:
        (loss,), (g,) = program.passes([w, x])
        return loss, w - 0.1 * g, has_nan([g])

    with exact():
        loss, new, nan = step(w.data, x.data)
        assert (float(loss), bool(nan)) == (121.0, False)
        np.testing.assert_allclose(new, [[1 - 0.1 * 66, 2 - 0.1 * 88]], rtol=1e-15)
        assert new.dtype == np.float64
