"""Diagnostics: the inside of a network as numbers: dead units, saturation, gradients and updates layer by layer.

Each function looks at a network of Tensors or of Values, changes nothing in it, and returns a `Report`: a table with
one row for each layer, which prints, has `to_dict()`, and is drawn by `chainrule.viz`. The outputs of layers are
recorded by `record_outputs`, through forward hooks: so activations have to be modules (`ReLU()`, not `relu`).

Read `report.py` and `outputs.py`, then `units.py`, `parameters.py` and `signals.py`. `checking.py` compares the
gradients of a model with differences of its loss. `summary.py` is a table of layers and shapes; `looking.py` (with
`referred.py`) restores a module after it was called. It imports `base`, `init`, `layers` and `scalar`.
"""

from ...autograd.extending import named_in as _named_in
from .checking import check_parameters
from .outputs import record_outputs
from .parameters import Flow, Update, gradient_flow, update_ratios
from .report import Report
from .signals import Spread, Statistics, initial_spread, statistics
from .units import DeadUnits, Saturation, dead_units, saturation

__all__ = [
    "DeadUnits",
    "Flow",
    "Report",
    "Saturation",
    "Spread",
    "Statistics",
    "Update",
    "check_parameters",
    "dead_units",
    "gradient_flow",
    "initial_spread",
    "record_outputs",
    "saturation",
    "statistics",
    "update_ratios",
]

__getattr__ = _named_in(globals(), "diagnostics")
