"""Pictures of recorded graphs, the two passes one step at a time, and plots: what makes the engine visible.

Read `graph.py` (the graph as plain data), `folding.py` (which nodes share a box), `rules.py` (what an edge into an
operation on arrays says), `dot.py` (shapes, colours and words), `engines.py` (how Graphviz draws them) and `drawing.py`
(`draw` itself); then `step.py`, `log.py` (what a terminal prints of the steps), `story.py` (what a page shows of them),
`stage.py` (on which graph), `overview.py` (the map above it) and `page.py`; `plots/` is a subject of its own. This
package imports `nn` and `autograd`, and nothing imports it.
"""

from . import plots as _plots
from .drawing import Drawing, draw, draw_dot, trace
from .errors import DrawingError, DrawingWarning, OptionError
from .plots import *  # noqa: F403 (what viz/plots/__init__.py lists)
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
__all__ += _plots.__all__
