"""Terminals and other streams: characters that an encoding does not have, closed streams, readers that exit early."""

from __future__ import annotations

import codecs
import errno
import io
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

__all__ = [
    "WIDTH",
    "ClosedStream",
    "columns",
    "is_terminal",
    "padded",
    "standard_streams",
    "wants_colour",
    "width_of",
    "writable",
]

WIDTH = 80  # columns of a text for a file, a pipe or a notebook
LEAST_WIDTH = 40  # columns of a narrow terminal, for which a text is written

IN_ASCII = {
    "∂": "d", "×": "*", "÷": "/", "−": "-", "–": "-", "·": "*", "±": "+-", "√": "sqrt", "²": "^2", "∞": "inf",
    "Σ": "sum", "…": "...", "→": "->", "├": "|", "└": "`", "│": "|", "─": "-", "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip
# the name of the error handler for characters that an encoding does not have
HANDLER = "chainrule.in_ascii"


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """The ASCII form of the characters that an encoding does not have; without one, Python's escape, `\\u03c0`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(
        IN_ASCII.get(c) or c.encode("ascii", "backslashreplace").decode() for c in lacking
    ), error.end


codecs.register_error(HANDLER, _in_ascii)  # Python has one table of handlers; streams take them by name only


def writable(text: str, file: TextIO | None = None) -> str:
    """The text as a stream, by default standard output, can write it: characters that it cannot write are in ASCII.

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
    """How many columns of a terminal a text takes: wide characters take two, combining characters none.

    >>> columns("tanh"), columns("重み")
    (4, 4)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(c: str) -> int:
    return 0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")


def padded(text: str, width: int) -> str:
    """The text followed by spaces, `width` columns wide in all."""
    return text + " " * (width - columns(text))


def is_terminal(file: TextIO | None) -> bool:
    """Whether a stream is open and is a terminal."""
    # what replaces a stream may have neither
    return file is not None and not getattr(file, "closed", False) and bool(getattr(file, "isatty", bool)())


def width_of(file: TextIO | None) -> int:
    """How many columns a text for a stream may have: those of a terminal, but at least 40; otherwise 80.

    >>> import io
    >>> width_of(io.StringIO())
    80
    """
    if not is_terminal(file):
        return WIDTH
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, LEAST_WIDTH)


def wants_colour(file: TextIO | None) -> bool:
    """Whether a stream is a terminal that shows colours, and its user has not turned them off."""
    return is_terminal(file) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# ---------------------------------------------------------------------- a command's own streams


class ClosedStream(io.TextIOBase):
    """Replaces a standard stream that is closed, and records whether anything was written to it."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.used = False

    def write(self, text: str) -> int:
        """Record that there was something to write."""
        self.used = self.used or bool(text)
        return len(text)


@contextmanager
def standard_streams() -> Iterator[None]:
    """For a command: inside the block, printing does not fail, for an unknown character or for a closed stream.

    At the end of the block standard output is flushed. `OSError` says that this failed, or that there was output but
    standard output was closed from the start; `BrokenPipeError` that the reader of standard output has exited.
    """
    before = sys.stdout, sys.stderr
    _reserve_descriptors()
    sys.stdout, sys.stderr = (ClosedStream() if _is_closed(stream) else stream for stream in before)
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
    """Occupy the file descriptors of closed standard streams, so that no file that is opened later gets them."""
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:
        pass
    os.close(number)


def _bring_out(stream: Any) -> None:
    if isinstance(stream, ClosedStream) and stream.used:
        raise OSError(errno.EBADF, "it is closed")
    try:
        stream.flush()
    except OSError:
        # redirect it to nowhere, so that Python does not try to flush it again at exit
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        raise
