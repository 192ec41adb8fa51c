"""What a picture of a step says below its graph, as lines of text in colours: the pass, the step, its sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..common.notation import written
from ..common.numbers import number
from ..common.words import shorten
from ..passes.log import COLOURS, RESET
from ..passes.passes import Passes

__all__ = ["Piece", "words"]

LONGEST_LIST = 80  # characters of the names of nodes
NUMBERING = 5  # columns of a line of the log


@dataclass(frozen=True)
class Piece:
    """A text, its colour, which is a field of `Theme` or empty for that of the line, and whether it is bold."""

    text: str
    role: str = ""
    strong: bool = False


Line = list[Piece]


def words(passes: Passes, steps: range) -> list[Line]:
    """The lines below the graph: the pass, the step, and what the log says of it."""
    if not steps:
        start = Piece(f"{len(passes.steps)} steps", strong=True)
        return [[start], [Piece("The inputs are known, nothing is computed yet.")]]
    forward = steps[-1] < passes.turn
    role = "value" if forward else "gradient"
    pass_ = Piece("Forward pass" if forward else "Backward pass", role, strong=True)
    count = len(passes.steps)
    if len(steps) > 1:
        labels, story = passes.log().labels, passes.story
        names = shorten(", ".join(labels[story.steps[at]["to"]] for at in steps), LONGEST_LIST)
        gradient = Piece(story.brief(story.steps[steps[0]]["total"]), "gradient")
        return [
            [pass_, Piece(f"  steps {steps[0] + 1} to {steps[-1] + 1} of {count}")],
            [Piece("Passed on unchanged, local gradient 1: "), gradient],
            [Piece(f"to {names}")],
        ]
    head = [pass_, Piece(f"  step {steps[0] + 1} of {count}")]
    if lines := _sentence(passes, steps[0]):
        return [head, *lines]
    said = passes.log().step(passes.steps[steps[0]], colour=True)
    return [head, *(list(_of_the_log(line[NUMBERING:])) for line in said)]


def _sentence(passes: Passes, at: int) -> list[Line]:
    """What a step on numbers does, in the notation of the graph; empty for a step on arrays."""
    story, step = passes.story, passes.story.steps[at]
    label, rule = (story.nodes[step["node"]].get(key, "") for key in ("label", "rule"))
    indent = "    "
    if "inputs" in step:
        if "sum" not in step or not isinstance(story.nodes[step["node"]]["value"], str):
            return []
        node = passes.tape.nodes[step["node"]]
        inputs = [number(float(x.data), passes.digits) for x in node.inputs]
        formula = shorten(written(passes.tape.forward_rule(node, inputs)), LONGEST_LIST)
        value = Piece(story.nodes[step["node"]]["value"], "value")
        return [[Piece(f"{label} = {rule}")], [Piece(f"{indent}= {formula} = "), value]]
    if not all(isinstance(step.get(key, ""), str) for key in ("local", "upstream", "before", "total")):
        return []
    total = Piece(step["total"], "gradient")
    if "seed" in step:
        return [[Piece(f"{label}.grad = "), total, Piece(", where the pass starts")]]
    if "local" not in step:
        return []
    x = story.nodes[step["to"]]["label"]
    passed = Piece(f"{label} = {rule} passes its gradient on to {x}, local gradient ")
    sum_ = [
        Piece(f"{indent}{x}.grad: {step.get('before', '0')} + ("),
        Piece(step["local"], "local"),
        Piece(" × "),
        Piece(step["upstream"], "gradient"),
        Piece(") = "),
        total,
    ]
    return [[passed, Piece(step["rule"], "local")], sum_]


def _of_the_log(line: str) -> Iterator[Piece]:
    """A line of the log, its terminal colours as roles."""
    roles = {code: role for role, code in COLOURS.items()}
    role = ""
    for part in re.split("(\033\\[[0-9;]*m)", line):
        if part == RESET:
            role = ""
        elif part in roles:
            role = roles[part]
        elif part:
            yield Piece(part, role if role in ("value", "gradient", "local", "muted") else "")
