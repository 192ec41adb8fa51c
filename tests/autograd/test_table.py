"""Every row of the table, by iteration: value, gradient, second gradient, float32; and that a wrong rule is caught."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest
from table_cases import CASES, ELEMENTWISE, LEAVES_NAN_OUT, ROWS, Case

from chainrule.autograd import (
    TABLE,
    ChainruleError,
    CheckError,
    Primitive,
    Tape,
    Tensor,
    Value,
    check_gradients,
    elementwise,
    gradients,
    sigmoid,
    sin,
    softplus,
    square,
    tanh,
)

each_case = pytest.mark.parametrize("case", CASES, ids=str)
# slopes that are not 0 only where another input jumps, so that no difference quotient sees them
UNSEEN = {("heaviside", 1), ("where_nonzero", 2)}
each_seen_rule = pytest.mark.parametrize(
    ("case", "i"),
    [(case, i) for case in CASES for i in range(len(case.inputs)) if (case.row, i) not in UNSEEN],
    ids=str,
)
each_elementwise_rule = pytest.mark.parametrize(
    ("case", "i"),
    [(case, i) for case in ELEMENTWISE for i in range(len(case.inputs)) if (case.row, i) not in UNSEEN],
    ids=str,
)
each_elementwise = pytest.mark.parametrize("case", ELEMENTWISE, ids=str)


def call(case: Case) -> Any:
    return lambda *xs: TABLE[case.row](*xs, **case.params)


def scalar_params(case: Case) -> dict[str, Any]:
    return {k: bool(v.flat[0]) if isinstance(v, np.ndarray) else v for k, v in case.params.items()}


def test_every_row_has_a_case() -> None:
    assert {case.row for case in CASES} == set(ROWS)


@each_case
def test_value(case: Case) -> None:
    expected = np.asarray(case.reference(*case.inputs, **case.params))
    for y in (call(case)(*case.inputs), call(case)(*map(Tensor, case.inputs)).data):
        assert np.shape(y) == expected.shape
        np.testing.assert_allclose(y, expected, rtol=1e-14, atol=1e-14)


@each_elementwise
def test_value_on_floats_equals_the_value_on_arrays(case: Case) -> None:
    params = scalar_params(case)
    for at in np.ndindex(2, 3):
        xs = [float(x[at]) for x in case.inputs]
        expected = TABLE[case.row](*map(np.asarray, xs), **params)
        assert TABLE[case.row](*xs, **params) == pytest.approx(float(expected), rel=1e-14, abs=1e-15)
        y = TABLE[case.row](*map(Value, xs), **params)
        assert type(y.data) is float
        assert y.data == pytest.approx(float(expected), rel=1e-14, abs=1e-15)


@each_case
def test_gradient_and_second_gradient(case: Case) -> None:
    check_gradients(call(case), *case.inputs)


@each_elementwise
def test_gradient_and_second_gradient_on_values(case: Case) -> None:
    params = scalar_params(case)
    check_gradients(lambda *xs: TABLE[case.row](*xs, **params), *(float(x[0, 0]) for x in case.inputs))


@each_case
def test_float32_stays_float32(case: Case) -> None:
    if case.row == "astype":
        case = Case("astype", case.inputs, case.reference, {"dtype": np.dtype(np.float32)})
    inputs = [Tensor(x, dtype=np.float32) for x in case.inputs]
    y = call(case)(*inputs)
    assert y.dtype == np.float32
    wide = gradients(call(case)(*(xs := [Tensor(x.data, dtype=float) for x in inputs])), xs, np.ones(y.shape))
    for create_graph in (False, True):
        for x, g, expected in zip(
            inputs, gradients(y, inputs, np.ones(y.shape), create_graph), wide, strict=True
        ):
            assert g.dtype == np.float32
            assert g.shape == x.shape
            assert isinstance(g, Tensor if create_graph else np.ndarray)
            np.testing.assert_allclose(g.data if create_graph else g, expected, rtol=2e-5, atol=2e-6)


@each_case
def test_python_numbers_and_arrays_become_constants(case: Case) -> None:
    for i in range(len(case.inputs)):
        mixed: list[Any] = list(case.inputs)
        mixed[i] = Tensor(mixed[i])
        y = call(case)(*mixed)
        g = gradients(y, mixed[i], np.ones(y.shape))
        every = [Tensor(x) for x in case.inputs]
        z = call(case)(*every)
        np.testing.assert_array_equal(g, gradients(z, every[i], np.ones(y.shape)))


@each_elementwise
def test_broadcasting_is_undone(case: Case) -> None:
    if len(case.inputs) < 2:
        check_gradients(
            lambda x: call(case)(x.reshape(2, 1, 3)) if not case.params else call(case)(x), *case.inputs
        )
        return
    first, *others = case.inputs
    for small in (np.array(first[0, 0]), first[:1, :1], first[0], first[:, :1], first[0, :1]):
        check_gradients(call(case), small, *others)
        check_gradients(call(case), *others[:1], small, *others[1:])


@each_elementwise
def test_empty_arrays(case: Case) -> None:
    if case.row == "where":
        case = Case("where", case.inputs, case.reference, {"condition": np.zeros((0, 3), bool)})
    xs = [Tensor(np.zeros((0, 3))) for _ in case.inputs]
    y = call(case)(*xs)
    assert y.shape == (0, 3)
    for g in gradients(y, xs, np.zeros((0, 3))):
        assert g.shape == (0, 3)


@each_case
def test_arrays_in_any_order_of_memory(case: Case) -> None:
    def holding(array: np.ndarray) -> Tensor:  # Tensor(array) would copy
        t = Tensor(np.zeros(array.shape))
        t.data = array
        return t

    def backwards_and_spaced(x: np.ndarray) -> np.ndarray:
        view = np.zeros(tuple(2 * n for n in x.shape))[(..., *(slice(None, None, -2),) * x.ndim)]
        view[...] = x
        return view

    plain = [Tensor(x) for x in case.inputs]
    y = call(case)(*plain)
    u = np.random.default_rng(0).normal(size=y.shape)
    for rearranged in (lambda x: x.copy("F"), backwards_and_spaced):
        xs = [holding(rearranged(x)) for x in case.inputs]
        z = call(case)(*xs)
        np.testing.assert_allclose(z.data, y.data, rtol=1e-14, atol=1e-15)
        for g, expected in zip(gradients(z, xs, u.copy("F")), gradients(y, plain, u), strict=True):
            np.testing.assert_allclose(g, expected, rtol=1e-13, atol=1e-14)


@each_elementwise
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_nan_in_nan_out(case: Case) -> None:
    params = scalar_params(case) | ({"condition": True} if case.row == "where" else {})
    for i in range(len(case.inputs)):
        if (case.row, i) in LEAVES_NAN_OUT:
            continue
        xs = [float(x[0, 0]) for x in case.inputs]
        xs[i] = math.nan
        row = TABLE[case.row]
        for y in (row(*xs, **params), row(*map(Value, xs), **params), row(*map(Tensor, xs), **params)):
            assert math.isnan(float(y))


@pytest.mark.parametrize("name", ["dot", "largest", "logtotalexp", "smallest", "total"])
def test_all_slopes_at_once_are_those_one_by_one(name: str) -> None:
    row = TABLE[name]
    numbers = [0.3, -1.0, 2.0, 2.0, -1.0, 0.5]
    for xs in (numbers, [2.0, math.nan], [-math.inf] * 2, [np.array([x, -x]) for x in numbers]):
        with np.errstate(all="ignore"):
            y = row(*xs)
            every = row.rules.every(y, *xs)  # type: ignore[union-attr]
            assert len(every) == len(xs)
            for i, slope in enumerate(every):
                np.testing.assert_array_equal(slope, row.rule(i, y, *xs))
    for kind in (Value, lambda x: Tensor([x])):
        nodes = [kind(x) for x in numbers]
        y = row(*nodes)
        for i, slope in enumerate(row.rules.every(y, *nodes)):  # type: ignore[union-attr]
            both = [x.data if isinstance(x, (Value, Tensor)) else x for x in (slope, row.rule(i, y, *nodes))]
            np.testing.assert_array_equal(*both)


def test_the_steps_of_all_slopes_grow_like_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in multiplications and comparisons, of numbers that count them."""
    steps = [0]

    class Counting(float):
        def __eq__(self, other: object) -> bool:
            steps[0] += 1
            return float(self) == other

        def __sub__(self, other: float) -> float:
            steps[0] += 1
            return float(self) - other

        __hash__ = float.__hash__

    for name in ("dot", "largest", "logtotalexp", "smallest", "total"):
        used = []
        for n in (40, 400):
            steps[0] = 0
            TABLE[name].rules.every(40.0, *map(Counting, range(n)))  # type: ignore[union-attr]
            used.append(steps[0])
        assert used[1] <= 10 * used[0]


