"""`Tensor`: an array in a graph; the same rows and the same rules as `Value`, on whole arrays.

A tensor keeps no local gradients. The backward pass computes them from the arrays of the forward pass, and only for
inputs that require a gradient. A few rows keep a result on the way to their output, which their rules need again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import functions as f
from ..engine.backward import plus
from ..engine.modes import MODE, recording
from ..engine.node import CLOCK, MET, NO_PARAMS, UNRECORDED, describe, following, refuse_parameters
from ..engine.pulling import pull_of
from ..engine.recording import bind_operators, record_tensors, record_tensors_with_options, spec_of
from ..engine.table import PYTHON_NUMBERS, Primitive
from ..engine.vjp import fitted, pass_back, unbroadcast
from ..errors import KindError, ShapeError
from ..errors.lessons import lesson
from ..errors.spelling import respelt, spelt
from ..functions.arguments import axes_of, shape_of, word_of
from ..primitives import index, matmul, mean, positive, reshape, sum_, transpose
from .arrays import array_from, no_gradient_of, refuse_fractions
from .at import At, change_text, index_inputs, index_text
from .growth import MANY, warn_if_growing
from .masks import bind_comparisons
from .names import add_names
from .node import Node, Withheld, checked_flag, checked_name, known, refuse_mixture
from .sparse import is_sparse, leave_to_node, product

__all__ = ["Tensor"]

Axis = int | tuple[int, ...] | None


class Tensor(Node):
    """An array that records the operation and the inputs that it was computed from.

    `data` is anything that NumPy converts to an array. It is copied, so that changing your array later does not change
    a recorded graph. Floating data are differentiable unless `requires_grad=False`; integers and booleans are
    constants. `dtype` converts. `name` is its name in drawings and printed programs.

    Raises `KindError` for data that are not numbers, and for integers with `requires_grad=True`.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor
    >>> w = Tensor([[1.0, 2.0], [3.0, 4.0]], name="w")
    >>> loss = (np.array([1.0, -1.0]) @ w).sum()
    >>> loss.backward()
    >>> w.grad
    array([[ 1.,  1.],
           [-1., -1.]])
    """

    __slots__ = ("_array", "_grad_is_shared", "_kept", "_spec")
    _array: npt.NDArray[Any]  # numpy.ma reads an attribute `_data` directly, so the slot has another name
    _grad_is_shared: bool  # whether other nodes may hold the array in `_grad`; set together with `_grad`
    _kept: tuple[Any, Any]  # of rows that keep a result: the output that it belongs to, and the result
    _spec: tuple[tuple[int, ...], str]  # shape and dtype: one object for all arrays of this shape and dtype
    kind = "Tensor"
    _data_slot = "_array"

    if TYPE_CHECKING:  # what the operators and methods of all nodes return here

        def __add__(self, other: Tensor | npt.ArrayLike) -> Tensor: ...

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__
        __pow__ = __rpow__ = __mod__ = __rmod__ = __matmul__ = __rmatmul__ = __add__

        def __neg__(self) -> Tensor: ...

        __pos__ = __abs__ = exp = log = sqrt = tanh = sigmoid = relu = __neg__

    if TYPE_CHECKING:

        def __init__(
            self,
            data: Any,
            name: str | None = None,
            requires_grad: bool | None = None,
            dtype: npt.DTypeLike | None = None,
        ) -> None: ...

    else:

        @spelt
        def __init__(
            self,
            data: Any,
            name: str | None = None,
            requires_grad: bool | None = None,
            dtype: npt.DTypeLike | None = None,
            **others: Any,
        ) -> None:
            if others:
                return respelt(Tensor.__init__, locals())
            array = array_from(data, dtype)
            floating = array.dtype.kind == "f"
            wanted = floating if requires_grad is None else requires_grad
            if wanted.__class__ is not bool:
                wanted = checked_flag(wanted, "requires_grad")
            if wanted and not floating:
                raise no_gradient_of(array)
            leaf_of(array, wanted, self)
            if name is not None:
                self._name = checked_name(name, "Tensor")

    # ------------------------------------------------------------------ the data

    @property
    def data(self) -> npt.NDArray[Any]:
        """The array. On a leaf it can be assigned: `p.data -= lr * p.grad` is a step of gradient descent.

        The assigned data are copied and converted to the dtype of the tensor, which never changes. For another dtype
        make a new Tensor, or write `module.to(np.float32)` for all parameters of a module.
        """
        if MODE.get()[2] is not None:
            self._note_read(".data")
        return self._array

    @data.setter
    def data(self, new: Any) -> None:
        if self.op is not None:
            raise KindError(
                f"{self.describe()} was computed by {self.op.name}; only the data of a leaf can be assigned. "
                f"Assign to the leaf and compute again, or take t.detach()"
            )
        if MODE.get()[2] is not None:
            self._note_assigned()
        if new is not self._array:  # after `p.data -= ...` it is the same array
            array = array_from(new, self._array.dtype)
            if array.dtype.kind != "f":
                refuse_fractions(self, array, new)
            if array.shape != self._array.shape:
                raise ShapeError(
                    f"{self.describe()} was assigned data of shape {array.shape}; a tensor keeps its shape. "
                    f"Make a new Tensor for data of another shape"
                )
            self._array = array
        self._spec = spec_of(self._array.shape, self._array.dtype.char)
        self._changed = CLOCK.assigned = CLOCK.tick()

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the elements."""
        return self._array.dtype

    def item(self) -> float:
        """The only element as a Python number; raises `ShapeError` if there is not exactly one."""
        if self._array.size != 1:
            raise ShapeError(
                f"{self.describe()} has {self._array.size} elements; .item() is for one. Write .data"
            )
        self._note_read(".item()")
        return self._array.item()

    def __float__(self) -> float:
        if self._array.size != 1:
            raise ShapeError(
                f"a plain number was asked for, by float(t) or a function of math such as math.exp(t); "
                f"{self.describe()} has {self._array.size} elements. Functions of chainrule.autograd and NumPy work "
                f"on all of them, as in np.exp(t), and .data has the array"
            )
        return super().__float__()

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ShapeError(
                f"{self.describe()} is neither true nor false: it has {self._array.size} elements. Write "
                f"(t > 0).all() or (t > 0).any() in a condition, where(t > 0, a, b) to choose for each element, and "
                f"t is None to ask whether there is a tensor"
            )
        return super().__bool__()

    def detach(self) -> Tensor:
        """A copy of the numbers as a constant, with no recorded operation; later steps of descent do not change it."""
        if following() is not None:  # each replay detaches the new numbers
            with recording(False):
                return positive(self)
        return leaf_of(self._array.copy())

    def numpy(self) -> npt.NDArray[Any]:
        """The array of the tensor, the same as `.data`."""
        return self.data

    @spelt
    def astype(self, dtype: npt.DTypeLike, *, copy: bool = True) -> Tensor:
        """The tensor in another dtype; its gradient has the dtype of this one. `copy` is accepted as in NumPy."""
        return f.astype(self, dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if (left := leave_to_node()) is not None:
            return left
        self._refuse_conversion("t.data for the array, or stack([t, u]) to join several with their gradients")
        return np.array(self.data, dtype=dtype, copy=copy)

    # ------------------------------------------------------------------ recording

    @classmethod
    def _apply(cls, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
        requires_grad = False
        for x in inputs:
            if not isinstance(x, Tensor):
                return cls._apply(op, tuple([_lift(op, x, inputs) for x in inputs]), params)
            if x._requires_grad:
                requires_grad = True
        if params:
            refuse_parameters(op, params)
        if op.pull is None:
            _prepared(op)
            if op.keeping is not None:  # from the first use on
                return op.recorders_with_options[Tensor](*inputs, **params)
        if inputs[0].__class__ not in op.recorders_with_options:  # a subclass, such as a network's parameters
            _prepared(op, inputs[0].__class__)
        try:
            y = op.on_arrays(*[x._array for x in inputs], **params)
        except (ValueError, IndexError, TypeError) as error:
            if any(isinstance(x, Factor) for x in inputs):
                return product(*[x.matrix if isinstance(x, Factor) else x for x in inputs])
            raise lesson(op, inputs, params, error) from None
        if y.__class__ is not np.ndarray:
            y = np.asarray(y)
        recorded, titles, watch = MODE.get()
        node = _new(Tensor)
        node._array = y
        node._spec = spec_of(y.shape, y.dtype.char)
        node._changed = 0
        node._grad = node._name = None
        node.scope = titles
        node.order = CLOCK.tick()
        if requires_grad and recorded and y.dtype.kind == "f":
            node.op = op
            node.inputs = inputs
            node.params = params
            node._requires_grad = True
        elif recorded and any(x._array.dtype.kind != "f" and x._changed >= 0 for x in inputs):
            node.op = op  # integers are constants; the operation is recorded for replays with other integers
            node.inputs = inputs
            node.params = params
            node._requires_grad = False
        else:
            if y.base is not None:  # a view, which would change if its array is assigned to later
                node._array = y.copy()
            node.op = node._a = node._b = None
            node.params = NO_PARAMS
            node._requires_grad = False
            node._changed = UNRECORDED
        if watch is not None:
            watch.forward(node, op, inputs, params)
        return node

    def _pass_back(self, g: Any, wanted: list[int], zero_safe: bool) -> Iterator[tuple[int, Any]]:
        inputs = self.inputs
        arrays = [x._array for x in inputs]  # type: ignore[attr-defined]
        assert self.op is not None
        for i, c in pass_back(self.op, wanted, g, self._array, arrays, self.params, zero_safe):
            yield i, shaped(c, inputs[i], g)

    def _pass_back_recorded(self, g: Any, wanted: list[int], zero_safe: bool) -> Iterator[tuple[int, Any]]:
        inputs = self.inputs
        assert self.op is not None
        for i, c in pass_back(self.op, wanted, g, self, inputs, self.params, zero_safe):
            yield i, fitted(c, inputs[i].shape, inputs[i].dtype)  # type: ignore[attr-defined]

    @classmethod
    def _receive(cls, totals: dict[Any, Any]) -> None:
        if len(totals) > MANY:
            warn_if_growing(totals)
        for node, g in totals.items():
            if node._a is not None:
                node._grad = g
                node._grad_is_shared = True
            elif g is not None:
                node._grad = np.asarray(g) if node._grad is None else plus(node._grad, g)

    def _own(self, g: Any) -> Any:
        return g if isinstance(g, Node) else np.array(g) if self._a is not None else np.asarray(g)

    @property
    def grad(self) -> npt.NDArray[Any] | Any:  # Any, so that arithmetic needs no check for `None`
        """The gradient, an array of this tensor's shape and dtype; `None` until a backward pass arrives."""
        # A pass does not copy the gradients of computed nodes, which may share one array: most are never read.
        g = self._grad
        if g is not None and self._a is not None and self._grad_is_shared:
            self._grad = g = np.array(g)
            self._grad_is_shared = False
        return known(self, g) if g.__class__ is Withheld else g

    @grad.setter
    def grad(self, new: Any) -> None:
        self._grad = None if new is None else self._checked_gradient(new)
        self._grad_is_shared = False

    def _shows_inputs(self) -> bool:
        return self._array.base is not None

    def _refuse_integers(self) -> None:
        if self._array.dtype.kind != "f":
            raise no_gradient_of(self)

    def _zero(self) -> npt.NDArray[Any]:
        return np.zeros_like(self._array)

    @classmethod
    def _constant(cls, data: Any) -> Tensor:
        return Tensor(data, requires_grad=False)

    def _upstream(self, gradient: Any) -> npt.NDArray[Any]:
        if gradient is None:
            if self._array.size != 1:
                raise ShapeError(
                    f"backward() was called on {self.describe()}; only a single number has an obvious gradient "
                    f"to start from, which is 1. Reduce it first, as in t.sum().backward() or "
                    f"t.mean().backward(), or give the upstream gradient: t.backward(gradient) with an array "
                    f"of shape {self.shape}"
                )
            one = np.empty_like(self._array)
            one.fill(1)
            return one
        return self._checked_gradient(gradient)

    def _checked_gradient(self, gradient: Any) -> npt.NDArray[Any]:
        try:
            g = np.asarray(gradient.data if isinstance(gradient, Node) else gradient)
        except (ValueError, TypeError):  # lists of different lengths, or with nodes in them
            g = np.asarray(None)
        if g.dtype.kind not in "fiub":
            raise KindError(
                f"the gradient at {self.describe()} has to be real numbers; given {describe(gradient)}"
            )
        if g.shape != self.shape:
            raise ShapeError(
                f"the gradient at {self.describe()} has to have its shape; given {describe(gradient)}. "
                f"np.broadcast_to(gradient, {self.shape}) repeats one where that is meant"
            )
        own = np.empty_like(
            self._array
        )  # in the memory layout of the data, which determines the order of sums
        np.copyto(own, g, casting="unsafe")
        return own

    def local_gradients(self) -> tuple[Any, ...]:
        if self.op is None:
            return ()
        if not self.op.elementwise:
            return tuple(None for _ in self.inputs)
        arrays = [x._array for x in self.inputs]  # type: ignore[attr-defined]
        with np.errstate(all="ignore"):
            found = self.op.each_rule(range(len(arrays)), (self._array, *arrays), self.params)
            return tuple([np.asarray(local, dtype=self.dtype) for _, local in found])

    local_gradients.__doc__ = Node.local_gradients.__doc__

    # ------------------------------------------------------------------ as an array

    def _all_axes(self) -> tuple[int, ...]:
        return tuple(range(self._array.ndim))

    def __len__(self) -> int:
        if not self._array.ndim:
            raise KindError(f"{self.describe()} is a single number and has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, x: Any) -> bool:
        return bool(np.any(np.equal(self, x)))

    def __index__(self) -> int:
        if self._array.ndim or self._array.dtype.kind not in "iu":
            raise KindError(
                f"{self.describe()} was used where Python takes an index, which is one integer. "
                f"Write int(t) for a whole number in floats, or index an array or a Tensor with several"
            )
        self._note_read("an index")
        return int(self._array)

    def __getitem__(self, at: Any) -> Tensor:
        at, places = index_inputs(at)
        return _index(self, *places, at=at) if places else _index.of_one(self, at=at)

    at = property(At, doc="`t.at[index].set(v)`, `.add(v)`: a new tensor, changed at the index; see `Spot`.")

    def __setitem__(self, at: Any, new: Any) -> None:
        raise KindError(
            f"{self.describe()} cannot be assigned into: the graph would no longer say how it came about. "
            f"Write t = t.at[{index_text(at)}].{change_text(self, new)} for a new tensor, or "
            f"t.data[{index_text(at)}] = v on a leaf before it is used"
        )

    @spelt
    def sum(
        self,
        axis: Axis = None,
        keepdims: bool = False,
        *,
        dtype: Any = None,
        initial: float | None = 0,
        where: Any = True,
    ) -> Tensor:
        """The sum over `axis`; see `chainrule.autograd.sum`."""
        if (
            dtype is None
            and where is True
            and keepdims.__class__ is bool
            and initial.__class__ is int
            and initial == 0
        ):
            axes = self._all_axes() if axis is None else axes_of(self, axis, "sum", of_numbers=True)
            return _sum(self, axis=axes, keepdims=keepdims)
        return f.sum(self, axis, keepdims, dtype=dtype, initial=initial, where=where)

    @spelt
    def mean(
        self, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None, where: Any = True
    ) -> Tensor:
        """The mean over `axis`; see `chainrule.autograd.mean`."""
        if dtype is None and where is True and keepdims.__class__ is bool:
            axes = self._all_axes() if axis is None else axes_of(self, axis, "mean")
            return _mean(self, axis=axes, keepdims=keepdims)
        return f.mean(self, axis, keepdims, dtype=dtype, where=where)

    @spelt
    def max(
        self, axis: Axis = None, keepdims: bool = False, *, initial: float | None = None, where: Any = True
    ) -> Tensor:
        """The largest element along `axis`; see `chainrule.autograd.max`.

        Its position, which PyTorch's `max(axis)` gives as well, is `t.argmax(axis)`.
        """
        return f.max(self, axis, keepdims, initial=initial, where=where)

    @spelt
    def min(
        self, axis: Axis = None, keepdims: bool = False, *, initial: float | None = None, where: Any = True
    ) -> Tensor:
        """The smallest element along `axis`; see `chainrule.autograd.min`.

        Its position, which PyTorch's `min(axis)` gives as well, is `t.argmin(axis)`.
        """
        return f.min(self, axis, keepdims, initial=initial, where=where)

    @spelt
    def var(
        self,
        axis: Axis = None,
        keepdims: bool = False,
        ddof: float = 0,
        *,
        dtype: Any = None,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Tensor:
        """The variance over `axis`; see `chainrule.autograd.var`.

        As in NumPy it divides by n. PyTorch divides by n - 1, which is `t.var(correction=1)` here.
        """
        return f.var(self, axis, keepdims, ddof, dtype=dtype, where=where, mean=mean, correction=correction)

    @spelt
    def std(
        self,
        axis: Axis = None,
        keepdims: bool = False,
        ddof: float = 0,
        *,
        dtype: Any = None,
        where: Any = True,
        mean: Any = None,
        correction: float | None = None,
    ) -> Tensor:
        """The standard deviation over `axis`; see `chainrule.autograd.std`.

        As in NumPy it divides by n. PyTorch divides by n - 1, which is `t.std(correction=1)` here.
        """
        return f.std(self, axis, keepdims, ddof, dtype=dtype, where=where, mean=mean, correction=correction)

    @spelt
    def prod(
        self,
        axis: Axis = None,
        keepdims: bool = False,
        *,
        dtype: Any = None,
        initial: float | None = 1,
        where: Any = True,
    ) -> Tensor:
        """The product over `axis`; see `chainrule.autograd.prod`."""
        return f.prod(self, axis, keepdims, dtype=dtype, initial=initial, where=where)

    @spelt
    def cumsum(self, axis: int | None = None, *, dtype: Any = None) -> Tensor:
        """The running sums along `axis`; see `chainrule.autograd.cumsum`."""
        return f.cumsum(self, axis, dtype=dtype)

    @spelt
    def cumprod(self, axis: int | None = None, *, dtype: Any = None) -> Tensor:
        """The running products along `axis`; see `chainrule.autograd.cumprod`."""
        return f.cumprod(self, axis, dtype=dtype)

    def dot(self, other: Any) -> Tensor:
        """The inner product with `other`; see `chainrule.autograd.dot`."""
        return f.dot(self, other)

    @spelt
    def clip(self, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
        """Limited to `low <= t <= high`; see `chainrule.autograd.clip`."""
        return f.clip(self, low, high, min=min, max=max)

    @spelt
    def round(self, decimals: int = 0) -> Tensor:
        """Rounded to `decimals` places, with gradient 0."""
        y: Any = np.round(self, decimals)
        return y

    def copy(self, order: str = "C") -> Tensor:
        """The same numbers as a new tensor, through which gradients flow; `order` is accepted as in NumPy."""
        word_of(order, ("C", "F", "A", "K"), "copy", "orders")
        return positive(self)

    @spelt
    def all(self, axis: Axis = None, keepdims: bool = False, *, where: Any = True) -> Any:
        """Whether all elements are different from 0, as plain booleans."""
        return np.all(self, axis=axis, keepdims=keepdims, where=where)

    @spelt
    def any(self, axis: Axis = None, keepdims: bool = False, *, where: Any = True) -> Any:
        """Whether some element is different from 0, as plain booleans."""
        return np.any(self, axis=axis, keepdims=keepdims, where=where)

    @spelt
    def argsort(self, axis: int | None = -1) -> Any:
        """The positions of the elements in ascending order, equal ones as they stand, as plain integers."""
        return np.argsort(self, axis, kind="stable")

    @spelt
    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """The position of the largest element, as plain integers."""
        return np.argmax(self, axis, keepdims=keepdims)

    @spelt
    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Any:
        """The position of the smallest element, as plain integers."""
        return np.argmin(self, axis, keepdims=keepdims)

    def tolist(self) -> Any:
        """The elements as Python numbers, in nested lists."""
        return self.data.tolist()

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """The same elements in another shape: `t.reshape(2, 3)` or `t.reshape((2, 3))`, with one -1 allowed."""
        lengths = shape[0] if len(shape) == 1 else shape
        if order.__class__ is str and order == "C":
            return _reshape(self, shape=shape_of(lengths, "reshape"))
        return f.reshape(self, lengths, order)

    @spelt
    def ravel(self, order: str = "C") -> Tensor:
        """The elements in one axis, row by row; column by column with `order="F"`."""
        return f.reshape(self, -1, order)

    flatten = ravel

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, reversed by default: `t.transpose(1, 0)` or `t.transpose((1, 0))`.

        The order is NumPy's, of all axes; PyTorch's `transpose` of two axes is `t.swapaxes(i, j)`.
        """
        if not axes:
            return _transpose(self, axes=tuple(range(self._array.ndim - 1, -1, -1)))
        return f.transpose(self, axes[0] if len(axes) == 1 else axes)

    @spelt
    def squeeze(self, axis: Axis = None) -> Tensor:
        """Without the axes of length 1, or without those named."""
        return f.squeeze(self, axis)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        return f.swapaxes(self, axis1, axis2)

    @spelt
    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        """Each element several times; see `chainrule.autograd.repeat`.

        As in NumPy, `t.repeat(2, 1)` is each element twice along axis 1. PyTorch's `repeat`, the whole tensor so many
        times along each axis, is `tile(t, (2, 1))` here.
        """
        return f.repeat(self, repeats, axis)

    @spelt
    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
        """The elements at `indices`; see `chainrule.autograd.take`."""
        return f.take(self, indices, axis, mode)

    @spelt
    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        """The diagonal of a matrix; see `chainrule.autograd.diagonal`."""
        return f.diagonal(self, offset, axis1, axis2)

    @spelt
    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1, *, dtype: Any = None) -> Tensor:
        """The sum of the diagonal; see `chainrule.autograd.trace`."""
        return f.trace(self, offset, axis1, axis2, dtype=dtype)

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> Tensor:
        """Each matrix in the last two axes transposed."""
        if self._array.ndim < 2:
            raise ShapeError(
                f"t.mT transposes matrices, in the last two axes; {self.describe()} has no two axes"
            )
        return f.swapaxes(self, -1, -2)

    # ------------------------------------------------------------------ showing

    def describe(self) -> str:
        name = f" {self.name!r}" if self.name else ""
        return f"a Tensor{name} of shape {self.shape} and dtype {self.dtype}"

    def __repr__(self) -> str:
        lines = np.array2string(self._array, separator=", ", prefix="Tensor(", threshold=200)
        dtype = "" if self.dtype in (np.float64, np.int64, np.bool_) else f", dtype={self.dtype}"
        name = f", name={self.name!r}" if self.name is not None else ""
        return f"Tensor({lines}{dtype}{name})"


class Factor(Tensor):
    """A sparse matrix among the inputs of `matmul`. Its array has no axes, so that NumPy refuses the product."""

    __slots__ = ("matrix",)

    def __init__(self, matrix: Any) -> None:
        leaf_of(np.array(None, object), False, self)
        self.matrix = matrix


_new = object.__new__


def leaf_of(data: npt.NDArray[Any], requires_grad: bool = False, node: Any = None) -> Any:
    """A leaf that holds `data` itself, not a copy."""
    node = _new(Tensor) if node is None else node
    node._array = data
    node._spec = spec_of(data.shape, data.dtype.char)
    node._changed = 0
    node._grad = node._name = node.op = node._a = node._b = None
    node.params = NO_PARAMS
    node._requires_grad = requires_grad
    node.scope = MODE.get()[1]
    node.order = CLOCK.tick()
    return node


def _lift(op: Primitive, x: Any, inputs: tuple[Any, ...]) -> Tensor:
    if isinstance(x, Tensor):
        return x
    if (x.__class__ is float or x.__class__ is int) and len(inputs) == 2:
        beside = inputs[x is inputs[0]]
        if beside.__class__ is Tensor and beside._array.dtype.kind == "f":  # the constant gets this dtype
            try:
                return _met(leaf_of(np.array(x, beside._array.dtype)))
            except OverflowError:
                pass  # the error is raised below
    if isinstance(x, Node):
        raise refuse_mixture(op, inputs)
    if type(x) in PYTHON_NUMBERS:  # a Python number takes the dtype of the other operands
        kinds = [t._array.dtype for t in inputs if isinstance(t, Tensor)]
        weak = kinds[0] if len(kinds) == 1 and kinds[0].kind == "f" else np.result_type(*kinds, x)
        return _met(leaf_of(array_from(x, weak)))
    if isinstance(x, (np.ndarray, np.generic, list, tuple)):
        return _met(leaf_of(array_from(x, None)))
    if op is matmul and is_sparse(x):
        return Factor(x)
    raise KindError(f"{op.name} takes numbers, arrays and Tensors; given {describe(x)}")


def _prepared(op: Primitive, kind: type = Tensor) -> None:
    """Keep the functions that record the row, for Tensors or a subclass of theirs, and that pass its gradient back."""
    record = op.recorders_with_options[kind] = record_tensors_with_options(op, Tensor, _lift)
    few = op.arity in (1, 2) and op.keeping is None
    op.recorders[kind] = record_tensors(op, Tensor, _lift) if few else record
    op.pull = pull_of(op, shaped)


def _met(constant: Tensor) -> Tensor:
    """Mark a constant that was made of plain numbers in an expression, so that users have no reference to it."""
    constant._changed = MET
    return constant


# ---------------------------------------------------------------------- for the backward pass


def shaped(c: Any, x: Any, g: Any) -> npt.NDArray[Any]:
    """The contribution `c` to the gradient of `x`, as an array of the shape and dtype of `x`.

    A leaf gets an array that nothing else refers to; computed nodes may share arrays, which are never written to.
    """
    here = x._array
    if c.__class__ is not np.ndarray:
        c = np.asarray(c)
    shape = here.shape
    if c.shape != shape:
        bias = c.shape[1:] == shape != ()  # as of most layers: the sum over the samples
        c = unbroadcast(c, shape) if not bias or c.dtype.char == "e" else np.add.reduce(c, 0)
    if c.dtype is not here.dtype:
        c = c.astype(here.dtype, copy=False)
    if x._a is None and (c is g or c.base is not None):
        c = c.copy()
    return c


def _recorder(op: Primitive) -> Any:
    _prepared(op)
    return op.recorders[Tensor]


bind_operators(Tensor, _recorder, _lift)
bind_comparisons(Tensor)
for _row in (sum_, mean, reshape, transpose, index):
    _prepared(_row)
# the recorders of common methods, which call them directly and not through the row
_sum: Any
_index: Any
_sum, _mean, _reshape, _transpose, _index = (
    row.recorders_with_options[Tensor] for row in (sum_, mean, reshape, transpose, index)
)
add_names(Tensor)
