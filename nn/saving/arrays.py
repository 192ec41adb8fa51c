"""Named arrays in a file, and words about them; the suffix selects the format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...autograd import KindError, Node
from ...autograd.extending import describe, write_atomically
from ..base.arguments import array_of
from ..base.extras import ExtraError
from .npz import read_npz, write_npz
from .rules import KINDS, MARKS, WORDS, FileError, PathLike, Words, check_array_name, checksum
from .safe import read_safetensors, write_safetensors

__all__ = ["check_path", "read", "read_marked", "write", "write_marked"]


def write(path: PathLike, arrays: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
    """Write named arrays, and words or numbers about them, to `path`, which ends in `.npz` or `.safetensors`.

    For a model use `nn.save`.

    Raises `FileError` for another suffix, `KindError` for arrays that do not hold numbers.

    >>> import numpy as np
    >>> from chainrule.nn import saving
    >>> saving.write("data.npz", {"x": np.arange(3)}, {"unit": "cm"})
    >>> saving.read("data.npz")
    ({'x': array([0, 1, 2])}, {'unit': 'cm'})
    """
    write_marked(path, arrays, {}, metadata)


def write_marked(
    path: PathLike,
    arrays: Mapping[str, Any],
    marks: Mapping[str, str],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write arrays and words, with marks of the file itself, such as its format."""
    path, suffix = check_path(path)
    plain = {}
    if not isinstance(arrays, Mapping):
        raise KindError(f"write takes a dict of arrays with their names; given {describe(arrays)}")
    for name, given in arrays.items():
        array = np.array(given if isinstance(given, Node) else array_of(given), order="C")
        if array.dtype.kind not in KINDS:
            raise KindError(f"{name!r} cannot be saved: it is of dtype {array.dtype}, which is no number")
        check_array_name(name, path)
        plain[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not isinstance(metadata, (Mapping, type(None))) or not all(
        isinstance(name, str) for name in metadata or {}
    ):
        raise KindError(
            f"metadata are words with their names, as in {{'trained on': 'digits'}}; given {describe(metadata)}"
        )
    words: Words = {MARKS: dict(marks), WORDS: {name: str(word) for name, word in (metadata or {}).items()}}
    words[MARKS]["crc32"] = checksum(plain, words)
    write_atomically(path, lambda file: FORMATS[suffix][1](file, plain, words))


def read(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The named arrays in a file, and the words about them: the arguments of `write`.

    Numbers in the metadata are returned as texts. Safetensors and (uncompressed) npz files of other programs can be
    read as well.

    Raises `FileError` for a damaged file, for Python objects, which only pickle can read, and for other formats.
    """
    arrays, _, words = read_marked(path)
    return arrays, words


def read_marked(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, str]]:
    """The arrays in a file, its marks, and the words of its user; in files of other programs both are the same."""
    path, suffix = check_path(path)
    with open(path, "rb") as file:  # raises the error of the system if the file cannot be opened
        size = os.fstat(file.fileno()).st_size
    try:
        arrays, words = FORMATS[suffix][0](path, size)
        for name, array in arrays.items():
            check_array_name(name, path)
            if array.dtype.kind not in KINDS:
                raise FileError(f"{path} is refused: {name!r} is of dtype {array.dtype}, which is no number")
    except (FileError, ExtraError):
        raise
    except Exception as error:  # a damaged file can raise anything in the reader of its format
        raise FileError(
            f"{path} is no {suffix[1:]} file, or a damaged one, and nothing of it was loaded: "
            f"{type(error).__name__}: {error}"
        ) from None
    own = words.get(MARKS)
    marks: Any = own if isinstance(own, dict) else words
    stated = marks.pop("crc32", None)
    if stated != checksum(arrays, words) and (stated is not None or marks is own):
        raise FileError(
            f"{path} is damaged, and nothing of it was loaded: what is in it does not have the checksum that was "
            f"written with them, {stated}"
        )
    return arrays, marks, words.get(WORDS, {}) if marks is own else words


def check_path(path: PathLike) -> tuple[Path, str]:
    """A path and its suffix; raises `FileError` for an unknown suffix or a folder that does not exist."""
    try:
        path = Path(path)
    except TypeError:
        raise KindError(f"a path is a string or a pathlib.Path; given {describe(path)}") from None
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        why = "the suffix says in which format arrays are saved"
        if suffix in (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib"):
            why = (
                "such files are pickles, which run whatever they say when they are opened. Convert it where it "
                "comes from, as with safetensors.torch.save_file(model.state_dict(), path)"
            )
        raise FileError(f"{path} ends neither in .npz nor in .safetensors: {why}")
    if not path.parent.is_dir():
        raise FileError(f"there is no folder {path.parent}, in which {path.name} would be")
    return path, suffix


FORMATS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    ".npz": (read_npz, write_npz),
    ".safetensors": (read_safetensors, write_safetensors),
}