# ---------------------------------------------------------------------- remainders

REAL = [-7.5, -2.0, -0.0, 0.0, 0.75, 3.0, 1e300, math.inf, -math.inf, math.nan]


def test_remainders_are_pythons_and_numpys() -> None:
    for a in REAL:
        for b in REAL:
            with np.errstate(all="ignore"):
                expected, cut = np.remainder(a, b), np.fmod(a, b)
                for x, y in ((Value(a), Value(b)), (Tensor(a), Tensor(b)), (Value(a), b), (Tensor([a]), b)):
                    for found, right in ((x % y, expected), (np.mod(x, y), expected), (np.fmod(x, y), cut)):
                        np.testing.assert_array_equal(found.data, np.broadcast_to(right, np.shape(found)))
                        same_sign = np.signbit(found.data) == np.signbit(right)
                        assert np.all(same_sign | np.isnan(right))
                np.testing.assert_array_equal((a % Value(b)).data, expected)  # reflected
            if b and math.isfinite(a) and math.isfinite(b):
                assert (Value(a) % b).data == a % b
    assert math.isnan((Value(3.0) % 0.0).data)
    assert math.isnan((Value(3.0) % Value(0.0)).data)
    np.testing.assert_array_equal((Tensor([7, -7]) % 3).data, [1, 2])
    assert (Tensor([7.5], dtype=np.float32) % 2).dtype == np.float32


