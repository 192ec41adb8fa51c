"""What a recording of `jit` cannot follow is an error that names the line, or is made anew in each call."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from jitted import bits, count_of

from chainrule.autograd import (
    ChainruleError,
    KindError,
    RecordingError,
    Tensor,
    extending,
    grad,
    jit,
    no_grad,
    where,
)

# ---------------------------------------------------------------------- derivatives


R = np.random.default_rng(11)


# ---------------------------------------------------------------------- what a recording cannot follow


def chosen_by(choose: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def f(x: Any) -> Any:
        choose(x)  # here
        return x * 2

    return f


def while_small(x: Any) -> None:
    while x[0] < 3:
        x = x * 2


REFUSED: dict[str, Callable[[Any], Any]] = {
    "if": lambda x: 1 if x[0] > 0 else 2,
    "while": while_small,
    "bool": lambda x: bool(x[0]),
    "not": lambda x: not x[0],
    "and": lambda x: x[0] and x[1],
    "chained": lambda x: 0 < x[0] < 1,
    "float": lambda x: float(x[0]),
    "int": lambda x: int(x[0]),
    "item": lambda x: x[0].item(),
    "data": lambda x: x.data,
    "numpy": lambda x: x.numpy(),
    "tolist": lambda x: x.tolist(),
    "asarray": np.asarray,
    "array": np.array,
    "math": lambda x: math.exp(x[0]),
    "in": lambda x: 1.0 in x,
    "max": lambda x: max(x[0], x[1]),
    "sorted": sorted,
    "argmax": lambda x: x.argmax(),
    "np.argmax": np.argmax,
    "argmin": lambda x: x.argmin(),
    "argsort": lambda x: x.argsort(),
    "any": lambda x: (x > 0).any(),
    "all": lambda x: np.all(x > 0),
    "nonzero": lambda x: np.nonzero(x > 0),
    "isnan": np.isnan,
    "isclose": lambda x: np.isclose(x, 0),
    "allclose": lambda x: np.allclose(x, 0),
    "a mask as an index": lambda x: x[x > 0],
    "searchsorted": lambda x: np.searchsorted([0.0, 1.0], x),
    "a format": lambda x: f"{x[0]:.2f}",
    "round": lambda x: [1, 2, 3][round(float(x[0]))],
    "np.random": lambda x: x * np.random.random(2),  # noqa: NPY002
    "random": lambda x: x * random.random(),
    "a number of a weight": lambda x: WEIGHT.data,
    "a number of a result": lambda x: (x * WEIGHT).sum().item(),
    "a hook": lambda x: (x * WEIGHT).register_hook(print),
    "a hook on a weight": lambda x: WEIGHT.register_hook(print),
}
WEIGHT = Tensor(np.array([1.0, 2.0]), name="weight")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_followed_names_the_line(name: str) -> None:
    f = jit(chosen_by(REFUSED[name]))
    for _ in range(2):
        with pytest.raises(
            RecordingError, match=r"(?s)jit of f cannot follow line \d+ of .*test_jit_errors.py"
        ):
            f(np.array([0.5, -1.0]))
        with pytest.raises((RecordingError, KindError)):  # of nodes, np.asarray is refused by itself
            grad(lambda x: f(x).sum())(np.array([0.5, -1.0]))
        assert count_of(f) == 0
    with no_grad(), pytest.raises(RecordingError):
        f(np.array([0.5, -1.0]))


def test_the_message_says_what_to_write() -> None:
    with pytest.raises(RecordingError, match=r"\.item\(\).*an argument.*where\(x > 0, a, b\)"):
        jit(lambda x: x.item() * x)(2.0)
    with pytest.raises(RecordingError, match=r"\(float\(\)\)"):  # what the user has written
        jit(lambda x: float(x) * x)(2.0)
    with pytest.raises(RecordingError, match=r"\(int\(\)\)"):
        jit(lambda x: int(x) * x)(2.0)
    with pytest.raises(RecordingError, match="redrawn"):
        jit(lambda x: x * random.random())(2.0)
    with pytest.raises(RecordingError, match="bool"):
        jit(lambda n: 1 if n else 2)(3)
    integers = jit(lambda i: np.arange(3)[i])
    with pytest.raises(RecordingError, match="an index|an argument"):
        integers(np.array(1))
    with pytest.raises(RecordingError, match="an argument"):
        jit(lambda i: np.eye(3)[i])(np.array([0, 2]))


def test_choices_that_are_made_anew() -> None:
    """Comparisons, masks and conditions are rows in a recording."""
    cases: dict[str, Callable[[Any, Any], Any]] = {
        "where": lambda x, y: where(x > y, x, 2 * y),
        "np.where": lambda x, y: np.where(x >= y, x * x, y),
        "mask": lambda x, y: x > y,
        "masks": lambda x, y: ((x > 0) & (y < 1)) | ~(x <= y) ^ (x != y),
        "one mask": lambda x, y: ~(x == y) & np.array([True, False, True]),
        "left": lambda x, y: np.zeros(3) < x,
        "left again": lambda x, y: (np.float64(0.5) >= x) * y,
        "sum of a mask": lambda x, y: (x > 0).sum() + (x > y).mean(),
        "product": lambda x, y: (x > 0) * y,
        "maximum": lambda x, y: np.maximum(x, y).max(),
        "take": lambda x, y: x[np.array([2, 0])] + y.sum(),
        "shapes": lambda x, y: x * np.ones_like(y) + np.zeros_like(x) * len(x) + np.shape(y)[0] + np.ndim(x),
        "sort": lambda x, y: np.sort(x)[::-1] + np.median(y),
        "set": lambda x, y: x.at[1].set(y[0]),
    }
    numbers = [R.normal(size=(2, 3)) for _ in range(4)] + [
        np.zeros((2, 3)),
        np.array([[1.0, np.nan, -1], [0, 1, 2]]),
    ]
    for name, f in cases.items():
        g = jit(f)
        for x, y in numbers:
            expected = f(Tensor(x), Tensor(y))
            assert bits(g(x, y)) == bits(expected), name
        assert count_of(g) == 1
    words = jit(lambda t, i: t[i] * 2 + i.sum())
    for i in (np.array([0, 2]), np.array([1, 1])):
        assert bits(words(np.arange(3.0), i)) == bits(np.arange(3.0)[i] * 2 + i.sum())
    with pytest.raises(ChainruleError, match="3"):
        words(np.arange(3.0), np.array([0, 3]))


def test_printing_is_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    def f(x: Any) -> Any:
        print(x, repr(x), f"{x}", str(x))
        return x + 1

    g = jit(f)
    assert g(np.ones(2)).tolist() == g(np.ones(2)).tolist() == [2.0, 2.0]
    assert capsys.readouterr().out.count("Tensor([1., 1.])") == 4


def test_random_generators_of_the_closure() -> None:
    rng, box = np.random.default_rng(0), SimpleNamespace(rng=np.random.default_rng(1))

    class Noise:
        def __init__(self) -> None:
            self.rng = np.random.default_rng(2)

        def __call__(self, x: Any) -> Any:
            return x + self.rng.normal()

    held = [np.random.default_rng(3)]
    noise = Noise()
    for f in (
        lambda x: x * rng.random(),
        lambda x: x * box.rng.random(),
        Noise(),
        lambda x: Noise.__call__(noise, x),
        partial(lambda r, x: x * r.random(), rng),
        lambda x, r=rng: x * r.random(),
        lambda x: x * held[0].random(),
        lambda x: x * SHARED.random(),
    ):
        with pytest.raises(RecordingError, match="draws random numbers"):
            jit(f)(np.ones(2))
    drawn = jit(lambda x: x * extending.redrawn(lambda: rng.random(2)))
    twin = np.random.default_rng(5)
    rng.bit_generator.state = twin.bit_generator.state
    for _ in range(3):
        assert bits(drawn(np.ones(2))) == bits(twin.random(2))


SHARED = np.random.default_rng(9)
