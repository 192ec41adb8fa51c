"""Names for libraries built on the engine, beside `chainrule.autograd`: `chainrule.nn` and `chainrule.viz` use them.

Layers open scopes, draw random numbers and update statistics; losses describe their arguments in error messages;
drawings show rules as text. The names below are public for such code. Rows of the table are
`chainrule.autograd.TABLE["softmax"]` and so on; the error classes are in `chainrule.autograd`.

- For error messages and reports: `describe`, `readable_size`.
- For recording and scopes: `recording`, `is_recording`, `enter_scope`, `leave_scope`.
- For the user's source: `line_of`, `Line`.
- For random numbers and statistics: `drawing_from`, `redrawn`, `recomputing`, `surround_checks`.
- For forwards on arrays: `shifted_exp`.
- For formulas, compiled: `in_place` and `InPieces` on arrays, `on_floats`.
- For rules as text: `rule_texts`, `MANY_INPUTS`; for passes in a page: `javascript_module`, `javascript_expression`.
- For files: `write_atomically`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Any

from .debug.files import write_atomically
from .debug.lines import Line, line_of
from .engine.modes import MODE, recording
from .engine.node import describe
from .graph.memory import _readable
from .graph.tape import MANY_INPUTS, rule_texts
from .primitives import shifted_exp
from .program.module import javascript_expression, javascript_module
from .replay.in_pieces import InPieces
from .replay.in_place import in_place
from .replay.on_floats import on_floats
from .replay.tensor_replay import redrawn
from .transforms.check import AROUND
from .transforms.recomputing import drawing_from, recomputing

__all__ = [
    "MANY_INPUTS",
    "InPieces",
    "Line",
    "describe",
    "drawing_from",
    "enter_scope",
    "in_place",
    "is_recording",
    "javascript_expression",
    "javascript_module",
    "leave_scope",
    "line_of",
    "on_floats",
    "readable_size",
    "recomputing",
    "recording",
    "redrawn",
    "rule_texts",
    "shifted_exp",
    "surround_checks",
    "write_atomically",
]


def is_recording() -> bool:
    """Whether operations on nodes are recorded now.

    >>> from chainrule.autograd import no_grad
    >>> from chainrule.autograd.extending import is_recording
    >>> with no_grad():
    ...     inside = is_recording()
    >>> is_recording(), inside
    (True, False)
    """
    return MODE.get()[0]


def enter_scope(title: str) -> Token[Any]:
    """Open a scope as `with scope(title)` does, in half the time; `leave_scope` has to be called to close it.

    For code that opens a scope in every call, such as a module.

    >>> from chainrule.autograd import Value
    >>> from chainrule.autograd.extending import enter_scope, leave_scope
    >>> x, before = Value(3.0), enter_scope("layer 1")
    >>> try:
    ...     y = x * x
    ... finally:
    ...     leave_scope(before)
    >>> y.scope, (x * x).scope
    (('layer 1',), ())
    """
    recording, titles, watch = MODE.get()
    return MODE.set((recording, (*titles, title), watch))


def leave_scope(before: Token[Any]) -> None:
    """Close the scope that `enter_scope` opened and returned `before` for."""
    MODE.reset(before)


def surround_checks(block: Callable[[Any], AbstractContextManager[None]]) -> None:
    """Run the functions of all later gradient checks within `block(function)`.

    `block` returns a context manager that restores the state that the function changes, such as the running statistics
    of a layer. `chainrule.nn` registers `nn.unchanged`.
    """
    AROUND.append(block)


def readable_size(size: float) -> str:
    """A number of bytes as text, in units of 1000.

    >>> from chainrule.autograd.extending import readable_size
    >>> readable_size(25_600)
    '25.6 kB'
    """
    return _readable(size)
