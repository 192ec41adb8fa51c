"""Reductions, running products, order, shape: values beside NumPy's, gradients beside differences, the traps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import chainrule.autograd as ag
from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, Value, check_gradients, gradients

RANDOM = np.random.default_rng(7)


def distinct(*shape: int) -> np.ndarray:
    """Numbers of which no two are closer than 0.1, none of them at 0: no kink is near."""
    n = math.prod(shape)
    return np.asarray((RANDOM.permutation(n).reshape(shape) - (n - 1) / 2 + 0.25) / 4)


def agrees(f: Callable[..., Any], reference: Callable[..., Any], *inputs: np.ndarray, order: int = 2) -> None:
    """`f` has the reference's value on arrays and on tensors, float32 stays, and the gradients are right."""
    expected = reference(*inputs)
    tensors = [Tensor(x) for x in inputs]
    for y in (f(*inputs), f(*tensors).data):
        assert np.shape(y) == np.shape(expected)
        np.testing.assert_allclose(y, expected, rtol=1e-13, atol=1e-14)
    assert f(*tensors).requires_grad
    narrow = [Tensor(x, dtype=np.float32) for x in inputs]
    y = f(*narrow)
    assert y.dtype == np.float32
    for t, g in zip(narrow, gradients(y, narrow, np.ones(y.shape)), strict=True):
        assert (g.shape, g.dtype) == (t.shape, np.float32)
    check_gradients(f, *inputs, order=order)


# ---------------------------------------------------------------------- what is asked of NumPy, in all its forms

