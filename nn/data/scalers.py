"""Scalers: means or ranges are measured on the training part, and applied to every part.

`fit` measures each column, `transform` shifts and divides it; constant columns are only shifted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from ...autograd import ChainruleError, KindError, RangeError, ShapeError
from ...autograd.extending import Answering, describe, spelt
from ..base.arguments import array_of, one_number

__all__ = ["MinMaxScaler", "Standardizer"]

Self = TypeVar("Self", bound="Scaler")


class Scaler(Answering):
    """The base class of scalers: `fit` measures each column, `transform` shifts and divides it."""

    low = 0.0  # the smallest value, or the mean, after scaling

    def __init__(self) -> None:
        self.shift: np.ndarray | None = None
        self.scale: np.ndarray | None = None

    def _measure(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The number that is subtracted from each column, and its divisor."""
        raise NotImplementedError

    def fit(self: Self, X: Any) -> Self:
        """Measure the columns of `X`, the training part; returns the scaler.

        Raises `ChainruleError` if other samples were measured before: samples of the test set must not be measured.
        """
        X = _numbers(X, "fit")
        if not X.ndim or not len(X):
            raise ShapeError(f"{type(self).__name__}.fit needs one sample at least; given shape {X.shape}")
        if not np.isfinite(X).all():
            place = tuple(np.argwhere(~np.isfinite(X))[0].tolist())
            raise RangeError(
                f"{type(self).__name__}.fit measures column {', '.join(map(str, place[1:])) or 0} and finds {X[place]} "
                f"in sample {place[0]}. Leave such samples out, or write another number in its place"
            )
        X = X.astype(np.float64, copy=False)
        constant = X.max(0) == X.min(0)  # it is only shifted, to exactly 0
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            shift, scale = self._measure(X)
        inexact = ~constant & ~((scale > 1e-150) & (scale < 1e150))  # squares are too small or too large
        if inexact.any():
            unit = np.where(inexact, np.abs(X).max(0), 1.0)
            shift, scale = (each * unit for each in self._measure(X / unit))
        shift, scale = np.where(constant, X[0], shift), np.where(constant, 1.0, scale)
        if self.shift is not None and not (
            np.array_equal(shift, self.shift) and np.array_equal(scale, self.scale)  # type: ignore[arg-type]
        ):
            raise ChainruleError(
                f"this {type(self).__name__} has been fitted already, on other samples. It is fitted once, on the "
                f"training part, and scales the other parts by what it measured there: write "
                f"scaler.transform(X_test). For another training set make another scaler"
            )
        self.shift, self.scale = shift, scale
        return self

    def transform(self, X: Any) -> np.ndarray:
        """`X` scaled by the measured numbers; float32 and float16 are kept."""
        X, shift, scale = self._checked(X, "transform")
        return ((X.astype(np.float64, copy=False) - shift) / scale + self.low).astype(X.dtype, copy=False)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """The inverse of `transform`."""
        X, shift, scale = self._checked(X, "inverse_transform")
        return ((X.astype(np.float64, copy=False) - self.low) * scale + shift).astype(X.dtype, copy=False)

    def fit_transform(self, X: Any) -> np.ndarray:
        """`fit` and `transform` in one call; only for the training part."""
        return self.fit(X).transform(X)

    def state_dict(self) -> dict[str, np.ndarray]:
        """The measured numbers, for `load_state_dict`, `np.savez` or `chainrule.nn.saving.write`.

        >>> from chainrule.nn import Standardizer
        >>> Standardizer().fit([[0.0], [4.0]]).state_dict()
        {'shift': array([2.]), 'scale': array([2.]), 'low': array(0.)}
        """
        shift, scale = self._measured("state_dict")
        return {"shift": shift.copy(), "scale": scale.copy(), "low": np.array(self.low)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the measured numbers to those of another scaler of this class.

        Raises `ShapeError` for another state; then nothing is changed.
        """
        if not isinstance(state, Mapping):
            raise KindError(
                f"a scaler's state is a dict, as state_dict() returns it; given {describe(state)}"
            )
        found = {name: np.asarray(state[name]) for name in ("shift", "scale", "low") if name in state}
        if len(found) < 3 or found["shift"].shape != found["scale"].shape or found["low"].shape != ():
            raise ShapeError(
                f"a scaler's state has a shift and a scale of one shape, and a number low; given "
                f"{ {name: np.shape(value) for name, value in state.items()} }"
            )
        shift, scale, low = (_numbers(each, "load_state_dict").astype(np.float64) for each in found.values())
        if not (np.isfinite(shift).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise RangeError(
                "a scaler's shift is finite, and its scale is finite and above 0, in each column"
            )
        self.shift, self.scale, self.low = shift, scale, float(low)

    def _measured(self, what: str) -> tuple[np.ndarray, np.ndarray]:
        if self.shift is None or self.scale is None:
            raise ChainruleError(
                f"{type(self).__name__}.{what} was called before fit: it has measured nothing yet. "
                f"Write scaler.fit(X_train) first"
            )
        return self.shift, self.scale

    def _checked(self, X: Any, what: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shift, scale = self._measured(what)
        X = _numbers(X, what)
        if X.shape[1:] != shift.shape:
            raise ShapeError(
                f"{type(self).__name__} was fitted on samples of shape {shift.shape} and is given samples of "
                f"shape {X.shape[1:]}"
            )
        return X, shift, scale


def _numbers(X: Any, what: str) -> np.ndarray:
    given, X = X, array_of(X)
    if X.dtype.kind not in "fiub":
        raise KindError(f"{what} takes numbers; given {describe(given)}")
    return X if X.dtype.kind == "f" else X.astype(np.float64)


class Standardizer(Scaler):
    """Columns to mean 0 and standard deviation 1, as measured on the training part.

    A constant column becomes 0. Raises `ShapeError` for samples with another number of columns than in `fit`.
    It is the usual choice; for a fixed range use `MinMaxScaler`.

    >>> from chainrule.nn import Standardizer
    >>> scaler = Standardizer().fit([[0.0, 5.0], [2.0, 5.0]])
    >>> scaler.transform([[0.0, 5.0], [4.0, 6.0]])
    array([[-1.,  0.],
           [ 3.,  1.]])
    """

    def _measure(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return X.mean(0), X.std(0)


class MinMaxScaler(Scaler):
    """Columns to the range from `low` to `high`, as measured on the training part.

    A constant column becomes `low`. Raises `ShapeError` as `Standardizer` does, `RangeError` for an empty range.
    For inputs that have a range of their own, such as pixels; otherwise use `Standardizer`.

    >>> from chainrule.nn import MinMaxScaler
    >>> scaler = MinMaxScaler(-1, 1).fit([[0.0], [4.0]])
    >>> scaler.transform([[1.0], [8.0]])
    array([[-0.5],
           [ 3. ]])
    """

    @spelt
    def __init__(self, low: float = 0.0, high: float = 1.0) -> None:
        super().__init__()
        self.low, self.high = one_number(low, "low"), one_number(high, "high")
        if not -np.inf < self.low < self.high < np.inf:
            raise RangeError(f"the range goes from low to high, and {low} is not below {high}")

    def _measure(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return X.min(0), (X.max(0) - X.min(0)) / (self.high - self.low)
