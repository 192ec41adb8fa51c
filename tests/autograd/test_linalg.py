"""Determinants, inverses, systems, Cholesky factors: against NumPy and differences, singular matrices, lessons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.autograd import (
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    check_gradients,
    cholesky,
    det,
    eigh,
    eigvalsh,
    gradients,
    inv,
    pinv,
    qr,
    slogdet,
    solve,
    svd,
)


def matrices(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Well-conditioned ones, of both signs of the determinant."""
    return rng.uniform(-1, 1, shape) + 2 * np.eye(shape[-1])[rng.permutation(shape[-1])]


@st.composite
def stacks(draw: st.DrawFn) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    return matrices(rng, *draw(st.lists(st.integers(1, 2), max_size=2)), *([draw(st.integers(1, 4))] * 2))


@given(a=stacks())
@settings(max_examples=15)
def test_functions_of_one_matrix(a: np.ndarray) -> None:
    t = Tensor(a)
    np.testing.assert_allclose(det(t).data, np.linalg.det(a), rtol=1e-12)
    np.testing.assert_allclose(inv(t).data, np.linalg.inv(a), rtol=1e-12, atol=1e-12)
    sign, logarithm = slogdet(t)
    expected = np.linalg.slogdet(a)
    np.testing.assert_array_equal(sign.data, expected.sign)
    np.testing.assert_allclose(logarithm.data, expected.logabsdet, rtol=1e-12, atol=1e-12)
    assert not gradients(sign, t, np.ones(sign.shape)).any()
    for f in (det, inv, lambda a: slogdet(a)[1]):
        check_gradients(f, a)
    s = a @ np.swapaxes(a, -1, -2)
    np.testing.assert_allclose(cholesky(Tensor(s)).data, np.linalg.cholesky(s), rtol=1e-12, atol=1e-12)
    check_gradients(cholesky, s)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 3), (3,)),
        ((3, 3), (3, 2)),
        ((2, 3, 3), (3,)),
        ((2, 3, 3), (3, 2)),
        ((2, 3, 3), (2, 3, 1)),
        ((3, 3), (2, 3, 2)),
        ((2, 1, 2, 2), (3, 2, 2)),
        ((1, 1), (1,)),
    ],
)
def test_solve(a: Any, b: Any, rng: np.random.Generator) -> None:
    x, y = matrices(rng, *a), rng.uniform(-1, 1, b)
    np.testing.assert_allclose(solve(Tensor(x), y).data, np.linalg.solve(x, y), rtol=1e-12, atol=1e-13)
    check_gradients(solve, x, y)
    check_gradients(lambda x: solve(x, y), x)
    check_gradients(lambda y: solve(x, y), y)


RANK_ONE_LESS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [5.0, 7.0, 9.0]])
SINGULAR = {
    "1 by 1": np.zeros((1, 1)),
    "2 by 2": np.array([[1.0, 2.0], [2.0, 4.0]]),
    "rank 2 of 3": RANK_ONE_LESS,
    "rank 1 of 3": np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    "rank 2 of 4": np.outer([1.0, 2.0, 3.0, 1.0], [1.0, -1.0, 2.0, 1.0]) + np.outer([0, 1, 0, 2.0], [3.0, 1.0, 0, 1]),
    "zero": np.zeros((3, 3)),
    "one of a stack": np.stack([RANK_ONE_LESS, np.eye(3) + RANK_ONE_LESS]),
    "nearly": RANK_ONE_LESS + 1e-11 * np.eye(3),
}  # fmt: skip


@pytest.mark.parametrize("name", SINGULAR)
def test_det_is_differentiable_at_singular_matrices(name: str) -> None:
    a = SINGULAR[name]
    check_gradients(det, a, rtol=1e-5, atol=1e-6)
    # differences of a cubic are exact at any step; a large one keeps rounding small
    check_gradients(lambda a: gradients(det(a), a, np.ones(a.shape[:-2]), create_graph=True), a, step=1e-2)


def test_det_of_hand_computed_cofactors() -> None:
    a = Tensor(RANK_ONE_LESS)
    det(a).backward()
    np.testing.assert_allclose(a.grad, [[3, -6, 3], [3, -6, 3], [-3, 6, -3]], atol=1e-12)


