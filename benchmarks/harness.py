"""How things are measured here: questions, cases and programs; a race between the programs; goals; the table.

A question has cases, and several programs that do the same work in each of them. Every program runs in a process of
its own, with its own heap and its own garbage collector. Before anything is timed, its gradients are compared with
the others'. Then the programs take turns, round after round, so that a slow moment of the machine hits all of them;
ratios are taken within a round. A control, a fixed piece of Python and NumPy, runs before each turn: where its times
scatter, the machine was busy with something else.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import multiprocessing
import os
import signal
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

Step = Callable[[], Any]
Prepared = tuple[Step, Callable[[], list[Any]]]  # what is timed, and the gradients that it has left
PATIENCE = 180  # seconds for a program to prepare itself and run once
STEADY = 1.15  # how far apart the slow and the fast tenth of the control's times may be


def on_processor() -> bool:
    return os.environ.get("BENCH_CLOCK") == "processor"


def clock() -> float:
    """Seconds by the clock on the wall; or, for a shared machine, those that the processor worked for this process."""
    return time.process_time() if on_processor() else time.perf_counter()


class Missing(Exception):
    """A program that cannot run here, and why; reported, not an error."""


@dataclass(frozen=True)
class Program:
    """One contestant.

    `prepare(**options)` returns the step to time, and a function that gives the gradients after two steps, or nothing.
    `needs` are modules that have to be installed. If not `timed`, the step itself returns `{label: (number, unit)}`.
    A program that `compiles` does so in its first step, whose time is reported beside that of the others.
    """

    prepare: Callable[..., Any]
    needs: Sequence[str] = ()
    timed: bool = True
    compiles: bool = False


@dataclass(frozen=True)
class Goal:
    """A number that is computed from a round's figures, and what it should be: `limit` or less, or at least `limit`.

    Without a limit it is only reported.
    """

    text: str
    number: Callable[[dict[str, float]], float]
    limit: float | None = None
    at_least: bool = False
    unit: str = ""

    def met(self, number: float) -> bool | None:
        if self.limit is None:
            return None
        return number >= self.limit if self.at_least else number <= self.limit


def times_as_fast(ours: str, rival: str, limit: float | None) -> Goal:
    return Goal(f"{ours}: times as fast as {rival}", lambda t: t[rival] / t[ours], limit, at_least=True)


def share_of_time(ours: str, rival: str, limit: float | None) -> Goal:
    return Goal(f"{ours}: time over that of {rival}", lambda t: t[ours] / t[rival], limit)


@dataclass(frozen=True)
class Case:
    """A size or a setting: what `prepare` is given, the goals there, and how far gradients may differ.

    `size` is its place on the axis of growth; `programs` are those that take part, if not all.
    """

    name: str
    options: dict[str, Any]
    goals: Sequence[Goal] = ()
    tolerance: float = 1e-9
    size: int | None = None
    programs: Sequence[str] | None = None


@dataclass(frozen=True)
class Question:
    """What is measured: `cases(quick)` lists where, `programs` who. `axis` names what grows from case to case."""

    name: str
    title: str
    note: str
    programs: dict[str, Program]
    cases: Callable[[bool], list[Case]]
    axis: str | None = None
    module: str = field(default="")


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, the seconds of a turn (short steps are repeated within it), and the seconds that
    a program may take in a case before it sits out."""

    rounds: int
    turn: float
    budget: float


# ---------------------------------------------------------------------- a program in its own process


