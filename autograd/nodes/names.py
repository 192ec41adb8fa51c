"""The names that nodes answer to besides their own: functions as methods, and names of other libraries.

`t.log10()` is `log10(t)`, and `t.unsqueeze(0)` is taken from PyTorch. Any other name raises an error that says which
was probably meant. The names of other libraries are in `errors/neighbours.py`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import functions as f
from .. import primitives as p
from ..errors.neighbours import habit
from ..errors.spelling import absent
from ..functions import linalg, norms

__all__ = ["named"]

ROWS = (
    "absolute add arccos arccosh arcsin arcsinh arctan arctan2 arctanh cbrt cos cosh divide erf expm1 floor gelu hypot "
    "log10 log1p log2 logaddexp matmul maximum minimum multiply negative power sign silu sin sinc sinh softplus square "
    "subtract tan"
)
FUNCTIONS = (
    "broadcast_to diff elu expand_dims flip inner kron leaky_relu log_softmax logsumexp moveaxis outer roll softmax "
    "take_along_axis tile topk tril triu"
)
METHODS = {
    **{name: getattr(p, name) for name in ROWS.split()},
    **{name: getattr(f, name) for name in FUNCTIONS.split()},
    **{name: getattr(linalg, name) for name in ("cholesky", "det", "inv", "pinv", "slogdet", "solve")},
    "norm": norms.norm,
}


def named(node: Any, name: str) -> Any:
    """The function or the name of another library as an attribute of the node; raises `UnknownNameError` otherwise."""
    function = METHODS.get(name)
    if function is not None:
        return partial(function, node)
    row = habit(name, node.kind) if name[:2] != "__" else None
    if row is None or row.takes is None:
        raise absent(node.describe(), name, lambda: [*dir(node), *METHODS], node.kind)
    return row.takes(node) if row.is_attribute else partial(row.takes, node)
