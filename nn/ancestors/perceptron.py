"""The perceptron, which learns from its mistakes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import RangeError, ShapeError
from ...autograd.extending import Answering, describe, spelt
from ..base.arguments import numeric, one_number, whole_number

__all__ = ["Perceptron"]


class Perceptron(Answering):
    """`fire = 1 if x . w + b >= 0 else 0`, and a rule that learns from mistakes: `w += lr * (target - fire) * x`.

    In two dimensions it separates classes by a line. If a separating line exists, the rule finds one after a limited
    number of mistakes (Rosenblatt, 1958); if there is none, it never converges, and its text says so.

    Attributes:
        weight, bias: `(n_inputs,)` and a number, zero at first.
        mistakes: the number of mistakes in each epoch of the latest `fit`; empty before.

    >>> import numpy as np
    >>> from chainrule.nn import Perceptron
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> Perceptron(2).fit(X, [0, 1, 1, 1])
    Perceptron(2): separates the classes after 5 mistakes in 4 epochs
    >>> Perceptron(2).fit(X, [0, 1, 1, 0], epochs=50)
    Perceptron(2): still makes 4 mistakes in epoch 50: it may be that no line separates the classes
    """

    @spelt
    def __init__(self, n_inputs: int) -> None:
        self.weight = np.zeros(whole_number(n_inputs, "the number of inputs"))
        self.bias = 0.0
        self.mistakes: list[int] = []

    def __call__(self, X: Any) -> Any:
        """1 if the perceptron fires, otherwise 0, for one sample or for each row of `X`."""
        return (self.weighted_sum(X) >= 0).astype(int)

    def weighted_sum(self, X: Any) -> Any:
        """`x . w + b`, which is 0 on the line, for one sample or for each row of `X`."""
        return self._inputs(X) @ self.weight + self.bias

    def fit(self, X: Any, y: Any, epochs: int = 100, lr: float = 1.0) -> Perceptron:
        """Learn from the samples in the rows of `X`, one by one, until an epoch has no mistake; returns the perceptron.

        `y` has 0 or 1 for each sample. Learning continues from the present weights.
        Raises `RangeError` for other targets and a rate that is not positive, `ShapeError` for other shapes.
        """
        X, y = self._inputs(X), numeric(y, "the target of a perceptron")
        if X.ndim != 2 or y.shape != X.shape[:1]:
            raise ShapeError(
                f"fit takes samples in rows and one target for each; given shapes {X.shape} and {y.shape}"
            )
        if not np.isin(y, (0, 1)).all():
            raise RangeError(
                f"the targets of a perceptron are 0 and 1, whether it is to fire; given {np.unique(y)[:5]}. Write "
                f"(y == {np.max(y)}).astype(int) for one class against the others"
            )
        lr = one_number(lr, "lr")
        if not 0 < lr < math.inf:
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
        """The separating line in two dimensions: `x2` for each `x1`.

        Raises `ShapeError` in other dimensions, `RangeError` for a line that is vertical or does not exist.
        """
        if len(self.weight) != 2:
            raise ShapeError(f"a perceptron draws a line in two dimensions; this one has {len(self.weight)}")
        if self.weight[1] == 0:
            raise RangeError(f"the line w . x + b = 0 has no x2: w = {self.weight}, b = {self.bias}")
        return -(self.weight[0] * numeric(x1, "x1") + self.bias) / self.weight[1]

    def _inputs(self, X: Any) -> np.ndarray:
        X = numeric(X, "the input of a perceptron").astype(float)
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
