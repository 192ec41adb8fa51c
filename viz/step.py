"""Stepping: both passes over a graph, one operation at a time, in the terminal.

A `Stepper` is a position in the list of steps that `Tape.steps()` gives. It knows nothing else of the
engine, and it never writes a gradient.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from ..autograd import BackwardStep, ForwardStep, KindError, Node, Tape
from ..autograd.node import describe
from .drawing import write_whole
from .errors import OptionError, check_count
from .numbers import number
from .story import Story
from .themes import Theme, theme_named

__all__ = ["Stepper", "step"]

WIDTH = 80
LARGEST_SHOWN = 16  # elements of an array that are written out; larger ones are summarised

# Blue for forward values, orange for gradients, purple for local gradients: the colours of the drawings.
COLOURS = {
    "value": "\033[34m",
    "gradient": "\033[38;5;166m",
    "local": "\033[35m",
    "muted": "\033[2m",
    "bold": "\033[1m",
}
RESET = "\033[0m"

HELP = "Enter or n: next   p: back   a number: go there   f, b: start of a pass   a: all   q: quit"


def step(root: Node, gradient: Any = None, digits: int = 4) -> Stepper:
    """Step through the forward and the backward pass that lead to `root` and back.

    `root` is the computed node whose gradient is followed; `gradient` is the gradient at it, needed
    only if it is not a single number; `digits` is how many significant digits are shown.

    Printing the stepper prints the whole log; `.interact()` steps in the terminal; `.next()`, `.back()`
    and `.goto(i)` move and return the step they arrive at. `.grad` of the nodes is left alone.

    Raises `KindError` for what is not a node, `GradientError` for a constant, `ShapeError` for an array
    without `gradient`.

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
            v1.grad: 0 + (1 x 1) = 1
      5  v2 = v1 + a passes on to a, local gradient 1
            a.grad: 0 + (1 x 1) = 1
      6  v1 = a * b passes on to a, local gradient b
            a.grad: 1 + (-3 x 1) = -2
      7  v1 = a * b passes on to b, local gradient a
            b.grad: 0 + (2 x 1) = 2
    Gradients of v2
      a.grad = -2
      b.grad = 2
    """
    if not isinstance(root, Node):
        raise KindError(
            f"step(...) takes the Value or Tensor whose gradient is to be followed; given {describe(root)}. "
            f"Compute one first, as in step(a * b)"
        )
    check_count("digits", digits, 1)
    return Stepper(root, gradient, digits)


class Stepper:
    """A position in the two passes over a graph; see `step`.

    Attributes:
        tape: the recorded graph.
        steps: every `ForwardStep` and `BackwardStep`, in order.
        position: the step that was shown last; -1 before the first.
    """

    def __init__(self, root: Node, gradient: Any = None, digits: int = 4) -> None:
        self.tape = Tape(root)
        self.steps = list(self.tape.steps(gradient))
        self.digits = digits
        self.position = -1
        self.turn = next(i for i, s in enumerate(self.steps) if isinstance(s, BackwardStep))

    @cached_property
    def story(self) -> Story:
        """What every step says, as plain data for pages and pictures."""
        return Story(self.tape, self.steps, self.digits)

    @property
    def root(self) -> int:
        """The position in `tape.nodes` of the node whose gradient is followed."""
        return self.steps[self.turn].node

    # ------------------------------------------------------------------ moving

    def __len__(self) -> int:
        return len(self.steps)

    def next(self) -> ForwardStep | BackwardStep | None:
        """Go one step on and return it; `None` after the last."""
        if self.position + 1 >= len(self.steps):
            return None
        self.position += 1
        return self.steps[self.position]

    def back(self) -> ForwardStep | BackwardStep | None:
        """Go one step back and return it; `None` before the first."""
        if self.position <= 0:
            self.position = -1
            return None
        self.position -= 1
        return self.steps[self.position]

    def goto(self, i: int) -> ForwardStep | BackwardStep:
        """Go to step `i`, counted from 0 (negative: from the end), and return it."""
        if not -len(self.steps) <= i < len(self.steps):
            raise IndexError(f"step {i} was asked for; there are {len(self.steps)}, numbered from 0")
        self.position = i % len(self.steps)
        return self.steps[self.position]

    def play(self, seconds: float = 0.8, file: TextIO | None = None) -> None:
        """Print the steps from here to the end, `seconds` apart."""
        file = file or sys.stdout
        colour = wants_colour(file)
        while (s := self.next()) is not None:
            print("\n".join(self._step_lines(s, colour)), file=file, flush=True)
            time.sleep(seconds)

    # ------------------------------------------------------------------ pages and pictures

    def html(self) -> str:
        """One self-contained page with the graph, the equation of each step, and buttons, a slider and keys to move.

        It needs no network and no server, and opens at the present position.
        """
        from .page import page

        return page(self)

    def save(
        self,
        path: str | os.PathLike[str],
        seconds: float = 1.2,
        frames: int = 300,
        theme: str | Theme = "light",
    ) -> Path:
        """Write all steps in the format that the suffix says: .html, .gif, .webp, .txt, or a folder of PNG files.

        A path without a suffix is a folder. Pictures show a step for `seconds`, the last one longer; more than
        `frames` are not drawn; `theme` is theirs (a page follows its reader's setting). GIF and WebP need Pillow:
        `pip install "chainrule[frames]"`. Returns the path.

        Raises `OptionError` for another suffix or time, `DrawingError` for too many frames or without Pillow.

        >>> from chainrule.autograd import Value
        >>> from chainrule.viz import step
        >>> a = Value(3.0, name="a")
        >>> step(a * a).save("square.html").name
        'square.html'
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in ("", ".html", ".gif", ".webp", ".txt"):
            raise OptionError(
                f"the path {os.fspath(path)!r} has the suffix {path.suffix!r}, and the suffix says what is written. "
                f"Use .html for a page, .gif or .webp for an animation, .txt for the log, or none for a folder of "
                f"PNG files"
            )
        if not 0 < seconds < 600:
            raise OptionError(
                f"seconds={seconds!r} is not a time that a step can be shown; write one such as 1.2"
            )
        if suffix in (".html", ".txt"):
            write_whole(path, (self.html() if suffix == ".html" else f"{self}\n").encode())
            return path
        from .frames import save_animation, save_folder

        if suffix:
            save_animation(self, path, seconds, frames, theme_named(theme))
        else:
            save_folder(self, path, frames, theme_named(theme))
        return path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the page, and where scripts are not trusted, the graph."""
        from .notebook import stepper_html

        return {"text/plain": repr(self), "text/html": stepper_html(self)}

    # ------------------------------------------------------------------ showing

    def __repr__(self) -> str:
        return f"<Stepper at {self.position + 1} of {len(self.steps)} steps; print it, or call .interact()>"

    def __str__(self) -> str:
        return self.log()

    def log(self, colour: bool = False) -> str:
        """The whole log as text, 80 columns wide; `colour` adds terminal colours."""
        return "\n".join(self.lines(colour))

    def lines(self, colour: bool = False) -> Iterator[str]:
        """The lines of the log, one at a time."""
        yield _paint("Forward: from the inputs to the result", "bold", colour)
        yield from self._leaf_lines(colour)
        for i, s in enumerate(self.steps):
            if i == self.turn:
                yield _paint(
                    "Backward: from the result to the inputs, upstream gradient times local gradient",
                    "bold",
                    colour,
                )
            yield from self._step_lines(s, colour)
        yield _paint(f"Gradients of {self._label(self.steps[self.turn].node)}", "bold", colour)
        yield from self._result_lines(colour)

    def _leaf_lines(self, colour: bool) -> Iterator[str]:
        for node in self.tape.leaves:
            label = self.tape.labels[self.tape.index[node]]
            if node.requires_grad or node.name is not None or np.size(node.data) > 1:
                kind = "" if node.requires_grad else "   (constant)"
                yield from self._quantity(f"  {label}", node.data, "value", colour, kind)

    def _result_lines(self, colour: bool) -> Iterator[str]:
        totals = {s.input: s.total for s in self.steps[self.turn :] if isinstance(s, BackwardStep)}
        for node in self.tape.leaves:
            if node.requires_grad:
                at = self.tape.index[node]
                if at in totals:
                    yield from self._quantity(f"  {self._label(at)}.grad", totals[at], "gradient", colour)
                else:
                    yield f"  {self._label(at)}.grad = -   (nothing arrived)"

    def step_lines(self, i: int, colour: bool = False) -> list[str]:
        """The lines of the log for step `i`."""
        return list(self._step_lines(self.steps[i], colour))

    def _step_lines(self, s: ForwardStep | BackwardStep, colour: bool) -> Iterator[str]:
        number = f"{s.index + 1:3d}  "
        if isinstance(s, ForwardStep):
            yield from self._forward_lines(s, number, colour)
        elif s.kind == "seed":
            note = ", where the pass starts"
            yield from self._quantity(
                f"{number}{self._label(s.node)}.grad", s.total, "gradient", colour, note
            )
        else:
            yield from self._backward_lines(s, number, colour)

    def _forward_lines(self, s: ForwardStep, number: str, colour: bool) -> Iterator[str]:
        target = self._label(s.node)
        if np.ndim(s.value):
            yield from self._quantity(f"{number}{target} = {s.rule}", s.value, "value", colour)
            return
        yield _shorten(f"{number}{target} = {s.rule}", WIDTH)
        with_numbers = self.tape.forward_rule(self.tape.nodes[s.node], [self._plain(i) for i in s.inputs])
        shown = _paint(self._number(s.value), "value", colour)
        yield f"        = {_shorten(with_numbers, WIDTH - 30)} = {shown}"

    def _backward_lines(self, s: BackwardStep, number: str, colour: bool) -> Iterator[str]:
        target = self._label(s.input)
        source = f"{self._label(s.node)} = {self._rules[s.node]}"
        if s.local is None:
            tail, rule = f" passes on to {target}, g = {self._label(s.node)}.grad", ""
        else:
            tail = f" passes on to {target}, local gradient "
            rule = _shorten(s.rule, WIDTH - len(number) - len(tail) - 12)
        head = _shorten(source, WIDTH - len(number) - len(tail) - len(rule))
        yield f"{number}{head}{tail}{_paint(rule, 'local', colour)}"
        if np.ndim(s.contribution) or s.local is None:
            what = s.rule if s.local is None else "(local x upstream)"
            if s.local is not None and np.shape(s.upstream) != np.shape(s.contribution):
                what = "sum" + what  # broadcasting is undone
            sentence = f"        {target}.grad: {'0' if s.before is None else 'so far'} + "
            if len(sentence + what) > WIDTH - 24:
                yield f"        {_paint(_shorten(s.rule, WIDTH - 8), 'local', colour)}"
                what = "what arrives"
            yield from self._quantity(sentence + what, s.total, "gradient", colour)
            return
        before = self._number(0.0 if s.before is None else s.before)
        local = _paint(self._number(s.local), "local", colour)
        upstream = _paint(self._number(s.upstream), "gradient", colour)
        total = _paint(self._number(s.total), "gradient", colour)
        yield f"        {target}.grad: {before} + ({local} x {upstream}) = {total}"

    def _quantity(self, label: str, x: Any, kind: str, colour: bool, note: str = "") -> Iterator[str]:
        """`label = x`, with the elements of a small array on lines of their own and a summary of a large one."""
        if not np.ndim(x):
            yield f"{_shorten(label, WIDTH - 20)} = {_paint(self._number(x), kind, colour)}{note}"
            return
        array = np.asarray(x)
        shape = f"shape {array.shape}" + ", no elements" * (not array.size)
        if array.size > LARGEST_SHOWN:
            finite = array[np.isfinite(array)]
            spread = (
                f"{self._number(finite.min())} to {self._number(finite.max())}"
                if finite.size
                else "not finite"
            )
            yield _shorten(label, WIDTH)
            yield _paint(f"        {shape}, mean {self._number(array.mean())}, {spread}", kind, colour) + note
            return
        yield f"{_shorten(label, WIDTH - 24)}   {_paint(shape, 'muted', colour)}{note}"
        for row in array.reshape(-1, array.shape[-1]) if array.size else ():
            yield "        " + _paint("  ".join(f"{self._number(v):>8}" for v in row), kind, colour)

    @cached_property
    def _rules(self) -> list[str]:
        """What computed each node, as far as a line can hold."""
        return [_shorten(self.tape.forward_rule(node), WIDTH) for node in self.tape.nodes]

    def _label(self, i: int) -> str:
        return _shorten(self.tape.labels[i], 16)

    def _plain(self, i: int) -> str:
        x = self.tape.nodes[i].data
        return self._number(x) if np.ndim(x) == 0 else self._label(i)

    def _number(self, x: Any) -> str:
        return number(float(x), self.digits)

    # ------------------------------------------------------------------ in the terminal

    def interact(self, file: TextIO | None = None, read: Callable[[str], str] | None = None) -> None:
        """Step with the keyboard: Enter goes on, p back, a number there, q quits.

        Where standard input is no terminal, the whole log is printed instead. `read` stands in for `input`.
        """
        file = file or sys.stdout
        colour = wants_colour(file)
        if read is None:
            if not (sys.stdin.isatty() and file.isatty()):
                print(self.log(colour), file=file)
                return
            read = input
        print("\n".join(self._leaf_lines(colour)), file=file)
        print(_paint(HELP, "muted", colour), file=file)
        while True:
            try:
                answer = read(f"[{self.position + 1}/{len(self.steps)}] ").strip().lower()
            except (EOFError, KeyboardInterrupt):
                print(file=file)
                return
            if answer in ("q", "quit", "exit"):
                return
            shown = self._answer(answer)
            if shown is None:
                print(_paint(HELP, "muted", colour), file=file)
            for s in shown or ():
                print("\n".join(self._step_lines(s, colour)), file=file)
            if shown is not None and self.position == len(self.steps) - 1:
                print(_paint("The last step. The gradients:", "muted", colour), file=file)
                print("\n".join(self._result_lines(colour)), file=file)

    def _answer(self, answer: str) -> list[ForwardStep | BackwardStep] | None:
        """The steps to show for what was typed; `None` for what is not understood."""
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
        if answer.isdecimal() and 1 <= int(answer) <= len(self.steps):
            return [self.goto(int(answer) - 1)]
        return None


def _shorten(text: str, width: int) -> str:
    width = max(width, 12)
    return text if len(text) <= width else text[: width - 3] + "..."


def _paint(text: str, kind: str, colour: bool) -> str:
    return f"{COLOURS[kind]}{text}{RESET}" if colour else text


def wants_colour(file: TextIO) -> bool:
    return file.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
