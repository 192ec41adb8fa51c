"""`detect_nonfinite()`: stop at the first operation whose value or gradient is NaN or infinite, and say where.

While the mode is on, the watch below checks the output of every operation and every contribution of a backward pass,
and stores the source line of each recorded node. While it is off, an operation only tests whether there is a watch.
"""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..engine.backward import backward_pass, run
from ..engine.modes import Block
from ..engine.node import describe, numbers
from ..engine.table import Primitive
from ..errors import NonfiniteError
from .lines import Line, LineWatch, line_of, note_line

if TYPE_CHECKING:
    from ..nodes.node import Node

__all__ = ["detect_nonfinite"]


def detect_nonfinite() -> Block:
    """Raise `NonfiniteError` at the first operation whose value or gradient is NaN or infinite.

    The error names the operation, its inputs, its scope, the first element that is not finite, and your own line
    of source. In the backward pass it is the line of the forward operation, if that ran in such a block, too, or in
    one of `record_lines()`. Works as a `with` block and as a decorator, for its own thread only. It checks every
    number, so computing takes longer.

    A gradient of zero stays zero beside an infinite local gradient, as always, and raises no error.

    >>> from chainrule.autograd import NonfiniteError, Value, detect_nonfinite, log
    >>> x = Value(0.0, name="x")
    >>> try:
    ...     with detect_nonfinite():
    ...         y = log(x)
    ... except NonfiniteError as error:
    ...     print(str(error).partition("  line:")[0].rstrip())
    log gave -inf
      input: a Value x = 0
    """
    return Block("watch", Watch())


class Watch:
    """Checks each operation and each step of a backward pass while `detect_nonfinite()` is on."""

    __slots__ = ()
    values = True
    follows = False

    def forward(self, node: Node, op: Primitive, inputs: Sequence[Any], params: dict[str, Any]) -> None:
        """Check the output of an operation: `op` has computed `node`, which is a leaf if nothing was recorded."""
        line = note_line(node)
        if not np.isfinite(node.data).all():
            self.blame(node, op, inputs, line)

    def replayed(self, node: Node) -> None:
        """Check a node that a replay has computed again; its line is the one that recorded it."""
        if not np.isfinite(node.data).all():
            assert node.op is not None
            self.blame(node, node.op, node.inputs, line_of(node), forward=True)

    def blame(
        self, node: Node, op: Primitive, inputs: Sequence[Any], line: Line | None, forward: bool = False
    ) -> NoReturn:
        """Raise: what `op` gave, from which inputs, and where."""
        told = [f"{op.name} gave {_first(node.data)}{_of_output(node.data)}"]
        told += _inputs(op, inputs, node.data)
        raise NonfiniteError("\n".join(told + _place(node.scope, line, forward)))

    def run(
        self, order: Sequence[Node], roots: dict[Node, Any], ends: Iterable[Node], recorded: bool
    ) -> dict[Node, Any]:
        """Do what `run` of backward.py does; if a gradient is not finite, repeat the pass and check each step.

        Values inside the rules are not checked: a rule may compute infinities on its way to a finite gradient.
        """
        with Block("watch", LineWatch()), np.errstate(all="ignore"):
            gradients = run(order, roots, ends, recorded)
            if not all(np.isfinite(numbers(g)).all() for g in gradients.values() if g is not None):
                again = dict(roots)
                for node, i, contribution in backward_pass(order, again, recorded, zero_safe=True):
                    self.backward(node, i, numbers(contribution), numbers(again[node.inputs[i]]))
        return gradients

    def backward(self, node: Node, i: int, c: Any, total: Any) -> None:
        """Check one step: `node` has passed the contribution `c` to its input `i`, whose gradient is now `total`."""
        if np.isfinite(total).all() and np.isfinite(c).all():
            return
        assert node.op is not None
        x = node.inputs[i]
        if np.isfinite(c).all():
            told = [f"the gradients that arrive at {describe(x)} add up to {_first(total)}"]
            c = total
        else:
            told = [f"{node.op.name} passed back a gradient with {_first(c)} to {describe(x)}"]
        told += [f"  output: {describe(node)}{_at(node.data, c)}"]
        told += _inputs(node.op, node.inputs, c)
        raise NonfiniteError("\n".join(told + _place(node.scope, line_of(node), forward=True)))


# ---------------------------------------------------------------------- words


def _first(data: Any) -> str:
    """The first element that is not finite, and how many others there are."""
    array = np.asarray(data)
    if not array.ndim:
        return str(array)
    places = np.argwhere(~np.isfinite(array))
    more = f" (and {len(places) - 1} more)" if len(places) > 1 else ""
    return f"{array[tuple(places[0])]} at {places[0].tolist()}{more}"


def _of_output(data: Any) -> str:
    return f" of its output of shape {data.shape}" if np.ndim(data) else ""


def _at(data: Any, bad: Any) -> str:
    """The element of `data` at the position of the first bad one, where the shapes determine it."""
    if isinstance(data, float) or not np.ndim(bad):
        return "" if isinstance(data, float) or data.ndim else f", {data}"
    place = (
        np.argwhere(~np.isfinite(bad))[0][np.ndim(bad) - data.ndim :] if data.ndim <= np.ndim(bad) else None
    )
    if place is None or any(n not in (1, bad.shape[k - data.ndim]) for k, n in enumerate(data.shape)):
        return ""
    here = [0 if n == 1 else int(k) for k, n in zip(place, data.shape, strict=True)]
    return f", {data[tuple(here)]} at {here}" if here else f", {data}"


def _inputs(op: Primitive, inputs: Sequence[Any], bad: Any) -> list[str]:
    lines = []
    for x in inputs:
        data = x.data
        if isinstance(data, float):
            said = ""
        elif not np.isfinite(data).all():
            said = f", which holds {_first(data)} already"
        elif op.elementwise or not data.size:
            said = _at(data, bad)
        else:
            said = f", from {data.min()} to {data.max()}"
        lines.append(f"  input: {describe(x)}{said}")
    return lines


def _place(scope: tuple[str, ...], line: Line | None, forward: bool = False) -> list[str]:
    told = [f"  scope: {' / '.join(scope)}"] if scope else []
    if line is not None:
        text = linecache.getline(line.file, line.number).strip()
        return [*told, f"  line: {line.file}:{line.number}" + (f": {text}" if text else "")]
    if forward:
        told.append("  line: unknown; run the forward pass inside of detect_nonfinite(), too, to see it")
    return told
