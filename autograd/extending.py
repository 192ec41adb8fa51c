"""Names for libraries built on the engine, beside `chainrule.autograd`: `chainrule.nn` and `chainrule.viz` use them.

Layers open scopes, draw random numbers and update statistics; losses describe their arguments in error messages;
drawings show rules as text. The names below are public for such code. Rows of the table are
`chainrule.autograd.TABLE["softmax"]` and so on; the error classes are in `chainrule.autograd`.

- For error messages and reports: `describe`, `readable_size`; for misspelt names `spelt`, `like`, `nearest`,
  `word_refused`, `refuse_keywords`, `refused_call`, `named_in`, `absent`, `Answering`, and `habit` and `names_of`, the
  names of other libraries; for the types of results `of_kind`.
- For recording and scopes: `recording`, `is_recording`, `enter_scope`, `leave_scope`.
- For the user's source: `line_of`, `users_line`, `Line`.
- For random numbers and statistics: `drawing_from`, `redrawn`, `recomputing`.
- For gradient checks: `surround_checks`, `CheckReport`, `lost_part`.
- For recordings that are replayed, by `jit` and by training: `each_time`, `only_while`, `read_anew`, `converted`,
  `numbers`, `following`, `is_watched`, `assigned_at`, `time_of_assignment`, `withhold`, `is_withheld`, `GivenUp`,
  `Following`, `Recorded`, `State`, `leaf_for`, `kind_of`, `backend_for`.
- For forwards on arrays: `shifted_exp`.
- For formulas, compiled: `in_place` and `InPieces` on arrays, `on_floats`.
- For rules as text: `rule_texts`, `MANY_INPUTS`; for passes in a page: `javascript_module`, `javascript_expression`.
- For files: `write_atomically`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import Token
from typing import Any

from .debug.files import write_atomically
from .debug.lines import Line, line_of, users_line
from .engine.modes import MODE, recording
from .engine.node import CLOCK, describe, each_time, following, numbers
from .errors.neighbours import habit, names_of
from .errors.spelling import (
    Answering,
    absent,
    like,
    named_in,
    nearest,
    refuse_keywords,
    refused_call,
    spelt,
    word_refused,
)
from .graph.backends import backend_for
from .graph.memory import readable_size
from .graph.rules import MANY_INPUTS, rule_texts
from .kinds import of_kind
from .nodes.node import is_withheld, withhold
from .primitives import shifted_exp
from .program.module import javascript_expression, javascript_module
from .replay.following import Following, GivenUp, converted
from .replay.in_pieces import InPieces
from .replay.in_place import in_place
from .replay.on_floats import on_floats
from .replay.recorded import Recorded, kind_of, leaf_for
from .replay.tensor_replay import redrawn
from .transforms.captured import State
from .transforms.check import AROUND, CheckReport, lost_part
from .transforms.recomputing import drawing_from, recomputing

__all__ = [
    "MANY_INPUTS",
    "CheckReport",
    "Following",
    "GivenUp",
    "InPieces",
    "Line",
    "Recorded",
    "State",
    "Answering",
    "absent",
    "assigned_at",
    "backend_for",
    "converted",
    "describe",
    "drawing_from",
    "each_time",
    "enter_scope",
    "following",
    "habit",
    "in_place",
    "is_recording",
    "is_watched",
    "is_withheld",
    "javascript_expression",
    "javascript_module",
    "kind_of",
    "leaf_for",
    "leave_scope",
    "like",
    "line_of",
    "lost_part",
    "named_in",
    "nearest",
    "names_of",
    "numbers",
    "of_kind",
    "only_while",
    "read_anew",
    "on_floats",
    "readable_size",
    "recomputing",
    "recording",
    "redrawn",
    "refuse_keywords",
    "refused_call",
    "rule_texts",
    "shifted_exp",
    "spelt",
    "surround_checks",
    "time_of_assignment",
    "users_line",
    "withhold",
    "word_refused",
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


def is_watched() -> bool:
    """Whether every operation is watched: in `detect_nonfinite()`, in `record_lines()`, or for a recording of `jit`."""
    return MODE.get()[2] is not None


def assigned_at() -> int:
    """The time at which `.data` of a leaf was last assigned, of any leaf; times are counts, not seconds.

    >>> from chainrule.autograd import Value
    >>> from chainrule.autograd.extending import assigned_at
    >>> x, before = Value(3.0), assigned_at()
    >>> x.data = 4.0
    >>> assigned_at() > before
    True
    """
    return CLOCK.assigned


def time_of_assignment(leaves: Iterable[Any]) -> int:
    """The time of an assignment to some of these leaves that is not written as one: their arrays change in place.

    It goes into `_changed` of each leaf that changes. Raises `RecordingError` in a recording that is replayed, as an
    assignment to `.data` does.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor
    >>> from chainrule.autograd.extending import assigned_at, time_of_assignment
    >>> x = Tensor([3.0, 4.0])
    >>> now = time_of_assignment([x])
    >>> x.data[0] = 5.0
    >>> x._changed = now
    >>> now == assigned_at()
    True
    """
    watch = following()
    if watch is not None:
        for leaf in leaves:
            watch.assigned(leaf)
    CLOCK.assigned = CLOCK.tick()
    return CLOCK.assigned


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


def read_anew(read: Callable[[], Any]) -> Any:
    """`read()`, an array of a layer's state; in a recording that is replayed, a constant that each replay reads again.

    >>> import numpy as np
    >>> from chainrule.autograd import jit
    >>> from chainrule.autograd.extending import read_anew
    >>> state = {"mean": np.zeros(2)}
    >>> centred = jit(lambda x: x - read_anew(lambda: state["mean"]))
    >>> first = centred(np.ones(2))
    >>> state["mean"] = np.ones(2)
    >>> first, centred(np.ones(2))
    (array([1., 1.]), array([0., 0.]))
    """
    return read() if following() is None else redrawn(read)


def only_while(condition: Callable[..., bool], *nodes: Any, repeated: bool = False) -> None:
    """What is computed now holds while `condition` is true of the numbers of these nodes.

    In a recording that is replayed, other numbers are recorded for themselves. Elsewhere nothing is done. A condition
    is `repeated` where an operation on the nodes raises if it is false; then a replay in NumPy looks at it only after
    such an error.

    >>> import numpy as np
    >>> from chainrule.autograd import jit
    >>> from chainrule.autograd.extending import numbers, only_while
    >>> def root(x):
    ...     real = bool((numbers(x) >= 0).all())
    ...     only_while(lambda x: bool((x >= 0).all()) == real, x)
    ...     return x.sqrt() if real else 0 * x
    >>> f = jit(root)
    >>> f(np.array([4.0, 9.0])), f(np.array([4.0, -9.0])), f(np.array([1.0, 0.0]))
    (array([2., 3.]), array([ 0., -0.]), array([1., 0.]))
    """
    watch = following()
    if watch is not None:
        watch.only_while(condition, nodes, repeated)


def surround_checks(block: Callable[[Any], AbstractContextManager[None]]) -> None:
    """Run the functions of all later gradient checks within `block(function)`.

    `block` returns a context manager that restores the state that the function changes, such as the running statistics
    of a layer. `chainrule.nn` registers `nn.unchanged`.
    """
    AROUND.append(block)
