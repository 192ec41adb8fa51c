"""Convolution and pooling against loops over windows, differences, ties and NaN, padding, and their lessons."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chainrule.autograd import (
    TABLE,
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    Value,
    avg_pool,
    check_gradients,
    conv,
    gradients,
    max_pool,
)


def each_window(x: np.ndarray, kernel: Any, stride: Any, pads: Any, dilation: Any, fill: float) -> Any:
    """The position and the elements of each window, one at a time."""
    x = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=fill)
    counts = [len(range(0, n - d * (k - 1), s)) for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation)]
    for at in np.ndindex(*counts):
        yield (
            at,
            counts,
            x[(..., *(slice(i * s, i * s + d * k, d) for i, s, d, k in zip(at, stride, dilation, kernel)))],
        )


def naive_conv(x: Any, w: Any, stride: Any, pads: Any, dilation: Any, groups: int = 1) -> np.ndarray:
    y = None
    for at, counts, window in each_window(x, w.shape[2:], stride, pads, dilation, 0):
        y = np.zeros((len(x), len(w), *counts)) if y is None else y
        for n, o in np.ndindex(len(x), len(w)):
            first = o // (len(w) // groups) * w.shape[1]
            y[(n, o, *at)] = (window[n, first : first + w.shape[1]] * w[o]).sum()
    return y


def naive_pool(
    x: Any, reduce: Any, kernel: Any, stride: Any, pads: Any, dilation: Any, fill: float
) -> np.ndarray:
    y = None
    for at, counts, window in each_window(x, kernel, stride, pads, dilation, fill):
        y = np.zeros((*x.shape[:2], *counts)) if y is None else y
        y[(..., *at)] = reduce(window, axis=tuple(range(2, x.ndim)))
    return y


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes and options of a convolution or a pooling that fit together."""
    space = draw(st.integers(1, 3))
    most = {1: 7, 2: 5, 3: 3}[space]

    def per_axis(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=space, max_size=space)))

    lengths, kernel, stride, dilation = per_axis(1, most), per_axis(1, 3), per_axis(1, 4), per_axis(1, 3)
    pads = tuple(zip(per_axis(0, 2), per_axis(0, 2)))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    assume(all(n + sum(pad) >= e for n, pad, e in zip(lengths, pads, reach)))
    seed = draw(st.integers(0, 1000))
    return {
        "x": np.random.default_rng(seed).uniform(-1, 1, (draw(st.integers(1, 2)), 2, *lengths)),
        "kernel": kernel, "stride": stride, "dilation": dilation, "pads": pads,
    }  # fmt: skip