M, V, C, S = distinct(3, 4), distinct(5), distinct(2, 3, 2), distinct()
AXES: list[Any] = [None, 0, -1, (), (0, 1), (-1, 0)]
CALLS: list[tuple[str, tuple[np.ndarray, ...], tuple[Any, ...], dict[str, Any]]] = [
    *(
        (name, (x,), (), {"axis": axis, "keepdims": keepdims})
        for name in ("std", "prod", "median")
        for x, axes in ((M, AXES), (C, [None, 1, (0, 2), (2, 1)]), (V, [None, 0, (-1,)]), (S, [None]))
        for axis, keepdims in itertools.product(axes, (False, True))
        if not (name == "median" and axis == ())  # NumPy's own fails
    ),
    ("std", (M,), (), {"ddof": 1, "axis": 0}),
    *(
        (name, (x,), (), {"axis": axis})
        for name in ("cumsum", "cumprod")
        for x, axes in ((M, [None, 0, 1, -2]), (C, [1]), (V, [-1]), (S, [None]))
        for axis in axes
    ),
    *(("sort", (x,), (), {"axis": a}) for x, a in ((M, None), (M, 0), (M, -1), (C, 1), (V, 0), (S, None))),
    *(("diff", (M,), (), {"n": n, "axis": a}) for n, a in ((0, 0), (1, -1), (1, 0), (2, 1), (4, 1), (7, 0))),
    ("swapaxes", (C,), (0, -1), {}),
    ("swapaxes", (M,), (1, 1), {}),
    ("moveaxis", (C,), (-1, 0), {}),
    ("moveaxis", (C,), ((0, 1), (-1, -2)), {}),
    ("moveaxis", (C,), ([2, 0], [0, 1]), {}),
    ("transpose", (C,), ((-1, 0, -2),), {}),
    *(("expand_dims", (M,), (axis,), {}) for axis in (0, -1, (0, 2), (-1, 1))),
    *(("squeeze", (distinct(1, 3, 1),), (axis,), {}) for axis in (None, 0, -1, (0, 2))),
    *(("flip", (x,), (), {"axis": a}) for x, a in ((M, None), (M, 0), (C, (0, -1)), (S, None), (M, ()))),
    *(
        ("roll", (C,), (shift,), {"axis": axis})
        for shift, axis in ((1, None), (-7, None), (1, 0), (-1, (1, 2)), ((1, -5), (1, 0)), ((1, 2), 1), (0, 2))
    ),
    ("roll", (S,), (3,), {}),
    *(
        ("pad", (M,), (width,), {"mode": mode})
        for width in (0, 1, (1, 2), ((1, 0), (0, 3)), ((2,), (1,)), ((0, 0), (0, 0)))
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap")
    ),
    ("pad", (V,), (9,), {"mode": "reflect"}),
    ("pad", (M,), (1,), {"constant_values": 3}),
    ("pad", (M,), (2,), {"constant_values": ((1, 2), (3, 4))}),
    ("pad", (S,), (1,), {}),
    *(("tile", (M,), (reps,), {}) for reps in (0, 1, 2, (2, 1), (2, 1, 3), (3,), ())),
    ("tile", (S,), ((2, 2),), {}),
    *(
        ("repeat", (M,), (repeats,), {"axis": axis})
        for repeats, axis in ((2, None), (0, 0), (3, -1), ([2, 0, 1], 0), (np.array([2]), 1), (np.arange(12), None))
    ),
    ("repeat", (S,), (2,), {}),
    *(
        ("take", (M,), (indices,), {"axis": axis})
        for indices, axis in (
            (-1, None), (3, 1), ([0, 0, -1], 0), ([[1, 2], [3, 3]], 1), ([], 1), (np.zeros((2, 0), int), None),
        )
    ),
    *(("take", (M,), ([5, -9, 3],), {"axis": 0, "mode": mode}) for mode in ("wrap", "clip")),
    ("take", (S,), (0,), {}),
    ("take_along_axis", (M, ), (np.argsort(M, 0), 0), {}),
    ("take_along_axis", (M, ), (np.array([[1, -1, 1]]).T, 1), {}),
    ("take_along_axis", (M, ), (np.array([[1, 1]]), 1), {}),
    ("take_along_axis", (M, ), (np.array([11, 0, 0]), None), {}),
    ("take_along_axis", (distinct(1, 3), ), (np.array([[1, 1], [0, 2]]), 1), {}),
    *((name, (x,), (k,), {}) for name in ("tril", "triu") for x, k in ((M, 0), (M, -1), (M, 2), (C, 1), (V, 0))),
    *((name, (M,), (k,), {}) for name in ("diagonal", "trace") for k in (0, 1, -2, 9)),
    *((name, (C,), (-1, 2, 0), {}) for name in ("diagonal", "trace")),
    *((name, (C,), (), {"axis1": 1, "axis2": -1}) for name in ("diagonal", "trace")),
    *(
        ("kron", pair, (), {})
        for pair in ((V, M), (M, distinct(2, 2)), (distinct(2), distinct(2, 1, 2)), (S, V), (S, distinct()))
    ),
    *(("outer", pair, (), {}) for pair in ((V, distinct(3)), (M, V), (S, V))),
    *(
        ("inner", pair, (), {})
        for pair in ((V, distinct(5)), (M, distinct(2, 4)), (C, distinct(2)), (S, M), (distinct(4), M))
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "inputs", "arguments", "options"), CALLS, ids=lambda v: str(v)[:30])
def test_as_numpy(
    name: str, inputs: tuple[np.ndarray, ...], arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    ours, theirs = getattr(ag, name), getattr(np, name)
    agrees(
        lambda *xs: ours(*xs, *arguments, **options),
        lambda *xs: theirs(*xs, *arguments, **options),
        *inputs,
        order=1 + (name in ("std", "prod", "cumprod", "kron", "inner")),
    )
    through_numpy = theirs(*map(Tensor, inputs), *arguments, **options)
    np.testing.assert_allclose(through_numpy.data, theirs(*inputs, *arguments, **options), rtol=1e-13)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize(
    ("ord", "axis", "x"),
    [
        *((ord, 0, M) for ord in (None, 0, 1, 2, 3, 1.5, -1, -2.5, np.inf, -np.inf)),
        *((ord, (-1,), C) for ord in (None, 1, 2)),
        *((ord, (1, 0), M) for ord in (None, "fro", 1, -1, np.inf, -np.inf)),
        *((ord, (0, 2), C) for ord in ("fro", 1, np.inf, 2, "nuc")),
        *((ord, (1, 0), M) for ord in (2, -2, "nuc")),
        *((ord, None, M) for ord in (None, "fro", 1, np.inf)),
        *((ord, None, V) for ord in (None, 0, 2, 4)),
        (None, None, C),
        (None, None, S),
    ],
    ids=lambda v: str(v)[:20],
)
def test_norm(ord: Any, axis: Any, x: np.ndarray, keepdims: bool) -> None:
    agrees(
        lambda t: ag.norm(t, ord, axis, keepdims),
        lambda a: (
            np.linalg.norm(a, ord, axis, keepdims)
            * np.ones((1,) * x.ndim if keepdims and axis is None else ())
        ),
        x,
    )
    np.testing.assert_allclose(np.linalg.norm(Tensor(x), ord, axis).data, np.linalg.norm(x, ord, axis))


@pytest.mark.parametrize("x", [M, np.zeros((0, 3)), np.zeros((3, 0))], ids=["3,4", "0,3", "3,0"])
@pytest.mark.parametrize(
    "cut", [1, 2, 3, 4, 7, [], [1], [1, 1, 3], [2, 9], [-1], [3, 1], np.array([2])], ids=str
)
@pytest.mark.parametrize("axis", [0, -1])
def test_split(x: np.ndarray, cut: Any, axis: int) -> None:
    t = Tensor(x)
    parts, expected = ag.array_split(t, cut, axis), np.array_split(x, cut, axis)
    assert len(parts) == len(expected)
    for part, array in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part.data, array)
    if isinstance(cut, int) and x.shape[axis] % cut:
        with pytest.raises(ShapeError, match=f"into {cut} equal parts.*array_split"):
            ag.split(t, cut, axis)
    else:
        assert [part.shape for part in np.split(t, cut, axis)] == [a.shape for a in np.split(x, cut, axis)]
    if x.size:
        check_gradients(
            lambda u: ag.concatenate(
                [k * p * p for k, p in enumerate(ag.array_split(u, cut, axis), 1)], axis
            ),
            x,
        )


