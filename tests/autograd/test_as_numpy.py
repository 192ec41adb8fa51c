"""Every name of NumPy's that takes nodes, with every option: what NumPy makes of the plain array, or a lesson.

Where NumPy answers, a Tensor gets the same numbers in the same dtype and shape, or a lesson where `REFUSED` allows one;
where NumPy raises, so do we.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy_calls import CALLS, EMPTY, INF, MASK, MATRIX, NAN, NUMBER, RNG, SQUARE, STACK, VECTOR, Call

import chainrule.autograd as ag
from chainrule.autograd import ChainruleError, KindError, ShapeError, Tensor, check_gradients, gradients
from chainrule.autograd.functions.arguments import plain
from chainrule.autograd.numpy_api.dispatch import ours

# lessons where NumPy answers: the function, and the options that it does not know here ("" without any)
REFUSED: dict[str, set[str]] = {
    "quantile": {"method"}, "pad": {"mode", "w"}, "reshape": {"order"}, "ravel": {"order"},
    "gradient": {"edge_order", "h"},
    "concatenate": {"dtype"}, "linalg.svd": {"full_matrices", "hermitian", ""}, "linalg.qr": {"mode", ""},
    "cross": {"axisa", "axis"}, "convolve": {"v"}, "logaddexp": {"initial"}, "median": {"", "axis"},
    **{name: {"ddof", "correction", "mean", "axis", ""} for name in ("var", "std")},
    "nanvar": {"mean"}, "nanstd": {"mean"},
}  # fmt: skip
NO_RULE = {"floor_divide", "divmod"}  # // is a lesson
ANSWERS = {
    ("linalg.eigvalsh", "infinity"),
    ("linalg.lstsq", "infinity"),
}  # NaN, where LAPACK does not converge
EXPLAINED = {
    ("linalg.cond", "NaN"),
    ("linalg.cond", "infinity"),
}  # where NumPy answers NaN or inf from 2.5 on
# what differs on purpose: docs/conventions.md
WIDENED = {
    "cov",
    "corrcoef",
    "interp",
    "polyval",
    "geomspace",
    "bincount",
    "quantile",
    "percentile",
    "float_power",
    "vander",
}


def arrays() -> Iterator[tuple[str, np.ndarray]]:
    yield from (
        ("matrix", MATRIX),
        ("square", SQUARE),
        ("vector", VECTOR),
        ("number", NUMBER),
        ("empty", EMPTY),
        ("stack", STACK),
    )


def looks(x: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The same array as NumPy may have it, and in other dtypes."""
    spaced = np.zeros((2 * len(x), *x.shape[1:]))[::-2]
    spaced[...] = x
    frozen = x.copy()
    frozen.flags.writeable = False
    yield from (("spaced", spaced), ("read-only", frozen), ("columns", np.asfortranarray(x)))
    yield from (("broadcast", np.broadcast_to(x[..., :1], x.shape)), ("ties", np.round(x)))
    yield from ((dtype, (np.abs(x) * 3).astype(dtype)) for dtype in ("f2", "f4", "g", "i4", "u1", "i8"))
    yield "bool", x > 0
    yield from ((name, np.where(MASK, x, special)) for name, special in (("NaN", NAN), ("infinity", INF)))


def outcome(call: Call, x: Any, options: dict[str, Any]) -> tuple[str, Any]:
    try:
        return "answers", call(x, **options)
    except ChainruleError as error:
        return "lesson", error
    except Exception as error:
        return "raises", error


def parts(y: Any) -> list[Any]:
    return [z for part in y for z in parts(part)] if isinstance(y, (tuple, list)) else [np.asarray(plain(y))]


TOLERANCE = {"e": 4e-3, "f": 1e-5}


def differs(name: str, found: Any, expected: Any) -> str | None:
    if isinstance(expected, (tuple, list)) and len(found) != len(expected):
        return f"{len(found)} parts for {len(expected)}"
    for a, b in zip(parts(found), parts(expected), strict=True):
        if a.shape != b.shape:
            return f"shape {a.shape} for {b.shape}"
        tolerance = max(TOLERANCE.get(x.dtype.char, 1e-12) for x in (a, b))
        if not np.allclose(a.astype("g"), b.astype("g"), tolerance, tolerance, equal_nan=True):
            return f"{a} for {b}"
        kept = name in WIDENED and b.dtype == np.float64 and a.dtype in (np.float16, np.float32)
        if a.dtype != b.dtype and not kept:
            return f"dtype {a.dtype} for {b.dtype}"
    return None


