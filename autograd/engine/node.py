"""A node of the graph: a result with the operation and the inputs that it was computed from.

A node refers only to its inputs. It can pass a gradient back to each of them; `backward.py` walks the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import KindError
from .modes import MODE
from .operators import Operators
from .table import Primitive

if TYPE_CHECKING:
    from ..nodes.node import Node


class Clock:
    """Counts what happens to nodes: a node is made after its inputs, so sorting by time is a dependency order.

    Attributes:
        tick: a function that gives the next time.
        assigned: when `.data` or `.requires_grad` of any leaf was last assigned.
        converted: when a node that requires a gradient was last converted to a plain float.
        thawed: when a constant was last made differentiable.
    """

    __slots__ = ("assigned", "converted", "thawed", "tick")

    def __init__(self) -> None:
        self.tick = count(1).__next__
        self.assigned = self.converted = self.thawed = 0


CLOCK = Clock()  # one for all nodes, of all threads
NO_PARAMS: dict[str, Any] = {}  # of all nodes without parameters; nothing is written to it
# in the place of the time when a node was changed
UNRECORDED = -1  # it was computed, but from constants or under no_grad()
MET = -2  # it was made of plain numbers beside a node in an expression


class BaseNode(Operators):
    """The slots of a node and the methods that the engine calls. The methods for users are in `nodes/node.py`."""

    # `_a` and `_b` are the inputs of most operations: two slots take half the memory of a tuple, and the garbage
    # collector has one object less to visit. If there are more inputs, `_a` is a tuple of them all.
    # The attributes that users assign (data, grad, name, requires_grad) are properties; the engine uses the slots.
    __slots__ = (
        "__weakref__", "_a", "_b", "_changed", "_grad", "_name", "_requires_grad", "op", "order", "params", "scope",
    )  # fmt: skip
    data: Any
    _a: Any
    _b: Any
    _changed: int  # the time of its latest assignment or replay; 0 if there was none; or one of the marks
    _grad: Any
    _name: str | None
    _requires_grad: bool
    op: Primitive | None
    order: int
    params: dict[str, Any]
    scope: tuple[str, ...]

    kind: ClassVar[str]  # the name of the class in error messages
    _data_slot: ClassVar[str]  # the slot with its numbers
    keeps_local_gradients: ClassVar[bool] = False  # whether they are computed in the forward pass

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

    # The methods that the backward pass calls; see backward.py.
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
        """Whether it is a view: its numbers are in the memory of its input."""
        return False

    def _refuse_integers(self) -> None:
        """Raise if the numbers are integers or booleans, which have no gradient."""

    def _checked_gradient(self, gradient: Any) -> Any:
        """A gradient that a user gave, checked and converted to the form that the engine uses."""
        raise NotImplementedError

    def _own(self, g: Any) -> Any:
        """A gradient of this node as an object that nothing else refers to."""
        return g

    def _zero(self) -> Any:
        """A gradient of zero, of an output that does not depend on this node."""
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


def numbers(x: Any) -> Any:
    """The numbers of a node, for a shape, a dtype or an error message; anything else as it is.

    `.data` is for results that depend on the numbers: there a recording that will be replayed refuses it.
    """
    return getattr(x, x._data_slot) if isinstance(x, BaseNode) else x


def following() -> Any:
    """The recording that is being made for replays, which follows every operation; `None` if there is none."""
    watch = MODE.get()[2]
    return watch if watch is not None and watch.follows else None


def each_time(function: Callable[..., Any], *nodes: Any, repeated: bool = False) -> None:
    """Call `function` with the numbers of these nodes: a check that may raise, or an update of statistics.

    If they are part of a recording that will be replayed, each replay calls it again with the new numbers. Plain
    numbers and arrays may be among them. A check is `repeated` where an operation on the nodes raises for the same
    numbers; then a replay calls it only after an error of an operation, for its message.

    >>> from chainrule.autograd import jit
    >>> from chainrule.autograd.extending import each_time
    >>> seen = []
    >>> double = jit(lambda x: each_time(seen.append, x) or 2 * x)
    >>> double(1.0), double(3.0), seen
    (2.0, 6.0, [1.0, 3.0])
    """
    watch = following()
    if watch is not None and any(isinstance(x, BaseNode) for x in nodes):
        watch.again(function, nodes, repeated)
    function(*map(numbers, nodes))


def describe(x: Any) -> str:
    """A few words about any object for an error message."""
    if isinstance(x, BaseNode):
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
    text = repr(x).strip().partition("\n")[0].rstrip()  # of a table or a network the first line
    return f"{type(x).__name__} {text if len(text) < 50 else text[:47] + '...'}"


def refuse_parameters(op: Primitive, params: dict[str, Any]) -> None:
    """Raise where a parameter, which is not differentiated, is a node that requires a gradient."""
    for name, x in params.items():
        if isinstance(x, BaseNode) and x._requires_grad:
            raise KindError(
                f"{op.name} takes {name} as a plain number: it is not differentiated, and the gradient of "
                f"{x.describe()} would be lost. Write {name}={x._name or 'v'}.item() for the number, or spell the "
                f"function out, as in where(x > 0, x, slope * x), for the gradient"
            )
