"""How numbers are written."""

import math

import numpy as np
import pytest

from chainrule.viz.common.heat import LEVELS, SIDE, heat
from chainrule.viz.common.numbers import brief, nested, number, summarise


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.8813735870195432, "0.8814"),
        (24.70408163265306, "24.7"),
        (138.8338192419825, "138.8"),
        (-0.5, "-0.5"),
        (1.0, "1"),
        (-6, "-6"),
        (8321, "8321"),
        (12345.678, "12346"),
        (1234567.0, "1234567"),
        (1234567.5, "1.235e6"),
        (1e10, "1e10"),
        (0.00123456, "0.001235"),
        (0.00001234, "1.234e-5"),
        (1e-300, "1e-300"),
        (5e-324, "4.941e-324"),
        (1.7976931348623157e308, "1.798e308"),
        (0.99999, "1"),
        (9.99996, "10"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (True, "True"),
        (np.float32(0.1), "0.1"),
        (np.int64(7), "7"),
        (np.bool_(False), "False"),
        (np.array(2.5), "2.5"),
    ],
)
def test_number(x, text):
    assert number(x) == text


@pytest.mark.parametrize(
    ("digits", "text"), [(1, "0.9"), (2, "0.88"), (6, "0.881374"), (12, "0.88137358702")]
)
def test_digits(digits, text):
    assert number(0.8813735870195432, digits) == text


def test_the_sign_of_a_zero_is_written_with_all_digits_only():
    assert (number(-0.0, 16), number(-0.0, 17), number(0.0, 17)) == ("0", "-0", "0")


def test_every_number_is_within_its_digits(rng):
    for x in rng.normal(size=500) * 10.0 ** rng.integers(-12, 12, 500):
        assert float(number(x)) == pytest.approx(x, rel=5.1e-4)


def test_summary_is_of_the_finite_elements():
    s = summarise(np.array([1.0, 3.0, np.nan, np.inf, -np.inf, 5.0, 7.0], np.float32))
    assert (s.shape, s.dtype) == ((7,), "float32")
    assert (s.mean, s.deviation, s.low, s.high) == (4.0, pytest.approx(math.sqrt(5)), 1.0, 7.0)
    assert (s.nans, s.infinities) == (1, 2)
    assert s.trouble() == "1 nan, 2 inf"


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros(100), "(100,) all 0"),
        (np.zeros((0, 3)), "[]"),
        (np.zeros((3, 0, 2)), "(3, 0, 2) empty"),
        (np.full(9, np.nan), "(9,) no finite element, 9 nan"),
        (np.array([[1, 0.5], [2, 3]]), "[[1, 0.5], [2, 3]]"),
        (np.arange(10) > 4, "(10,) 5 of 10 true"),
        (np.array(0.25), "0.25"),
        (np.r_[np.ones(9), -np.ones(9)] + 1e-17, "(18,) mean 0 ± 1, -1 … 1"),
        (np.r_[[0.1] * 9, [-0.1] * 9, 3e-18], "(19,) mean 0 ± 0.09733, -0.1 … 0.1"),
        (np.r_[[0.1] * 9, [-0.1] * 9, 3e-8], "(19,) mean 1.579e-9 ± 0.09733, -0.1 … 0.1"),
        (np.r_[[0.1] * 9, [-0.1] * 9, 3e-8].astype(np.float32), "(19,) mean 0 ± 0.09733, -0.1 … 0.1"),
    ],
    ids=str,
)
def test_brief(array, text):
    assert brief(array) == text


def test_nested():
    assert nested([[1.0, -0.0], [math.nan, 2]]) == "[[1, 0], [nan, 2]]"


def test_extreme_arrays_raise_no_warning():
    for array in (
        np.array([-1e308, 1e308] * 9),
        np.full(20, np.inf),
        np.array([np.nan, 1.0] * 40).reshape(4, 20),
    ):
        summarise(array)
        heat(array)


def test_heat_orders_its_shades():
    rows = heat(np.array([[0.0, 1.0], [2.0, np.nan]]))
    assert rows == ((0, LEVELS // 2), (LEVELS, None))
    assert heat(np.array([-4.0, -1e-9, 0.0, 1e-9, 2.0])) == ((-LEVELS, -1, 0, 1, LEVELS // 2),)


def test_a_cell_of_a_large_array_shows_its_largest_element_so_that_shades_and_range_agree():
    noise = np.random.default_rng(0).normal(size=(160, 160))
    noise[37, 99] = -9.0
    rows = np.array(heat(noise))
    assert (rows.min(), rows[3, 9]) == (-LEVELS, -LEVELS)
    assert rows.max() == math.ceil(noise.max() / 9 * LEVELS)


def test_heat_is_at_most_sixteen_by_sixteen():
    rows = heat(np.arange(100 * 37 * 3.0).reshape(100, 37, 3))
    assert len(rows) == SIDE
    assert len(rows[0]) == 3
    assert heat(np.arange(1000.0))[0] == tuple(sorted(heat(np.arange(1000.0))[0]))


@pytest.mark.parametrize("array", [None, np.array(1.0), np.ones(1), np.ones((5, 5)), np.zeros((0, 4)), 3.0])
def test_no_heat_where_there_is_nothing_to_see(array):
    assert heat(array) is None
