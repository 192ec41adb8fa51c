"""Options of NumPy's functions on Tensors: quantiles by every method, gradients at places, functions without NaN."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.autograd import KindError, RangeError, ShapeError, Tensor, check_gradients

METHODS = [
    "linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf", "interpolated_inverted_cdf", "hazen", "weibull",
    "median_unbiased", "normal_unbiased",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_by_each_method(method: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(7, 3))
    for q in (0.0, 0.1, 0.37, 0.5, [0.25, 0.9, 1.0]):
        for axis in (None, 0, 1):
            for function in (np.quantile, np.nanquantile):
                y = function(Tensor(x), q, axis=axis, method=method)
                np.testing.assert_allclose(y.data, function(x, q, axis=axis, method=method), rtol=1e-12)
    np.testing.assert_allclose(
        np.percentile(Tensor(x), 30, axis=0, method=method, keepdims=True).data,
        np.percentile(x, 30, axis=0, method=method, keepdims=True),
        rtol=1e-12,
    )
    check_gradients(lambda t: np.quantile(t, [0.3, 0.8], axis=0, method=method), x)


def test_a_quantile_of_one_element_and_by_no_method() -> None:
    assert np.quantile(Tensor([3.0]), 0.7, method="hazen").item() == 3.0
    with pytest.raises(KindError, match="methods linear.*given 'lowest'; did you mean 'lower'"):
        np.quantile(Tensor([3.0, 4.0]), 0.7, method="lowest")


def test_without_nan(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 6))
    x[0, 1] = x[2, 3] = x[2, 4] = np.nan
    for axis in (None, 0, 1, (0, 1)):
        for keepdims in (False, True):
            np.testing.assert_allclose(
                np.nanmedian(Tensor(x), axis, keepdims=keepdims).data,
                np.nanmedian(x, axis, keepdims=keepdims),
            )
            np.testing.assert_allclose(
                np.nanpercentile(Tensor(x), [10, 70], axis, keepdims=keepdims).data,
                np.nanpercentile(x, [10, 70], axis, keepdims=keepdims),
            )
    t = Tensor(x)
    np.nanmedian(t, axis=1).sum().backward()
    assert t.grad[np.isnan(x)].tolist() == [0, 0, 0]
    assert t.grad.sum(1) == pytest.approx(np.ones(4))
    with np.errstate(all="ignore"):
        assert np.isnan(np.nanmedian(Tensor([[np.nan, np.nan], [1.0, 2.0]]), axis=1).data).tolist() == [
            True,
            False,
        ]


def test_partition(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 7))
    for kth in (0, 3, -1, [1, 4]):
        y = np.partition(Tensor(x), kth, axis=1).data
        expected = np.partition(x, kth, axis=1)
        np.testing.assert_array_equal(y[:, kth], expected[:, kth])
    check_gradients(lambda t: np.partition(t, 2), x)
    with pytest.raises(RangeError, match="kth below the length of axis 1"):
        np.partition(Tensor(x), 7, axis=1)


def test_gradient_at_places(rng: np.random.Generator) -> None:
    x, rows, columns = (
        rng.normal(size=(4, 6)),
        np.cumsum(rng.uniform(0.5, 2, 4)),
        np.cumsum(rng.uniform(0.5, 2, 6)),
    )
    for y, expected in zip(np.gradient(Tensor(x), rows, columns), np.gradient(x, rows, columns), strict=True):
        np.testing.assert_allclose(y.data, expected, rtol=1e-12)
    np.testing.assert_allclose(np.gradient(Tensor(x), columns, axis=1).data, np.gradient(x, columns, axis=1))
    check_gradients(lambda t, at: np.gradient(t, at, axis=1), x, columns)
    two = np.gradient(Tensor(x), 0.5, columns)
    np.testing.assert_allclose(two[0].data, np.gradient(x, 0.5, columns)[0])
    with pytest.raises(ShapeError, match="a place for each of the 6 elements along axis 1"):
        np.gradient(Tensor(x), rows, axis=1)


def test_least_squares(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    for matrix, right in ((a, b), (a, b[:, 0]), (a[:2], b[:2]), (a @ np.diag([1.0, 1.0, 0.0]), b)):
        found = np.linalg.lstsq(Tensor(matrix), right)
        expected = np.linalg.lstsq(matrix, right)
        np.testing.assert_allclose(found[0].data, expected[0], atol=1e-10)
        np.testing.assert_allclose(np.asarray(getattr(found[1], "data", found[1])), expected[1], atol=1e-10)
        assert found[2] == expected[2]
        np.testing.assert_allclose(found[3].data, expected[3], atol=1e-10)
    check_gradients(lambda a, b: np.linalg.lstsq(a, b)[0], a, b)
    singular = np.ones((2, 2))
    for rcond in (-1, 0.5):
        found = np.linalg.lstsq(Tensor(singular), [1.0, 2.0], rcond)
        expected = np.linalg.lstsq(singular, [1.0, 2.0], rcond)
        np.testing.assert_allclose(found[0].data, expected[0])
        assert found[2] == expected[2] == 1
    with pytest.raises(ShapeError, match="lstsq takes a matrix"):
        np.linalg.lstsq(Tensor(a), b[:3])
