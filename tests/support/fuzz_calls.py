"""Random calls of every documented function: a name, a function of arrays or nodes, and arrays to call it with.

What a function needs beyond arrays (an axis, a shape, a matrix that has an inverse) its maker draws.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fuzz_elementwise  # noqa: F401  (registers its makers, as the next)
import fuzz_products  # noqa: F401
import numpy as np
from fuzz_arrays import Draw
from fuzz_makers import MAKERS
from hypothesis import strategies as st


@dataclass(frozen=True)
class Call:
    name: str
    f: Callable[..., Any]
    arrays: list[np.ndarray]
    text: str

    def __repr__(self) -> str:
        shown = [f"{x!r} of {x.dtype}, strides {x.strides}" for x in self.arrays]
        return f"Call({self.name}: {self.text}; {'; '.join(shown)})"


# what is no function of arrays: tools, transforms, and nodes of several Values
OTHER = {
    "by_primitives", "check_gradients", "check_update", "checkpoint", "detect_nonfinite", "elementwise", "grad",
    "gradients", "hessian", "hvp", "jacobian", "jit", "jvp", "no_grad", "record_lines", "scope", "structural",
    "value_and_grad", "vjp", "total", "np.floor_divide",  # raises an error that explains
}  # fmt: skip


@st.composite
def calls(draw: Draw, name: str) -> Call:
    f, arrays, text = MAKERS[name](draw)  # type: ignore[misc]
    return Call(name, f, list(arrays), text)
