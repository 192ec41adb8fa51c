"""Compiled formulas: in place on arrays, in pieces, and on floats, against the same functions called directly."""

import random
import tracemalloc

import numpy as np
import pytest

from chainrule.autograd import absolute, clip, maximum, minimum, sign, sqrt, tanh, where
from chainrule.autograd.extending import InPieces, in_place, on_floats

NAMES, READ, NUMBERS = ["x", "a", "b"], ["g"], ["lr", "mu"]

FORMULAS = {  # new x, a and b from x, a, b, the gradient, and two numbers
    "nothing": lambda x, a, b, g, lr, mu: (x, a, b),
    "descent": lambda x, a, b, g, lr, mu: (x - lr * g, a, b),
    "momentum": lambda x, a, b, g, lr, mu: (x - lr * (mu * a + g), mu * a + g, b),
    "the gradient is kept": lambda x, a, b, g, lr, mu: (x - lr * (g - a), g, b),
    "the old x is kept": lambda x, a, b, g, lr, mu: (x + mu * (x - a) - lr * g, x, b),
    "a circle": lambda x, a, b, g, lr, mu: (a, b, x),
    "a circle of results": lambda x, a, b, g, lr, mu: (a * lr, b * mu, x + g),
    "one result twice": lambda x, a, b, g, lr, mu: (x - lr * g, x - lr * g, x),
    "all the same": lambda x, a, b, g, lr, mu: (g, g, g),
    "the old ones are used late": lambda x, a, b, g, lr, mu: (x + a, a + b, x * a * b * g),
    "in the order of need": lambda x, a, b, g, lr, mu: (a - x, x * b, (a - x) * (x * b) + x),
    "numbers": lambda x, a, b, g, lr, mu: (x - lr * mu / (1 + mu) * g, a, sqrt(mu) * b),
    "constants": lambda x, a, b, g, lr, mu: (1 - x, 0.1 * a + 3, np.float32(0.3) * b),
    "powers": lambda x, a, b, g, lr, mu: ((x * x) ** 0.5, a**2 + g**3, 1 / (b + 2) ** 1.5 + (b + 5) ** -1),
    "rows": lambda x, a, b, g, lr, mu: (maximum(x, g), minimum(a, b), sign(g) + absolute(b) + tanh(a)),
    "limits": lambda x, a, b, g, lr, mu: (clip(x - g, -0.25, 0.5), a, -b),
    "choices": lambda x, a, b, g, lr, mu: (where(g > 0, x, a), where(x > lr, x - g, a), where(b < 0, b, 0 * b)),
    "a choice of a choice": lambda x, a, b, g, lr, mu: (where(g * a > 0, where(x > 0, a, b), x), b * b, a),
    "comparisons as numbers": lambda x, a, b, g, lr, mu: (x * (x > 0), a / (b + (b == 0)), b - (g >= a)),
}  # fmt: skip


def arrays(dtype, shape=(5, 3)):
    rng = np.random.default_rng(0)
    found = [rng.standard_normal(shape).astype(dtype) for _ in range(4)]
    if found[0].ndim:
        found[2].flat[0] = found[3].flat[1] = 0
    return found


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize("name", FORMULAS)
def test_results_replace_the_arrays_bit_for_bit(name, dtype):
    given, numbers = arrays(dtype), [np.array(0.3, dtype), np.array(0.9, dtype)]
    expected = [np.array(y) for y in FORMULAS[name](*map(np.copy, given), *numbers)]
    program = in_place(FORMULAS[name], NAMES, READ, NUMBERS, dtype)
    g = given[3].copy()
    room = [np.full_like(g, 1, d) for d in program.room]
    used = [number for number, called in zip(numbers, NUMBERS, strict=True) if called in program.numbers]
    program.run(*given, *used, *room)
    for array, y in zip(given[:3], expected, strict=True):
        np.testing.assert_array_equal(array, y.astype(dtype), strict=True)
    np.testing.assert_array_equal(given[3], g)


OPERATIONS = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: b * a, lambda a, b: -b, lambda a, b: maximum(b, a),
    lambda a, b: b * 0.5 - a, lambda a, b: where(b > a, a, b), lambda a, b: where(a > b, 1 - b, b),
]  # fmt: skip


def random_formula(seed):
    def formula(*given):
        rng, found = random.Random(seed), list(given)
        for _ in range(rng.randint(1, 15)):
            found.append(rng.choice(OPERATIONS)(rng.choice(found), rng.choice(found[:4])))
        results = [y for y in found if y.ndim]
        return [rng.choice(results) for _ in range(3)]

    return formula


def test_random_formulas():
    for seed in range(300):
        given, numbers = arrays(np.float64), [np.array(0.3), np.array(0.9)]
        expected = [np.array(y) for y in random_formula(seed)(*map(np.copy, given), *numbers)]
        program = in_place(random_formula(seed), NAMES, READ, NUMBERS, np.float64)
        used = [number for number, called in zip(numbers, NUMBERS, strict=True) if called in program.numbers]
        program.run(*given, *used, *(np.full_like(given[0], 1, d) for d in program.room))
        for array, y in zip(given[:3], expected, strict=True):
            np.testing.assert_array_equal(array, y, strict=True, err_msg=program.source)


