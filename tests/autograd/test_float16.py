"""float16 keeps numbers; what adds, squares or divides them does so in float32: each against float64, rounded once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from table_cases import CASES, Case

import chainrule.autograd as ag
from chainrule.autograd import TABLE, Tensor, gradients

HALF = np.float16
RANGES = [(-2, 2), (100, 300), (-300, 300), (1000, 1003), (0.001, 0.01)]
MASK = np.array([[True], [False], [True], [True]])

# a function, and the shapes of its inputs
FUNCTIONS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    **{name: (getattr(ag, name), [(40,)]) for name in ("sum", "mean", "var", "std", "logsumexp", "max", "median",
        "softmax")},
    **{name: (getattr(ag, name), [(40,)]) for name in ("cumsum", "sort", "norm")},
    "prod": (lambda t: ag.prod(t, 0), [(4, 3)]), "cumprod": (lambda t: ag.cumprod(t, 0), [(5, 2)]),
    "diff": (lambda t: ag.diff(t, 2, 0), [(6, 2)]),
    "mean where": (lambda t: ag.mean(t, 0, where=MASK), [(4, 3)]),
    "var where": (lambda t: ag.var(t, 0, where=MASK), [(4, 3)]),
    "std where": (lambda t: ag.std(t, 0, where=MASK, correction=1), [(4, 3)]),
    "std of a mean": (lambda t: ag.std(t, 0, mean=t[:1]), [(4, 3)]),
    **{f"norm {k}": (lambda t, k=k: ag.norm(t, k), [(30,)]) for k in (1, 3, np.inf)},
    **{f"norm {k} of a matrix": (lambda t, k=k: ag.norm(t, k), [(3, 3)]) for k in ("fro", "nuc", 2, -1, np.inf)},
    "dot": (ag.dot, [(9,), (9,)]), "dot of stacks": (ag.dot, [(2, 5), (3, 5, 2)]),
    "inner": (ag.inner, [(2, 5), (3, 5)]),
    "trace": (ag.trace, [(9, 9)]), "einsum": (lambda a, b: ag.einsum("ij,kj->ik", a, b), [(2, 9), (3, 9)]),
    "einsum of three": (lambda a, b: ag.einsum("ij,ij,j->i", a, a, b), [(2, 9), (9,)]),
    "tensordot": (lambda a, b: ag.tensordot(a, b, 1), [(2, 9), (9, 3)]),
    "matmul": (ag.matmul, [(2, 9), (9, 3)]), "matmul of stacks": (ag.matmul, [(2, 1, 2, 9), (3, 9, 2)]),
    "hypot": (ag.hypot, [(5,), (5,)]),
    "logaddexp": (ag.logaddexp, [(5,), (5,)]), "logaddexp2": (np.logaddexp2, [(5,), (5,)]),
    "conv": (ag.conv, [(2, 2, 9), (3, 2, 3)]),
    "avg_pool": (lambda x: ag.avg_pool(x, 3, 2), [(2, 2, 9)]),
    "max_pool": (lambda x: ag.max_pool(x, 3, 2), [(2, 2, 9)]),
    "take": (lambda t: ag.take(t, [0] * 50, 0), [(3, 2)]), "repeat": (lambda t: ag.repeat(t, 30, 0), [(2, 2)]),
    "tile": (lambda t: ag.tile(t, (30, 1)), [(2, 2)]),
    "at": (lambda t, v: t.at[[0, 0, 1]].add(v), [(3,), (3,)]), "det": (ag.det, [(3, 3)]), "inv": (ag.inv, [(2, 2)]),
    "pinv": (ag.pinv, [(3, 2)]),
    "average": (lambda t: np.average(t, weights=np.array([1, 2, 3, 4], HALF)), [(4,)]),
    "trapezoid": (lambda t, x: np.trapezoid(t, x, axis=0), [(9, 2), (9, 2)]),
    "cov": (np.cov, [(2, 9)]), "corrcoef": (np.corrcoef, [(2, 9)]), "gradient": (lambda t: np.gradient(t, 0.5), [(9,)]),
    **{name: (getattr(np, name), [(9, 2)]) for name in ("nanmean", "nanvar", "nanstd", "nansum")},
    "quantile": (lambda t: np.quantile(t, [0.3, 0.77], axis=0), [(9, 2)]),
    "interp": (lambda x, v: np.interp(x, np.array([-2, 0, 1.5], HALF), v), [(5,), (3,)]),
    "convolve": (np.convolve, [(9,), (4,)]), "polyval": (np.polyval, [(4,), (3,)]),
    "linspace": (lambda a, b: np.linspace(a, b, 5), [(2,), (2,)]),
    "cond": (np.linalg.cond, [(2, 2)]), "matrix_power": (lambda a: np.linalg.matrix_power(a, 5), [(2, 2)]),
    "cross": (np.cross, [(2, 3), (2, 3)]),
    "vector_norm": (lambda a: np.linalg.vector_norm(a, axis=(0, 1)), [(5, 5)]), "rad2deg": (np.rad2deg, [(6,)]),
    "exp2": (np.exp2, [(6,)]),
    "bincount": (lambda w: np.bincount([0] * 9, w), [(9,)]), "unwrap": (lambda t: np.unwrap(t), [(6,)]),
}  # fmt: skip
# slopes that are computed from an output in float16, and rows that float16 never reaches
SPOILT = {"tanh", "sigmoid", "astype", "stein", "interp", "unwrap"}


def off(found: Any, exact: Any) -> float:
    """How many steps of float16 lie between a result and the exact one, rounded."""
    right = np.asarray(exact).astype(HALF)
    step = np.where(np.isfinite(right), np.spacing(np.where(np.isfinite(right), np.abs(right), 1)), 1).astype(
        float
    )
    with np.errstate(all="ignore"):
        steps = np.abs(np.asarray(found, float) - right.astype(float)) / step
    same = (
        (found == right) | (np.isnan(found) & np.isnan(right)) | (np.maximum(abs(right), abs(found)) < 1e-5)
    )
    return float(np.max(np.where(same, 0, steps), initial=0))


def compare(f: Callable[..., Any], arrays: list[np.ndarray], at_most: float) -> None:
    narrow = [Tensor(x, dtype=HALF) for x in arrays]
    wide = [Tensor(x.data, dtype=float) for x in narrow]
    with np.errstate(all="ignore"):
        y, exact = f(*narrow), f(*wide)
        assert y.dtype == HALF
        assert off(y.data, exact.data) <= at_most
        g = np.random.default_rng(5).uniform(0.5, 1.5, y.shape).astype(HALF)
        for found, expected in zip(
            gradients(y, narrow, g), gradients(exact, wide, g.astype(float)), strict=True
        ):
            assert found.dtype == HALF
            assert off(found, expected) <= at_most


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("between", RANGES, ids=str)
def test_functions(name: str, between: tuple[float, float]) -> None:
    f, shapes = FUNCTIONS[name]
    rng = np.random.default_rng(8)
    compare(f, [rng.uniform(*between, shape) for shape in shapes], at_most=2)


@pytest.mark.parametrize("case", [case for case in CASES if case.row not in SPOILT], ids=str)
@pytest.mark.parametrize("scale", [1.0, 100.0, 0.01])
def test_rows(case: Case, scale: float) -> None:
    compare(lambda *xs: TABLE[case.row](*xs, **case.params), [x * scale for x in case.inputs], at_most=2)
