"""Both passes over a recorded graph as one pure function of arrays of JAX.

The walk is that of the engine: the nodes in dependency order, each by its row, and then `backward_pass`, with the rules
of the rows applied to `Lowered` arrays. Called inside of `jax.jit`, all of it is one program of XLA.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial, reduce
from operator import add
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..engine.backward import backward_pass, dependency_order
from ..engine.node import MET
from ..engine.vjp import fitted, pass_back
from ..errors import ChainruleError, GradientError
from ..nodes.tensor import Tensor
from ..primitives import index, linear, matmul
from . import lowerings as lowerings  # fills the table of named lowerings,
from . import windows as windows  # and so does this
from .limits import Limits
from .lowered import RULES, Lowered, row
from .refusals import FUNCTION, RULE, refusal
from .values import ScalarProgram

__all__ = ["Program", "arguments_of", "has_nan", "program_of", "spoilt_sums"]

# gradients with at most so many bytes are computed on their own where they are sums; larger ones, which take long to
# write and read again, after so many sums one after the other
CACHED, DEEP = 1 << 18, 3
LARGE = 1 << 15  # arrays of more numbers are faster to add up than to look at
SMALL = 16  # constants of so few numbers become part of the program


def arguments_of(nodes: Iterable[Any]) -> list[Any]:
    """The leaves whose data may change: all but small constants that were written beside a node, as 2 in `2 * t`."""
    return [x for x in nodes if not x.inputs and not (x._changed == MET and np.size(x.data) <= SMALL)]


def has_nan(gradients: Iterable[Any]) -> Any:
    """Whether one of these arrays, or `None`s, has a NaN, as a boolean of JAX; also where infinities would add up."""
    return jnp.isnan(spoilt_sums([g for g in gradients if g is not None])).any()


def spoilt_sums(arrays: Sequence[Any]) -> Any:
    """Numbers in a row, of which one is NaN or infinite if one of the arrays is: the sums of large ones' columns.

    XLA on processors reads an array much faster for its sums than for a look at each number. Large numbers may have an
    infinite sum, too.
    """
    sums = [
        lax.optimization_barrier(jnp.sum(x, 0, dtype=jnp.promote_types(x.dtype, jnp.float32)))
        if x.ndim > 1 and x.size > LARGE
        else x
        for x in arrays
    ]
    return jnp.concatenate([x.ravel() for x in sums] or [jnp.zeros(0)])


def program_of(
    outputs: Sequence[Any], leaves: Sequence[Any] | None = None, roots: Sequence[Any] | None = None
) -> Program | ScalarProgram:
    """The `Program` of Tensors, or the `ScalarProgram` of Values; `leaves` are by default `arguments_of` the graph."""
    if leaves is None:
        leaves = arguments_of(dependency_order(outputs, constants=True))
    kind = Program if isinstance(outputs[0], Tensor) else ScalarProgram
    return kind(outputs, leaves, roots)


class Program:
    """The graph of `outputs` as pure functions of the arrays of `leaves`.

    Call them inside of `exact()` and of `jax.jit`. Leaves that are not among `leaves` are constants of the program,
    with the data that they have when it is traced.

    Attributes:
        outputs, leaves: the nodes.
        roots: the outputs that the backward pass starts from; all of them by default.
        wanted: for each leaf, whether it gets a gradient.
        limits: `limits.check(arrays)` raises the engine's error for integers that select what there is not. The program
            itself cannot raise; `Compiled` checks the arrays of NumPy that it is given.

    Raises `GradientError` for nodes that run Python code, such as those of `checkpoint`.
    """

    def __init__(
        self,
        outputs: Sequence[Any],
        leaves: Sequence[Any] | None = None,
        roots: Sequence[Any] | None = None,
    ) -> None:
        self.outputs: list[Any] = list(outputs)
        self.roots: list[Any] = self.outputs if roots is None else list(roots)
        self.nodes: list[Any] = dependency_order(self.outputs, constants=True)
        self.leaves: list[Any] = arguments_of(self.nodes) if leaves is None else list(leaves)
        self.wanted = [leaf.requires_grad for leaf in self.leaves]
        self.limits = Limits(self.nodes, self.leaves)
        self.differentiable = all(y.requires_grad for y in self.roots)
        for node in self.nodes:
            if type(node)._pass_back is not Tensor._pass_back:
                raise GradientError(
                    f"{node.describe()} cannot be compiled: {node.op and node.op.name} runs Python code of yours, not "
                    f"rows of the table. Compile the function without it"
                )

    def signature(self) -> list[tuple[str, tuple[int, ...], Any]]:
        """For each leaf a text for error messages, the shape and the dtype of its array."""
        return [(leaf.describe(), leaf.shape, leaf.dtype) for leaf in self.leaves]

    def signature_of_roots(self) -> list[tuple[str, tuple[int, ...], Any]]:
        """The same for each root."""
        return [(y.describe(), y.shape, y.dtype) for y in self.roots]

    def forward(self, arrays: Sequence[Any]) -> list[Any]:
        """The data of the outputs, given those of the leaves."""
        values = self._values(arrays)
        return [_array(values[y]) for y in self.outputs]

    def passes(
        self, arrays: Sequence[Any], upstream: Sequence[Any] | None = None, zero_safe: bool = False
    ) -> tuple[list[Any], list[Any]]:
        """The data of the outputs, and the gradient of each leaf that requires one; `None` for one that gets none.

        `upstream` has the gradient at each of the roots; by default they are ones. With `zero_safe` a zero stays zero
        beside an infinite factor: the engine repeats a pass in this way if a gradient `has_nan`.
        """
        values = self._values(arrays)
        outputs = [_array(values[y]) for y in self.outputs]
        gradients: dict[Any, Any] = {}
        for k, y in enumerate(self.roots):
            data = _array(values[y])
            g = Lowered(
                jnp.ones(data.shape, data.dtype) if upstream is None else jnp.asarray(upstream[k], data.dtype)
            )
            gradients[y] = gradients[y] + g if y in gradients else g
        order = dependency_order(self.roots)

        parts: dict[Any, list[Any]] = {y: [g] for y, g in gradients.items()}  # the contributions to each node

        depths: dict[Any, int] = {}  # of each gradient: the sums that XLA may fuse to one operation with it

        def passed(node: Any, g: Any, wanted: list[int]) -> Iterator[tuple[int, Any]]:
            arrived = _joined(parts.pop(node, []))
            g = Lowered(g.value)  # computed once, where it is a sum that is put off
            if len(arrived) > 1 and len(wanted) > 1 and g.dtype.itemsize > 2:
                depths[node] = depths.get(node, 0) + 1
                if depths[node] > DEEP or g.size * g.dtype.itemsize <= CACHED:
                    g, depths[node] = Lowered(_kept_sum(*map(_array, arrived))), 0
            return _pass_back(node, g, wanted, values, zero_safe)

        for node, i, c in backward_pass(order, gradients, pass_back=passed):
            x = node.inputs[i]
            if x.inputs:
                parts.setdefault(x, []).append(c)
                fused = node.op is index or (node.op is not None and node.op.elementwise)
                depths[x] = max(depths.get(x, 0), depths.get(node, 0) if fused else 0)
        found = [gradients.get(leaf) for leaf, want in zip(self.leaves, self.wanted) if want]
        return outputs, [None if g is None else _array(g) for g in found]

    def _values(self, arrays: Sequence[Any]) -> dict[Any, Any]:
        """The value of each node: a `Lowered`, or an array of NumPy where it is constant."""
        values: dict[Any, Any] = {
            leaf: Lowered(jnp.asarray(array)) for leaf, array in zip(self.leaves, arrays)
        }
        for node in self.nodes:
            if node.inputs:
                values[node] = _value(node, tuple([values[x] for x in node.inputs]))
            elif node not in values:
                values[node] = np.asarray(node.data)
        return values


def _kept_sum(*parts: Any) -> Any:
    """The sum of contributions, computed once.

    XLA on processors computes it anew in each operation that uses it; along a chain of T sums, such as the cells of a
    recurrent network, that takes T * T steps. A reduction along the first axis is not fused into its consumers.
    """

    def reduced(*parts: Any) -> Any:
        return jnp.sum(lax.optimization_barrier(jnp.stack(parts)), 0)

    return lax.platform_dependent(*parts, cpu=reduced, default=lambda *parts: sum(parts[1:], parts[0]))


def _joined(contributions: list[Any]) -> list[Any]:
    """The contributions, with those to slices as one."""
    slices = [c for c in contributions if isinstance(c, Slices)]
    others = [c for c in contributions if not isinstance(c, Slices)]
    return [*others, reduce(add, slices)] if slices else others


def _array(x: Any) -> Any:
    return x.value if isinstance(x, Lowered) else jnp.asarray(x)


def _shape_of(node: Any) -> tuple[Any, Any]:
    data = np.asarray(node.data)
    return data.shape, data.dtype


def _value(node: Any, inputs: tuple[Any, ...]) -> Any:
    try:
        y = row(node.op, inputs, node.params)
    except Exception as error:
        raise refusal(node, FUNCTION, error) from error
    y = y if isinstance(y, Lowered) else np.asarray(y)
    shape, dtype = _shape_of(node)
    if y.shape != shape:
        raise ChainruleError(
            f"{node.describe()} came from {node.op.name}, which XLA computes in the shape {y.shape}. Its shape may not "
            f"depend on the numbers"
        )
    return y.astype(dtype)


def _pass_back(
    node: Any, g: Any, wanted: list[int], values: dict[Any, Any], zero_safe: bool
) -> Iterator[tuple[int, Any]]:
    """The contributions to the inputs that are wanted."""
    y, inputs = values[node], [values[x] for x in node.inputs]
    if node.op in (matmul, linear) and _is_plain_product(g, *inputs[:2]):
        if 0 in wanted:
            c = _contracted(_array(_as_rows(g)), _array(inputs[1]), 1)
            yield 0, Lowered(c.reshape(inputs[0].shape))
        if 1 in wanted:
            yield 1, Products([(_as_rows(inputs[0]), _as_rows(g))])
        wanted = [i for i in wanted if i > 1]
    if node.op is index and wanted == [0]:
        places = slices_of(node.params["at"], inputs[0].shape)
        if places is not None and g.dtype == inputs[0].dtype and g.dtype.itemsize > 2:
            g = _array(g).reshape([len(each) for each in places])
            yield 0, Slices(inputs[0].shape, [(places, g)])
            return
    replaced = RULES.get(node.op.name)

    def call(rule: Any, arguments: Sequence[Any], params: dict[str, Any]) -> Any:
        if replaced is not None:
            i = rule.args[0] if isinstance(rule, partial) else node.op.rules.index(rule)
            rule = partial(replaced, i)
        return rule(*arguments, **params)

    try:
        for i, c in pass_back(node.op, wanted, g, y, inputs, node.params, zero_safe, call):
            c = c if isinstance(c, Lowered) else np.asarray(c)
            yield i, fitted(c, inputs[i].shape, inputs[i].dtype)
    except GeneratorExit:
        raise
    except Exception as error:
        raise refusal(node, RULE, error) from error


def _is_plain_product(g: Any, x: Any, w: Any) -> bool:
    """Whether the gradients of a product `x @ w` are `g @ w.T` and `x.T @ g`, with all rows of `x` in one matrix."""
    return (
        w.ndim == 2
        and x.ndim > 1
        and g.shape == (*x.shape[:-1], w.shape[1])
        and x.dtype == w.dtype == g.dtype
        and x.dtype.itemsize > 2
    )


def _as_rows(x: Any) -> Any:
    """An array as a matrix with the same rows."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _contracted(a: Any, b: Any, axis: int) -> Any:
    """The product of two matrices along this axis of both: `a.T @ b`, or `a @ b.T`, without a transposed copy."""
    return lax.dot_general(a, b, (((axis,), (axis,)), ((), ())))


