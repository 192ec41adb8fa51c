"""Recurrent networks: a cell that takes one item of a sequence, and layers that walk it along the sequence.

A cell computes the next state from an item and the state before, so that one step can be drawn and stepped through.
`RNN`, `LSTM` and `GRU` call it once for each item, layer upon layer, in one direction or in both. Names, shapes and the
order of the gates are PyTorch's, but weights stand as in `Linear`: `x @ weight_ih + h @ weight_hh`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ..autograd import Tensor, concatenate, relu, scope, sigmoid, stack, tanh, where
from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError
from . import init
from .dropout import Dropout
from .half import narrowed, widened
from .module import Module, Parameter, as_input, whole_number

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]

State = tuple[Any, ...]  # what a cell hands to itself: the hidden state, and the cell state of an LSTM


# ---------------------------------------------------------------------------- one item at a time


class _Cell(Module):
    """The weights of a cell: one column for each unit of each gate."""

    n_gates: ClassVar[int]
    n_states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.input_size = whole_number(input_size, "input_size")
        self.hidden_size = whole_number(hidden_size, "hidden_size")
        rng, columns = init.generator(seed), self.n_gates * self.hidden_size
        std = 1 / math.sqrt(3 * self.hidden_size)
        for name, rows in (("weight_ih", self.input_size), ("weight_hh", self.hidden_size)):
            setattr(self, name, Parameter(init.uniform((rows, columns), std=std, seed=rng, dtype=dtype)))
        for name in ("bias_ih", "bias_hh"):
            setattr(self, name, Parameter(init.zeros((columns,), dtype=dtype)) if bias else None)

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def forward(self, x: Any, state: Any = None) -> Any:
        """The next state, from an item and the state before (by default zeros)."""
        x = as_input(x, self.weight_ih.dtype, self)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{self._described('the cell')}, takes one item of a sequence, (batch, "
                f"{self.input_size}) or ({self.input_size},); given {describe(x)}. Whole sequences are for "
                f"{type(self).__name__.removesuffix('Cell')}"
            )
        shape = (*x.shape[:-1], self.hidden_size)
        states = _states(self, state, self.n_states, shape, self.weight_ih.dtype)
        like = np.empty(0, np.result_type(x.dtype, self.weight_ih.dtype))
        new = tuple(narrowed(s, like) for s in self.step(x, *map(widened, states)))
        return new if self.n_states > 1 else new[0]

    def step(self, x: Any, *state: Any) -> State:
        """The same without a look at the shapes; the states come and go as a tuple."""
        raise NotImplementedError

    def _sums(self, x: Any, h: Any) -> Any:
        """`x @ weight_ih + h @ weight_hh` and both biases: what goes into all gates."""
        sums = x @ self.weight_ih + h @ self.weight_hh
        return sums if self.bias_ih is None else sums + (self.bias_ih + self.bias_hh)

    def _gate(self, sums: Any, k: int) -> Any:
        """The columns of gate `k`."""
        return sums[..., k * self.hidden_size : (k + 1) * self.hidden_size]

    def extra_repr(self) -> str:
        """`8 -> 16`."""
        return f"{self.input_size} -> {self.hidden_size}" + (
            "" if self.bias_ih is not None else ", bias=False"
        )


class RNNCell(_Cell):
    """One step of a recurrent network: `h' = tanh(x W_ih + b_ih + h W_hh + b_hh)`.

    `x` is `(batch, input_size)` or `(input_size,)`, the hidden state `h` ends in `hidden_size`. `weight_ih` is
    `(input_size, hidden_size)` and `weight_hh` is `(hidden_size, hidden_size)`, both PyTorch's transposed; they start
    as uniform numbers within `1 / sqrt(hidden_size)`, the biases at zero. `nonlinearity` is `"tanh"` or `"relu"`.

    Raises `ShapeError` for an item or a state of another shape.

    >>> import numpy as np
    >>> from chainrule.nn import RNNCell
    >>> cell = RNNCell(3, 2, seed=0)
    >>> h = cell(np.ones((4, 3)))
    >>> cell(np.ones((4, 3)), h).shape
    (4, 2)
    """

    n_gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        seed: init.Seed = None,
        dtype: DTypeLike = np.float64,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise RangeError(
                f"the nonlinearity of a recurrent network is 'tanh' or 'relu'; given {nonlinearity!r}"
            )
        super().__init__(input_size, hidden_size, bias, seed=seed, dtype=dtype)
        self.nonlinearity = nonlinearity

    def step(self, x: Any, *state: Any) -> State:
        """The next hidden state."""
        return ((tanh if self.nonlinearity == "tanh" else relu)(self._sums(x, *state)),)

    def extra_repr(self) -> str:
        """`8 -> 16`, and the nonlinearity if it is not tanh."""
        return super().extra_repr() + (", nonlinearity='relu'" if self.nonlinearity == "relu" else "")


class LSTMCell(_Cell):
    """One step of a long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000).

    The gates `i`, `f` and `o` (sigmoid) and the candidate `g` (tanh) come from the item and the hidden state; then
    `c' = f c + i g` and `h' = o tanh(c')`. The state is the pair `(h, c)`, and so is what is returned. Columns of
    the weights, `(input_size, 4 hidden_size)` and `(hidden_size, 4 hidden_size)`, are in the order `i, f, g, o`.
    All else is as in `RNNCell`.

    >>> import numpy as np
    >>> from chainrule.nn import LSTMCell
    >>> cell = LSTMCell(3, 2, seed=0)
    >>> h, c = cell(np.ones((4, 3)))
    >>> h, c = cell(np.ones((4, 3)), (h, c))
    >>> h.shape, c.shape
    ((4, 2), (4, 2))
    """

    n_gates = 4
    n_states = 2

    def step(self, x: Any, *state: Any) -> State:
        """The next hidden state and cell state."""
        h, c = state
        sums = self._sums(x, h)
        with scope("input gate"):
            i = sigmoid(self._gate(sums, 0))
        with scope("forget gate"):
            f = sigmoid(self._gate(sums, 1))
        with scope("candidate"):
            g = tanh(self._gate(sums, 2))
        with scope("output gate"):
            o = sigmoid(self._gate(sums, 3))
        with scope("cell state"):
            c = f * c + i * g
        with scope("hidden state"):
            return o * tanh(c), c


class GRUCell(_Cell):
    """One step of a gated recurrent unit (Cho et al., 2014, in PyTorch's form).

    The reset gate `r` and the update gate `z` (sigmoid) come from the item and the hidden state; then
    `n = tanh(x W_in + b_in + r (h W_hn + b_hn))` and `h' = (1 - z) n + z h`. Columns of the weights are in the order
    `r, z, n`. All else is as in `RNNCell`.

    >>> import numpy as np
    >>> from chainrule.nn import GRUCell
    >>> GRUCell(3, 2, seed=0)(np.ones((4, 3))).shape
    (4, 2)
    """

    n_gates = 3

    def step(self, x: Any, *state: Any) -> State:
        """The next hidden state."""
        (h,) = state
        from_x, from_h = x @ self.weight_ih, h @ self.weight_hh
        if self.bias_ih is not None:
            from_x, from_h = from_x + self.bias_ih, from_h + self.bias_hh
        with scope("reset gate"):
            r = sigmoid(self._gate(from_x, 0) + self._gate(from_h, 0))
        with scope("update gate"):
            z = sigmoid(self._gate(from_x, 1) + self._gate(from_h, 1))
        with scope("candidate"):
            n = tanh(self._gate(from_x, 2) + r * self._gate(from_h, 2))
        with scope("hidden state"):
            return (n + z * (h - n),)


# ---------------------------------------------------------------------------- whole sequences


class _Recurrent(Module):
    """Cells, walked along a sequence: one for each layer and direction."""

    cell: ClassVar[type[_Cell]]

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
        self.batch_first, self.bidirectional = batch_first, bidirectional
        rng = init.generator(seed)
        above = [self.hidden_size * (1 + bidirectional)] * (self.num_layers - 1)

        def column() -> list[_Cell]:
            return [
                self._cell(width, hidden_size, bias, seed=rng, dtype=dtype)
                for width in (self.input_size, *above)
            ]

        self.cells = column()
        self.reverse_cells = column() if bidirectional else []
        self.dropout = Dropout(dropout, seed=rng)

    def _cell(self, input_size: int, hidden_size: int, bias: bool, **options: Any) -> _Cell:
        return self.cell(input_size, hidden_size, bias, **options)

    def forward(self, x: Any, state: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        """The hidden states of the last layer at every item, and the last states of all layers.

        `x` is `(length, batch, input_size)`, with `batch_first` `(batch, length, input_size)`, or one sequence
        `(length, input_size)`. The output has the same axes and ends in `hidden_size`, twice that with
        `bidirectional`. A state is `(num_layers, batch, hidden_size)`, with `bidirectional` twice as many: forward
        and backward of the first layer, then of the next; that of an LSTM is a pair of those. `lengths` are the
        lengths of the sequences in a padded batch: behind its end a sequence has output zero, and its last state
        is that at its end.
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
        # float16 is added up in float32 along the sequence
        states = tuple(map(widened, _states(self, state, n_states, (walks, *batch, self.hidden_size), dtype)))
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
        """`8 -> 16`, and what is not as it is by default."""
        shown = [f"{self.input_size} -> {self.hidden_size}"]
        shown += [f"num_layers={self.num_layers}"] * (self.num_layers > 1)
        shown += [f"{name}=True" for name in ("batch_first", "bidirectional") if getattr(self, name)]
        return ", ".join(shown)


class RNN(_Recurrent):
    """A recurrent network: at every item an `RNNCell` computes the hidden state from the item and the state before.

    Called with sequences it returns `(output, h_n)`: the hidden states of the last layer at every item, and the last
    hidden state of each layer; see `forward` for shapes, initial states and sequences of several lengths. Layer k is
    `cells[k]`; with `bidirectional` `reverse_cells[k]` reads the sequence from its end. `dropout` is the
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

    def _cell(self, input_size: int, hidden_size: int, bias: bool, **options: Any) -> _Cell:
        return RNNCell(input_size, hidden_size, bias, self.nonlinearity, **options)


class LSTM(_Recurrent):
    """A long short-term memory: at every item an `LSTMCell` decides what to forget, to store and to show.

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


class GRU(_Recurrent):
    """A gated recurrent unit: at every item a `GRUCell` decides what of its state to renew. As `RNN`.

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
    cell: _Cell, items: Sequence[Any], state: State, alive: np.ndarray | None, backwards: bool
) -> tuple[list[Any], State]:
    """The hidden state at each item, and the last state."""
    outputs: list[Any] = [None] * len(items)
    for t in reversed(range(len(items))) if backwards else range(len(items)):
        with scope(f"{cell._path}, t = {t}"):
            new = cell.step(items[t], *state)
            if alive is None or alive[t].all():
                state, outputs[t] = new, new[0]
            else:  # a sequence that has ended, or in reverse not begun, keeps its state
                state = tuple(where(alive[t], after, before) for after, before in zip(new, state))
                outputs[t] = where(alive[t], new[0], 0.0)
    return outputs, state


def _items(x: Any, axis: int) -> list[Any]:
    """`x` item by item along `axis`.

    A gradient at one item of a long sequence is an array of zeros as long as the sequence. Cut into halves, and
    these again, all of them together take n log n zeros, not n squared.
    """
    n, lead = x.shape[axis], (slice(None),) * axis
    if n <= 8 or not isinstance(x, Tensor) or not x.requires_grad:
        return [x[(*lead, t)] for t in range(n)]
    return _items(x[(*lead, slice(n // 2))], axis) + _items(x[(*lead, slice(n // 2, n))], axis)


def _states(layer: Module, state: Any, n: int, shape: tuple[int, ...], dtype: np.dtype) -> State:
    """The states to start from, zeros unless given, each of this shape."""
    if state is None:
        return (np.zeros(shape, dtype),) * n
    given = (state,) if n == 1 else state
    if not isinstance(given, (tuple, list)) or len(given) != n:
        raise KindError(f"the state of {layer._headline()} is a pair (h, c); given {describe(state)}")
    found = tuple(as_input(s, dtype, layer) for s in given)
    for s in found:
        if s.shape != shape:
            raise ShapeError(
                f"a state of {layer._headline()} has shape {shape} for this input; given {describe(s)}. "
                f"Leave it out to start from zeros"
            )
    return found


def _alive(lengths: Any, n: int, batch: tuple[int, ...]) -> np.ndarray | None:
    """For each time and sequence whether it goes on there, `(n, batch, 1)`; `None` if they all do."""
    if lengths is None:
        return None
    lengths = np.asarray(lengths)
    if lengths.shape != batch or not batch or lengths.dtype.kind not in "iu":
        raise ShapeError(
            f"lengths are whole numbers, one for each sequence of a batch, here of shape {batch}; given "
            f"{describe(lengths)}"
        )
    if lengths.min() < 1 or lengths.max() > n:
        raise RangeError(
            f"the lengths of sequences in a batch padded to {n} are 1 to {n}; given {lengths.tolist()}"
        )
    return (np.arange(n)[:, None] < lengths)[..., None]
