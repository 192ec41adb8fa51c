"""PyTorch as an oracle over shapes and axes: values, gradients and second gradients in float64, to 1e-8 relative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import chainrule.autograd as ag
from chainrule.autograd import Tensor, gradients

torch = pytest.importorskip("torch", reason="PyTorch, the oracle of these tests, is not installed here")


def same(found: Any, expected: Any) -> None:
    expected = expected.detach().numpy()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8 * np.max(abs(expected), initial=0))


def compare(ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray) -> None:
    """The value; the gradient of a random combination of `sin(y)`; and the gradient of one of those."""
    random = np.random.default_rng(1)
    leaves, nodes = [torch.tensor(x, requires_grad=True) for x in arrays], [Tensor(x) for x in arrays]
    z, y = theirs(*leaves), ours(*nodes)
    same(y.data, z)
    u, vs = random.normal(size=y.shape), [random.normal(size=x.shape) for x in arrays]
    expected = torch.autograd.grad((torch.tensor(u) * torch.sin(z)).sum(), leaves, create_graph=True)
    found = gradients((u * ag.sin(y)).sum(), nodes, create_graph=True)
    for g, t in zip(found, expected, strict=True):
        same(g.data, t)
    along = sum((torch.tensor(v) * t).sum() for v, t in zip(vs, expected, strict=True))
    second = torch.autograd.grad(along, leaves, materialize_grads=True)
    for h, t in zip(
        gradients(sum((v * g).sum() for v, g in zip(vs, found, strict=True)), nodes), second, strict=True
    ):
        same(h, t)


# ours and theirs, of an array and a tuple of axes
REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (ag.sum, torch.sum),
    "mean": (ag.mean, torch.mean),
    "var": (ag.var, lambda x, axes, k: torch.var(x, axes, correction=0, keepdim=k)),
    "std": (ag.std, lambda x, axes, k: torch.std(x, axes, correction=0, keepdim=k)),
    "max": (ag.max, torch.amax),
    "min": (ag.min, torch.amin),
    "logsumexp": (ag.logsumexp, torch.logsumexp),
    "norm": (
        lambda x, axes, keepdims: ag.norm(x, None, axes, keepdims),
        lambda x, axes, k: torch.linalg.vector_norm(x, dim=axes, keepdim=k),
    ),
}
ALONG: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "softmax": (ag.softmax, torch.softmax),
    "log_softmax": (ag.log_softmax, torch.log_softmax),
    "cumsum": (ag.cumsum, torch.cumsum),
    "cumprod": (ag.cumprod, torch.cumprod),
    "prod": (ag.prod, torch.prod),
    "sort": (ag.sort, lambda x, axis: torch.sort(x, axis).values),
    "flip": (ag.flip, lambda x, axis: torch.flip(x, (axis,))),
    "diff": (lambda x, axis: ag.diff(x, 1, axis), lambda x, axis: torch.diff(x, dim=axis)),
    "concatenate": (
        lambda x, axis: ag.concatenate([x, x * x], axis),
        lambda x, axis: torch.cat([x, x * x], axis),
    ),
    "stack": (lambda x, axis: ag.stack([x * x, x], axis), lambda x, axis: torch.stack([x * x, x], axis)),
}
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4)


def distinct(shape: tuple[int, ...]) -> np.ndarray:
    n = int(np.prod(shape))
    return (np.random.default_rng(n).permutation(n).reshape(shape) - n / 3 + 0.1) / max(n, 4)


@pytest.mark.parametrize("name", REDUCTIONS)
@given(shape=SHAPES, data=st.data())
@settings(max_examples=10)
def test_reductions(name: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    axes = data.draw(hnp.valid_tuple_axes(len(shape), min_size=1, max_size=min(2, len(shape))))
    assume(name != "std" or np.prod([shape[k] for k in axes]) > 1)  # of one number: 0 here, NaN there
    keep = data.draw(st.booleans())
    ours, theirs = REDUCTIONS[name]
    x = distinct(shape)
    compare(lambda t: ours(t, axes, keepdims=keep), lambda t: theirs(t, axes, keep), x)


@pytest.mark.parametrize("name", ALONG)
@given(shape=SHAPES, data=st.data())
@settings(max_examples=10)
def test_along_one_axis(name: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    ours, theirs = ALONG[name]
    compare(lambda t: ours(t, axis=axis), lambda t: theirs(t, axis), distinct(shape))


@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0))
@settings(max_examples=40)
def test_broadcasting(shapes: Any) -> None:
    a, b = (distinct(shape) + 0.05 if np.prod(shape) else np.zeros(shape) for shape in shapes.input_shapes)
    compare(lambda a, b: a * ag.tanh(b) + a, lambda a, b: a * torch.tanh(b) + a, a, b)


@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3, min_side=0))
@settings(max_examples=40)
def test_matrix_products(shapes: Any) -> None:
    a, b = (distinct(shape) if np.prod(shape) else np.zeros(shape) for shape in shapes.input_shapes)
    compare(lambda a, b: a @ b, lambda a, b: a @ b, a, b)


@given(SHAPES, st.data())
@settings(max_examples=40)
def test_basic_indices(shape: tuple[int, ...], data: st.DataObject) -> None:
    at = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    steps = [part.step or 1 for part in (at if isinstance(at, tuple) else (at,)) if isinstance(part, slice)]
    assume(all(step > 0 for step in steps))  # PyTorch has no negative steps
    compare(lambda t: (t * t)[at], lambda t: (t * t)[at], distinct(shape))


@given(
    st.lists(st.integers(-3, 2), min_size=1, max_size=5), st.lists(st.integers(-2, 1), min_size=1, max_size=5)
)
@settings(max_examples=30)
def test_indices_that_repeat(rows: list[int], columns: list[int]) -> None:
    n = min(len(rows), len(columns))
    x = distinct((3, 2))
    compare(lambda t: (t * t)[rows], lambda t: (t * t)[rows], x)
    compare(lambda t: (t * t)[rows[:n], columns[:n]], lambda t: (t * t)[rows[:n], columns[:n]], x)