def test_parts_that_nobody_uses_have_gradient_zero() -> None:
    t = Tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    _, middle, _ = ag.split(t, [1, 3])
    middle.sum().backward()
    np.testing.assert_array_equal(t.grad, [0, 1, 1, 0, 0])


# ---------------------------------------------------------------------- shapes and axes at random

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)


def numbers(shape: tuple[int, ...]) -> np.ndarray:
    return (
        np.random.default_rng(math.prod(shape) + 10 * len(shape))
        .permutation(np.arange(1.0, 1 + math.prod(shape)))
        .reshape(shape)
    )


def linear_agrees(
    f: Callable[[Any], Any], reference: Callable[[np.ndarray], np.ndarray], x: np.ndarray
) -> None:
    """The value is the reference's, and so is the gradient: of a linear function, by one look per element."""
    t = Tensor(x)
    y = f(t)
    expected = reference(x)
    assert y.shape == expected.shape
    np.testing.assert_array_equal(y.data, expected)
    weights = np.random.default_rng(1).permutation(np.arange(1.0, 1 + y.size)).reshape(y.shape)
    g = gradients(y, t, weights)
    units = np.eye(x.size).reshape(x.size, *x.shape)
    found = np.array([np.sum(weights * reference(unit)) for unit in units]).reshape(x.shape)
    np.testing.assert_array_equal(g, found)


