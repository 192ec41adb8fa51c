"""The steps as slides: a PDF with one 16:9 page a step, for Beamer and other programs; its text is text.

Each page has the circuit with the numbers that are known by then, what moves at this step marked, and its sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd import BackwardStep
from ..circuit.circuit import fitted, scene_of, sums_within
from ..circuit.lettering import Line, Run, upright, width_of
from ..circuit.parts import Part, parts_of
from ..circuit.placing import Placement
from ..circuit.scene import SLIDE, Scene, Text
from ..circuit.svg import EDGE, picture_area, slide
from ..common.files import write_whole
from ..common.notation import typeset
from ..common.numbers import number
from ..common.options import DrawOptions, StepOptions
from ..common.words import shorten
from ..graph.reading import read
from ..graphviz.pdf import pdf_of
from ..passes.passes import Passes
from ..passes.story import Story
from .captions import words
from .frames import LARGEST, check, one_by_one

__all__ = ["save_slides", "slides"]

LINES = 3  # below a picture, at least
MOST_LINES = 7
LONGEST_NAME = 16
WIDEST_BOLD = 80.0  # points


def save_slides(passes: Passes, path: Path, options: StepOptions) -> None:
    """Write all steps as the pages of one PDF; the first page is the start.

    Raises `DrawingError` for more steps than `frames`, for a graph that is too large, and without Typst.
    """
    title = f"{len(passes.steps)} steps of backpropagation"
    write_whole(path, pdf_of(list(slides(passes, options)), title))


def slides(passes: Passes, options: StepOptions) -> Iterator[str]:
    """The pages as SVG."""
    shown = one_by_one(passes)
    check(passes, len(shown), options)
    said = _said(passes, shown)
    room = min(max(LINES, *map(len, said)), MOST_LINES)
    film = _Film(passes, picture_area(room))
    if film.digits != passes.digits:  # the sentences have the numbers of the picture
        said = _said(Passes(passes.tape.nodes[passes.root], passes.gradient, film.digits), shown)
    said[0] += [upright(words_, "muted") for words_ in sums_within(film.parts)]
    for steps, lines in zip(shown, said):
        at = steps[-1] if steps else -1
        title = "Start" if at < 0 else f"Step {at + 1}"
        yield slide(film.at(at), options.colours, lines[:room], room, title)


def _said(passes: Passes, shown: Sequence[range]) -> list[list[Line]]:
    """The lines below each picture."""
    return [[line for said in words(passes, steps) for line in wrapped(_line(said))] for steps in shown]


class _Film:
    """The circuit at each step, every time in the same places."""

    def __init__(self, passes: Passes, area: tuple[float, float]) -> None:
        self.passes = passes
        self.tape = passes.tape
        options = DrawOptions(style="circuit", max_nodes=LARGEST, digits=passes.digits)
        self.graph = read(self.tape.nodes[passes.root], options)
        self.node = {box: n for n, box in enumerate(self.graph.where)}
        self.stories: dict[int, Story] = {}
        self.options = options
        self.digits, self.parts, self.placement = fitted(self._parts, self.options, area)
        self.story = self.stories[self.digits]
        self.by_id = {part.id: part for part in self.parts}

    def _parts(self, digits: int) -> list[Part]:
        """The parts with room for their value and for their gradient when it is complete."""
        story = self.stories[digits] = Story(self.tape, self.passes.steps, digits)
        parts = []
        for part in parts_of(self.graph, self.options, digits):
            arrivals = story.arrivals[self.node[part.id]]
            last = self._written(story.brief(arrivals[-1][1])) if arrivals else ()
            parts.append(replace(part, room=max(part.room, width_of(last))))
        return parts

    def at(self, at: int) -> Scene:
        """The circuit after a step, with the gates, wires and numbers of that step marked."""
        marks = _Marks(self.passes, self.story, at, self.graph.where)
        shown = []
        for part in self.parts:
            n = self.node[part.id]
            above = part.above if self.story.is_known(n, at) else ()
            below = self._gradient(part, at) if part.flows else ()
            if n == marks.changed:
                above, below = (_strong(above), below) if marks.forward else (above, _strong(below))
            shown.append(replace(part, above=above, below=below))
        return marks.applied(scene_of(shown, self.placement), self.by_id, self.placement, self.story)

    def _gradient(self, part: Part, at: int) -> Line:
        """The gradient on a wire after a step: with a plus sign while contributions are missing."""
        story, n = self.story, self.node[part.id]
        arrived = story.arrived(n, at)
        if not arrived:
            return ()
        step, total = story.arrivals[n][arrived - 1]
        if arrived == len(story.arrivals[n]):
            return self._written(story.brief(total))
        backward = self.passes.steps[step]
        assert isinstance(backward, BackwardStep)
        exact = backward.total
        if np.ndim(exact):
            return self._written(f"{story.brief(total)} +")
        for digits in range(self.digits, 0, -1):  # what is not complete gets no more room than what is
            line = self._written(f"{number(float(exact), digits)} +")
            if width_of(line) <= part.room:
                break
        return line

    def _written(self, text: str) -> Line:
        return upright(typeset(text).removeprefix("mean "), "gradient")


class _Marks:
    """What moves at a step: wires, a gate, and the node whose number changes."""

    def __init__(self, passes: Passes, story: Story, at: int, where: Sequence[str]) -> None:
        self.where, self.at, self.story = where, at, story
        self.forward = at < passes.turn
        self.role = "value" if self.forward else "gradient"
        self.changed, self.gate = -1, ""
        self.wires: dict[str, str] = {}  # with the end at which an arrowhead stands
        self.named: set[int] = set()
        if at < 0:
            return
        step: Mapping[str, Any] = story.steps[at]
        n = step["node"]
        self.named.add(n)
        self.changed = n if self.forward or "seed" in step else step["to"]
        if "seed" in step:
            self.wires[f"{where[n]}out"] = "start"
            return
        self.gate = f"{where[n]}op"
        if self.forward:
            self.wires |= {f"{where[n]}in{i}": "end" for i in range(len(step["inputs"]))}
            self.wires[f"{where[n]}out"] = ""
        else:
            self.wires[f"{where[n]}in{step['at']}"] = ""
            self.wires[f"{where[step['to']]}out"] = "start"
            self.named.add(step["to"])

    def applied(self, scene: Scene, parts: Mapping[str, Part], placement: Placement, story: Story) -> Scene:
        """The picture with the marks, and with the names of nodes that have none of their own in it."""
        passed = {f"{self.where[n]}in{i}" for (n, i), at in story.travels.items() if at <= self.at}
        passed |= {f"{box}out" for n, box in enumerate(self.where) if story.arrived(n, self.at)}
        wires = []
        for wire in scene.wires:
            if wire.id in self.wires:
                wire = replace(wire, role=self.role, thick=True, arrow=self.wires[wire.id])
            elif wire.id in passed:
                wire = replace(wire, role="gradient")
            wires.append(wire)
        gates = [
            replace(gate, role=self.role, thick=True) if gate.id == self.gate else gate
            for gate in scene.gates
        ]
        names = []
        for n in sorted(self.named):
            part = parts.get(self.where[n])
            if part is None or not part.gate or part.name:
                continue
            place = placement.parts[part.id]
            x, y = place.start - place.gate[0] / 2, place.y - place.gate[1] / 2 - 1.5
            names.append(Text(x, y, upright(shorten(story.nodes[n]["label"], LONGEST_NAME), "muted")))
        return replace(scene, wires=wires, gates=gates, texts=[*scene.texts, *names])


def _strong(line: Line) -> Line:
    """A number in bold; the summary of an array, which is as wide as its wire, stays as it is."""
    if width_of(line) > WIDEST_BOLD:
        return line
    return tuple(replace(run, strong=True) for run in line)


def _line(pieces: Sequence[Any]) -> Line:
    """A line of words as a line of a circuit."""
    return tuple(Run(piece.text, role=piece.role or "text", strong=piece.strong) for piece in pieces)


def wrapped(line: Line, width: float = SLIDE[0] - 2 * EDGE) -> list[Line]:
    """A line of text as several that are not too wide; a single word is not divided."""
    lines: list[list[Run]] = [[]]
    for run in line:
        for k, word in enumerate(run.text.split(" ")):
            piece = replace(run, text=f" {word}" if k else word)
            if k and word and width_of([*lines[-1], piece]) > width:
                lines.append([replace(run, text=f"    {word}")])
            else:
                lines[-1].append(piece)
    return [tuple(each) for each in lines]
