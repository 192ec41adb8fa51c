"""`Value`: one float in a graph, for networks that can be read number by number.

The local gradients of a value are computed when it is made. They are plain floats, so the backward pass only multiplies
and adds, and a leaf that is assigned later does not change them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.modes import MODE, recording
from ..engine.node import CLOCK, NO_PARAMS, UNRECORDED, describe, following, numbers, refuse_parameters
from ..engine.recording import bind_operators, record_many_values, record_values, record_values_with_options
from ..engine.table import Primitive
from ..engine.vjp import times
from ..errors import KindError, ShapeError
from ..errors.lessons import lesson
from ..errors.spelling import respelt, spelt
from ..primitives import positive
from .growth import MANY, warn_if_growing
from .names import add_names
from .node import Node, checked_flag, checked_name, refuse_mixture

__all__ = ["Value"]

Float = float | int | np.floating | np.integer


class Value(Node):
    """One number that records the operation and the inputs that it was computed from.

    `data` is any real number and is held as a Python float. `name` is its name in drawings and printed programs. A
    value with `requires_grad=False` is a constant. Python numbers in an expression become constants.

    Raises `KindError` for anything that is not a real number.

    >>> from chainrule.autograd import Value
    >>> a = Value(2.0, name="a")
    >>> b = Value(-3.0, name="b")
    >>> c = a * b + a**2
    >>> c
    Value(-2.0)
    >>> c.backward()
    >>> a.grad, b.grad
    (1.0, 2.0)
    """

    # the local gradients with respect to `_a` and `_b`; if `_a` is a tuple of all inputs, `_slope_a` is a tuple, too
    __slots__ = ("_number", "_slope_a", "_slope_b")
    _number: float
    _slope_a: Any
    _slope_b: float | None
    kind = "Value"
    _data_slot = "_number"
    keeps_local_gradients = True

    if TYPE_CHECKING:  # what the operators and methods of all nodes return here

        @property
        def grad(self) -> float | Any: ...  # `None` before a pass; Any, so that arithmetic needs no check
        @grad.setter
        def grad(self, new: Any) -> None: ...

        def __add__(self, other: Value | Float) -> Value: ...

        __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __add__
        __pow__ = __rpow__ = __mod__ = __rmod__ = __add__

        def __neg__(self) -> Value: ...

        __pos__ = __abs__ = exp = log = sqrt = tanh = sigmoid = relu = __neg__

    if TYPE_CHECKING:

        def __init__(self, data: Float, name: str | None = None, requires_grad: bool = True) -> None: ...

    else:

        @spelt
        def __init__(
            self, data: Float, name: str | None = None, requires_grad: bool = True, **others: Any
        ) -> None:
            if others:
                return respelt(Value.__init__, locals())
            self._number = data if data.__class__ is float else _as_float(data)
            self._grad = self.op = self._a = self._b = self._slope_a = self._slope_b = None
            self.params = NO_PARAMS
            self._name = None if name is None else checked_name(name, "Value")
            self._requires_grad = (
                True if requires_grad is True else checked_flag(requires_grad, "requires_grad")
            )
            self._changed = 0
            self.scope = MODE.get()[1]
            self.order = CLOCK.tick()

    @property
    def data(self) -> float:
        """The number, a Python float. On a leaf it can be assigned: `p.data -= lr * p.grad` is a step of descent."""
        self._note_read(".data")
        return self._number

    @data.setter
    def data(self, new: Float) -> None:
        if self.op is not None:
            raise KindError(
                f"{self.describe()} was computed by {self.op.name}; only the data of a leaf can be assigned. "
                f"Assign to the leaf and compute again, or take v.detach()"
            )
        self._note_assigned()
        self._number = _as_float(new)
        self._changed = CLOCK.assigned = CLOCK.tick()

    @property
    def locals(self) -> tuple[float | None, ...]:
        """The local gradients that were computed with the value: one for each input, `None` for a constant."""
        if self._a is None:
            return ()
        slope = self._slope_a
        slopes = (
            slope if self._a.__class__ is tuple else (slope,) if self._b is None else (slope, self._slope_b)
        )
        return tuple([None if slope is None else float(slope) for slope in slopes])

    @locals.setter
    def locals(self, slopes: tuple[float | None, ...]) -> None:
        self._slope_a, self._slope_b = (
            slopes if len(slopes) == 2 else (*slopes, None) if len(slopes) == 1 else (slopes or None, None)
        )

    @classmethod
    def _apply(cls, op: Primitive, inputs: tuple[Any, ...], params: dict[str, Any]) -> Value:
        requires_grad = False
        for x in inputs:
            if not isinstance(x, Value):
                return cls._apply(op, tuple([_lift(op, x, inputs) for x in inputs]), params)
            if x._requires_grad:
                requires_grad = True
        if params:
            refuse_parameters(op, params)
        if op.on_floats is None:
            given = describe(inputs[0])
            raise KindError(
                f"{op.name} works on arrays and was given {given}, which holds one number. "
                f"Use Tensor for arrays; on several Values use total(values) or dot(xs, ys)"
            )
        xs = [x._number for x in inputs]
        try:
            y = op.at_floats(*xs, **params) if params else op.at_floats(*xs)
        except TypeError as error:
            raise lesson(op, inputs, params, error) from None
        recorded, titles, watch = MODE.get()
        node = _new(Value)
        node._number = y if y.__class__ is float else float(y)
        node._grad = node._name = None
        node._changed = 0
        node.scope = titles
        node.order = CLOCK.tick()
        if requires_grad and recorded:
            node.op = op
            node.inputs = inputs
            node.params = params
            node.locals = op.slopes_at_floats(y, xs, params, [x._requires_grad for x in inputs])
            node._requires_grad = True
            _prepare(op, inputs[0].__class__, bool(params))
        else:
            node.op = node._a = node._b = node._slope_a = node._slope_b = None
            node.params = NO_PARAMS
            node._requires_grad = False
            node._changed = UNRECORDED
        if watch is not None:
            watch.forward(node, op, inputs, params)
        return node

    def _pass_back(self, g: float, wanted: list[int], zero_safe: bool) -> list[tuple[int, float]]:
        slopes = self.locals
        return [(i, times(g, slopes[i], zero_safe)) for i in wanted]

    def _pass_back_recorded(self, g: Any, wanted: list[int], zero_safe: bool) -> list[tuple[int, Any]]:
        passed = ((i, times(g, slope, zero_safe)) for i, slope in self._recorded_locals(wanted))
        return [(i, c if isinstance(c, Node) else self._constant(c)) for i, c in passed]

    def _recorded_locals(self, wanted: Sequence[int]) -> list[tuple[int, Any]]:
        """The local gradients as nodes; at a pole, where Python's floats raise, plain IEEE numbers."""
        op, inputs, params = self.op, self.inputs, self.params
        assert op is not None
        try:
            return list(op.each_rule(wanted, (self, *inputs), params))
        except (ValueError, ArithmeticError):
            return [(i, self._recorded_local(i)) for i in wanted]

    def _recorded_local(self, i: int) -> Any:
        op, xs = self.op, list(map(numbers, self.inputs))
        assert op is not None
        try:
            return op.rule(i, self, *self.inputs, **self.params)
        except (ValueError, ArithmeticError):
            return op.slopes_at_floats(self._number, xs, self.params, [k == i for k in range(len(xs))])[i]

    @classmethod
    def _receive(cls, totals: dict[Any, Any]) -> None:
        if len(totals) > MANY:
            warn_if_growing(totals)
        for node, g in totals.items():
            if node._a is not None:
                node._grad = g
            elif g is not None:
                node._grad = g if node._grad is None else node._grad + g

    def _zero(self) -> float:
        return 0.0

    @classmethod
    def _constant(cls, data: Any) -> Value:
        return Value(data, requires_grad=False)

    def _upstream(self, gradient: Any) -> float:
        return 1.0 if gradient is None else self._checked_gradient(gradient)

    def _checked_gradient(self, gradient: Any) -> float:
        if isinstance(gradient, Value):
            return gradient.data
        if isinstance(gradient, Node):
            raise KindError(f"the gradient at {self.describe()} is one number; given {describe(gradient)}")
        if isinstance(gradient, (list, tuple)) or np.ndim(gradient) != 0:
            raise ShapeError(f"the gradient at {self.describe()} is one number; given {describe(gradient)}")
        return _as_float(gradient)

    def local_gradients(self) -> tuple[float | None, ...]:
        if self.op is None:
            return ()
        xs = list(map(numbers, self.inputs))
        return self.op.slopes_at_floats(self._number, xs, self.params, [True] * len(xs))

    local_gradients.__doc__ = Node.local_gradients.__doc__

    def detach(self) -> Value:
        """The same number as a constant, with no history."""
        if following() is not None:  # each replay detaches the new number
            with recording(False):
                return positive(self)
        return Value(self.data, self.name, requires_grad=False)

    def item(self) -> float:
        """The number as a Python float."""
        self._note_read(".item()")
        return self._number

    def describe(self) -> str:
        return f"a Value {self.name + ' = ' if self.name else ''}{self._number:.6g}"

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name is not None else ""
        grad = f", grad={self.grad!r}" if self.grad is not None else ""
        return f"Value({self._number!r}{name}{grad})"

    def __iter__(self) -> Any:
        raise KindError(f"{self.describe()} is one number and cannot be iterated; a list of Values can")

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_conversion(
            "v.data for the number, keep several Values in a list for total(values), dot(xs, ys) and the like, or use "
            "Tensor for arrays"
        )
        return np.asarray(self.data, *args)


