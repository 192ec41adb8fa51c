"""The benchmarks run from end to end and write figures; their page is what those figures say. Nothing is timed here."""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a file of benchmarks/ by its name, which is not installed."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    before, environment = set(sys.modules), dict(os.environ)
    yield importlib.import_module
    os.environ.clear()
    os.environ.update(environment)  # run.py sets the number of threads
    for name in set(sys.modules) - before:
        if str(ROOT / "benchmarks") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks/run.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)


def test_it_runs_and_writes_figures(tmp_path: Path) -> None:
    done = run(
        tmp_path, "--quick", "--rounds", "1", "--only", "overhead", "node_memory", "--json", "figures.json"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    (overhead,), (memory,) = (question["cases"] for question in report["questions"])
    for label in ("NumPy by hand", "chainrule"):
        figure = overhead["figures"][label]
        assert 0 < figure["low"] <= figure["median"] <= figure["high"]
    assert memory["figures"]["chainrule, a node"]["unit"] == "B"
    for case in (overhead, memory):
        assert case["control"]["median"] > 0
        for goal in case["goals"]:
            assert "median" in goal or case["missing"]
    assert report["machine"]["threads"] == 1
    for program, reason in (overhead["missing"] | memory["missing"]).items():
        assert "is not installed" in reason, f"{program}: {reason}"
    assert "Control:" in done.stdout
    assert "## Goals" in done.stdout


def test_help_names_every_question_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    said = " ".join(run(tmp_path, "--help").stdout.split())
    assert "--quick" in said
    assert "growth_batch" in said
    wrong = run(tmp_path, "--only", "tensor_stap")
    assert wrong.returncode == 2
    assert "tensor_step" in wrong.stderr


def test_programs_that_disagree_are_not_timed(benchmarks: Any) -> None:
    harness = benchmarks("harness")
    question = harness.Question("q", "", "", {}, list)
    harness.agree(question, harness.Case("c", {}), {"a": [2.0, 3.0], "b": [2.0, 3.0 + 1e-12]})
    with pytest.raises(AssertionError, match="b"):
        harness.agree(question, harness.Case("c", {}), {"a": [2.0, 3.0], "b": [2.0, 3.001]})
    with pytest.raises(AssertionError, match="another number"):
        harness.agree(question, harness.Case("c", {}), {"a": [2.0, 3.0], "b": [2.0]})


STEPS = ["tensor_step", "lstm_step", "conv_step", "cnn_step", "embedding_step", "gpt_step", "epochs"]


@pytest.mark.parametrize("module", STEPS)
def test_programs_compute_the_same_gradients(benchmarks: Any, module: str) -> None:
    """All of them: in eager mode, replayed, compiled by XLA, and those of the other packages that are installed."""
    harness = benchmarks("harness")
    (question,) = benchmarks(module).QUESTIONS
    case, results = question.cases(True)[0], {}
    for name, program in question.programs.items():
        if all(map(harness.installed, program.needs)):
            step, gradients = program.prepare(**case.options)
            for _ in range(2 * program.timed):
                step()
            results[name] = gradients()
    ours = {"chainrule, fit", "chainrule, fit, replayed"}
    if module != "epochs":
        ours = {"chainrule"} if module == "conv_step" else {"chainrule", "chainrule, jit"}
        ours |= {"chainrule, XLA"} if harness.installed("jax") else set()
    assert ours <= results.keys()
    harness.agree(question, case, results)


def test_workloads_are_what_is_trained(benchmarks: Any) -> None:
    gpt = benchmarks("gpt_step")
    model, loss, _, batches, _ = gpt.workload(**gpt.SIZES)
    assert sum(p.data.size for p in model.parameters()) == 210_497
    (X, y), *others = batches
    assert X.dtype.kind == y.dtype.kind == "i"
    assert X.shape == y.shape == (16, 32)
    assert len(others) == 3
    assert math.isfinite(float(loss(model(X[:1]), y[:1])))


def test_the_first_step_of_what_compiles_is_told_apart(benchmarks: Any) -> None:
    harness = benchmarks("harness")
    figure = {"median": 1e-3, "low": 1e-3, "high": 1e-3, "unit": "s", "rounds": 3}
    case = {"case": "c", "figures": {"a": figure, "b": figure | {"first": 0.5}}, "missing": {}, "goals": []}
    case["control"] = figure
    text = "\n".join(harness.case_tables({"cases": [case]}))
    assert "The first step, in which they compile: b 500 ms." in text


def test_several_devices(tmp_path: Path) -> None:
    pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")
    done = run(tmp_path, "--quick", "--rounds", "1", "--only", "scaling", "--json", "figures.json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["questions"]
    assert [case["size"] for case in report["cases"]] == [1, 2]
    for case in report["cases"]:
        measured = {"JAX, compiled"} | ({"JAX, compiled, two processes"} if case["size"] == 2 else set())
        assert measured <= case["figures"].keys(), case["missing"]


def test_accelerators_where_there_is_none() -> None:
    pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/accelerator.py")],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Nothing was measured: JAX sees no accelerator here, only the processor.\n"


def test_accelerators_are_measured_with_what_there_is(benchmarks: Any) -> None:
    pytest.importorskip("jax", reason="JAX, the extra xla, is not installed")
    accelerator = benchmarks("accelerator")
    trials = accelerator.trials(False)
    assert [len([t for t in trials if t.name.startswith(kind)]) for kind in ("layers", "LSTM", "GPT")] == [
        5,
        1,
        1,
    ]
    rows = list(accelerator.measure(accelerator.trials(True)[0], rounds=1, turn=0.001, until=0))
    assert [row[0] for row in rows] == ["chainrule, XLA", "JAX, compiled", "PyTorch"]
    for program, median, between, _, _ in rows:
        assert (
            re.match(r"[\d.]+ (us|ms|s)$", median) or "is not installed" in between or "nn.Step" in between
        ), program


def test_goals(benchmarks: Any) -> None:
    harness = benchmarks("harness")
    faster, within = harness.times_as_fast("ours", "theirs", 6), harness.share_of_time("ours", "theirs", 0.2)
    rounds = [{"ours": 1.0, "theirs": 7.0}, {"ours": 2.0, "theirs": 12.2}, {"ours": 1.0, "theirs": 5.0}]
    found = harness.outcome(faster, rounds)
    assert (found["median"], found["met"]) == (pytest.approx(6.1), True)
    assert harness.outcome(within, rounds)["met"] is True
    assert harness.outcome(harness.times_as_fast("ours", "theirs", 6.2), rounds)["met"] is False
    assert "met" not in harness.outcome(faster, [{"ours": 1.0}])


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (1.5, "s", "1.50 s"),
        (0.0234, "s", "23.4 ms"),
        (1.6e-7, "s", "0.16 us"),
        (200, "B", "200 B"),
        (25_600, "B", "25.6 kB"),
        (2.5e6, "B", "2.50 MB"),
        (4321, "", "4,321"),
    ],
)
def test_numbers_as_people_read_them(benchmarks: Any, number: float, unit: str, text: str) -> None:
    assert benchmarks("harness").readable(number, unit) == text


def test_every_goal_of_the_design_is_measured(benchmarks: Any) -> None:
    questions = {q.name: q for module in benchmarks("run").MODULES for q in benchmarks(module).QUESTIONS}
    limits = [
        goal.limit for q in questions.values() for case in q.cases(False) for goal in case.goals if goal.limit
    ]
    for wanted in (6, 2, 300, 1.5, 1.3, 1.1, 1.05, 0.9, 3, 200, 1 / 3):
        assert wanted in limits


PAGE = ROOT / "docs/benchmarks.md"


def test_the_page_is_what_its_figures_say(benchmarks: Any) -> None:
    report = json.loads((ROOT / "docs/benchmarks.json").read_text(encoding="utf-8"))
    assert PAGE.read_text(encoding="utf-8") == benchmarks("page").page(report), (
        "write it anew with: make bench-page"
    )
    assert not report["quick"]
    assert all(
        math.isfinite(figure["median"])
        for question in report["questions"]
        for case in question["cases"]
        for figure in case["figures"].values()
    )
