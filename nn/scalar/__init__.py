"""Networks of single numbers, from primitives: a neuron is `g(w1 x1 + w2 x2 + ... + b)` over `Value`s.

Call-compatible with micrograd's `nn`. Different from it: the last layer is linear and the others have the activation
that you choose; every weight has a name and every neuron a scope, so that drawings are readable; a neuron raises an
error for the wrong number of inputs; and weights start as He (ReLU and its family) or Glorot (others) drew them, from a
seed, not uniformly between -1 and 1, which saturates wide layers.

Read `neurons.py`, then `networks.py`; `compound.py` makes a neuron one row of the table. It imports `base`, `init` and
`layers`.
"""

from .networks import MLP, Layer
from .neurons import Maxout, Neuron

__all__ = ["Layer", "MLP", "Maxout", "Neuron"]