_new = object.__new__


def _as_float(x: Any) -> float:
    if type(x) is float:
        return x
    if isinstance(x, Node):
        raise KindError(
            f"Value(...) was given {describe(x)}, a node already. Use it as it is, or write Value(v.data) "
            f"for a new leaf with the same number"
        )
    if isinstance(x, np.ndarray) and x.ndim:
        raise KindError(
            f"a Value holds one number; given {describe(x)}. Use Tensor(array), or [Value(v) for v in array.flat]"
        )
    if isinstance(x, (str, bytes, list, tuple, np.ma.MaskedArray)) or np.iscomplexobj(x):
        masked = ", a masked array" if isinstance(x, np.ma.MaskedArray) else ""
        raise KindError(f"a Value holds one real number; given {describe(x)}{masked}")
    try:
        return float(x)
    except OverflowError:
        raise KindError(
            "a Value holds one float, at most 1.8e308; given an integer that is too large"
        ) from None
    except (TypeError, ValueError):
        raise KindError(f"a Value holds one real number; given {describe(x)}") from None


def _prepare(op: Primitive, kind: type, options: bool) -> None:
    """Store the function that records the row next time, for Values or a subclass such as the parameters of `nn`."""
    recorders = op.recorders_with_options if options else op.recorders
    if kind not in recorders:
        if options:
            recorders[kind] = record_values_with_options(op, Value)
        elif op.arity in (1, 2):
            recorders[kind] = record_values(op, Value, _lift)
        elif op.every is not None:
            recorders[kind] = record_many_values(op, Value, _lift)


