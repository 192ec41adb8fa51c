"""Every text that a graph can be looked at as."""

from __future__ import annotations

from typing import Any

from chainrule.autograd import Node, Tape
from chainrule.viz import THEMES, draw, step
from chainrule.viz.passes.passes import Passes
from chainrule.viz.stepping.frames import caption
from chainrule.viz.stepping.stage import stage


def looks(root: Node, gradient: Any = None, html: bool = True) -> list[str]:
    """The texts of the drawing, of the steps in the terminal, on the page and in the frames, and of tape and node."""
    tape, drawing, stepper = Tape(root), draw(root), step(root, gradient)
    texts = [repr(root), root._repr_html_(), repr(tape), tape._repr_html_(), *tape.labels]
    texts += [repr(drawing), str(drawing), drawing.dot, repr(stepper), str(stepper), stepper.log(colour=True)]
    texts += [str(each.to_dict()) for each in stepper.steps]
    passes = Passes(root, gradient, stepper.digits)
    texts += [frame(passes, at) for at in sorted({-1, passes.turn, len(passes.steps) - 1})]
    return texts + [stepper.html()] * html


def frame(passes: Passes, at: int) -> str:
    """The DOT text of one picture of an animation."""
    theme = THEMES["light"]
    return stage(
        passes.tape, passes.story, at, theme, caption(passes, range(max(at, 0), at + 1), theme)
    ).source
