"""Weights from PyTorch: its names and layouts, translated into those of the same modules here.

PyTorch's linear and recurrent weights are `(out, in)` and are transposed here. PyTorch's recurrent layers name their
weights by layer and direction, and its attention has queries, keys and values in one matrix. All other names and
layouts are the same. PyTorch itself is not needed: a dict of arrays is enough.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...autograd import ChainruleWarning, KindError, Node, ShapeError
from ...autograd.extending import describe, spelt
from ..base.module import Module
from ..layers.attention import MultiHeadAttention
from ..layers.cells import Cell
from ..layers.linear import Linear
from ..layers.recurrent import Recurrent

__all__ = ["load_torch"]


class Entry(NamedTuple):
    """A name in PyTorch, the parts here that it holds, one below the other, and whether they are transposed."""

    name: str
    parts: list[Any]
    turned: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the entry in PyTorch."""
        part = self.parts[0]
        shape = np.shape(part.data if isinstance(part, Node) else part)[:: -1 if self.turned else 1]
        return (len(self.parts) * shape[0], *shape[1:]) if shape else ()


@spelt
def load_torch(module: Module, state_dict: Any) -> None:
    """Set all parameters and buffers of a module to those of the same module in PyTorch.

    `state_dict` is the `model.state_dict()` of PyTorch, a dict of arrays with the same names, or PyTorch's module
    itself. It is supported for
    `Linear`, `Conv2d`, `BatchNorm1d` and `BatchNorm2d`, `LayerNorm`, `Embedding`, `RNN`, `LSTM`, `GRU` and their cells,
    `MultiHeadAttention` (`MultiheadAttention` there), `TransformerEncoderLayer`, `TransformerEncoder`, `Sequential`,
    and for modules of your own whose parts have the same names on both sides. Numbers are converted to the dtype of the
    module.

    Buffers that the module here does not have, such as a mask, are passed over, with a `ChainruleWarning` that lists
    them. PyTorch's module says which of its arrays are buffers; in a dict, arrays of whole numbers and of booleans are
    taken for buffers, because they cannot be learnt.

    Raises `ShapeError` that lists every name that is missing, unknown, or of another shape, and `KindError` for what is
    not such a dict or module; then nothing is loaded.

    >>> import numpy as np
    >>> from chainrule.nn import Linear, load_torch
    >>> layer = Linear(2, 3)
    >>> load_torch(layer, {"weight": np.array([[1, 2], [3, 4], [5, 6]]), "bias": np.zeros(3)})
    >>> layer.weight.data
    array([[1., 3., 5.],
           [2., 4., 6.]])
    """
    if not isinstance(module, Module):
        raise KindError(
            f"load_torch(module, state_dict) sets a module of chainrule.nn; given {describe(module)}"
        )
    buffers: set[str] = set()
    if not isinstance(state_dict, Mapping):
        if not all(callable(getattr(state_dict, name, None)) for name in ("state_dict", "named_buffers")) or (
            isinstance(state_dict, Module)
        ):
            raise KindError(
                f"load_torch(module, state_dict) takes a dictionary of names and arrays, or PyTorch's module; given "
                f"{describe(state_dict)}. Write load_torch(module, model.state_dict())"
            )
        buffers = {name for name, _ in state_dict.named_buffers()}
        state_dict = state_dict.state_dict()
    first = {id(part): name for name, part in (*module.named_parameters(), *module.named_buffers())}
    entries = list(entries_of(module))
    known = {entry.name for entry in entries}
    unknown = [name for name in state_dict if name not in known]
    passed_over = [name for name in unknown if name in buffers or _is_whole(state_dict[name])]
    faults = [f"{name!r} has no counterpart here" for name in unknown if name not in passed_over]
    state: dict[str, np.ndarray] = {}
    for entry in entries:
        if entry.name not in state_dict:
            faults.append(f"{entry.name!r} is missing")
            continue
        array = _array(state_dict[entry.name])
        if array is None or array.dtype.kind not in "fiub":
            faults.append(
                f"{entry.name!r} is {describe(state_dict[entry.name])}, which is no array of real numbers"
            )
            continue
        if array.shape != entry.shape:
            faults.append(f"{entry.name!r} has shape {array.shape}, and would have {entry.shape} in PyTorch")
            continue
        for part, piece in zip(entry.parts, np.split(array, len(entry.parts)) if array.ndim else [array]):
            own = first[id(part)]
            piece = piece.T if entry.turned else piece
            if own in state and not np.array_equal(state[own], piece):
                faults.append(f"{entry.name!r} is shared here, and has other numbers under its other name")
            state[own] = piece
    if faults:
        raise ShapeError(
            f"this state of PyTorch's does not belong to {module._headline()}, and nothing of it was loaded: "
            + "; ".join(sorted(faults))
            + ". Build the module with the same sizes and options, and name its parts as they are named there"
            + (
                ". If a name without counterpart is that of a buffer, give load_torch PyTorch's module, which says so, "
                "or a dictionary without it"
                if len(passed_over) < len(unknown) and not buffers
                else ""
            )
        )
    module.load_state_dict(state)
    if passed_over:
        warnings.warn(
            f"load_torch passed over buffers that {module._headline()} does not have: {', '.join(passed_over)}. All "
            f"parameters were loaded; if the module computes with one of them, add it with register_buffer",
            ChainruleWarning,
            stacklevel=2,
        )


def entries_of(module: Module) -> Iterator[Entry]:
    """The names in PyTorch of the parts of a module and of all modules in it."""
    taken: set[int] = set()  # modules whose parts the module around them has named already
    for path, each in module.named_modules():
        if id(each) in taken:
            continue
        lead = f"{path}." if path else ""
        if isinstance(each, Recurrent):
            for suffix, cells in (("", each.cells), ("_reverse", each.reverse_cells)):
                for k, cell in enumerate(cells):
                    taken.add(id(cell))
                    for entry in _own(cell):
                        yield entry._replace(name=f"{lead}{entry.name}_l{k}{suffix}")
            continue
        if isinstance(each, MultiHeadAttention):
            thirds = (each.q_proj, each.k_proj, each.v_proj)
            taken.update(map(id, thirds))
            for entries in zip(*map(_own, thirds)):
                name = f"{lead}in_proj_{entries[0].name}"
                yield Entry(name, [entry.parts[0] for entry in entries], entries[0].turned)
            continue
        for entry in _own(each):
            yield entry._replace(name=lead + entry.name)


def _own(module: Module) -> Iterator[Entry]:
    """The parameters and buffers of a module itself, without those of the modules in it."""
    turned = isinstance(module, (Linear, Cell))
    for name, part in module._parts():
        if not isinstance(part, Module):
            yield Entry(name, [part], turned and name.startswith("weight"))
    for name in module._buffers:
        yield Entry(name, [getattr(module, name)], False)


def _is_whole(x: Any) -> bool:
    """Whether it is an array of whole numbers or of booleans, which is a buffer: parameters have floating dtypes."""
    array = _array(x)
    return array is not None and array.dtype.kind in "iub"


def _array(x: Any) -> np.ndarray | None:
    """An array, or a PyTorch tensor on any device, as an array; `None` if NumPy cannot convert it."""
    try:
        for method in ("detach", "cpu"):
            x = getattr(x, method)() if hasattr(x, method) else x
        return np.asarray(x.float() if "bfloat16" in str(getattr(x, "dtype", "")) else x)
    except (TypeError, ValueError, RuntimeError, NotImplementedError):  # sparse, quantised, ragged
        return None
