"""Writing files so that they appear complete or not at all; every picture and page is saved here."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ...autograd.extending import write_atomically
from .errors import OptionError

__all__ = ["path_of", "suffix_lesson", "write_whole"]


def path_of(path: str | os.PathLike[str]) -> Path:
    """The path as a `Path`. Raises `OptionError` for anything that cannot be the name of a file."""
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(name, str) or not name or "\0" in name:
        raise OptionError(
            f"{name!r} is no name of a file; write one such as 'graph.svg', without zero characters"
        )
    return Path(name)


def suffix_lesson(path: Path, known: Iterable[str], usual: str) -> OptionError:
    """The error for a path whose suffix is not one of the `known` ones; `usual` is a name to write instead."""
    given = f"the suffix {path.suffix!r}" if path.suffix else "no suffix"
    name = path.stem if path.stem.strip(".") and not path.stem.startswith(".") else Path(usual).stem
    return OptionError(
        f"the path {os.fspath(path)!r} has {given}, and the suffix says what is written. Use one of "
        f"{', '.join(known)}, for example {name}{Path(usual).suffix}"
    )


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> Path:
    """Write a file, text as UTF-8, and return its path. If writing fails, an existing file is left unchanged.

    Missing folders are created. A file that is replaced keeps its mode, and symbolic links to it stay valid. An
    `OSError` names the path that was given.
    """
    path = path_of(path)
    data = content.encode(errors="backslashreplace") if isinstance(content, str) else content
    try:
        Path(os.path.realpath(path)).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(data))
    except OSError as error:
        if error.errno is None:
            raise
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    return path