def _lift(op: Primitive, x: Any, inputs: tuple[Any, ...]) -> Value:
    """The operand `x` of a row as a Value: a plain number becomes a constant."""
    if x.__class__ is float or x.__class__ is int:
        node = _new(Value)
        try:
            node._number = float(x)
        except OverflowError:
            node._number = _as_float(x)  # raises the error that it is too large
        node._grad = node.op = node._a = node._b = node._slope_a = node._slope_b = node._name = None
        node.params = NO_PARAMS
        node._requires_grad = False
        node._changed = 0
        node.scope = MODE.get()[1]
        node.order = CLOCK.tick()
        return node
    if isinstance(x, Value):
        return x
    if isinstance(x, Node):
        raise refuse_mixture(op, inputs)
    if isinstance(x, np.ndarray) and x.ndim:
        raise KindError(
            f"{op.name} was given {describe(x)} beside a Value, which is one number. Use Tensor for arrays, or a "
            f"list of Values: [v * x for x in array]. A number given to grad or its like is a Value inside; give "
            f"np.array(2.0) for a Tensor"
        )
    if isinstance(x, (int, float, np.number, np.bool_, np.ndarray)):
        return Value(_as_float(x), requires_grad=False)
    raise KindError(f"{op.name} takes numbers and Values; given {describe(x)}")


bind_operators(Value, lambda row: record_values(row, Value, _lift), _lift)
add_names(Value)
