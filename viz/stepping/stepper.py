"""`step`: both passes over a graph, one operation at a time, in the terminal, on a page, in pictures.

A `Stepper` is a position in the list of steps that `Tape.steps()` returns. It uses nothing else of the engine, and
never changes a gradient.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from functools import cached_property, partial
from inspect import signature
from numbers import Integral
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any, TextIO

from ...autograd import BackwardStep, ChainruleWarning, ForwardStep, KindError, Node, Value, record_lines
from ...autograd.extending import Answering, describe, spelt, users_line
from ..common.errors import DrawingError, OptionError
from ..common.files import path_of, write_whole
from ..common.options import StepOptions
from ..common.terminal import is_terminal, wants_colour, writable
from ..common.themes import Theme
from ..passes.log import Log, painted
from ..passes.passes import Passes
from ..passes.story import Story
from .frames import save_animation, save_folder
from .live import live
from .notebook import (
    Html,
    make_widget,
    notebook_bundle,
    notebook_html,
    numbers_of,
    show_page,
    within_kernel,
)
from .page import page
from .slides import save_slides

__all__ = ["Stepper", "step"]

ALONE = re.compile(r"(viz\.)?step\(\w+\)")  # a line that makes a stepper and leaves it
HELP = "Enter or n: next   p: back   a number: go there   f, b: start of a pass   a: all   q: quit"


@spelt
def step(
    root: Node | Callable[[], Node],
    gradient: Any = None,
    digits: int = StepOptions.digits,
    source: bool = False,
    quiz: bool = False,
) -> Stepper:
    """Step through the forward and the backward pass that lead to `root` and back.

    `root` is the computed node whose gradient is followed, or a function without arguments that computes it; `gradient`
    is the gradient at `root`, needed only if `root` is not a single number; `digits` is how many significant digits are
    shown. With `source=True` the page shows the code that made the graph, too: the lines that `record_lines()` stored
    while it was recorded, or those of the function.
    For one step of a training use `nn.Step`.

    Printing the stepper prints the whole log; `.interact()` steps in the terminal; `.next()`, `.back()` and
    `.goto(i)` move to a step and return it. The `.grad` of the nodes does not change.

    With `quiz=True` the page, also that of a notebook, asks: it hides the new number of each backward step until the
    reader has predicted it, explains the answer and keeps a score. Steps on arrays are not asked. Printing the stepper
    then leaves the backward pass out; `.log()`, `.interact()`, `.play()` and pictures show it.

    Raises `KindError` for anything but a node, `GradientError` for a constant, `ShapeError` for an array without
    `gradient`, `OptionError` for `source=True` if no line was stored, and for a `source` or `quiz` that is no boolean.

    >>> from chainrule.autograd import Value
    >>> from chainrule.viz import step
    >>> a, b = Value(2.0, name="a"), Value(-3.0, name="b")
    >>> print(step(a * b + a))
    Forward: from the inputs to the result
      a = 2
      b = -3
      1  v1 = a * b
            = 2 * -3 = -6
      2  v2 = v1 + a
            = -6 + 2 = -4
    Backward: from the result to the inputs, upstream gradient times local gradient
      3  v2.grad = 1, where the pass starts
      4  v2 = v1 + a passes on to v1, local gradient 1
            v1.grad: 0 + (1 × 1) = 1
      5  v2 = v1 + a passes on to a, local gradient 1
            a.grad: 0 + (1 × 1) = 1
      6  v1 = a * b passes on to a, local gradient b
            a.grad: 1 + (-3 × 1) = -2
      7  v1 = a * b passes on to b, local gradient a
            b.grad: 0 + (2 × 1) = 2
    Gradients of v2
      a.grad = -2
      b.grad = 2
    >>> print(step(a * b, quiz=True))
    Forward: from the inputs to the result
      a = 2
      b = -3
      1  v1 = a * b
            = 2 * -3 = -6
    Backward: asked for on the page, step by step; .log() has it

    >>> step(lambda: a * b + a, source=True)
    <Stepper at 0 of 7 steps; print it, or call .interact()>
    """
    for name, given in (("source", source), ("quiz", quiz)):
        if not isinstance(given, bool):
            raise OptionError(f"{name} is True or False; given {given!r:.60}")
    if isinstance(root, (FunctionType, MethodType)):
        root = _computed_by(root, source)
    if not isinstance(root, Node):
        raise KindError(
            f"step(...) takes the Value or Tensor whose gradient is to be followed; given {describe(root)}. "
            f"Compute one first, as in step(a * b)"
        )
    _warn_if_unseen()
    return Stepper(root, gradient, digits, source, quiz)


def _warn_if_unseen() -> None:
    """Warn about a line of a script that is `step(loss)` alone: only notebooks and the prompt show its result."""
    line = None if hasattr(sys, "ps1") or "IPython" in sys.modules else users_line()
    text = "" if line is None else linecache.getline(line.file, line.number).strip()
    if line is not None and line.function == "<module>" and ALONE.fullmatch(text):
        warnings.warn(
            f"{text} in a script shows nothing: write print({text}), {text}.save('steps.html') for a page, or "
            f"{text}.interact() to step in the terminal",
            ChainruleWarning,
            stacklevel=4,
        )


def _computed_by(function: Callable[..., Any], source: bool) -> Any:
    """What a function returns; the lines are stored if `source`."""
    try:
        signature(function).bind()
    except TypeError as error:
        raise KindError(
            f"step(f) calls f() and was given {function.__name__}{signature(function)}: {error}. Write "
            f"step(lambda: {function.__name__}(...)), or compute the node first"
        ) from None
    with record_lines() if source else nullcontext():
        return function()


class Stepper(Answering):
    """A position in the two passes over a graph; see `step`.

    Attributes:
        tape: the recorded graph.
        steps: every `ForwardStep` and `BackwardStep`, in order.
        turn: the position in `steps` of the first backward step.
        digits: how many significant digits are shown.
        quiz: whether the page asks for the new number of each backward step.
        position: the step that was shown last; -1 before the first.
    """

    def __init__(
        self,
        root: Node,
        gradient: Any = None,
        digits: int = StepOptions.digits,
        source: bool = False,
        quiz: bool = False,
    ) -> None:
        self.digits = StepOptions(digits=digits).digits
        self._passes = Passes(root, gradient, digits, source)
        self.tape, self.steps, self.turn = self._passes.tape, self._passes.steps, self._passes.turn
        self.quiz = quiz
        self.position = -1
        leaves = {
            n: node for n, node in enumerate(self.tape.nodes) if node.op is None and isinstance(node, Value)
        }
        labels = counted([self.tape.labels[n] for n in leaves])
        self._recorded = {n: (label, node.data) for (n, node), label in zip(leaves.items(), labels)}

    @property
    def story(self) -> Story:
        """Every step as plain data, for pages and pictures."""
        return self._passes.story

    @property
    def root(self) -> int:
        """The position in `tape.nodes` of the node whose gradient is followed."""
        return self._passes.root

    # ------------------------------------------------------------------ moving

    def __len__(self) -> int:
        return len(self.steps)

    def next(self) -> ForwardStep | BackwardStep | None:
        """Move to the next step and return it; `None` after the last."""
        if self.position + 1 >= len(self.steps):
            return None
        self.position += 1
        return self.steps[self.position]

    def back(self) -> ForwardStep | BackwardStep | None:
        """Move to the previous step and return it; `None` before the first."""
        if self.position <= 0:
            self.position = -1
            return None
        self.position -= 1
        return self.steps[self.position]

    @spelt
    def goto(self, i: int) -> ForwardStep | BackwardStep:
        """Move to step `i`, counted from 0 (negative: from the end), and return it."""
        if not isinstance(i, Integral):
            raise KindError(f"goto(i) takes the number of a step, counted from 0; given {describe(i)}")
        if not -len(self.steps) <= i < len(self.steps):
            raise IndexError(f"step {i} was asked for; there are {len(self.steps)}, numbered from 0")
        self.position = i % len(self.steps)
        return self.steps[self.position]

    @spelt
    def play(self, seconds: float = 0.8, file: TextIO | None = None) -> None:
        """Print the steps from the current one to the end, `seconds` apart."""
        say, log, colour = self._printer(file)
        while (s := self.next()) is not None:
            say(*log.step(s, colour))
            time.sleep(seconds)

    # ------------------------------------------------------------------ pages and pictures

    def html(self) -> str:
        """One self-contained page with the graph, the equation of each step, and buttons, a slider and keys to move.

        It needs no network and no server, and opens at the current position.
        """
        return page(self._passes, self.position, quiz=self.quiz)

    @spelt
    def save(
        self,
        path: str | os.PathLike[str],
        seconds: float = StepOptions.seconds,
        frames: int = StepOptions.frames,
        theme: str | Theme = StepOptions.theme,
        width: int = StepOptions.width,
        merge: bool = StepOptions.merge,
    ) -> Path:
        """Write all steps in the format of the suffix: .html, .gif, .webp, .pdf, .txt, or without a suffix PNG files.

        A path without a suffix is a folder of PNG files. A PDF has one 16:9 page a step, for slides: the circuit of
        `draw(root, style="circuit")` with the step marked, and its sentence. An animation shows each step for
        `seconds`, the last one longer; steps in which a gradient is passed on unchanged, one after the other, share a
        picture, unless `merge=False`. At most `frames` pictures are drawn, in the colours of `theme` (a page follows
        the setting of its reader's screen), and at most `width` pixels wide: `width=2400` has more detail and takes
        longer. GIF and WebP need Pillow, `pip install "chainrule[frames]"`; PDF needs Typst,
        `pip install "chainrule[pdf]"`. Returns the path.

        Raises `OptionError` for another suffix or an option with a value that is not valid, `DrawingError` for more
        steps than `frames` and without Pillow or Typst.

        >>> from chainrule.autograd import Value
        >>> from chainrule.viz import step
        >>> a = Value(3.0, name="a")
        >>> step(a * a).save("square.html").name
        'square.html'
        """
        path = path_of(path)
        suffix = path.suffix.lower()
        if suffix not in ("", ".html", ".gif", ".webp", ".pdf", ".txt"):
            raise OptionError(
                f"the path {os.fspath(path)!r} has the suffix {path.suffix!r}, and the suffix says what is written. "
                f"Use .html for a page, .gif or .webp for an animation, .pdf for slides, .txt for the log, or none "
                f"for a folder of PNG files"
            )
        options = StepOptions(self.digits, theme, seconds, frames, width, merge)
        if suffix in (".html", ".txt"):
            return write_whole(path, self.html() if suffix == ".html" else f"{self.log()}\n")
        writers = {"": save_folder, ".pdf": save_slides}
        writers.get(suffix, save_animation)(self._passes, path, options)
        return path

    # ------------------------------------------------------------------ notebooks

    @cached_property
    def _widget(self) -> Any:
        """What connects the page in a notebook with this stepper; `None` without anywidget."""
        return make_widget()

    @property
    def widget(self) -> Any:
        """The page as a widget (`anywidget`), for notebooks that connect only widgets, and to build upon.

        In Jupyter `step(loss)` is connected by itself. Raises `DrawingError` without anywidget:
        `pip install "chainrule[notebook]"`.
        """
        if self._widget is None:
            raise DrawingError(
                "a widget needs anywidget, which is not installed: pip install 'chainrule[notebook]'. "
                "Without it step(...) shows the same page, whose numbers stay in the page"
            )
        show_page(self._widget, self._passes, self.position, self.quiz)
        return self._widget

    @property
    def values(self) -> dict[str, float]:
        """The numbers at the leaves by label: as the page in the notebook shows them now, without changes as recorded.

        Where several leaves have one label, the second is called `w (2)`, and so on. Of a graph of Tensors, whose page
        cannot be changed, this is empty. The `.data` of the leaves stays as it is; see `assign`.

        >>> from chainrule.autograd import Value
        >>> from chainrule.viz import step
        >>> w, x = Value(0.5, name="w"), Value(2.0, name="x")
        >>> step(w * x).values
        {'w': 0.5, 'x': 2.0}
        """
        changed = numbers_of(self._widget) if "_widget" in self.__dict__ and self._widget else {}
        return {label: changed.get(n, x) for n, (label, x) in self._recorded.items()}

    def assign(self) -> dict[str, float]:
        """Assign the numbers of the page, `values`, to the `.data` of the leaves.

        Returns the numbers that were not there already, by label. What was computed from the leaves stays as recorded:
        to go on with the new numbers compute it anew, or replay it, `stepper.tape.forward()`. The page stays as well.
        """
        _ = live(self._passes), self.story  # made of what is recorded, so before the assignment
        assigned = {}
        for n, (label, x) in zip(self._recorded, self.values.items()):
            leaf = self.tape.nodes[n]
            if repr(leaf.data) != repr(x):  # which tells NaN from numbers, and 0.0 from -0.0
                leaf.data = assigned[label] = x
        return assigned

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """What a notebook shows: the page, connected with this stepper if it can be, or the graph without scripts."""
        widget = self._widget if within_kernel() else None
        return notebook_bundle(self._passes, self.position, self.quiz, repr(self), widget)

    def _display_(self) -> Any:
        """What marimo shows: the widget, or without anywidget the page."""
        if self._widget is not None:
            return self.widget
        return Html(notebook_html(self._passes, self.position, self.quiz))

    # ------------------------------------------------------------------ showing

    def __repr__(self) -> str:
        return f"<Stepper at {self.position + 1} of {len(self.steps)} steps; print it, or call .interact()>"

    def __str__(self) -> str:
        return "\n".join(self._passes.log(writable).lines(quiz=self.quiz))

    @spelt
    def log(self, colour: bool = False) -> str:
        """The whole log as text, 80 columns wide; `colour` adds terminal colours."""
        return "\n".join(self.lines(colour))

    def lines(self, colour: bool = False) -> Iterator[str]:
        """The lines of the log, one at a time."""
        yield from self._passes.log().lines(colour)

    def step_lines(self, i: int, colour: bool = False) -> list[str]:
        """The lines of the log for step `i`."""
        return list(self._passes.log().step(self.steps[i], colour))

    # ------------------------------------------------------------------ in the terminal

    @spelt
    def interact(self, file: TextIO | None = None, read: Callable[[str], str] | None = None) -> None:
        """Step with the keyboard: Enter shows the next step, p the one before, a number that step, q quits.

        If standard input is not a terminal, the whole log is printed instead. `read` replaces `input`.
        """
        say, log, colour = self._printer(file)
        if read is None:
            if not (is_terminal(sys.stdin) and is_terminal(sys.stdout if file is None else file)):
                say(*log.lines(colour))
                return
            read = input
        say(*log.leaves(colour), painted(HELP, "muted", colour))
        while True:
            try:
                answer = read(f"[{self.position + 1}/{len(self.steps)}] ").strip().lower()
            except (EOFError, KeyboardInterrupt):
                say("")
                return
            if answer in ("q", "quit", "exit"):
                return
            shown = self._answer(answer)
            if shown is None:
                say(painted(HELP, "muted", colour))
            for s in shown or ():
                say(*log.step(s, colour))
            if shown is not None and self.position == len(self.steps) - 1:
                say(painted("The last step. The gradients:", "muted", colour), *log.results(colour))

    def _printer(self, file: TextIO | None) -> tuple[Callable[..., None], Log, bool]:
        """A function that prints lines to a stream, by default standard output; the log; whether it is in colours."""
        stream = sys.stdout if file is None else file

        def say(*lines: str) -> None:
            if stream is not None:
                print("\n".join(lines), file=stream, flush=True)

        return say, self._passes.log(partial(writable, file=stream)), wants_colour(stream)

    def _answer(self, answer: str) -> list[ForwardStep | BackwardStep] | None:
        """The steps to show for an answer; `None` if the answer is not understood."""
        if answer in ("", "n", "next"):
            return [s] if (s := self.next()) is not None else []
        if answer in ("p", "back"):
            return [s] if (s := self.back()) is not None else []
        if answer in ("f", "b"):
            return [self.goto(0 if answer == "f" else self.turn)]
        if answer in ("a", "all"):
            rest = self.steps[self.position + 1 :]
            self.position = len(self.steps) - 1
            return rest
        if answer.isdecimal() and len(answer) < 10 and 1 <= int(answer) <= len(self.steps):
            return [self.goto(int(answer) - 1)]
        return None


def counted(labels: Sequence[str]) -> list[str]:
    """The labels, those that were there before with a count.

    >>> counted(["w", "x", "w", "w"])
    ['w', 'x', 'w (2)', 'w (3)']
    """
    times: dict[str, int] = {}
    made: dict[str, None] = {}
    for label in labels:
        name = label
        while name in made:
            times[label] = times.get(label, 1) + 1
            name = f"{label} ({times[label]})"
        made[name] = None
    return list(made)
