"""The safetensors format, read and written by the package of that name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..base.extras import ExtraError
from .rules import METADATA, FileError, Words, checked_words

__all__ = ["read_safetensors", "write_safetensors"]


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ExtraError(
            "files that end in .safetensors are read and written by",
            "safetensors",
            "safetensors",
            ". Or use the suffix .npz",
        ) from None
    return safetensors


def write_safetensors(file: IO[bytes], arrays: Mapping[str, np.ndarray], words: Words) -> None:
    """Write arrays and words."""
    # one entry, because safetensors writes several in a random order
    file.write(_safetensors().numpy.save(dict(arrays), {METADATA: json.dumps(words)}))


def read_safetensors(path: Path, size: int) -> tuple[dict[str, np.ndarray], Words]:
    """Read arrays and words; `size` is the size of the file in bytes."""
    dtypes = ("F64", "F32", "F16", "I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "BOOL")
    with _safetensors().safe_open(
        path, framework="np"
    ) as file:  # compares the header with the size of the file
        for name in file.keys():  # noqa: SIM118 - it is no dict
            dtype = file.get_slice(name).get_dtype()
            if dtype not in dtypes:
                raise FileError(f"{path} is refused: {name!r} is of dtype {dtype}, which NumPy does not have")
        words: Words = dict(file.metadata() or {})
        if METADATA in words:
            words = checked_words(words[METADATA], path)
        return {name: file.get_tensor(name) for name in file.keys()}, words  # noqa: SIM118
