"""Every text that a graph can be looked at as."""

from __future__ import annotations

from typing import Any

from chainrule.autograd import Node, Tape
from chainrule.viz import THEMES, Stepper, draw, step
from chainrule.viz.frames import _caption
from chainrule.viz.stage import stage


def looks(root: Node, gradient: Any = None, html: bool = True) -> list[str]:
    """The texts of the drawing, of the steps in the terminal, on the page and in the frames, and of tape and node."""
    tape, drawing, stepper = Tape(root), draw(root), step(root, gradient)
    texts = [repr(root), root._repr_html_(), repr(tape), tape._repr_html_(), *tape.labels]
    texts += [repr(drawing), str(drawing), drawing.dot, repr(stepper), str(stepper), stepper.log(colour=True)]
    texts += [str(each.to_dict()) for each in stepper.steps]
    texts += [frame(stepper, at) for at in sorted({-1, stepper.turn, len(stepper) - 1})]
    return texts + [stepper.html()] * html


def frame(stepper: Stepper, at: int) -> str:
    """The DOT text of one picture of an animation."""
    theme = THEMES["light"]
    return stage(stepper.tape, stepper.story, at, theme, _caption(stepper, at, theme)).source
