"""Pictures of recorded graphs, the two passes one step at a time, and plots: what makes the engine visible.

Read `graph.py` (the graph as plain data), `folding.py` (which nodes share a box), `dot.py` (its shapes, colours and
words), `engines.py` (how Graphviz draws them) and `drawing.py` (`draw` itself), then `step.py`. This package imports
`nn` and `autograd`, and nothing imports it.
"""

from .drawing import Drawing, draw, draw_dot, trace
from .errors import DrawingError, DrawingWarning, OptionError
from .step import Stepper, step
from .themes import THEMES, Theme

__all__ = [
    "THEMES",
    "Drawing",
    "DrawingError",
    "DrawingWarning",
    "OptionError",
    "Stepper",
    "Theme",
    "draw",
    "draw_dot",
    "step",
    "trace",
]
