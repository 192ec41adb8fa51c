"""The learning rates of an optimiser with several schedules: each schedule changes the rates of those made before it.

So the factors of several schedules multiply. The optimiser holds weak references to its schedules; the last factor of
a schedule that was deleted stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

__all__ = ["Link", "Rates"]


class Link:
    """A schedule among those of its optimiser, with the rates before and after it, one for each group."""

    def __init__(self, schedule: Any) -> None:
        self.before: list[float] = []
        self.after: list[float] = []
        self.follow(schedule)

    def follow(self, schedule: Any) -> None:
        """Use this schedule from now on."""
        self.schedule: Callable[[], Any] = ref(schedule)

    def passed(self, i: int, rate: float) -> float:
        """The rate of group `i` after this schedule, from the rate before it."""
        schedule = self.schedule()
        if schedule is None:
            known = i < len(self.after) and self.before[i]
            return rate * (self.after[i] / self.before[i]) if known else rate
        self.before[i : i + 1] = [rate]
        self.after[i : i + 1] = [schedule._rate_of_group(i, rate)]
        return self.after[i]

    def __getstate__(self) -> dict[str, Any]:  # the copy of a schedule connects itself again
        return {"before": self.before, "after": self.after}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, schedule=_none)


def _none() -> None:
    """In place of the weak reference to a schedule: there is none yet."""


class Rates:
    """The base rate of each group, and the schedules that change it, in the order in which they were made."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.bases: list[float] = []
        self.written: list[float] = []  # the rates that the groups were given last

    def join(self, schedule: Any, groups: list[dict[str, Any]]) -> Link:
        """Add a schedule, which starts from the present rates."""
        if not self.links:
            self.bases = [group["lr"] for group in groups]
            self.written = list(self.bases)
        self.write(groups)
        self.links.append(Link(schedule))
        return self.links[-1]

    def write(self, groups: list[dict[str, Any]]) -> None:
        """Set the rate of each group. A rate that was assigned since the last call becomes the present rate."""
        for i, group in enumerate(groups if self.links else ()):
            if i == len(self.bases):  # a group that was added later
                self.bases.append(group["lr"])
                self.written.append(group["lr"])
            elif group["lr"] != self.written[i]:
                self.bases[i] = (
                    self.bases[i] * group["lr"] / self.written[i] if self.written[i] else group["lr"]
                )
            rate = self.bases[i]
            for link in self.links:
                rate = link.passed(i, rate)
            group["lr"] = self.written[i] = rate

    def resume(self, bases: list[float], groups: list[dict[str, Any]]) -> None:
        """Continue from other base rates, and set the rates of the groups."""
        self.bases, self.written = list(bases), [group["lr"] for group in groups]
        self.write(groups)
