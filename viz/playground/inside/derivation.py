"""How the gradient of one weight comes about, from the loss back, with the numbers of the present batch.

The numbers are the engine's: gradients of the loss with respect to the weighted sums, slopes of the activations, and
what the next layer was given. Only the text is made here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....autograd import gradients, sigmoid
from ...common.errors import OptionError
from ...common.notation import typeset
from ...common.numbers import number
from ..lab.look import finite
from ..lab.run import Moment, Run
from .batch import Batch, Layer
from .names import Names

__all__ = ["derivation"]

LARGEST = {"sigmoid": 0.25}  # slope; 1 of the others
FLAT = 0.1  # share of the largest slope, below which a unit passes little on


def derivation(
    run: Run, name: str, index: tuple[int, ...], moment: Moment | None = None, sample: int = 0
) -> dict[str, Any]:
    """The derivation of the gradient of what the next step minimises, with respect to one element of a parameter.

    `name` and `index` are as in `("2.weight", (1, 0))`; `sample` is the position in the batch of the sample of which
    the steps are shown. The result is ready for JSON; a number that is not finite is `None` in it. It holds

    - `name`, `index` and `value` of the parameter, `label`, its name in formulas, and `title`, a sentence;
    - `gradient`: the engine's, of the loss and the penalty; `meaning`: what it says, in words;
    - `rows`: of each sample `index` (in the training data), `x1`, `x2`, `target`, `input`, `upstream` (the gradient
      with respect to the weighted sum of the unit) and `product`, the part of the sample;
    - `penalty`: the part of the penalty, or `None`;
    - `sample` and `steps`: from the loss of that sample back to its row;
    - `sums`: a step each for the sum of the rows, the penalty, if there is one, and the gradient.

    A step has `title`, `formula`, `numbers` (the formula with numbers), `value`, and `note`, a sentence or nothing.

    Raises `OptionError` for an element or a sample that is not there.

    >>> from chainrule.viz.playground.lab.settings import Recipe, Settings
    >>> run = Run(Recipe(Settings(data="plane", layers=[], batch=2)))
    >>> found = derivation(run, "0.weight", (1, 0))
    >>> found["label"], len(found["rows"]), bool(abs(found["sums"][0]["value"] - found["gradient"]) < 1e-12)
    ('w1[x2→out]', 2, True)
    >>> [step["formula"] for step in found["steps"]][1:]
    ['∂L / ∂prediction = 2 × (prediction − y) ÷ n', '∂L / ∂w1[x2→out] = x2 × ∂L / ∂prediction']
    """
    with np.errstate(all="ignore"):
        return _Derivation(run, name, tuple(index), moment, sample).as_json(name)


class _Derivation:
    """The numbers of a batch from which the texts are made."""

    def __init__(
        self, run: Run, name: str, index: tuple[int, ...], moment: Moment | None, sample: int
    ) -> None:
        self.run, self.index, self.sample = run, index, sample
        self.batch = Batch(run, moment)
        self.names = Names(run.settings)
        self.layers = self.batch.layers
        self.at, self.parameter = self._found(name)
        if not 0 <= sample < len(self.batch.samples):
            raise OptionError(
                f"the batch has {len(self.batch.samples)} samples, numbered from 0; given {sample}"
            )
        self.slopes: list[np.ndarray] = [
            np.asarray(g) for g in gradients(self.batch.loss, [layer.z for layer in self.layers])
        ]
        self.label = self.names.parameter(self.at, index)
        self.is_weight = len(index) == 2

    def _found(self, name: str) -> tuple[int, Any]:
        """The position of the layer, and the parameter."""
        known = {
            f"{layer.name}.{kind}": (i, getattr(layer.linear, kind))
            for i, layer in enumerate(self.layers)
            for kind in ("weight", "bias")
        }
        if name not in known:
            raise OptionError(f"there is no parameter {name!r:.60}; there are {', '.join(known)}")
        shape = known[name][1].shape
        if len(self.index) != len(shape) or not all(0 <= i < n for i, n in zip(self.index, shape)):
            raise OptionError(f"{name} has shape {shape}, and no element {self.index}")
        return known[name]

    def as_json(self, name: str) -> dict[str, Any]:
        batch, index = self.batch, self.index
        rows = list(self._rows())
        gradient = float(gradients(batch.total, [self.parameter])[0][index])
        added = float(np.sum([row["product"] for row in rows]))
        value = float(self.parameter.data[index])
        penalty = self._penalty(value)
        sums = [
            self._sum(rows, added),
            *([penalty] if penalty else []),
            self._total(gradient, added, penalty),
        ]
        return {
            "name": name,
            "index": list(index),
            "label": self.label,
            "title": f"{self.label} = {_n(value)}: {self.names.sentence(self.at, index)}",
            "value": _plain(value),
            "gradient": _plain(gradient),
            "meaning": _meaning(gradient, "weight" if self.is_weight else "bias"),
            "rows": [{key: _plain(x) for key, x in row.items()} for row in rows],
            "penalty": penalty and penalty["value"],
            "sample": self.sample,
            "steps": list(self._steps()),
            "sums": sums,
        }

    # ------------------------------------------------------------------ the sum over the batch

    def _rows(self) -> Iterator[dict[str, Any]]:
        data, z = self.run.data, self.slopes[self.at][:, self.index[-1]]
        for n, (i, slope) in enumerate(zip(self.batch.samples.tolist(), z.tolist())):
            given = self._input(n)
            x1, x2 = data.X[i].tolist()
            yield {
                "index": i,
                "x1": x1,
                "x2": x2,
                "target": float(data.y[i, 0]),
                "input": given,
                "upstream": slope,
                "product": given * slope,
            }

    def _input(self, n: int) -> float:
        """What the weight was multiplied with for sample `n`; 1 of a bias."""
        return float(self.layers[self.at].given.data[n, self.index[0]]) if self.is_weight else 1.0

    def _sum(self, rows: list[dict[str, Any]], added: float) -> dict[str, Any]:
        z = self.names.z(self.at, self.index[-1])
        factor = "".join(f"{symbol} × " for symbol, _ in self._given(0))
        parts = [row["product"] for row in rows]
        silent = not any(row["upstream"] for row in rows)
        shown = [*map(_n, parts[:4]), "…", _n(parts[-1])] if len(parts) > 6 else [*map(_n, parts)]
        return _step(
            "The sum over the batch",
            f"∂L / ∂{self.label} = Σ {factor}∂L / ∂{z}",
            " + ".join(shown),
            added,
            f"No sample of this batch sends a gradient to {self.names.unit(self.at, self.index[-1])}."
            if silent
            else "",
        )

    def _penalty(self, w: float) -> dict[str, Any] | None:
        if self.batch.penalty is None or not self.is_weight:
            return None
        settings = self.run.settings
        value = float(gradients(self.batch.penalty, [self.parameter])[0][self.index])
        rate = _n(settings.strength)
        formula, numbers = {
            "L1": (f"λ × sign({self.label})", f"{rate} × {_n(np.sign(w))}"),
            "L2": (f"2 × λ × {self.label}", f"2 × {rate} × {_n(w)}"),
        }[settings.penalty]
        note = f"λ, {rate}, is the rate of the regularisation."
        return _step(f"The part of the penalty, {settings.penalty}", formula, numbers, value, note)

    def _total(self, gradient: float, added: float, penalty: dict[str, Any] | None) -> dict[str, Any]:
        if penalty is None:
            return _step("The gradient", f"∂L / ∂{self.label}", _n(added), gradient)
        return _step(
            "The gradient",
            f"∂L / ∂{self.label} + {penalty['formula']}",
            f"{_n(added)} + {_n(penalty['value'])}",
            gradient,
        )

    # ------------------------------------------------------------------ one sample, from the loss back

    def _steps(self) -> Iterator[dict[str, Any]]:
        yield from self._loss()
        for layer in range(len(self.layers) - 2, self.at - 1, -1):
            units = [self.index[-1]] if layer == self.at else range(self.slopes[layer].shape[1])
            for j in units:
                yield self._unit(layer, j)
        slope, given = float(self.slopes[self.at][self.sample, self.index[-1]]), self._input(self.sample)
        z, factors = self.names.z(self.at, self.index[-1]), self._given(self.sample)
        if not self.is_weight:
            title = "The bias has the gradient of the sum, to which it is added"
            yield _step(title, f"∂L / ∂{self.label} = ∂L / ∂{z}", _n(slope), slope)
            return
        yield _step(
            "The input of the weight times the gradient of the sum",
            f"∂L / ∂{self.label} = {_product([symbol for symbol, _ in factors], [f'∂L / ∂{z}'])}",
            _product([_n(x) for _, x in factors], [_n(slope)]),
            given * slope,
            "The input is 0 for this sample, which says nothing about this weight." if given == 0 else "",
        )

    def _given(self, n: int) -> list[tuple[str, float]]:
        """The factors of the input of the weight for sample `n`, dropout among them; none of a bias."""
        if not self.is_weight:
            return []
        i = self.index[0]
        mask = self.layers[self.at - 1].mask if self.at else None
        if mask is None:
            return [(self.names.given(self.at, i), self._input(n))]
        output = float(self.layers[self.at - 1].a.data[n, i])
        return [(self.names.mask(self.at - 1, i), float(mask[n, i])), (self.names.given(self.at, i), output)]

    def _loss(self) -> Iterator[dict[str, Any]]:
        n, at, output = len(self.batch.samples), self.sample, self.names.output
        logits = self.layers[-1].z.data[at : at + 1]
        target = self.run.data.y[self.batch.samples[at : at + 1]]
        value = float(self.run.loss(logits, target))
        slope = float(self.slopes[-1][at, 0])
        z, y = float(logits.item()), float(target.item())
        mean = (
            f"the loss L of the batch is the mean over its {n} samples"
            if n > 1
            else "the batch has one sample"
        )
        if self.run.settings.problem == "classification":
            p = float(sigmoid(z))
            formula, numbers = ("−ln(p)", f"−ln({_n(p)})") if y == 1 else ("−ln(1 − p)", f"−ln(1 − {_n(p)})")
            yield _step(
                "The loss of this sample",
                f"{formula}, with p = sigmoid(logit) = sigmoid({_n(z)})",
                numbers,
                value,
                f"p is the probability of class 1 that the network states; this sample has class {_n(y)}.",
            )
            rule, with_numbers = "(p − y)", f"({_n(p)} − {_n(y)})"
        else:
            yield _step("The loss of this sample", f"({output} − y)²", f"({_n(z)} − {_n(y)})²", value)
            rule, with_numbers = f"2 × ({output} − y)", f"2 × ({_n(z)} − {_n(y)})"
        yield _step(
            f"The gradient with respect to the {output}",
            f"∂L / ∂{output} = {rule} ÷ n",
            f"{with_numbers} ÷ {n}",
            slope,
            f"The division by n: {mean}.",
        )

    def _unit(self, layer: int, j: int) -> dict[str, Any]:
        """The gradient with respect to the weighted sum of a hidden unit, from those of the next layer."""
        names, here, after, at = self.names, self.layers[layer], self.layers[layer + 1], self.sample
        weights, beyond = after.linear.weight.data[j].tolist(), self.slopes[layer + 1][at].tolist()
        z = names.z(layer, j)
        symbols = [
            f"{names.weight(layer + 1, j, u)} × ∂L / ∂{names.z(layer + 1, u)}" for u in range(len(weights))
        ]
        numbers = [f"{_n(w)} × {_n(g)}" for w, g in zip(weights, beyond)]
        factors = self._factors(here, layer, j)
        return _step(
            f"Back to {names.unit(layer, j)}",
            f"∂L / ∂{z} = {_product([symbol for symbol, _ in factors], symbols)}",
            _product([_n(x) for _, x in factors], numbers),
            float(self.slopes[layer][at, j]),
            " ".join(self._notes(here, layer, j, *(x for _, x in factors))),
        )

    def _factors(self, here: Layer, layer: int, j: int) -> list[tuple[str, float]]:
        """The slope of the activation, 1 of a linear unit, and what dropout multiplies with."""
        name, slope = self.run.settings.activations[layer], 1.0
        if here.a is not here.z:
            slope = float(np.broadcast_to(here.a.local_gradients()[0], here.z.shape)[self.sample, j])
        factors = [(f"{name}′({self.names.z(layer, j)})", slope)]
        if here.mask is not None:
            factors.append((self.names.mask(layer, j), float(here.mask[self.sample, j])))
        return factors

    def _notes(
        self, here: Layer, layer: int, j: int, slope: float, kept: float | None = None
    ) -> Iterator[str]:
        name, z = self.run.settings.activations[layer], _n(float(here.z.data[self.sample, j]))
        if slope == 0:
            yield f"The slope of {name} at {z} is 0: this unit passes nothing on."
        elif abs(slope) < FLAT * LARGEST.get(name, 1.0):
            yield f"At {z}, {name} is nearly flat: this unit passes little on."
        if kept == 0:
            yield "Dropout has set this unit to 0 in this step: it passes nothing on."
        elif kept is not None:
            p = _n(self.run.settings.dropout)
            yield f"Dropout keeps this unit, and multiplies it by 1 ÷ (1 − {p})."


# ---------------------------------------------------------------------- text


def _step(title: str, formula: str, numbers: str, value: float, note: str = "") -> dict[str, Any]:
    return {"title": title, "formula": formula, "numbers": numbers, "value": _plain(value), "note": note}


def _n(x: Any) -> str:
    """A number as it is written in a formula."""
    return "?" if x is None else typeset(number(x))


def _product(factors: list[str], terms: list[str]) -> str:
    """The product of factors and a sum."""
    added = " + ".join(terms)
    return " × ".join([*factors, f"({added})" if factors and len(terms) > 1 else added])


def _plain(x: float) -> float | None:
    """A number for JSON, which has no NaN; and the zero without a sign."""
    return None if finite(x) is None else x + 0


def _meaning(gradient: float, kind: str) -> str:
    if not np.isfinite(gradient):
        return "The gradient is not finite: the numbers of the network have become too large."
    if gradient == 0:
        return f"The gradient is 0: this batch does not say in which direction to change the {kind}."
    above = gradient > 0
    return (
        f"The gradient is {'above' if above else 'below'} 0: the loss falls where the {kind} becomes "
        f"{'smaller' if above else 'larger'}."
    )
