"""`record_lines()`: which line of the user's source recorded each node.

While the mode is on, a watch stores file, line and function of each recorded node. While it is off, an operation only
tests whether there is a watch.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from ..engine.modes import MODE, Block
from ..engine.table import Primitive

if TYPE_CHECKING:
    from ..nodes.node import Node

__all__ = ["Line", "line_of", "note_line", "record_lines"]

SKIPPED = (__name__.partition(".")[0], "numpy")  # packages whose frames are not the user's
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")  # are functions of their own up to Python 3.11


class Line(NamedTuple):
    """A line of source that recorded a node: `file` as Python names it, `number` from 1, and the `function` around it.

    Code outside of functions has the function `"<module>"`, a lambda `"<lambda>"`.
    """

    file: str
    number: int
    function: str


# The line that recorded a node, by the node's order; deleted with the node. It is global because lines outlive the
# block, for steppers, replays and backward passes in later ones; a slot would take 8 bytes of every node.
LINES: dict[int, tuple[ref[Node], Line]] = {}


def record_lines() -> Block:
    """Store for each node recorded inside which line of your source recorded it, so that `step` can show the code.

    It is the line of the innermost call that is neither in chainrule nor in NumPy: for a layer of `chainrule.nn` the
    line that calls the model. `chainrule.viz.step(loss, source=True)` shows it, and
    `chainrule.autograd.extending.line_of(node)` returns it. Works as a `with` block and as a decorator, for its own
    thread only; in a block of `detect_nonfinite()` lines are stored, too. Recording takes longer inside, and is as fast
    as ever outside. A line is deleted with its node.

    >>> from chainrule.autograd import Value, record_lines
    >>> from chainrule.autograd.extending import line_of
    >>> x = Value(3.0)
    >>> with record_lines():
    ...     y = x * x
    >>> line_of(y) is None, line_of(x * x) is None
    (False, True)
    """
    return _Lines("watch", LineWatch())


def line_of(node: Node) -> Line | None:
    """The line of the user's source that recorded a node: its `file`, `number` and `function`.

    `None` for leaves, for copies, and for what was recorded outside of `record_lines()` and `detect_nonfinite()`.

    >>> from chainrule.autograd import Value, record_lines
    >>> from chainrule.autograd.extending import line_of
    >>> with record_lines():
    ...     y = Value(3.0) * 2
    >>> line_of(y)._fields, line_of(Value(3.0))
    (('file', 'number', 'function'), None)
    """
    found = LINES.get(node.order)
    return None if found is None else found[1]


def note_line(node: Node) -> Line | None:
    """The line that runs now, which is stored if it has recorded the node; `None` where no frame is the user's."""
    line = users_line()
    if node.inputs and line is not None:
        order = node.order
        LINES[order] = (ref(node, lambda _: LINES.pop(order, None)), line)
    return line


class LineWatch:
    """Stores the line of each recorded node, and checks nothing."""

    __slots__ = ()
    values = False  # whether numbers are checked as well
    follows = False  # whether it makes a recording that will be replayed

    def forward(self, node: Node, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> None:
        """Store the line: `op` has computed `node`, which is a leaf if nothing was recorded."""
        note_line(node)


class _Lines(Block):
    """A block that leaves a watch that is on already in its place, for every watch stores lines."""

    __slots__ = ()

    def __enter__(self) -> None:
        watch = MODE.get()[2]
        if watch is None:
            super().__enter__()
        else:
            self.before.append(watch)


def users_line() -> Line | None:
    """The innermost call that is in the user's own source."""
    for frame, number in traceback.walk_stack(inspect.currentframe()):
        if frame.f_globals.get("__name__", "").partition(".")[0] in SKIPPED:
            continue
        around = frame
        while around.f_code.co_name in COMPREHENSIONS and around.f_back is not None:
            around = around.f_back
        return Line(frame.f_code.co_filename, number, around.f_code.co_name)
    return None