@given(SHAPES, st.data())
def test_shape_functions_at_random(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = numbers(shape)
    axis = st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.none()
    axes = st.lists(axis, unique_by=lambda k: k % x.ndim, max_size=x.ndim).map(tuple) if x.ndim else st.none()
    small = st.integers(-4, 4)
    counts = st.lists(st.integers(0, 3), min_size=x.ndim, max_size=x.ndim)
    name, arguments = data.draw(
        st.one_of(
            st.tuples(st.just("flip"), st.tuples(axes | axis)),
            st.tuples(st.just("roll"), st.tuples(small, st.none() | axis | axes)),
            st.tuples(st.just("moveaxis"), st.tuples(axes, st.permutations(range(x.ndim)))),
            st.tuples(st.just("tile"), st.tuples(st.lists(st.integers(0, 2), max_size=4).map(tuple))),
            st.tuples(st.just("repeat"), st.tuples(st.integers(0, 3), axis | st.none())),
            st.tuples(
                st.just("pad"),
                st.tuples(counts.map(lambda ns: [(n, 3 - n) for n in ns]) if x.ndim else st.just(0)),
            ),
            st.tuples(st.just("cumsum"), st.tuples(axis | st.none())),
            st.tuples(st.just("diff"), st.tuples(st.integers(0, 3), axis)),
            st.tuples(st.just("tril"), st.tuples(small)),
            st.tuples(st.just("triu"), st.tuples(small)),
            st.tuples(st.just("diagonal"), st.tuples(small)),
            st.tuples(st.just("trace"), st.tuples(small)),
            st.tuples(st.just("swapaxes"), st.tuples(axis, axis)),
            st.tuples(st.just("expand_dims"), st.tuples(st.integers(-x.ndim - 1, x.ndim))),
        )
    )
    if name == "moveaxis":
        assume(x.ndim)
        arguments = (arguments[0], tuple(arguments[1][: len(arguments[0])]))
    assume(x.ndim >= {"tril": 1, "triu": 1, "diagonal": 2, "trace": 2, "swapaxes": 1, "diff": 1}.get(name, 0))
    linear_agrees(
        lambda t: getattr(ag, name)(t, *arguments), lambda a: np.asarray(getattr(np, name)(a, *arguments)), x
    )


@given(SHAPES, st.data())
def test_choosing_functions_at_random(shape: tuple[int, ...], data: st.DataObject) -> None:
    x = numbers(shape)
    axis = data.draw(st.none() | st.integers(-x.ndim, x.ndim - 1) if x.ndim else st.none())
    n = x.size if axis is None else x.shape[axis]
    mode = data.draw(st.sampled_from(["raise", "wrap", "clip"]))
    low, high = (-n, n - 1) if mode == "raise" else (-9, 9)
    indices = data.draw(
        hnp.arrays(
            int,
            hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
            elements=st.integers(low, high),
        )
        if n
        else st.just(np.zeros((2, 0), int))
    )
    linear_agrees(
        lambda t: ag.take(t, indices, axis, mode), lambda a: np.take(a, indices, axis, mode=mode), x
    )
    if x.ndim:
        order = np.argsort(x)[..., : data.draw(st.integers(0, 3))]
        linear_agrees(
            lambda t: ag.take_along_axis(t, order, -1), lambda a: np.take_along_axis(a, order, -1), x
        )


@settings(max_examples=40)
@given(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), st.data())
def test_reductions_at_random(shape: tuple[int, ...], data: st.DataObject) -> None:
    elements = st.integers(-3, 3).map(float)  # zeros and ties
    x = data.draw(hnp.arrays(float, shape, elements=elements))
    axis = data.draw(st.none() | (hnp.valid_tuple_axes(x.ndim) if x.ndim else st.none()))
    keepdims = data.draw(st.booleans())
    agrees(lambda t: ag.prod(t, axis, keepdims), lambda a: np.prod(a, axis, keepdims=keepdims), x)
    if x.ndim:
        along = data.draw(st.integers(-x.ndim, x.ndim - 1) | st.none())
        agrees(lambda t: ag.cumprod(t, along), lambda a: np.cumprod(a, along), x)
        y = ag.sort(t := Tensor(x), along)
        np.testing.assert_array_equal(y.data, np.sort(x, along))
        g = gradients(y, t, np.arange(float(y.size)).reshape(y.shape))
        assert g.sum() == pytest.approx(y.size * (y.size - 1) / 2)
        if along is None:
            for value in np.unique(x):
                assert np.ptp(g[x == value]) == pytest.approx(0, abs=1e-12)
    n = x.size if axis is None else math.prod(x.shape[k] for k in axis)
    if n and axis != ():
        y = ag.median(t := Tensor(x), axis, keepdims)
        np.testing.assert_array_equal(y.data, np.median(x, axis, keepdims=keepdims))
        assert gradients(y, t, np.ones(y.shape)).sum() == pytest.approx(y.size)
        np.testing.assert_allclose(
            ag.std(t, axis, keepdims).data, np.std(x, axis, keepdims=keepdims), atol=1e-15
        )


