"""One random call, computed in every way there is: recorded, replayed, printed, copied, stepped, drawn, in both modes.

All ways give the same bits, except where derivatives come by another way of computing; those agree to rounding.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from fuzz_calls import OTHER, Call, calls
from fuzz_makers import MAKERS
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule.autograd as ag
from chainrule.autograd import ChainruleError, GradientError, Node, Tape, Tensor, checkpoint, gradients, jvp
from chainrule.autograd.numpy_api.compositions import BY_NAME
from chainrule.viz import draw, step

# how much results may differ that are computed in another order
ROUNDING = {"e": 2e-2, "f": 2e-4, "d": 1e-9, "g": 1e-9}
# where NumPy answers small floats in float64, and chainrule in the dtype of the arrays
KEEPS_SMALL = {
    "np.bincount",
    "np.cov",
    "np.corrcoef",
    "np.float_power",
    "np.percentile",
    "np.quantile",
    "np.nanpercentile",
    "np.nanquantile",
}
# what looks at numbers before it records
READS_DATA = {
    "np.compress", "np.extract", "np.nanmedian", "np.nanpercentile", "np.nanquantile", "np.partition", "topk",
}  # fmt: skip


def test_every_documented_function_has_a_maker() -> None:
    functions = {name for name in ag.__all__ if callable(getattr(ag, name)) and name[0].islower()}
    composed = {
        name for name in BY_NAME if hasattr(np.linalg if "linalg" in name else np, name.rpartition(".")[2])
    }
    without = (functions | composed) - set(MAKERS) - OTHER
    assert not without


def same(a: Any, b: Any) -> bool:
    """The same shape, dtype and bits; a NaN is a NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return np.array_equal(a, b, equal_nan=True) and bool(
        (np.isnan(a) | (np.signbit(a) == np.signbit(b))).all()
    )


def assert_same(found: Any, expected: Any, way: str, call: Call) -> None:
    assert same(found, expected), f"{way} of {call}\ngives    {found!r}\nexpected {expected!r}"


