"""What a function chooses by the data is chosen anew in a replay, which equals a fresh recording at the new data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule.autograd as ag
from chainrule.autograd import KindError, RangeError, Tape, Tensor, Value, gradients

NAN, INF = np.nan, np.inf
KNOTS, POINTS = np.array([0.0, 1.0, 2.5, 4.0]), np.array([1.0, 3.0, -2.0, 0.5])
HERE, THERE = np.array([[1.0, NAN, 3.0], [2.0, 5.0, -1.0]]), np.array([[NAN, 2.5, NAN], [4.0, NAN, 0.5]])
ALL_GONE = np.array([[NAN, NAN, NAN], [1.0, NAN, 7.0]])
MIXED = np.array([0.3, -1.2, 0.0, 2.0, 1.0])
OTHER = np.array([-0.7, 0.4, 1.0, -2.0, 0.0])
SINGULAR = np.array([[1.0, 2.0, 0.5], [2.0, 4.0, 1.0], [0.3, -1.0, 0.7]])
REGULAR = np.array([[1.0, 2.0, 0.5], [0.1, -1.0, 3.0], [0.3, -1.0, 0.7]])
LONG = np.diag([5.0, 1.0, 0.1])

W = np.arange(9.0).reshape(3, 3)
# functions whose rules compare
BENT: dict[str, Callable[[Any], Any]] = {
    "relu": ag.relu, "leaky_relu": ag.leaky_relu, "elu": ag.elu, "clip": lambda t: ag.clip(t, -0.5, 0.5),
    "maximum": lambda t: ag.maximum(t, t[::-1]), "minimum": lambda t: ag.minimum(t, 0.4), "absolute": ag.absolute,
    "fmax": lambda t: np.fmax(t, 0.4), "max": ag.max, "sort": ag.sort, "norm": ag.norm,
    "sinc": lambda t: ag.sinc(t / 5),
    "hypot": lambda t: ag.hypot(t, t[::-1]), "arctan2": lambda t: ag.arctan2(t, t[::-1]), "std": ag.std,
    "power": lambda t: (t * t) ** ag.relu(t), "power by the exponent": lambda t: ag.relu(t) ** 2.0,
    "logaddexp": lambda t: ag.logaddexp(t, t[::-1]), "logsumexp": ag.logsumexp, "nan_to_num": np.nan_to_num,
}  # fmt: skip


def slope(f: Callable[[Any], Any], x: Any) -> Any:
    return gradients(f(x), x, create_graph=True)


# a function, where it is recorded, and where it is replayed
CASES: dict[str, tuple[Callable[[Any], Any], np.ndarray, np.ndarray]] = {
    "interp": (lambda t: np.interp(t, KNOTS, POINTS), np.array([0.5, 1.5, 3.0]), np.array([3.1, -1.0, 0.2])),
    "interp by the knots": (lambda t: np.interp([0.9, 1.7, 3.0], t, POINTS), KNOTS, KNOTS + 0.8),
    "interp by the values": (lambda t: np.interp(t[:2], t, POINTS * t), KNOTS, np.array([0.5, 0.7, 0.9, 2.0])),
    "interp with ends": (lambda t: np.interp(t, KNOTS, POINTS, -7.0, 9.0), np.array([0.5, -1.0]), np.array([5.0, 0.1])),
    "interp by its values, with ends": (lambda t: np.interp(t, KNOTS, t, -7.0, 9.0), KNOTS + 0.1, KNOTS - 2.2),
    "interp periodic": (lambda t: np.interp(t, KNOTS, POINTS, period=5.0), np.array([0.5, 4.5]), np.array([8.0, 6.0])),
    "unwrap": (np.unwrap, np.array([0.3, 4.1, 0.6]), np.array([-0.2, 3.0, -3.0])),
    "unwrap with a period": (lambda t: np.unwrap(t, period=2.0), np.array([0.3, 1.1, 0.6]), np.array([0.2, 1.9, -1.0])),
    **{
        name: (lambda t, name=name: getattr(np, name)(t, axis=1), HERE, THERE)
        for name in (
            "nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd", "nancumsum", "nancumprod",
        )
    },
    "nanmax of nothing": (lambda t: np.nanmax(t, axis=1), HERE, ALL_GONE),
    "nanmean of nothing": (lambda t: np.nanmean(t, axis=1), HERE, ALL_GONE),
    "nanstd of too few": (lambda t: np.nanstd(t, axis=1, ddof=1), HERE, THERE),
    "nanstd of a constant": (lambda t: np.nanstd(t), np.array([1.0, 2.0]), np.array([2.0, 2.0])),
    "nansum where": (lambda t: np.nansum(t, where=[True, False, True]), HERE, THERE),
    "nan_to_num": (np.nan_to_num, HERE, np.array([[NAN, INF, -INF], [1.0, 2.0, NAN]])),
    "fmax": (lambda t: np.fmax(t, t[::-1]), HERE, THERE), "fmin": (lambda t: np.fmin(t, 1.5), HERE, THERE),
    "copysign": (lambda t: np.copysign(t, t[::-1]), MIXED, OTHER),
    "heaviside": (lambda t: np.heaviside(t, t[::-1]) * t, MIXED, OTHER),
    "quantile": (lambda t: np.quantile(t, [0.3, 0.8]), MIXED, OTHER),
    "percentile": (lambda t: np.percentile(t, 60), MIXED, OTHER),
    "median": (np.median, MIXED, OTHER), "sort": (lambda t: np.sort(t) * np.arange(5), MIXED, OTHER),
    "ptp": (np.ptp, MIXED, OTHER), "max from": (lambda t: np.max(t, initial=1.5), MIXED, OTHER),
    "max where": (lambda t: np.max(t, initial=0.5, where=[True, True, False, False, True]), MIXED, OTHER),
    "clip": (lambda t: np.clip(t, -0.5, 0.5), MIXED, OTHER),
    "clip by nodes": (lambda t: np.clip(1.0, t[0], t), MIXED, OTHER),
    "remainder": (lambda t: t % 0.7 + 2.0 % (t + 3), MIXED, OTHER),
    "fmod": (lambda t: np.fmod(t, 0.7) + np.fmod(5.0, t + 2.5), MIXED, OTHER),
    "trunc": (lambda t: np.trunc(3 * t) * t, MIXED, OTHER), "round": (lambda t: np.round(t, 1) * t, MIXED, OTHER),
    "average": (lambda t: np.average(t, weights=t * t), MIXED, OTHER),
    "norm": (lambda t: np.linalg.norm(t, -INF) + np.linalg.norm(t, 0) * t[0], MIXED, OTHER),
    "geomspace": (lambda t: np.geomspace(t, 2 * t, 3), np.array([1.0, 2.0]), np.array([-3.0, 2.0])),
    "where, of a node": (lambda t: ag.where(t, t[::-1], 2.0) * t[::-1], MIXED, OTHER),
    "slogdet": (lambda t: np.linalg.slogdet(t).sign * t, REGULAR, REGULAR[[1, 0, 2]]),
    "cond": (np.linalg.cond, REGULAR, REGULAR.T * 2),
    "pinv of another rank": (lambda t: ag.pinv(t, 0.15), LONG, LONG[[2, 1, 0]] + 2 * np.eye(3)),
    "curvature of det": (lambda t: slope(lambda t: (slope(ag.det, t) * W).sum(), t), REGULAR, SINGULAR),
    **{f"slope of {name}": (lambda t, f=f: slope(lambda t: (f(t) * t).sum(), t), MIXED, OTHER) for name,
        f in BENT.items()},
}  # fmt: skip


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_in_a_replay(name: str) -> None:
    f, here, there = CASES[name]
    x = Tensor(here, name="x")
    tape = Tape((f(x) * 1.0).sum())
    for new in (there, here, there):
        fresh = Tensor(new)
        y = (f(fresh) * 1.0).sum()
        close(tape.forward(x=new), y.data)
        x.zero_grad()
        tape.backward()
        close(x.grad, gradients(y, fresh))


UP, ANY = np.array([1.0, 2.0, 3.5]), np.array([2.0, -1.0, 0.5])
FLAT, STEEP = np.array([[1.0, 2.0], [3.0, 5.0], [0.5, 0.2]]), np.array([[3.0, 2.0], [1.0, -5.0], [2.0, 0.3]])
# functions that need the shapes, the dtypes or a check of their inputs, but not the numbers
RECORDED = {name: case for name, case in CASES.items() if not name.startswith(("slope", "curvature"))} | {
    "convolve": (lambda t: np.convolve(t, [1.0, 2.0]), UP, ANY),
    "correlate": (lambda t: np.correlate(t, t[:2]), UP, ANY),
    "gradient by a step": (lambda t: np.gradient(t, t[0]), UP, ANY),
    "gradient at places": (lambda t: np.gradient(t, np.cumsum(t * t)), UP, ANY),
    "block": (lambda t: np.block([[t, 2 * t], [t * t, t]]), UP, ANY),
    "linspace": (lambda t: np.linspace(t[0], t, 4), UP, ANY),
    "logspace": (lambda t: np.logspace(0, t, 4, base=t * t), UP, ANY),
    "select": (lambda t: np.select([t > 2, t > 0.7], [t, t * t], -1.0), UP, ANY),
    "imag": (lambda t: t + np.imag(t), UP, ANY), "full_like": (lambda t: np.full_like(t, 2.0) * t, UP, ANY),
    "lstsq": (lambda t: np.linalg.lstsq(t, [1.0, 2.0, 4.0])[0], FLAT, STEEP),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_by_jit(name: str) -> None:
    f, here, there = RECORDED[name]
    fast = ag.jit(f)
    for new in (here, there, here):
        close(fast(new), f(Tensor(new)).data)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a replay computes first
def test_what_a_replay_checks_again() -> None:
    average = ag.jit(lambda w: np.average([1.0, 2.0], weights=w))
    assert average(np.array([1.0, 3.0])) == 1.75
    with pytest.raises(RangeError, match="weights with the sum 0"):
        average(np.array([1.0, -1.0]))
    geometric = ag.jit(lambda ends: np.geomspace(ends[0], ends[1], 3))
    close(geometric(np.array([1.0, 4.0])), [1, 2, 4])
    with pytest.raises(RangeError, match="of one sign"):
        geometric(np.array([-1.0, 4.0]))
    solve = ag.jit(lambda a: np.linalg.lstsq(a, [1.0, 2.0, 4.0])[1])
    assert solve(FLAT).shape == (1,)
    with pytest.raises(KindError, match="rank 1, and not of rank 2"):
        solve(np.ones((3, 2)))


ON_VALUES: dict[str, Callable[[Any, Any], Any]] = {
    "fmax": np.fmax, "fmin": np.fmin, "copysign": np.copysign, "heaviside": lambda a, b: np.heaviside(a, b) * a,
    "nan_to_num": lambda a, b: np.nan_to_num(a * b, nan=3.0), "remainder": lambda a, b: a % b,
    "reflected": lambda a, b: 7.0 % a + b, "fmod": np.fmod, "trunc": lambda a, b: np.trunc(a) * b,
    "where, of a Value": lambda a, b: ag.where(ag.maximum(a, 0.0), a, b),
    "clip": lambda a, b: ag.clip(a, -0.5, 0.5) * np.clip(b, 0.0, None),
    "logsumexp": lambda a, b: ag.logsumexp([a, b, 1.0]), "softmax": lambda a, b: ag.softmax([a, b, 1.0])[1] * b,
    "log_softmax": lambda a, b: ag.log_softmax([a, b])[0], "max": lambda a, b: ag.max([a, b, a * b]),
    "slope of relu": lambda a, b: slope(lambda a: ag.relu(a) * a, a) * b,
    "slope of max": lambda a, b: slope(lambda a: ag.max([a, b, 0.5]) * a, a) * b,
    "slope of hypot": lambda a, b: slope(lambda a: ag.hypot(a, 0.0) * a, a) * b,
}  # fmt: skip


@pytest.mark.parametrize("name", ON_VALUES)
def test_in_a_replay_of_values(name: str) -> None:
    f = ON_VALUES[name]
    a, b = Value(2.3, name="a"), Value(-1.1, name="b")
    tape = Tape(f(a, b) * 1.0)
    extreme = () if name.startswith("slope") else ((-INF, 5.0),)
    for new in ((-1.7, 0.6), (0.4, 900.0), (NAN, 2.0), (1e3, 1.1e3), (2.3, -1.1), *extreme):
        fresh = [Value(x) for x in new]
        y = f(*fresh)
        close(tape.forward(a=new[0], b=new[1]), y.data)
        a.zero_grad()
        b.zero_grad()
        tape.backward()
        close([a.grad, b.grad], gradients(y, fresh))


@pytest.mark.parametrize("name", [name for name in ON_VALUES if not name.startswith("slope")])
def test_by_jit_on_values(name: str) -> None:
    f = ON_VALUES[name]
    fast = ag.jit(f)
    for new in ((2.3, -1.1), (-1.7, 0.6), (0.4, 900.0)):
        close(fast(*new), f(*map(Value, new)).data)


def test_a_condition_from_plain_data_stays() -> None:
    """As `Tape.forward` says: what was taken out of the graph while recording is a constant."""
    x = Tensor([1.0, -2.0], name="x")
    tape = Tape(ag.where(x > 0, x, 0.0))
    np.testing.assert_array_equal(tape.forward(x=np.array([-3.0, 4.0])), [-3.0, 0.0])


def test_a_condition_that_is_a_node_is_read_again() -> None:
    mask, x = Tensor([True, False], name="mask"), Tensor([1.0, 2.0])
    tape = Tape(ag.where(mask, x, -x))
    np.testing.assert_array_equal(tape.forward(mask=np.array([False, True])), [-1.0, 2.0])


BY_POSITIONS: dict[str, Callable[[Any, Any], Any]] = {
    "take": lambda t, i: ag.take(t, i, 1), "take of all": lambda t, i: t.take(i),
    "take, wrapping": lambda t, i: ag.take(t, i + 4, 1, mode="wrap"),
    "take, clipping": lambda t, i: ag.take(t, 2 * i - 1, mode="clip"),
    "take of an array": lambda t, i: ag.take(np.array([3.0, 4.0, 5.0]), i) * t[0, 0],
    "take_along_axis": lambda t, i: ag.take_along_axis(t, i.reshape(2, 1), 1),
    "choose": lambda t, i: np.choose(i, [t[:, 0], t[:, 1], t[:, 2]]),
    "choose, wrapping": lambda t, i: np.choose(i - 3, list(t.T), mode="wrap"),
}  # fmt: skip


@pytest.mark.parametrize("name", BY_POSITIONS)
def test_positions_in_a_tensor_are_read_again(name: str) -> None:
    f = BY_POSITIONS[name]
    t, i = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), Tensor([0, 2], name="i")
    tape = Tape((f(t, i) ** 2).sum())
    for new in ([1, 1], [2, 0]):
        y = (f(t, Tensor(new)) ** 2).sum()
        close(tape.forward(i=new), y.data)
        t.zero_grad()
        tape.backward()
        close(t.grad, gradients(y, t))
