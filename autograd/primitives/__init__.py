"""The table: every primitive with its local gradients, one row each.

Short names: `y` is the output of a row; `x`, or `a` and `b`, are its inputs; `g` is the gradient at the output (the
upstream gradient). A rule uses only operators and other rows, so it runs on floats, on arrays, on recorded nodes (which
gives the second derivative) and on symbols (which gives the text of a rule). Comparisons give booleans, which multiply
as 0 and 1. A rule writes `greater(x, 0)` for `x > 0`: for a recorded node the comparison is recorded, too, so that a
replay compares again.

Conventions where a derivative does not exist: ties share the gradient evenly; relu, absolute, sign, floor and
every norm-like root at zero have gradient 0; clip has gradient 1 on its bounds.

Read `elementwise/`, beginning with `arithmetic.py`, then `structural/`; `elementwise/float16.py` has the arithmetic of
float16. This folder imports `engine` and `errors`; this file imports all its rows.
"""

# isort: off
from .elementwise.float16 import *
from .elementwise.arithmetic import *
from .elementwise.choosing import *
from .elementwise.rounding import *
from .elementwise.elementary import *
from .elementwise.activations import *
from .elementwise.compound import *
from .elementwise.shifted import *
from .structural.shapes import *
from .structural.indexing import *
from .structural.reductions import *
from .structural.softmax import *
from .structural.running import *
from .structural.fourier import *
from .structural.ordering import *
from .structural.interpolation import *
from .structural.matrices import *
from .structural.linalg import *
from .structural.einsum import *
from .structural.conv import *
