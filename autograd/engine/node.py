"""A node of the graph: a result that remembers the operation and the inputs it came from.

A node is local. It knows its inputs, its output and how to pass a gradient back to each input; it
never sees the graph around it. Walking the graph is `backward.py`'s job.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import primitives as p
from ..errors import KindError
from .operators import Operators
from .table import Primitive

if TYPE_CHECKING:
    from .hooks import Handle

# One clock for all nodes: a node is younger than its inputs, so sorting by birth is a dependency order.
CLOCK = count(1)
NO_PARAMS: dict[str, Any] = {}
ASSIGNED = [0]  # by that clock: when .data or .requires_grad of any leaf was last assigned
CONVERTED = [0]  # by that clock: when a node that wants a gradient was last made a plain float
THAWED = [0]  # by that clock: when a constant was last made differentiable
# in the place of the time when a node was changed
UNRECORDED = -1  # it was computed, but from constants or under no_grad()
MET = -2  # it was made of plain numbers that met a node in an expression


class Node(Operators):
    """What `Value` and `Tensor` share: a place in the graph, a gradient, and the backward pass.

    Attributes:
        data: the value, a float or an ndarray.
        grad: the gradient of the last root that `backward()` was called on, summed over passes on
            leaves; `None` until a pass reaches the node, which is not the same as zero.
        op: the row of the table this node came from; `None` for a leaf.
        inputs: the nodes it was computed from, in written order, repeated where they were repeated.
        params: what the operation needed that is not differentiated (an axis, a shape).
        name, scope: how drawings and listings call it, and the titles of the scopes around it.
        requires_grad: whether a gradient is computed for it; a leaf without is a constant.
        order: its place in the order of creation.
    """

    # `_a` and `_b` are the inputs of most operations: two slots take half the memory of a tuple, and are no object
    # more for the garbage collector to visit. Where there are more, `_a` is a tuple of them all.
    # What users assign (data, grad, name, requires_grad) is a property that checks it; the engine uses the slots.
    __slots__ = (
        "__weakref__", "_a", "_b", "_changed", "_grad", "_name", "_requires_grad", "op", "order", "params", "scope",
    )  # fmt: skip
    data: Any
    _a: Any
    _b: Any
    _changed: int  # by the clock: when it was assigned, or computed anew by a replay; 0 if never; or one of the marks
    _grad: Any
    _name: str | None
    _requires_grad: bool
    op: Primitive | None
    order: int
    params: dict[str, Any]
    scope: tuple[str, ...]

    kind: ClassVar[str]  # how error messages call this class
    keeps_local_gradients: ClassVar[bool] = False  # from the forward pass on

    @property
    def name(self) -> str | None:
        """What drawings, listings and error messages call the node."""
        return self._name

    @name.setter
    def name(self, new: str | None) -> None:
        self._name = checked_name(new, self.kind)

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient is computed for it. It can be assigned on a leaf, before the leaf is used."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        on = checked_flag(on, "requires_grad")
        if on == self._requires_grad:
            return
        if self.op is not None:
            raise KindError(
                f"{self.describe()} was computed by {self.op.name}; requires_grad can be assigned on a leaf. "
                f"Write t.detach() for a constant, or make a new leaf from the numbers, as in {self.kind}(t.data)"
            )
        if on:
            self._refuse_integers()
            self._changed = ASSIGNED[0] = THAWED[0] = next(CLOCK)
            self.params = {"constant_until": self._changed}  # what it led to before was not recorded
        self._requires_grad = on

    @property
    def grad(self) -> Any:
        """The gradient; `None` until a backward pass arrives."""
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        self._grad = None if new is None else self._checked_gradient(new)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes it was computed from, in written order; none for a leaf."""
        a, b = self._a, self._b
        if a is None:
            return ()
        return a if a.__class__ is tuple else (a,) if b is None else (a, b)

    @inputs.setter
    def inputs(self, nodes: tuple[Node, ...]) -> None:
        self._a, self._b = (
            nodes if len(nodes) == 2 else (*nodes, None) if len(nodes) == 1 else (nodes or None, None)
        )

    def backward(self, gradient: Any = None) -> None:
        """Run the backward pass from here: every node that led here gets its `.grad`.

        Leaves add the new gradient to what they hold (call `zero_grad()` between steps of training);
        the nodes between hold the gradient of the latest pass alone. `gradient` is the gradient
        of something further on by this node, in this node's shape; it is 1 for a scalar and has to
        be given otherwise. If the pass fails, no `.grad` has changed.

        Raises `ShapeError` for a gradient of the wrong shape or a missing one, `GradientError` where
        no gradient can flow (a constant) or an input was changed after it was used.

        >>> from chainrule.autograd import Value
        >>> x = Value(3.0)
        >>> y = x * x * x
        >>> y.backward()
        >>> x.grad
        27.0
        >>> y.backward()
        >>> x.grad
        54.0
        """
        from .backward import backward

        backward(self, gradient)

    def register_hook(self, function: Callable[[Any], Any]) -> Handle:
        """Have `function` called with this node's gradient in each backward pass, when it is complete.

        It gets what `.grad` would be (a read-only copy; a node under `create_graph`), without what earlier passes
        left on a leaf. If it returns something, that takes the gradient's place, here and on the way on; it needs
        the same shape. `gradients()` and the transforms call hooks, too, on the nodes that they pass through.
        `handle.remove()` ends it; until then a function that refers to the node keeps it alive. If NaNs make the
        engine repeat a pass, hooks are called again.

        Raises `KindError` for a constant, and in the pass `ShapeError` or `KindError` for a wrong replacement.

        >>> from chainrule.autograd import Value
        >>> x = Value(3.0)
        >>> y = x * x
        >>> handle = y.register_hook(lambda g: 10 * g)
        >>> y.backward()
        >>> x.grad
        60.0
        """
        from .hooks import register_hook

        return register_hook(self, function)

    def __copy__(self) -> Node:
        from ..debug.copying import shallow

        return shallow(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Node:
        from ..debug.copying import deepcopy

        return deepcopy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        from ..debug.copying import reduce

        return reduce(self)

    def __setstate__(self, state: Any) -> None:
        from ..debug.copying import set_state

        set_state(self, *state[1:])

    def zero_grad(self) -> None:
        """Forget the gradient: `.grad` is `None` again, as before any pass."""
        self._grad = None

    def local_gradients(self) -> tuple[Any, ...]:
        """The derivative of this node by each of its inputs, one entry per input, in written order.

        A float for a `Value`; for an elementwise `Tensor` operation an array that broadcasts to the
        output's shape; `None` for a structural one, whose Jacobian is never formed. A leaf has none.

        >>> from chainrule.autograd import Value
        >>> (Value(2.0) * Value(-3.0)).local_gradients()
        (-3.0, 2.0)
        """
        raise NotImplementedError

    def exp(self) -> Any:
        """The function `exp` as a method."""
        return p.exp(self)

    def log(self) -> Any:
        """The function `log` as a method."""
        return p.log(self)

    def sqrt(self) -> Any:
        """The function `sqrt` as a method."""
        return p.sqrt(self)

    def tanh(self) -> Any:
        """The function `tanh` as a method."""
        return p.tanh(self)

    def sigmoid(self) -> Any:
        """The function `sigmoid` as a method."""
        return p.sigmoid(self)

    def relu(self) -> Any:
        """The function `relu` as a method."""
        return p.relu(self)

    def item(self) -> Any:
        """The value as a plain Python number."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        from ..debug.display import node_html

        return node_html(self)

    def __float__(self) -> float:
        if self._requires_grad:
            CONVERTED[0] = next(CLOCK)
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        return bool(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __round__(self, decimals: int = 0) -> Any:
        from ..numpy_api.compositions import BY_NAME

        return BY_NAME["np.round"](self, decimals or 0)

    def _no_bits(self, other: Any = None) -> Any:
        raise KindError(
            f"^, &, | and ~ work on bits and booleans, not on {self.describe()}. Power is **, as in x ** 2. "
            f"They combine masks, each in brackets: (t > 0) & (t < 1)"
        )

    __xor__ = __rxor__ = __and__ = __rand__ = __or__ = __ror__ = __invert__ = _no_bits

    def _refuse_conversion(self, instead: str) -> None:
        """The lesson for `np.asarray(node)` and its like, which would drop the gradient without a word."""
        asker = sys._getframe(2).f_globals.get("__name__", "")
        # an assertion of numpy.testing only compares numbers
        if self._requires_grad and not asker.startswith("numpy.testing"):
            raise KindError(
                f"NumPy asked for the plain data of {self.describe()}, which would lose its gradient. "
                f"Write {instead}"
            )

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ..numpy_api.dispatch import call_function

        return call_function(func, args, kwargs)

    # What the backward pass asks of a node; see backward.py.
    def _pass_back(self, g: Any, wanted: list[int], zero_safe: bool) -> Iterable[tuple[int, Any]]:
        """The contribution of the gradient `g` at this node to each input that is wanted, as plain numbers."""
        raise NotImplementedError

    def _pass_back_recorded(self, g: Any, wanted: list[int], zero_safe: bool) -> Iterable[tuple[int, Any]]:
        """The same, computed with nodes, so that the result can be differentiated again."""
        raise NotImplementedError

    @classmethod
    def _receive(cls, totals: dict[Node, Any]) -> None:
        """Write the gradients of a pass to the `.grad` of its nodes."""
        raise NotImplementedError

    def _shows_inputs(self) -> bool:
        """Whether its numbers are those of its input, in the same memory: a view."""
        return False

    def _refuse_integers(self) -> None:
        """Raise where the numbers are integers or booleans, which have no gradient."""

    def _checked_gradient(self, gradient: Any) -> Any:
        """A gradient of this node that a user gave, as the engine keeps it."""
        raise NotImplementedError

    def _own(self, g: Any) -> Any:
        """A gradient of this node as something that nobody else holds."""
        return g

    def _zero(self) -> Any:
        """A gradient of zero: nothing depends on this node."""
        raise NotImplementedError

    @classmethod
    def _constant(cls, data: Any) -> Node:
        """A plain number or array as a constant of this class."""
        raise NotImplementedError

    def _upstream(self, gradient: Any) -> Any:
        """The gradient to start from, checked against this node."""
        raise NotImplementedError

    def describe(self) -> str:
        """A few words for error messages: kind, name, shape and dtype."""
        raise NotImplementedError


def describe(x: Any) -> str:
    """A few words about any object for an error message."""
    if isinstance(x, Node):
        return x.describe()
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if shape is not None:
        kind = type(x).__module__.partition(".")[0]
        if kind == "numpy":
            return f"an array of shape {shape} and dtype {dtype}"
        ways = [f"x.{way}()" for way in ("to_numpy", "toarray") if hasattr(x, way)]
        return (
            f"a {kind} {type(x).__name__} of shape {shape} (as an array it is {(*ways, 'np.asarray(x)')[0]})"
        )
    text = repr(x)
    return f"{type(x).__name__} {text if len(text) < 50 else text[:47] + '...'}"


def checked_name(name: Any, kind: str) -> str | None:
    """A name, if it is a text."""
    if name is None or isinstance(name, str):
        return name
    raise KindError(
        f"the name of a {kind} is a text; given {describe(name)}. Write {kind}(data, name='w'). "
        f"What a node was computed from is recorded by the operations themselves, as in c = a * b"
    )


def checked_flag(on: Any, what: str) -> bool:
    """True or False, if it is one of them."""
    if isinstance(on, (bool, np.bool_)):
        return bool(on)
    raise KindError(f"{what} is True or False; given {describe(on)}")


def refuse_no_function(f: Any, what: str) -> None:
    """Raise where `f` cannot be called."""
    if not callable(f):
        raise KindError(
            f"{what} takes a function; given {describe(f)}. Write {what}(f), where f computes it from its arguments; "
            f"the gradients of a node that exists are gradients(node, inputs)"
        )


def refuse_parameters(op: Primitive, params: dict[str, Any]) -> None:
    """Raise where a parameter, which is not differentiated, is a node that wants a gradient."""
    for name, x in params.items():
        if isinstance(x, Node) and x.requires_grad:
            raise KindError(
                f"{op.name} takes {name} as a plain number: it is not differentiated, and the gradient of "
                f"{x.describe()} would be lost. Write {name}={x.name or 'v'}.item() for the number, or spell the "
                f"function out, as in where(x > 0, x, slope * x), for the gradient"
            )


def refuse_mixture(op: Primitive, inputs: tuple[Any, ...]) -> KindError:
    """The lesson for a `Value` and a `Tensor` in one operation."""
    given = " and ".join(describe(x) for x in inputs)
    return KindError(
        f"{op.name} was given {given}. Value and Tensor do not mix silently: a Value is one float, a Tensor an "
        f"array, and each records its own graph. Make both the same kind, for example Tensor(v.data) for a "
        f"Value v, or Value(t.item()) for a Tensor t with one element (both start a new graph). A number given to "
        f"grad or its like is a Value inside; give np.array(2.0) for a Tensor"
    )
