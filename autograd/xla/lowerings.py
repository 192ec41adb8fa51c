"""Lowerings: functions of JAX arrays in place of a row's own function, where that cannot run under JAX or is slow.

Each has the name and the arguments of its row. All other rows are computed by their own function (see `lowered.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..engine.operators import where
from ..engine.table import TABLE
from ..primitives.structural import linalg
from ..primitives.structural.indexing import Gap, _is_basic
from ..primitives.structural.interpolation import _segment_of
from .lowered import LOWERINGS, RULES, cast, common, floating, lift, plain, ufunc

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


def of_the_engine(*names: str) -> Callable[[Lowering], Lowering]:
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


@of_the_engine("power")
def _power(a: Any, b: Any) -> Any:
    if isinstance(b, (int, float, np.ndarray, np.generic)) and np.ndim(b) == 0 and hasattr(a, "dtype"):
        dtype = np.result_type(a.dtype, b if isinstance(b, (int, float)) else b.dtype)
        if dtype == a.dtype and b in (1, 2):
            return jnp.square(a) if b == 2 else jnp.asarray(a)
    return ufunc(np.power, a, b)


@of_the_engine("sinc")
def _sinc(x: Any) -> Any:
    """As NumPy: NaN at infinity, where JAX's own is 0 since 0.12."""
    y = math.pi * jnp.where(x == 0, 1e-20, x)
    return jnp.sin(y) / y


@of_the_engine("erf")
def _erf(x: Any) -> Any:
    return lax.erf(cast(x, np.result_type(x.dtype, np.float16)))


# ---------------------------------------------------------------------- indexing


def _index_of(at: Any, places: Any) -> tuple[Any, ...]:
    """The index with plain lists as arrays, and inputs in the place of its gaps."""
    parts = at if isinstance(at, tuple) else (at,)
    filled = [places[part.number] if isinstance(part, Gap) else part for part in parts]
    return tuple([np.asarray(part) if isinstance(part, list) else part for part in filled])


@of_the_engine("index")
def _index(x: Any, *places: Any, at: Any) -> Any:
    return jnp.asarray(x)[_index_of(at, places)]


@of_the_engine("scatter")
def _scatter(g: Any, *places: Any, shape: tuple[int, ...], at: Any) -> Any:
    index = _index_of(at, places)
    if _is_basic(index):
        return _spaced(jnp.asarray(g), shape, index)
    return jnp.zeros(shape, g.dtype).at[index].add(g)


def _spaced(g: Any, shape: tuple[int, ...], index: tuple[Any, ...]) -> Any:
    """`g` at the places of an index of numbers and slices, with zeros between them and around them: one `pad`."""
    rest = len(shape) - sum(part is not None and part is not Ellipsis for part in index)
    if Ellipsis not in index:
        index = (*index, Ellipsis)
    where_it_is = index.index(Ellipsis)
    index = (*index[:where_it_is], *(slice(None),) * rest, *index[where_it_is + 1 :])
    pads: list[tuple[int, int, int]] = []
    lengths, backwards = [], []
    for part in index:
        if part is None:
            continue
        n = shape[len(pads)]
        if not isinstance(part, slice):
            part = slice(int(part) % n, int(part) % n + 1)
        places = range(n)[part]
        if places.step < 0:
            backwards.append(len(pads))
            places = places[::-1]
        lengths.append(len(places))
        pads.append((places[0], n - 1 - places[-1], places.step - 1) if places else (0, n, 0))
    g = g.reshape(lengths)
    return lax.pad(jnp.flip(g, backwards) if backwards else g, np.zeros((), g.dtype), pads)


@of_the_engine("add_at")
def _add_at(x: Any, v: Any, *places: Any, at: Any) -> Any:
    return jnp.asarray(x).at[_index_of(at, places)].add(cast(v, x.dtype))