class Products(Lowered):
    """The sum of `x.T @ g` over pairs of matrices, as one product of matrices.

    The weights of a recurrent network get such a contribution from each time step.
    """

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[Any, Any]]) -> None:
        self.pairs = pairs

    @property
    def value(self) -> Any:
        """The sum."""
        xs, gs = ([_array(x) for x in each] for each in zip(*self.pairs))
        x, g = (each[0] if len(each) == 1 else jnp.concatenate(each) for each in (xs, gs))
        return _contracted(x, g, 0)

    shape = property(lambda self: (self.pairs[0][0].shape[1], self.pairs[0][1].shape[1]))
    dtype = property(lambda self: self.pairs[0][0].dtype)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Products):
            return Products([*self.pairs, *other.pairs])
        return Lowered(self.value) + other


class Slices(Lowered):
    """A sum of contributions to slices of an array: ranges along the axes, and an array, for each.

    Slices that divide the array along one axis, such as the gates of an LSTM, are concatenated; of other ones each is
    padded with zeros, and they are added up.
    """

    __slots__ = ("pairs", "whole")

    def __init__(self, shape: tuple[int, ...], pairs: list[tuple[list[range], Any]]) -> None:
        self.whole, self.pairs = shape, pairs

    @property
    def value(self) -> Any:
        """The sum."""
        for axis, n in enumerate(self.whole):
            pairs = sorted(self.pairs, key=lambda pair: pair[0][axis].start)
            starts, ends = zip(*((places[axis].start, places[axis].stop) for places, _ in pairs))
            beside = starts == (0, *ends[:-1]) and ends[-1] == n
            if beside and all(g.size * n == self.size * len(at[axis]) for at, g in pairs):
                return jnp.concatenate([g for _, g in pairs], axis)
        padded = []
        for places, g in self.pairs:
            around = [(at.start, n - at.stop, 0) for at, n in zip(places, self.whole)]
            padded.append(lax.pad(g, np.zeros((), g.dtype), around))
        return reduce(add, padded)

    shape = property(lambda self: self.whole)
    ndim = property(lambda self: len(self.whole))
    size = property(lambda self: math.prod(self.whole))
    dtype = property(lambda self: self.pairs[0][1].dtype)

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Slices):
            return Slices(self.whole, [*self.pairs, *other.pairs])
        return Lowered(self.value) + other


def slices_of(at: Any, shape: tuple[int, ...]) -> list[range] | None:
    """What an index of numbers and slices selects from each axis; `None` for other indices, and for steps."""
    parts = list(at) if isinstance(at, tuple) else [at]
    if not all(part is Ellipsis or type(part) in (int, slice) for part in parts):
        return None
    middle = parts.index(Ellipsis) if Ellipsis in parts else len(parts)
    rest = [slice(None)] * (len(shape) - sum(part is not Ellipsis for part in parts))
    parts = [*parts[:middle], *rest, *parts[middle + 1 :]]
    found = [
        range(n)[part] if isinstance(part, slice) else range(part % n, part % n + 1)
        for part, n in zip(parts, shape)
    ]
    return found if all(each.step == 1 and len(each) for each in found) else None
