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
from numpy_calls import CALLS, EMPTY, INF, MASK, MATRIX, NAN, NUMBER, SQUARE, STACK, VECTOR, Call

from chainrule.autograd import ChainruleError, Tensor
from chainrule.autograd.dispatch import ours
from chainrule.autograd.functions.arguments import plain

# lessons where NumPy answers: the function, and the options that it does not know here ("" without any)
REFUSED: dict[str, set[str]] = {
    "quantile": {"method"}, "pad": {"mode", "w"}, "reshape": {"order"}, "ravel": {"order"}, "gradient": {"edge_order", "h"},
    "concatenate": {"dtype"}, "linalg.svd": {"full_matrices", "hermitian", ""}, "linalg.qr": {"mode", ""},
    "cross": {"axisa", "axis"}, "convolve": {"v"}, "logaddexp": {"initial"}, "median": {"", "axis"},
    **dict.fromkeys(["var", "std"], {"ddof", "correction", "mean", "axis", ""}), **dict.fromkeys(["nanvar", "nanstd"], {"mean"}),
}  # fmt: skip
NO_RULE = {"floor_divide", "divmod"}  # // is a lesson
ANSWERS = {("linalg.eigvalsh", "infinity")}  # NaN, where LAPACK does not converge
# what differs on purpose: docs/conventions.md
WIDENED = {"cov", "corrcoef", "interp", "polyval", "geomspace", "bincount", "quantile", "percentile", "float_power", "vander"}


def arrays() -> Iterator[tuple[str, np.ndarray]]:
    yield from (("matrix", MATRIX), ("square", SQUARE), ("vector", VECTOR), ("number", NUMBER), ("empty", EMPTY), ("stack", STACK))


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
    names = {("linalg." if "linalg" in (f.__module__ or "") else "") + f.__name__ for f in ours()}
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
        elif ours_ == "raises" and any("chainrule" in at.filename for at in traceback.extract_tb(found.__traceback__)):
            wrong.append(f"{where}: {type(found).__name__} {found}")  # not by NumPy, before it handed the call over
        elif ours_ == "answers" and theirs == "answers":
            answered += 1
            if (what := differs(name, found, expected)) is not None:
                wrong.append(f"{where}: {what}")
        elif ours_ == "answers" and not ((x.dtype == np.float16 and "linalg" in name) or (name, kind) in ANSWERS):
            wrong.append(f"{where}: answers, where NumPy says {expected}")
        elif ours_ == "lesson" and theirs == "answers":
            allowed = REFUSED.get(name, set())
            known = (set(options) or {""}) <= allowed or name in NO_RULE or "has no derivative rule" in str(found)
            if not known:
                wrong.append(f"{where}: {found}")
    assert not wrong, "\n".join(wrong)
    assert answered or name in NO_RULE