def _last(shape: tuple[int, ...], index: tuple[Any, ...]) -> tuple[Any, Any]:
    """For each element that the index selects, its flat position, and whether no later one has the same position."""
    size = math.prod(shape)
    positions = np.arange(size).reshape(shape)
    if all(
        part is None or isinstance(part, (int, slice, np.ndarray, np.generic, type(...))) for part in index
    ):
        place = positions[index]
        last = np.empty(size, int)
        last[place.ravel()] = number = np.arange(place.size)
        return place, (last[place.ravel()] == number).reshape(place.shape)
    found = jnp.asarray(positions)[index]
    number = jnp.arange(found.size).reshape(found.shape)
    return found, jnp.zeros(size, int).at[found].max(number)[found] == number


@of_the_engine("set_at")
def _set_at(x: Any, v: Any, *places: Any, at: Any) -> Any:
    index, x, v = _index_of(at, places), jnp.asarray(x), cast(v, x.dtype)
    if _is_basic(index):
        return x.at[index].set(v)
    place, last = _last(x.shape, index)  # of equal positions the last one counts
    flat = x.ravel().at[jnp.where(last, place, x.size)]
    return flat.set(jnp.broadcast_to(v, place.shape), mode="drop").reshape(x.shape)


def _set_at_back(i: int, g: Any, y: Any, x: Any, v: Any, *places: Any, at: Any) -> Any:
    if i == 1 and not _is_basic(_index_of(at, plain(places))):
        _, last = _last(x.shape, _index_of(at, plain(places)))
        return where(lift(last), TABLE["index"](g, *places, at=at), 0)
    return TABLE["set_at"].rule(i, g, y, x, v, *places, at=at)


RULES["set_at"] = _set_at_back


# ---------------------------------------------------------------------- one element after the other


@of_the_engine("recurrence")
def _recurrence(a: Any, b: Any, axis: int) -> Any:
    a, b = (jnp.moveaxis(x, axis, 0) for x in common(a, b))
    shape = jnp.broadcast_shapes(a.shape, b.shape)
    a, b = jnp.broadcast_to(a, shape), jnp.broadcast_to(b, shape)
    if not len(b):
        return jnp.moveaxis(b, 0, axis)

    def step(y: Any, factor_and_term: Any) -> Any:
        factor, term = factor_and_term
        y = term + factor * y
        return y, y

    _, rest = lax.scan(step, b[0], (a[1:], b[1:]))
    return jnp.moveaxis(jnp.concatenate([b[:1], rest]), 0, axis)


# ---------------------------------------------------------------------- order


def _nan_aware(name: str, fill: float) -> Lowering:
    def computed(x: Any, axis: Any = 0, keepdims: bool = False) -> Any:
        if x.dtype.kind != "f":
            return getattr(jnp, name)(x, axis, keepdims=keepdims)
        nan = jnp.isnan(x)
        y = getattr(jnp, name)(jnp.where(nan, fill, x), axis, keepdims=keepdims)
        return jnp.where(jnp.all(nan, axis, keepdims=keepdims), np.nan, y)

    return computed


of_the_engine("nanmax")(_nan_aware("max", -np.inf))
of_the_engine("nanmin")(_nan_aware("min", np.inf))


def _share_ties(g: Any, ordered: Any, axis: int) -> Any:
    """`g` with its mean over equal elements of `ordered`, which is sorted."""
    ordered, shares = jnp.moveaxis(ordered, axis, -1), jnp.moveaxis(g, axis, -1)
    if not shares.size:
        return g
    fresh = jnp.concatenate(
        [jnp.ones((*ordered.shape[:-1], 1), bool), ordered[..., 1:] != ordered[..., :-1]], -1
    )
    group = jnp.cumsum(fresh.ravel()) - 1
    exact = cast(shares.ravel(), np.promote_types(g.dtype, np.float64))
    sums = jnp.zeros(exact.shape, exact.dtype).at[group].add(exact, mode="promise_in_bounds")
    counts = jnp.zeros(exact.shape, exact.dtype).at[group].add(1, mode="promise_in_bounds")
    means = (sums / counts)[group].reshape(shares.shape)
    return jnp.moveaxis(cast(means, g.dtype), -1, axis)


