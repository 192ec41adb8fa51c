"""The log of both passes: lines of text, 80 columns wide, for a terminal and for the frames of an animation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ...autograd import BackwardStep, ForwardStep, Tape
from ..common.numbers import number
from ..common.terminal import columns
from ..common.words import FLAT, printable

__all__ = ["COLOURS", "RESET", "Log", "painted"]

WIDTH = 80
LARGEST_SHOWN = 16  # elements of an array that is written out; a larger one is summarised
LONGEST_LABEL = 16  # where that keeps labels distinct; otherwise as long as it takes, up to the next
LONGEST_DISTINCT = 40
INDENT = " " * 8  # of a line that continues the one above

# Blue for forward values, orange for gradients, purple for local gradients: the colours of the drawings.
COLOURS = {
    "value": "\033[34m",
    "gradient": "\033[38;5;166m",
    "local": "\033[35m",
    "muted": "\033[2m",
    "bold": "\033[1m",
}
RESET = "\033[0m"

Part = tuple[str, str]  # a text, and the key of its colour, empty for none


class Log:
    """The lines of text for each step; `colour` adds colours of a terminal.

    `fit` is applied to every text before it is shortened to a line, for an output that cannot show all characters.
    """

    def __init__(
        self,
        tape: Tape,
        steps: Sequence[ForwardStep | BackwardStep],
        digits: int,
        fit: Callable[[str], str] = str,
    ) -> None:
        self.tape = tape
        self.steps = steps
        self.digits = digits
        self.fit = fit

    def short(self, text: str, width: int) -> str:
        """A text for the output, on one line and at most `width` columns wide."""
        return shortened(self.fit(printable(text)), width)

    # ------------------------------------------------------------------ texts that fit into a line

    @cached_property
    def labels(self) -> list[str]:
        """The label of each node, a long one without its middle."""
        return distinct([self.fit(printable(label)) for label in self.tape.labels])

    @cached_property
    def rules(self) -> list[str]:
        """The expression that computed each node."""
        return [self.short(self.tape.forward_rule(node), WIDTH) for node in self.tape.nodes]

    def number(self, x: Any) -> str:
        """One number, or an array with one element."""
        return number(float(x), self.digits)

    # ------------------------------------------------------------------ leaves, steps, results

    def lines(self, colour: bool = False, quiz: bool = False) -> Iterator[str]:
        """The whole log; with `quiz`, without the backward pass, which is asked for."""
        turn = next(s for s in self.steps if isinstance(s, BackwardStep))
        yield painted("Forward: from the inputs to the result", "bold", colour)
        yield from self.leaves(colour)
        for s in self.steps:
            if s is turn and quiz:
                yield painted("Backward: asked for on the page, step by step; .log() has it", "bold", colour)
                return
            if s is turn:
                words = "Backward: from the result to the inputs, upstream gradient times local gradient"
                yield painted(words, "bold", colour)
            yield from self.step(s, colour)
        yield painted(f"Gradients of {self.labels[turn.node]}", "bold", colour)
        yield from self.results(colour)

    def leaves(self, colour: bool = False) -> Iterator[str]:
        """The leaves, from which the forward pass starts."""
        for node in self.tape.leaves:
            if node.requires_grad or node.name is not None or np.size(node.data) > 1:
                label = self.tape.labels[self.tape.index[node]]
                note = "" if node.requires_grad else "   (constant)"
                yield from self.quantity(f"  {label}", node.data, "value", colour, note)

    def step(self, s: ForwardStep | BackwardStep, colour: bool = False) -> Iterator[str]:
        """The lines of one step."""
        head = f"{s.index + 1:3d}  "
        if isinstance(s, ForwardStep):
            yield from self.forward(s, head, colour)
        elif s.kind == "seed":
            label = f"{head}{self.labels[s.node]}.grad"
            yield from self.quantity(label, s.total, "gradient", colour, ", where the pass starts")
        else:
            yield from self.backward(s, head, colour)

    def results(self, colour: bool = False) -> Iterator[str]:
        """The gradient of the root with respect to each leaf."""
        totals = {s.input: s.total for s in self.steps if isinstance(s, BackwardStep)}
        for node in self.tape.leaves:
            if node.requires_grad:
                at = self.tape.index[node]
                if at in totals:
                    note = "" if np.any(totals[at]) else f"   ({FLAT})"
                    yield from self.quantity(
                        f"  {self.labels[at]}.grad", totals[at], "gradient", colour, note
                    )
                else:
                    yield f"  {self.labels[at]}.grad = -   (nothing arrived)"

    def forward(self, s: ForwardStep, head: str, colour: bool) -> Iterator[str]:
        """A forward step: `v1 = a * b`, and the same with numbers."""
        target = self.labels[s.node]
        if np.ndim(s.value):
            yield from self.quantity(f"{head}{target} = {s.rule}", s.value, "value", colour)
            return
        yield self.short(f"{head}{target} = {s.rule}", WIDTH)
        node = self.tape.nodes[s.node]
        inputs = [
            self.number(x.data) if np.ndim(x.data) == 0 else self.labels[i]
            for i, x in zip(s.inputs, node.inputs)
        ]
        result = self.number(s.value)
        rule = self.short(self.tape.forward_rule(node, inputs), WIDTH - len(INDENT) - 5 - len(result))
        yield f"{INDENT}= {rule} = {painted(result, 'value', colour)}"

    def backward(self, s: BackwardStep, head: str, colour: bool) -> Iterator[str]:
        """A backward step: the input and the rule; then its gradient before, the contribution, and their sum."""
        target = self.labels[s.input]
        if s.local is None:
            tail, rule = f" passes on to {target}, g = {self.labels[s.node]}.grad", ""
        else:
            tail = f" passes on to {target}, local gradient "
            rule = self.short(s.rule, WIDTH - columns(head + tail) - 12)
        source = f"{self.labels[s.node]} = {self.rules[s.node]}"
        yield f"{head}{self.short(source, WIDTH - columns(head + tail + rule))}{tail}{painted(rule, 'local', colour)}"
        if s.local is None or np.ndim(s.contribution) or np.ndim(s.local) or np.ndim(s.upstream):
            yield from self.arrival_of_an_array(s, f"{INDENT}{target}.grad: ", colour)
            return
        before = self.number(0.0 if s.before is None else s.before)
        factors = [
            (" + (", ""),
            (self.number(s.local), "local"),
            (self.fit(" × "), ""),
            (self.number(s.upstream), "gradient"),
        ]
        yield from folded(
            [
                [(f"{INDENT}{target}.grad: {before}", "")],
                [*factors, (")", "")],
                [(" = ", ""), (self.number(s.total), "gradient")],
            ],
            colour,
        )

    def arrival_of_an_array(self, s: BackwardStep, head: str, colour: bool) -> Iterator[str]:
        """The sum of gradient and contribution where they are arrays."""
        what = s.rule if s.local is None else self.fit("(local × upstream)")
        if s.local is not None and np.shape(s.upstream) != np.shape(s.contribution):
            what = "sum" + what  # over the axes that were broadcast
        sentence = f"{head}{'0' if s.before is None else 'so far'} + "
        if columns(sentence + what) > WIDTH - 24:
            yield f"{INDENT}{painted(self.short(s.rule, WIDTH - len(INDENT)), 'local', colour)}"
            what = "what arrives"
        yield from self.quantity(sentence + what, s.total, "gradient", colour)

    # ------------------------------------------------------------------ numbers and arrays

    def quantity(self, label: str, x: Any, kind: str, colour: bool, note: str = "") -> Iterator[str]:
        """`label = x`, with the elements of a small array on lines of their own and a summary of a large one."""
        if not np.ndim(x):
            figure = self.number(x)
            room = WIDTH - len(figure) - len(note) - 3
            yield f"{self.short(label, room)} = {painted(figure, kind, colour)}{note}"
            return
        array = np.asarray(x)
        shape = f"shape {array.shape}" + ", no elements" * (not array.size)
        if array.size > LARGEST_SHOWN:
            yield self.short(label, WIDTH)
            with np.errstate(all="ignore"):
                mean = array.mean(dtype=np.float64)
            parts = [f"{INDENT}{shape}", f", mean {self.number(mean)}", f", {self.spread(array)}"]
            yield from folded([*([(part, kind)] for part in parts), [(note, "")]], colour)
            return
        room = WIDTH - len(shape) - len(note) - 3
        yield f"{self.short(label, room)}   {painted(shape, 'muted', colour)}{note}"
        if array.size:
            yield from self.rows(array, kind, colour)

    def spread(self, array: np.ndarray) -> str:
        """The range of the finite elements."""
        finite = array[np.isfinite(array)]
        return f"{self.number(finite.min())} to {self.number(finite.max())}" if finite.size else "not finite"

    def rows(self, array: np.ndarray, kind: str, colour: bool) -> Iterator[str]:
        """The elements, each row of the array on one line, or on as few as possible where it is long."""
        texts = [[f"{self.number(v):>8}" for v in row] for row in array.reshape(-1, array.shape[-1])]
        wide, room = max(len(text) for row in texts for text in row), WIDTH - len(INDENT) - 1

        def on_a_line(gap: str) -> int:
            return max((room + len(gap)) // (wide + len(gap)), 1)

        gap = min(("  ", " "), key=lambda gap: -(-len(texts[0]) // on_a_line(gap)))
        for row in texts:
            for start in range(0, len(row), on_a_line(gap)):
                indent = INDENT if start == 0 else f"{INDENT} "
                yield indent + painted(gap.join(row[start : start + on_a_line(gap)]), kind, colour)


def shortened(text: str, width: int) -> str:
    """A text at most `width` columns wide: of a longer one the beginning and the end.

    >>> shortened("layer1.neuron10.w12", 16)
    'layer1...n10.w12'
    """
    width = max(width, 12)
    if columns(text) <= width:
        return text
    head = text[: (width - 3) // 2]
    while columns(head) > (width - 3) // 2:
        head = head[:-1]
    tail = text[-(width - 3 - columns(head)) :]
    while columns(tail) > width - 3 - columns(head):
        tail = tail[1:]
    return f"{head}...{tail}"


def distinct(labels: Sequence[str]) -> list[str]:
    """The labels shortened, those that would be the same less than the others.

    >>> distinct(["encoder.layer1.attention.weight", "encoder.layer2.attention.weight", "encoder.output.bias"])
    ['encoder.layer1.attention.weight', 'encoder.layer2.attention.weight', 'encode...ut.bias']
    """
    shown = list(labels)
    waiting: Iterable[int] = range(len(shown))
    for width in (LONGEST_LABEL, 24, 32, LONGEST_DISTINCT):
        for n in waiting:
            shown[n] = shortened(labels[n], width)
        full: dict[str, set[str]] = {}
        for short, label in zip(shown, labels):
            full.setdefault(short, set()).add(label)
        waiting = [n for n, short in enumerate(shown) if len(full[short]) > 1]
    return shown


def painted(text: str, kind: str, colour: bool) -> str:
    """A text in the colour of its kind."""
    return f"{COLOURS[kind]}{text}{RESET}" if colour and kind else text


def folded(pieces: Sequence[Sequence[Part]], colour: bool) -> Iterator[str]:
    """Pieces of a sentence on one line while there is room for them; the others on further lines."""
    line, used = "", 0
    for piece in pieces:
        wide = sum(columns(text) for text, _ in piece)
        if used and used + wide > WIDTH:
            yield line
            line, used = f"{INDENT}   ", len(INDENT) + 3
        line += "".join(painted(text, kind, colour) for text, kind in piece)
        used += wide
    yield line
