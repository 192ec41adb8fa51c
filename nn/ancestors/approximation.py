"""Universal approximation by hand: the weights of a network make boxes, and sums of boxes make any function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import RangeError, ShapeError
from ...autograd.extending import spelt
from ..base.arguments import numeric, one_number
from ..layers.activations import Heaviside, ReLU
from ..layers.linear import Linear
from ..layers.stacks import Sequential

__all__ = ["box_network"]


@spelt
def box_network(
    edges: Sequence[float], heights: Any, e: float | None = None, *, activation: str = "relu"
) -> Sequential:
    """A network that is `heights[i]` between `edges[i]` and `edges[i + 1]`, and 0 outside.

    With `activation="step"` a box is two hidden units, `h * (step(x - a) - step(x - b))`:
    `h` from `a` on, and 0 again from `b` on. With "relu" it has slopes of width `e` and four units,
    `h/e * (relu(x - a) - relu(x - a - e) - relu(x - b) + relu(x - b - e))`:
    0 up to `a`, `h` from `a + e` to `b`, and 0 again from `b + e` on, so that one box rises where its neighbour falls.
    `heights` are numbers, one for each box, or a function that is evaluated at the middle of each. With more and
    narrower boxes, their sum approximates any continuous function. `(n, 1)` becomes `(n, 1)`.

    Raises `RangeError` for edges that do not rise, a box narrower than its slope, or another activation, `ShapeError`
    for other counts.

    >>> import numpy as np
    >>> from chainrule.nn import box_network
    >>> box = box_network([1.0, 2.0], [5.0], e=0.1)
    >>> box(np.array([[0.9], [1.05], [1.5], [2.05], [2.2]])).data.round(6).ravel()
    array([0. , 2.5, 5. , 2.5, 0. ])
    >>> box = box_network([1.0, 2.0], [5.0], activation="step")
    >>> box(np.array([[0.9], [1.0], [1.5], [2.0], [2.2]])).data.ravel()
    array([0., 5., 5., 0., 0.])
    """
    ends = numeric(edges, "edges").astype(float)
    if ends.ndim != 1 or len(ends) < 2:
        raise ShapeError(f"boxes stand between two edges or more; given edges of shape {ends.shape}")
    a, b = ends[:-1], ends[1:]
    e = None if e is None else one_number(e, "the width e of a slope")
    steep = isinstance(activation, str) and activation == "step"
    if not (steep or (isinstance(activation, str) and activation == "relu")):
        raise RangeError(f"a box is made of 'relu' or of 'step' units; given {activation!r}")
    if steep:
        if e is not None or not (b > a).all():
            raise RangeError(
                f"boxes of steps have edges that rise, and sides without a width e; given edges {ends} and e={e}"
            )
    elif e is None or not e > 0 or (b - a < e * (1 - 1e-9)).any():
        raise RangeError(
            f"a box rises within its edges: e is positive, and edges are e apart at least; given e={e} and a "
            f"narrowest box of {(b - a).min():g}"
        )
    found = [heights(x) for x in (a + b) / 2] if callable(heights) else heights
    h = numeric(found, "heights").astype(float)
    if h.shape != a.shape:
        raise ShapeError(f"{len(a)} boxes have as many heights; given heights of shape {h.shape}")
    if e is None:
        corners, scale, signs = [a, b], h, [1, -1]
    else:
        corners, scale, signs = [a, a + e, b, b + e], h / e, [1, -1, -1, 1]
    hidden, out = Linear(1, len(signs) * len(a)), Linear(len(signs) * len(a), 1)
    assert hidden.bias is not None
    hidden.weight.data = np.ones(hidden.weight.shape)
    hidden.bias.data = -np.stack(corners, 1).reshape(-1)
    out.weight.data = np.outer(scale, signs).reshape(-1, 1)
    return Sequential(hidden, Heaviside() if steep else ReLU(), out)
