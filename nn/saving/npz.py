"""The npz format: a zip archive with one npy file for each array."""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from .rules import KINDS, METADATA, FileError, Words, checked_words

__all__ = ["read_npz", "write_npz"]


def write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray], words: Words) -> None:
    """Write arrays and words."""
    text = np.frombuffer(json.dumps(words).encode(), np.uint8)
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in {**arrays, METADATA: text}.items():
            # a ZipInfo has a fixed time, so that equal models give equal files
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read_npz(path: Path, size: int) -> tuple[dict[str, np.ndarray], Words]:
    """Read arrays and words; `size` is the size of the file in bytes."""
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            if member.compress_type != zipfile.ZIP_STORED:
                raise FileError(
                    f"{path} is refused: {member.filename!r} is compressed, so that its size cannot be judged. "
                    f"If you trust the file, give what np.load reads to load_state_dict"
                )
        if sum(member.file_size for member in members) > size:
            raise FileError(f"{path} is refused: it promises more bytes than the {size} that it has")
        with open(
            path, "rb"
        ) as file:  # the record at the end counts the entries, which zipfile does not compare
            file.seek(-22, os.SEEK_END)
            counted = int.from_bytes(file.read()[10:12], "little")
        if (
            not members
            or min(member.header_offset for member in members)
            or len(members) % 0xFFFF != counted % 0xFFFF
        ):
            raise FileError(f"{path} is damaged: its table of contents does not name all that is in it")
        for member in members:
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in arrays:
                raise FileError(f"{path} is refused: it has an unexpected entry {member.filename!r}")
            arrays[name] = _read_npy(archive.read(member), name, path)
    return arrays, checked_words(arrays.pop(METADATA, np.frombuffer(b"{}", np.uint8)).tobytes(), path)


def _read_npy(content: bytes, name: str, path: Path) -> np.ndarray:
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, fortran_order, dtype = readers[version](file)
    if dtype.kind not in KINDS:
        raise FileError(
            f"{path} is refused: {name!r} is of dtype {dtype}"
            + (", Python objects, which only pickle can read" if dtype.hasobject else ", which is no number")
        )
    data = content[file.tell() :]
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise FileError(
            f"{path} is refused: {name!r} promises {dtype} of shape {shape} and has {len(data)} bytes"
        )
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C").copy()
