"""The ancestors: a neuron that fires in time, the perceptron that learns from mistakes, and regression in closed form.

They came before backpropagation and are not differentiated: plain NumPy. What came of them are a `Linear` layer, which
`least_squares` solves for, and the neuron of `chainrule.nn.scalar`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..autograd.engine.node import describe
from ..autograd.errors import KindError, RangeError, ShapeError
from .layers import Linear
from .module import whole_number

__all__ = ["LeakyIntegrateAndFire", "Perceptron", "least_squares"]


class LeakyIntegrateAndFire:
    """A neuron as a leaky capacitor: `C dV/dt = I - V/R`; where `V` reaches the threshold, it fires and starts again.

    Called with the current at each time step, `dt` apart, it returns the voltages after each step and whether the
    neuron fired in it. Within a step the current is constant and the equation is solved exactly:
    `V` approaches `R I` with the time constant `R C`. A current below `threshold / R` never makes it fire; above, it
    fires the faster, the stronger the current is.

    Several neurons at once have their currents along later axes: `(steps, ...)`.

    Raises `RangeError` for a capacitance, resistance or time step that is not positive, or a reset that fires at once.

    >>> import numpy as np
    >>> from chainrule.nn import LeakyIntegrateAndFire
    >>> neuron = LeakyIntegrateAndFire(resistance=1.0, capacitance=10.0, threshold=1.0)
    >>> voltages, spikes = neuron(np.full(100, 1.5))
    >>> int(spikes.sum()), int(neuron(np.full(100, 3.0))[1].sum()), int(neuron(np.full(100, 0.9))[1].sum())
    (9, 20, 0)
    """

    def __init__(
        self,
        resistance: float = 1.0,
        capacitance: float = 10.0,
        threshold: float = 1.0,
        reset: float = 0.0,
        dt: float = 1.0,
    ) -> None:
        for name, value in (("resistance", resistance), ("capacitance", capacitance), ("dt", dt)):
            if not value > 0:
                raise RangeError(f"{name} is a positive number; given {value}")
        if not reset < threshold:
            raise RangeError(
                f"the voltage starts again below the threshold; given reset={reset} and threshold={threshold}"
            )
        self.resistance, self.capacitance, self.threshold = resistance, capacitance, threshold
        self.reset, self.dt = reset, dt

    def __call__(self, current: Any) -> tuple[np.ndarray, np.ndarray]:
        """Voltages and spikes, each in the shape of `current`; the voltage is `reset` at first and after each spike."""
        currents = np.asarray(current, dtype=float)
        if not currents.ndim:
            raise ShapeError(
                f"the current is given for each time step, as in np.full(100, {currents}); given one number"
            )
        kept = math.exp(-self.dt / (self.resistance * self.capacitance))
        v = np.full(currents.shape[1:], float(self.reset))
        voltages, spikes = np.empty_like(currents), np.zeros(currents.shape, bool)
        for t, target in enumerate(self.resistance * currents):
            v = target + (v - target) * kept
            spikes[t] = v >= self.threshold
            v = np.where(spikes[t], self.reset, v)
            voltages[t] = v
        return voltages, spikes

    def firing_rate(self, current: float) -> float:
        """Spikes per unit of time at a constant current, from the solution of the equation; 0 where it never fires.

        >>> from chainrule.nn import LeakyIntegrateAndFire
        >>> neuron = LeakyIntegrateAndFire()
        >>> [round(neuron.firing_rate(current), 3) for current in (0.9, 1.5, 3.0)]
        [0.0, 0.091, 0.247]
        """
        target = self.resistance * current
        if target <= self.threshold:
            return 0.0
        constant = self.resistance * self.capacitance
        return 1 / (constant * math.log1p((self.threshold - self.reset) / (target - self.threshold)))

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:g}" for name, value in vars(self).items())
        return f"LeakyIntegrateAndFire({values})"


class Perceptron:
    """`fire = 1 if x . w + b >= 0 else 0`, and a rule that learns from mistakes: `w += lr * (target - fire) * x`.

    In two dimensions it draws one line. If some line separates the two classes, the rule finds one after a limited
    number of mistakes (Rosenblatt, 1958); if there is none, it never comes to rest, and says so.

    Attributes:
        weight, bias: `(n_inputs,)` and a number, zero at first.
        mistakes: how many there were in each epoch of the latest `fit`; empty before.

    >>> import numpy as np
    >>> from chainrule.nn import Perceptron
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> Perceptron(2).fit(X, [0, 1, 1, 1])
    Perceptron(2): separates the classes after 5 mistakes in 4 epochs
    >>> Perceptron(2).fit(X, [0, 1, 1, 0], epochs=50)
    Perceptron(2): still makes 4 mistakes in epoch 50: it may be that no line separates the classes
    """

    def __init__(self, n_inputs: int) -> None:
        self.weight = np.zeros(whole_number(n_inputs, "the number of inputs"))
        self.bias = 0.0
        self.mistakes: list[int] = []

    def __call__(self, X: Any) -> Any:
        """1 where it fires and 0 elsewhere, for one sample or for each row of `X`."""
        return (self._inputs(X) @ self.weight + self.bias >= 0).astype(int)

    def fit(self, X: Any, y: Any, epochs: int = 100, lr: float = 1.0) -> Perceptron:
        """Learn from the samples in the rows of `X`, one by one, until an epoch has no mistake; returns itself.

        `y` has 0 or 1 for each sample. It goes on from the weights that it has.
        Raises `RangeError` for other targets and a rate that is not positive, `ShapeError` where shapes do not fit.
        """
        X, y = self._inputs(X), np.asarray(y)
        if X.ndim != 2 or y.shape != X.shape[:1]:
            raise ShapeError(
                f"fit takes samples in rows and one target for each; given shapes {X.shape} and {y.shape}"
            )
        if not np.isin(y, (0, 1)).all():
            raise RangeError(
                f"the targets of a perceptron are 0 and 1, whether it is to fire; given {np.unique(y)[:5]}. Write "
                f"(y == {np.max(y)}).astype(int) for one class against the others"
            )
        if not lr > 0:
            raise RangeError(f"lr is a positive number; given {lr}")
        self.mistakes = []
        for _ in range(whole_number(epochs, "epochs")):
            wrong = 0
            for x, target in zip(X, y):
                error = int(target) - int(x @ self.weight + self.bias >= 0)
                if error:
                    self.weight += lr * error * x
                    self.bias += lr * error
                    wrong += 1
            self.mistakes.append(wrong)
            if not wrong:
                break
        return self

    @property
    def converged(self) -> bool:
        """Whether the latest epoch of `fit` was without a mistake."""
        return bool(self.mistakes) and self.mistakes[-1] == 0

    def line(self, x1: Any) -> Any:
        """In two dimensions, where the line is that it draws: `x2` for each `x1`.

        Raises `ShapeError` in other dimensions, `RangeError` for a line that is vertical, or none.
        """
        if len(self.weight) != 2:
            raise ShapeError(f"a perceptron draws a line in two dimensions; this one has {len(self.weight)}")
        if self.weight[1] == 0:
            raise RangeError(f"the line w . x + b = 0 has no x2: w = {self.weight}, b = {self.bias}")
        return -(self.weight[0] * np.asarray(x1) + self.bias) / self.weight[1]

    def _inputs(self, X: Any) -> np.ndarray:
        X = np.asarray(X, dtype=float)
        if not X.ndim or X.shape[-1] != len(self.weight):
            raise ShapeError(
                f"this perceptron has {len(self.weight)} weights, one for each input; given {describe(X)}"
            )
        return X

    def __repr__(self) -> str:
        name = f"Perceptron({len(self.weight)})"
        if not self.mistakes:
            return name
        n = len(self.mistakes)
        if self.converged:
            total = sum(self.mistakes)
            found = f"after {total} mistake{'s' * (total != 1)} in {n} epoch{'s' * (n > 1)}"
            return f"{name}: separates the classes {found}"
        last = self.mistakes[-1]
        return (
            f"{name}: still makes {last} mistake{'s' * (last > 1)} in epoch {n}: it may be that no line separates the "
            f"classes"
        )


def least_squares(X: Any, y: Any) -> Linear:
    """Linear regression in closed form, `W = (X^T X)^-1 X^T y`: the `Linear` layer with the least squared error.

    `X` is `(n, in_features)`, `y` is `(n,)` or `(n, out_features)`; the bias is solved for, too, as the weight of a
    column of ones. Descent on the squared error comes to the same weights, step by step.

    Raises `ShapeError` where shapes do not fit, `RangeError` where the solution is not unique.

    >>> import numpy as np
    >>> from chainrule.nn import least_squares
    >>> layer = least_squares([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> layer.weight.data.round(6), layer.bias.data.round(6)
    (array([[2.]]), array([1.]))
    """
    try:
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    except (TypeError, ValueError):
        raise KindError(f"least_squares takes arrays; given {describe(X)} and {describe(y)}") from None
    targets = y[:, None] if y.ndim == 1 else y
    if X.ndim != 2 or targets.ndim != 2 or len(X) != len(targets):
        raise ShapeError(
            f"least_squares takes samples in rows and a target (or a row of them) for each; given shapes {X.shape} "
            f"and {y.shape}"
        )
    ones = np.column_stack([X, np.ones(len(X))])
    rank = np.linalg.matrix_rank(ones) if len(X) else 0
    if rank < ones.shape[1]:
        raise RangeError(
            f"{len(X)} samples of {X.shape[1]} features have no unique least squares: with the bias there are "
            f"{ones.shape[1]} weights and only {rank} independent columns. Take more samples, or leave out features "
            f"that others determine"
        )
    solution = np.linalg.solve(ones.T @ ones, ones.T @ targets)
    layer = Linear(X.shape[1], targets.shape[1])
    layer.weight.data = solution[:-1]
    assert layer.bias is not None
    layer.bias.data = solution[-1]
    return layer
