"""`Node`: the common base of `Value` and `Tensor`, with what users call.

The part that the engine uses is `engine/node.py`. This file has the properties that can be assigned, the backward pass
as a method, copies and pickles, conversions to plain numbers, and NumPy's functions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .. import primitives as p
from ..debug.copying import deepcopy, reduce, set_state, shallow
from ..debug.display import node_html
from ..engine.backward import backward
from ..engine.hooks import Handle, register_hook
from ..engine.modes import MODE
from ..engine.node import CLOCK, BaseNode, describe
from ..engine.table import Primitive
from ..errors import GradientError, KindError
from ..errors.spelling import spelt
from ..numpy_api.compositions import BY_NAME
from ..numpy_api.dispatch import call_function, call_ufunc
from .misspelt import Misspellings


class Node(BaseNode, Misspellings):
    """The common base of `Value` and `Tensor`: the recorded operation, a gradient, and the backward pass.

    Attributes:
        data: the value, a float or an ndarray.
        grad: the gradient of the latest output that `backward()` was called on with respect to this node; for leaves
            the sum over all passes. `None` until a pass reaches the node, which is not the same as zero.
        op: the row of the table that computed this node; `None` for a leaf.
        inputs: the nodes it was computed from, in written order; a node that was written twice is there twice.
        params: the arguments of the operation that are not differentiated (an axis, a shape).
        name, scope: its name in drawings and printed programs, and the titles of the scopes around it.
        requires_grad: whether a gradient is computed for it; a leaf for which it is False is a constant.
        order: its time of creation, as a count.
    """

    __slots__ = ()

    def __dir__(self) -> list[str]:
        """The attributes, without the misspelt ones that `misspelt.py` answers."""
        own = getattr(self, "__dict__", ())
        return [name for name in super().__dir__() if name in own or hasattr(type(self), name)]

    @property
    def name(self) -> str | None:
        """The name of the node in drawings, printed programs and error messages."""
        return self._name

    @name.setter
    def name(self, new: str | None) -> None:
        self._name = checked_name(new, self.kind)

    label = property(
        lambda self: self.name,
        lambda self, new: setattr(self, "name", new),
        doc="The name, as micrograd calls it.",
    )

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
            self._changed = CLOCK.assigned = CLOCK.thawed = CLOCK.tick()
            self.params = {
                "constant_until": self._changed
            }  # results computed from it before were not recorded
        self._requires_grad = on

    @property
    def grad(self) -> Any:
        """The gradient; `None` until a backward pass reaches the node."""
        g = self._grad
        return known(self, g) if g.__class__ is Withheld else g

    @grad.setter
    def grad(self, new: Any) -> None:
        self._grad = None if new is None else self._checked_gradient(new)

    @spelt
    def backward(self, gradient: Any = None) -> None:
        """Run the backward pass from this node: every node that it depends on gets its `.grad`.

        For leaves the new gradient is added to the old one (call `zero_grad()` between steps of training); computed
        nodes hold the gradient of the latest pass only. `gradient` is the upstream gradient: that of a later result
        with respect to this node, in the shape of this node. It is 1 for a scalar and has to be given otherwise. If
        the pass raises an error, no `.grad` has changed.

        Raises `ShapeError` for a gradient that is missing or has the wrong shape, `GradientError` for a constant or
        if an input was changed after it was used.

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
        backward(self, gradient)

    def pass_back(self) -> None:
        """Add what this node alone passes back to the `.grad` of its inputs: one step of the backward pass, by hand.

        The contribution to each input is the gradient of this node times the local gradient. Called on the output,
        whose `.grad` is set to 1 first, and on every node before it in reverse dependency order, it does what
        `backward()` does. A leaf passes nothing back, a constant gets nothing.

        Raises `GradientError` while the node has no gradient.

        >>> from chainrule.autograd import Value
        >>> a, b = Value(2.0), Value(-3.0)
        >>> c = a * b
        >>> d = c + a
        >>> d.grad = 1.0
        >>> d.pass_back()
        >>> c.grad, a.grad, b.grad
        (1.0, 1.0, None)
        >>> c.pass_back()
        >>> a.grad, b.grad
        (-2.0, 2.0)
        """
        if self._grad is None:
            raise GradientError(
                f"{self.describe()} has no gradient to pass back. Begin at the output, as in loss.grad = 1.0, then "
                f"loss.pass_back(), and go on with the nodes before it, each after all that use it"
            )
        inputs = self.inputs  # none of a leaf
        wanted = [i for i, x in enumerate(inputs) if x._requires_grad]
        for i, c in self._pass_back(self.grad, wanted, True) if wanted else ():
            x = inputs[i]
            x.grad = c if x.grad is None else x.grad + c

    def register_hook(self, function: Callable[[Any], Any]) -> Handle:
        """Call `function` with the gradient of this node in each backward pass, when the gradient is complete.

        The function gets the gradient of this pass (a read-only copy; a node under `create_graph`), without the
        gradients of earlier passes on a leaf. If it returns something, that replaces the gradient, here and in what is
        passed back from here; it needs the same shape. `gradients()` and the transforms call hooks, too, on the nodes
        that their passes reach. `handle.remove()` removes the hook; until then a function that refers to the node keeps
        it alive. If the engine repeats a pass because of NaNs, hooks are called again.

        Raises `KindError` for a constant, and in the pass `ShapeError` or `KindError` for a wrong replacement.

        >>> from chainrule.autograd import Value
        >>> x = Value(3.0)
        >>> y = x * x
        >>> handle = y.register_hook(lambda g: 10 * g)
        >>> y.backward()
        >>> x.grad
        60.0
        """
        watch = MODE.get()[2]
        if watch is not None and watch.follows:
            watch.refuse(
                "registers a hook, which a replay would not call. Register it on a result or an argument"
            )
        return register_hook(self, function)

    def __copy__(self) -> Node:
        return shallow(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Node:
        return deepcopy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return reduce(self)

    def __setstate__(self, state: Any) -> None:
        set_state(self, *state[1:])

    @spelt
    def zero_grad(self) -> None:
        """Delete the gradient: `.grad` is `None` again, as before the first pass."""
        self._grad = None

    def local_gradients(self) -> tuple[Any, ...]:
        """The derivative of this node with respect to each of its inputs, one entry per input, in written order.

        A float for a `Value`; for an elementwise `Tensor` operation an array that broadcasts to the shape of the
        output; `None` for a structural operation, whose Jacobian is not computed. The tuple of a leaf is empty.

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
        return node_html(self)

    def __float__(self) -> float:
        if self._requires_grad:
            CLOCK.converted = CLOCK.tick()
        self._note_read("float()")
        return float(self.item())

    def __int__(self) -> int:
        self._note_read("int()")
        return int(self.item())

    def __bool__(self) -> bool:
        self._note_read("bool()")
        return bool(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __round__(self, decimals: int = 0) -> Any:
        return BY_NAME["np.round"](self, decimals or 0)

    def _note_read(self, how: str) -> None:
        """Refuse to give plain numbers to a recording that will be replayed: a replay would repeat them."""
        watch = MODE.get()[2]
        if watch is not None and watch.follows:
            watch.read(self, how)

    def _note_assigned(self) -> None:
        """Refuse an assignment in such a recording: a replay would not repeat it."""
        watch = MODE.get()[2]
        if watch is not None and watch.follows:
            watch.assigned(self)

    def _no_bits(self, other: Any = None) -> Any:
        raise KindError(
            f"^, &, | and ~ work on bits and booleans, not on {self.describe()}. Power is **, as in x ** 2. "
            f"They combine masks, each in brackets: (t > 0) & (t < 1)"
        )

    __xor__ = __rxor__ = __and__ = __rand__ = __or__ = __ror__ = __invert__ = _no_bits

    def _refuse_conversion(self, instead: str) -> None:
        """Raise for `np.asarray(node)` and similar calls, which would lose the gradient silently."""
        if self._requires_grad:
            raise KindError(
                f"NumPy asked for the plain data of {self.describe()}, which would lose its gradient. "
                f"Write {instead}"
            )

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_function(func, args, kwargs)

    def _call_ufunc(
        self, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        return call_ufunc(ufunc, method, inputs, options)


class Withheld:
    """In the place of a gradient that was computed and cannot be read; a later pass takes its place."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __add__(self, g: Any) -> Any:
        return g


withheld_for = lru_cache(Withheld)


def withhold(leaf: Any, reason: str) -> None:
    """Make `leaf.grad` raise `GradientError` with this reason until it is deleted or a pass writes another."""
    leaf._grad = withheld_for(reason)


def is_withheld(leaf: Any) -> bool:
    """Whether `leaf.grad` would raise for such a reason."""
    return leaf._grad.__class__ is Withheld


def known(leaf: Any, g: Any) -> Any:
    """The gradient `g` of a node, which may be read."""
    if g.__class__ is Withheld:
        raise GradientError(f"the gradient of {leaf.describe()} cannot be read: {g.reason}")
    return g


def checked_name(name: Any, kind: str) -> str | None:
    """`name`, if it is a string or `None`; raises otherwise."""
    if name is None or isinstance(name, str):
        return name
    raise KindError(
        f"the name of a {kind} is a text; given {describe(name)}. Write {kind}(data, name='w'). "
        f"What a node was computed from is recorded by the operations themselves, as in c = a * b"
    )


def checked_flag(on: Any, what: str) -> bool:
    """`on` as True or False; raises if it is neither."""
    if isinstance(on, (bool, np.bool_)):
        return bool(on)
    raise KindError(f"{what} is True or False; given {describe(on)}")


def refuse_mixture(op: Primitive, inputs: tuple[Any, ...]) -> KindError:
    """The error for a `Value` and a `Tensor` in one operation."""
    given = " and ".join(describe(x) for x in inputs)
    return KindError(
        f"{op.name} was given {given}. Value and Tensor do not mix silently: a Value is one float, a Tensor an "
        f"array, and each records its own graph. Make both the same kind, for example Tensor(v.data) for a "
        f"Value v, or Value(t.item()) for a Tensor t with one element (both start a new graph). A number given to "
        f"grad or its like is a Value inside; give np.array(2.0) for a Tensor"
    )
