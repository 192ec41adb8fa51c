"""Checkpoints: the state of a training after an epoch, in one file; a training continues from it to the same bits.

The file is written by `saving/`: it holds arrays and words, is replaced in one piece, and is checked when it is read.
The words are JSON, in which arrays are references. The state of a training is: parameters and buffers, optimiser,
schedules, the position of the loader, random generators in the model and its callbacks, the best model, the history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd import KindError
from ..saving.rules import FileError

__all__ = ["pack", "unpack"]

ARRAY, NUMBER, TUPLE = "__array__", "__number__", "__tuple__"  # keys of the types that JSON does not have


def pack(tree: Any) -> tuple[str, dict[str, np.ndarray]]:
    """Convert nested lists, tuples and dicts of numbers, texts and arrays to a text and the arrays that it refers to.

    >>> import numpy as np
    >>> from chainrule.nn.training.checkpoints import pack, unpack
    >>> text, arrays = pack({"w": np.ones(2), "betas": (0.9, 0.999)})
    >>> text
    '{"w": {"__array__": "0"}, "betas": {"__tuple__": [0.9, 0.999]}}'
    >>> unpack(text, arrays)
    {'w': array([1., 1.]), 'betas': (0.9, 0.999)}
    """
    arrays: dict[str, np.ndarray] = {}

    def packed(x: Any) -> Any:
        if isinstance(x, (np.ndarray, np.generic)):
            arrays[str(len(arrays))] = np.asarray(x)
            return {ARRAY if isinstance(x, np.ndarray) else NUMBER: str(len(arrays) - 1)}
        if isinstance(x, tuple):
            return {TUPLE: [packed(each) for each in x]}
        if isinstance(x, list):
            return [packed(each) for each in x]
        if isinstance(x, Mapping) and all(isinstance(key, str) for key in x):
            if len(x) == 1 and not x.keys().isdisjoint((ARRAY, NUMBER, TUPLE)):
                raise KindError(
                    f"{next(iter(x))!r} has a meaning of its own in a checkpoint; give it another name"
                )
            return {key: packed(each) for key, each in x.items()}
        if x is None or isinstance(x, (bool, int, float, str)):
            return x
        raise KindError(
            f"a checkpoint holds numbers, texts, arrays, and lists, tuples and dicts of them; a state_dict() gave "
            f"{type(x).__name__}: {x!r}"
        )

    return json.dumps(packed(tree)), arrays


def unpack(text: str, arrays: Mapping[str, np.ndarray]) -> Any:
    """Convert a text and arrays back to the argument of `pack`.

    Raises `FileError` for another text, or a text that refers to other arrays.
    """

    def unpacked(x: dict[str, Any]) -> Any:
        if set(x) == {ARRAY}:
            return arrays[x[ARRAY]]
        if set(x) == {NUMBER}:
            number = arrays[x[NUMBER]]
            if number.ndim:
                raise ValueError(f"a number has shape {number.shape}")
            return number[()]
        if set(x) == {TUPLE}:
            if not isinstance(x[TUPLE], list):
                raise TypeError(f"a tuple was written as {x[TUPLE]!r:.40}")
            return tuple(x[TUPLE])
        return x

    try:
        return json.loads(text, object_hook=unpacked)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise FileError(f"the state of a training cannot be read from this text: {error!r:.200}") from None
