"""Every function, given things of the wrong kind in every place: a result or a lesson, never a bare traceback."""

from __future__ import annotations

import inspect
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy_calls import CALLS, MATRIX

import chainrule.autograd as ag
from chainrule.autograd import ChainruleError, KindError, Node, Primitive, Tensor, Value

T, V = Tensor([[1.0, 2.0], [3.0, 4.0]], name="t"), Value(2.0, name="v")
S = Tensor([[2.0, 0.3], [0.3, 1.0]])
SOUND = Tensor(np.ones((1, 1, 4)))


class Frame:
    """Something with a shape that is no array, as other libraries have it."""

    shape = (2, 2)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("this is no array")

    def toarray(self) -> Any:
        return np.ones((2, 2))


WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None, "text": lambda: "text", "bytes": lambda: b"ab", "dict": lambda: {"a": 1.0},
    "set": lambda: {1.0},
    "generator": lambda: (x for x in (1.0, 2.0)), "lambda": lambda: (lambda x: x), "type": lambda: float,
    "slice": lambda: slice(0, 1),
    "ellipsis": lambda: ..., "complex": lambda: 1j, "complexes": lambda: np.array([1j, 2.0]),
    "objects": lambda: np.array([1.0, None, {}]),
    "masked": lambda: np.ma.array([1.0, 2.0], mask=[False, True]), "words": lambda: np.array(["a", "b"]),
    "dates": lambda: np.array(["2020-01-01"], "M8[D]"), "ragged": lambda: [[1.0], [1.0, 2.0]], "empty list": list,
    "empty tuple": tuple,
    "mixture": lambda: (1, "a"), "huge": lambda: 10**400, "99": lambda: 99, "-1": lambda: -1, "1.5": lambda: 1.5,
    "nan": lambda: np.nan,
    "True": lambda: True, "Tensor": lambda: T, "number": lambda: Tensor(1.0), "integers": lambda: Tensor([0, 1]),
    "cube": lambda: Tensor(np.ones((2, 2, 2))), "nothing": lambda: Tensor(np.zeros((0, 2))), "Value": lambda: V,
    "Values": lambda: [V, V],
    "rows of Values": lambda: [[V, 1.0], [2.0, V]], "Tensors": lambda: [T, Tensor([1.0])],
    "Value and Tensor": lambda: [T, V],
    "frame": Frame, "frames": lambda: [Frame()],
}  # fmt: skip

