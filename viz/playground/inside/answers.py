"""The questions that a page can ask about the inside of a network, by name, each with the function that answers.

A function takes the run, the moment that is looked at (or `None` for the present), and the question; it returns a dict
for JSON. `"page"` in it is a whole page, which is shown in a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..lab.run import Moment, Run
from ..lab.script import notebook, script
from .batch import batch_loss, graph_page
from .derivation import derivation
from .sample import sample_loss, stepper_page
from .surface import surface

__all__ = ["ANSWERS"]

Question = Mapping[str, Any]


def _derivation(run: Run, moment: Moment | None, question: Question) -> dict[str, Any]:
    index = tuple(int(i) for i in question["index"])
    last = len(run.upcoming(moment)[0]) - 1  # the last batch of an epoch may be smaller
    return derivation(run, str(question["name"]), index, moment, min(int(question.get("sample", 0)), last))


def _graph(run: Run, moment: Moment | None, question: Question) -> dict[str, Any]:
    return {"page": graph_page(batch_loss(run, moment))}


def _sample(run: Run, moment: Moment | None, question: Question) -> dict[str, Any]:
    i = int(question.get("sample", 0))
    page = stepper_page(sample_loss(run, i, moment))
    (x1, x2), (target,) = run.data.X[i].tolist(), run.data.y[i].tolist()
    return {"page": page, "sample": i, "x1": x1, "x2": x2, "target": target}


def _surface(run: Run, moment: Moment | None, question: Question) -> dict[str, Any]:
    return surface(run, moment=moment)


def _script(run: Run, moment: Moment | None, question: Question) -> dict[str, Any]:
    recipe = run.recipe(moment)
    return {"text": script(recipe), "notebook": notebook(recipe)}


ANSWERS: dict[str, Callable[[Run, Moment | None, Question], dict[str, Any]]] = {
    "derivation": _derivation,
    "graph": _graph,
    "sample": _sample,
    "surface": _surface,
    "script": _script,
}
