"""Replays of graphs of Tensors, compared to the last bit with graphs that are recorded anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.autograd import (
    Tape,
    Tensor,
)
from chainrule.autograd.replay.tensor_replay import TensorReplay


def same_bits(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    assert a.tobytes() == b.tobytes(), f"{a} is not {b}"


def check(record: Callable[..., Tensor], *starts: Any, rounds: int = 3, move: float = 0.05) -> TensorReplay:
    """Replay with leaves that change, in place and by assignment, next to recording anew: value and gradients."""
    rng = np.random.default_rng(3)
    leaves = [Tensor(x) for x in starts]
    y = record(*leaves)
    upstream = None if y.size == 1 else np.asarray(rng.normal(size=y.shape), y.dtype)
    replay = TensorReplay(Tape(y))
    for k in range(rounds):
        for x in leaves:
            if x.dtype.kind == "f":
                change = np.asarray(rng.uniform(-move, move, x.shape) * (x.data != np.round(x.data)), x.dtype)
                if k % 2:
                    x.data[...] += change
                else:
                    x.data = x.data + change
        fresh = [Tensor(x.data) for x in leaves]
        z = record(*fresh)
        same_bits(replay.forward(), z.data)
        for x in (*leaves, *fresh):
            x.zero_grad()
        replay.backward(upstream)
        if z.requires_grad:
            z.backward(upstream)
        for x, f in zip(leaves, fresh):
            if f.grad is None:
                assert x.grad is None
            else:
                same_bits(x.grad, f.grad)
    return replay
