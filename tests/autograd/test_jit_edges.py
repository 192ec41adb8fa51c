"""What a jit reads: zeros with signs, buffers, attributes and defaults of functions; and its static arguments."""

from __future__ import annotations

import random
from array import array
from collections import ChainMap
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from chainrule.autograd import KindError, RangeError, Value, dot, grad, jit, no_grad, tanh, total


def test_minus_zero_in_a_list_is_another_number() -> None:
    side = [0.0]
    angle = jit(lambda x: np.arctan2(side[0], x))
    assert angle(-1.0) == np.pi
    side[0] = -0.0
    assert angle(-1.0) == -np.pi


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_minus_zero_in_an_array_is_another_number(dtype: Any) -> None:
    side = np.zeros(4, dtype)[::2]
    angle = jit(lambda x: np.arctan2(side, x))
    x = -np.ones(2, dtype)
    assert np.array_equal(angle(x), np.arctan2(side, x))
    side[1] = -0.0
    assert np.array_equal(angle(x), np.arctan2(side, x))
    assert angle(x)[1] < 0


def test_nan_in_an_array_records_once() -> None:
    held = np.array([np.nan, 1.0])
    calls = []

    @jit
    def product(x: Any) -> Any:
        calls.append(1)
        return x * held

    for _ in range(3):
        assert np.array_equal(product(np.ones(2)), [np.nan, 1.0], equal_nan=True)
    assert len(calls) == 1


@pytest.mark.parametrize("held", [bytearray([1, 2]), memoryview(bytearray([1, 2])), array("d", [1.0, 2.0])])
def test_buffers_are_looked_into(held: Any) -> None:
    double = jit(lambda x: x * held[0])
    assert double(3.0) == 3.0
    held[0] = 2
    assert double(3.0) == 6.0


def test_the_order_of_a_dict_is_looked_at() -> None:
    rates = {"a": 1.0, "b": 2.0}
    first = jit(lambda x: x * next(iter(rates.values())))
    assert first(3.0) == 3.0
    rates["a"] = rates.pop("a")
    assert first(3.0) == 6.0


@pytest.mark.parametrize(
    ("held", "new"),
    [
        (np.array([1j, 2.0]), 5j),
        (np.array([1.0, 2.0], object), 5.0),
        (np.array(["1.0", "2.0"]), "5.0"),
        (np.array([(1.0,), (2.0,)], [("rate", float)]), (5.0,)),
    ],
)
def test_arrays_of_any_kind_are_compared(held: Any, new: Any) -> None:
    def rate() -> float:
        found = held[0]
        return float(found.imag if isinstance(found, complex) else found[0] if held.dtype.names else found)

    scaled = jit(lambda x: x * rate())
    assert scaled(3.0) == 3.0
    assert scaled(3.0) == 3.0
    held[0] = new
    assert scaled(3.0) == 15.0


def test_attributes_of_containers_and_chains_of_dicts() -> None:
    class Rates(list[float]):
        factor = 1.0

    rates, settings = Rates([2.0]), ChainMap({"offset": 1.0}, {"offset": 0.0})
    moved = jit(lambda x: x * rates[0] * rates.factor + settings["offset"])
    assert moved(3.0) == 7.0
    rates.factor = 10.0
    assert moved(3.0) == 61.0
    settings["offset"] = 2.0
    assert moved(3.0) == 62.0
    rates[0] = 3.0
    assert moved(3.0) == 92.0


def test_attributes_and_defaults_of_functions_are_looked_at() -> None:
    def scaled(x: Any, by: Any = (2.0,), *, and_by: float = 1.0) -> Any:
        return x * by[0] * and_by * scaled.factor  # type: ignore[attr-defined]

    scaled.factor = 1.0  # type: ignore[attr-defined]
    replayed = jit(lambda x: scaled(x))
    assert replayed(3.0) == 6.0
    scaled.factor = 10.0  # type: ignore[attr-defined]
    assert replayed(3.0) == 60.0
    scaled.__defaults__ = ((5.0,),)
    assert replayed(3.0) == 150.0
    scaled.__kwdefaults__ = {"and_by": 2.0}
    assert replayed(3.0) == 300.0
    scaled.__kwdefaults__["and_by"] = 4.0
    assert replayed(3.0) == 600.0


def test_a_slice_is_a_part_of_the_signature() -> None:
    part = jit(lambda x, where: x[where])
    x = np.arange(4.0)
    for where in (slice(0, 1), slice(1, 3), slice(None, None, -1), slice(0, 1)):
        assert np.array_equal(part(x, where), x[where])


def test_names_of_arguments_keep_their_order() -> None:
    first = jit(lambda **options: next(iter(options.values())))
    assert first(a=1.0, b=2.0) == 1.0
    assert first(b=2.0, a=1.0) == 2.0
    assert list(jit(lambda **options: options)(b=2.0, a=1.0)) == ["b", "a"]


