"""NumPy functions that are compositions of others, differentiated under NumPy's own names: `np.average(t, weights=w)`.

They take NumPy's arguments under NumPy's names. A choice that depends on the data, such as where they are NaN, is made
inside a row of the table, so that a replay makes it again. Each file ends with a table of its functions; this file
joins the tables.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from .. import primitives as p
from ..engine.operators import Operators
from ..engine.table import Primitive
from .elementwise import ELEMENTWISE
from .products import LINALG, PRODUCTS
from .reductions import REDUCTIONS
from .shapes import SHAPES
from .trees import leaves, rebuild

__all__ = ["BY_NAME", "COMPOSED", "NUMERIC"]


def _through_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    """The composition; inputs in float16 are computed in float32, and only the result is rounded to float16."""
    if isinstance(function, Primitive):
        return function

    @wraps(function)
    def computed(*args: Any, **options: Any) -> Any:
        arrays = [x for x in leaves((args, options)) if hasattr(x, "dtype") and hasattr(x, "astype")]
        if all(x.dtype != p.FLOAT16 for x in arrays):
            return function(*args, **options)
        wide = [_changed(x, p.FLOAT16, p.FLOAT32) for x in (args, options)]
        y = function(*wide[0], **wide[1])
        # integers and booleans, such as counts and indices, do not change the dtype
        floats = [x.dtype for x in arrays if x.dtype.kind not in "biu"]
        narrow = options.get("dtype") is None and np.result_type(*floats) == p.FLOAT16
        return _changed(y, p.FLOAT32, p.FLOAT16) if narrow else y

    return computed


def _changed(tree: Any, old: Any, new: Any) -> Any:
    """The tree with all its arrays of dtype `old` in the dtype `new`."""
    return rebuild(tree, [p.astype(x, dtype=new) if _is_array_in(x, old) else x for x in leaves(tree)])


def _is_array_in(x: Any, dtype: Any) -> bool:
    return isinstance(x, (Operators, np.ndarray, np.generic)) and getattr(x, "dtype", None) == dtype


BY_NAME = {
    f"np.{name}": function for name, function in (ELEMENTWISE | REDUCTIONS | SHAPES | PRODUCTS).items()
}
BY_NAME |= {f"np.linalg.{name}": function for name, function in LINALG.items()}


def numpys(name: str) -> Any:
    """NumPy's function of this name; `None` if the installed NumPy does not have it."""
    module = np.linalg if name.startswith("np.linalg.") else np
    return getattr(module, name.rpartition(".")[2], None)


# those that do more than move elements
NUMERIC = {
    name
    for name in BY_NAME
    if name.rpartition(".")[2]
    not in SHAPES.keys() - {"linspace", "logspace", "geomspace", "bincount", "ediff1d"}
}
COMPOSED: dict[Any, Callable[..., Any]] = {
    numpys(name): _through_float32(function) if name in NUMERIC - {"np.nan_to_num"} else function
    for name, function in BY_NAME.items()
    if numpys(name) is not None
}
