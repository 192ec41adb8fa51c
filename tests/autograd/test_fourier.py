"""Spectra of real numbers: `rfft` and `irfft` beside NumPy's complex transforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    KindError,
    ShapeError,
    Tape,
    Tensor,
    check_gradients,
    gradients,
    hessian,
    irfft,
    jit,
    rfft,
    stack,
)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_parts_are_those_of_numpy_and_come_back(n: int, axis: int, rng: np.random.Generator) -> None:
    shape = [3, 2, 4]
    shape[axis] = n
    x = rng.normal(size=shape)
    re, im = rfft(Tensor(x), axis)
    expected = np.fft.rfft(x, axis=axis)
    np.testing.assert_allclose(re.data, expected.real, atol=1e-14)
    np.testing.assert_allclose(im.data, expected.imag, atol=1e-14)
    np.testing.assert_allclose(irfft(stack([re, im]), n, axis).data, x, atol=1e-14)
    check_gradients(lambda x: (rfft(x, axis) ** 3).sum(), x)
    check_gradients(lambda s: irfft(s, n, axis) ** 2, np.stack([expected.real, expected.imag]))


def test_the_power_is_that_of_the_numbers(rng: np.random.Generator) -> None:
    """Parseval: the full spectrum has n times the power, so that its gradient is 2 n x."""
    x = Tensor(rng.normal(size=6))
    re, im = rfft(x)
    twice = np.array([1.0, 2.0, 2.0, 1.0])
    power = (twice * (re**2 + im**2)).sum()
    assert power.item() == pytest.approx(6 * (x.data**2).sum())
    np.testing.assert_allclose(gradients(power, x), 12 * x.data)
    np.testing.assert_allclose(
        hessian(lambda x: (twice * (rfft(x) ** 2).sum(0)).sum())(x.data), 12 * np.eye(6), atol=1e-12
    )


def test_a_filter_in_the_spectrum_is_a_convolution_round_the_circle(rng: np.random.Generator) -> None:
    x, w = rng.normal(size=5), rng.normal(size=5)

    def filtered(x: Any, w: Any) -> Any:
        (a, b), (c, d) = rfft(x), rfft(w)
        return irfft(stack([a * c - b * d, a * d + b * c]), n=5)

    found = filtered(Tensor(x), Tensor(w)).data
    np.testing.assert_allclose(found, [sum(x[j] * w[i - j] for j in range(5)) for i in range(5)])
    check_gradients(filtered, x, w)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_dtypes_are_kept(dtype: Any) -> None:
    t = Tensor(np.arange(4), dtype=dtype, requires_grad=True)
    y = irfft(rfft(t))
    assert y.dtype == dtype
    (y * y).sum().backward()
    assert t.grad.dtype == dtype
    np.testing.assert_allclose(t.grad, 2 * t.data, rtol=1e-2, atol=1e-2)


def test_arrays_programs_and_compiled(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 6))
    assert isinstance(rfft(x), np.ndarray)
    t = Tensor(x, name="t")
    y = (irfft(rfft(t) ** 2) ** 2).sum()
    names: dict[str, Any] = {}
    exec(str(Tape(y).source()), names)
    y.backward()
    np.testing.assert_array_equal(names["d_t"], t.grad)
    assert jit(lambda x: (irfft(rfft(x) ** 2) ** 2).sum())(x) == y.item()


def test_compiled_by_xla(rng: np.random.Generator) -> None:
    pytest.importorskip("jax", reason="graphs are compiled by XLA through JAX")
    from chainrule.autograd import grad

    def f(x: Any) -> Any:
        return (irfft(rfft(x, 0) ** 2, 5, 0) ** 2).sum()

    x = rng.normal(size=(5, 2))
    np.testing.assert_allclose(jit(grad(f), backend="xla")(x), grad(f)(x), rtol=1e-10)


T = Tensor(np.ones((2, 4)))
MISTAKES = {
    "NumPy's": (lambda: np.fft.fft(T), KindError, r"complex numbers.*re, im = rfft\(t\)"),
    "NumPy's of real numbers": (lambda: np.fft.rfft(T), KindError, r"np\.fft\.rfft.*re, im = rfft\(t\)"),
    "no element": (lambda: rfft(Tensor(np.ones((2, 0)))), ShapeError, "one element or more"),
    "no parts": (lambda: irfft(Tensor([1.0, 2.0])), ShapeError, r"first axis.*stack\(\[re, im\]\)"),
    "three parts": (lambda: irfft(Tensor(np.ones((3, 4)))), ShapeError, "real and imaginary parts"),
    "another length": (
        lambda: irfft(T, n=9),
        ShapeError,
        "9 numbers have 5 frequencies.*given 4.*which is 6 or 7",
    ),
    "two axes": (lambda: rfft(T, (0, 1)), KindError, "one axis"),
    "no such axis": (lambda: irfft(T, axis=1), ShapeError, "axis"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_explained(case: str) -> None:
    call, error, text = MISTAKES[case]
    with pytest.raises(error, match=text):
        call()