def test_slopes_of_remainders() -> None:
    a, b = Value(-7.5), Value(2.0)
    assert gradients(a % b, [a, b]) == [1.0, 4.0]  # -floor(-3.75)
    assert gradients(np.fmod(a, b), [a, b]) == [1.0, 3.0]  # -trunc(-3.75)
    assert gradients(9.0 % b, b) == -4.0
    x, y = Tensor([7.5, -7.5]), Tensor([-2.0])
    assert [g.tolist() for g in gradients((x % y).sum(), [x, y])] == [[1.0, 1.0], [1.0]]  # 4 - 3
    assert [g.tolist() for g in gradients(np.fmod(x, y).sum(), [x, y])] == [[1.0, 1.0], [0.0]]  # 3 - 3
    check_gradients(lambda x, y: x % y * y, np.array([7.3, -4.1]), np.array([2.0, -1.5]))
    a, b = Value(1.0), Value(0.1)  # 1.0 / 0.1 is rounded to 10, and 1.0 is 9 * 0.1 + 0.09999999999999995
    assert (a % b).data == 0.09999999999999995
    assert [gradients(y, b) for y in (a % b, np.fmod(a, b))] == [-9.0, -9.0]
    assert gradients(Tensor([1.0]) % (t := Tensor([0.1])), t, [1.0]).tolist() == [-9.0]
    assert Tape(Value(5.0, name="a") % Value(3.0, name="b")).source().count("%") >= 1


def test_slopes_where_the_other_input_is_at_its_jump() -> None:
    x, b = Tensor([0.0, 1.0, -1.0]), Tensor([0.5, 0.5, 0.5])
    assert gradients(np.heaviside(x, b).sum(), b).tolist() == [1.0, 0.0, 0.0]
    a = Tensor([3.0, 4.0, 5.0])
    y = TABLE["where_nonzero"](x, a, b)
    assert y.data.tolist() == [0.5, 4.0, 5.0]
    assert [g.tolist() for g in gradients(y.sum(), [x, a, b])] == [
        [0.0] * 3,
        [0.0, 1.0, 1.0],
        [1.0, 0.0, 0.0],
    ]


# ---------------------------------------------------------------------- the tester, tested


def with_wrong_rule(row: Primitive, i: int) -> Primitive:
    """The row with its rule for input `i` a thousandth too large; a rule that is flat gets a slope."""

    def rule(k: int, *arguments: Any, **params: Any) -> Any:
        right = row.rule(k, *arguments, **params)
        if k != i:
            return right
        if right is None or (isinstance(right, int) and right == 0):
            return 0.01 if row.elementwise else 0.01 * arguments[0].sum() * arguments[2 + i]
        return right * 1.001

    return Primitive(row.name, row.on_floats, row.on_arrays, rule, row.symbol, row.elementwise)


@each_seen_rule
def test_a_rule_off_by_a_thousandth_is_caught(case: Case, i: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, case.row, with_wrong_rule(TABLE[case.row], i))
    with pytest.raises(CheckError, match=f"gradient .*with respect to .*input {i}"):
        check_gradients(call(case), *case.inputs, order=1)