def tries(name: str) -> Iterator[tuple[str, Call, np.ndarray, dict[str, Any]]]:
    for call, options in CALLS[name]:
        singles = [{}, *({option: value} for option, values in options.items() for value in values)]
        for kind, x in arrays():
            for chosen in singles if kind in ("matrix", "vector", "number", "square") else [{}]:
                yield kind, call, x, chosen
        for kind, x in [*looks(MATRIX), *looks(SQUARE)]:
            if (name, kind) != ("float_power", "f2"):  # which NumPy computes in float64
                yield kind, call, x, {}


def test_every_function_is_tried() -> None:
    names = {
        ("linalg." if "linalg" in (getattr(f, "__module__", "") or "") else "") + f.__name__ for f in ours()
    }
    assert names <= CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_is_numpys(name: str) -> None:
    wrong, answered = [], 0
    for kind, call, x, options in tries(name):
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            (ours_, found), (theirs, expected) = outcome(call, Tensor(x), options), outcome(call, x, options)
        where = f"{name} of {kind} with {options}"
        if ours_ == "raises" and theirs == "answers":
            wrong.append(f"{where}: {type(found).__name__} {found}")
        elif ours_ == "raises" and any(
            "chainrule" in at.filename for at in traceback.extract_tb(found.__traceback__)
        ):
            wrong.append(
                f"{where}: {type(found).__name__} {found}"
            )  # not by NumPy, before it handed the call over
        elif ours_ == "answers" and theirs == "answers":
            answered += 1
            if (what := differs(name, found, expected)) is not None:
                wrong.append(f"{where}: {what}")
        elif ours_ == "answers" and not (
            (x.dtype == np.float16 and "linalg" in name) or (name, kind) in ANSWERS
        ):
            wrong.append(f"{where}: answers, where NumPy says {expected}")
        elif ours_ == "lesson" and theirs == "answers":
            allowed = REFUSED.get(name, set())
            known = (
                (set(options) or {""}) <= allowed
                or name in NO_RULE
                or (name, kind) in EXPLAINED
                or "has no derivative rule" in str(found)
            )
            if not known:
                wrong.append(f"{where}: {found}")
    assert not wrong, "\n".join(wrong)
    assert answered or name in NO_RULE


# ---------------------------------------------------------------------- numbers worked out by hand


def test_what_is_inserted_keeps_its_place() -> None:
    t, v = Tensor([10.0, 20.0, 30.0]), Tensor([1.0, 2.0])
    y = np.insert(t, [2, 0], v)
    assert y.data.tolist() == [2.0, 10.0, 20.0, 1.0, 30.0]
    g = gradients(y, [t, v], np.arange(5.0))
    assert [part.tolist() for part in g] == [[1.0, 2.0, 4.0], [3.0, 0.0]]


def test_full_matrices_are_numpys_default_and_refused() -> None:
    for w in (Tensor(MATRIX), Tensor(MATRIX, requires_grad=False)):
        with pytest.raises(KindError, match="full_matrices=False"):
            np.linalg.svd(w)
        assert [part.shape for part in np.linalg.svd(w, full_matrices=False)] == [(2, 2), (2,), (2, 3)]
        assert np.linalg.svd(w, compute_uv=False).shape == (2,)
    assert [part.shape for part in ag.svd(Tensor(MATRIX))] == [
        (2, 2),
        (2,),
        (2, 3),
    ]  # ours asks for the reduced form
    np.testing.assert_array_equal(np.linalg.svd(Tensor([[1, 0], [0, 2]]))[1].data, [2.0, 1.0])


def test_one_triangle_is_read_under_numpys_names() -> None:
    lower, both = np.array([[2.0, 99.0], [1.0, 2.0]]), np.array([[2.0, 1.0], [1.0, 2.0]])
    t = Tensor(lower)
    for f in (
        np.linalg.eigvalsh,
        lambda t: np.linalg.eigh(t).eigenvalues,
        lambda t: ag.eigvalsh(t, UPLO="L"),
    ):
        np.testing.assert_allclose(f(t).data, [1.0, 3.0], rtol=1e-15)
        assert gradients(f(t).sum(), t)[0, 1] == 0  # what is not read has no gradient
        check_gradients(lambda t, f=f: f(t) * np.array([1.0, 2.0]), lower)
    np.testing.assert_allclose(np.linalg.eigvalsh(Tensor(lower.T), UPLO="U").data, [1.0, 3.0], rtol=1e-15)
    np.testing.assert_allclose(
        ag.eigvalsh(Tensor(lower + lower.T)).data, np.linalg.eigvalsh(lower + lower.T)
    )  # of (a + a.T) / 2
    np.testing.assert_allclose(np.linalg.cholesky(t).data, np.linalg.cholesky(both))
    np.testing.assert_allclose(
        np.linalg.cholesky(Tensor(lower.T), upper=True).data, np.linalg.cholesky(both).T
    )
    check_gradients(lambda t: np.linalg.cholesky(t, upper=True), both + 3 * np.eye(2))


