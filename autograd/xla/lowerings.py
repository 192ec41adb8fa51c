"""The named lowerings: how XLA computes the rows whose own functions `jax.numpy` cannot run, or runs badly.

Each has the name and the arguments of its row and works on arrays of JAX. All other rows are computed by their own
function (see `lowered.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from ..engine.table import TABLE
from ..primitives.structural.indexing import Gap
from .lowered import LOWERINGS, cast, common, ufunc

__all__ = ["lowering"]

Lowering = Callable[..., Any]


def lowering(name: str) -> Callable[[Lowering], Lowering]:
    """Decorator: the function computes the row `name` on arrays of JAX, with the arguments of its `on_arrays`.

    A row of your own needs one only if its `on_arrays` is more than NumPy's functions and operators on its arguments.
    The derivatives are those of the row's rules.

    >>> import jax.numpy as jnp
    >>> from chainrule.autograd.xla import lowering
    >>> @lowering("my_row")
    ... def _(x, axis):
    ...     return jnp.sort(x, axis)
    >>> from chainrule.autograd.xla.lowered import LOWERINGS
    >>> del LOWERINGS["my_row"]
    """

    def registered(compute: Lowering) -> Lowering:
        LOWERINGS[name] = compute
        return compute

    return registered


def _of_the_engine(*names: str) -> Callable[[Lowering], Lowering]:
    """Decorator for the rows of these names; in float16 what adds up is computed in float32, as the row does."""

    def registered(compute: Lowering) -> Lowering:
        for name in names:
            wide = hasattr(getattr(TABLE.get(name), "on_arrays", None), "without_float16") or name in ADDS_UP
            LOWERINGS[name] = _in_float32(compute) if wide else compute
        return compute

    return registered


ADDS_UP = {"scatter", "add_at"}


def _in_float32(compute: Lowering) -> Lowering:
    def computed(x: Any, *others: Any, **params: Any) -> Any:
        if x.dtype.char != "e":
            return compute(x, *others, **params)
        wide = [cast(a, np.dtype(np.float32)) if a.dtype.char == "e" else a for a in (x, *others)]
        return cast(compute(*wide, **params), np.result_type(x.dtype, *(a.dtype for a in others)))

    return computed


# ---------------------------------------------------------------------- arithmetic


@_of_the_engine("power")
def _power(a: Any, b: Any) -> Any:
    if isinstance(b, (int, float, np.ndarray, np.generic)) and np.ndim(b) == 0 and hasattr(a, "dtype"):
        dtype = np.result_type(a.dtype, b if isinstance(b, (int, float)) else b.dtype)
        if dtype == a.dtype and b in (1, 2):
            return jnp.square(a) if b == 2 else jnp.asarray(a)
    return ufunc(np.power, a, b)


# ---------------------------------------------------------------------- indexing


def _index_of(at: Any, places: Any) -> Any:
    """The index with plain lists as arrays, and inputs in the place of its gaps."""
    parts = at if isinstance(at, tuple) else (at,)
    return tuple(
        [
            places[p.number] if isinstance(p, Gap) else np.asarray(p) if isinstance(p, list) else p
            for p in parts
        ]
    )


def _is_basic(at: tuple[Any, ...]) -> bool:
    return all(p is None or p is Ellipsis or isinstance(p, (int, np.integer, slice)) for p in at) and not any(
        isinstance(p, bool) for p in at
    )


@_of_the_engine("index")
def _index(x: Any, *places: Any, at: Any) -> Any:
    return jnp.asarray(x)[_index_of(at, places)]


@_of_the_engine("scatter")
def _scatter(g: Any, *places: Any, shape: tuple[int, ...], at: Any) -> Any:
    index = _index_of(at, places)
    out = jnp.zeros(shape, g.dtype).at[index]
    return out.set(g) if _is_basic(index) else out.add(g)


# ---------------------------------------------------------------------- exponentials of large numbers


def _largest(x: Any, axis: tuple[int, ...]) -> Any:
    if not x.size:
        return jnp.zeros([1 if k in axis else n for k, n in enumerate(x.shape)], x.dtype)
    limits = np.finfo(x.dtype)
    return jnp.clip(jnp.max(x, axis, keepdims=True), limits.min, limits.max)


@_of_the_engine("logsumexp")
def _logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    x = cast(x, np.dtype(float)) if x.dtype.kind != "f" else x
    m = _largest(x, axis)
    y = jnp.log(jnp.sum(jnp.exp(x - m), axis, keepdims=True)) + m
    return y if keepdims else jnp.squeeze(y, axis)


@_of_the_engine("softmax")
def _softmax(x: Any, axis: tuple[int, ...]) -> Any:
    x = cast(x, np.dtype(float)) if x.dtype.kind != "f" else x
    e = jnp.exp(x - _largest(x, axis))
    return e / jnp.sum(e, axis, keepdims=True)


@_of_the_engine("log_softmax")
def _log_softmax(x: Any, axis: tuple[int, ...]) -> Any:
    x = cast(x, np.dtype(float)) if x.dtype.kind != "f" else x
    return x - _logsumexp(x, axis, True)


# ---------------------------------------------------------------------- the rows of losses and embeddings


@_of_the_engine("one_hot")
def _one_hot(t: Any, n_classes: int) -> Any:
    return t[..., None] == np.arange(n_classes)


def _picked(x: Any, t: Any) -> Any:
    if t.dtype.kind in "iu":
        return jnp.take_along_axis(x, t[..., None], -1, mode="clip")[..., 0]
    x, t = common(jnp.where(t == 0, 0, x), t)
    return jnp.sum(t * x, -1)


def _reduced(losses: Any, reduction: str) -> Any:
    if reduction == "none":
        return losses
    return jnp.sum(losses) / losses.size if reduction == "mean" else jnp.sum(losses)


@_of_the_engine("cross_entropy")
def _cross_entropy(x: Any, t: Any, reduction: str) -> Any:
    z = x - _largest(x, (x.ndim - 1,))
    return _reduced(jnp.log(jnp.sum(jnp.exp(z), -1)) - _picked(z, t), reduction)


@_of_the_engine("nll")
def _nll(x: Any, t: Any, reduction: str) -> Any:
    return _reduced(-_picked(x, t), reduction)


@_of_the_engine("rows")
def _rows(w: Any, t: Any, padding: Any) -> Any:
    return jnp.take(w, t, 0, mode="clip")


@_of_the_engine("rows_gradient")
def _rows_gradient(g: Any, t: Any, count: int) -> Any:
    return jnp.zeros((count, g.shape[-1]), g.dtype).at[t].add(g, mode="promise_in_bounds")
