"""Inputs of layers, as Tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd import KindError, Node, Tensor, Value
from ...autograd.extending import converted, describe
from .arguments import array_of
from .module import Module

__all__ = ["as_input"]


def as_input(x: Any, dtype: np.dtype, layer: Module) -> Tensor:
    """The input of a layer as a Tensor; plain numbers become constants in the layer's dtype."""
    if isinstance(x, Tensor):
        return converted(x, dtype)
    if x.__class__ is np.ndarray and x.dtype is dtype:
        return Tensor(x, requires_grad=False)
    if isinstance(x, (list, tuple)) and any(isinstance(v, Tensor) for v in x):
        raise KindError(
            f"{layer._headline()} works on one Tensor or array; given {describe(x)}. Write x[0] for the outputs of a "
            f"recurrent layer, which returns them with its last state, and stack(x) for Tensors of one shape"
        )
    if isinstance(x, Value) or (isinstance(x, (list, tuple)) and any(isinstance(v, Node) for v in x)):
        raise KindError(
            f"{layer._headline()} works on Tensors and arrays; given {describe(x)}. "
            f"The layers of chainrule.nn.scalar work on Values"
        )
    array = array_of(x)
    if array.dtype.kind not in "fiub":
        raise KindError(
            f"{layer._headline()} works on Tensors and arrays of real numbers; given {describe(x)}. "
            f"Write x.astype(float) if they are numbers in another guise"
        )
    return Tensor(np.asarray(array, dtype), requires_grad=False)
