"""Ctrl-C: the first one ends a training after its current batch, and a series of trainings at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["ctrl_c_noted", "ctrl_c_raised"]


@contextmanager
def ctrl_c_noted() -> Iterator[Callable[[], bool]]:
    """Note a first Ctrl-C within the block: the function that the block gets returns `True` then.

    A second Ctrl-C interrupts as usual.
    """
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    with _handler(note):
        yield lambda: pressed


@contextmanager
def ctrl_c_raised() -> Iterator[Callable[[], bool]]:
    """Raise `KeyboardInterrupt` at a Ctrl-C within the block, as usual, and note it.

    A `fit` within the block ends at it and returns its history; that it was pressed is known only from the note.
    """
    pressed = False

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    with _handler(note):
        yield lambda: pressed


@contextmanager
def _handler(note: Callable[[int, Any], None]) -> Iterator[None]:
    # other threads cannot set a handler, and a handler of the user is left in place
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
