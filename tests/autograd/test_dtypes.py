"""float32 stays float32 and float16 stays float16, in values and gradients; float16 is added up in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule.autograd import TABLE, Primitive, Tape, Tensor, gradients, jvp

narrow = pytest.mark.parametrize("dtype", [np.float32, np.float16])
TOLERANCE = {np.float32: 1e-5, np.float16: 4e-2}


@narrow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_row(case: Case, dtype: Any) -> None:
    params = case.params | ({"dtype": np.dtype(dtype)} if case.row == "astype" else {})
    row, inputs = TABLE[case.row], [Tensor(x, dtype=dtype) for x in case.inputs]
    y = row(*inputs, **params)
    wide = [Tensor(x.data, dtype=float) for x in inputs]
    expected = row(*wide, **case.params)
    assert y.dtype == dtype
    scale = np.abs(expected.data).max(initial=1)
    np.testing.assert_allclose(y.data, expected.data, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale)
    for graph in (False, True):
        for x, g, e in zip(
            inputs,
            gradients(y, inputs, np.ones(y.shape), graph),
            gradients(expected, wide, np.ones(y.shape)),
            strict=True,
        ):
            assert g.dtype == dtype
            assert g.shape == x.shape
            scale = np.abs(e).max(initial=1)
            np.testing.assert_allclose(
                g.data if graph else g, e, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype] * scale
            )
    arrays = tuple(x.data for x in inputs)
    assert jvp(lambda *xs: row(*xs, **params), arrays, arrays)[1].dtype == dtype


X = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])
S = X @ X.T
# every public function that is not a row
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "array_split": lambda t: ag.array_split(t, 2)[1], "avg_pool": lambda t: ag.avg_pool(t[None], 2),
    "broadcast_to": lambda t: ag.broadcast_to(t, (2, 2, 3)), "cholesky": lambda t: ag.cholesky(t @ t.T),
    "checkpoint": lambda t: ag.checkpoint(ag.exp, t), "clip": lambda t: ag.clip(t, -1, 1),
    "concatenate": lambda t: ag.concatenate([t, t]), "conv": lambda t: ag.conv(t[None], t[None, :, :2]),
    "cumprod": lambda t: ag.cumprod(t, 1), "cumsum": lambda t: ag.cumsum(t, 0), "det": lambda t: ag.det(t @ t.T),
    "diagonal": ag.diagonal, "diff": ag.diff, "dot": lambda t: ag.dot(t, t.T), "eigh": lambda t: ag.eigh(t @ t.T)[1],
    "eigvalsh": lambda t: ag.eigvalsh(t @ t.T), "einsum": lambda t: ag.einsum("ij,kj->ik", t, t), "elu": ag.elu,
    "expand_dims": lambda t: ag.expand_dims(t, 0), "flip": ag.flip, "inner": lambda t: ag.inner(t, t),
    "rfft": ag.rfft, "irfft": lambda t: ag.irfft(t, 4),
    "inv": lambda t: ag.inv(t @ t.T), "kron": lambda t: ag.kron(t, t), "leaky_relu": ag.leaky_relu,
    "log_softmax": ag.log_softmax, "logsumexp": ag.logsumexp, "max": ag.max,
    "max_pool": lambda t: ag.max_pool(t[None], 2),
    "mean": lambda t: ag.mean(t, 0), "median": ag.median, "min": lambda t: ag.min(t, 1),
    "moveaxis": lambda t: ag.moveaxis(t, 0, 1), "norm": lambda t: ag.norm(t, 3, axis=1),
    "linear": lambda t: ag.linear(t, t.T, t[:, 0]), "outer": lambda t: ag.outer(t, t),
    "pad": lambda t: ag.pad(t, 1, constant_values=2.5), "pinv": ag.pinv, "prod": ag.prod,
    "qr": lambda t: ag.qr(t.T)[1],
    "ravel": ag.ravel, "repeat": lambda t: ag.repeat(t, 2), "reshape": lambda t: ag.reshape(t, (3, 2)),
    "roll": lambda t: ag.roll(t, 1), "slogdet": lambda t: ag.slogdet(t @ t.T)[1], "softmax": ag.softmax,
    "solve": lambda t: ag.solve(t @ t.T, t), "sort": ag.sort, "split": lambda t: ag.split(t, 2)[0],
    "squeeze": lambda t: ag.squeeze(t[:1]), "stack": lambda t: ag.stack([t, t]), "std": ag.std, "sum": ag.sum,
    "svd": lambda t: ag.svd(t)[0], "swapaxes": lambda t: ag.swapaxes(t, 0, 1), "take": lambda t: ag.take(t, [0, 0]),
    "take_along_axis": lambda t: ag.take_along_axis(t, [[1], [0]], 1), "tensordot": lambda t: ag.tensordot(t, t),
    "tile": lambda t: ag.tile(t, 2), "trace": ag.trace, "transpose": ag.transpose, "tril": ag.tril, "triu": ag.triu,
    "var": lambda t: ag.var(t, ddof=1), "where": lambda t: ag.where(X > 0, t, 0.5),
    "astype": lambda t: ag.astype(t, t.dtype), "topk": lambda t: ag.topk(t, 2, 0).values,
}  # fmt: skip
# no functions of a tensor
OTHER = {
    "by_primitives", "check_gradients", "check_update", "detect_nonfinite", "elementwise", "grad", "gradients",
    "hessian", "hvp", "jacobian", "jit", "jvp", "no_grad", "record_lines", "scope", "structural", "total",
    "value_and_grad", "vjp",
}  # fmt: skip


def test_every_public_function_is_here() -> None:
    public = {name for name in ag.__all__ if name.islower() and not isinstance(getattr(ag, name), Primitive)}
    assert public - OTHER == FUNCTIONS.keys()


@narrow
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function(name: str, dtype: Any) -> None:
    t = Tensor(X, dtype=dtype)
    y = FUNCTIONS[name](t)
    assert y.dtype == dtype
    assert gradients(y, t, np.ones(y.shape)).dtype == dtype
    g = gradients(y, t, np.ones(y.shape), create_graph=True)
    assert g.dtype == dtype
    expected = FUNCTIONS[name](Tensor(t.data, dtype=float)).data
    np.testing.assert_allclose(y.data, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


class TestManyNumbersInFloat16:
    """Where one float16 after the other would overflow beyond 65504, or stop at 2048."""

    N = 70_000
    ones = np.ones((N, 2), np.float16)

    def test_sums(self) -> None:
        t = Tensor(self.ones)
        assert np.isinf(t.sum(0).data).all()  # 70000 has no place in float16
        np.testing.assert_array_equal(t[:5000].sum(0).data, [5000, 5000])
        np.testing.assert_array_equal(ag.cumsum(t[:3000], 0).data[-1], [3000, 3000])
        np.testing.assert_array_equal(ag.einsum("ij->j", t[:3000]).data, [3000, 3000])

    def test_means_and_their_gradients(self) -> None:
        t = Tensor(self.ones * np.array([1, 3], np.float16))
        np.testing.assert_array_equal(t.mean(0).data, [1, 3])
        np.testing.assert_array_equal(t.var(1).data[:2], [1, 1])
        assert t.var().item() == t.var(ddof=1).item() == 1
        assert t.std().item() == 1
        np.testing.assert_allclose(gradients(t.mean(0).sum(), t), 1 / self.N, rtol=3e-3)
        assert gradients(t.std(), t)[0, 1] > 0

    def test_norms_and_softmax(self) -> None:
        t = Tensor(np.full((100, 1), 300, np.float16))
        assert ag.norm(t).item() == 3000
        np.testing.assert_allclose(gradients(ag.norm(t), t), 0.1, rtol=1e-3)
        t = Tensor(self.ones)
        np.testing.assert_allclose(ag.softmax(t, 0).data, 1 / self.N, rtol=3e-3)
        np.testing.assert_allclose(ag.logsumexp(t, 0).data, 1 + np.log(self.N), rtol=1e-3)

    def test_gradients_that_meet(self) -> None:
        bias = Tensor(np.zeros(2, np.float16))
        np.testing.assert_array_equal(gradients((self.ones[:5000] + bias).sum(), bias), [5000, 5000])
        rows = np.zeros(5000, int)
        np.testing.assert_array_equal(gradients(bias[rows].sum(), bias), [5000, 0])
        winners = Tensor(self.ones[:4000])
        np.testing.assert_allclose(gradients(ag.max(winners), winners), 1 / 8000, rtol=1e-3)


@pytest.mark.parametrize("create_graph", [False, True])
def test_float16_gradients_meet_in_float32(create_graph: bool) -> None:
    x = Tensor(np.ones(2), dtype=np.float16)
    total = x.astype(np.float32)
    for _ in range(4999):
        total = total + x
    found = gradients(total.sum(), x, create_graph=create_graph)
    assert found.dtype == np.float16
    assert np.asarray(getattr(found, "data", found)).tolist() == [5000, 5000]


def test_a_leaf_in_float16_that_is_used_5000_times() -> None:
    x = Tensor(1.0, dtype=np.float16)
    y = Tensor(0.0, dtype=np.float32)
    for _ in range(5000):
        y = y + x * 1.0
    y.backward()
    assert (x.grad.dtype, float(x.grad)) == (np.float16, 5000.0)
    tape = Tape(y)
    x.zero_grad()
    tape.forward()
    tape.backward()
    assert float(x.grad) == 5000.0


@pytest.mark.parametrize(
    "name", ["maximum", "minimum", "power", "hypot", "arctan2", "logaddexp", "add", "divide"]
)
@narrow
def test_a_python_number_beside_a_plain_array_takes_its_dtype(name: str, dtype: Any) -> None:
    x = np.array([1.5, 2.5], dtype)
    for number in (2, 2.0):
        found, expected = getattr(ag, name)(x, number), getattr(np, name)(x, number)
        assert found.dtype == expected.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype])
    assert ag.where(x > 2, x, 0).dtype == ag.where(x > 2, 1.0, x).dtype == dtype


def test_a_python_number_beside_whole_numbers_is_as_in_numpy() -> None:
    x = np.array([1, 2])
    assert ag.maximum(x, 2).dtype == np.maximum(x, 2).dtype
    assert ag.maximum(x, 1.5).tolist() == [1.5, 2.0]