@pytest.mark.parametrize("name", FORMULAS)
def test_floats_give_the_numbers_of_arrays(name):
    function = FORMULAS[name]

    def formula(x, g, memory, n):
        x, a, b = function(x, memory["a"], memory["b"], g, n["lr"], n["mu"])
        return x, {"a": a, "b": b}

    given = arrays(np.float64, ())
    expected = function(*given, 0.3, 0.9)
    x, a, b, g = map(float, given)
    memory, n = {"a": a, "b": b}, {"lr": 0.3, "mu": 0.9}
    run = on_floats(formula, ["a", "b"], ["lr", "mu"])
    if name in ("limits", "constants"):  # a row with options; a number of NumPy
        assert run is None
        return
    found = run(x, g, memory, n), memory["a"], memory["b"]
    assert [type(y) for y in found] == [float] * 3
    np.testing.assert_allclose(found, np.array(expected, float), rtol=1e-15)


def branches(x, g, lr):
    return (x - lr * g,) if lr > 0 else (x,)


UNCOMPILED = {
    "a branch": branches,
    "a branch on an array": lambda x, g, lr: (x if (g > 0).all() else x - g,),
    "a sum": lambda x, g, lr: (x - lr * g / (g * g).sum() ** 0.5,),
    "a product of matrices": lambda x, g, lr: (x @ g,),
    "the shape": lambda x, g, lr: (x - lr * g / x.shape[0],),
    "the size": lambda x, g, lr: (x - lr * g / x.size,),
    "random numbers": lambda x, g, lr: (x - lr * random.random() * g,),
    "a random array": lambda x, g, lr: (x - lr * np.random.default_rng().standard_normal(x.shape) * g,),
    "in place": lambda x, g, lr: (x.__isub__(g),),
    "a mistake": lambda x, g, lr: (x - lr * G,),  # noqa: F821
    "a number for an array": lambda x, g, lr: (lr,),
    "another dtype": lambda x, g, lr: (x > g,),
}


@pytest.mark.parametrize("name", UNCOMPILED)
def test_what_is_not_compiled(name):
    assert in_place(UNCOMPILED[name], ["x"], ["g"], ["lr"], np.float64) is None


@pytest.mark.parametrize("name", ["a branch", "random numbers", "a mistake"])
def test_what_is_not_compiled_on_floats(name):
    assert on_floats(lambda x, g, m, n: (UNCOMPILED[name](x, g, n["lr"])[0], {}), [], ["lr"]) is None


def test_numbers_in_rows_do_not_widen_float32():
    program = in_place(
        lambda x: [maximum(x, 0) + where(x > 0.5, 0.1, minimum(x, 0.3))], ["x"], [], [], np.float32
    )
    assert {d.char for d in program.room} <= {"f", "?"}
    x = np.array([-1, 0.25, 2], np.float32)
    program.run(x, *(np.empty_like(x, d) for d in program.room))
    assert x.tolist() == [-1, 0.5, np.float32(2) + np.float32(0.1)]


def test_names_of_the_user_do_no_harm():
    program = in_place(lambda *v: [v[0] * v[3], v[1] + v[2]], ["lambda", "t"], ["copyto"], ["t"], np.float64)
    x, t, g = np.ones(2), np.ones(2), np.ones(2)
    program.run(x, t, g, np.array(3.0), *[np.empty(2, d) for d in program.room])
    assert x.tolist() == [3, 3]
    assert t.tolist() == [2, 2]


LAYOUTS = {
    "C": lambda a: a.copy(),
    "Fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "float16": lambda a: a.astype(np.float16),
}


@pytest.mark.parametrize("piece", [4, 15, 100])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pieces_are_the_whole(layout, piece):
    x, a, b, g = map(LAYOUTS[layout], arrays(np.float32))
    if layout == "float16":
        a, b = a.astype(np.float32), b.astype(np.float32)
    expected = FORMULAS["momentum"](
        *(y.astype(np.float32) for y in (x, a, b, g)), np.float32(0.3), np.float32(0.9)
    )
    compiled = InPieces(FORMULAS["momentum"], NAMES, READ, NUMBERS, np.float32, largest=15, piece=piece)
    compiled.take({"lr": 0.3, "mu": 0.9})
    call, others = compiled.call_for(x)
    call(x, a, b, g, *others)
    for found, y in zip((x, a, b), expected, strict=True):
        np.testing.assert_array_equal(found, y.astype(found.dtype), strict=True)


def test_no_arrays_are_made():
    n = 100_000
    x, a, b, g = (np.ones(n, np.float32) for _ in range(4))
    for piece in (1 << 12, n):
        compiled = InPieces(FORMULAS["choices"], NAMES, READ, NUMBERS, np.float32, largest=n, piece=piece)
        compiled.take({"lr": 0.3, "mu": 0.9})
        call, others = compiled.call_for(x)
        call(x, a, b, g, *others)
        tracemalloc.start()
        call(x, a, b, g, *others)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10_000


def test_a_traceback_shows_the_line():
    program = in_place(FORMULAS["descent"], NAMES, READ, NUMBERS, np.float64)
    with pytest.raises(ValueError, match="broadcast") as caught:
        program.run(np.ones(2), np.ones(2), np.ones(2), np.ones(3), np.array(0.1), np.ones(2))
    assert "multiply_(lr, g, t)" in str(caught.traceback[-1].statement)
