"""Pictures of recorded graphs, the two passes one step at a time, and plots: what makes the engine visible.

Each subject has a folder, which imports only folders named before it: `common/` (options, colours, numbers and names
as text), `folding/` (which nodes share a box), `graph/` (the recorded graph as plain data), `graphviz/` (the program
that lays out), `boxes/` (a graph as boxes and arrows), `network/` (a network in columns of units), `circuit/` (wires
and gates), `explorer/` (a page in which modules open), `drawing/` (`draw`), `difference/` (two states of a graph),
`passes/` (both passes as data and as words), `stepping/` (`step`), `plots/` (plots of networks and of training),
`figures/` (the small figures of lectures), `playground/` (training in the browser), `cli/` (the `chainrule` command).
Read them in this order; each `__init__.py` names its files. This package imports `nn` and `autograd`, and neither
imports it.
"""

from ..autograd.extending import named_in as _named_in
from . import figures as _figures
from . import plots as _plots
from .common.errors import DrawingError, DrawingWarning, OptionError
from .common.themes import THEMES, Theme
from .difference.difference import Difference, difference
from .drawing.drawing import Drawing, draw
from .drawing.formulas import Formulas, formulas
from .drawing.micrograd import draw_dot, trace
from .figures import *  # noqa: F403 (what viz/figures/__init__.py lists)
from .playground import playground
from .plots import *  # noqa: F403 (what viz/plots/__init__.py lists)
from .stepping.stepper import Stepper, step

__all__ = [
    "THEMES",
    "Difference",
    "Drawing",
    "DrawingError",
    "DrawingWarning",
    "Formulas",
    "OptionError",
    "Stepper",
    "Theme",
    "difference",
    "draw",
    "draw_dot",
    "formulas",
    "playground",
    "step",
    "trace",
]
__all__ += _plots.__all__ + _figures.__all__

__getattr__ = _named_in(globals(), "viz")