@given(p=problems(), outputs=st.integers(1, 3), groups=st.integers(1, 2))
@settings(max_examples=60)
def test_conv(p: dict[str, Any], outputs: int, groups: int) -> None:
    x = p["x"]
    w = np.random.default_rng(x.size).uniform(-1, 1, (outputs * groups, 2 // groups, *p["kernel"]))
    options = {"stride": p["stride"], "padding": p["pads"], "dilation": p["dilation"], "groups": groups}
    expected = naive_conv(x, w, p["stride"], p["pads"], p["dilation"], groups)
    np.testing.assert_allclose(conv(Tensor(x), w, **options).data, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(conv(x, w, **options), expected, rtol=1e-12, atol=1e-13)
    # the sum is linear in x and in w: its rules are right if the three faces of it are one number
    g = np.random.default_rng(1).uniform(-1, 1, expected.shape)
    whole = (expected * g).sum()
    a, b = Tensor(x), Tensor(w)
    by_x, by_w = gradients(conv(a, b, **options), [a, b], g)
    assert (by_x.shape, by_w.shape) == (x.shape, w.shape)
    assert (by_x * x).sum() == pytest.approx(whole, rel=1e-11, abs=1e-12)
    assert (by_w * w).sum() == pytest.approx(whole, rel=1e-11, abs=1e-12)
    for other in (np.roll(x, 1), x**2):
        assert (by_x * other).sum() == pytest.approx((conv(other, w, **options) * g).sum(), abs=1e-11)
    other = np.roll(w, 1)
    assert (by_w * other).sum() == pytest.approx((conv(x, other, **options) * g).sum(), abs=1e-11)


@given(p=problems())
@settings(max_examples=60)
def test_pools(p: dict[str, Any]) -> None:
    x, geometry = p["x"], (p["kernel"], p["stride"], p["pads"])
    once = (1,) * len(p["kernel"])
    if all(n + sum(pad) >= k for n, pad, k in zip(x.shape[2:], p["pads"], p["kernel"])):
        mean = naive_pool(x, np.mean, *geometry, once, 0)
        np.testing.assert_allclose(avg_pool(Tensor(x), *geometry).data, mean, rtol=1e-12, atol=1e-14)
        check_gradients(lambda x: avg_pool(x, *geometry), x, order=1)
    expected = naive_pool(x, np.max, *geometry, p["dilation"], -math.inf)
    if np.isinf(expected).any():
        with pytest.raises(ShapeError, match="nothing but padding"):
            max_pool(x, *geometry, p["dilation"])
        return
    np.testing.assert_array_equal(max_pool(Tensor(x), *geometry, p["dilation"]).data, expected)
    check_gradients(lambda x: max_pool(x, *geometry, p["dilation"]), x, order=1)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1},
        {"stride": (3, 1), "dilation": (1, 2), "padding": ((2, 0), 1)},
        {"padding": "same", "groups": 2},
        {"padding": 4},  # more than the kernel reaches
    ],
    ids=str,
)
def test_second_and_third_derivatives_of_conv(options: Any, rng: np.random.Generator) -> None:
    channels = 2 // options.get("groups", 1)
    x, w = rng.uniform(-1, 1, (2, 2, 4, 5)), rng.uniform(-1, 1, (2, channels, 2, 2))
    check_gradients(lambda x, w: conv(x, w, **options) ** 2, x, w)
    one = {**options, "stride": 2, "dilation": 1, "padding": 1}
    check_gradients(lambda x, w: conv(x, w, **one) ** 2, x[:, :, 0], w[:, :, 0])

    def slope(x: Any, w: Any) -> Any:
        y = conv(x, w, **options)
        return gradients((y * y * y).sum(), w, create_graph=True)

    check_gradients(slope, x, w)


def test_a_convolution_by_hand() -> None:
    x, w = Tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]), Tensor([[[[1.0, -1.0]]]])
    y = conv(x, w)
    np.testing.assert_array_equal(y.data, [[[[-1, -1], [-1, -1]]]])
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [[[[1, 0, -1], [1, 0, -1]]]])
    np.testing.assert_array_equal(w.grad, [[[[12, 16]]]])


def test_a_kernel_as_large_as_the_input_is_a_matrix_product(rng: np.random.Generator) -> None:
    x, w = rng.uniform(-1, 1, (3, 2, 4, 5)), rng.uniform(-1, 1, (7, 2, 4, 5))
    np.testing.assert_allclose(
        conv(Tensor(x), w).data[:, :, 0, 0], x.reshape(3, -1) @ w.reshape(7, -1).T, rtol=1e-12
    )


def test_padding_in_words(rng: np.random.Generator) -> None:
    x = rng.uniform(-1, 1, (1, 1, 7, 8))
    w = rng.uniform(-1, 1, (1, 1, 3, 2))
    same = conv(x, w, padding="same")
    assert same.shape == x.shape
    np.testing.assert_array_equal(same, conv(x, w, padding=((1, 1), (0, 1))))
    np.testing.assert_array_equal(conv(x, w, padding="valid"), conv(x, w))
    assert conv(x, w, padding="same", stride=3).shape == (1, 1, 3, 3)
    assert max_pool(x, 3, 2, "same").shape == (1, 1, 4, 4)
    assert avg_pool(x, (3, 1), 1, "same").shape == x.shape


@pytest.mark.parametrize("padding", [((1, 2, 3), 0), ((), 0), [[1], 1]], ids=str)
def test_padding_is_a_number_or_a_pair(padding: Any) -> None:
    with pytest.raises(ShapeError, match=r"a number or a pair \(before, after\)"):
        conv(np.ones((1, 1, 4, 4)), np.ones((1, 1, 2, 2)), padding=padding)


