"""The learning rates of an optimiser with several schedules: each changes the rates that those made before it give.

So schedules that multiply the rate by a factor multiply with each other. The optimiser knows its schedules only weakly:
one that nobody has any more leaves its last factor behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

__all__ = ["Link", "Rates"]


class Link:
    """The place of a schedule among those of its optimiser: the rates before it and after it, one for each group."""

    def __init__(self, schedule: Any) -> None:
        self.before: list[float] = []
        self.after: list[float] = []
        self.follow(schedule)

    def follow(self, schedule: Any) -> None:
        """Ask this schedule from now on."""
        self.schedule: Callable[[], Any] = ref(schedule)

    def passed(self, i: int, rate: float) -> float:
        """What becomes of the rate of group `i`."""
        schedule = self.schedule()
        if schedule is None:
            known = i < len(self.after) and self.before[i]
            return rate * (self.after[i] / self.before[i]) if known else rate
        self.before[i : i + 1] = [rate]
        self.after[i : i + 1] = [schedule._rate_of_group(i, rate)]
        return self.after[i]

    def __getstate__(self) -> dict[str, Any]:  # copies and pickles of schedules follow the copies
        return {"before": self.before, "after": self.after}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, schedule=_nobody)


def _nobody() -> None:
    pass


class Rates:
    """The base rate of each group, and the schedules that change it, in the order in which they were made."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self.bases: list[float] = []
        self.written: list[float] = []  # what the groups were given last

    def join(self, schedule: Any, groups: list[dict[str, Any]]) -> Link:
        """A place for a new schedule, which begins with the rates as they are."""
        if not self.links:
            self.bases = [group["lr"] for group in groups]
            self.written = list(self.bases)
        self.write(groups)
        self.links.append(Link(schedule))
        return self.links[-1]

    def write(self, groups: list[dict[str, Any]]) -> None:
        """Give each group its rate. One that was assigned meanwhile is the present one, from which schedules go on."""
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
        """Go on from other base rates, and give the groups theirs."""
        self.bases, self.written = list(bases), [group["lr"] for group in groups]
        self.write(groups)
