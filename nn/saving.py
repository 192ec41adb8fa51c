"""Saving without pickle: named arrays and a few words about them, in a safetensors or an npz file, by suffix.

`save` and `load` are for models; `write` and `read` for any arrays. A file appears whole or not at all (`files.py`). A
file that is read may be damaged or made to harm: nothing in it is executed, sizes are compared with the file before
memory is asked for, a checksum is compared, and a model changes only after all of it was found right.

A file keeps two sorts of words: its own marks (format, version, checksum), and what its user wrote about the arrays.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import numpy as np

from ..autograd.debug.files import write_atomically
from ..autograd.engine.node import describe
from ..autograd.errors import ChainruleError, KindError
from .extras import ExtraError
from .module import Module

__all__ = ["FileError", "load", "read", "save", "write"]

FORMAT, VERSION = "chainrule", 1
METADATA = "__metadata__"  # under which name a file holds the words
MARKS, WORDS = "chainrule", "metadata"  # the two sorts of words in it
KINDS = "fiub"  # of arrays that can be saved: floats, whole numbers, booleans

M = TypeVar("M", bound=Module)
PathLike = str | os.PathLike[str]
Words = dict[str, Any]


class FileError(ChainruleError, ValueError):
    """A file cannot be what it should be; the message says why. Nothing of it was loaded."""


# ---------------------------------------------------------------------- models


def save(model: Module, path: PathLike, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the parameters and buffers of a model to `path`, which ends in `.npz` or `.safetensors`.

    `metadata` are words or numbers to keep with them, under any names; `chainrule.nn.saving.read` returns them as
    texts. A file that was there before is replaced only when the new one is on disk, which then has its mode; where
    `path` is a link, the file that it leads to is replaced.

    Raises `FileError` for another suffix, `KindError` for what is not a module.

    >>> from chainrule import nn
    >>> model, other = nn.MLP(2, [8, 1], seed=0), nn.MLP(2, [8, 1], seed=1)
    >>> nn.save(model, "model.npz", metadata={"epochs": 20})
    >>> nn.load("model.npz", other)
    MLP(2 -> 8 -> 1)
      layers.0: Linear(2 -> 8)
      layers.1: ReLU()
      layers.2: Linear(8 -> 1)
    >>> bool((model.layers[0].weight.data == other.layers[0].weight.data).all())
    True
    """
    if not isinstance(model, Module):
        raise KindError(f"save takes a module, as in nn.save(model, path); given {describe(model)}")
    marks = {"format": FORMAT, "version": str(VERSION), "model": model._headline()}
    write_marked(path, model.state_dict(), marks, metadata)


def load(path: PathLike, model: M) -> M:
    """Set the parameters and buffers of `model` to those that `save` wrote; returns the model.

    The model has to be built as the saved one was. Floats are converted to the dtypes of the model.

    Raises `FileError` for a damaged file or one of another kind, `ShapeError` where names or shapes differ, `KindError`
    where dtypes do, each with all reasons; the model is as it was then.

    >>> from chainrule import nn
    >>> from chainrule.autograd import ShapeError
    >>> nn.save(nn.Linear(2, 3, seed=0), "layer.npz")
    >>> try:
    ...     nn.load("layer.npz", nn.Linear(2, 4))
    ... except ShapeError as error:
    ...     print(str(error).split(";")[0])
    this state does not belong to Linear(2 -> 4), and nothing of it was loaded: 'bias' has shape (3,), and (4,) here
    """
    if not isinstance(model, Module):
        raise KindError(
            f"load takes a path, and a module to fill, as in nn.load(path, model); given {describe(model)}"
        )
    arrays, marks, _ = read_marked(path)
    written = marks.get("format", FORMAT)
    if written != FORMAT:
        raise FileError(
            f"{path} was not written by nn.save: it says that its format is {written!r}. For weights of PyTorch, whose "
            f"layouts differ, write nn.load_torch(model, nn.saving.read({str(path)!r})[0])"
        )
    if marks.get("version", str(VERSION)) != str(VERSION):
        raise FileError(
            f"{path} is of version {marks['version']}, and this chainrule reads version {VERSION}: it was written by "
            f"a newer one"
        )
    own = model.state_dict()
    wrong = [
        f"{name!r} is {array.dtype}, and {own[name].dtype} here"
        for name, array in arrays.items()
        if name in own and array.dtype.kind != own[name].dtype.kind
    ]
    if wrong:
        raise KindError(
            f"nothing was loaded from {path}, whose dtypes are of other kinds: {'; '.join(wrong)}"
        )
    model.load_state_dict(arrays)
    return model


# ---------------------------------------------------------------------- any arrays