def test_third_derivative_of_det() -> None:
    a = Tensor(np.zeros((3, 3)))
    g = det(a)
    for at in ((0, 1), (1, 2)):
        g = gradients(g, a, create_graph=True)[at]
    np.testing.assert_allclose(gradients(g, a), [[0, 0, 0], [0, 0, 0], [1, 0, 0]], atol=1e-15)


def test_large_determinants() -> None:
    a = Tensor(np.diag(np.full(200, 1e3)))
    sign, logarithm = slogdet(a)
    logarithm.backward()
    assert sign.item() == 1
    assert logarithm.item() == pytest.approx(200 * np.log(1e3))
    np.testing.assert_allclose(a.grad, np.diag(np.full(200, 1e-3)))


def test_slogdet_of_a_singular_matrix_has_a_value_and_no_gradient() -> None:
    a = Tensor([[1.0, 1.0], [1.0, 1.0]])
    sign, logarithm = slogdet(a)
    assert (sign.item(), logarithm.item()) == (0, -np.inf)
    with pytest.raises(RangeError, match="singular"):
        logarithm.backward()


def test_plain_arrays_integers_and_empty_stacks() -> None:
    a = np.array([[2, 1], [1, 1]])
    assert det(a) == pytest.approx(1)
    assert slogdet(a)[0] == 1
    np.testing.assert_allclose(inv(Tensor(a)).data, [[1, -1], [-1, 2]], atol=1e-15)
    empty = Tensor(np.zeros((0, 3, 3)))
    for f in (det, inv, cholesky, lambda a: slogdet(a)[1]):
        y = f(empty)
        assert gradients(y, empty, np.zeros(y.shape)).shape == (0, 3, 3)
    none = Tensor(np.zeros((0, 0)))
    assert det(none).item() == 1
    assert gradients(det(none), none).shape == (0, 0)


def test_numpy_calls_them() -> None:
    a = Tensor([[4.0, 1.0], [1.0, 3.0]])
    for f in (np.linalg.det, np.linalg.inv, np.linalg.cholesky, lambda a: np.linalg.solve(a, [1.0, 2.0])):
        assert type(f(a)) is Tensor
    assert [type(x) for x in np.linalg.slogdet(a)] == [Tensor, Tensor]


# ---------------------------------------------------------------------- lessons


@pytest.mark.parametrize("f", [det, slogdet, inv, cholesky, lambda a: solve(a, np.ones(2))])
@pytest.mark.parametrize("shape", [(2,), (), (2, 3), (2, 2, 3)])
def test_matrices_that_are_not_square(f: Any, shape: tuple[int, ...]) -> None:
    for a in (np.ones(shape), Tensor(np.ones(shape))):
        with pytest.raises(ShapeError, match="takes a square matrix"):
            f(a)


@pytest.mark.parametrize("f", [inv, lambda a: solve(a, np.ones(2))])
def test_singular_matrices(f: Any) -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0]])
    for x in (a, Tensor(a)):
        with pytest.raises(
            RangeError, match=r"of shape \(2, 2\).* that is singular: its rows depend on one another"
        ):
            f(x)
    with pytest.raises(RangeError, match="one of the stack"):
        f(np.stack([np.eye(2), a]))


def test_cholesky_of_what_is_not_positive_definite() -> None:
    for x in (-np.eye(2), Tensor([[1.0, 2.0], [2.0, 1.0]])):
        with pytest.raises(RangeError, match="cholesky .* not positive definite"):
            cholesky(x)


def test_systems_that_do_not_fit() -> None:
    a = Tensor(np.ones((2, 3, 3)))
    for b in (np.ones(2), np.ones((2, 2)), np.array(1.0)):
        with pytest.raises(ShapeError, match="b needs 3 rows"):
            solve(a, b)
    with pytest.raises(ShapeError, match="do not broadcast"):
        solve(a, np.ones((5, 3, 1)))


