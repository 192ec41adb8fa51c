"""Both passes over a graph as a list of steps: the data that log, page, pictures and notebook show."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ...autograd import BackwardStep, Node, Tape
from ..common.errors import OptionError
from ..common.excerpts import excerpts
from .log import Log
from .story import Story

__all__ = ["Passes"]


class Passes:
    """The forward and the backward pass that lead to `root` and back.

    Attributes:
        tape: the recorded graph.
        steps: every `ForwardStep` and `BackwardStep`, in order.
        turn: the position in `steps` of the first backward step.
        root: the position in `tape.nodes` of the node whose gradient is followed.
        digits: how many significant digits are shown.
        gradient: what the backward pass starts from; `None` is 1.
        live: what `stepping/live.py` makes of the passes, once it is made.
        code: the excerpts of the user's source that made the nodes, if `source`; otherwise `None`.

    Raises `OptionError` if `source`, and no line is known.
    """

    def __init__(self, root: Node, gradient: Any, digits: int, source: bool = False) -> None:
        self.tape = Tape(root)
        self.gradient = gradient
        self.steps = list(self.tape.steps(gradient))
        self.turn = next(i for i, s in enumerate(self.steps) if isinstance(s, BackwardStep))
        self.root = self.steps[self.turn].node
        self.digits = digits
        self.live: tuple[str, dict[str, Any]] | None = None
        self.code = excerpts(self.tape.nodes) if source else None
        if source and self.code is None:
            raise OptionError(
                "source=True shows the lines of your source that made the graph, and none were stored while it was "
                "recorded. Write\n"
                "    with record_lines():\n"
                "        loss = ...\n"
                "    step(loss, source=True)\n"
                "with record_lines from chainrule.autograd, or give step a function: step(lambda: ..., source=True)"
            )
        self._logs: dict[Callable[[str], str], Log] = {}  # the latest one

    @cached_property
    def story(self) -> Story:
        """Every step as plain data, for pages and pictures."""
        return Story(self.tape, self.steps, self.digits)

    def log(self, fit: Callable[[str], str] = str) -> Log:
        """Every step as lines of text; `fit` is applied to every text first."""
        if fit not in self._logs:
            self._logs = {fit: Log(self.tape, self.steps, self.digits, fit)}
        return self._logs[fit]