# ---------------------------------------------------------------------- the traps, by hand


def first_and_second(f: Callable[[Any], Any], at: Any) -> tuple[np.ndarray, np.ndarray]:
    """The gradient and the Hessian of a function of one array with one number as its result."""
    x = Tensor(at)
    g = gradients(f(x), x, create_graph=True)
    return g.data, np.array([gradients(g[i], x) for i in range(x.size)])


def test_products_with_zeros() -> None:
    for at, first, second in (
        ([0, 2, 3], [6, 0, 0], [[0, 3, 2], [3, 0, 0], [2, 0, 0]]),
        ([0, 2, 0], [0, 0, 0], [[0, 0, 2], [0, 0, 0], [2, 0, 0]]),
        ([0, 0, 0], [0, 0, 0], np.zeros((3, 3))),
        ([5, 2, 3], [6, 15, 10], [[0, 3, 2], [3, 0, 5], [2, 5, 0]]),
    ):
        g, h = first_and_second(ag.prod, np.array(at, float))
        np.testing.assert_array_equal(g, first)
        np.testing.assert_array_equal(h, second)
    # y = (a, ab, abc), summed: 1 + b + bc, a + ac, ab
    for (a, b, c), f in itertools.product([(0, 2, 3), (2, 0, 0), (0, 0, 3), (2, 0, 3)], [ag.cumprod]):
        g, h = first_and_second(lambda x, f=f: f(x).sum(), np.array([a, b, c], float))
        np.testing.assert_array_equal(g, [1 + b + b * c, a + a * c, a * b])
        np.testing.assert_array_equal(h, [[0, 1 + c, b], [1 + c, 0, a], [b, a, 0]])


def test_the_third_derivative_of_a_product_of_zeros() -> None:
    x = Tensor([0.0, 0.0, 0.0])
    second = gradients(gradients(ag.prod(x), x, create_graph=True)[0], x, create_graph=True)
    np.testing.assert_array_equal(gradients(second[1], x), [0, 0, 1])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e8, 1e100])
def test_the_std_of_a_constant_is_flat(value: float) -> None:
    for n in (1, 3, 7):
        x = np.full(n, value)
        assert ag.std(Tensor(x)).item() == 0
        g, h = first_and_second(ag.std, x)
        assert not g.any()
        assert not h.any()
    mixed = Tensor([[value, value, value], [1.0, 2.0, 3.0]])
    g = gradients(ag.std(mixed, axis=1), mixed, np.ones(2))
    np.testing.assert_allclose(g, [[0, 0, 0], [-(6**-0.5), 0, 6**-0.5]], atol=1e-15)


@pytest.mark.parametrize("ord", [None, 1, 2, 3, 1.5, 0.5, 0, np.inf, -np.inf])
def test_the_norm_of_zero_is_flat(ord: Any) -> None:
    for f in (lambda x: ag.norm(x, ord), lambda x: ag.norm(x, ord, keepdims=True).sum()):
        g, h = first_and_second(f, np.zeros(3))
        assert not g.any()
        assert not h.any()
    with np.errstate(all="raise"):
        one_at_zero = Tensor([[0.0, 0.0], [3.0, -4.0]])
        g = gradients(ag.norm(one_at_zero, axis=1), one_at_zero, np.ones(2))
    np.testing.assert_allclose(g, [[0, 0], [0.6, -0.8]])


def test_elements_that_are_small_beside_the_norm_have_the_slope_zero() -> None:
    # the slope is (|x| / y)**(ord - 1), where |x| / y is 0 after rounding, or y is 0 for a negative order
    for numbers, ord, right in (([1e-200, 1e150], 1.5, [0, 1]), ([1.0, math.inf], 3, [0, math.nan])):
        x = Tensor(numbers)
        np.testing.assert_allclose(gradients(ag.norm(x, ord), x), right, rtol=1e-13)
    x = Tensor([0.0, 2.0])  # 1 / (1 / |x0| + 1 / |x1|) is 0, whatever x1 is
    with np.errstate(divide="ignore"):
        assert gradients(ag.norm(x, -1), x).tolist() == [0, 0]


