"""The steps of both passes, as data.

A step has the numbers and the rule of one operation, or of one edge of the backward pass. It has nothing about how it
is displayed: the terminal, a page and a picture all read the same steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

__all__ = ["BackwardStep", "ForwardStep"]


class _Step:
    """The methods of both kinds of steps."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            x = getattr(self, each.name)
            if isinstance(x, np.ndarray) and x.flags.writeable:
                frozen = x.view()
                frozen.flags.writeable = False
                object.__setattr__(self, each.name, frozen)

    def to_dict(self) -> dict[str, Any]:
        """The step as data for JSON: arrays are nested lists, numbers that are not finite are "nan", "inf" or "-inf".

        >>> from chainrule.autograd import Tape, Value
        >>> seed, backward = list(Tape(Value(2.0) * float("inf")).steps())[1:]
        >>> backward.to_dict()["contribution"], backward.to_dict()["rule"]
        ('inf', 'inf')
        """
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}  # type: ignore[arg-type]


def _plain(x: Any) -> Any:
    if isinstance(x, (np.ndarray, np.generic)):
        x = x.tolist()
    if isinstance(x, (list, tuple)):
        return [_plain(each) for each in x]
    return str(x) if isinstance(x, float) and not math.isfinite(x) else x


@dataclass(frozen=True)
class ForwardStep(_Step):
    """One operation computes its output.

    Attributes:
        kind: "forward".
        index: the number of the step in the two passes, from 0.
        node, inputs: positions in `tape.nodes` of the output and of the inputs.
        op: the name of the row.
        rule: the operation as text in the labels of the tape, such as "a * b".
        value: the result, a float or an array.
    """

    kind: str
    index: int
    node: int
    inputs: tuple[int, ...]
    op: str
    rule: str
    value: Any


@dataclass(frozen=True)
class BackwardStep(_Step):
    """The gradient of one node is passed back to one of its inputs; the first step sets the gradient of the output.

    Attributes:
        kind: "seed" for the first step, at the output; "backward" for every later step.
        index: the number of the step in the two passes, from 0.
        node: position in `tape.nodes` of the node whose gradient is passed back.
        position: the index of the input among the inputs of `node`, from 0.
        input: position in `tape.nodes` of that input.
        op: the name of the row that made `node`.
        upstream: the gradient at `node`, which is complete.
        local: the local gradient, a float or an array; `None` for structural rows.
        contribution: what is added to the gradient of the input: local gradient times upstream gradient.
        before, total: the gradient of the input before and after; `before` is `None` for the first contribution.
        rule: the local gradient (structural rows: the contribution) as text in the labels of the tape.
    """

    kind: str
    index: int
    node: int
    position: int
    input: int
    op: str
    upstream: Any
    local: Any
    contribution: Any
    before: Any
    total: Any
    rule: str
