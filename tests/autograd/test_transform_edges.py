"""Transforms at the edge of what they take: tangents, results and options that are no numbers, poles and kinks."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import (
    TABLE,
    CheckError,
    KindError,
    RangeError,
    ShapeError,
    Tensor,
    Value,
    check_gradients,
    check_update,
    checkpoint,
    grad,
    jacobian,
    jit,
    jvp,
    sqrt,
    value_and_grad,
    vjp,
)

TWO = np.array([1.0, 2.0])


def square(x: Any) -> Any:
    return x * x


# ---------------------------------------------------------------------- tangents and gradients that are given


@pytest.mark.parametrize(
    ("x", "tangent"),
    [
        (1.0, 1j), (1.0, "1"), (1.0, None), (1.0, Tensor(1.0)), (1.0, 10**400), (Value(1.0), Tensor(1.0)),
        (TWO, TWO * 1j), (TWO, np.array(["1", "2"])), (TWO, np.array([1, None])), (TWO, [[1.0], [2.0, 3.0]]),
        (np.array(1.0), Value(1.0)),
    ],
)  # fmt: skip
def test_a_tangent_is_real_and_of_the_kind_of_its_argument(x: Any, tangent: Any) -> None:
    with pytest.raises(KindError, match=r"(?s)a tangent is of the kind of its argument.*was given"):
        jvp(square, x, tangent)


def test_a_tangent_with_a_mask_is_refused() -> None:
    with pytest.raises(KindError, match=r"a tangent was given .* with a mask"):
        jvp(square, TWO, np.ma.array([1.0, 2.0], mask=[False, True]))


def test_constant_results_have_tangents_of_their_dtype() -> None:
    constant = np.array([5.0, 6.0], np.float32)
    _, tangent = jvp(lambda x: constant, TWO.astype(np.float32), TWO.astype(np.float32))
    assert tangent.dtype == np.float32
    assert not tangent.any()
    _, tangent = jvp(lambda x: np.arange(2), TWO, TWO)
    assert tangent.dtype == np.float64


def test_vjp_refuses_results_and_gradients_that_jvp_would_refuse() -> None:
    with pytest.raises(KindError, match="returns numbers or arrays.*str 'done'"):
        vjp(lambda x: (x * x, "done"), 2.0)
    _, pullback = vjp(lambda x: (x * x, 3.0), 2.0)
    assert pullback((1.0, 5.0)) == (4.0,)
    with pytest.raises(ShapeError, match=r"the gradient at float 3\.0 has to have its shape; given an array"):
        pullback((1.0, np.ones(7)))


@pytest.mark.parametrize("returned", [np.array("a"), np.array(None), np.array(2j), np.array(True)])
def test_grad_refuses_an_array_that_holds_no_real_number(returned: Any) -> None:
    with pytest.raises(KindError, match="grad needs a function that returns one number"):
        grad(lambda x: returned)(2.0)


def test_grad_of_a_constant_array_of_integers_is_zero() -> None:
    assert value_and_grad(lambda x: np.array(3))(2.0) == (3, 0.0)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("given", "computed"), [(np.float64, np.float32), (np.float16, np.float64)])
def test_a_jacobian_has_the_dtype_of_its_argument(mode: str, given: Any, computed: Any) -> None:
    x, f = np.ones(2, given), jacobian(lambda x: x.astype(computed) * 2, mode=mode)
    for found in (f(x), jit(f)(x), f(Tensor(x)).data, jacobian(lambda x: (f(x) * x).sum(axis=1))(x)):
        assert found.dtype == given
        assert np.array_equal(found, 2 * np.eye(2))


# ---------------------------------------------------------------------- checks


def test_an_infinite_gradient_is_compared_with_growing_differences() -> None:
    # the slope of a root grows without end at 0, from the right; 1 / x has none at 0, where it jumps
    assert check_gradients(sqrt, 0.0, side="right", order=1).compared == 1
    with pytest.raises(CheckError, match="is -inf by the engine"):
        check_gradients(lambda x: 1 / x, 0.0, order=1)


def test_a_function_whose_shape_depends_on_the_numbers_cannot_be_checked() -> None:
    with pytest.raises(CheckError, match=r"gives shape \(1,\) at its inputs and \(2,\) beside them"):
        check_gradients(lambda x: x[x.data > 1.0], np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"step": 0}, RangeError, "step, a positive number; given int 0"),
        ({"step": "small"}, KindError, "step, a positive number; given str"),
        ({"step": np.nan}, RangeError, "step, a positive number; given float nan"),
        ({"rtol": -1.0}, RangeError, "rtol, a number from 0 on"),
        ({"atol": None}, KindError, "atol, a number from 0 on"),
        ({"seed": -1}, RangeError, "seed, an integer from 0 on"),
        ({"seed": "a"}, KindError, "seed, an integer from 0 on"),
    ],
)
def test_options_of_a_check(options: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=f"check_gradients takes {told}"):
        check_gradients(square, 1.0, **options)


def test_options_of_the_check_of_an_update() -> None:
    with pytest.raises(RangeError, match="lr, a positive number; given float 0.0"):
        check_update(square, 1.0, lr=0.0)
    with pytest.raises(KindError, match="takes update, a function of the list of nodes; given int 3"):
        check_update(square, 1.0, update=3)
    with pytest.raises(KindError, match="no inputs"):
        check_update(square)


# ---------------------------------------------------------------------- checkpoints, rows, copies


@pytest.mark.parametrize("rng", [3, "a", [3], np.random.RandomState(0)])
def test_a_checkpoint_takes_generators(rng: Any) -> None:
    with pytest.raises(KindError, match=r"takes a numpy\.random\.Generator"):
        checkpoint(square, Value(2.0), rng=rng)


@pytest.mark.parametrize("x", [Value(1.0), Tensor([1.0]), np.ones(2)])
def test_a_row_without_its_options_says_which(x: Any) -> None:
    with pytest.raises(KindError, match=r"clip was given .* needs 'low' and 'high', too: clip\(\.\.\., low="):
        TABLE["clip"](x)


@pytest.mark.parametrize("x", [Value(2.0), Tensor([2.0, -1.0])])
def test_a_comparison_that_came_from_a_jit_can_be_copied(x: Any) -> None:
    result = jit(lambda x: x > 0)(x)
    copied = copy.deepcopy(result)
    assert np.array_equal(copied.data, np.asarray(x.data) > 0)
