"""Tensor: construction, dtypes, functions with axes, indexing, NumPy's own functions, and lessons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import chainrule.autograd as ag
from chainrule.autograd import KindError, ShapeError, Tensor, Value, check_gradients, gradients


def test_the_constructor_copies() -> None:
    array = np.array([1.0, 2.0])
    t = Tensor(array, name="t")
    array[0] = 100
    assert t.data[0] == 1
    assert (t.shape, t.ndim, t.size, t.dtype, len(t), t.name) == ((2,), 1, 2, np.float64, 2, "t")


def test_integers_and_booleans_are_constants() -> None:
    for data in ([1, 2], [True, False], np.arange(3)):
        assert not Tensor(data).requires_grad
        with pytest.raises(KindError, match="dtype=float"):
            Tensor(data, requires_grad=True)
    assert Tensor([1, 2], dtype=float).requires_grad
    assert not Tensor([1.0], requires_grad=False).requires_grad


def test_integers_that_are_told_to_require_a_gradient() -> None:
    for data in ([1, 2], [True, False]):
        x = Tensor(data)
        with pytest.raises(KindError, match="integers and booleans are constants"):
            x.requires_grad = True
        assert not x.requires_grad


def test_python_numbers_never_promote() -> None:
    t = Tensor([1.0, 2.0], dtype=np.float32)
    for y in (
        t * 2,
        t * 2.0,
        2.0 / t,
        t**2,
        t + True,
        ag.maximum(t, 0.5),
        t.mean(),
        ag.var(t),
        ag.softmax(t),
    ):
        assert y.dtype == np.float32
        assert gradients(y, t, np.ones(y.shape)).dtype == np.float32
    mixed = (t * Tensor([1.0, 2.0])).sum()
    assert mixed.dtype == np.float64
    assert gradients(mixed, t).dtype == np.float32


FLOATING = st.sampled_from([np.float16, np.float32, np.float64])
ANY = FLOATING | st.sampled_from([np.int8, np.int64, np.uint8, np.bool_])


@given(
    FLOATING,
    ANY | st.sampled_from([bool, int, float]),
    st.sampled_from(["add", "multiply", "divide", "maximum"]),
)
def test_dtypes_at_random(first: Any, second: Any, name: str) -> None:
    a = Tensor([1.5, 2.0], dtype=first)
    b = second(1) if second in (bool, int, float) else Tensor([1, 1], dtype=second)
    for operands in ((a, b), (b, a)):
        y = getattr(ag, name)(*operands)
        expected = getattr(np, name)(*(x.data if isinstance(x, Tensor) else x for x in operands))
        assert y.dtype == expected.dtype
        np.testing.assert_array_equal(y.data, expected)
        for x in {x for x in operands if isinstance(x, Tensor)}:
            assert x.requires_grad == (x.dtype.kind == "f")
            if x.requires_grad:
                for create_graph in (False, True):
                    g = gradients(y, x, np.ones(2), create_graph)
                    assert (g.dtype, g.shape) == (x.dtype, x.shape)


@given(FLOATING, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), st.data())
def test_reductions_keep_the_dtype(dtype: Any, shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.none() | hnp.valid_tuple_axes(len(shape)) if shape else st.none())
    t = Tensor(np.random.default_rng(0).uniform(0.5, 1, shape), dtype=dtype)
    for f in (
        ag.sum,
        ag.mean,
        ag.var,
        ag.std,
        ag.max,
        ag.prod,
        ag.norm,
        ag.logsumexp,
        ag.softmax,
        ag.log_softmax,
    ):
        y = f(t, axis=axis[:1] if f is ag.norm and axis else None if f is ag.norm else axis)
        assert y.dtype == dtype
        for create_graph in (False, True):
            g = gradients(y, t, np.ones(y.shape), create_graph)
            assert (g.dtype, g.shape) == (dtype, shape)


def test_powers_promote_as_in_numpy() -> None:
    for base in (np.array([2, 3]), np.array([2.0, 3.0], np.float32), np.array([2.0, 3.0])):
        for exponent in (
            1,
            2,
            3,
            2.0,
            1.0,
            0.5,
            np.float64(2),
            np.float32(1),
            np.array(2.0),
            np.array([2, 1]),
        ):
            y = Tensor(base) ** exponent
            expected = np.power(base, exponent)  # not **, which differs between releases
            np.testing.assert_allclose(y.data, expected, rtol=1e-6)
            assert y.dtype == expected.dtype


def test_ndarray_and_list_meet_a_tensor() -> None:
    t = Tensor([1.0, 2.0])
    for y in (np.array([3.0, 4.0]) * t, t * np.array([3.0, 4.0]), [3.0, 4.0] * t, np.multiply([3.0, 4.0], t)):
        assert type(y) is Tensor
        np.testing.assert_array_equal(y.data, [3, 8])
    assert type(np.array([[1.0, 2.0]]) @ t) is Tensor


def test_comparisons_are_plain_arrays() -> None:
    t = Tensor([1.0, 2.0])
    for y in (t > 1.5, np.array([1.5, 1.5]) < t, t == 2, t >= Tensor([2.0, 2.0])):
        assert type(y) is np.ndarray
        np.testing.assert_array_equal(y, [False, True])
    assert 2.0 in t


def test_numpys_own_functions() -> None:
    t = Tensor([[1.0, 2.0], [3.0, 4.0]])
    for y, expected in [
        (np.exp(t), np.exp(t.data)), (np.sum(t, axis=0), [4, 6]), (np.mean(t), 2.5), (np.max(t, axis=1), [2, 4]),
        (np.reshape(t, (4,)), [1, 2, 3, 4]), (np.transpose(t), t.data.T),
        (np.concatenate([t, t]), np.vstack([t.data] * 2)),
        (np.stack([t, t]).shape, (2, 2, 2)), (np.where(t > 2, t, 0), [[0, 0], [3, 4]]),
        (np.clip(t, 2, 3), [[2, 2], [3, 3]]),
        (np.squeeze(t[:1]), [1, 2]), (np.expand_dims(t, 0), t.data[None]),
        (np.var(t), 1.25), (np.dot(t, t), t.data @ t.data),
    ]:  # fmt: skip
        np.testing.assert_allclose(getattr(y, "data", y), expected)
    with pytest.raises(KindError, match=r"np\.unique has no derivative rule"):
        np.unique(t)
    with pytest.raises(KindError, match=r"np\.gcd has no derivative rule"):
        np.gcd(t, 2)
    with pytest.raises(KindError, match="lose its gradient"):
        np.asarray(t)
    with pytest.raises(KindError, match="with where, which it does not take"):
        np.add(t, t, where=[True, False])
    np.testing.assert_array_equal(np.asarray(t.detach()), t.data)


INDICES = [
    1, -1, slice(None), slice(None, None, -1), (0, 1), (..., 0), (None, 1), (slice(1, None), None, 0), ([0, 2, 0],),
    (np.array([[0, 1], [1, 1]]),), (slice(None), [1, 1, 0]), ([0, 1], [1, 1]), (np.array([True, False, True]),),
    (np.ones((3, 2), bool),), ([],), (np.array(True),), (0, slice(0, 0)), ([0, 2], None, [1, 1]), ([0, 1], ..., [1]),
    (np.array(False),), True, (), ..., (..., None), (slice(None, None, -2), [1, 0]), ([-1, 2, 2],), np.int64(2),
    ([True, False, True], 1), (None, [0, 0], slice(None, None, -1)), (np.array(1), ...), (np.zeros((2, 0), int),),
    ([0, 0, 0], [1, 1, 0]),
]  # fmt: skip


@pytest.mark.parametrize("at", INDICES, ids=str)
def test_every_form_of_index(at) -> None:
    x = np.arange(6.0).reshape(3, 2)
    t = Tensor(x)
    y = t[at]
    np.testing.assert_array_equal(y.data, x[at])
    g = np.random.default_rng(0).normal(size=y.shape)
    expected = np.zeros_like(x)
    np.add.at(expected, at, g)
    np.testing.assert_allclose(gradients(y, t, g), expected)
    if y.size:
        check_gradients(lambda t: ag.sin(t)[at], x)


def test_indices_may_be_tensors() -> None:
    t = Tensor([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(t[Tensor([2, 0])].data, [3, 1])
    np.testing.assert_array_equal(t[t > 1.5].data, [2, 3])


REDUCTIONS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "var": np.var}


@given(st.data(), st.sampled_from(sorted(REDUCTIONS)))
def test_reductions_over_any_axes(data: st.DataObject, name: str) -> None:
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3))
    axis = data.draw(
        st.none()
        | hnp.valid_tuple_axes(len(shape))
        | st.sampled_from([*range(-len(shape), len(shape)), None])
    )
    keepdims = data.draw(st.booleans())
    x = np.random.default_rng(len(shape)).normal(size=shape)
    y = getattr(ag, name)(Tensor(x), axis=axis, keepdims=keepdims)
    expected = REDUCTIONS[name](x, axis=axis, keepdims=keepdims)
    assert type(y.data) is np.ndarray
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-15)
    check_gradients(lambda t: getattr(ag, name)(t, axis=axis, keepdims=keepdims), x)


def test_ties_share_evenly() -> None:
    t = Tensor([[5.0, 5.0, 1.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(gradients(t.max(axis=1), t, np.ones(2)), [[0.5, 0.5, 0], [1 / 3] * 3])
    np.testing.assert_allclose(gradients(t.max(), t), [[0.5, 0.5, 0], [0, 0, 0]])
    np.testing.assert_allclose(gradients(-(-t).min(axis=1), t, np.ones(2)), [[0.5, 0.5, 0], [1 / 3] * 3])
    np.testing.assert_allclose(gradients(t.min(axis=0), t, np.ones(3)), [[0, 0, 1], [1, 1, 0]])
    for row, wins in ((ag.maximum, 0.0), (ag.minimum, 1.0)):
        a, b = Tensor([1.0, 2.0]), Tensor([1.0, 3.0])
        row(a, b).sum().backward()
        np.testing.assert_array_equal(a.grad, [0.5, wins])
        np.testing.assert_array_equal(a.grad + b.grad, [1, 1])


@given(hnp.arrays(float, (2, 4), elements=st.integers(0, 2).map(float)), st.data())
def test_shares_of_any_ties_sum_to_one_and_are_equal(x: np.ndarray, data: st.DataObject) -> None:
    t = Tensor(x)
    axis = data.draw(st.sampled_from([None, 0, 1, (0, 1)]))
    for f, extreme in ((ag.max, np.max), (ag.min, np.min)):
        y = f(t, axis=axis)
        won = x == extreme(x, axis=axis, keepdims=True)
        expected = won / won.sum(axis=axis, keepdims=True)
        np.testing.assert_allclose(gradients(y, t, np.ones(y.shape)), expected, rtol=1e-15)


def test_nan_in_nan_out() -> None:
    t = Tensor([1.0, np.nan, 3.0])
    for f in (
        ag.max,
        ag.min,
        ag.sum,
        ag.mean,
        ag.logsumexp,
        ag.relu,
        ag.sort,
        ag.median,
        ag.norm,
        ag.prod,
        ag.std,
    ):
        assert np.isnan(f(t).data).any(), f
    assert np.isnan(ag.maximum(t, 2.0).data[1])
    assert np.isnan(ag.softmax(t).data).all()


def test_products_over_nothing() -> None:
    a, b = Tensor(np.zeros((2, 0))), Tensor(np.zeros((0, 3)))
    y = a @ b
    np.testing.assert_array_equal(y.data, np.zeros((2, 3)))
    ga, gb = gradients(y, (a, b), np.ones((2, 3)))
    assert (ga.shape, gb.shape) == ((2, 0), (0, 3))
    empty = Tensor(np.zeros((0, 3)))
    assert ag.sum(empty).item() == 0
    assert ag.prod(empty).item() == 1
    assert gradients(ag.sum(empty), empty).shape == (0, 3)
    with pytest.raises(ShapeError, match="max"):
        ag.max(empty)


def test_operations_with_several_outputs() -> None:
    t = Tensor(np.arange(6.0))
    first, _, third = ag.split(t, 3)  # the second is never used
    (first.sum() + (third * 10).sum()).backward()
    np.testing.assert_array_equal(t.grad, [1, 1, 0, 0, 10, 10])
    m = Tensor([[2.0, 1.0], [1.0, 3.0]])
    _, logdet = ag.slogdet(m)
    np.testing.assert_allclose(gradients(logdet, m), np.linalg.inv(m.data).T)


def test_extreme_logits() -> None:
    t = Tensor([[1e4, 0.0], [-1e4, 1e4]])
    np.testing.assert_array_equal(ag.softmax(t).data, [[1, 0], [0, 1]])
    np.testing.assert_array_equal(ag.log_softmax(t).data, [[0, -1e4], [-2e4, 0]])
    assert np.isfinite(gradients(ag.log_softmax(t).sum(), t)).all()
    np.testing.assert_array_equal(gradients(ag.softmax(t)[0, 0], t), np.zeros((2, 2)))
    np.testing.assert_array_equal(gradients(ag.log_softmax(t)[0, 1], t), [[-1, 1], [0, 0]])
    for row, value, slope in (
        ([-np.inf, 0.0], 0.0, [0, 1]),
        ([-np.inf, -np.inf], -np.inf, [0, 0]),
        ([1e4, 1e4], 1e4 + np.log(2), [0.5, 0.5]),
        ([-1e4, 0.0], 0.0, [0, 1]),
    ):
        t = Tensor(row)
        for y in (ag.logsumexp(t), ag.logaddexp(t[0], t[1])):
            assert y.item() == value
            np.testing.assert_allclose(gradients(y, t), slope, rtol=1e-12)
        vs = [Value(x) for x in row]
        assert ag.logsumexp(vs).data == value
        np.testing.assert_allclose(gradients(ag.logsumexp(vs), vs), slope, rtol=1e-12)
    assert ag.logsumexp(Tensor([np.inf, 0.0])).item() == np.inf
    masked = Tensor([-np.inf, 1.0, 1.0])  # as attention does
    np.testing.assert_array_equal(ag.softmax(masked).data, [0, 0.5, 0.5])
    np.testing.assert_array_equal(gradients(ag.softmax(masked)[1], masked), [0, 0.25, -0.25])


def test_variance_of_large_numbers_keeps_its_digits() -> None:
    noise = np.random.default_rng(0).normal(size=1000)
    assert ag.var(Tensor(1e8 + noise)).item() == pytest.approx(np.var(noise), rel=1e-6)


def test_noncontiguous_and_fortran_arrays() -> None:
    x = np.arange(24.0).reshape(4, 6)
    for view in (x[::2, ::3], np.asfortranarray(x[:2, :2]), x.T[:2, :2]):
        check_gradients(lambda t: ag.tanh(t @ t.T).sum(axis=0), view / 10)


def test_shape_functions() -> None:
    t = Tensor(np.arange(6.0).reshape(2, 3))
    assert t.reshape(3, 2).shape == t.reshape((3, -1)).shape == (3, 2)
    assert t.T.shape == t.transpose(1, 0).shape == t.transpose((1, 0)).shape == (3, 2)
    assert t.transpose(-1, 0).shape == (3, 2)
    assert t.ravel().shape == (6,)
    assert ag.expand_dims(t, -1).shape == (2, 3, 1)
    assert ag.squeeze(ag.expand_dims(t, (0, 2)), axis=(0, 2)).shape == (2, 3)
    assert ag.concatenate([t, t], axis=None).shape == (12,)
    one = Tensor(3.0)
    np.testing.assert_array_equal(gradients(ag.stack([one, 2.0, one]), one, np.array([1.0, 5.0, 10.0])), 11)
    np.testing.assert_array_equal(
        gradients(ag.concatenate([t, t], axis=None), t, np.arange(12.0)), np.arange(6, 18, 2).reshape(2, 3)
    )
    assert [row.shape for row in t] == [(3,), (3,)]
    assert ag.dot(Tensor([1.0, 2.0]), [3.0, 4.0]).item() == 11


def test_assigning_data() -> None:
    t = Tensor([1.0, 2.0], dtype=np.float32)
    t.data -= 0.5
    np.testing.assert_array_equal(t.data, [0.5, 1.5])
    t.data = np.array([1.0, 2.0])
    assert t.dtype == np.float32
    with pytest.raises(ShapeError, match="keeps its shape"):
        t.data = np.ones(3)
    with pytest.raises(KindError, match="only the data of a leaf"):
        (t * 2).data = np.ones(2)


def test_repr() -> None:
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(Tensor([1], name="n")) == "Tensor([1], name='n')"
    assert repr(Tensor(2.0, dtype=np.float32)) == "Tensor(2., dtype=float32)"
    assert float(Tensor([2.0])) == Tensor([[2.0]]).item() == 2.0


class TestLessons:
    def test_shapes_that_do_not_fit(self) -> None:
        with pytest.raises(
            ShapeError, match=r"add was given a Tensor 'a' of shape \(2,\).*\(3,\).*broadcast when"
        ):
            Tensor([1.0, 2.0], name="a") + Tensor([1.0, 2.0, 3.0])
        with pytest.raises(ShapeError, match=r"matmul was given .*\(2, 3\).*\(2, 3\).*last axis of a"):
            Tensor(np.ones((2, 3))) @ Tensor(np.ones((2, 3)))
        with pytest.raises(ShapeError, match="takes \\*"):
            Tensor(2.0) @ Tensor([1.0])
        with pytest.raises(ShapeError, match="reshape with shape"):
            Tensor([1.0, 2.0]).reshape(3)
        with pytest.raises(ShapeError, match="index with at=5"):
            Tensor([1.0, 2.0])[5]

    def test_axes_that_do_not_exist(self) -> None:
        t = Tensor(np.ones((2, 3)))
        with pytest.raises(ShapeError, match="axis=2.*has 2 axes"):
            t.sum(axis=2)
        with pytest.raises(ShapeError, match="names an axis twice"):
            t.sum(axis=(0, -2))
        with pytest.raises(KindError, match="axis as an integer"):
            t.sum(axis="rows")
        with pytest.raises(ShapeError, match="only axes of length 1"):
            t.squeeze(0)
        with pytest.raises(ShapeError, match="each of its axes once"):
            t.transpose((0,))
        with pytest.raises(ShapeError, match="too few for ddof"):
            Tensor([1.0]).var(ddof=1)

    def test_assignment_into_a_tensor(self) -> None:
        with pytest.raises(KindError, match=r"t = t\.at\[0\]\.set\(v\)"):
            Tensor([1.0])[0] = 2.0

    def test_what_is_no_array(self) -> None:
        for wrong in ("text", [1.0, "a"], [1j], {}, None, [[1.0], [1.0, 2.0]]):
            with pytest.raises(KindError):
                Tensor(wrong)
        with pytest.raises(KindError, match=r"stack\(\[a, b\]\)"):
            Tensor([Tensor(1.0), Tensor(2.0)])
        with pytest.raises(KindError, match="a node already"):
            Tensor(Tensor(1.0))

    def test_one_number_from_many(self) -> None:
        with pytest.raises(ShapeError, match=r"plain number.*has 2 elements\. Functions of"):
            float(Tensor([1.0, 2.0]))
        with pytest.raises(ShapeError):
            bool(Tensor([1.0, 2.0]))
        with pytest.raises(KindError, match="no length"):
            len(Tensor(1.0))