def test_a_mean_of_nothing_but_padding() -> None:
    x = Tensor(np.ones((1, 1, 4)))
    np.testing.assert_array_equal(avg_pool(x, 2, padding=4).data, [[[0, 0, 1, 1, 0, 0]]])
    with pytest.raises(ShapeError, match="nothing but padding, which have no mean"):
        avg_pool(x, 2, padding=4, count_include_pad=False)


def test_a_large_batch_is_the_samples_one_by_one(rng: np.random.Generator) -> None:
    x, w = rng.uniform(-1, 1, (40, 4, 20, 20)), rng.uniform(-1, 1, (6, 4, 3, 3))  # several times the cache
    g = rng.uniform(-1, 1, (40, 6, 9, 9))
    a, b = Tensor(x), Tensor(w)
    by_x, by_w = gradients(conv(a, b, stride=2), [a, b], g)
    each = [(Tensor(x[i : i + 1]), Tensor(w), g[i : i + 1]) for i in range(40)]
    alone = [gradients(conv(a, b, stride=2), [a, b], g) for a, b, g in each]
    np.testing.assert_allclose(by_x, np.concatenate([one for one, _ in alone]), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(by_w, sum(one for _, one in alone), rtol=1e-10, atol=1e-12)


def test_equal_elements_of_a_window_share_evenly() -> None:
    x = Tensor(np.ones((1, 1, 4, 4)))
    max_pool(x, 2).sum().backward()
    np.testing.assert_array_equal(x.grad, np.full((1, 1, 4, 4), 0.25))
    x = Tensor([[[2.0, 5.0, 5.0, 5.0, 1.0]]])
    g = gradients(max_pool(x, 3, 1), x, np.ones((1, 1, 3)))
    np.testing.assert_allclose(g, [[[0, 1 / 2 + 1 / 3, 1 / 2 + 1 / 3 + 1 / 2, 1 / 3 + 1 / 2, 0]]])
    x = Tensor(np.full((1, 1, 2), -np.inf))  # as low as the padding, which still has no share
    np.testing.assert_array_equal(gradients(max_pool(x, 2, 1, 1), x, np.ones((1, 1, 3))), [[[1.5, 1.5]]])


def test_a_window_with_a_nan_is_nan() -> None:
    x = Tensor([[[1.0, np.nan, 2.0, 3.0, 4.0]]])
    np.testing.assert_array_equal(max_pool(x, 2, 1).data, [[[np.nan, np.nan, 3, 4]]])
    np.testing.assert_array_equal(avg_pool(x, 2, 1).data, [[[np.nan, np.nan, 2.5, 3.5]]])
    assert np.isnan(conv(x, np.ones((1, 1, 2))).data).tolist() == [[[True, True, False, False]]]


def test_second_derivatives_of_pools(rng: np.random.Generator) -> None:
    x = rng.permutation(np.linspace(-1, 1, 32)).reshape(1, 2, 4, 4)
    for options in ((2,), (3, 1), (2, 3), ((3, 2), (2, 1), 1)):
        check_gradients(lambda x, o=options: max_pool(x, *o) ** 3, x)
        check_gradients(lambda x, o=options: avg_pool(x, *o) ** 3, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_stay(dtype: Any) -> None:
    x, w = Tensor(np.ones((2, 1, 5)), dtype=dtype), Tensor(np.ones((1, 1, 2)), dtype=dtype)
    for y in (conv(x, w, 2, 1), max_pool(x, 2, padding=1), avg_pool(x, 2)):
        assert y.dtype == dtype
        assert gradients(y, x, np.ones(y.shape)).dtype == dtype
    assert gradients(conv(x, w), w, np.ones((2, 1, 4))).dtype == dtype


def test_plain_arrays_integers_and_empty_batches() -> None:
    x = np.arange(5).reshape(1, 1, 5)
    np.testing.assert_array_equal(conv(x, np.array([[[1, 1]]])), [[[1, 3, 5, 7]]])
    np.testing.assert_array_equal(max_pool(x, 2, padding=(1,)), [[[0, 2, 4]]])
    np.testing.assert_array_equal(max_pool(x > 3, 2, padding=1), [[[False, False, True]]])
    np.testing.assert_array_equal(avg_pool(x, 2), [[[0.5, 2.5]]])
    none = Tensor(np.zeros((0, 1, 5)))
    w = Tensor(np.ones((3, 1, 2)))
    for y in (conv(none, w, 2), max_pool(none, 2), avg_pool(none, 2)):
        assert y.shape == (0, 3 if y.op and y.op.name == "conv" else 1, 2)
        assert gradients(y, none, np.zeros(y.shape)).shape == none.shape
    np.testing.assert_array_equal(gradients(conv(none, w), w, np.zeros((0, 3, 4))), np.zeros((3, 1, 2)))


def test_inputs_that_are_not_contiguous(rng: np.random.Generator) -> None:
    x = np.asfortranarray(rng.uniform(-1, 1, (2, 2, 5, 4)))
    w = rng.uniform(-1, 1, (2, 2, 3, 6))[..., ::2].swapaxes(2, 3)[:, ::-1]
    np.testing.assert_allclose(
        conv(x, w), naive_conv(x, w, (1, 1), [(0, 0)] * 2, (1, 1)), rtol=1e-12, atol=1e-14
    )
    flipped = x[:, :, ::-1]
    np.testing.assert_array_equal(max_pool(flipped, 2), max_pool(flipped.copy(), 2))


# ---------------------------------------------------------------------- lessons


X = Tensor(np.ones((2, 4, 6, 6)))


@pytest.mark.parametrize(
    ("w", "options", "words"),
    [
        ((8, 3, 3, 3), {}, r"shape \(outputs, 4, k, k\)"),
        ((8, 4, 3), {}, r"shape \(outputs, 4, k, k\)"),
        (
            (8, 4, 3, 3),
            {"groups": 2},
            r"in 2 groups. .*\(outputs, 4 / 2, k, k\), with outputs a multiple of 2",
        ),
        ((7, 2, 3, 3), {"groups": 2}, "a multiple of 2"),
        ((8, 4, 0, 3), {}, "without elements"),
        ((8, 4, 3, 7), {}, "Along axis 3 the kernel reaches over 7 elements and there are 6"),
        ((8, 4, 3, 3), {"dilation": (3, 1)}, "Along axis 2 the kernel reaches over 7 elements"),
        ((8, 4, 3, 3), {"stride": (1, 1, 1)}, "stride=.* has 3 numbers; there are 2 axes"),
        ((8, 4, 3, 3), {"padding": (1,)}, "padding=.* has 1 numbers"),
    ],
)
def test_shapes_that_do_not_fit(w: Any, options: Any, words: str) -> None:
    for kernels in (np.ones(w), Tensor(np.ones(w))):
        with pytest.raises(ShapeError, match=words):
            conv(X, kernels, **options)


def test_options_that_cannot_be() -> None:
    w = np.ones((8, 4, 3, 3))
    for options in (
        {"stride": 0},
        {"dilation": 0},
        {"padding": -1},
        {"groups": 0},
        {"padding": ((0, -1), 0)},
    ):
        with pytest.raises(RangeError, match="at least"):
            conv(X, w, **options)
    for options in ({"stride": 1.5}, {"padding": None}, {"padding": "full"}, {"dilation": "1"}):
        with pytest.raises(KindError, match="given"):
            conv(X, w, **options)
    for pool in (max_pool, avg_pool):
        with pytest.raises(RangeError, match="kernel is at least 1"):
            pool(X, 0)
        with pytest.raises(ShapeError, match="reaches over 7 elements"):
            pool(X, 7)
        with pytest.raises(ShapeError, match=r"shape \(batch, channels, \*space\)"):
            pool(X[0, 0], 2)
        with pytest.raises(KindError, match="one number"):
            pool(Value(1.0), 2)
    with pytest.raises(ShapeError, match="Take less padding"):
        max_pool(X, 2, padding=2)


def test_the_rows_are_in_the_table() -> None:
    names = {"windows", "fold", "conv", "conv_input_gradient", "conv_weight_gradient", "max_pool", "avg_pool"}
    assert names <= set(TABLE)
