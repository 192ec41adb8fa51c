"""The points of a playground, and the inputs of the network that are computed from them.

The plane extends from -6 to 6. Made data come from `nn.datasets`, scaled to it; data of one's own are a table in a
file, or points that were drawn.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ....nn import split
from ...common.errors import OptionError
from .calls import Call
from .settings import MOST_POINTS, REACH, Settings

__all__ = ["FEATURES", "PLACING", "Data", "data_call", "points_of_table", "with_features"]

LARGEST_TABLE = 5_000_000  # characters of a table of one's own

# each input of the network as text of the script, and as a function of the points
FEATURES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "x1": ("x1", lambda x1, x2: x1),
    "x2": ("x2", lambda x1, x2: x2),
    "x1^2": ("x1 * x1", lambda x1, x2: x1 * x1),
    "x2^2": ("x2 * x2", lambda x1, x2: x2 * x2),
    "x1x2": ("x1 * x2", lambda x1, x2: x1 * x2),
    "sin(x1)": ("np.sin(x1)", lambda x1, x2: np.sin(x1)),
    "sin(x2)": ("np.sin(x2)", lambda x1, x2: np.sin(x2)),
}


def with_features(X: np.ndarray, inputs: Sequence[str]) -> np.ndarray:
    """The inputs of the network, `(n, len(inputs))`, of points `(n, 2)`."""
    return np.column_stack([FEATURES[name][1](X[:, 0], X[:, 1]) for name in inputs])


def data_call(settings: Settings) -> Call:
    """The call that makes the points, with coordinates near 1."""
    noise = round(settings.noise / 100, 4)
    options: dict[str, Any] = {"noise": noise, "seed": settings.data_seed}
    if settings.data == "gaussians":
        options |= {"noise": round(0.15 + noise, 4), "distance": 0.5}
    elif settings.data == "spirals":
        options |= {"noise": round(noise / 5, 4), "turns": 1.5}
    elif settings.data in ("rings", "circles", "xor", "moons"):
        options |= {"noise": round(noise / 2, 4)}
    return Call(f"nn.datasets.{settings.data}", (settings.samples,), options)


@dataclass(frozen=True, eq=False)
class Data:
    """The points and their targets: `X` `(n, 2)` and `y` `(n, 1)`, for training and for the test."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    @classmethod
    def of(cls, settings: Settings) -> Data:
        """The points that the settings describe."""
        if settings.data == "own":
            table = np.array(settings.points, dtype=float)
            X, y = table[:, :2], table[:, 2]
        else:
            X, y = data_call(settings).made({})
            X = in_the_plane(X, settings.data)
        parts = split(
            X, y.astype(float)[:, None], test_size=1 - settings.share / 100, seed=settings.data_seed
        )
        X, X_test, y, y_test = parts
        return cls(X, y, X_test, y_test)


def in_the_plane(X: np.ndarray, data: str) -> np.ndarray:
    """The points of `nn.datasets`, moved and scaled; `PLACING` is the same as text."""
    return 3.5 * (X - [0.5, 0.25]) if data == "moons" else 5 * X


PLACING = {"moons": "3.5 * (X - [0.5, 0.25])"}  # of the others, "5 * X"


# ---------------------------------------------------------------------- a table of one's own


def points_of_table(text: str) -> tuple[list[list[float]], str]:
    """The points of a table in CSV, moved and scaled to the plane, and a sentence that says what was done.

    The first two columns of numbers are x1 and x2, the last one is the class or the number to predict. Commas,
    semicolons and tabs separate columns; one line may be a heading; two different words or numbers in the last
    column are two classes. Raises `OptionError` that names the line and says what is expected.
    """
    if len(text) > LARGEST_TABLE:
        raise OptionError(
            f"the table has {len(text) / 1e6:,.0f} million characters; {LARGEST_TABLE / 1e6:.0f} million are the "
            f"limit here. Take some of its lines: {MOST_POINTS:,} points are shown at most"
        )
    rows = _rows(text)
    width = len(rows[0])
    if width < 3:
        raise OptionError(
            f"a line of the table has x1, x2 and a class or a number; the first one has {width} "
            f"column{'s' * (width != 1)}: {', '.join(rows[0])!r:.60}"
        )
    head = [] if all(_is_number(cell) for cell in rows[0][:2]) else rows.pop(0)
    if not rows:
        raise OptionError("the table has a heading, and no line of numbers below it")
    places, targets = [], []
    for i, row in enumerate(rows, 2 if head else 1):
        if len(row) != width:
            raise OptionError(f"line {i} of the table has {len(row)} columns, and the first one {width}")
        places.append([_finite(row[0], i, "x1"), _finite(row[1], i, "x2")])
        targets.append(row[-1])
    kept = f"the first {MOST_POINTS:,} of its {len(rows):,} lines" if len(rows) > MOST_POINTS else ""
    places, targets = places[:MOST_POINTS], targets[:MOST_POINTS]
    y, meaning = _targets(targets)
    X = np.array(places)
    low, high = X.min(axis=0), X.max(axis=0)
    half = np.where(high > low, (high - low) / 2, 1.0)
    X = (X - (low + high) / 2) / half * (REACH - 1)
    said = "; ".join(
        filter(None, [f"{len(y):,} points", kept, meaning, "x1 and x2 were scaled to the plane"])
    )
    return [[round(a, 3), round(b, 3), t] for (a, b), t in zip(X.tolist(), y)], said


def _rows(text: str) -> list[list[str]]:
    text = text.lstrip("\ufeff")
    if "\0" in text:
        raise OptionError("this is no table in text: it holds the character 0. Save it as CSV")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max("\t;,", key=first.count)
    try:
        read = csv.reader(io.StringIO(text), delimiter=separator)
        rows = [[cell.strip() for cell in row] for row in read if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise OptionError(f"the table cannot be read as CSV: {error}") from None
    if not rows:
        raise OptionError("the table is empty; each of its lines is x1, x2 and a class, as in 1.5,-2,0")
    return rows


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _finite(cell: str, line: int, what: str) -> float:
    if not _is_number(cell):
        raise OptionError(f"{what} in line {line} of the table is no number: {cell!r:.40}")
    if not math.isfinite(float(cell)) or abs(float(cell)) > 1e100:
        raise OptionError(f"{what} in line {line} of the table is {cell:.40}; leave such lines out")
    return float(cell)


def _targets(cells: list[str]) -> tuple[list[float], str]:
    """Classes 0 and 1 where there are two different targets, otherwise numbers, scaled to -1 to 1."""
    distinct = sorted(
        set(cells), key=lambda cell: (not _is_number(cell), float(cell) if _is_number(cell) else cell)
    )
    if len(distinct) < 2:
        raise OptionError(
            f"the last column is {distinct[0]!r:.40} in every line, so that there is nothing to learn; there should "
            f"be two classes, or numbers"
        )
    if len(distinct) == 2:
        return [
            float(distinct.index(cell)) for cell in cells
        ], f"class 0 is {distinct[0]:.40}, class 1 is {distinct[1]:.40}"
    if words := [cell for cell in distinct if not _is_number(cell)]:
        raise OptionError(
            f"the last column holds {len(distinct):,} different words, such as {words[0]!r:.40}; the playground has "
            f"one output, for two classes or for numbers"
        )
    for i, cell in enumerate(cells, 1):
        _finite(cell, i, "the number to predict")
    y = np.array([float(cell) for cell in cells])
    scale = float(np.abs(y).max()) or 1.0
    return [round(t, 4) for t in (y / scale).tolist()], f"the numbers to predict were divided by {scale:g}"
