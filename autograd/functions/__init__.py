"""Functions with NumPy's names and arguments, on Values, Tensors, plain numbers and arrays alike.

Rows without parameters, such as `exp` and `tanh`, are functions already. This folder has the functions that take an
`axis` in every form, `keepdims`, options with defaults, or a list. `arguments.py` converts arguments to the form that
rows take; each other file has one kind of function. Read them in any order.
"""

from .along import *
from .compound import *
from .elementwise import *
from .joining import *
from .matrices import *
from .reductions import *
from .shapes import *
