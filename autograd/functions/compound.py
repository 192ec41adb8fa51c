"""Operations that are one node where their primitives would be several, and the choice between the two.

`dot(xs, ys)` and `total(xs)` of Values and `linear(x, w, b)` of Tensors are rows of their own: smaller graphs, fewer
steps. `by_primitives()` records them as multiplications, additions and products of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any

from .. import primitives as p
from ..kinds import of_kind

__all__ = ["by_primitives", "linear"]

PRIMITIVES: ContextVar[bool] = ContextVar("chainrule_primitives", default=False)


@contextmanager
def by_primitives() -> Iterator[None]:
    """Record compound operations as their primitives inside the block: `linear`, `dot` and `total`.

    A `nn.Linear` layer is one node, `linear`; in the block it is two, `matmul` and `add`, as is every layer inside a
    larger module. Values and gradients are the same. Blocks nest, and threads do not see each other's. What was
    recorded before does not change.

    >>> from chainrule.autograd import Tape, Tensor, by_primitives, linear
    >>> x, w, b = Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]]), Tensor([5.0])
    >>> linear(x, w, b).op.name
    'linear'
    >>> with by_primitives():
    ...     z = linear(x, w, b)
    >>> [node.op.name for node in Tape(z).nodes if node.op]
    ['matmul', 'add']
    """
    token = PRIMITIVES.set(True)
    try:
        yield
    finally:
        PRIMITIVES.reset(token)


@of_kind
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """`x @ weight + bias`, the linear layer of a network, as one node.

    `x` is `(..., n)` with one sample in each row, `weight` is `(n, m)`, `bias` is `(m,)` or `None`; the result is
    `(..., m)`. With the gradient G at the output, the gradients of the loss are `G @ weight.T` with respect to x,
    `x.T @ G` with respect to the weight, and the sum of G over the samples with respect to the bias.
    `nn.Linear` is the layer, which has its own weights.

    Raises `ShapeError` if the lengths do not fit.

    >>> from chainrule.autograd import Tensor, linear
    >>> x, w, b = Tensor([[1.0, 2.0], [3.0, 4.0]]), Tensor([[1.0], [-1.0]]), Tensor([0.5])
    >>> linear(x, w, b)
    Tensor([[-0.5],
            [-0.5]])
    >>> linear(x, w, b).sum().backward()
    >>> w.grad, b.grad
    (array([[4.],
           [6.]]), array([2.]))
    """
    if bias is None or PRIMITIVES.get():
        z = p.matmul(x, weight)
        return z if bias is None else z + bias
    return p.linear(x, weight, bias)


def dot_of_values(xs: Sequence[Any], ys: Sequence[Any]) -> Any:
    """The inner product of two lists of numbers and Values of the same length."""
    if PRIMITIVES.get() and xs:
        return reduce(p.add, map(p.multiply, xs, ys))
    return p.dot_(*xs, *ys)


def total_of_values(xs: Sequence[Any]) -> Any:
    """The sum of numbers and Values."""
    return reduce(p.add, xs) if PRIMITIVES.get() and xs else p.total(*xs)
