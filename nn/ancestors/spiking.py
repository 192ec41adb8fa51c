"""A neuron that fires in time: a leaky capacitor with a threshold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...autograd import RangeError, ShapeError
from ...autograd.extending import Answering, spelt
from ..base.arguments import numeric, one_number

__all__ = ["LeakyIntegrateAndFire"]


class LeakyIntegrateAndFire(Answering):
    """A neuron as a leaky capacitor: `C dV/dt = I - V/R`; when `V` reaches the threshold, it fires, and `V` is reset.

    Called with the current at each time step, `dt` apart, it returns the voltages after each step and whether the
    neuron fired in it. Within a step the current is constant and the equation is solved exactly:
    `V` approaches `R I` with the time constant `R C`. Below the current `threshold / R` it never fires; above, it
    fires faster for stronger currents.

    Several neurons at once have their currents along later axes: `(steps, ...)`.

    Raises `RangeError` for a capacitance, resistance or time step that is not positive, or a reset that is not below
    the threshold.

    >>> import numpy as np
    >>> from chainrule.nn import LeakyIntegrateAndFire
    >>> neuron = LeakyIntegrateAndFire(resistance=1.0, capacitance=10.0, threshold=1.0)
    >>> voltages, spikes = neuron(np.full(100, 1.5))
    >>> int(spikes.sum()), int(neuron(np.full(100, 3.0))[1].sum()), int(neuron(np.full(100, 0.9))[1].sum())
    (9, 20, 0)
    """

    @spelt
    def __init__(
        self,
        resistance: float = 1.0,
        capacitance: float = 10.0,
        threshold: float = 1.0,
        reset: float = 0.0,
        dt: float = 1.0,
    ) -> None:
        self.resistance = one_number(resistance, "resistance")
        self.capacitance = one_number(capacitance, "capacitance")
        self.threshold, self.reset = one_number(threshold, "threshold"), one_number(reset, "reset")
        self.dt = one_number(dt, "dt")
        for name in ("resistance", "capacitance", "dt"):
            if not 0 < vars(self)[name] < math.inf:
                raise RangeError(f"{name} is a positive number; given {vars(self)[name]}")
        if not reset < threshold:
            raise RangeError(
                f"the voltage starts again below the threshold; given reset={reset} and threshold={threshold}"
            )

    def __call__(self, current: Any) -> tuple[np.ndarray, np.ndarray]:
        """Voltages and spikes, each in the shape of `current`; the voltage is `reset` at first and after each spike."""
        currents = numeric(current, "the current of a neuron").astype(float)
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
        """Spikes per unit of time at a constant current, from the solution of the equation; 0 if it never fires.

        >>> from chainrule.nn import LeakyIntegrateAndFire
        >>> neuron = LeakyIntegrateAndFire()
        >>> [round(neuron.firing_rate(current), 3) for current in (0.9, 1.5, 3.0)]
        [0.0, 0.091, 0.247]
        """
        target = self.resistance * one_number(current, "the current")
        if target <= self.threshold:
            return 0.0
        constant = self.resistance * self.capacitance
        steps = math.log1p((self.threshold - self.reset) / (target - self.threshold))
        return 1 / (constant * steps) if steps else math.inf

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:g}" for name, value in vars(self).items())
        return f"LeakyIntegrateAndFire({values})"
