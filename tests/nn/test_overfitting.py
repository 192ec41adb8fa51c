"""A network that learns wrong labels by heart, and the four cures, as benchmarks/results_overfitting.py prints them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "results_overfitting.py"


@pytest.fixture(scope="module")
def accuracies():
    """For each cure the accuracies, in percent, on what was learnt and on what was held out; of one seed."""
    alone = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }  # threads only wait for each other here
    run = subprocess.run(
        [sys.executable, SCRIPT, "--seeds", "1"], capture_output=True, text=True, env=alone, check=True
    )
    rows = [[cell.strip() for cell in line.split("|")] for line in run.stdout.splitlines() if "%" in line]
    return {row[1]: (float(row[4].rstrip("%")), float(row[5].rstrip("%"))) for row in rows}


def test_it_is_learnt_by_heart(accuracies):
    learnt, held_out = accuracies["none"]
    assert learnt == 100
    assert held_out < 75


@pytest.mark.parametrize("cure", ["early stopping", "L1", "L2", "dropout"])
def test_each_cure_helps_on_what_was_held_out(accuracies, cure):
    learnt, held_out = accuracies[cure]
    assert learnt < 90
    assert held_out > accuracies["none"][1] + 5
