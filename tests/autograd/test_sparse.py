"""Sparse matrices of scipy as constant factors, compared with the same products of dense arrays."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from chainrule.autograd import (
    KindError,
    ShapeError,
    Tape,
    Tensor,
    Value,
    check_gradients,
    grad,
    gradients,
    hessian,
    jit,
    jvp,
    matmul,
    tanh,
)

HOLEY = np.array([[0.0, 1.5, 0.0], [-0.5, 0.0, 2.0], [0.0, 0.0, 0.0], [1.0, -1.0, 0.25]])
S = scipy.sparse.csr_array(HOLEY)
FORMATS = [
    getattr(scipy.sparse, f"{name}_{kind}")
    for name in ("csr", "csc", "coo", "dia", "lil", "dok", "bsr")
    for kind in ("array", "matrix")
]


def dense_gradient(f: Any, x: np.ndarray) -> Any:
    """The gradient of `f(factor, x).sum()` with the dense factor."""
    t = Tensor(x)
    y = f(HOLEY, t)
    return y.data, gradients((y * y).sum(), t)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_a_factor_on_either_side(kind: Any, rng: np.random.Generator) -> None:
    sparse = kind(HOLEY)
    for f, shape in (
        (lambda a, t: a @ t, (3, 2)),
        (lambda a, t: matmul(a, t), (3,)),
        (lambda a, t: np.matmul(a, t), (3, 1)),
        (lambda a, t: t @ a, (2, 4)),
        (lambda a, t: matmul(t, a), (4,)),
        (lambda a, t: a.T @ t, (4, 2)),
    ):
        x = rng.normal(size=shape)
        t = Tensor(x)
        y = f(sparse, t)
        value, gradient = dense_gradient(f, x)
        assert y.op.name == "sparse_matmul"
        np.testing.assert_allclose(y.data, value, rtol=1e-14, atol=1e-15)
        np.testing.assert_allclose(gradients((y * y).sum(), t), gradient, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("shape", [(2, 3, 5), (2, 1, 3, 2)])
def test_stacks_are_multiplied_as_by_matmul(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.normal(size=shape)
    np.testing.assert_allclose((S @ Tensor(x)).data, np.matmul(HOLEY, x), rtol=1e-14)
    z = rng.normal(size=(*shape[:-1], 4))
    np.testing.assert_allclose((Tensor(z) @ S).data, np.matmul(z, HOLEY), rtol=1e-14, atol=1e-15)
    check_gradients(lambda t: tanh(S @ t), x)
    check_gradients(lambda t: tanh(t @ S), z)


def test_second_derivatives_and_forward_mode(rng: np.random.Generator) -> None:
    x, v = rng.normal(size=3), rng.normal(size=3)
    np.testing.assert_allclose(hessian(lambda t: ((S @ t) ** 2).sum())(x), 2 * HOLEY.T @ HOLEY, atol=1e-14)
    value, tangent = jvp(lambda t: S @ t, x, v)
    np.testing.assert_allclose(value, HOLEY @ x, atol=1e-15)
    np.testing.assert_allclose(tangent, HOLEY @ v, atol=1e-15)


def test_dtypes_are_numpys() -> None:
    for matrix, numbers in (
        ("f4", "f4"),
        ("f8", "f4"),
        ("i4", "f4"),
        ("i1", "f2"),
        ("f4", "f8"),
        ("?", "f8"),
    ):
        t = Tensor(np.ones((3, 2), numbers))
        y = scipy.sparse.csr_array(HOLEY.astype(matrix)) @ t
        assert y.dtype == np.result_type(matrix, numbers)
        y.sum().backward()
        assert t.grad.dtype == t.dtype


def test_nothing_dense_is_made() -> None:
    """A dense copy of this matrix would take 80 gigabytes."""
    n = 100_000
    t = Tensor(np.arange(float(n)))
    shift = scipy.sparse.diags_array([np.ones(n - 1)], offsets=[1])
    (shift @ t)[:3].sum().backward()
    np.testing.assert_array_equal(t.grad[:5], [0, 1, 1, 1, 0])


def test_the_matrix_is_copied() -> None:
    matrix = S.copy()
    t = Tensor(np.ones(3))
    y = (matrix @ t).sum()
    matrix.data[:] = 0
    y.backward()
    np.testing.assert_allclose(t.grad, HOLEY.sum(0))


def test_programs_replays_copies_and_pickles(rng: np.random.Generator) -> None:
    x = rng.normal(size=3)
    t = Tensor(x, name="t")
    y = ((S @ t) ** 2).sum() + (tanh(S @ t) @ S).sum()
    tape = Tape(y)
    program = tape.source()
    run = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(d_t.tolist())"], capture_output=True, text=True, check=True
    )
    y.backward()
    assert run.stdout.splitlines()[-1] == str(t.grad.tolist())  # to the last bit
    assert "import scipy.sparse" in program

    tape.forward(t=2 * x)
    np.testing.assert_allclose(y.data, ((HOLEY @ x * 2) ** 2).sum() + (np.tanh(HOLEY @ x * 2) @ HOLEY).sum())
    for again in (copy.deepcopy(y), pickle.loads(pickle.dumps(y))):  # noqa: S301 - our own
        leaf = Tape(again).leaves[0]
        assert np.isfinite(gradients(again, leaf)).all()


def test_a_large_matrix_in_a_program(rng: np.random.Generator) -> None:
    large = scipy.sparse.random_array((60, 50), density=0.2, rng=3, dtype="f4")
    t = Tensor(rng.normal(size=(50, 2)).astype("f4"), name="t")
    y = (tanh(large @ t).sum() + (t.T @ large.T).sum()).sum()
    names: dict[str, Any] = {}
    exec(str(Tape(y).source()), names)
    y.backward()
    np.testing.assert_array_equal(names["d_t"], t.grad)


@pytest.mark.parametrize("backend", ["numpy", "xla"])
def test_compiled(backend: Any, rng: np.random.Generator) -> None:
    if backend == "xla":
        pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")
    x = rng.normal(size=(2, 3, 2))

    def f(t: Any) -> Any:
        return (tanh(S @ t).swapaxes(-1, -2) @ S).sum() + ((S @ t[0]) ** 2).sum()

    expected = grad(f)(x)
    for _ in range(2):
        np.testing.assert_allclose(grad(jit(f, backend=backend))(x), expected, rtol=1e-12)
        np.testing.assert_allclose(jit(grad(f), backend=backend)(x), expected, rtol=1e-12)


def test_constants_stay_constants() -> None:
    y = S @ Tensor(np.ones(3), requires_grad=False)
    assert isinstance(y, Tensor)
    assert not y.requires_grad
    np.testing.assert_array_equal(np.asarray(Tensor([1, 2])), [1, 2])


T = Tensor(np.ones((3, 2)), name="t")
MISTAKES = {
    "shapes": (
        lambda: S @ T.T,
        ShapeError,
        r"S @ t was given a scipy csr_array of shape \(4, 3\).*shape \(2, 3\)",
    ),
    "shapes on the right": (lambda: T @ S, ShapeError, r"t @ S was given a Tensor 't' of shape \(3, 2\)"),
    "a number": (lambda: S @ Tensor(1.0), ShapeError, r"shape \(\)"),
    "complex": (lambda: scipy.sparse.csr_array(HOLEY * 1j) @ T, KindError, "real numbers.*complex128"),
    "one axis": (lambda: scipy.sparse.coo_array(np.ones(3)) @ T, KindError, r"a matrix.*shape \(3,\)"),
    "a sum": (lambda: S + T, KindError, r"csr_array.*toarray\(\)"),
    "an elementwise product": (lambda: T * S, KindError, r"csr_array.*toarray\(\)"),
    "Values": (lambda: S @ Value(1.0), KindError, "Value"),
    "two of them": (lambda: matmul(S, S), KindError, "matmul takes numbers, arrays and nodes"),
    "an array is asked for": (lambda: np.asarray(T), KindError, r"t\.data"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_explained(case: str) -> None:
    call, error, text = MISTAKES[case]
    with pytest.raises(error, match=text):
        call()
