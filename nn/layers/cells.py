"""Recurrent cells: the next state from one item of a sequence and the state before.

A cell is one step, so that it can be drawn and stepped through. Names, shapes and the order of the gates are PyTorch's,
but the shapes of weights are those of `Linear`: `x @ weight_ih + h @ weight_hh`.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from ...autograd import KindError, RangeError, ShapeError, relu, scope, sigmoid, tanh
from ...autograd.extending import describe
from .. import init
from ..base.arguments import flag, whole_number
from ..base.half import narrowed, widened
from ..base.inputs import as_input
from ..base.module import Module
from ..base.parameter import Parameter

__all__ = ["Cell", "GRUCell", "LSTMCell", "RNNCell", "State", "states_from"]

State = tuple[Any, ...]  # the hidden state, and for an LSTM the cell state


class Cell(Module):
    """The base class of cells: weights with one column for each unit of each gate."""

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
        bias = flag("bias", bias)
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
        states = states_from(self, state, self.n_states, shape, self.weight_ih.dtype)
        like = np.empty(0, np.result_type(x.dtype, self.weight_ih.dtype))
        new = tuple(narrowed(s, like) for s in self.step(x, *map(widened, states)))
        return new if self.n_states > 1 else new[0]

    def step(self, x: Any, *state: Any) -> State:
        """The next state without a check of shapes; states are tuples."""
        raise NotImplementedError

    def _sums(self, x: Any, h: Any) -> Any:
        """`x @ weight_ih + h @ weight_hh` and both biases: the input of all gates."""
        sums = x @ self.weight_ih + h @ self.weight_hh
        return sums if self.bias_ih is None or self.bias_hh is None else sums + (self.bias_ih + self.bias_hh)

    def _gate(self, sums: Any, k: int) -> Any:
        """The columns of gate `k`."""
        return sums[..., k * self.hidden_size : (k + 1) * self.hidden_size]

    def extra_repr(self) -> str:
        """`8 -> 16`."""
        return f"{self.input_size} -> {self.hidden_size}" + (
            "" if self.bias_ih is not None else ", bias=False"
        )


class RNNCell(Cell):
    """One step of a recurrent network: `h' = tanh(x W_ih + b_ih + h W_hh + b_hh)`.

    `x` is `(batch, input_size)` or `(input_size,)`, the hidden state `h` ends in `hidden_size`. `weight_ih` is
    `(input_size, hidden_size)` and `weight_hh` is `(hidden_size, hidden_size)`, both transposed in comparison with
    PyTorch. The initial weights are uniform numbers within `1 / sqrt(hidden_size)`, the initial biases are zero.
    `nonlinearity` is `"tanh"` or `"relu"`.

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
        if not isinstance(nonlinearity, str) or nonlinearity not in ("tanh", "relu"):
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


class LSTMCell(Cell):
    """One step of a long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate: Gers et al., 2000).

    The gates `i`, `f` and `o` (sigmoid) and the candidate `g` (tanh) come from the item and the hidden state; then
    `c' = f c + i g` and `h' = o tanh(c')`. The state and the output are the pair `(h, c)`. Columns of
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


class GRUCell(Cell):
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


def states_from(layer: Module, state: Any, n: int, shape: tuple[int, ...], dtype: np.dtype) -> State:
    """The initial states, zeros unless given, each of this shape."""
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