def write(path: PathLike, arrays: Mapping[str, Any], metadata: Mapping[str, Any] | None = None) -> None:
    """Write named arrays, and words or numbers about them, to `path`, which ends in `.npz` or `.safetensors`.

    Raises `FileError` for another suffix, `KindError` for arrays of other things than numbers.

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
    """The same with marks of the file's own, which say what it is."""
    path, suffix = check_path(path)
    plain = {}
    for name, given in arrays.items():
        array = np.array(given, order="C")
        if array.dtype.kind not in KINDS:
            raise KindError(f"{name!r} cannot be saved: it is of dtype {array.dtype}, which is no number")
        _check_name(name, path)
        plain[name] = array.astype(array.dtype.newbyteorder("="), copy=False)
    if not isinstance(metadata, (Mapping, type(None))) or not all(
        isinstance(name, str) for name in metadata or {}
    ):
        raise KindError(
            f"metadata are words with their names, as in {{'trained on': 'digits'}}; given {describe(metadata)}"
        )
    words: Words = {MARKS: dict(marks), WORDS: {name: str(word) for name, word in (metadata or {}).items()}}
    words[MARKS]["crc32"] = _checksum(plain, words)
    write_atomically(path, lambda file: FORMATS[suffix][1](file, plain, words))


def read(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The named arrays in a file, and the words about them, as `write` was given them.

    Numbers in the metadata come back as texts. It reads safetensors and (uncompressed) npz files of others as well.

    Raises `FileError` for a damaged file, for objects that only pickle could read, and for other formats.
    """
    arrays, _, words = read_marked(path)
    return arrays, words


def read_marked(path: PathLike) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, str]]:
    """The same with the file's own marks before the user's words; what has one sort of words only has it twice."""
    path, suffix = check_path(path)
    with open(path, "rb") as file:  # whether it can be opened at all is the system's to say
        size = os.fstat(file.fileno()).st_size
    try:
        arrays, words = FORMATS[suffix][0](path, size)
        for name, array in arrays.items():
            _check_name(name, path)
            if array.dtype.kind not in KINDS:
                raise FileError(f"{path} is refused: {name!r} is of dtype {array.dtype}, which is no number")
    except (FileError, ExtraError):
        raise
    except Exception as error:  # whatever a damaged file makes the readers of its format stumble over
        raise FileError(
            f"{path} is no {suffix[1:]} file, or a damaged one, and nothing of it was loaded: "
            f"{type(error).__name__}: {error}"
        ) from None
    own = words.get(MARKS)
    marks: Any = own if isinstance(own, dict) else words
    stated = marks.pop("crc32", None)
    if stated != _checksum(arrays, words) and (stated is not None or marks is own):
        raise FileError(
            f"{path} is damaged, and nothing of it was loaded: what is in it does not have the checksum that was "
            f"written with them, {stated}"
        )
    return arrays, marks, words.get(WORDS, {}) if marks is own else words


def check_path(path: PathLike) -> tuple[Path, str]:
    """A path and its suffix, if that is of a format, and if the path leads into a folder."""
    path = Path(path)
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


def _check_name(name: Any, path: Path) -> None:
    """A name may become a path in other hands; one that leads elsewhere is not meant well."""
    parts = str(name).replace("\\", "/").split("/")
    if not isinstance(name, str) or name == METADATA or not name.isprintable() or {"", ".", ".."} & {*parts}:
        raise FileError(f"{path} is refused: {name!r} is no name for an array")


def _checksum(arrays: Mapping[str, np.ndarray], words: Words) -> str:
    total = zlib.crc32(json.dumps(words, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        total = zlib.crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total)
        total = zlib.crc32(array.tobytes(), total)
    return f"{total:08x}"


def _words(text: str | bytes, path: Path) -> Words:
    """Texts with names, as files of others and older ones of ours have them, or two dicts of them."""
    words = json.loads(text)
    sorts = [words]
    if isinstance(words, dict) and words.keys() == {MARKS, WORDS}:
        sorts = [*words.values()] if isinstance(words[MARKS], dict) else sorts
    for each in sorts:
        if not isinstance(each, dict) or not all(isinstance(word, str) for word in each.values()):
            raise FileError(f"{path} is refused: its metadata are not words with names")
    return cast(Words, words)


# ---------------------------------------------------------------------- npz


def _write_npz(file: IO[bytes], arrays: Mapping[str, np.ndarray], words: Words) -> None:
    text = np.frombuffer(json.dumps(words).encode(), np.uint8)
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in {**arrays, METADATA: text}.items():
            # the time of such an entry is always the same, so that equal models give equal files
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _read_npz(path: Path, size: int) -> tuple[dict[str, np.ndarray], Words]:
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
    return arrays, _words(arrays.pop(METADATA, np.frombuffer(b"{}", np.uint8)).tobytes(), path)


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


# ---------------------------------------------------------------------- safetensors


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


def _write_safetensors(file: IO[bytes], arrays: Mapping[str, np.ndarray], words: Words) -> None:
    # one entry, for safetensors puts several in another order each time
    file.write(_safetensors().numpy.save(dict(arrays), {METADATA: json.dumps(words)}))


def _read_safetensors(path: Path, size: int) -> tuple[dict[str, np.ndarray], Words]:
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
            words = _words(words[METADATA], path)
        return {name: file.get_tensor(name) for name in file.keys()}, words  # noqa: SIM118


FORMATS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    ".npz": (_read_npz, _write_npz),
    ".safetensors": (_read_safetensors, _write_safetensors),
}
