"""Where the units of a network stand, and how much is said of each, so that the picture fits where it is seen.

Units have one size and stand one below the other, the first at the top; columns are centred. All sizes are known before
anything is laid out, so that the most detailed plan that fits can be chosen. Sizes are in points.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..common.notation import typeset
from ..common.numbers import number
from ..common.words import em_width, shorten
from .reading import Column, Network, Spread, Unit

__all__ = ["SMALL", "Plan", "plans", "range_text", "unit_lines", "weight_texts"]

SMALL = 11  # the size of the smallest text

LINE = 13.5  # the height of a line of text
NARROW = 0.96  # what a weight with its gradient needs of its estimated width, in Arial and in DejaVu Sans
MARGIN = 6.0  # beside the longest text in a unit
INPUT = 0.75  # the size of an input, as a part of that of a unit, if its texts need no more
LEAST_BETWEEN, MOST_BETWEEN = 80.0, 170.0  # from one column to the next, for the lines: more for more lines
GAP = 16.0  # between two units
TITLE = 20.0  # more room where there are no lists of weights, for the titles
FOOT, HEAD = 58.0, 48.0  # the legend below, the titles above
MOST_ROWS = 8  # weights of a unit that are written out
MOST_LINES = 320  # in all; of larger networks fewer units are drawn
MOST_SHOWN = 16  # units of a column
MOST_FULL = 8  # units of a column that show all of their numbers; of more, a picture would be too tall


@dataclass(frozen=True)
class Plan:
    """How much is shown, and where.

    Attributes:
        network: what is drawn.
        detail: what a unit shows: 0 its value, 1 also its gradient, 2 also its bias and its activation.
        rows: the width of the list of a unit's weights; 0 if they are not written out.
        shown: for each column the positions of the units that are drawn; the others are counted.
        side, diameter: the sizes of an input, a square, and of a unit, a circle.
        left: for each column, where it begins.
        width, height: of the whole picture.
    """

    network: Network
    detail: int
    rows: float
    shown: Sequence[Sequence[int]]
    side: float
    diameter: float
    left: Sequence[float]
    width: float
    height: float

    @property
    def foot(self) -> float:
        """The height of the legend."""
        return FOOT if self.detail else 0.8 * FOOT

    def middle(self, column: int) -> float:
        """The x of the centres of the units of a column."""
        return self.left[column] + self.room(column) + self.diameter / 2

    def room(self, column: int) -> float:
        """The width of the lists of weights in a column."""
        return self.rows if self.has_rows(column) else 0.0

    def has_rows(self, column: int) -> bool:
        """Whether the weights of the units of a column are written out."""
        return self.rows > 0 and column > 0 and len(self.network.columns[column - 1].units) <= MOST_ROWS

    def y(self, column: int, place: int) -> float:
        """The y of the unit at a place of a column, upwards."""
        pitch = self.pitch(column)
        places = len(self.shown[column]) + self.skips(column)
        return self.height - HEAD - (self.height - HEAD - self.foot) / 2 + ((places - 1) / 2 - place) * pitch

    def skips(self, column: int) -> bool:
        """Whether some units of a column are not drawn."""
        return len(self.shown[column]) < len(self.network.columns[column].units)

    def pitch(self, column: int) -> float:
        """From one unit of a column to the next."""
        lines = len(self.network.columns[column].units[0].weights) * LINE if self.has_rows(column) else 0.0
        return max(self.diameter, lines) + (GAP if self.detail else GAP / 2)


def weight_texts(i: int, w: float, slope: float | None, digits: int) -> tuple[str, str]:
    """What is written of the weight at a position: its name and value, and its gradient.

    >>> weight_texts(0, 0.4744, -0.125, 3)
    ('w1 0.474', '∂ −0.12')
    """
    gradient = "" if slope is None else f"∂ {typeset(number(slope, max(digits - 1, 1)))}"
    return f"w{i + 1} {typeset(number(w, digits))}", gradient


def unit_lines(unit: Unit, activation: str | None, detail: int, digits: int) -> list[tuple[str, str]]:
    """What stands in a unit, each text with its colour, a field of `Theme`; an input has no `activation`, but `None`.

    >>> unit_lines(Unit("x1", Spread(0.5, 0.5, 0.5)), None, detail=2, digits=3)
    [('x1', 'muted'), ('0.5', 'value')]
    """
    is_input = activation is None
    first = unit.label if activation is None else activation
    lines = []
    if first and (detail == 2 or (is_input and detail)):
        lines.append((shorten(first, 9), "muted"))
    lines.append((typeset(number(unit.value.mean, digits if detail else 2)), "value"))
    if detail == 2 and (text := range_text(unit.value)):
        lines.append((text, "value"))
    if detail and unit.gradient is not None:
        lines.append((f"∂ {typeset(number(unit.gradient.mean, digits if detail == 2 else 2))}", "gradient"))
    elif detail == 2 and not is_input:
        lines.append(("∂ –", "muted"))
    if detail == 2 and unit.bias is not None:
        value, gradient = unit.bias
        lines.append((f"b {typeset(number(value, digits))}", "parameter"))
        lines += [(f"∂ {typeset(number(gradient, digits))}", "gradient")] if gradient is not None else []
    return lines


def range_text(x: Spread) -> str:
    """The smallest and the largest number over the samples, with two digits; empty if they are equal.

    >>> range_text(Spread(0.5, -1.234, 2.0))
    '−1.2 … 2'
    """
    return "" if x.low == x.high else f"{typeset(number(x.low, 2))} … {typeset(number(x.high, 2))}"


def plans(network: Network, digits: int) -> Iterator[Plan]:
    """The plans that are tried, the most detailed first; numbers have `digits` significant digits."""
    lists = [
        unit.weights for column in network.columns for unit in column.units if len(unit.weights) <= MOST_ROWS
    ]
    texts = [" ".join(weight_texts(i, *pair, digits)) for weights in lists for i, pair in enumerate(weights)]
    width = NARROW * _width(texts) + 14
    units = [_sizes(network, detail, digits) for detail in range(3)]
    tallest = max(len(column.units) for column in network.columns)
    drawn = [min(MOST_SHOWN, len(column.units)) for column in network.columns]
    sizes = (MOST_SHOWN, 8, 5, 3) if sum(a * b for a, b in pairwise(drawn)) <= MOST_LINES else (8, 5, 3)
    for most in sizes:
        for detail, rows in ((2, True), (2, False), (1, False)):
            if detail < 2 or min(tallest, most) <= MOST_FULL:
                yield _plan(network, detail, width if rows else 0.0, most, *units[detail])
    for most in (8, 5, 4):
        yield _plan(network, 0, 0.0, most, *units[0])


def _width(texts: Iterable[str]) -> float:
    """An estimate of the width of the widest of some texts, in points."""
    return SMALL * max(map(em_width, texts), default=0.0)


def _sizes(network: Network, detail: int, digits: int) -> tuple[float, float]:
    """The side of an input and the diameter of a unit, in which the longest text has room."""
    first, *others = (
        _width(
            text
            for j in _shown(column, MOST_SHOWN)
            for text, _ in unit_lines(column.units[j], column.activation if k else None, detail, digits)
        )
        + MARGIN
        for k, column in enumerate(network.columns)
    )
    diameter = max((44.0, 64.0, 96.0 if network.samples > 1 else 84.0)[detail], first, *others)
    return max(INPUT * diameter, first), diameter


def _plan(network: Network, detail: int, rows: float, most: int, side: float, diameter: float) -> Plan:
    shown = [_shown(column, most) for column in network.columns]
    plan = Plan(network, detail, rows, shown, side, diameter, [], 0.0, 0.0)
    left, x = [], 8.0
    for k in range(len(shown)):
        left.append(x)
        x += plan.room(k) + plan.diameter
        width = x
        x += _between(plan, k)
    if network.rest:
        width = x + plan.diameter * 1.1
    tallest = max((len(places) + plan.skips(k)) * plan.pitch(k) for k, places in enumerate(shown))
    return Plan(
        network, detail, rows, shown, side, diameter, left, max(width, 330.0) + 8, tallest + HEAD + plan.foot
    )


def _between(plan: Plan, column: int) -> float:
    """The room to the right of a column."""
    lines = max(len(plan.shown[column]), len(plan.shown[min(column + 1, len(plan.shown) - 1)]))
    least = LEAST_BETWEEN + (0.0 if plan.rows else TITLE)
    return min(max(least, 10.0 * lines), MOST_BETWEEN)


def _shown(column: Column, most: int) -> list[int]:
    """All units, or the first ones and the last."""
    n = len(column.units)
    return list(range(n)) if n <= most else [*range(most - 2), n - 1]
