"""Ctrl-C during a training: the first one ends it after the current batch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["ctrl_c_noted"]


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

    # other threads cannot set a handler, and a handler of the user is left in place
    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
