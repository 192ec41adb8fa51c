"""The names of weights, sums and outputs: `w2[1→3]` is the weight from unit 1 of hidden layer 1 to unit 3 of the next.

Layers and units are counted from 1, as in the page; the unit of the output is `out`. The methods of `Names` take
positions from 0, as those of an array.
"""

from __future__ import annotations

from ..lab.settings import Settings

__all__ = ["Names"]

INPUTS = {"x1^2": "x1²", "x2^2": "x2²", "x1x2": "x1·x2"}  # the others are written as in the settings


class Names:
    """The names in a network of these settings.

    >>> from chainrule.viz.playground.lab.settings import Settings
    >>> names = Names(Settings(inputs=["x1", "x1^2"], layers=[4]))
    >>> names.weight(0, 1, 3), names.bias(0, 3), names.z(0, 3), names.a(0, 3), names.weight(1, 3, 0), names.z(1, 0)
    ('w1[x1²→4]', 'b1[4]', 'z1[4]', 'a1[4]', 'w2[4→out]', 'logit')
    >>> names.sentence(0, (1, 3)), names.sentence(1, (0,))
    ('the weight from x1² to unit 4 of hidden layer 1', 'the bias of the output')
    """

    def __init__(self, settings: Settings) -> None:
        self.inputs = [INPUTS.get(name, name) for name in settings.inputs]
        self.hidden = len(settings.layers)
        self.activations = settings.activations
        self.output = "logit" if settings.problem == "classification" else "prediction"

    def weight(self, layer: int, i: int, j: int) -> str:
        """The weight from input `i` of a layer to its unit `j`."""
        return f"w{layer + 1}[{self._from(layer, i)}→{self._unit(layer, j)}]"

    def bias(self, layer: int, j: int) -> str:
        """The bias of a unit."""
        return f"b{layer + 1}[{self._unit(layer, j)}]"

    def parameter(self, layer: int, index: tuple[int, ...]) -> str:
        """The weight at `(i, j)`, or the bias at `(j,)`."""
        return self.weight(layer, *index) if len(index) == 2 else self.bias(layer, *index)

    def z(self, layer: int, j: int) -> str:
        """The weighted sum of a unit, before its activation."""
        return self.output if layer == self.hidden else f"z{layer + 1}[{j + 1}]"

    def a(self, layer: int, j: int) -> str:
        """The output of a unit: of its activation, or of a linear unit the sum itself."""
        if layer == self.hidden or self.activations[layer] == "linear":
            return self.z(layer, j)
        return f"a{layer + 1}[{j + 1}]"

    def mask(self, layer: int, j: int) -> str:
        """What dropout multiplies the output of a unit with."""
        return f"m{layer + 1}[{j + 1}]"

    def given(self, layer: int, i: int) -> str:
        """Input `i` of a layer: an input of the network, or the output of a unit."""
        return self.a(layer - 1, i) if layer else self.inputs[i]

    def unit(self, layer: int, j: int) -> str:
        """A unit in words."""
        return "the output" if layer == self.hidden else f"unit {j + 1} of hidden layer {layer + 1}"

    def sentence(self, layer: int, index: tuple[int, ...]) -> str:
        """A parameter in words."""
        unit = self.unit(layer, index[-1])
        if len(index) == 1:
            return f"the bias of {unit}"
        return (
            f"the weight from {self.unit(layer - 1, index[0]) if layer else self.inputs[index[0]]} to {unit}"
        )

    def _from(self, layer: int, i: int) -> str:
        return self._unit(layer - 1, i) if layer else self.inputs[i]

    def _unit(self, layer: int, j: int) -> str:
        return "out" if layer == self.hidden else str(j + 1)
