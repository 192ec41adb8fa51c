"""NumPy functions that are compositions of others, differentiated under NumPy's own names: `np.average(t, weights=w)`.

They take NumPy's arguments under NumPy's names. What is asked about the data, such as where it is NaN, is asked of
plain arrays and has no gradient. Each file ends with a table of its functions; here they come together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .elementwise import ELEMENTWISE
from .products import LINALG, PRODUCTS
from .reductions import REDUCTIONS
from .shapes import SHAPES

__all__ = ["BY_NAME", "COMPOSED"]

BY_NAME = {
    f"np.{name}": function for name, function in (ELEMENTWISE | REDUCTIONS | SHAPES | PRODUCTS).items()
}
BY_NAME |= {f"np.linalg.{name}": function for name, function in LINALG.items()}


def numpys(name: str) -> Any:
    """NumPy's function of this name; `None` where the installed NumPy has not got it yet."""
    module = np.linalg if name.startswith("np.linalg.") else np
    return getattr(module, name.rpartition(".")[2], None)


COMPOSED: dict[Any, Callable[..., Any]] = {
    numpys(name): function for name, function in BY_NAME.items() if numpys(name) is not None
}
