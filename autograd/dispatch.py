"""NumPy's own functions on nodes: `np.exp(t)`, `np.concatenate([t, u])`, `array * v`.

NumPy hands a call with a node among its arguments over to the node, which looks it up here. There are
three kinds: what has a counterpart in chainrule.autograd or is composed of some is differentiated, what only
looks at numbers (`np.isnan`, `np.argmax`) gets the plain data, and for all else there is a lesson. So no
object arrays arise and no gradient is lost.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from . import functions as f
from .compositions import COMPOSED
from .errors import KindError
from .functions.arguments import plain
from .operators import Operators
from .table import UFUNCS

__all__ = ["call_function", "call_ufunc"]

# What only looks at the numbers: comparisons, logic, positions, counts, shapes
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

# ufunc.reduce and ufunc.accumulate, by the names of our functions
REDUCED: dict[Any, str] = {
    np.add: "sum",
    np.multiply: "prod",
    np.maximum: "max",
    np.minimum: "min",
    np.logaddexp: "logsumexp",
}
ACCUMULATED: dict[Any, str] = {np.add: "cumsum", np.multiply: "cumprod"}


@cache
def ours() -> dict[Any, Callable[..., Any]]:
    """Our counterpart of each of NumPy's functions: whatever is public here under the same name."""
    public = vars(sys.modules[__package__])
    found = COMPOSED | dict.fromkeys(
        [np.floor_divide, np.remainder, np.fmod, np.divmod], Operators.__floordiv__
    )
    for name in public["__all__"]:
        theirs = getattr(np, name, None) or getattr(np.linalg, name, None)
        if callable(theirs) and not isinstance(theirs, type):
            found[theirs] = public[name]
    return found


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `Operators.__array_ufunc__` answers to all but the plain call of a row."""
    called = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if options.get("out") is not None:
        raise _refuse_out(called)
    if method == "reduce":
        return _along_axis(called, REDUCED.get(ufunc), *inputs, **{"axis": 0} | options)
    if method == "accumulate":
        return _along_axis(called, ACCUMULATED.get(ufunc), *inputs, **{"axis": 0} | options)
    if method == "at":
        raise KindError(
            f"{called} changes an array in place, and a recorded tensor never changes. "
            f"Write t = t.at[index].{ufunc.__name__}(values)"
        )
    function = UFUNCS.get(ufunc) or ours().get(ufunc)
    if ufunc in READERS:
        return getattr(ufunc, method)(*map(plain, inputs), **options)
    if function is None or method not in ("__call__", "outer"):
        raise _no_rule(called)
    if options:
        raise _refuse_options(called, options)
    if method == "outer":
        a, b = inputs
        return function(f.reshape(a, np.shape(a) + (1,) * np.ndim(b)), b)
    return function(*inputs)


def call_function(func: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `Node.__array_function__` answers."""
    called = f"{func.__module__.replace('numpy', 'np')}.{func.__name__}"
    out = (dict(zip(_places(func), args)) | options).get("out")
    if out is not None and (func not in READERS or isinstance(out, Operators)):
        raise _refuse_out(called)
    if func in READERS:
        return func(*map(plain, args), **{k: plain(v) for k, v in options.items()})
    if func is np.full_like and not isinstance(
        args[1] if len(args) > 1 else options["fill_value"], Operators
    ):
        return func(*map(plain, args), **options)
    function = ours().get(func)
    if function is None:
        raise _no_rule(called)
    return _call_as_numpy(called, func, function, args, options)


# ---------------------------------------------------------------------- arguments: theirs to ours


@cache
def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    try:
        return dict(inspect.signature(function).parameters)
    except ValueError:  # written in C, in an older NumPy
        return None


@cache
def _places(function: Callable[..., Any]) -> list[str]:
    """What the arguments are called that may be given by their places."""
    known = (_parameters(function) or {}).values()
    return [k.name for k in known if k.kind in (k.POSITIONAL_ONLY, k.POSITIONAL_OR_KEYWORD)]


def _call_as_numpy(
    called: str, func: Any, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """`function(...)` with arguments that were written for NumPy's `func`.

    NumPy's first arguments have other names (`a`), and its `dtype` and `out` stand between: so an
    argument is passed on by name where ours has that name, and by its place where it is only called otherwise.
    """
    theirs, known = _parameters(func), _parameters(function)
    if theirs is None or known is None or (len(args) == 1 and not options):
        return _call(called, function, args, options)
    if any(k.kind is k.VAR_POSITIONAL for k in theirs.values()):
        return _call(called, function, args, {k: v for k, v in options.items() if v is not None})
    names = list(known)
    named: dict[str, Any] = {}
    given = dict(zip(theirs, args, strict=False)) | options
    for place, (name, parameter) in enumerate(theirs.items()):
        value = given.pop(name, parameter.default)
        if name in known:
            if value is not parameter.default:
                named[name] = value
        elif value is parameter.default:
            continue
        elif place < len(names) and names[place] not in theirs:
            named[names[place]] = value
        else:
            given[name] = value  # ours has no such argument
    named |= {name: given.pop(name) for name in list(given) if name in known}
    if isinstance(named.get(names[0]), Operators) and "dtype" in given:
        named[names[0]] = f.astype(named[names[0]], given.pop("dtype"))
    if given:
        raise _refuse_options(called, given)
    return _call(called, function, (), named)


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
        raise  # something else


def _along_axis(called: str, name: str | None, x: Any, **options: Any) -> Any:
    """A ufunc's `reduce` or `accumulate` as the function `name`."""
    function = vars(sys.modules[__package__]).get(name or "")
    if function is None:
        raise _no_rule(called)
    dtype = options.pop("dtype", None)
    options = {k: v for k, v in options.items() if v is not None or k == "axis"}
    unknown = {k: v for k, v in options.items() if k not in (_parameters(function) or ())}
    if unknown:
        raise _refuse_options(called, unknown)
    return function(x if dtype is None else f.astype(x, dtype), **options)


# ---------------------------------------------------------------------- lessons


def _no_rule(called: str) -> KindError:
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
        "min": "clip(t, low, high) takes the bounds by their places",
        "max": "clip(t, low, high) takes the bounds by their places",
        "order": "elements are read row by row; transpose(t) first for columns",
    }
    advice = "; ".join(dict.fromkeys(ways[name] for name in options if name in ways))
    return KindError(
        f"{called} was called on a node with {names}, which it does not take here. "
        f"{advice or 'Leave it out'}, or take the plain array with .data"
    )
