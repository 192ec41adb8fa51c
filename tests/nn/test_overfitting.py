"""A network that learns wrong labels by heart, and the four cures, as benchmarks/results_overfitting.py has them."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "results_overfitting.py"


@pytest.fixture(scope="module")
def found():
    spec = importlib.util.spec_from_file_location("results_overfitting", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.results([0], progress=False)


def test_it_is_learnt_by_heart(found):
    assert found["none"]["training"] == [1.0]
    assert found["none"]["test"][0] < 0.75


@pytest.mark.parametrize("cure", ["early stopping", "L1", "L2", "dropout"])
def test_each_cure_helps_on_what_was_held_out(found, cure):
    assert found[cure]["training"][0] < 0.9
    assert found[cure]["test"][0] > found["none"]["test"][0] + 0.05