# each function of chainrule.autograd with arguments that it takes
TAKES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    **dict.fromkeys(["sum", "prod"], ((T,), {"axis": 0, "keepdims": True, "dtype": float, "initial": 1,
        "where": True})),
    "mean": ((T,), {"axis": 0, "keepdims": True, "dtype": float, "where": True}),
    "median": ((T,), {"axis": 0, "keepdims": True}),
    **dict.fromkeys(["max", "min"], ((T,), {"axis": 0, "keepdims": True, "initial": 1, "where": True})),
    **dict.fromkeys(["var", "std"], ((T,), {"axis": 0, "keepdims": True, "ddof": 0, "dtype": float, "where": True,
        "mean": None, "correction": 1})),
    "logsumexp": ((T,), {"axis": 0, "keepdims": True}), "softmax": ((T,), {"axis": 0}),
    "log_softmax": ((T,), {"axis": 0}),
    "total": (([V, V],), {}), "cumsum": ((T,), {"axis": 0, "dtype": float}),
    "cumprod": ((T,), {"axis": 0, "dtype": float}),
    "diff": ((T,), {"n": 1, "axis": 0, "prepend": 1.0, "append": 2.0}), "sort": ((T,), {"axis": 0}),
    "topk": ((T, 1), {"axis": 0, "largest": False}),
    "take": ((T, [0]), {"axis": 0, "mode": "clip"}),
    "take_along_axis": ((T, np.array([[0]])), {"axis": 0}), "where": ((np.array([True, False]), T, 1.0), {}),
    "clip": ((T, 0.0), {"max": 1.0}), "leaky_relu": ((T, 0.1), {}), "elu": ((T, 0.1), {}), "astype": ((T, float), {}),
    "concatenate": (([T, T],), {"axis": 0, "dtype": float, "casting": "same_kind"}),
    "stack": (([T, T],), {"axis": 0, "dtype": float}),
    "split": ((T, 1), {"axis": 0}), "array_split": ((T, 1), {"axis": 0}),
    "pad": ((T, 1), {"mode": "constant", "constant_values": 1}),
    "tile": ((T, 2), {}), "repeat": ((T, 2), {"axis": 0}), "dot": ((T, T), {}), "inner": ((T, T), {}),
    "outer": ((T, T), {}), "kron": ((T, T), {}), "linear": ((T, T, T), {}),
    "diagonal": ((T,), {"offset": 0, "axis1": 0, "axis2": 1}),
    "trace": ((T,), {"offset": 0, "axis1": 0, "axis2": 1, "dtype": float}),
    "tril": ((T,), {"k": 0}), "triu": ((T,), {"k": 0}), "reshape": ((T, (4,)), {"order": "F"}),
    "ravel": ((T,), {"order": "F"}),
    "transpose": ((T, (1, 0)), {}), "swapaxes": ((T, 0, 1), {}), "moveaxis": ((T, 0, 1), {}),
    "expand_dims": ((T, 0), {}), "squeeze": ((T[:1], 0), {}),
    "broadcast_to": ((T, (2, 2, 2)), {}), "flip": ((T, 0), {}), "roll": ((T, 1), {"axis": 0}),
    "norm": ((T, 2), {"axis": 0, "keepdims": True}), "rfft": ((T,), {"axis": 0}), "irfft": ((T,), {"n": 2, "axis": 0}),
    "det": ((S,), {}), "inv": ((S,), {}), "solve": ((S, S), {}), "slogdet": ((S,), {}),
    "cholesky": ((S,), {"upper": True}),
    "eigh": ((S,), {"UPLO": "L"}), "eigvalsh": ((S,), {"UPLO": "L"}),
    "svd": ((S,), {"full_matrices": False, "compute_uv": True}),
    "qr": ((S,), {"mode": "r"}), "pinv": ((S,), {"rcond": 0.1}),
    "einsum": (("ij,jk", T, T), {"optimize": None, "dtype": float}),
    "tensordot": ((T, T), {"axes": 1}), "conv": ((SOUND, SOUND),
        {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}),
    "max_pool": ((SOUND, 2), {"stride": 1, "padding": 0, "dilation": 1}),
    "avg_pool": ((SOUND, 2), {"stride": 1, "padding": 0}),
}  # fmt: skip
ROWS = {name: getattr(ag, name) for name in ag.__all__ if isinstance(getattr(ag, name), Primitive)}
TAKES |= {name: ((S,) * row.arity, {}) for name, row in ROWS.items()}
METHODS: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "sum": ((), {"axis": 0, "keepdims": True, "initial": 1, "where": True}), "std": ((), {"axis": 0, "ddof": 1}),
    "clip": ((0.0, 1.0), {}),
    "round": ((1,), {}), "copy": (("C",), {}), "all": ((), {"axis": 0, "keepdims": True, "where": True}),
    "any": ((), {"axis": 0}),
    "argsort": ((), {"axis": 0}), "argmax": ((), {"axis": 0, "keepdims": True}), "argmin": ((0,), {}),
    "reshape": (((4,),), {"order": "F"}),
    "ravel": (("F",), {}), "transpose": ((1, 0), {}), "squeeze": ((), {"axis": None}), "repeat": ((2,), {"axis": 0}),
    "take": (([0],), {"axis": 0}),
    "dot": ((T,), {}), "astype": ((float,), {}), "cumsum": ((), {"axis": 0}), "__getitem__": ((0,), {}),
    "__contains__": ((1.0,), {}),
    "__mod__": ((2.0,), {}), "__rmod__": ((2.0,), {}), "__add__": ((2.0,), {}), "__rpow__": ((2.0,), {}),
    "__matmul__": ((T,), {}),
}  # fmt: skip
SPOTS = ("set", "add", "subtract", "multiply", "divide", "min", "max")


def attempt(f: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], what: str) -> None:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            f(*args, **options)
        except (ChainruleError, MemoryError):
            pass
        except Exception as error:  # NumPy may refuse before it hands a call over; what is ours is a lesson
            if any("/chainrule/" in at.filename for at in traceback.extract_tb(error.__traceback__)):
                raise AssertionError(f"{what}: {type(error).__name__} {error}") from error


def in_every_place(
    f: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any], only_nodes: bool = False
) -> None:
    for word, wrong in WRONG.items():
        for i in range(len(args)):
            if not only_nodes or has_nodes([*args[:i], wrong(), *args[i + 1 :]]):
                attempt(f, (*args[:i], wrong(), *args[i + 1 :]), options, f"{word} for argument {i}")
        for name in options:
            attempt(f, args, options | {name: wrong()}, f"{word} for {name}")


