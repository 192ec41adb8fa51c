"""NumPy's own functions on Values, Tensors and mixtures: differentiated, read, or refused with a lesson."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule.autograd import KindError, Tensor, Value, check_gradients, gradients
from chainrule.autograd.numpy_api.dispatch import ours

X = np.array([[0.3, 1.7, -0.6], [2.2, -1.4, 0.9]])


SHAPE = list(inspect.signature(np.reshape).parameters)[1]  # how NumPy calls it, which has changed


def positive(f: Any) -> Any:
    return lambda t: f(t * t + 0.5)


# Each is called with a tensor for its value and gradient, and with the plain array for the expected value.
FUNCTIONS: dict[str, Any] = {
    "exp": np.exp, "power": lambda t: np.power(t, 3), "array ** t": lambda t: np.array([2.0, 3.0, 0.5]) ** t,
    "power of tensors": positive(lambda t: np.power(t, t)), "float_power": lambda t: np.float_power(t, 2),
    "reciprocal": np.reciprocal, "positive": np.positive, "fabs": np.fabs, "exp2": np.exp2, "radians": np.radians,
    "degrees": np.rad2deg, "add list": lambda t: np.add([1.0, 2.0, 3.0], t), "scalar": lambda t: np.float64(3.0) * t,
    "array - t": lambda t: X - t, "array / t": lambda t: X / t, "maximum": lambda t: np.maximum(t, X[0] + 0.05),
    "sum": np.sum, "sum axis": lambda t: np.sum(t, axis=0), "sum place": lambda t: np.sum(t, 1),
    "sum keyword": lambda t: np.sum(a=t, axis=-1, keepdims=True, dtype=None), "mean": lambda t: np.mean(t, 0),
    "max": lambda t: np.max(t, axis=1), "amin": lambda t: np.amin(t, 0), "ptp": lambda t: np.ptp(t, axis=1),
    "var": lambda t: np.var(t, ddof=1), "var keywords": lambda t: np.var(t, axis=1, keepdims=True),
    "clip": lambda t: np.clip(t, -1, 1), "clip keywords": lambda t: np.clip(t, a_min=-1, a_max=None),
    "concatenate": lambda t: np.concatenate([t, X, t], axis=1),
    "concatenate none": lambda t: np.concatenate((t, t), None),
    "stack": lambda t: np.stack([t, t * 2], axis=-1), "stack list": lambda t: np.stack([t[0], [1.0, 2.0, 3.0]]),
    "vstack": lambda t: np.vstack([t, t[0]]), "hstack": lambda t: np.hstack([t, X]),
    "hstack of rows": lambda t: np.hstack([t[0], t[1]]), "column_stack": lambda t: np.column_stack([t[0], t[1], X[0]]),
    "atleast_2d": lambda t: np.atleast_2d(t[0]), "reshape": lambda t: np.reshape(t, (3, 2)),
    "reshape keyword": lambda t: np.reshape(t, order="F", **{SHAPE: -1}), "ravel": np.ravel, "transpose": np.transpose,
    "transpose axes": lambda t: np.transpose(t, (1, 0)), "expand_dims": lambda t: np.expand_dims(t, 1),
    "squeeze": lambda t: np.squeeze(t[:1], axis=0), "broadcast_to": lambda t: np.broadcast_to(t, (2, 2, 3)),
    "where": lambda t: np.where(X > 0, t, 1.0), "dot": lambda t: np.dot(t, X.T), "matmul": lambda t: np.matmul(X.T, t),
    "array @ t": lambda t: X.T @ t, "add.reduce": np.add.reduce,
    "add.reduce all": lambda t: np.add.reduce(t, axis=None),
    "maximum.reduce": lambda t: np.maximum.reduce(t, axis=1, keepdims=True),
    "minimum.reduce": lambda t: np.minimum.reduce(t), "logaddexp.reduce": lambda t: np.logaddexp.reduce(t, axis=1),
    "multiply.outer": lambda t: np.multiply.outer(t, X[0]), "subtract.outer": lambda t: np.subtract.outer(X[1], t),
}  # fmt: skip
OPTIONAL = {  # where the function exists here
    "prod": lambda t: np.prod(t, axis=1), "cumsum": lambda t: np.cumsum(t, 1), "std": lambda t: np.std(t, axis=0),
    "einsum": lambda t: np.einsum("ij,kj->ik", t, X), "tensordot": lambda t: np.tensordot(t, X, axes=([1], [1])),
    "swapaxes": lambda t: np.swapaxes(t, 0, 1), "moveaxis": lambda t: np.moveaxis(t, 0, -1),
    "sort": lambda t: np.sort(t, axis=1), "flip": np.flip, "roll": lambda t: np.roll(t, 1),
    "tile": lambda t: np.tile(t, 2),
    "pad": lambda t: np.pad(t, 1), "take": lambda t: np.take(t, [0, 2], axis=1), "trace": np.trace,
    "diff": lambda t: np.diff(t, axis=1), "outer": lambda t: np.outer(t[0], X[1]),
    "repeat": lambda t: np.repeat(t, 2, axis=0),
    "norm": lambda t: np.linalg.norm(t), "det": lambda t: np.linalg.det(t[:, :2]),
    "inv": lambda t: np.linalg.inv(t[:, :2]),
    "solve": lambda t: np.linalg.solve(t[:, :2], X),
}  # fmt: skip
FUNCTIONS |= {name: call for name, call in OPTIONAL.items() if hasattr(ag, name)}
FUNCTIONS |= {"multiply.reduce": lambda t: np.multiply.reduce(t, axis=0)} if hasattr(ag, "prod") else {}
FUNCTIONS |= {"add.accumulate": lambda t: np.add.accumulate(t)} if hasattr(ag, "cumsum") else {}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_numpys_function_on_a_tensor(name: str) -> None:
    call = FUNCTIONS[name]
    y = call(Tensor(X))
    assert type(y) is Tensor
    np.testing.assert_allclose(y.data, call(X), rtol=1e-14)
    check_gradients(call, X)


FLAT = {
    "ceil": np.ceil, "trunc": np.trunc, "rint": np.rint, "round": np.round, "sign": np.sign,
    "round to digits": lambda t: np.round(t, 1), "around": lambda t: np.around(t, decimals=0),
}  # fmt: skip


@pytest.mark.parametrize("name", FLAT)
def test_steps_are_flat(name: str) -> None:
    t = Tensor(X * 1.03)
    y = FLAT[name](t)
    np.testing.assert_array_equal(y.data, FLAT[name](t.data))
    np.testing.assert_array_equal(gradients(y.sum(), t), np.zeros_like(X))


def test_value_and_numpy() -> None:
    v, w = Value(0.5, name="v"), Value(2.0)
    for y, expected in [
        (np.exp(v), np.exp(0.5)), (np.power(v, w), 0.25), (np.float64(3.0) * v, 1.5), (np.array(3.0) + v, 3.5),
        (np.maximum(v, w), 2.0), (np.where(v > 1, v, w), 2.0), (np.clip(v, 0, 0.25), 0.25), (np.round(v + 0.2), 1.0),
        (np.float32(2.0) ** w, 4.0), (np.add(1, v), 1.5),
    ]:  # fmt: skip
        assert type(y) is Value
        assert y.data == expected
    assert np.isnan(v) == False  # noqa: E712 (a NumPy boolean)
    assert (np.shape(v), np.ndim(v), np.size(v)) == ((), 0, 1)
    assert type(np.less(np.float64(1.0), w)) is np.bool_


READ = [
    lambda t: np.isnan(t), lambda t: np.isfinite(t), lambda t: np.greater(t, X[0]), lambda t: np.logical_and(t, X > 0),
    lambda t: np.logical_or.reduce(t > 0), lambda t: np.argmax(t, axis=1), lambda t: np.argmin(t),
    lambda t: np.argsort(t, axis=-1), lambda t: np.shape(t), lambda t: np.ndim(t), lambda t: np.size(t),
    lambda t: np.allclose(t, X), lambda t: np.array_equal(X, t), lambda t: np.isclose(t, X), lambda t: np.zeros_like(t),
    lambda t: np.ones_like(t, dtype=int), lambda t: np.full_like(t, 3.0), lambda t: np.searchsorted(t[0] * 0, 1.0),
    lambda t: np.count_nonzero(t), lambda t: np.any(t), lambda t: np.all(t, axis=0), lambda t: np.nonzero(t)[1],
    lambda t: np.result_type(t, np.float32), lambda t: np.array_repr(t), lambda t: np.where(t)[0],
    lambda t: np.logical_or.reduce(t, axis=1), lambda t: np.greater.outer(t, X[0]),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(READ)))
def test_what_only_reads_gives_plain_results(i: int) -> None:
    y, expected = READ[i](Tensor(X)), READ[i](X)
    assert type(y) is type(expected)
    np.testing.assert_array_equal(y, expected)


def test_assertions_of_numpy_take_the_data() -> None:
    """They read plain arrays, as `np.asarray` does; a node that requires a gradient raises the same error."""
    t, v = Tensor(X), Value(0.5)
    np.testing.assert_array_equal(t.data, X)
    np.testing.assert_allclose(v.data, 0.5)
    np.testing.assert_array_equal(t.detach(), X)
    with pytest.raises(KindError, match=r"Write t\.data for the array"):
        np.testing.assert_allclose(t, X)
    with pytest.raises(KindError, match=r"Write v\.data for the number"):
        np.testing.assert_array_equal(0.5, v)


def test_every_public_function_with_numpys_name_answers() -> None:
    for name in ag.__all__:
        theirs = getattr(np, name, None) or getattr(np.linalg, name, None)
        if callable(theirs) and not isinstance(theirs, type):
            assert ours()[theirs] is getattr(ag, name)


def test_dtype_of_a_reduction() -> None:
    t = Tensor(X, dtype=np.float32)
    for y in (
        np.sum(t, dtype=np.float64),
        np.mean(t, axis=0, dtype="f8"),
        np.add.reduce(t, dtype=np.float64),
    ):
        assert y.dtype == np.float64
        assert gradients(y.sum(), t).dtype == np.float32
    assert np.sum(t).dtype == np.exp(t).dtype == np.round(t, 2).dtype == np.ceil(t).dtype == np.float32


class TestLessons:
    @pytest.mark.parametrize(
        ("call", "lesson"),
        [
            (lambda t: np.add(t, t, out=np.empty_like(X)), r"np\.add was told to write .* lose the gradient"),
            (lambda t: np.sum(t, out=np.empty(())), r"np\.sum was told to write"),
            (lambda t: np.add(t, t, where=X > 0), r"np\.add .* with where.*where\(mask, t, other\)"),
            (
                lambda t: np.exp(t, dtype=np.float32, casting="safe"),
                r"casting='safe' does not.*astype\(t, dtype\)",
            ),
            (lambda t: np.exp(t, dtype=int), r"np\.exp computes in floats"),
            (
                lambda t: np.concatenate([t, t], dtype=np.float32, casting="safe"),
                r"concatenate .*casting='safe'",
            ),
            (lambda t: np.sum(t, initial=t[0, 0]), "initial as a plain number"),
            (lambda t: np.sort(t, kind="best"), r"np\.sort .* with kind"),
            (lambda t: np.add.at(t, [0], 1.0), r"t\.at\[index\]\.add\(values\)"),
            (lambda t: np.add.at(X.copy(), [0], t[0]), r"np\.add\.at"),
            (lambda t: np.add.reduceat(t, [0, 1]), r"np\.add\.reduceat has no derivative rule"),
            (lambda t: np.divide.reduce(t), r"np\.divide\.reduce has no derivative rule"),
            (lambda t: np.gcd(t, 2), r"np\.gcd has no derivative rule.*\.data"),
            (lambda t: np.unique(t), r"np\.unique has no derivative rule.*\.data"),
            (lambda t: np.linalg.eigvals(t), r"np\.linalg\.eigvals has no derivative rule"),
            (lambda t: np.fft.fft(t), r"np\.fft\.fft has no derivative rule"),
            (lambda t: np.copyto(X.copy(), t), r"np\.copyto"),
            (lambda t: np.full_like(t, t), r"np\.full_like"),
            (lambda t: X // t, "not differentiable"),
            (lambda t: np.divmod(X, t), "not differentiable"),
            (lambda t: np.array([t, t]), r"stack\(\[t, u\]\)"),
            (lambda t: np.asarray(t), r"t\.data for the array"),
            (lambda t: np.asarray(t, dtype=object), r"lose its gradient"),
            (lambda t: np.exp([t, t]), r"lose its gradient"),
            (lambda t: np.add(t, Value(1.0)), "do not mix silently"),
            (lambda t: np.concatenate([t, Value(1.0)]), "one number"),
        ],
    )
    def test_of_tensors(self, call: Any, lesson: str) -> None:
        with pytest.raises(KindError, match=lesson):
            call(Tensor(X))

    @pytest.mark.parametrize(
        ("call", "lesson"),
        [
            (lambda v: np.array([1.0, 2.0]) * v, r"list of Values: \[v \* x for x in array\]"),
            (lambda v: v + np.array([1.0]), "Use Tensor for arrays"),
            (lambda v: np.array([v, v]), "keep several Values in a list"),
            (lambda v: np.stack([v, v]), "one number"),
            (lambda v: np.sum(v), "one number"),
            (lambda v: np.sum([v, v]), "lose its gradient"),
            (lambda v: np.gcd(v, 2), r"np\.gcd has no derivative rule"),
        ],
    )
    def test_of_values(self, call: Any, lesson: str) -> None:
        with pytest.raises(KindError, match=lesson):
            call(Value(2.0))

    def test_adding_a_tensor_to_an_array_in_place(self) -> None:
        array = X.copy()
        with pytest.raises(KindError, match=r"a = a \+ t in place of a \+= t"):
            array += Tensor(X)
        np.testing.assert_array_equal(array, X)
        t = u = Tensor(X)
        t += X
        assert t is not u
