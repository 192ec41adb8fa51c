"""The held-out results: experiments learn, choose by what they may see, and the page says what was found."""

import importlib
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def experiments(monkeypatch):
    """Imports a file of benchmarks/ by its name, which is not installed."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    before, environment = set(sys.modules), dict(os.environ)
    yield importlib.import_module
    os.environ.clear()
    os.environ.update(environment)  # results.py sets the number of threads
    for name in set(sys.modules) - before:
        if str(ROOT / "benchmarks") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_networks_learn_in_a_shorter_training(experiments):
    classification = experiments("results_classification")
    assert classification.iris(0)[0] >= 0.93
    for make, epochs, options in (("mlp", 15, {"width": 64}), ("convolutional", 8, {"channels": 8})):
        choice = {**options, "dropout": 0.0}
        score, chosen = classification.digits(0, getattr(classification, make), epochs, [choice])
        assert score >= 0.95
        assert chosen == choice


def test_choices_never_see_what_is_held_out(experiments, monkeypatch):
    classification = experiments("results_classification")
    seen, validated = [], iter([0.5, 0.9, 0.7, 0.1])

    def learn(model, train, test, *_):
        seen.append([{x.tobytes() for x in part[0]} for part in (train, test)])
        return next(validated)

    monkeypatch.setattr(classification, "learn", learn)
    choices = [{"width": width, "dropout": 0.0} for width in (2, 3, 4)]
    assert classification.digits(0, classification.mlp, 1, choices) == (0.1, {"width": 3, "dropout": 0.0})
    *chosen_by, (train, held_out) = seen
    assert len(chosen_by) == 3
    for part, validation in chosen_by:
        assert not part & validation
        assert part | validation == train
    assert not train & held_out


def test_the_page_says_what_was_found(experiments):
    results = experiments("results")
    row = {"task": "t", "measure": "m", "mean": 0.5, "deviation": 0.25, "seconds": 1.0}
    columns = {"strength": [0.1, 0.2], "epochs": [1, 3], "training": [1.0, 1.0], "test": [0.5, 0.7]}
    text = results.page(
        {
            "seeds": [0, 1],
            "python": "3",
            "numpy": "2",
            "system": "CP/M",
            "machine": "z80",
            "cpus": 1,
            "minutes": 7.2,
            "classification": [{**row, "goal": 0.4, "scores": [0.25, 0.75], "chosen": [{}, {"width": 3}]}],
            "sequences": [{**row, "model": "LSTM", "scores": [0.25, 0.75]}],
            "overfitting": {"none": {**columns, "strength": [None, None]}, "L1": columns},
        }
    )
    assert (
        "seeds 0, 1:\nPython 3, NumPy 2, CP/M on z80 with 1 processors, one thread,\n7 minutes in all."
        in text
    )
    assert "| t | m | 50.00% | 25.00% | 40% | 25.0%, 75.0% (width 3) | 1.0 |" in text
    assert "| t | m | LSTM | 0.5000 | 0.2500 | 1.0 |" in text
    assert "| none |  | 2 |" in text
    assert f"| L1 | 0.1, 0.2 | 2 | 100.0% | 60.0% | {np.std([0.5, 0.7], ddof=1):.1%} |" in text


def test_what_the_page_states_is_what_was_aimed_at(experiments):
    classification = experiments("results_classification")
    page = (ROOT / "docs/results.md").read_text(encoding="utf-8")
    assert "with the seeds 0, 1, 2, 3, 4" in page
    for task, (measure, _, goal) in classification.TASKS.items():
        (mean,) = re.findall(rf"^\| {re.escape(f'{task} | {measure}')} \| ([\d.]+)%", page, re.MULTILINE)
        assert float(mean) >= 100 * goal