def has_nodes(x: Any) -> bool:
    return isinstance(x, Node) or (isinstance(x, (list, tuple)) and any(map(has_nodes, x)))


def test_every_function_is_tried() -> None:
    functions = {
        name
        for name in ag.__all__
        if inspect.isfunction(getattr(ag, name)) and ".functions." in getattr(ag, name).__module__
    }
    assert (functions - {"by_primitives"}) | {"norm", "einsum", "conv", "det", "eigh", "pinv"} <= TAKES.keys()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", TAKES)
def test_of_ours(name: str) -> None:
    args, options = TAKES[name]
    getattr(ag, name)(*args, **options)
    in_every_place(getattr(ag, name), args, options)


@pytest.mark.parametrize("name", METHODS)
def test_of_a_tensors_method(name: str) -> None:
    args, options = METHODS[name]
    in_every_place(getattr(T, name), args, options)


@pytest.mark.parametrize("name", SPOTS)
def test_of_a_changed_copy(name: str) -> None:
    in_every_place(lambda at, v: getattr(T.at[at], name)(v), (0, 1.0), {})


@pytest.mark.parametrize("name", CALLS)
def test_of_numpys(name: str) -> None:
    for call, options in CALLS[name]:
        for option in options:
            for word, wrong in WRONG.items():
                if (option, word) != ("n", "99") or "split" in name:
                    attempt(call, (Tensor(MATRIX),), {option: wrong()}, f"{word} for {option}")
        for word, wrong in WRONG.items():
            if has_nodes(wrong()):
                attempt(call, (wrong(),), {}, word)


OTHERS_WORDS = {
    "a Value has no axes": (lambda: np.hstack([V, V]), "hstack works along the axes"),
    "nor one to begin with": (lambda: np.atleast_1d(V), "atleast_1d works along the axes"),
    "nor one to roll": (lambda: np.rollaxis(V, 1), "rollaxis works along the axes"),
    "an axis too few": (lambda: np.transpose(T, 0), "each of its axes once"),
    "a tensor for a diagonal": (lambda: np.diag(T, T), "the number of a diagonal"),
    "a fraction for an index": (lambda: [1, 2, 3][Tensor(1.0)], r"int\(t\)"),
    "the largest of nothing": (lambda: ag.max([]), "zero-size"),
    "not an array": (lambda: T * Frame(), r"Frame of shape \(2, 2\) \(as an array it is x\.toarray\(\)\)"),
    "axes of a list": (lambda: ag.sum([V, V], axis=1), "over all of them and takes no axis=1"),
    "axes of a softmax": (lambda: ag.softmax([V, V], 1), "takes no axis=1"),
    "a mask of a list": (lambda: ag.max([V, V], where=[True, False]), "takes no where"),
    "an array of conditions for Values": (lambda: ag.where(np.array([True, False]), V, V), "is one number"),
    "a quantile's gradient": (lambda: np.quantile(T, Tensor(0.5)), r"Write q\.data"),
    "indices in words": (lambda: T.at["a"].set(1.0), "at="),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS_WORDS)
def test_is_answered_by_a_lesson(name: str) -> None:
    mistake, lesson = OTHERS_WORDS[name]
    with pytest.raises(ChainruleError, match=lesson):
        mistake()


def test_what_has_an_answer() -> None:
    assert [1, 2, 3][Tensor(1)] == 2
    assert list(range(Tensor(2))) == [0, 1]
    assert T[Tensor(0) : Tensor(1)].shape == (1, 2)
    for f in (np.sum, np.prod, np.max, np.min):
        for axis in (0, -1, None, ()):
            assert f(Tensor(2.0), axis=axis).item() == 2.0
    with pytest.raises(ChainruleError, match="0 axes"):
        np.mean(Tensor(2.0), axis=0)  # as NumPy
    nothing = Tensor(np.zeros((5, 0, 0)))
    assert ag.softmax(nothing, axis=2).shape == ag.log_softmax(nothing, axis=2).shape == (5, 0, 0)
    y = ag.logsumexp(Tensor(np.zeros((2, 0))), axis=1)
    np.testing.assert_array_equal(y.data, [-np.inf, -np.inf])
    x = Tensor(np.zeros((2, 0)))
    assert ag.gradients(ag.logsumexp(x, axis=1), x, np.ones(2)).shape == (2, 0)
    with pytest.raises(KindError, match="one integer"):
        [1, 2][Tensor([0])]