def test_matrix_norms_of_zero_are_flat() -> None:
    for ord in (None, "fro", 1, -1, np.inf, -np.inf):
        x = Tensor(np.zeros((2, 2)))
        assert not gradients(ag.norm(x, ord), x).any()


def test_a_large_mean_costs_no_digits() -> None:
    noise = np.array([1.0, 2.0, 4.0])
    x = Tensor(1e8 + noise)
    np.testing.assert_allclose(ag.std(x).item(), np.std(noise), rtol=1e-8)
    np.testing.assert_allclose(ag.var(x).item(), np.var(noise), rtol=1e-8)
    deviation = noise - noise.mean()
    np.testing.assert_allclose(gradients(ag.std(x), x), deviation / (3 * np.std(noise)), rtol=1e-7)
    np.testing.assert_allclose(gradients(ag.var(x), x), 2 / 3 * deviation, rtol=1e-7)


def test_topk_of_every_dtype() -> None:
    for numbers, largest, smallest in (
        (np.array([0, 5, 255, 3], np.uint8), [2, 1], [0, 3]),
        (np.array([-128, 5, -1], np.int8), [1, 2], [0, 2]),
        (np.array([False, True, False]), [1, 0], [0, 2]),
        (np.array([1.0, np.nan, 3.0, 3.0]), [1, 2], [0, 2]),  # NaN is the largest, as in sort and in PyTorch
    ):
        for x in (numbers, Tensor(numbers), np.stack([numbers] * 2, 1)):
            found = [ag.topk(x, 2, 0, largest=flag).indices for flag in (True, False)]
            if x.ndim == 2:
                found = [indices[:, 0] for indices in found]
            assert [indices.tolist() for indices in found] == [largest, smallest]


def test_ties_share_evenly() -> None:
    x = Tensor([2.0, 1.0, 2.0, 2.0])
    np.testing.assert_array_equal(gradients(ag.sort(x), x, np.array([10.0, 1, 2, 6])), [3, 10, 3, 3])
    np.testing.assert_allclose(gradients(ag.median(x), x), [1 / 3, 0, 1 / 3, 1 / 3])
    x = Tensor([2.0, 1.0, 2.0, 0.0])  # the middle ones are 1 and 2, and there are two of 2
    np.testing.assert_array_equal(gradients(ag.median(x), x), [0.25, 0.5, 0.25, 0])
    x = Tensor([[0.0, -0.0], [1.0, 0.0]])  # rows do not tie with rows, and 0 is -0
    np.testing.assert_array_equal(gradients(ag.sort(x), x, np.array([[1.0, 3], [5, 7]])), [[2, 2], [7, 5]])


def test_the_second_derivative_through_ties() -> None:
    x = Tensor([1.0, 1.0, 0.0])
    g = gradients((ag.sort(x) ** 2 * np.array([1.0, 3.0, 5.0])).sum(), x, create_graph=True)
    np.testing.assert_array_equal(g.data, [8, 8, 0])  # 2 x 1 times the mean of 3 and 5
    np.testing.assert_array_equal(gradients(g[0] + 2 * g[1] + 4 * g[2], x), [12, 12, 8])


def test_nan_in_nan_out() -> None:
    x = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    for name in ("std", "prod", "median"):
        np.testing.assert_array_equal(np.isnan(getattr(ag, name)(Tensor(x), axis=1).data), [True, False])
    for f in (
        ag.norm,
        lambda t: ag.norm(t, np.inf),
        lambda t: ag.cumprod(t)[-1],
        lambda t: ag.sort(t, None)[-1],
    ):
        assert np.isnan(f(Tensor(x)).item())
    t = Tensor([1.0, np.nan, 0.0])
    np.testing.assert_array_equal(gradients(ag.sort(t), t, np.array([1.0, 2.0, 3.0])), [2, 3, 1])


def test_triangles_leave_out_what_is_not_finite() -> None:
    x = Tensor([[1.0, np.inf], [np.nan, 2.0]])
    np.testing.assert_array_equal(ag.triu(ag.tril(x, 0) * 0 + 1).data, [[1, 1], [0, 1]])
    assert np.isfinite(gradients(ag.tril(x).sum(), x)).all()
    np.testing.assert_array_equal(ag.tril(x).data[0], [1, 0])