def assert_close(found: Any, expected: Any, way: str, call: Call) -> None:
    """Equal to rounding, where both are finite."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{way} of {call}: {found.shape} for {expected.shape}"
    kind = min((x.dtype.char for x in [*call.arrays, found]), key="efdg".index)
    with np.errstate(all="ignore"):
        a, b = found.astype(np.longdouble), expected.astype(np.longdouble)
        both = np.isfinite(a) & np.isfinite(b)
        scale = np.max(np.abs(np.where(both, b, 0)), initial=1.0)
        assert (np.abs(np.where(both, a - b, 0)) <= ROUNDING[kind] * scale).all(), (
            f"{way} of {call}\ngives    {found!r}\nexpected {expected!r}"
        )


def finite(*arrays: Any) -> bool:
    return all(np.isfinite(np.asarray(x)).all() for x in arrays)


def outputs_of(y: Any) -> list[Any]:
    if isinstance(y, (list, tuple)):
        return [x for part in y for x in outputs_of(part)]
    return [y]


def leaves_of(call: Call, arrays: Any = None) -> list[Tensor]:
    return [Tensor(x, name=f"x{i}") for i, x in enumerate(call.arrays if arrays is None else arrays)]


def cotangent(y: Any, rng: np.random.Generator) -> Any:
    u = rng.choice([0.0, 1.0, -1.0, 0.5, 2.0, -3.0], np.shape(y.data))
    return np.asarray(u, y.dtype)


@pytest.mark.parametrize("name", sorted(MAKERS))
@settings(max_examples=max(settings.default.max_examples // 12, 1))
@given(data=st.data())
def test_all_ways_agree(name: str, data: Any) -> None:
    call = data.draw(calls(name))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(call)


def compare(call: Call) -> None:
    rng = np.random.default_rng(0)
    try:
        plain = outputs_of(call.f(*[np.array(x) for x in call.arrays]))
    except (ValueError, TypeError, IndexError):  # as which NumPy's errors and ours are raised
        with pytest.raises(ChainruleError):
            call.f(*leaves_of(call))
        return
    results = outputs_of(call.f(*leaves_of(call)))
    assert len(results) == len(plain), f"{call}: {len(results)} results for {len(plain)}"
    for k, (y, expected) in enumerate(zip(results, plain, strict=True)):
        found = y.data if isinstance(y, Node) else y
        if call.name.startswith("np.") or "linalg" in call.name:
            dtype = np.asarray(expected).dtype
            kept = call.name in KEEPS_SMALL and np.asarray(found).dtype == np.result_type(*call.arrays)
            assert kept or np.asarray(found).dtype == dtype, f"the dtype of {call}"
            assert_close(found, expected, "the value", call)
        else:
            assert_same(found, expected, "the value", call)
        if isinstance(y, Node) and y.requires_grad:
            compare_output(call, k, rng)


def compare_output(call: Call, k: int, rng: np.random.Generator) -> None:
    def output(leaves: list[Any]) -> Any:
        return outputs_of(call.f(*leaves))[k]

    leaves = leaves_of(call)
    y = output(leaves)
    u = cotangent(y, rng)
    expected = gradients(y, leaves, u)
    for leaf, g in zip(leaves, expected, strict=True):
        assert (g.shape, g.dtype) == (leaf.shape, leaf.dtype), f"the gradient of {call}"

    y.backward(u)
    for leaf, g in zip(leaves, expected, strict=True):
        assert_same(np.zeros_like(g) if leaf.grad is None else leaf.grad, g, "backward()", call)

    recorded = gradients(y, leaves, Tensor(u, requires_grad=True), create_graph=True)
    for g, r in zip(expected, recorded, strict=True):
        assert_close(r.data, g, "create_graph", call)

    steps = list(Tape(y).steps(u))
    totals = {Tape(y).nodes[s.input]: s.total for s in steps if s.kind != "forward"}
    for leaf, g in zip(leaves, expected, strict=True):
        if leaf in totals:
            assert_same(totals[leaf], g, "the steps", call)

    copies(call, y, u, expected)
    if call.name not in READS_DATA:
        replays(call, output, u, expected, rng)
    program(call, y, u, expected)

    again = leaves_of(call)
    z = checkpoint(lambda *xs: output(list(xs)), *again)
    assert_same(z.data, y.data, "checkpoint", call)
    for g, r in zip(expected, gradients(z, again, u), strict=True):
        assert_same(r, g, "checkpoint", call)

    forward_mode(call, output, leaves, u, expected, rng)
    if y.size <= 6:
        assert draw(y, fit=None).dot  # Graphviz lays out what is drawn in tests/viz
        assert str(step(y.sum() if y.size != 1 else y))


def copies(call: Call, y: Any, u: Any, expected: list[Any]) -> None:
    for way, twin in (("deepcopy", copy.deepcopy(y)), ("pickle", pickle.loads(pickle.dumps(y)))):  # noqa: S301
        assert_same(twin.data, y.data, way, call)
        by_name = {x.name: x for x in Tape(twin).leaves}
        for x in by_name.values():
            x.zero_grad()
        twin.backward(u)
        for i, g in enumerate(expected):
            if f"x{i}" in by_name and by_name[f"x{i}"].grad is not None:
                assert_same(by_name[f"x{i}"].grad, g, way, call)


def replays(call: Call, output: Any, u: Any, expected: list[Any], rng: np.random.Generator) -> None:
    leaves = leaves_of(call)
    y = output(leaves)
    tape = Tape(y)
    value = y.data.copy()
    assert_same(tape.forward(), value, "a replay", call)
    tape.backward(u)
    for leaf, g in zip(leaves, expected, strict=True):
        assert_same(np.zeros_like(g) if leaf.grad is None else leaf.grad, g, "a replayed backward()", call)
    others = [(x + rng.choice([0.25, -0.5, 1.0], x.shape)).astype(x.dtype) for x in call.arrays]
    try:
        fresh = leaves_of(call, others)
        z = output(fresh)
    except ChainruleError:
        return
    for leaf, x in zip(leaves, others, strict=True):
        leaf.data = x
        leaf.zero_grad()
    try:
        found = tape.forward()
    except GradientError:
        return  # refused
    assert_same(found, z.data, "a replay with other numbers", call)
    tape.backward(u)
    for leaf, g in zip(leaves, gradients(z, fresh, u), strict=True):
        assert_same(
            np.zeros_like(g) if leaf.grad is None else leaf.grad, g, "backward() with other numbers", call
        )


def program(call: Call, y: Any, u: Any, expected: list[Any]) -> None:
    y.name = "out"
    names: dict[str, Any] = {"__name__": "program"}
    source = Tape(y).source(gradient=u)
    exec(compile(source, "<program>", "exec"), names)
    assert_same(names["out"], y.data, f"the program\n{source}\n", call)
    for i, g in enumerate(expected):
        found = names.get(f"d_x{i}")
        if found is not None:
            assert_same(found, g, f"the program\n{source}\n", call)


def forward_mode(
    call: Call, output: Any, leaves: list[Tensor], u: Any, expected: list[Any], rng: np.random.Generator
) -> None:
    arrays = tuple(np.array(x) for x in call.arrays)
    ts = tuple(np.asarray(rng.choice([0.0, 1.0, -0.5], x.shape), x.dtype) for x in arrays)

    def f(*xs: Any) -> Any:
        return output(list(xs))

    value, tangent = jvp(f, arrays, ts)
    assert_same(value, output(leaves).data, "the value of jvp", call)
    assert (tangent.shape, tangent.dtype) == (value.shape, value.dtype), f"jvp of {call}"
    if finite(value, tangent, *expected):
        forth = np.sum(np.asarray(u, "g") * tangent)
        back = sum(
            (np.sum(np.asarray(t, "g") * g) for t, g in zip(ts, expected, strict=True)), np.longdouble(0)
        )
        size = np.sum(np.abs(np.asarray(u, "g") * tangent)) + sum(
            (np.sum(np.abs(np.asarray(t, "g") * g)) for t, g in zip(ts, expected, strict=True)),
            np.longdouble(1),
        )
        kind = min((x.dtype.char for x in [*arrays, value]), key="efdg".index)
        assert abs(forth - back) <= ROUNDING[kind] * size, f"jvp and vjp of {call}: {forth} and {back}"

    def slope(*xs: Any) -> Any:
        return gradients_of(f, xs, u)

    sizes = np.abs(np.concatenate([x.astype("g").ravel() for x in arrays]))
    large_or_small = ((sizes > 1e4) | ((sizes < 1e-3) & (sizes > 0))).any()
    # as beside a variance that is zero but for rounding
    large_or_small |= any((np.abs(g) > 1e6).any() for g in map(np.asarray, expected))
    if not finite(*expected) or large_or_small or any(x.dtype.char == "e" for x in arrays):
        return  # rounding is amplified more than once
    if call.name in ("power", "np.float_power") and not all(x.all() for x in arrays):
        return  # 0**b has no second derivative that both orders could agree on
    _, forward_over_reverse = jvp(lambda *xs: slope(*xs), arrays, ts)
    fresh = leaves_of(call)
    first = gradients(output(fresh), fresh, Tensor(u, requires_grad=False), create_graph=True)
    along = sum(((g * t).sum() for g, t in zip(first, ts, strict=True)), Tensor(0.0))
    if along.requires_grad:
        reverse_over_reverse = gradients(along, fresh)
        if finite(*forward_over_reverse, *reverse_over_reverse):
            for a, b in zip(forward_over_reverse, reverse_over_reverse, strict=True):
                assert_close(a, b, "forward over reverse and reverse over reverse", call)


def gradients_of(f: Any, xs: Any, u: Any) -> list[Any]:
    y = f(*xs)
    return (
        gradients(y, list(xs), Tensor(u, requires_grad=False), create_graph=True)
        if y.requires_grad
        else list(xs)
    )
