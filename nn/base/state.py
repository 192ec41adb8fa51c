"""States: which named arrays a module can load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd import KindError, ShapeError
from ...autograd.extending import describe
from .arguments import array_of, numbers_of

__all__ = ["checked_state"]


def checked_state(
    own: Mapping[str, Any], state: Mapping[str, Any], module: str, strict: bool = True
) -> dict[str, np.ndarray]:
    """The arrays of a state that fits the parameters and buffers of a module, which `own` has by their names.

    `module` is the description of the module for the error message. Without `strict`, names that only one side has are
    ignored. Raises `ShapeError` that lists every fault.
    """
    if not isinstance(state, Mapping):
        raise KindError(f"a state is a dict of arrays, as state_dict() returns it; given {describe(state)}")
    arrays = {name: array_of(value) for name, value in state.items()}
    faults = []
    if strict:
        faults += [f"{name!r} is missing" for name in own if name not in arrays]
        faults += [f"{name!r} is not a parameter here" for name in arrays if name not in own]
    for name in own.keys() & arrays.keys():
        shape, dtype = np.shape(numbers_of(own[name])), arrays[name].dtype
        if dtype.kind not in "fiub":
            faults.append(f"{name!r} is of dtype {dtype}, which is no number")
        elif dtype.kind == "f" and isinstance(own[name], np.ndarray) and own[name].dtype.kind != "f":
            faults.append(f"{name!r} is of dtype {dtype}, and {own[name].dtype} here")
        elif arrays[name].shape != shape:
            faults.append(f"{name!r} has shape {arrays[name].shape}, and {shape} here")
    if faults:
        raise ShapeError(
            f"this state does not belong to {module}, and nothing of it was loaded: "
            + "; ".join(sorted(faults))
            + ". Build the module as it was when its state was taken"
            + (", or write strict=False to load only the names that both have" if strict else "")
        )
    return arrays
