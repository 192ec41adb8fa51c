"""The parameters and buffers of a model in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ...autograd import KindError
from ...autograd.extending import describe, spelt
from ..base.module import Module
from .arrays import read_marked, write_marked
from .rules import FileError, PathLike

__all__ = ["load", "save"]

FORMAT, VERSION = "chainrule", 1

M = TypeVar("M", bound=Module)


@spelt
def save(model: Module, path: PathLike, metadata: Mapping[str, Any] | None = None) -> None:
    """Write the parameters and buffers of a model to `path`, which ends in `.npz` or `.safetensors`.

    `metadata` are words or numbers to keep with them, under any names; `chainrule.nn.saving.read` returns them as
    texts. An existing file is replaced only when the new one is on disk, and keeps its mode; where `path` is a link,
    the file that it points to is replaced.
    For named arrays that are no model use `nn.saving.write`.

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


@spelt
def load(path: PathLike, model: M) -> M:
    """Set the parameters and buffers of `model` to those in a file that `save` wrote; returns the model.

    The model has to be built as the saved one was. Floats are converted to the dtypes of the model.

    Raises `FileError` for a damaged file or a file of another kind, `ShapeError` for other names or shapes, `KindError`
    for other dtypes, each with all reasons; then the model is unchanged.

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