def test_without_elements() -> None:
    empty = Tensor(np.zeros((0, 3)))
    assert ag.prod(empty).item() == 1
    assert ag.norm(empty).item() == 0
    for y in (
        ag.prod(empty, 0), ag.cumsum(empty), ag.cumprod(empty, 0), ag.cumprod(empty, 1), ag.sort(empty),
        ag.sort(empty, 0), ag.norm(empty, axis=1), ag.norm(empty, axis=0), ag.median(empty, axis=1),
        ag.std(empty, axis=1), ag.diff(empty),
        ag.diff(empty, axis=0), ag.flip(empty), ag.roll(empty, 2), ag.pad(empty, 1), ag.tile(empty, 2),
        ag.repeat(empty, 2),
        ag.take(empty, [], 0), ag.tril(empty), ag.diagonal(empty), ag.trace(empty), ag.kron(empty, empty),
        ag.outer(empty, empty), ag.inner(empty, empty), ag.swapaxes(empty, 0, 1),
    ):  # fmt: skip
        assert gradients(y, empty, np.ones(y.shape)).shape == (0, 3)
    for call in (lambda: ag.median(empty), lambda: ag.std(empty), lambda: ag.median(np.zeros(0))):
        with pytest.raises(ShapeError, match="elements"):
            call()


def test_integers_stay_constants() -> None:
    t = Tensor([[3, 1], [2, 2]])
    for y in (
        ag.prod(t),
        ag.cumsum(t),
        ag.sort(t),
        ag.pad(t, 1),
        ag.flip(t),
        ag.tril(t),
        ag.repeat(t, 2),
        ag.kron(t, t),
    ):
        assert y.dtype == t.dtype
        assert not y.requires_grad
    assert ag.std(t).item() == np.std(t.data)
    assert ag.take(Tensor([5.0, 6.0]), t - 2).data.tolist() == [[6.0, 6.0], [5.0, 5.0]]  # integers as indices


def test_a_list_of_values() -> None:
    a, b = Value(2.0), Value(-3.0)
    assert isinstance(ag.prod([a, b, 4.0]), Value)
    assert gradients(ag.prod([a, b, 4.0]), [a, b]) == [-12.0, 8.0]
    assert ag.inner([a, b], [1.0, 2.0]).data == -4
    with pytest.raises(KindError, match="Values are single numbers"):
        ag.std([a, b])
    with pytest.raises(KindError, match="is one number"):
        ag.cumsum(a)


def test_methods() -> None:
    x = distinct(2, 2)
    t = Tensor(x)
    for name, arguments in (
        ("std", (0,)), ("prod", (1,)), ("cumsum", ()), ("cumprod", (0,)), ("swapaxes", (0, 1)),
        ("repeat", (2, 0)), ("take", ([0, 1], 1)), ("trace", ()), ("diagonal", (1,)), ("clip", (-0.2, 0.2)),
        ("round", ()), ("round", (1,)), ("dot", (x,)), ("copy", ()), ("flatten", ()),
    ):  # fmt: skip
        y = getattr(t, name)(*arguments)
        np.testing.assert_allclose(y.data, getattr(x, name)(*arguments))
        assert isinstance(y, Tensor)
        assert y.requires_grad
    np.testing.assert_allclose(t.std(keepdims=True, ddof=1).data, x.std(keepdims=True, ddof=1))
    for name in ("all", "any", "argmax", "argmin", "argsort"):
        found = getattr(t, name)(axis=0)
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, getattr(x, name)(axis=0))
    assert t.any()
    np.testing.assert_array_equal(Tensor([1.0, 0.0, 1.0, 0.0]).argsort(), [1, 3, 0, 2])
    assert not gradients(t.round(1).sum(), t).any()


