"""What a checkpoint's second run repeats: the random numbers that were drawn, and nothing that was counted.

`checkpoint` runs a function again for the backward pass. A layer inside it draws through `drawing_from`, so that the
second run starts from the generator's first state, and asks `recomputing()` before it updates statistics.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

__all__ = ["Recomputed", "drawing_from", "recomputing"]


class Recomputed:
    """A run of the function of a checkpoint, the first or `again`; `states` are those of its generators before it."""

    __slots__ = ("again", "around", "states")

    def __init__(self, states: dict[Any, Any], again: bool) -> None:
        self.states = states
        self.again = again
        self.around: Recomputed | None = None

    def __enter__(self) -> None:
        self.around = RECOMPUTED.get()
        RECOMPUTED.set(self)

    def __exit__(self, *error: object) -> None:
        RECOMPUTED.set(self.around)


RECOMPUTED: ContextVar[Recomputed | None] = ContextVar("chainrule_recomputed", default=None)


def recomputing() -> bool:
    """Whether a `checkpoint` is running its function again, for the backward pass.

    A module that updates statistics has counted this input already in the first run.

    >>> from chainrule.autograd import Value, checkpoint
    >>> from chainrule.autograd.transforms.recomputing import recomputing
    >>> runs = []
    >>> def square(x):
    ...     runs.append(recomputing())
    ...     return x * x
    >>> checkpoint(square, Value(3.0)).backward()
    >>> runs
    [False, True]
    """
    run = RECOMPUTED.get()
    while run is not None and not run.again:
        run = run.around
    return run is not None


def drawing_from(generator: Any) -> Any:
    """The generator; a `checkpoint` around this call starts its second run from the state that it has now.

    >>> import numpy as np
    >>> from chainrule.autograd import Tensor, checkpoint
    >>> from chainrule.autograd.transforms.recomputing import drawing_from
    >>> rng = np.random.default_rng(0)
    >>> x = Tensor([1.0, 1.0])
    >>> y = checkpoint(lambda x: x * drawing_from(rng).random(2), x)
    >>> y.sum().backward()
    >>> bool((x.grad == y.data).all())
    True
    """
    run = RECOMPUTED.get()
    while run is not None:
        if not run.again:
            run.states.setdefault(generator, generator.bit_generator.state)
        run = run.around
    return generator
