"""The same functions under their names in PyTorch, with `_` at the end: they write into a parameter that exists."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np

from ...autograd import KindError, Tensor
from ...autograd.extending import describe
from . import distributions, filled, scaled
from .seeds import Shape

__all__ = [
    "constant_",
    "glorot_normal_",
    "glorot_uniform_",
    "he_normal_",
    "he_uniform_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "lecun_normal_",
    "lecun_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

P = ParamSpec("P")
T = TypeVar("T", bound=Tensor)


def _in_place(draw: Callable[Concatenate[Shape, P], np.ndarray]) -> Callable[Concatenate[T, P], T]:
    """`draw` with a tensor in place of the shape, whose numbers it replaces in the tensor's own dtype."""

    @wraps(draw)
    def fill(tensor: T, /, *args: P.args, **options: P.kwargs) -> T:
        if not isinstance(tensor, Tensor):
            raise KindError(
                f"{fill.__name__} writes into a parameter, such as layer.weight; given {describe(tensor)}. For a new "
                f"array write nn.init.{draw.__name__}(shape)"
            )
        tensor.data = draw(tensor.shape, *args, **options).astype(tensor.dtype, copy=False)
        return tensor

    fill.__name__ = fill.__qualname__ = f"{draw.__name__}_"
    fill.__module__ = __name__
    fill.__doc__ = (
        f"Write the numbers of `{draw.__name__}` into a parameter, in its shape and dtype; returns it."
    )
    own = inspect.signature(draw).parameters
    first = inspect.Parameter("tensor", inspect.Parameter.POSITIONAL_ONLY)
    rest = [p for name, p in own.items() if name not in ("shape", "dtype")]
    fill.__signature__ = inspect.Signature([first, *rest])  # type: ignore[attr-defined]  # what help shows
    del fill.__wrapped__
    return fill


normal_, uniform_ = _in_place(distributions.normal), _in_place(distributions.uniform)
constant_, zeros_, ones_ = _in_place(filled.constant), _in_place(filled.zeros), _in_place(filled.ones)
glorot_normal_, glorot_uniform_ = _in_place(scaled.glorot_normal), _in_place(scaled.glorot_uniform)
he_normal_, he_uniform_ = _in_place(scaled.he_normal), _in_place(scaled.he_uniform)
lecun_normal_, lecun_uniform_ = _in_place(scaled.lecun_normal), _in_place(scaled.lecun_uniform)
orthogonal_ = _in_place(scaled.orthogonal)
xavier_normal_, xavier_uniform_ = glorot_normal_, glorot_uniform_
kaiming_normal_, kaiming_uniform_ = he_normal_, he_uniform_
