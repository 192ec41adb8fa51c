"""Terminals and other streams: signs that an encoding lacks, streams that are closed, readers that go away."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, TextIO

__all__ = ["Lost", "columns", "is_terminal", "padded", "standard_streams", "writable"]

IN_ASCII = {
    "∂": "d", "×": "*", "÷": "/", "−": "-", "–": "-", "·": "*", "±": "+-", "√": "sqrt", "²": "^2", "∞": "inf",
    "Σ": "sum", "…": "...", "⋯": "...", "→": "->", "├": "|", "└": "`", "│": "|", "─": "-", "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip
HANDLER = "chainrule.in_ascii"  # the name under which codecs know what to do with a sign that they lack


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """The ASCII form of signs that an encoding lacks; all other characters as Python writes them, `\\u03c0`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(
        IN_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking
    ), error.end


codecs.register_error(HANDLER, _in_ascii)


def writable(text: str, file: TextIO | None = None) -> str:
    """The text as a stream, by default standard output, can write it: signs that its encoding lacks are in ASCII.

    >>> import io
    >>> writable("v1  ×  -6  ∂ 1", io.TextIOWrapper(io.BytesIO(), "ascii"))
    'v1  *  -6  d 1'
    """
    encoding = getattr(sys.stdout if file is None else file, "encoding", None)
    if not isinstance(encoding, str):
        return text
    with suppress(LookupError, UnicodeError):
        return text.encode(encoding, HANDLER).decode(encoding)
    return text


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: wide characters take two, combining ones none.

    >>> columns("tanh"), columns("重み")
    (4, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


@cache
def _columns(c: str) -> int:
    return 0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")


def padded(text: str, width: int) -> str:
    """The text with spaces behind it, up to so many columns."""
    return text + " " * (width - columns(text))


def is_terminal(file: TextIO | None) -> bool:
    """Whether a stream is open and someone sits before it."""
    return file is not None and not file.closed and file.isatty()


# ---------------------------------------------------------------------- a command's own streams


class Lost(io.TextIOBase):
    """Stands for a standard stream that is closed: knows whether anything was written to it."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.asked = False

    def write(self, text: str) -> int:
        """Remember that there was something to write."""
        self.asked = self.asked or bool(text)
        return len(text)


@contextmanager
def standard_streams() -> Iterator[None]:
    """For a command: within the block no text and no closed stream makes printing fail.

    At the end of the block, what was printed is brought out. `OSError` then says that it could not be, also where
    standard output was closed from the start; `BrokenPipeError` that its reader has gone away.
    """
    before = sys.stdout, sys.stderr
    _reserve_descriptors()
    sys.stdout, sys.stderr = (Lost() if _is_closed(stream) else stream for stream in before)
    modes = [(stream, stream.errors) for stream in (sys.stdout, sys.stderr) if hasattr(stream, "reconfigure")]
    for stream, _ in modes:
        stream.reconfigure(errors=HANDLER)
    try:
        yield
    finally:
        try:
            _bring_out(sys.stdout)
        finally:
            for stream, errors in modes:
                with suppress(OSError, ValueError):
                    stream.reconfigure(errors=errors)
            sys.stdout, sys.stderr = before


def _is_closed(stream: Any) -> bool:
    return stream is None or getattr(stream, "closed", False)


def _reserve_descriptors() -> None:
    """Where a standard stream is closed, keep the next file that is opened from getting its number."""
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)


def _bring_out(stream: Any) -> None:
    if isinstance(stream, Lost) and stream.asked:
        raise OSError(errno.EBADF, "it is closed")
    try:
        stream.flush()
    except OSError:
        # nothing more to it, so that Python does not try again when it ends
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        raise
