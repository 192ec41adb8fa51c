"""Functions with NumPy's names and arguments, on Values, Tensors, plain numbers and arrays alike.

Rows without parameters are functions as they stand, `exp` and `tanh` for example; here are those that
take an `axis` in every form, `keepdims`, options with defaults, or a list. `arguments.py` brings what
was given into the form that rows take; the other files hold one kind of function each, to be read in any order.
"""

from .along import *
from .compound import *
from .elementwise import *
from .joining import *
from .matrices import *
from .reductions import *
from .shapes import *
