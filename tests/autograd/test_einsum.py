"""einsum and tensordot against NumPy's, with subscripts written by Hypothesis, and their lessons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.autograd import (
    KindError,
    ShapeError,
    Tensor,
    Value,
    check_gradients,
    einsum,
    gradients,
    tensordot,
)

RNG = np.random.default_rng(5)


def u(*shape: int) -> np.ndarray:
    return RNG.uniform(-1.5, 1.5, shape)


def agrees(subscripts: str, *operands: np.ndarray, order: int = 2) -> None:
    expected = np.einsum(subscripts, *operands)
    y = einsum(subscripts, *map(Tensor, operands))
    assert y.shape == np.shape(expected)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(einsum(subscripts, *operands), expected, rtol=1e-12, atol=1e-12)
    check_gradients(lambda *xs: einsum(subscripts, *xs), *operands, order=order)


FORMS: list[tuple[str, tuple[tuple[int, ...], ...]]] = [
    ("ij,jk->ik", ((2, 3), (3, 2))),
    ("ij,jk", ((2, 3), (3, 2))),
    ("ba,ca", ((2, 3), (2, 3))),  # the implicit output is alphabetical
    ("ba", ((2, 3),)),
    ("ji->ij", ((2, 3),)),
    ("ii", ((3, 3),)),
    ("ii->", ((3, 3),)),
    ("ii->i", ((3, 3),)),
    ("iij->j", ((2, 2, 3),)),
    ("iji->ij", ((2, 3, 2),)),
    ("ijji->", ((2, 3, 3, 2),)),
    ("iii->i", ((2, 2, 2),)),
    ("ijk->", ((2, 3, 2),)),
    ("ij->j", ((2, 3),)),
    ("i,i", ((3,), (3,))),
    ("i,i->i", ((3,), (3,))),
    ("i,j->ij", ((2,), (3,))),
    ("i,j->", ((2,), (3,))),
    ("ij,k->i", ((2, 3), (2,))),  # j and k in one operand only
    ("bij,bjk->bik", ((2, 2, 3), (2, 3, 2))),
    ("bi,bi->b", ((2, 3), (2, 3))),
    ("bi,bi->", ((2, 3), (2, 3))),
    ("ii,ij->j", ((2, 2), (2, 3))),
    ("ii,jj->ij", ((2, 2), (3, 3))),
    ("ij,jk,kl->il", ((2, 2), (2, 3), (3, 2))),
    ("i,j,k->ijk", ((2,), (2,), (2,))),
    ("i,i,i", ((3,), (3,), (3,))),
    ("ij,j,i,->", ((2, 3), (3,), (2,), ())),
    (",", ((), ())),
    ("->", ((),)),
    (",i->i", ((), (3,))),
    ("...", ((2, 3),)),
    ("...ij->...ji", ((2, 2, 3),)),
    ("i...->...", ((2, 3, 2),)),
    ("i...", ((2, 3),)),
    ("...ij,...jk->...ik", ((2, 1, 2, 3), (2, 3, 2))),  # ellipses of different ranks broadcast
    ("...ij,jk", ((2, 2, 3), (3, 2))),
    ("i...j,j...->...i", ((2, 3, 2), (2, 2, 1))),
    ("...,...", ((2, 1), (3,))),
    ("...,...", ((), ())),
    (" i j , j k -> k i ", ((2, 3), (3, 2))),
    ("ij,jk", ((2, 1), (3, 2))),  # an axis of length 1 broadcasts
    ("ij,ij->ij", ((1, 3), (2, 1))),
    ("ii,i->i", ((1, 1), (3,))),
    ("Ab,bZ->AZ", ((2, 3), (3, 2))),
]


@pytest.mark.parametrize(("subscripts", "shapes"), FORMS)
def test_forms(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    agrees(subscripts, *(u(*shape) for shape in shapes))


def test_repeated_operands() -> None:
    x = Tensor(u(3))
    y = einsum("i,i", x, x)
    y.backward()
    np.testing.assert_allclose(x.grad, 2 * x.data)
    check_gradients(lambda x: einsum("ij,jk,ki->", x, x, x), u(2, 2))
    check_gradients(lambda x: einsum("ii,jj,ij->ij", x, x, x), u(2, 2))


@st.composite
def problems(draw: st.DrawFn) -> tuple[str, list[np.ndarray]]:
    """Random subscripts over five letters, with operands that fit."""
    lengths = {c: draw(st.integers(1, 3)) for c in "abcde"}
    count = draw(st.integers(1, 3))
    dots = draw(st.lists(st.integers(1, 2), max_size=2))
    terms, operands = [], []
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    for _ in range(count):
        term = draw(st.text("abcde", max_size=3))
        at = draw(st.integers(0, len(term))) if draw(st.booleans()) else None
        hidden: list[int] = []
        if at is not None:
            hidden = [draw(st.sampled_from([1, n])) for n in dots[draw(st.integers(0, len(dots))) :]]
        letters = [lengths[c] for c in term]
        shape = letters if at is None else letters[:at] + hidden + letters[at:]
        terms.append(term if at is None else f"{term[:at]}...{term[at:]}")
        operands.append(rng.uniform(-1, 1, shape))
    used = sorted(set("".join(terms)) - {"."})
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        out = draw(st.lists(st.sampled_from(used), unique=True)) if used else []
        at = draw(st.integers(0, len(out)))
        subscripts += "->" + "".join(out[:at]) + "..." * ("..." in subscripts) + "".join(out[at:])
    return subscripts, operands


@given(problem=problems())
@settings(max_examples=120)
def test_random_subscripts(problem: tuple[str, list[np.ndarray]]) -> None:
    subscripts, operands = problem
    agrees(subscripts, *operands, order=2 if sum(x.size for x in operands) < 20 else 1)


def test_axes_as_numbers() -> None:
    a, b = u(2, 3), u(3, 2, 2)
    for arguments in (
        [a, [0, 1], b, [1, 2, 3], [3, 0, 2]],
        [a, [5, 40]],
        [a, [40, 5]],
        [b, [0, ..., 1], [..., 1]],
    ):
        y = einsum(*(Tensor(x) if isinstance(x, np.ndarray) else x for x in arguments))
        np.testing.assert_allclose(y.data, np.einsum(*arguments), rtol=1e-12)


def test_numpy_calls_it() -> None:
    a, b = Tensor(u(2, 3)), u(3, 2)
    assert type(np.einsum("ij,jk", a, b, optimize=True)) is Tensor
    assert type(np.tensordot(b, a, 1)) is Tensor


def test_empty_axes_and_dtypes() -> None:
    a, b = Tensor(np.zeros((2, 0))), Tensor(np.zeros((0, 3)))
    y = einsum("ij,jk", a, b)
    np.testing.assert_array_equal(y.data, np.zeros((2, 3)))
    assert gradients(y, a, np.ones((2, 3))).shape == (2, 0)
    wide = einsum("ij,ij->i", Tensor(u(2, 1), dtype=np.float32), Tensor(np.zeros((2, 0)), dtype=np.float32))
    assert wide.dtype == np.float32
    assert wide.shape == (2,)
    counts = np.array([[True, False], [True, True]])
    np.testing.assert_array_equal(einsum("ij->i", counts), np.einsum("ij->i", counts))
    np.testing.assert_array_equal(einsum("ij,jk", np.eye(2, dtype=int), counts), counts)


@pytest.mark.parametrize(
    ("a", "b", "axes"),
    [
        ((2, 3), (3, 2), 1),
        ((2, 3), (2, 3), 2),
        ((2,), (3,), 0),
        ((2, 3, 2), (2, 3), ([2, 1], [0, 1])),
        ((2, 3, 2), (2, 3), ([-1], -2)),
        ((3, 2), (3, 2), ([0], [0])),
        ((2, 3), (2, 3), ([], [])),
    ],
)
def test_tensordot(a: Any, b: Any, axes: Any) -> None:
    x, y = u(*a), u(*b)
    np.testing.assert_allclose(tensordot(Tensor(x), y, axes).data, np.tensordot(x, y, axes), rtol=1e-12)
    check_gradients(lambda x, y: tensordot(x, y, axes), x, y)


# ---------------------------------------------------------------------- lessons


@pytest.mark.parametrize(
    ("subscripts", "shapes", "words"),
    [
        ("ij,jk", ((2, 3), (4, 2)), "the axes named 'j' have lengths 3 and 4"),
        ("ij", ((2, 3), (2, 3)), "has 1 term before the output and was given 2 operands"),
        ("ij,jk", ((2, 3),), "has 2 terms before the output and was given 1 operand;"),
        ("ijk", ((2, 3),), "the term 'ijk' was given for a Tensor of shape (2, 3)"),
        ("i", ((2, 3),), "which has 2 axes"),
        ("ij->ik", ((2, 3),), "the output names 'k' and no operand has it"),
        ("ij->ii", ((2, 3),), "the output names 'i' more than once"),
        ("...i->i", ((2, 3),), "'...' stands for 1 axis here, and the output has none"),
        ("ii->i", ((1, 3),), "a diagonal"),
    ],
)
def test_shapes_that_do_not_fit(subscripts: str, shapes: Any, words: str) -> None:
    with pytest.raises(ShapeError) as caught:
        einsum(subscripts, *(Tensor(np.ones(shape)) for shape in shapes))
    assert words in str(caught.value)


def test_what_are_no_subscripts() -> None:
    x = Tensor(np.ones((2, 2)))
    for bad in ("i1", "i..j", "i->j->k", "...i...", "i,[]", "é"):
        with pytest.raises(KindError, match="not made of letters"):
            einsum(bad, x)
    for arguments in ((x,), (), (x, [99]), (x, ["i"]), (x, 3)):
        with pytest.raises(KindError, match="einsum"):
            einsum(*arguments)
    with pytest.raises(KindError, match="one number"):
        einsum("i,i", Value(1.0), x)


def test_tensordot_lessons() -> None:
    a, b = Tensor(np.ones((2, 3))), Tensor(np.ones((2, 3)))
    for axes in (1, 3, -1, ([0], [1]), ([0, 1], [0]), ([0, 0], [0, 0]), ([5], [0])):
        with pytest.raises(ShapeError, match="tensordot was given"):
            tensordot(a, b, axes)
    for axes in ("ab", None, ([0], [0], [0]), (["0"], [0])):
        with pytest.raises(KindError, match="tensordot takes"):
            tensordot(a, b, axes)