LESSONS = [
    (lambda t: ag.cumsum(t, axis=5), ShapeError, "axis=5.*2 axes"),
    (lambda t: ag.sort(t, axis=(0, 1)), KindError, "one axis"),
    (lambda t: ag.cumprod(t, axis="x"), KindError, "axis as an integer"),
    (lambda t: ag.prod(t, axis=(0, 0)), ShapeError, "twice"),
    (lambda t: ag.std(t, axis=0, ddof=2), ShapeError, "2 elements, too few for ddof=2"),
    (lambda t: ag.var(t, where=np.array(False)), ShapeError, "0 elements, too few for ddof=0"),
    (lambda t: ag.norm(t, 3), KindError, "matrices has no order 3"),
    (lambda t: ag.norm(t, "nuc", axis=0), KindError, "vectors has no order 'nuc'"),
    (lambda t: ag.norm(t, "fro", axis=0), KindError, "vectors has no order 'fro'"),
    (lambda t: ag.norm(t, 0), KindError, "matrices has no order 0"),
    (lambda t: ag.norm(ag.stack([t, t]), 1), ShapeError, "3 axes"),
    (lambda t: ag.norm(Tensor(np.zeros(0)), -np.inf), ShapeError, "min"),
    (lambda t: ag.swapaxes(t, 0, 2), ShapeError, "axis=2"),
    (lambda t: ag.moveaxis(t, (0, 1), 0), ShapeError, "2 axes to move and 1 position"),
    (lambda t: ag.split(t, 0), RangeError, "one section or more; given 0"),
    (lambda t: ag.split(t, 1.5), KindError, "integers; given 1.5"),
    (lambda t: ag.pad(t, -1), RangeError, "negative width -1"),
    (lambda t: ag.pad(t, (1, 2, 3)), ShapeError, r"shape \(3,\).*2 pairs"),
    (lambda t: ag.pad(t, 0.5), KindError, "a width in integers"),
    (lambda t: ag.pad(t, 1, mode="mean"), KindError, "given 'mean'"),
    (lambda t: ag.pad(t, 1, constant_values=t), KindError, "plain numbers"),
    (lambda t: ag.pad(t, 1, constant_values=[1, 2, 3]), ShapeError, r"constant_values list \[1, 2, 3\]"),
    (lambda t: ag.pad(Tensor(np.zeros((0, 2))), 1, mode="edge"), ShapeError, "has none"),
    (lambda t: ag.tile(t, -1), RangeError, "given -1"),
    (lambda t: ag.repeat(t, [1, 2, 3], 0), ShapeError, "3 counts for the 2 elements along axis 0"),
    (lambda t: ag.repeat(t, 2.0), KindError, "counts in integers"),
    (lambda t: ag.roll(t, (1, 2, 3), (0, 1)), ShapeError, "3 shifts for 2 axes"),
    (lambda t: ag.take(t, [0, 2], 0), RangeError, "the index 2 for an axis of length 2"),
    (lambda t: ag.take(t, [-3], 0), RangeError, "the index -3"),
    (lambda t: ag.take(t, [0.5]), KindError, "indices in integers"),
    (lambda t: ag.take(t, [0], mode="nearest"), KindError, "given 'nearest'"),
    (lambda t: ag.take(Tensor(np.zeros(0)), [0], mode="wrap"), RangeError, "an axis of length 0"),
    (lambda t: ag.take_along_axis(t, [0, 1], 0), ShapeError, r"shape \(2,\)"),
    (lambda t: ag.take_along_axis(t, np.zeros((3, 1), int), 1), ShapeError, r"shape \(3, 1\)"),
    (lambda t: ag.diff(t, n=-1), RangeError, "n=-1"),
    (lambda t: ag.diff(Tensor(1.0)), ShapeError, "0 axes"),
    (lambda t: ag.tril(Tensor(1.0)), ShapeError, "a matrix"),
    (lambda t: ag.trace(t[0]), ShapeError, "a matrix"),
    (lambda t: ag.diagonal(t, 0, 1, 1), ShapeError, "twice"),
    (lambda t: ag.inner(t, [1.0, 2.0, 3.0]), ShapeError, "last axes"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "kind", "says"), LESSONS, ids=lambda v: v if isinstance(v, str) else "")
def test_mistakes_get_a_lesson(mistake: Callable[[Tensor], Any], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        mistake(Tensor([[1.0, 2.0], [3.0, 4.0]]))
