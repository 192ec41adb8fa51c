"""What a circuit is made of: each node of the graph is a wire, which begins at a name or at a gate.

A number that an operation is given, as in `x ** 2` or `2 * x`, is written into the gate; a named constant has a wire.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..common.notation import typeset
from ..common.numbers import Summary, number
from ..common.options import DrawOptions
from ..common.words import shorten
from ..graph.snapshot import Box, Graph, Shown
from .lettering import Line, Run, italics, name_runs, upright, width_of

__all__ = ["ORDERED", "Input", "Part", "joined", "parts_of"]

# operations of which the order of the inputs matters
ORDERED = {
    "subtract",
    "divide",
    "power",
    "matmul",
    "linear",
    "arctan2",
    "where",
}
LONGEST_LIST, LONGEST_GATE = 14, 24  # characters
POWERS = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

PLUS = upright("+")
# what is written in a gate in place of the operation's name; variables stand in braces, # is a number
SIGNS = {
    "add": "+",
    "subtract": "−",
    "multiply": "×",
    "divide": "÷",
    "negative": "−{x}",
    "square": "{x}²",
    "sqrt": "√{x}",
    "absolute": "|{x}|",
    "power": "{x}ʸ",
    "sigmoid": "σ",
    "relu": "ReLU",
    "sum": "Σ",
    "total": "Σ",
    "maximum": "max",
    "minimum": "min",
    "linear": "{XW} + {b}",
    "less_equal": "≤",
    "greater_equal": "≥",
    "equal": "=",
    "not_equal": "≠",
}
WITH_SECOND = {"add": "+#", "subtract": "−#", "multiply": "×#", "divide": "÷#", "power": "{x}^#"}
WITH_FIRST = {"add": "+#", "subtract": "# − {x}", "multiply": "×#", "divide": "#/{x}", "power": "#^x"}


@dataclass(frozen=True)
class Input:
    """One input of a gate: the id of its wire, the part that it comes from, and whether a gradient flows along it."""

    id: str
    tail: str
    flows: bool


@dataclass(frozen=True)
class Part:
    """A wire and where it begins.

    Attributes:
        id: of its box in the graph.
        operation: the id of its gate, empty for a leaf.
        gate: what is written in the gate.
        name: its name, if it has one.
        over, above, below: its name and shape, where they need a line; its value above the wire, and its gradient
            below it.
        inputs: what leads to its gate.
        ordered: whether it matters which input is the first, which is then the topmost.
        output: whether its wire ends here, with its name.
        flows: whether it receives a gradient.
        title: what a tooltip says.
        room: points that the wire is long, at least.
        within: how many other sums stand in its gate.
    """

    id: str
    operation: str
    gate: Line
    name: Line
    over: Line
    above: Line
    below: Line
    inputs: tuple[Input, ...]
    ordered: bool
    output: bool
    flows: bool
    title: str
    room: float = 0.0
    within: int = 0


def parts_of(graph: Graph, options: DrawOptions, digits: int) -> list[Part]:
    """The parts of the circuit of a graph, in dependency order."""
    options = replace(options, digits=digits)
    show, boxes = options.shown, {box.id: box for box in graph.boxes}
    inputs: dict[str, list[Input]] = {box.id: [] for box in graph.boxes}
    for edge in graph.edges:
        inputs[edge.head] += [Input(edge.id, edge.tail, edge.flows)]
    within = {id: _within_gate(boxes[id], [boxes[x.tail] for x in each]) for id, each in inputs.items()}
    wired = {id: [x for i, x in enumerate(each) if i != within[id]] for id, each in inputs.items()}
    # before a pass, there is nothing below the wires
    passed = any(box.gradient is not None for box in graph.boxes)
    used = {x.tail for each in wired.values() for x in each}
    parts = []
    for box in graph.boxes:
        if box.kind == "constant" and box.id not in used and not box.output:
            continue  # its number is written in gates
        name = _name(box) if "name" in show or box.kind in ("module", "run", "more") else ()
        gate = _gate(box, [boxes[x.tail] for x in inputs[box.id]], within[box.id], options)
        if gate and box.kind in ("module", "run"):
            name = ()
        output = box.id not in used and bool(gate)
        above = _value(box, options) if "data" in show and not _is_its_number(box) else ()
        over = _shape(box, options)
        if name and gate and not output:
            if over:
                over = (*name, *upright("  ", "muted"), *over)
            else:
                above = (*name, *upright(" = ", "muted"), *above) if above else name
        parts.append(
            Part(
                id=box.id,
                operation=f"{box.id}op" if gate else "",
                gate=gate,
                name=name,
                over=over,
                above=above,
                below=_gradient(box, options) if passed and "grad" in show else (),
                inputs=tuple(wired[box.id]),
                ordered=box.operation is not None and box.operation.name in ORDERED,
                output=output,
                flows=box.kind not in ("constant", "more"),
                title=_title(box),
            )
        )
    return [replace(part, room=max(map(width_of, (part.over, part.above, part.below)))) for part in parts]


def joined(parts: Sequence[Part]) -> list[Part]:
    """The parts with sums that are used once, by another sum, within the gate of that sum."""
    uses = Counter(x.tail for part in parts for x in part.inputs)
    sums = {part.id: part for part in parts if part.gate == PLUS}
    inside = {
        x.tail: part.id
        for part in sums.values()
        for x in part.inputs
        if x.tail in sums and uses[x.tail] == 1 and not sums[x.tail].name
    }
    inputs = {part.id: part.inputs for part in parts}
    for part in parts:  # in dependency order, so that what is inside is complete
        if part.id in sums:
            inputs[part.id] = tuple(
                y for x in part.inputs for y in (inputs[x.tail] if x.tail in inside else (x,))
            )
    ends = {id: _last(id, inside) for id in inside}
    within = Counter(ends.values())
    return [
        replace(part, inputs=inputs[part.id], within=within[part.id])
        for part in parts
        if part.id not in inside
    ]


def _last(id: str, inside: Mapping[str, str]) -> str:
    while id in inside:
        id = inside[id]
    return id


def _within_gate(box: Box, inputs: Sequence[Box]) -> int:
    """Which of two inputs is a number that is written into the gate; -1 for none."""
    op = box.operation
    if op is None or len(inputs) != 2 or op.arity != 2 or op.name not in WITH_FIRST:
        return -1
    second, first = _is_its_number(inputs[1]), _is_its_number(inputs[0])
    if second and not (first and op.name == "power"):
        return 1
    return 0 if first else -1


def _is_its_number(box: Box) -> bool:
    """Whether a box is an unnamed constant, whose label is its number."""
    if box.kind != "constant" or box.named or box.copies > 1:
        return False
    try:
        float(box.label)
    except ValueError:
        return False
    return True


def _name(box: Box) -> Line:
    if _is_its_number(box):
        return upright(typeset(box.label))
    if box.kind == "more":
        return upright(box.label, "muted")
    name = name_runs(box.label) if box.named else ()
    return (*name, *upright(f" ×{box.copies:,}", "muted")) if box.copies > 1 else name


def _gate(box: Box, inputs: Sequence[Box], within: int, options: DrawOptions) -> Line:
    """What is written in the gate of a box; nothing for a leaf."""
    if box.kind in ("module", "run"):
        copies = upright(f" ×{box.copies:,}", "muted") if box.copies > 1 else ()
        title = box.label.replace("->", "→")
        if len(title) > LONGEST_GATE:
            title = title.partition(": ")[0]
        return (*upright(shorten(title, LONGEST_GATE)), *copies)
    op = box.operation
    if op is None:
        return ()
    if "op" not in options.shown:
        return upright("·")
    if op.name == "power" and op.arity == 1:  # its exponent is in its sign
        return (*italics("x"), *upright(op.mark.removeprefix("x")))
    if within < 0:
        return _formula(SIGNS.get(op.name) or shorten(op.symbol or op.name.replace("_", " "), LONGEST_GATE))
    constant = typeset(number(float(inputs[within].label), options.digits))
    return _with_number((WITH_FIRST, WITH_SECOND)[within][op.name], constant)


def _with_number(text: str, constant: str) -> Line:
    """The label of a gate with its number: `+1`, `x²`, `2ˣ`; small whole exponents are as large as the text."""
    if text in ("+#", "−#") and constant.startswith("−"):
        text, constant = {"+#": "−#", "−#": "+#"}[text], constant[1:]
    if text == "#^x":
        return (*upright(constant), Run("x", italic=True, level=1))
    if text == "{x}^#":
        if re.fullmatch("−?\\d", constant):
            return (*italics("x"), *upright(constant.translate(POWERS)))
        return (*italics("x"), Run(constant, level=1))
    return _formula(text.replace("#", constant))


def _formula(text: str) -> Line:
    """A text with variables in braces."""
    words = re.split(r"\{(\w+)\}", text)
    return tuple(Run(word, italic=i % 2 == 1) for i, word in enumerate(words) if word)


def _shape(box: Box, options: DrawOptions) -> Line:
    """The shape of an array, `4×3`."""
    if not isinstance(box.value, Summary) or not box.tensor or "shape" not in options.shown:
        return ()
    return upright("×".join(map(str, box.value.shape)), "muted")


def _value(box: Box, options: DrawOptions) -> Line:
    if box.value is None or box.kind == "more":
        return ()
    role = "muted" if box.kind == "constant" else "value"
    return shown(box.value, options.digits, role)


def _gradient(box: Box, options: DrawOptions) -> Line:
    if box.kind in ("constant", "more") or box.value is None:
        return ()
    if box.gradient is None:
        return upright("–", "muted")
    return shown(box.gradient, options.digits, "gradient")


def shown(x: Shown, digits: int, role: str) -> Line:
    """A number, a short array, or mean and deviation of a longer one, in a colour; bold if it is not finite."""
    if not isinstance(x, Summary):
        text = number(x, digits)
        return upright(typeset(text), role, strong=text.strip("-") in ("nan", "inf"))
    if x.elements is not None and len(x.shape) < 2:
        text = x.text(digits)
        if len(text) <= LONGEST_LIST:
            return upright(typeset(text), role, strong=bool(x.trouble()))
    if x.trouble():
        return upright(typeset(x.trouble()), role, strong=True)
    return upright(typeset(x.centre(max(digits - 2, 1)).removeprefix("mean ")), role)


def _title(box: Box) -> str:
    if box.operation is None:
        return f"{box.label}: {box.contents or box.kind}" if box.kind != "more" else box.label
    op = box.operation
    return f"{box.label} = {op.name}" + (f"({op.params})" if op.params else "")
