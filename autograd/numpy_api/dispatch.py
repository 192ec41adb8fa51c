"""NumPy's own functions on nodes: `np.exp(t)`, `np.concatenate([t, u])`, `array * v`.

If a node is among the arguments, NumPy calls a method of the node, which looks up the function here. There are three
kinds of functions: those with a counterpart in chainrule.autograd, or composed of such, are differentiated; those that
only read the numbers (`np.isnan`, `np.argmax`) get the plain data; all others raise an error that explains. So there
are no arrays of objects, and no gradient is lost.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .. import functions as f
from ..engine.node import UNRECORDED, describe, following, numbers
from ..engine.operators import Operators
from ..engine.table import TABLE, UFUNCS
from ..errors import ChainruleError, KindError, ShapeError
from ..errors.lessons import MISTAKES, kind_of
from ..functions import einsum, linalg, norms
from ..functions.arguments import plain
from ..functions.elementwise import dtype_of
from .compositions import BY_NAME, COMPOSED, NUMERIC, numpys
from .trees import leaves

__all__ = ["call_function", "call_ufunc"]

# functions that only read the numbers: comparisons, logic, positions, counts, shapes
READERS: set[Any] = {
    ufunc
    for ufunc in vars(np).values()
    if isinstance(ufunc, np.ufunc) and not {"d->?", "dd->?"}.isdisjoint(ufunc.types)
} | {
    np.all, np.allclose, np.any, np.argmax, np.argmin, np.argpartition, np.argsort, np.argwhere, np.array2string,
    np.array_equal, np.array_equiv, np.array_repr, np.array_str, np.can_cast, np.count_nonzero,
    np.diag_indices_from, np.digitize, np.empty_like, np.flatnonzero, np.isclose, np.iscomplex, np.iscomplexobj,
    np.isin, np.isneginf, np.isposinf, np.isreal, np.isrealobj, np.lexsort, np.linalg.matrix_rank,
    np.may_share_memory, np.min_scalar_type, np.nanargmax, np.nanargmin, np.ndim, np.nonzero, np.ones_like,
    np.result_type, np.save, np.savetxt, np.searchsorted, np.shape, np.shares_memory, np.size, np.tril_indices_from,
    np.triu_indices_from, np.zeros_like,
}  # fmt: skip

# the functions of `functions`, by name
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function for name, function in vars(f).items() if callable(function) and not name.startswith("_")
} | {name: getattr(module, name) for module in (einsum, linalg, norms) for name in module.__all__}

# ufunc.reduce and ufunc.accumulate, by the names of our functions
REDUCED: dict[Any, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.logaddexp: "logsumexp",
    np.fmax: "nanmax",
    np.fmin: "nanmin",
}
# readers whose results depend on shapes and dtypes only
OF_SHAPES = {
    np.shape,
    np.ndim,
    np.size,
    np.zeros_like,
    np.ones_like,
    np.empty_like,
    np.iscomplexobj,
    np.isrealobj,
}
# comparisons, which a recording for replays makes again: as operators, straight and with the operands exchanged
COMPARED: dict[np.ufunc, tuple[Any, Any]] = {
    np.less: (operator.lt, operator.gt),
    np.less_equal: (operator.le, operator.ge),
    np.greater: (operator.gt, operator.lt),
    np.greater_equal: (operator.ge, operator.le),
    np.equal: (operator.eq, operator.eq),
    np.not_equal: (operator.ne, operator.ne),
    np.bitwise_and: (operator.and_, operator.and_),
    np.bitwise_or: (operator.or_, operator.or_),
    np.bitwise_xor: (operator.xor, operator.xor),
}
ACCUMULATED: dict[Any, str] = {np.add: "cumsum", np.multiply: "cumprod"}

# options of NumPy that change memory or speed and not the result, with the values that are allowed
UNNOTICED: dict[str, tuple[Any, ...]] = {
    "subok": (True, False),
    "overwrite_input": (True, False),
    "device": (None, "cpu"),
    "kind": (None, "quicksort", "mergesort", "heapsort", "stable"),
    "stable": (None, True, False),
    "signature": (None,),
    "copy": (None, True, False),
}
MEMORY_ORDERS = ("C", "F", "A", "K")


# our rows by NumPy's functions of the same names
ROWS: dict[Any, Callable[..., Any]] = {
    theirs: row for row in TABLE.values() if (theirs := getattr(np, row.name, None)) and theirs not in READERS
}


@cache
def ours() -> dict[Any, Callable[..., Any]]:
    """The counterpart here of each of NumPy's functions: the one with the same name."""
    found = ROWS | COMPOSED | dict.fromkeys([np.floor_divide, np.divmod], Operators.__floordiv__)
    for name, function in FUNCTIONS.items():
        theirs = getattr(np, name, None) or getattr(np.linalg, name, None)
        if callable(theirs) and not isinstance(theirs, type):
            found[theirs] = function
    return found


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The result of `Operators.__array_ufunc__` for everything but the plain call of a row."""
    called = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    return _or_lesson(called, inputs, options, lambda: _ufunc(called, ufunc, method, inputs, options))


def call_function(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The result of `Node.__array_function__`."""
    called = f"{func.__module__.replace('numpy', 'np')}.{func.__name__}"
    return _or_lesson(called, args, options, lambda: _function(called, func, args, options))


