"""Recurrent layers: `RNN`, `LSTM` and `GRU` call a cell once for each item of a sequence.

They go layer upon layer, in one direction or in both. Names and shapes are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import RangeError, ShapeError, Tensor, concatenate, scope, stack, where
from ...autograd.extending import describe, each_time, following, numbers, only_while
from .. import init
from ..base.arguments import array_of, flag, whole_number
from ..base.half import narrowed, widened
from ..base.inputs import as_input
from ..base.module import Module
from .cells import Cell, GRUCell, LSTMCell, RNNCell, State, states_from
from .dropout import Dropout

__all__ = ["GRU", "LSTM", "RNN", "Recurrent"]


class Recurrent(Module):
    """The base class of recurrent layers: a cell for each layer and direction, called along a sequence."""

    cell: ClassVar[type[Cell]]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.input_size = whole_number(input_size, "input_size")
        self.hidden_size = whole_number(hidden_size, "hidden_size")
        self.num_layers = whole_number(num_layers, "num_layers")
        self.batch_first = flag("batch_first", batch_first)
        self.bidirectional = flag("bidirectional", bidirectional)
        rng = init.generator(seed)
        above = [self.hidden_size * (1 + self.bidirectional)] * (self.num_layers - 1)

        def column() -> list[Cell]:
            return [
                self._cell(width, hidden_size, bias, seed=rng, dtype=dtype)
                for width in (self.input_size, *above)
            ]

        self.cells = column()
        self.reverse_cells = column() if self.bidirectional else []
        self.dropout = Dropout(dropout, seed=rng)

    def _cell(self, input_size: int, hidden_size: int, bias: bool, **options: Any) -> Cell:
        return self.cell(input_size, hidden_size, bias, **options)

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        """The hidden states of the last layer at every item, and the last states of all layers.

        `x` is `(length, batch, input_size)`, with `batch_first` `(batch, length, input_size)`, or one sequence
        `(length, input_size)`. The output has the same axes and ends in `hidden_size`, twice that with
        `bidirectional`. A state is `(num_layers, batch, hidden_size)`, with `bidirectional` twice as many: forward
        and backward of the first layer, then of the next; that of an LSTM is a pair of those. `lengths` are the
        lengths of the sequences in a padded batch: after the end of a sequence its output is zero, and its last state
        is the state at its end.
        """
        dtype = self.cells[0].weight_ih.dtype
        x = as_input(x, dtype, self)
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size or not x.size:
            axes = "batch, length" if self.batch_first else "length, batch"
            raise ShapeError(
                f"{self._described()}, takes sequences of {self.input_size} numbers an "
                f"item, ({axes}, {self.input_size}) or (length, {self.input_size}); given {describe(x)}"
            )
        time = 1 if self.batch_first and x.ndim == 3 else 0
        batch = () if x.ndim == 2 else (x.shape[1 - time],)
        walks = self.num_layers * (1 + self.bidirectional)
        n_states = self.cell.n_states
        # sums along the sequence are computed in float32 for float16
        states = tuple(
            map(widened, states_from(self, state, n_states, (walks, *batch, self.hidden_size), dtype))
        )
        alive = _alive(lengths, x.shape[time], batch)
        items = _items(x, time)
        ends: list[State] = []
        for layer in range(self.num_layers):
            if layer:
                items = [self.dropout(item) for item in items]
            outputs = []
            for cells in (self.cells, self.reverse_cells)[: 1 + self.bidirectional]:
                start = tuple(s[len(ends)] for s in states)
                found, end = _walk(cells[layer], items, start, alive, backwards=cells is self.reverse_cells)
                outputs.append(found)
                ends.append(end)
            items = outputs[0] if len(outputs) == 1 else [concatenate(hs, -1) for hs in zip(*outputs)]
        like = np.empty(0, np.result_type(x.dtype, dtype))
        last = tuple(narrowed(stack([end[k] for end in ends]), like) for k in range(n_states))
        return narrowed(stack(items, time), like), last if n_states > 1 else last[0]

    def extra_repr(self) -> str:
        """`8 -> 16`, and options that are not the default."""
        shown = [f"{self.input_size} -> {self.hidden_size}"]
        shown += [f"num_layers={self.num_layers}"] * (self.num_layers > 1)
        shown += [f"{name}=True" for name in ("batch_first", "bidirectional") if getattr(self, name)]
        return ", ".join(shown)


class RNN(Recurrent):
    """A recurrent network: at every item an `RNNCell` computes the hidden state from the item and the state before.

    Called with sequences it returns `(output, h_n)`: the hidden states of the last layer at every item, and the last
    hidden state of each layer; see `forward` for shapes, initial states and sequences of several lengths. Layer k is
    `cells[k]`; with `bidirectional`, `reverse_cells[k]` reads the sequence from its end. `dropout` is the
    probability with which outputs between two layers are set to zero in training.

    Raises `ShapeError` for sequences or states of other shapes.

    >>> import numpy as np
    >>> from chainrule.nn import RNN
    >>> rnn = RNN(3, 8, num_layers=2, batch_first=True, seed=0)
    >>> output, h_n = rnn(np.ones((4, 10, 3)))
    >>> output.shape, h_n.shape
    ((4, 10, 8), (2, 4, 8))
    >>> bool((output.data[:, -1] == h_n.data[-1]).all())
    True
    """

    cell = RNNCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            seed=seed, dtype=dtype,
        )  # fmt: skip

    def _cell(self, input_size: int, hidden_size: int, bias: bool, **options: Any) -> Cell:
        return RNNCell(input_size, hidden_size, bias, self.nonlinearity, **options)


class LSTM(Recurrent):
    """A long short-term memory: at every item an `LSTMCell` computes what is forgotten, stored and output.

    Called with sequences it returns `(output, (h_n, c_n))`; the initial state is such a pair. All else is as in `RNN`.

    >>> import numpy as np
    >>> from chainrule.nn import LSTM
    >>> lstm = LSTM(3, 8, batch_first=True, seed=0)
    >>> output, (h_n, c_n) = lstm(np.ones((2, 10, 3)), lengths=[10, 4])
    >>> output.shape, c_n.shape
    ((2, 10, 8), (1, 2, 8))
    >>> bool((output.data[1, 3] == h_n.data[0, 1]).all())
    True
    """

    cell = LSTMCell


class GRU(Recurrent):
    """A gated recurrent unit: at every item a `GRUCell` computes which part of the state is updated.

    All else is as in `RNN`.

    >>> import numpy as np
    >>> from chainrule.nn import GRU
    >>> GRU(3, 8, bidirectional=True, seed=0)
    GRU(3 -> 8, bidirectional=True)
      cells.0: GRUCell(3 -> 8)
      reverse_cells.0: GRUCell(3 -> 8)
      dropout: Dropout(p=0.0)
    """

    cell = GRUCell


def _walk(
    cell: Cell, items: Sequence[Any], state: State, alive: Sequence[Any] | None, backwards: bool
) -> tuple[list[Any], State]:
    """The hidden state at each item, and the last state."""
    outputs: list[Any] = [None] * len(items)
    for t in reversed(range(len(items))) if backwards else range(len(items)):
        with scope(f"{cell._path}, t = {t}"):
            new = cell.step(items[t], *state)
            if alive is None or alive[t] is None:
                state, outputs[t] = new, new[0]
            else:  # a sequence that has ended, or in reverse not yet begun, keeps its state
                state = tuple(where(alive[t], after, before) for after, before in zip(new, state))
                outputs[t] = where(alive[t], new[0], 0.0)
    return outputs, state


def _items(x: Any, axis: int) -> list[Any]:
    """`x` item by item along `axis`.

    The gradient of one item with respect to a long sequence is an array of zeros as long as the sequence. With the
    sequence cut into halves, and these again, all gradients together have n log n zeros, not n squared.
    """
    n, lead = x.shape[axis], (slice(None),) * axis
    if n <= 8 or not isinstance(x, Tensor) or not x.requires_grad:
        return [x[(*lead, t)] for t in range(n)]
    return _items(x[(*lead, slice(n // 2))], axis) + _items(x[(*lead, slice(n // 2, n))], axis)


def _check_lengths(n: int, lengths: np.ndarray) -> None:
    if lengths.min() < 1 or lengths.max() > n:
        raise RangeError(
            f"the lengths of sequences in a batch padded to {n} are 1 to {n}; given {lengths.tolist()}"
        )


def _alive(lengths: Any, n: int, batch: tuple[int, ...]) -> list[Any] | None:
    """For each time, whether each sequence continues, `(batch, 1)`; `None` where all do."""
    if lengths is None:
        return None
    if following() is None or not isinstance(lengths, Tensor):
        lengths = array_of(lengths)
    if lengths.shape != batch or not batch or lengths.dtype.kind not in "iu":
        raise ShapeError(
            f"lengths are whole numbers, one for each sequence of a batch, here of shape {batch}; given "
            f"{describe(lengths)}"
        )
    each_time(partial(_check_lengths, n), lengths)
    shortest = int(numbers(lengths).min())
    if isinstance(lengths, Tensor):
        only_while(lambda lengths: lengths.min() == shortest, lengths)
    return [None if t < shortest else (lengths > t)[..., None] for t in range(n)]
