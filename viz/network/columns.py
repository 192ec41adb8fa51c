"""Where the units of a network stand, and how much is said of each, so that the picture fits where it is seen.

Units have one size and stand one below the other, the first at the top; columns are centred. All sizes are known before
anything is laid out, so that the most detailed plan that fits can be chosen. Sizes are in points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .reading import Column, Network

__all__ = ["Plan", "plans"]

LINE = 13.5  # the height of a line of text
ROWS = 130.0  # the width of the list of a unit's weights
LEAST_BETWEEN, MOST_BETWEEN = 80.0, 170.0  # from one column to the next, for the lines: more for more lines
GAP = 16.0  # between two units
TITLE = 20.0  # more room where there are no lists of weights, for the titles
FOOT, HEAD = 58.0, 48.0  # the legend below, the titles above
MOST_ROWS = 8  # weights of a unit that are written out
MOST_FULL = 8  # units of a column that show all of their numbers; of more, a picture would be too tall


@dataclass(frozen=True)
class Plan:
    """How much is shown, and where.

    Attributes:
        network: what is drawn.
        detail: what a unit shows: 0 its value, 1 also its gradient, 2 also its bias and its activation.
        rows: whether the weights of a unit are written out beside it.
        shown: for each column the positions of the units that are drawn; the others are counted.
        left: for each column, where it begins.
        width, height: of the whole picture.
    """

    network: Network
    detail: int
    rows: bool
    shown: Sequence[Sequence[int]]
    left: Sequence[float]
    width: float
    height: float

    @property
    def diameter(self) -> float:
        """The diameter of a unit."""
        return _diameter(self.network, self.detail)

    @property
    def foot(self) -> float:
        """The height of the legend."""
        return FOOT if self.detail else FOOT / 2

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
        return self.height - HEAD - (self.height - HEAD - self.foot) / 2 + ((places - 1) / 2 - place) * pitch

    def skips(self, column: int) -> bool:
        """Whether some units of a column are not drawn."""
        return len(self.shown[column]) < len(self.network.columns[column].units)

    def pitch(self, column: int) -> float:
        """From one unit of a column to the next."""
        return _pitch(self.network, column, self.detail, self.has_rows(column))


def plans(network: Network) -> Iterator[Plan]:
    """The plans that are tried, the most detailed first."""
    tallest = max(len(column.units) for column in network.columns)
    for most in (16, 8, 5, 3):
        for detail, rows in ((2, True), (2, False), (1, False)):
            if detail < 2 or min(tallest, most) <= MOST_FULL:
                yield _plan(network, detail, rows, most)
    for most in (8, 5, 4):
        yield _plan(network, 0, False, most)


def _plan(network: Network, detail: int, rows: bool, most: int) -> Plan:
    shown = [_shown(column, most) for column in network.columns]
    plan = Plan(network, detail, rows, shown, [], 0.0, 0.0)
    left, x = [], 8.0
    for k in range(len(shown)):
        left.append(x)
        x += plan.room(k) + plan.diameter
        width = x
        x += _between(plan, k)
    if network.rest:
        width = x + plan.diameter * 1.1
    tallest = max((len(places) + plan.skips(k)) * plan.pitch(k) for k, places in enumerate(shown))
    return Plan(network, detail, rows, shown, left, max(width, 330.0) + 8, tallest + HEAD + plan.foot)


def _between(plan: Plan, column: int) -> float:
    """The room to the right of a column."""
    lines = max(len(plan.shown[column]), len(plan.shown[min(column + 1, len(plan.shown) - 1)]))
    least = LEAST_BETWEEN + (0.0 if plan.rows else TITLE)
    return min(max(least, 10.0 * lines), MOST_BETWEEN)


def _shown(column: Column, most: int) -> list[int]:
    """All units, or the first ones and the last."""
    n = len(column.units)
    return list(range(n)) if n <= most else [*range(most - 2), n - 1]


def _diameter(network: Network, detail: int) -> float:
    return (44.0, 64.0, 96.0 if network.samples > 1 else 84.0)[detail]


def _pitch(network: Network, column: int, detail: int, rows: bool) -> float:
    lines = len(network.columns[column].units[0].weights) * LINE if rows else 0.0
    return max(_diameter(network, detail), lines) + (GAP if detail else GAP / 2)