# ---------------------------------------------------------------------- decompositions


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 3), (2, 1, 3, 2), (1, 1)], ids=str)
def test_decompositions_of_any_shape(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    a = rng.normal(size=shape)
    u, s, vh = svd(Tensor(a))
    np.testing.assert_allclose((u * s[..., None, :] @ vh).data, a, atol=1e-13)
    np.testing.assert_allclose(pinv(Tensor(a)).data, np.linalg.pinv(a), atol=1e-12)
    for f in (*(lambda a, i=i: svd(a)[i] for i in range(3)), pinv, lambda a: svd(a, compute_uv=False)):
        check_gradients(f, a)
    if shape[-2] >= shape[-1]:
        q, r = qr(Tensor(a))
        np.testing.assert_allclose((q @ r).data, a, atol=1e-13)
        check_gradients(lambda a: qr(a)[0], a)
        check_gradients(lambda a: qr(a)[1], a)
    if shape[-2] == shape[-1]:
        values, vectors = eigh(Tensor(a))
        symmetric = (a + np.swapaxes(a, -1, -2)) / 2
        np.testing.assert_allclose(
            (symmetric @ vectors).data, (vectors * values[..., None, :]).data, atol=1e-13
        )
        check_gradients(lambda a: eigh(a)[1], a)
        check_gradients(eigvalsh, a)


def test_results_have_numpys_names(rng: np.random.Generator) -> None:
    a = matrices(rng, 3, 3)
    for f in (np.linalg.slogdet, np.linalg.eigh, np.linalg.svd, np.linalg.qr):
        ours, theirs = f(Tensor(a + a.T)), f(a + a.T)
        assert ours._fields == theirs._fields
        assert [part.shape for part in ours] == [part.shape for part in theirs]
    np.testing.assert_array_equal(np.linalg.slogdet(Tensor(a)).logabsdet.data, np.linalg.slogdet(a)[1])


def test_numpys_names_of_decompositions(rng: np.random.Generator) -> None:
    a = rng.normal(size=(3, 3))
    for name, f in [("svd", svd), ("qr", qr)]:
        for found, expected in zip(getattr(np.linalg, name)(Tensor(a)), f(a), strict=True):
            np.testing.assert_array_equal(found.data, expected)
    assert np.linalg.svd(Tensor(a), compute_uv=False).shape == np.linalg.eigvalsh(Tensor(a)).shape == (3,)
    np.testing.assert_allclose(np.linalg.pinv(Tensor(a[:2]), rcond=1e-10).data, np.linalg.pinv(a[:2]))


@pytest.mark.parametrize(
    "a", [np.eye(3), np.zeros((3, 3)), np.diag([2.0, 2.0, 1.0]), np.ones((3, 3))], ids=str
)
def test_where_vectors_are_not_determined_gradients_are_finite(a: np.ndarray) -> None:
    t = Tensor(a)
    values, vectors = eigh(t)
    np.testing.assert_allclose(gradients(values.sum(), t), np.eye(3), atol=1e-14)  # that of the trace
    u, s, vh = svd(t)
    for y in (vectors, u, vh, s):
        g = gradients((y * np.arange(y.size).reshape(y.shape)).sum(), t)
        assert np.isfinite(g).all()


def test_mistakes_with_decompositions() -> None:
    with pytest.raises(KindError, match="full_matrices=False"):
        svd(Tensor(np.ones((2, 3))), full_matrices=True)
    with pytest.raises(ShapeError, match="as many rows as columns"):
        qr(Tensor(np.ones((2, 3))))
    with pytest.raises(ShapeError, match="square matrix"):
        eigh(Tensor(np.ones((2, 3))))
    for f in (svd, qr, pinv):
        with pytest.raises(ShapeError, match=r"takes a matrix.*shape \(3,\)"):
            f(Tensor(np.ones(3)))


def test_the_gradient_of_a_determinant_that_is_nan_is_nan_in_that_matrix_alone() -> None:
    a = Tensor([[[np.nan, 1.0], [1.0, 2.0]], [[3.0, 1.0], [1.0, 2.0]]])
    with np.errstate(invalid="ignore"):
        det(a).sum().backward()
    assert np.isnan(a.grad[0]).all()
    np.testing.assert_allclose(a.grad[1], [[2, -1], [-1, 3]], atol=1e-14)


def test_a_pseudo_inverse_of_what_is_not_finite_is_refused() -> None:
    with pytest.raises(RangeError, match="pinv .* not finite"):
        pinv(Tensor([[np.nan, 1.0], [1.0, 2.0]]))
