"""The table that diagnostics return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

__all__ = ["Report"]

Row = TypeVar("Row")


@dataclass(frozen=True, repr=False)
class Report(Generic[Row]):
    """A table whose items are its rows; `to_dict()` returns its columns, as plain numbers and lists."""

    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, i: int) -> Row:
        return self.rows[i]

    def to_dict(self) -> dict[str, list[Any]]:
        """The columns by their names, for example for JSON or `pandas.DataFrame`."""
        names = [field.name for field in fields(self.rows[0])] if self.rows else []  # type: ignore[arg-type]
        return {name: [_plain(getattr(row, name)) for row in self.rows] for name in names}

    def __repr__(self) -> str:
        columns = [
            [name, *map(_text, column)]
            for name, column in self.to_dict().items()
            if not any(isinstance(cell, list) for cell in column)  # too long to print
        ]
        if not columns:
            return "nothing to report: the model has no layers of the kind"
        widths = [max(map(len, column)) for column in columns]
        lines = [
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
            for line in zip(*columns)
        ]
        return "\n".join(lines)


def _plain(cell: Any) -> Any:
    return list(cell) if isinstance(cell, tuple) else cell


def _text(cell: Any) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else "" if cell is None else str(cell)