def serve(pipe: Any, module: str, question: str, name: str) -> None:
    """The other side of a `Worker`: prepare a case (options), say how often its step runs in a turn (seconds), or run
    it so and so often (a whole number)."""
    program = _question(module, question).programs[name]
    step: Step = list
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who asks
    while True:
        try:
            order = pipe.recv()
        except EOFError:
            return
        try:
            if isinstance(order, dict):
                step, result = program.prepare(**order)
                spent = first = 0.0
                if program.timed:
                    start = time.perf_counter()
                    step()
                    first = time.perf_counter() - start
                    start = clock()
                    step()  # its gradients depend on the update of the first
                    spent = clock() - start
                pipe.send(("prepared", ([np.asarray(x) for x in result()], spent, first)))
            elif isinstance(order, float):
                pipe.send(("calibrated", _repeats(step, order)))
            else:
                if not gc.isenabled():
                    gc.collect()  # what the last turn has left in cycles
                for _ in range(order // 5):  # the caches, and a processor that has slept
                    step()
                wall, processor = time.perf_counter(), time.process_time()
                for _ in range(order):
                    figures = step()
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
                if program.timed:
                    figures = {"": ((processor if on_processor() else wall) / order, "s")}
                pipe.send(("ran", (figures, processor / wall)))
        except Missing as reason:
            pipe.send(("missing", str(reason)))
        except Exception as error:  # a rival's failure is a result, and this is its report
            where = traceback.extract_tb(error.__traceback__)[-1]
            pipe.send(("failed", f"{type(error).__name__}: {error} ({where.name})"[:200]))


def _repeats(step: Step, turn: float) -> int:
    """How often the step can be run in a turn; the first runs are slower, and the caches cold."""
    repeats, start = 0, time.perf_counter()
    while time.perf_counter() - start < turn:
        step()
        repeats += 1
    return repeats


def seconds(step: Step, turn: float = 0.02) -> float:
    """The seconds that a step takes, for programs that time their parts themselves; the median of three turns."""
    repeats = _repeats(step, turn)
    times = []
    for _ in range(3):
        start = clock()
        for _ in range(repeats):
            step()
        times.append((clock() - start) / repeats)
    return statistics.median(times)


def _question(module: str, name: str) -> Question:
    return next(q for q in importlib.import_module(module).QUESTIONS if q.name == name)


class Worker:
    """A program in a process of its own."""

    def __init__(self, module: str, question: str, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=serve, args=(other, module, question, name), daemon=True)
        self.process.start()
        other.close()

    def __call__(self, order: Any) -> Any:
        """The reply; `Missing` if there is none to be had."""
        try:
            self.pipe.send(order)
            if not self.pipe.poll(PATIENCE):
                self.close()
                raise Missing(f"given up after {PATIENCE} s")
            kind, reply = self.pipe.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise Missing("its process ended") from None
        if kind in ("missing", "failed"):
            raise Missing(reply)
        return reply

    def close(self) -> None:
        self.process.kill()
        self.process.join()


def installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


# ---------------------------------------------------------------------- the race

MATRIX = np.linspace(-1, 1, 150 * 150, dtype=np.float32).reshape(150, 150)


def control() -> float:
    """The seconds of a fixed piece of work."""
    start = clock()
    sum(i * i for i in range(20_000))
    for _ in range(4):
        np.tanh(MATRIX @ MATRIX)
    return clock() - start


def measure(question: Question, effort: Effort, quick: bool) -> Iterator[dict[str, Any]]:
    """One report for each case of the question, ready for JSON."""
    absent = {
        name: f"{module} is not installed"
        for name, program in question.programs.items()
        for module in program.needs
        if not installed(module)
    }
    with ExitStack() as stack:
        workers = {}
        for name in question.programs:
            if name not in absent:
                workers[name] = Worker(question.module, question.name, name)
                stack.callback(workers[name].close)
        for case in question.cases(quick):
            yield race(question, case, workers, dict(absent), effort)


def race(
    question: Question, case: Case, workers: dict[str, Worker], missing: dict[str, str], effort: Effort
) -> dict[str, Any]:
    """The report on one case; `missing` has the programs that cannot take part."""
    repeats, compiled = prepare(question, case, workers, missing, effort)
    rounds: list[dict[str, float]] = []  # the figures of each, by label
    units: dict[str, str] = {}
    cores: dict[str, list[float]] = {}
    controls: list[float] = []
    taken = dict.fromkeys(repeats, 0.0)
    for i in tqdm(range(effort.rounds), desc=f"{question.name}: {case.name}", unit="round", leave=False):
        rounds.append({})
        names = [*repeats]
        for name in names[i % len(names) :] + names[: i % len(names)] if names else []:
            if name in missing or (i > 0 and taken[name] > effort.budget):
                continue
            controls.append(control())
            start = time.perf_counter()
            try:
                figures, core = workers[name](repeats[name])
            except Missing as reason:
                missing[name] = str(reason)
                continue
            taken[name] += time.perf_counter() - start
            for part, (number, unit) in figures.items():
                label = f"{name}, {part}" if part else name
                rounds[-1][label], units[label] = number, unit
                cores.setdefault(label, []).append(core)
    return {
        "case": case.name,
        "size": case.size,
        "control": spread(controls) | {"unit": "s"},
        "figures": {
            label: spread([figures[label] for figures in rounds if label in figures])
            | {"unit": units[label], "cores": round(statistics.median(cores[label]), 2)}
            | ({"first": compiled[label]} if label in compiled else {})
            for label in sorted(units, key=partial(place, [*question.programs]))
        },
        "missing": missing,
        "goals": [outcome(goal, rounds) for goal in case.goals],
    }


def prepare(
    question: Question, case: Case, workers: dict[str, Worker], missing: dict[str, str], effort: Effort
) -> tuple[dict[str, int], dict[str, float]]:
    """Make the programs ready and compare their gradients.

    Returns how often each repeats its step in a turn, and the seconds of the first step of those that compile in it.
    """
    repeats, results, compiled = {}, {}, {}
    for name, worker in workers.items():
        if case.programs is None or name in case.programs:
            try:
                results[name], spent, first = worker(case.options)
                repeats[name] = 1
                if question.programs[name].compiles:
                    compiled[name] = first
                if question.programs[name].timed and spent < effort.turn:
                    worker(effort.turn)
                    repeats[name] = worker(effort.turn)
            except Missing as reason:
                missing[name] = str(reason)
    agree(question, case, {name: found for name, found in results.items() if found})
    return repeats, compiled


def place(names: list[str], label: str) -> int:
    """Which of the programs a label belongs to: the longest name that it starts with."""
    return names.index(max((n for n in names if label == n or label.startswith(f"{n}, ")), key=len))


def agree(question: Question, case: Case, results: dict[str, list[Any]]) -> None:
    """Raise unless all programs have computed the same gradients."""
    (first, expected), *others = results.items() or [("", [])]
    for name, found in others:
        assert len(found) == len(expected), (
            f"{question.name}: {name} has another number of gradients than {first}"
        )
        for a, b in zip(found, expected):
            scale = np.abs(b).max(initial=1e-30)
            np.testing.assert_allclose(
                a / scale,
                b / scale,
                rtol=0,
                atol=case.tolerance,
                err_msg=f"{question.name}, {case.name}: {name}",
            )


def spread(numbers: Sequence[float]) -> dict[str, Any]:
    """The median, and what a tenth of the numbers are below and above."""
    low, middle, high = np.percentile(numbers, [10, 50, 90]) if len(numbers) else (float("nan"),) * 3
    return {"median": float(middle), "low": float(low), "high": float(high), "rounds": len(numbers)}


def outcome(goal: Goal, rounds: list[dict[str, float]]) -> dict[str, Any]:
    """What became of a goal: the median of its number over the rounds."""
    numbers = []
    for figures in rounds:
        with suppress(KeyError):  # one of its programs is missing
            numbers.append(float(goal.number(figures)))
    found: dict[str, Any] = {
        "text": goal.text,
        "limit": goal.limit,
        "at_least": goal.at_least,
        "unit": goal.unit,
    }
    return found | (spread(numbers) | {"met": goal.met(statistics.median(numbers))} if numbers else {})


# ---------------------------------------------------------------------- the table


def lines(report: dict[str, Any]) -> Iterator[str]:
    """A question's report as lines of Markdown."""
    yield from ("", f"## {report['title']}", "", report["note"].strip(), "")
    yield from (growth_table if report["axis"] else case_tables)(report)


def case_tables(report: dict[str, Any]) -> Iterator[str]:
    for case in report["cases"]:
        yield from (f"**{case['case']}**", "")
        rows = [
            (label, readable(f["median"], f["unit"]), between(f, f["unit"]), f["rounds"], f.get("cores", ""))
            for label, f in case["figures"].items()
        ]
        rows += [(label, "-", reason, "", "") for label, reason in case["missing"].items()]
        yield from table(("program", "median", "80 % lie in", "rounds", "cores"), rows)
        first = [(name, f["first"]) for name, f in case["figures"].items() if "first" in f]
        if first:
            times = "; ".join(f"{name} {readable(spent, 's')}" for name, spent in first)
            yield from ("", f"The first step, in which they compile: {times}.")
        if case["goals"]:
            yield ""
            yield from table(("ratio", "measured", "80 % lie in", "goal", ""), map(goal_row, case["goals"]))
        yield from ("", control_line(case["control"]), "")


def goal_row(goal: dict[str, Any]) -> tuple[Any, ...]:
    sign = "at least" if goal["at_least"] else "at most"
    unit = goal["unit"]
    limit = "" if goal["limit"] is None else f"{sign} {readable(goal['limit'], unit)}"
    if "median" not in goal:
        return (goal["text"], "-", "", limit, "missing")
    verdict = {None: "", True: "met", False: "missed"}[goal["met"]]
    return (goal["text"], readable(goal["median"], unit), between(goal, unit), limit, verdict)


def growth_table(report: dict[str, Any]) -> Iterator[str]:
    names = list(dict.fromkeys(name for case in report["cases"] for name in case["figures"]))
    rows = []
    for case in report["cases"]:
        figures = case["figures"]
        cells = (readable(figures[n]["median"], figures[n]["unit"]) if n in figures else "-" for n in names)
        rows.append((f"{case['size']:,}", *cells))
    yield from table((report["axis"], *names), rows)
    reasons = {(n, reason): case["case"] for case in report["cases"] for n, reason in case["missing"].items()}
    for (name, reason), first in reasons.items():
        yield from ("", f"{name}, last at {first}: {reason}.")
    worst = max((case["control"] for case in report["cases"]), key=lambda c: c["high"] / c["low"])
    yield from ("", control_line(worst), "")


def control_line(c: dict[str, Any]) -> str:
    ratio = c["high"] / c["low"]
    verdict = (
        "the machine was steady" if ratio <= STEADY else "the machine was busy with something else as well"
    )
    return f"Control: {readable(c['median'], 's')}, 80 % in {between(c, 's')}: {verdict}."


def table(head: Sequence[Any], rows: Any, text: int = 1) -> Iterator[str]:
    """The first columns, `text` of them, are words and stand on the left."""
    cells = [[str(x) for x in row] for row in [head, *rows]]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(head))]

    def line(row: Sequence[str]) -> str:
        return (
            "| "
            + " | ".join(x.ljust(w) if i < text else x.rjust(w) for i, (x, w) in enumerate(zip(row, widths)))
            + " |"
        )

    yield line(cells[0])
    yield (
        "| " + " | ".join(("-" * w if i < text else "-" * (w - 1) + ":") for i, w in enumerate(widths)) + " |"
    )
    yield from map(line, cells[1:])


def between(figure: dict[str, Any], unit: str) -> str:
    return f"{readable(figure['low'], unit)} to {readable(figure['high'], unit)}"


def readable(x: float, unit: str = "") -> str:
    """Three digits and a unit that fits."""
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "us")):
            if x * factor >= 1 or name == "us":
                return f"{_three(x * factor)} {name}"
    if unit == "B":
        for factor, name in ((1e9, "GB"), (1e6, "MB"), (1e4, "kB")):
            if x >= factor:
                return f"{_three(x / min(factor, 1e9) * (10 if name == 'kB' else 1))} {name}"
        return f"{x:.0f} B"
    return f"{_three(x)} {unit}".strip()


def _three(x: float) -> str:
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def summary(report: dict[str, Any]) -> Iterator[str]:
    """All goals that have a limit, in one table."""
    rows = [
        (question["title"], case["case"], *goal_row(goal))
        for question in report["questions"]
        for case in question["cases"]
        for goal in case["goals"]
        if goal["limit"] is not None
    ]
    yield from ("", "## Goals", "")
    yield from table(("question", "case", "ratio", "measured", "80 % lie in", "goal", ""), rows, text=3)
