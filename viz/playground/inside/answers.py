"""The questions that a page can ask about the inside of a network, by name, each with the function that answers.

A function takes the run, the moment that is looked at (or `None` for the present), and the question; it returns a dict
for JSON. `"page"` in it is a whole page, which the session shows in a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..lab.run import Moment, Run
from ..lab.script import notebook, script

__all__ = ["ANSWERS"]

Question = Mapping[str, Any]


def _script(run: Run, moment: Moment | None, question: Question) -> dict[str, Any]:
    recipe = run.recipe() if moment is None else run.recipe(moment)
    return {"text": script(recipe), "notebook": notebook(recipe)}


ANSWERS: dict[str, Callable[[Run, Moment | None, Question], dict[str, Any]]] = {
    "script": _script,
}