@pytest.mark.parametrize(
    ("call", "lesson"),
    [
        (lambda t: np.vander(t), "vander takes a vector"),
        (lambda t: np.vecdot(t, [1.0]), "equally long"),
        (lambda t: np.vsplit(t[0], 1), "2 axes or more"),
        (lambda t: np.meshgrid(t, indexing="zz"), "'xy' and 'ij'"),
        (lambda t: np.block([[t], t]), "equally deep"),
        (lambda t: np.nan_to_num(t, copy=False), "never changes"),
        (lambda t: np.sum(t, initial=None, where=False), "starts from the first element"),
        (lambda t: np.max(t, where=t > 0), "no initial"),
        (lambda t: np.var(t, ddof=1, correction=1), "two names"),
        (lambda t: np.mean(t, dtype=int), "computed in floats"),
        (lambda t: np.reshape(t, -1, order="A"), "not part of a recorded graph"),
        (lambda t: np.average(t, axis=1, weights=[1.0, 0.0, -1.0]), "sum 0"),
        (lambda t: np.linalg.qr(t.T, mode="complete"), "no derivative"),
        (lambda t: np.argmax(t, axis=7), "axis 7 is out of bounds"),
    ],
)  # fmt: skip
def test_what_numpy_refuses_is_refused(call: Any, lesson: str) -> None:
    with pytest.raises(ChainruleError, match=lesson):
        call(Tensor(MATRIX))


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="matvec and vecmat came with NumPy 2.2")
def test_products_that_need_a_matrix() -> None:
    t = Tensor(MATRIX)
    with pytest.raises(ShapeError, match="matrices and vectors"):
        np.matvec(t[0], t[0])
    with pytest.raises(ShapeError, match="vectors and matrices"):
        np.vecmat(t, t[0])