def _or_lesson(called: str, args: tuple[Any, ...], options: dict[str, Any], answer: Callable[[], Any]) -> Any:
    """`answer()`; errors that NumPy or Python raise for wrong arguments become errors that explain."""
    try:
        return answer()
    except (ChainruleError, Warning, FloatingPointError):  # those that the user turned on
        raise
    except MISTAKES as error:
        given = ", ".join([*map(describe, args), *(f"{k}={v!r:.50}" for k, v in options.items())])
        raise kind_of(error)(f"{called} was given {given}. NumPy says: {error}") from None


def _ufunc(
    called: str, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    if options.get("out") is not None:
        raise _refuse_out(called)
    if method == "at":
        raise KindError(
            f"{called} changes an array in place, and a recorded tensor never changes. "
            f"Write t = t.at[index].{ufunc.__name__}(values)"
        )
    if ufunc in COMPARED and method == "__call__" and not options and following() is not None:
        a, b = inputs
        straight, turned = COMPARED[ufunc]
        return straight(a, b) if isinstance(a, Operators) else turned(b, a)
    if ufunc in READERS:
        return getattr(ufunc, method)(*map(plain, inputs), **{k: plain(v) for k, v in options.items()})
    if method in ("reduce", "accumulate"):
        if _are_integers(inputs):
            return _on_integers(getattr(ufunc, method), inputs, options)
        name = (REDUCED if method == "reduce" else ACCUMULATED).get(ufunc)
        return _along_axis(called, name, *inputs, **{"axis": 0} | options)
    function = UFUNCS.get(ufunc) or ours().get(ufunc)
    if function is None or method not in ("__call__", "outer"):
        raise _no_rule(called)
    if method == "outer":
        a, b = inputs
        inputs = (f.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)
    parameters = _parameters(function)
    own = {k: options[k] for k in options if parameters is not None and k in parameters}
    dtype = _elementwise_options(called, {k: v for k, v in options.items() if k not in own})
    if dtype is not None:
        inputs = _cast(called, inputs, dtype, options.get("casting", "same_kind"))
    elif ufunc not in UFUNCS and _are_integers(inputs):
        return _on_integers(ufunc, inputs, own)
    return function(*inputs, **own)


def _elementwise_options(called: str, options: dict[str, Any]) -> Any:
    """The dtype that an option gives; raises for a value that has no meaning here."""
    rest = {
        k: v
        for k, v in options.items()
        if not (
            (k == "where" and v is True)
            or (k == "order" and v in MEMORY_ORDERS)
            or k in ("dtype", "casting")
            or v in UNNOTICED.get(k, ())
        )
    }
    if rest:
        raise _refuse_options(called, rest)
    return options.get("dtype")


def _cast(called: str, inputs: tuple[Any, ...], dtype: Any, casting: Any) -> tuple[Any, ...]:
    """Inputs in the dtype in which an elementwise function computes."""
    found = dtype_of(dtype, called)
    if found.kind != "f":
        raise KindError(
            f"{called} computes in floats here; given dtype={found}. Write astype(..., dtype) of the result"
        )
    for x in (x for x in inputs if x is not None):
        kind = x.dtype if hasattr(x, "dtype") else np.asarray(numbers(x)).dtype
        if not isinstance(x, (int, float)) and not np.can_cast(kind, found, casting):
            raise KindError(
                f"{called} was told to compute in dtype {found}, and casting={casting!r} does not convert "
                f"{describe(x)} to that. Write astype(t, dtype) first"
            )
    return tuple(None if x is None else f.astype(x, found) for x in inputs)


def _function(called: str, func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    out = (dict(zip(_places(func), args)) | options).get("out")
    if out is not None and (func not in READERS or isinstance(out, Operators)):
        raise _refuse_out(called)
    if func is np.where and len(args) == 1:
        func = np.nonzero
    if func in READERS:
        read = numbers if func in OF_SHAPES else plain
        return func(*map(read, args), **{k: read(v) for k, v in options.items()})
    if func is np.full_like and not isinstance(
        args[1] if len(args) > 1 else options.get("fill_value"), Operators
    ):
        return func(*map(numbers, args), **options)
    function = ours().get(func)
    if function is None:
        raise _no_rule(called)
    if func is np.clip:  # it has the options of a ufunc besides its own
        extra = {k: options[k] for k in options if k not in _parameters(func)}  # type: ignore[operator]
        dtype = _elementwise_options(called, extra)
        args = args if dtype is None else _cast(called, args, dtype, options.get("casting", "same_kind"))
        options = {k: options[k] for k in options if k not in extra}
    if func in NUMERIC_FUNCTIONS and _are_integers((args, options)):
        return _on_integers(func, args, options)
    return _call_as_numpy(called, func, function, args, options)


# for integers and booleans, which have no gradients, these give NumPy's results as constants
NUMERIC_FUNCTIONS = set(map(numpys, NUMERIC))


def _are_integers(arguments: Any) -> bool:
    """Whether the nodes among the arguments all hold integers or booleans."""
    kinds = {
        getattr(getattr(x, "dtype", None), "kind", "f") for x in leaves(arguments) if isinstance(x, Operators)
    }
    return bool(kinds) and kinds <= set("iub")


def _on_integers(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    make = next(x._constant for x in leaves((args, options)) if isinstance(x, Operators))  # type: ignore[attr-defined]

    def constant(y: Any) -> Any:
        if isinstance(y, (tuple, list)):
            return type(y)(*map(constant, y)) if hasattr(y, "_fields") else type(y)(map(constant, y))
        if not isinstance(y, (np.ndarray, np.generic)):
            return y
        node = make(y)
        node._changed = UNRECORDED
        return node

    return constant(func(*map(plain, args), **{k: plain(v) for k, v in options.items()}))


# ---------------------------------------------------------------------- from NumPy's arguments to those here


@cache
def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:  # written in C, in an older NumPy
        return None


@cache
def _places(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments that may be positional."""
    known = (_parameters(function) or {}).values()
    return [k.name for k in known if k.kind in (k.POSITIONAL_ONLY, k.POSITIONAL_OR_KEYWORD)]


def _call_as_numpy(
    called: str, func: Any, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """`function(...)` with arguments that were written for NumPy's `func`.

    NumPy's first arguments have other names (`a`), and its `dtype` and `out` are between them. So an argument is passed
    by name if the function here has that name, and by position if only the name differs. An argument that is left out
    has NumPy's default, not the default here.
    """
    theirs, known = _parameters(func), _parameters(function)
    if theirs is None or known is None:
        return _call(called, function, args, options)
    if len(args) == 1 and not options:
        return _call(called, function, args, _other_defaults(func, function))
    if any(k.kind is k.VAR_POSITIONAL for k in theirs.values()):
        return _call(called, function, args, {k: v for k, v in options.items() if v is not None})
    names = list(known)
    named = dict(_other_defaults(func, function))
    given = dict(zip(_places(func), args)) | options
    for place, (name, parameter) in enumerate(theirs.items()):
        value = given.pop(name, parameter.default)
        if value is parameter.default:
            continue
        if name in known:
            named[name] = value
        elif place < len(names) and names[place] not in theirs:
            named[names[place]] = value
        elif value not in UNNOTICED.get(name, ()):
            given[name] = value  # the function here has no such argument
    named |= {name: given.pop(name) for name in list(given) if name in known}
    if given:
        raise _refuse_options(called, given)
    return _call(called, function, (), named)


NOT_GIVEN = inspect.signature(np.sum).parameters["keepdims"].default


@cache
def _other_defaults(func: Any, function: Callable[..., Any]) -> dict[str, Any]:
    """NumPy's defaults for arguments that are left out, where they differ from the defaults here."""
    known = _parameters(function) or {}
    return {
        name: parameter.default
        for name, parameter in (_parameters(func) or {}).items()
        if name in known
        and known[name].default is not parameter.empty
        and parameter.default not in (parameter.empty, NOT_GIVEN, known[name].default)
    }


def _call(called: str, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    try:
        return function(*args, **options)
    except TypeError:
        signature = inspect.signature(function)
        try:
            signature.bind(*args, **options)
        except TypeError as error:
            takes = ", ".join(map(str, signature.parameters.values()))
            raise KindError(
                f"{called} was called on a node with arguments it does not take here: {error}. "
                f"Here it takes ({takes}); take the plain array with .data for the rest"
            ) from None
        raise  # another error


def _along_axis(called: str, name: str | None, x: Any, **options: Any) -> Any:
    """`reduce` or `accumulate` of a ufunc as the function `name`."""
    function = FUNCTIONS.get(name or "") or BY_NAME.get(f"np.{name}")
    if function is None:
        raise _no_rule(called)
    if called.endswith(".accumulate") and np.ndim(x) == 0:
        raise ShapeError(f"{called} runs along an axis; given {describe(x)}, which has none")
    known = _parameters(function) or {}
    unknown = {k: v for k, v in options.items() if k not in known and v is not True and v is not None}
    dtype = unknown.pop("dtype", None)
    if unknown:
        raise _refuse_options(called, unknown)
    return function(
        x if dtype is None else f.astype(x, dtype), **{k: v for k, v in options.items() if k in known}
    )


# ---------------------------------------------------------------------- lessons


def _no_rule(called: str) -> KindError:
    if called.startswith("np.fft."):
        return KindError(
            f"{called} has no derivative rule here: it computes complex numbers, and a Tensor holds real ones. Write "
            f"re, im = rfft(t), with rfft of chainrule.autograd, for the real and the imaginary parts of the spectrum "
            f"of real numbers, and irfft(stack([re, im])) for the way back; or take the plain array with .data"
        )
    return KindError(
        f"{called} has no derivative rule here. Use a function of chainrule.autograd, declare a "
        f"row with elementwise(...) or structural(...), or take the plain array with .data"
    )


def _refuse_out(called: str) -> KindError:
    return KindError(
        f"{called} was told to write its result into an existing array or tensor (out=, or an operator such as +=): "
        f"an array would lose the gradient, and a tensor never changes. Take the result instead: y = {called}(...), or "
        f"a = a + t in place of a += t"
    )


def _refuse_options(called: str, options: dict[str, Any]) -> KindError:
    names = ", ".join(options)
    ways = {
        "where": "where(mask, t, other) chooses elements",
        "dtype": "astype(t, dtype) converts",
        "casting": "astype(t, dtype) converts",
    }
    advice = "; ".join(dict.fromkeys(ways[name] for name in options if name in ways))
    return KindError(
        f"{called} was called on a node with {names}, which it does not take here. "
        f"{advice or 'Leave it out'}, or take the plain array with .data"
    )