@each_seen_rule
def test_a_rule_off_by_a_thousandth_is_caught_at_second_order(
    case: Case, i: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slope(
        *xs: Any,
    ) -> Any:  # of a curved function of the row, so that linear rows have a second derivative
        y = TABLE[case.row](*xs, **case.params)
        return gradients(y * y + sin(y), xs[i], np.full(y.shape, 0.7), create_graph=True)

    check_gradients(slope, *case.inputs, order=1)
    monkeypatch.setitem(TABLE, case.row, with_wrong_rule(TABLE[case.row], i))
    with pytest.raises(CheckError, match="gradient .*with respect to"):
        check_gradients(slope, *case.inputs, order=1)


@each_elementwise_rule
def test_a_rule_off_by_a_thousandth_is_caught_on_values(
    case: Case, i: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TABLE, case.row, with_wrong_rule(TABLE[case.row], i))
    caught = 0
    for at in np.ndindex(2, 3):
        params = {k: bool(v[at]) if isinstance(v, np.ndarray) else v for k, v in case.params.items()}
        try:
            check_gradients(
                lambda *xs, params=params: TABLE[case.row](*xs, **params),
                *(float(x[at]) for x in case.inputs),
            )
        except CheckError:
            caught += 1
    assert caught  # not everywhere: relu has nothing to scale where it is 0


# ---------------------------------------------------------------------- adding a row


def test_a_new_row_brings_its_derivatives_drawing_stepping_and_check() -> None:
    mish = elementwise(
        "mish",
        lambda x: x * math.tanh(math.log1p(math.exp(x))),
        lambda x: x * np.tanh(np.logaddexp(x, 0)),
        [lambda y, x: tanh(softplus(x)) + x * (1 - square(tanh(softplus(x)))) * sigmoid(x)],
    )
    try:
        assert TABLE["mish"] is mish
        check_gradients(mish, 0.7)
        check_gradients(mish, np.linspace(-3, 3, 7))
        x = Value(0.7, name="x")
        y = mish(x)
        (slope,) = y.local_gradients()
        assert gradients(y, x) == slope
        assert [step.kind for step in Tape(y).steps()] == ["forward", "seed", "backward"]
        from chainrule.viz import draw

        dot = draw(y).dot
        assert "mish" in dot
        assert f"× {slope:.4f}" in dot  # on the edge
        with pytest.raises(ChainruleError, match="already"):
            elementwise("mish", math.sin, np.sin, [lambda y, x: y])
    finally:
        del TABLE["mish"]


OWN = {  # value, value on arrays, rules, and the gradients at 2 and 3
    "multiply": (operator.mul, np.multiply, [lambda y, a, b: 10 * b, lambda y, a, b: 0], (30.0, 0.0)),
    "multiply in other words": (
        operator.mul,
        np.multiply,
        [lambda y, a, b: a, lambda y, a, b: b],
        (2.0, 3.0),
    ),
    "add": (operator.add, np.add, [lambda y, a, b: a, lambda y, a, b: 5], (2.0, 5.0)),
    "subtract": (operator.sub, np.subtract, [3, 4], (3.0, 4.0)),
    "a weighted sum": (
        lambda a, b: 2.5 * a - 0.25 * b,
        lambda a, b: 2.5 * a - 0.25 * b,
        [2.5, -0.25],
        (2.5, -0.25),
    ),
    "compare": (lambda a, b: float(a < b), np.less, [0, 0], (0.0, 0.0)),
}


@pytest.mark.parametrize("name", OWN)
def test_a_row_with_the_function_of_another_has_its_own_rules(name: str) -> None:
    on_floats, on_arrays, rules, expected = OWN[name]
    row = elementwise("own", on_floats, on_arrays, rules)
    try:
        for _ in range(2):  # the second time by what was prepared the first time
            a, b = Value(2.0), Value(3.0)
            row(a, b).backward()
            assert (a.grad, b.grad) == expected
            t, u = Tensor([2.0, 2.0]), Tensor([3.0, 3.0])
            y = row(t, u)
            assert y.data.tolist() == on_arrays(t.data, u.data).tolist()
            if y.requires_grad:
                y.backward(np.ones(2))
                assert (t.grad.tolist(), u.grad.tolist()) == tuple([x, x] for x in expected)
        comparison = np.array([2.0, 4.0]) < Tensor([3.0, 3.0])
        assert type(comparison) is np.ndarray, "NumPy's comparisons stay what they are"
    finally:
        del TABLE["own"]


def test_rows_and_nodes_show_themselves() -> None:
    assert repr(TABLE["tanh"]) == "<elementwise primitive tanh>"
    assert repr(TABLE["matmul"]) == "<structural primitive matmul>"


def test_every_row_computes_with_functions_that_have_a_name() -> None:
    """What has a name can be copied into a printed program, and read in a traceback."""
    for row in ROWS.values():
        for function in (row.on_floats, row.on_arrays):
            inner = getattr(function, "computes", getattr(function, "without_float16", function))
            for f in (function, inner, getattr(inner, "computes", inner)):
                assert f is None or f.__name__ != "<lambda>", row


def test_the_ufuncs_of_the_table_are_its_rows() -> None:
    """`np.multiply(t, u)` is the row `multiply`, and so for every row that is computed by a ufunc."""
    rows = [row for row in ROWS.values() if row.elementwise and isinstance(row.on_arrays, np.ufunc)]
    assert len(rows) > 30
    for row in rows:
        t = [Tensor([0.25, 0.5]) for _ in range(row.on_arrays.nin)]
        with np.errstate(all="ignore"):
            assert row.on_arrays(*t).op is row