C = RNG.uniform(-2, 2, (2, 3, 4))
OPTIONS: dict[str, tuple[Any, np.ndarray]] = {
    "sum where": (lambda t: ag.sum(t, 0, where=t.data > 0, initial=3.0), MATRIX),
    "prod where": (lambda t: t.prod(1, where=MASK, initial=2.0), MATRIX),
    "mean where": (lambda t: t.mean(1, where=MASK), MATRIX),
    "max where": (lambda t: t.max(1, where=MASK, initial=-0.3), MATRIX),
    "min from": (lambda t: t.min(initial=0.1, axis=(0, 1)), MATRIX),
    "max along nothing": (lambda t: ag.max(t, axis=(), initial=0.2), MATRIX),
    "var where": (lambda t: t.var(1, where=MASK, correction=1), MATRIX),
    "std where": (lambda t: np.std(t, axis=1, where=MASK, keepdims=True), MATRIX),
    "var of a mean": (lambda t: np.var(t, axis=1, mean=t.mean(1, True)), MATRIX),
    "std of a mean": (lambda t: np.std(t, mean=t[:1] * 0.5), MATRIX),
    "nanvar of a mean": (lambda t: np.nanvar(t, axis=0, mean=t[:1]), MATRIX),
    "nanmean where": (lambda t: np.nanmean(t, 1, where=MASK), MATRIX),
    "nanmax where": (lambda t: np.nanmax(t, where=MASK, initial=0.1), MATRIX),
    "nansum where": (lambda t: np.nansum(t, where=MASK, initial=1), MATRIX),
    "diff between": (lambda t: ag.diff(t, 2, 1, prepend=t[:, :1] * 3, append=0.5), MATRIX),
    "columns first": (lambda t: t.reshape(3, 2, order="F"), MATRIX),
    "read by columns": (lambda t: t.ravel("F"), C),
    "dot of stacks": (lambda t: ag.dot(t, C.transpose(0, 2, 1)), C),
    "dot of a vector": (lambda t: np.dot(t, C), VECTOR),
    "dot on the right": (lambda t: t.dot(VECTOR), C.transpose(0, 2, 1)),
    "clip by names": (lambda t: ag.clip(t, min=-0.5, max=t[::-1]), MATRIX),
    "cov of weighted": (lambda t: np.cov(t, aweights=[1.0, 2.0, 0.5], fweights=[1, 2, 1]), MATRIX),
    "multi_dot": (lambda t: np.linalg.multi_dot([t, SQUARE, t.T, t, VECTOR]), MATRIX),
    "interp round": (lambda t: np.interp(t, [0.3, 1.0, 1.9], [1.0, 3.0, 2.0], period=2.0), MATRIX),
    "einsum": (lambda t: np.einsum("ij,kj", t, t, dtype=float, order="F"), MATRIX),
    "insert": (lambda t: np.insert(t, 1, t[:, 0], axis=1), MATRIX),
    "roll twice": (lambda t: np.roll(t, (1, 1), (1, 1)), MATRIX),
    "logspace": (lambda t: np.logspace(t, 1.0, 3, base=np.array([1.5, 2.0, 3.0])), MATRIX),
    "trace": (lambda t: t.trace(1, dtype=float), MATRIX),
    "mT": (lambda t: t.mT, C),
    "tensorsolve": (lambda t: np.linalg.tensorsolve(t, VECTOR, axes=(0,)), SQUARE),
    "fmax.reduce": (lambda t: np.fmax.reduce(t, axis=1), MATRIX),
    "vector_norm": (lambda t: np.linalg.vector_norm(t, ord=3, axis=(0, 2)), C),
    "cumsum": (lambda t: t.cumsum(1, dtype=float), MATRIX),
    "gradient": (lambda t: np.gradient(t, 0.5, axis=1), MATRIX),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_differentiated(name: str) -> None:
    f, x = OPTIONS[name]
    check_gradients(f, x)


def test_methods_take_what_the_functions_take() -> None:
    t, x = Tensor(C), C
    for of in (
        lambda x: x.sum(1, dtype=float, initial=2.0, where=C > 0), lambda x: x.prod(0, keepdims=True),
        lambda x: x.std(0, ddof=1, mean=C.mean(0, keepdims=True)), lambda x: x.max(2, initial=0.5),
        lambda x: x.reshape(4, 6, order="F"), lambda x: x.flatten("F"), lambda x: x.copy("F"), lambda x: x.mT,
        lambda x: x.clip(min=0.0), lambda x: x.any(0, where=C > 0), lambda x: x.argmax(1, keepdims=True),
        lambda x: x.cumsum(0, dtype=float), lambda x: x.astype(np.float32, copy=False),
        lambda x: x.mean((0, 1), where=C > -1), lambda x: x.trace(dtype=float), lambda x: x.transpose(1, 0, 2),
    ):  # fmt: skip
        found, expected = plain(of(t)), of(x)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert Tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert Tensor(1.5).tolist() == 1.5
    with pytest.raises(ShapeError, match="no two axes"):
        _ = Tensor([1.0]).mT
    with pytest.raises(ShapeError, match="each of its axes once"):
        t.transpose(0)


def test_dot_of_any_number_of_axes() -> None:
    a, b = np.arange(24.0).reshape(2, 3, 4), np.arange(40.0).reshape(5, 4, 2)
    y = ag.dot(Tensor(a), b)
    assert y.shape == (2, 3, 5, 2)
    assert y.data[1, 2, 3, 0] == a[1, 2] @ b[3, :, 0]
    np.testing.assert_array_equal(y.data, np.dot(a, b))


def test_a_pseudo_inverse_that_leaves_singular_values_out() -> None:
    a = np.diag([4.0, 2.0, 0.5])
    t = Tensor(a)
    y = ag.pinv(t, 0.2)
    np.testing.assert_allclose(y.data, np.diag([0.25, 0.5, 0.0]), atol=1e-15)
    # turning the second vector towards the third: 1 / (2**2 - 0.5**2), and the part of it that comes back
    g = gradients(y[2, 1], t)
    np.testing.assert_allclose(g, [[0, 0, 0], [0, 0, 1 / 3.75], [0, 0.25 / 3.75, 0]], atol=1e-14)
    for shape in ((3, 3), (4, 3), (2, 4), (2, 3, 2)):
        x = np.random.default_rng(3).normal(size=shape)
        for cut in (1e-15, 0.3, 0.8):
            check_gradients(lambda t, cut=cut: ag.pinv(t, cut), x)
