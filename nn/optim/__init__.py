"""The optimisers: how a step of training changes the parameters, once the backward pass has computed their gradients.

Each is a list of options, the memories of a parameter, and a formula. Formulas, argument names and defaults are
PyTorch's. Read `optimizer.py` (what all of them share) and `sgd.py`, then `adaptive.py`, `adam.py` and `clipping.py`;
`plans.py` makes steps of formulas, and `together.py` one step of those of several parameters; `options.py`,
`parameters.py`, `memories.py` and `formulas.py` are helpers, `rates.py` is for schedules. It imports `base`.
"""

from ...autograd.extending import named_in as _named_in
from .adam import Adam, AdamW
from .adaptive import Adadelta, Adagrad, RMSprop
from .clipping import clip_grad_norm_, clip_grad_value_
from .clipping import clipped_by_norm as clipped_by_norm
from .clipping import clipped_by_value as clipped_by_value
from .optimizer import Optimizer

# for an optimiser of your own
from .options import flag as flag
from .options import option as option
from .options import share as share
from .options import shares as shares
from .sgd import SGD

__all__ = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "SGD",
    "clip_grad_norm_",
    "clip_grad_value_",
]

__getattr__ = _named_in(globals(), "optim")
