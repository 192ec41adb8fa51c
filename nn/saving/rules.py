"""What a file may hold: names, words and numbers, with a checksum; anything else is refused."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...autograd import ChainruleError

__all__ = [
    "FileError",
    "KINDS",
    "MARKS",
    "METADATA",
    "PathLike",
    "WORDS",
    "Words",
    "check_array_name",
    "checked_words",
    "checksum",
]

METADATA = "__metadata__"  # the name of the words in a file

MARKS, WORDS = "chainrule", "metadata"  # the two sorts of words in it

KINDS = "fiub"  # kinds of arrays that can be saved: floats, whole numbers, booleans
PathLike = str | os.PathLike[str]
Words = dict[str, Any]


class FileError(ChainruleError, ValueError):
    """A file is damaged, refused or of another kind; the message says why. Nothing of it was loaded."""


def check_array_name(name: Any, path: Path) -> None:
    """Raise `FileError` for a name that other programs could take for a path out of the folder of the file."""
    parts = str(name).replace("\\", "/").split("/")
    if not isinstance(name, str) or name == METADATA or not name.isprintable() or {"", ".", ".."} & {*parts}:
        raise FileError(f"{path} is refused: {name!r} is no name for an array")


def checksum(arrays: Mapping[str, np.ndarray], words: Words) -> str:
    """A checksum over names, dtypes, shapes, numbers and words."""
    total = zlib.crc32(json.dumps(words, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(array.tobytes(), total)
    return f"{total:08x}"


def checked_words(text: str | bytes, path: Path) -> Words:
    """The words in a file: a dict of texts (in files of other programs), or marks and words as two such dicts."""
    words = json.loads(text)
    sorts = [words]
    if isinstance(words, dict) and words.keys() == {MARKS, WORDS}:
        sorts = [*words.values()] if isinstance(words[MARKS], dict) else sorts
    for each in sorts:
        if not isinstance(each, dict) or not all(isinstance(word, str) for word in each.values()):
            raise FileError(f"{path} is refused: its metadata are not words with names")
    return cast(Words, words)