@of_the_engine("arrange")
def _arrange(x: Any, keys: Any, axis: int) -> Any:
    order = jnp.argsort(keys, axis)
    return _share_ties(
        jnp.take_along_axis(jnp.asarray(x), order, axis),
        jnp.take_along_axis(jnp.asarray(keys), order, axis),
        axis,
    )


@of_the_engine("disarrange")
def _disarrange(g: Any, keys: Any, axis: int) -> Any:
    order = jnp.argsort(keys, axis)
    shared = _share_ties(jnp.asarray(g), jnp.take_along_axis(jnp.asarray(keys), order, axis), axis)
    return jnp.take_along_axis(shared, jnp.argsort(order, axis), axis)


@of_the_engine("median")
def _median(x: Any, axis: int) -> Any:
    x, n = floating(x), x.shape[axis]
    ordered = jnp.moveaxis(jnp.sort(x, axis), axis, 0)
    if not n:
        return jnp.full(ordered.shape[1:], np.nan, x.dtype)
    low, high, last = ordered[(n - 1) // 2], ordered[n // 2], ordered[-1]  # NaN is last
    middle = low if n % 2 else jnp.mean(jnp.stack([low, high]), 0)
    return jnp.where(last == last, middle, last)


# ---------------------------------------------------------------------- spectra


@of_the_engine("rfft")
def _rfft(x: Any) -> Any:
    spectrum = jnp.fft.rfft(floating(x))
    return jnp.stack([spectrum.real, spectrum.imag])


@of_the_engine("irfft")
def _irfft(spectrum: Any, n: int) -> Any:
    re, im = floating(spectrum)
    return jnp.fft.irfft(lax.complex(re, im), n)


# ---------------------------------------------------------------------- interpolation


@of_the_engine("unsegment")
def _unsegment(g: Any, knots: Any, x: Any, step: int, period: float | None) -> Any:
    at = plain(_segment_of(lift(jnp.asarray(knots)), lift(jnp.asarray(x)), step, period))
    return jnp.zeros(knots.shape, g.dtype).at[at].add(g)


@of_the_engine("interp")
def _interp(x: Any, knots: Any, values: Any, left: Any, right: Any, period: Any) -> Any:
    x64, knots64, values64 = (cast(a, np.dtype(float)) for a in (x, knots, values))
    y = jnp.interp(x64, knots64, values64, left, right, period)
    return cast(y, np.result_type(x.dtype, knots.dtype, values.dtype, np.float16))


# ---------------------------------------------------------------------- matrices


def _where_finite(compute: Lowering) -> Lowering:
    """`compute`, but NaN for matrices that are not finite."""

    def computed(*matrices: Any) -> Any:
        finite = reduce(jnp.logical_and, [jnp.isfinite(a).all((-2, -1), keepdims=True) for a in matrices])
        y = plain(compute(*[lift(jnp.where(finite, a, 0)) for a in matrices]))
        return jnp.where(finite, y, np.nan)

    return computed


of_the_engine("cofactor")(_where_finite(linalg._cofactor))
of_the_engine("cofactor_change")(_where_finite(linalg._cofactor_change))


@of_the_engine("pinv")
def _pinv(a: Any, rcond: Any = None) -> Any:
    u, s, vh = jnp.linalg.svd(a, full_matrices=False)
    cutoff = jnp.asarray(1e-15 if rcond is None else rcond)[..., None] * jnp.max(
        s, -1, keepdims=True, initial=0
    )
    per_s = jnp.where(s > cutoff, 1 / s, 0)
    return jnp.matmul(jnp.swapaxes(vh, -1, -2), per_s[..., None] * jnp.swapaxes(u, -1, -2))


@of_the_engine("einsum")
def _einsum(*operands: Any, subscripts: str) -> Any:
    return jnp.einsum(subscripts, *common(*operands))


@of_the_engine("sparse_matmul")
def _sparse_matmul(x: Any, matrix: Any, right: bool) -> Any:
    stored = (matrix.T if right else matrix).matrix.tocoo()
    x = jnp.moveaxis(jnp.asarray(x), -1 if right else 0, 0)
    weights = stored.data.reshape(-1, *[1] * (x.ndim - 1))
    y = jnp.zeros((stored.shape[0], *x.shape[1:]), np.result_type(stored.dtype, x.dtype))
    y = y.at[stored.row].add(cast(weights, y.dtype) * x[stored.col])
    return jnp.moveaxis(y, 0, -1 if right else 0)


# ---------------------------------------------------------------------- exponentials of large numbers


def _largest(x: Any, axis: tuple[int, ...]) -> Any:
    if not x.size:
        return jnp.zeros([1 if k in axis else n for k, n in enumerate(x.shape)], x.dtype)
    limits = np.finfo(x.dtype)
    return jnp.clip(jnp.max(x, axis, keepdims=True), limits.min, limits.max)


@of_the_engine("logsumexp")
def _logsumexp(x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    x = floating(x)
    m = _largest(x, axis)
    y = jnp.log(jnp.sum(jnp.exp(x - m), axis, keepdims=True)) + m
    return y if keepdims else jnp.squeeze(y, axis)


@of_the_engine("softmax")
def _softmax(x: Any, axis: tuple[int, ...]) -> Any:
    x = floating(x)
    e = jnp.exp(x - _largest(x, axis))
    return e / jnp.sum(e, axis, keepdims=True)


@of_the_engine("log_softmax")
def _log_softmax(x: Any, axis: tuple[int, ...]) -> Any:
    x = floating(x)
    return x - _logsumexp(x, axis, True)


# ---------------------------------------------------------------------- the rows of losses and embeddings


@of_the_engine("one_hot")
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


@of_the_engine("cross_entropy")
def _cross_entropy(x: Any, t: Any, reduction: str) -> Any:
    z = x - _largest(x, (x.ndim - 1,))
    return _reduced(jnp.log(jnp.sum(jnp.exp(z), -1)) - _picked(z, t), reduction)


@of_the_engine("nll")
def _nll(x: Any, t: Any, reduction: str) -> Any:
    return _reduced(-_picked(x, t), reduction)


@of_the_engine("rows")
def _rows(w: Any, t: Any, padding: Any) -> Any:
    return jnp.take(w, t, 0, mode="clip")


@of_the_engine("rows_gradient")
def _rows_gradient(g: Any, t: Any, count: int) -> Any:
    return jnp.zeros((count, g.shape[-1]), g.dtype).at[t].add(g, mode="promise_in_bounds")


def _shares_of_classes(
    t: Any, weights: Any, ignored: int, smoothing: float, mean: bool = False
) -> tuple[Any, Any]:
    kept = t != ignored
    classes = jnp.where(kept, t, 0)
    count = jnp.sum(jnp.where(kept, jnp.asarray(weights)[classes], 0))
    y = cast(_one_hot(classes, len(weights)), weights.dtype)
    shares = (y * (1 - smoothing) + smoothing / len(weights)) * weights * kept[..., None]
    return shares / count if mean else shares, count


@of_the_engine("class_shares")
def _class_shares(t: Any, **options: Any) -> Any:
    return _shares_of_classes(t, **options)[0]


@of_the_engine("weighted_nll")
def _weighted_nll(log_p: Any, t: Any, reduction: str, **options: Any) -> Any:
    shares, count = _shares_of_classes(t, **options)
    losses = -_picked(log_p, shares)
    return jnp.sum(losses) / count if reduction == "mean" else _reduced(losses, reduction)