def test_constants_that_are_equal_and_not_the_same() -> None:
    angle = jit(lambda x, z: np.arctan2(z.imag, x))
    assert angle(-1.0, complex(0, 0.0)) == np.pi
    assert angle(-1.0, complex(0, -0.0)) == -np.pi
    kind = jit(lambda x, held: x * (2 if all(isinstance(y, int) for y in held) else 3))
    assert kind(1.0, frozenset({1})) == 2.0
    assert kind(1.0, frozenset({1.0})) == 3.0


# ---------------------------------------------------------------------- parts without a gradient


def unrecorded(x: Any) -> Any:
    with no_grad():
        y = x * x
    return y * x


@pytest.mark.parametrize("backend", ["numpy", "xla"])
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (unrecorded, 9.0),  # of y * x, with y = 9
        (lambda x: x.detach() * x, 3.0),
        (lambda x: (x + x.detach() + x.detach()) * 2.0, 2.0),
        (lambda x: (x.detach() + 1.0) + x, 1.0),
        (lambda x: dot([x.detach(), x], [x, 2.0]), 5.0),
        (lambda x: total([x.detach(), x, x]), 2.0),
    ],
)
def test_no_gradient_passes_through_detached_values(f: Any, slope: float, backend: str) -> None:
    if backend == "xla":
        pytest.importorskip("jax", reason="XLA comes with JAX")
    x, y = Value(3.0), Value(3.0)
    jit(f, backend=backend)(x).backward()
    f(y).backward()
    assert x.grad == y.grad == slope
    assert grad(jit(f, backend=backend))(3.0) == slope
    z = Value(3.0)
    first, *_ = jit(lambda x: (f(x), x.detach(), x * 2), backend=backend)(z)
    first.backward()
    assert z.grad == slope


@pytest.mark.parametrize("seed", range(40))
def test_random_values_with_parts_that_are_detached(seed: int) -> None:
    def f(xs: Any) -> Any:
        rng, pool = random.Random(seed), list(xs)
        for _ in range(rng.randrange(4, 16)):
            a, b, c = rng.choices(pool, k=3)
            operation = rng.choice(OPERATIONS)
            with no_grad() if rng.random() < 0.3 else nullcontext():
                pool.append(operation(a, b, c))
        return pool[-1] + pool[-2] * pool[0] + pool[-3], pool[3]

    numbers = [random.Random(seed + k).uniform(-1, 1) for k in range(3)]
    for replayed in (jit(f), jit(lambda xs: f(xs)[:1])):
        new, old = ([Value(x, requires_grad=k != seed % 4) for k, x in enumerate(numbers)] for _ in "ab")
        for found, expected in zip(replayed(new), f(old)):
            assert found.data == pytest.approx(expected.data, rel=1e-12)
            for x in new + old:
                x.grad = None
            if expected.requires_grad:
                expected.backward()
                found.backward()
            assert [x.grad or 0.0 for x in new] == pytest.approx([x.grad or 0.0 for x in old], rel=1e-12)


OPERATIONS: list[Any] = [
    lambda a, b, c: a + b,
    lambda a, b, c: a + b,
    lambda a, b, c: a * b,
    lambda a, b, c: a + 1.0,
    lambda a, b, c: tanh(a),
    lambda a, b, c: a.detach() + b,
    lambda a, b, c: dot([a, b, a], [b, a, 1.5]),
    lambda a, b, c: total([a, b, c]),
]


# ---------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"static_argnums": "n"},
            "static_argnums, the position of an argument or a tuple of them; given 'n'",
        ),
        ({"static_argnums": None}, "static_argnums, the position .* given None"),
        ({"static_argnums": (0, "n")}, "static_argnums, the position .* given .0, 'n'."),
        ({"static_argnames": 3}, "static_argnames, the name of an argument or a tuple of them; given 3"),
        (
            {"static_argnames": "m"},
            "argument 'm' is static, which power does not have; its arguments are x, n",
        ),
        ({"static_argnums": 2}, "argument 2 is static, which power does not have"),
        ({"static_argnums": -3}, "argument -3 is static, which power does not have"),
    ],
)
def test_static_arguments_that_there_are_not(options: dict[str, Any], told: str) -> None:
    def power(x: Any, n: int) -> Any:
        return x**n

    with pytest.raises(KindError, match=told):
        jit(power, **options)


def test_static_arguments_of_functions_that_take_any() -> None:
    def total(*numbers: Any, **options: Any) -> Any:
        return sum(numbers[: options["count"]])

    assert jit(total, static_argnames={"count"}, static_argnums=(5,))(1.0, 2.0, 4.0, count=2) == 3.0


def test_numbers_that_no_dtype_holds() -> None:
    with pytest.raises(RangeError, match="which a float cannot hold"):
        jit(lambda x: x * 2)(10**400)
    with pytest.raises(RangeError, match="int 300, which the int8 of the arrays beside it cannot hold"):
        jit(lambda x, y: x * y)(np.ones(2, np.int8), 300)
