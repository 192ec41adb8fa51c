"""Where the units of a network stand, and how much is said of each, so that the picture fits where it is seen.

Units have one size and stand one below the other, the first at the top; columns are centred. All sizes are known before
anything is laid out, so that the most detailed plan that fits can be chosen. Sizes are in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..common.options import Area
from .reading import Column, Network

__all__ = ["Plan", "plan_for", "plans"]

LINE = 13.5  # the height of a line of text
ROWS = 130.0  # the width of the list of a unit's weights
LEAST_BETWEEN, MOST_BETWEEN = 80.0, 170.0  # from one column to the next, for the lines: more for more lines
GAP = 16.0  # between two units
TITLE = 20.0  # more room where there are no lists of weights, for the titles
FOOT, HEAD = 58.0, 48.0  # the legend below, the titles above
MOST_ROWS = 8  # weights of a unit that are written out
MOST_FULL = 8  # units of a column that show all of their numbers; of more, a picture would be too tall
PIXELS = 4 / 3


@dataclass(frozen=True)
class Plan:
    """How much is shown, and where.

    Attributes:
        network: what is drawn.
        full: whether a unit shows its gradient, its bias and its activation beside its value.
        rows: whether the weights of a unit are written out beside it.
        shown: for each column the positions of the units that are drawn; the others are counted.
        left: for each column, where it begins.
        width, height: of the whole picture.
    """

    network: Network
    full: bool
    rows: bool
    shown: Sequence[Sequence[int]]
    left: Sequence[float]
    width: float
    height: float

    @property
    def diameter(self) -> float:
        """The diameter of a unit."""
        return _diameter(self.network, self.full)

    def middle(self, column: int) -> float:
        """The x of the centres of the units of a column."""
        return self.left[column] + self.room(column) + self.diameter / 2

    def room(self, column: int) -> float:
        """The width of the lists of weights in a column."""
        return ROWS if self.has_rows(column) else 0.0

    def has_rows(self, column: int) -> bool:
        """Whether the weights of the units of a column are written out."""
        return self.rows and column > 0 and len(self.network.columns[column - 1].units) <= MOST_ROWS

    def y(self, column: int, place: int) -> float:
        """The y of the unit at a place of a column, upwards."""
        pitch = self.pitch(column)
        places = len(self.shown[column]) + self.skips(column)
        return self.height - HEAD - (self.height - HEAD - FOOT) / 2 + ((places - 1) / 2 - place) * pitch

    def skips(self, column: int) -> bool:
        """Whether some units of a column are not drawn."""
        return len(self.shown[column]) < len(self.network.columns[column].units)

    def pitch(self, column: int) -> float:
        """From one unit of a column to the next."""
        return _pitch(self.network, column, self.full, self.has_rows(column))


def plans(network: Network) -> Iterator[Plan]:
    """The plans that are tried, the most detailed first."""
    tallest = max(len(column.units) for column in network.columns)
    for most in (16, 8, 5, 3):
        for full, rows in ((True, True), (True, False), (False, False)):
            if not full or min(tallest, most) <= MOST_FULL:
                yield _plan(network, full, rows, most)


def plan_for(network: Network, area: Area | None, text: float, must: bool = False) -> Plan | None:
    """The most detailed plan whose text of `text` points can be read in the area.

    `None` if there is none, but the last one if there `must` be one.
    """
    for plan in plans(network):
        if area is None:
            return plan
        scale = min(area.width / plan.width, area.height / plan.height) / PIXELS
        if text * PIXELS * (scale if area.whole else min(scale, 1.0)) >= area.text:
            return plan
    return plan if must else None


def _plan(network: Network, full: bool, rows: bool, most: int) -> Plan:
    shown = [_shown(column, most) for column in network.columns]
    plan = Plan(network, full, rows, shown, [], 0.0, 0.0)
    left, x = [], 8.0
    for k in range(len(shown)):
        left.append(x)
        x += plan.room(k) + plan.diameter
        width = x
        x += _between(plan, k)
    if network.rest:
        width = x + plan.diameter * 1.1
    tallest = max((len(places) + plan.skips(k)) * plan.pitch(k) for k, places in enumerate(shown))
    return Plan(network, full, rows, shown, left, max(width, 330.0) + 8, tallest + HEAD + FOOT)


def _between(plan: Plan, column: int) -> float:
    """The room to the right of a column."""
    lines = max(len(plan.shown[column]), len(plan.shown[min(column + 1, len(plan.shown) - 1)]))
    least = LEAST_BETWEEN + (0.0 if plan.rows else TITLE)
    return min(max(least, 10.0 * lines), MOST_BETWEEN)


def _shown(column: Column, most: int) -> list[int]:
    """All units, or the first ones and the last."""
    n = len(column.units)
    return list(range(n)) if n <= most else [*range(most - 2), n - 1]


def _diameter(network: Network, full: bool) -> float:
    return (96.0 if network.samples > 1 else 84.0) if full else 64.0


def _pitch(network: Network, column: int, full: bool, rows: bool) -> float:
    lines = len(network.columns[column].units[0].weights) * LINE if rows else 0.0
    return max(_diameter(network, full), lines) + GAP
