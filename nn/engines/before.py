"""The state before a batch, so that it can be run again; and the error for a batch whose loss is NaN or infinite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...autograd import NonfiniteError, detect_nonfinite
from ..base.module import Module

__all__ = ["Before", "generators_in", "nonfinite_error"]


class Before:
    """The states of random generators and running statistics before a batch, so that it can be run again."""

    def __init__(
        self, generators: Sequence[np.random.Generator], buffers: Sequence[tuple[Module, str]]
    ) -> None:
        self.generators = [(generator, generator.bit_generator.state) for generator in generators]
        self.buffers = [(module, name, getattr(module, name).copy()) for module, name in buffers]

    def restore(self) -> None:
        """Set them back."""
        for generator, state in self.generators:
            generator.bit_generator.state = state
        for module, name, before in self.buffers:
            setattr(module, name, before)


def nonfinite_error(
    what: str, value: Any, place: str, lr: float, total: Callable[[], Any], before: Before
) -> NonfiniteError:
    """The error for a `value`, described by `what`, that is NaN or infinite.

    `total()` computes the loss of the batch once more, to find the operation in which it stops being finite.
    """
    before.restore()
    found = ""
    try:
        with np.errstate(all="ignore"), detect_nonfinite():
            total().backward()
    except NonfiniteError as error:
        found = str(error)
    finally:
        before.restore()
    bad = np.asarray(value)[~np.isfinite(value)].ravel()[0]
    scopes = [line.split(" / ")[-1] for line in found.splitlines() if line.startswith("  scope: ")]
    layer = f", in {scopes[0].removeprefix('  scope: ')}" if scopes else ""
    return NonfiniteError(
        f"{what} became {bad} in {place}{layer}; training has stopped, and the model is as it was before that batch. "
        f"Is the learning rate, {lr}, too high, does the data hold NaN, or does a logarithm or a division meet 0?"
        + (f"\n{found}" if found else "")
    )


def generators_in(*things: Any) -> list[np.random.Generator]:
    """The random generators in modules and in the attributes of other things, each once, in a fixed order."""
    found = (
        value for thing in things for value in _attributes(thing) if isinstance(value, np.random.Generator)
    )
    return list(dict.fromkeys(found))


def _attributes(thing: Any) -> Iterator[Any]:
    for part in thing.modules() if isinstance(thing, Module) else [thing]:
        yield from getattr(part, "__dict__", {}).values()
