"""Linear regression in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import KindError, RangeError, ShapeError
from ...autograd.extending import describe, spelt
from ..layers.linear import Linear

__all__ = ["least_squares"]


@spelt
def least_squares(X: Any, y: Any) -> Linear:
    """Linear regression in closed form, `W = (X^T X)^-1 X^T y`: the `Linear` layer with the least squared error.

    `X` is `(n, in_features)`, `y` is `(n,)` or `(n, out_features)`; the bias is the weight of an
    additional column of ones. Gradient descent on the squared error converges to the same weights.

    Raises `ShapeError` for shapes that do not match, `RangeError` if the solution is not unique.

    >>> import numpy as np
    >>> from chainrule.nn import least_squares
    >>> layer = least_squares([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> layer.weight.data.round(6), layer.bias.data.round(6)
    (array([[2.]]), array([1.]))
    """
    try:
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    except (TypeError, ValueError):
        raise KindError(f"least_squares takes arrays; given {describe(X)} and {describe(y)}") from None
    targets = y[:, None] if y.ndim == 1 else y
    if X.ndim != 2 or targets.ndim != 2 or len(X) != len(targets):
        raise ShapeError(
            f"least_squares takes samples in rows and a target (or a row of them) for each; given shapes {X.shape} "
            f"and {y.shape}"
        )
    ones = np.column_stack([X, np.ones(len(X))])
    rank = np.linalg.matrix_rank(ones) if len(X) else 0
    if rank < ones.shape[1]:
        raise RangeError(
            f"{len(X)} samples of {X.shape[1]} features have no unique least squares: with the bias there are "
            f"{ones.shape[1]} weights and only {rank} independent columns. Take more samples, or leave out features "
            f"that others determine"
        )
    solution = np.linalg.solve(ones.T @ ones, ones.T @ targets)
    layer = Linear(X.shape[1], targets.shape[1])
    layer.weight.data = solution[:-1]
    assert layer.bias is not None
    layer.bias.data = solution[-1]
    return layer
